"""``exciton doctor``: what works on this machine, what is missing, and how to get it."""

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

LIBRARIES = ("numpy", "scipy", "fenics-basix", "pyamg", "meshio", "h5py", "pydantic", "rich", "matplotlib")

AS_ROOT = "export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"


class Finding(NamedTuple):
    """One line of the report."""

    what: str
    works: bool
    detail: str  # a version; or what is missing and how to get it


def add(commands: "Commands") -> None:
    p = commands.add_parser("doctor", help="what works here, what is missing, and how to get it")
    p.set_defaults(command=doctor_command)


def doctor_command(args: argparse.Namespace) -> int:  # noqa: ARG001
    findings = list(_findings())
    width = max(len(f.what) for f in findings)
    for finding in findings:
        print(f"{'ok     ' if finding.works else 'missing'}  {finding.what.ljust(width)}  {finding.detail}")
    return 0


def _findings() -> Iterator[Finding]:
    from exciton import __version__

    yield Finding("exciton-fem", True, f"{__version__}, Python {sys.version.split()[0]}")
    for name in LIBRARIES:
        yield _library(name)
    yield _gmsh()
    yield _rendering()
    yield _page()
    yield _petsc()
    yield _ranks()


def _library(name: str) -> Finding:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return Finding(name, True, version(name))
    except PackageNotFoundError:
        return Finding(name, False, "a part of every installation: install exciton-fem again")


def _gmsh() -> Finding:
    from meshes.errors import MesherMissing
    from meshes.generate import load_gmsh

    try:
        gmsh = load_gmsh()
    except MesherMissing as error:
        return Finding("gmsh (spheres, rounded cubes)", False, str(error))
    return Finding("gmsh (spheres, rounded cubes)", True, str(gmsh.__version__))


def _rendering() -> Finding:
    from exciton.pictures import rendering_works

    return Finding("3D pictures (PyVista)", *rendering_works())


def _page() -> Finding:
    from importlib.metadata import PackageNotFoundError, version

    what = "page with sliders (trame)"
    try:
        return Finding(what, True, version("trame"))
    except PackageNotFoundError:
        return Finding(what, False, "install exciton-fem with its extra [app]")


def _petsc() -> Finding:
    from solvers import petsc
    from solvers.errors import BackendMissing

    what = "PETSc, SLEPc and MPI"
    try:
        found = petsc.describe()
    except BackendMissing as error:
        return Finding(what, False, f"{error} (the embedded SciPy backend needs none of it)")
    return Finding(what, True, ", ".join(f"{name} {value}" for name, value in found.items()))


def _ranks() -> Finding:
    """Whether `mpiexec` starts ranks that see each other: two are started, within a minute."""
    import os
    import shutil
    import subprocess

    what, how = "mpiexec", "see docs/install-hpc.md; until then a run is one process"
    launcher = shutil.which("mpiexec")
    if launcher is None:
        return Finding(what, False, f"not on the PATH: {how}")
    # one write for a line: what two ranks write in parts would come out mixed
    count = r"import sys; from solvers.parallel import size, world; sys.stdout.write(f'ranks {size(world())}\n')"
    words = [launcher, "-n", "2", sys.executable, "-c", count]
    try:
        done = subprocess.run(
            words, env=dict(os.environ),  # without what an MPI started in this process has put there since
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(what, False, f"{launcher} does not start two ranks ({type(error).__name__}): {how}")
    if done.returncode == 0 and done.stdout.split() == ["ranks", "2"] * 2:
        return Finding(what, True, f"{launcher} starts ranks that see each other")
    if "OMPI_ALLOW_RUN_AS_ROOT" in done.stderr + done.stdout:
        return Finding(what, False, f"{launcher} is Open MPI and refuses root: {AS_ROOT}, or be another user")
    said = [line.strip(" -") for line in (done.stderr + done.stdout).splitlines()]
    errors = [line for line in said if line.startswith("solvers.errors.")]
    reason = next((line for line in errors + said if line), "no reason given")
    return Finding(what, False, f"{launcher} does not start two ranks ({reason}): {how}")
