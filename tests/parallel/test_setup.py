"""Setting up PETSc and MPI: what `.ci/petsc` asks pip for and refuses; what `exciton doctor` says of mpiexec."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(__file__.rsplit("/", 1)[0])
from launch import ENVIRONMENT, command

from exciton.cli import doctor

SCRIPT = Path(__file__).parents[2] / ".ci" / "petsc"


def header(folder, name, version):
    """A library of this version, as far as its version header goes."""
    (folder / "include").mkdir(parents=True)
    lines = (f"#define {name.upper()}_VERSION_{part} {n}" for part, n in zip(("MAJOR", "MINOR"), version.split(".")))
    (folder / "include" / f"{name}version.h").write_text("\n".join(lines) + "\n")


@pytest.fixture
def setup(tmp_path):
    """Runs the script for a PETSc and a SLEPc of these versions and a Python that writes down what it is told."""

    def run(petsc, slepc, python=(3, 11), **environment):
        header(tmp_path / "petsc", "petsc", petsc)
        header(tmp_path / "slepc", "slepc", slepc)
        fake, log = tmp_path / "python", tmp_path / "log"
        log.touch()
        fake.write_text(
            "#!/bin/sh\n"
            f'case "$*" in *"version_info >="*) exit {int(python >= (3, 12))};;\n'
            f"  *sys.prefix*) echo {tmp_path};; *version_info*) echo '{python}';;\n"
            f'  *) echo "CFLAGS=$CFLAGS $*" >>{log};; esac\n'
        )
        fake.chmod(0o755)
        folders = {"PETSC_DIR": str(tmp_path / "petsc"), "SLEPC_DIR": str(tmp_path / "slepc"), "PYTHON": str(fake)}
        environment = {"PATH": "/usr/bin:/bin", **folders, **environment}
        done = subprocess.run([SCRIPT], env=environment, capture_output=True, text=True, timeout=60, check=False)
        return done, log.read_text()

    return run


@pytest.mark.parametrize(
    ("version", "cython"), [("3.18", "cython<3"), ("3.22", "cython==3.0.*"), ("3.26", "cython==3.1.*")]
)
def test_bindings_are_those_of_the_library(setup, version, cython):
    """The version and the Cython that it compiles with; never from pip's cache, which carries another's path."""
    done, log = setup(version, version)
    assert done.returncode == 0, done.stderr
    assert f"PETSc and SLEPc {version} are in place" in done.stdout
    assert f" {cython} setuptools<81 " in log
    for package in ("petsc4py", "slepc4py"):
        (line,) = [line for line in log.splitlines() if f"{package}~=" in line]
        assert f"{package}~={version}.0" in line
        assert "--no-cache-dir --no-build-isolation" in line
        assert line.startswith("CFLAGS=-O0")
    assert "--no-binary mpi4py mpi4py" in log, "another MPI than the system's is compiled against"


def test_libraries_that_do_not_belong_together_are_refused(setup):
    done, log = setup("3.22", "3.21")
    assert (done.returncode, log) == (1, "")
    assert "do not belong together" in done.stdout


def test_old_bindings_import_what_new_pythons_lack(setup):
    """petsc4py 3.18 imports `imp`: no Python from 3.12 on."""
    done, log = setup("3.18", "3.18", python=(3, 12))
    assert (done.returncode, log) == (0, "")
    assert "need Python 3.11 or older" in done.stdout


# -- the doctor ------------------------------------------------------------------------------------------------------


def test_the_doctor_starts_two_ranks(monkeypatch):
    command(2)  # there must be an MPI
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    finding = doctor._ranks()
    assert finding.works, finding.detail
    assert "ranks that see each other" in finding.detail


@pytest.mark.parametrize(("script", "said"), [
    (None, "not on the PATH: see docs/install-hpc.md"),
    ("echo ----; echo no slots left; exit 1", "does not start two ranks (no slots left)"),
    ("echo ranks 1; echo ranks 1", "does not start two ranks (ranks 1)"),  # of another MPI than ours
    ("exit 3", "no reason given"),
])  # fmt: skip
def test_the_doctor_says_what_is_wrong_with_mpiexec(tmp_path, monkeypatch, script, said):
    if script is not None:
        (tmp_path / "mpiexec").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "mpiexec").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    finding = doctor._ranks()
    assert not finding.works
    assert said in finding.detail
    assert os.linesep not in finding.detail
