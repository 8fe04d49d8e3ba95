"""Programs under mpiexec, with a time limit: a hang is a failure."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from conftest import missing

HERE = Path(__file__).parent
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OMPI_ALLOW_RUN_AS_ROOT": "1",  # in containers
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",  # more ranks than cores
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",  # the same for Open MPI 5
    "PYTHONPATH": os.pathsep.join([str(HERE.parent.parent), str(HERE.parent), str(HERE)]),
}


def command(ranks: int, *words: str) -> list[str]:
    """``python words...`` on several ranks; skips the test (in CI: fails it) where there is no MPI or no PETSc."""
    from solvers import petsc

    launcher = shutil.which("mpiexec")
    if launcher is None or not petsc.available():
        missing("mpiexec, or petsc4py and slepc4py")
    return [str(launcher), "-n", str(ranks), sys.executable, *words]


def mpiexec(
    ranks: int, *words: str, timeout: float = 240, cwd: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run it to its end."""
    return subprocess.run(
        command(ranks, *words),
        env=os.environ | ENVIRONMENT,
        stdin=subprocess.DEVNULL,  # it would eat ours
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        cwd=cwd,
    )
