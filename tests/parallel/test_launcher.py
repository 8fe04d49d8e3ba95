"""What the environment says about ranks, and what follows where MPI is not what it should be."""

import subprocess
import sys

import pytest

sys.path.append(__file__.rsplit("/", 1)[0])
from launch import ENVIRONMENT

from solvers.errors import BackendMissing
from solvers.launcher import FAMILIES, launched
from solvers.parallel import world


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    for names in FAMILIES:
        for name in names:
            monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("names", FAMILIES)
def test_launchers_are_known_by_what_they_leave(names, monkeypatch):
    assert launched() == (1, 0)
    monkeypatch.setenv("PMI_FD", "3")
    monkeypatch.setenv(names[0], "4")
    assert launched() == (1, 0)  # a size without a rank: not ours
    monkeypatch.setenv(names[1], "2")
    assert launched() == (4, 2)


def test_a_batch_script_is_one_process(monkeypatch):
    for name, value in {"SLURM_NTASKS": "8", "SLURM_PROCID": "0"}.items():
        monkeypatch.setenv(name, value)
    assert launched() == (1, 0)
    assert world() is None


def test_ranks_without_mpi_are_refused(monkeypatch):
    """Else every copy would believe that it is alone."""
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setenv("PMI_RANK", "1")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(BackendMissing, match=r"2 ranks were started, but there is no mpi4py"):
        world()


def test_another_mpi_than_the_launchers_is_noticed():
    """mpi4py of one MPI under the launcher of another sees one rank only."""
    pytest.importorskip("mpi4py", exc_type=ImportError)
    code = "from solvers.parallel import world\ntry: world()\nexcept Exception as error: print(error)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "/usr/bin:/bin", "PMI_SIZE": "2", "PMI_RANK": "0", **ENVIRONMENT},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "the launcher started 2 ranks, but mpi4py sees 1" in done.stdout, done.stderr
