"""Nested boxes over ranks: the same levels as on one, by block Davidson and by SLEPc's solvers on a shell matrix."""

import json
import sys
from functools import cache

import numpy as np
import pytest
from conftest import missing

sys.path.append(__file__.rsplit("/", 1)[0])
import boxes
from launch import HERE, mpiexec

from solvers import petsc, sectors
from solvers.separable import Operator

RANKS = (2, 3)
WAYS = {  # name in the program: what one process alone solves, without PETSc
    **{name: {"name": name} for name in boxes.CASES},
    "whole": {"name": "cube", "symmetry": False},
    "tilted": {"name": "cube", "extra": boxes.tilted},
    "small": {"name": "cube"},
    **{kind: {"name": "deep in the shell"} for kind in boxes.METHODS},
}
METHODS = (*boxes.METHODS, "jd", "lobpcg")  # on one rank


@cache
def computed(ranks: int) -> dict:
    """What the program prints on so many ranks; computed once."""
    if ranks == 1:
        if not petsc.available():
            missing("petsc4py and slepc4py")
        return boxes.everything(methods=METHODS)
    done = mpiexec(ranks, str(HERE / "boxes.py"))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["alike"], "ranks differ"
    return found["results"]


@cache
def alone(way: str) -> dict:
    return boxes.solved(**WAYS[way], backend="scipy")


@pytest.mark.parametrize("way", METHODS)
def test_slepc_on_a_shell_matrix(way):
    """Krylov-Schur loses one of these levels without a word: it is found again."""
    agree(alone(boxes.METHODS[0]), computed(1)[way], f"SLEPc {way}")


@pytest.mark.parametrize("ranks", RANKS)
@pytest.mark.parametrize("way", WAYS)
def test_ranks_do_not_matter(way, ranks):
    method = f"SLEPc {way}" if way in boxes.METHODS else "Davidson"
    agree(alone(way), computed(ranks)[way], method if way == "small" else f"{method}, {ranks} ranks")


def agree(one: dict, many: dict, method: str) -> None:
    """Every level, however often it comes, to 1e-10; residuals taken anew; orthonormal; labelled alike."""
    np.testing.assert_allclose(many["values"], one["values"], rtol=0, atol=1e-10)
    np.testing.assert_allclose(many["probability"], one["probability"], atol=1e-8)
    assert list(many["labels"]) == list(one["labels"])
    assert many["residual"] <= boxes.TOLERANCE
    assert many["norm"] < 1e-9
    assert many["method"] == f"tensor product, {method}"


def test_large_spaces_are_shared_without_being_told(monkeypatch):
    """Beyond `SHARED` unknowns, where there are several ranks, and not by the embedded backend."""
    if not petsc.available():
        missing("petsc4py and slepc4py")
    from mpi4py import MPI

    monkeypatch.setattr(sectors, "SHARED", boxes.space("cube").size - 1)
    monkeypatch.setattr(sectors, "size", lambda comm: 2 if comm is MPI.COMM_SELF else 1)
    shared, honest = [], Operator.search

    def noted(operator, *arguments):
        shared.append(operator.problem.shared)
        return honest(operator, *arguments)

    monkeypatch.setattr(Operator, "search", noted)
    for backend, comm in (("auto", MPI.COMM_SELF), ("scipy", MPI.COMM_SELF), ("auto", None)):
        boxes.solved("cube", comm, backend=backend)
        shared.append(None)
    monkeypatch.setattr(sectors, "SHARED", boxes.space("cube").size)
    boxes.solved("cube", MPI.COMM_SELF, backend="auto")
    runs = "".join({True: "s", False: "a", None: "|"}[each] for each in shared).split("|")
    assert [set(run) for run in runs] == [{"s"}, {"a"}, {"a"}, {"a"}]
