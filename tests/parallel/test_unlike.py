"""Ranks whose libraries give other digits and other signs: nobody waits for ever, and the answer is that of one."""

import json
import sys

import pytest

sys.path.append(__file__.rsplit("/", 1)[0])
from launch import HERE, mpiexec


def test_a_rank_of_another_kind_changes_nothing():
    """Decisions and small dense problems are the first rank's: meshes, nested boxes, their refinement, the pair."""
    one, two = (mpiexec(ranks, str(HERE / "unlike.py"), timeout=60) for ranks in (1, 2))
    assert one.returncode == two.returncode == 0, one.stderr + two.stderr
    alone, together = json.loads(one.stdout), json.loads(two.stdout)
    for name in ("mesh", "boxes", "adapted"):
        assert together[name] == pytest.approx(alone[name], abs=1e-9)
    assert together["pair"] == pytest.approx(alone["pair"], rel=1e-6)
    for name in ("unknowns", "orbitals"):
        assert together[name] == alone[name]
