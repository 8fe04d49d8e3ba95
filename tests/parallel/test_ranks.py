"""``mpiexec -n N exciton solve``: the same results, one voice, and errors that end all ranks at once."""

import json
import os
import subprocess
import sys
from time import monotonic, sleep

import grids
import jobs
import numpy as np
import pytest

sys.path.append(__file__.rsplit("/", 1)[0])
from launch import ENVIRONMENT, command, mpiexec

from exciton import cli
from meshes.files import write_mesh

BOX = """
schema = 1
title = "a small box"
[structure]
shape = "cube"
core = { material = "CsPbBr3", edge_nm = 4.0 }
shells = [ { material = "ZnS", thickness_nm = 1.0 } ]
[alignment.ZnS]
electron_barrier_eV = 0.5
hole_barrier_eV = 0.9
[exciton]
level = "none"
[output]
fields = false
figures = false
"""
HAND = '[accuracy]\nelement = "{}"\ndegree = 2\nsize_nm = {}\n'
BALL = BOX.replace("cube", "sphere").replace("edge_nm", "diameter_nm")
SWEEP = '[[sweep]]\nparameter = "structure.shells[0].thickness_nm"\nvalues = [{}]\n'


@pytest.fixture
def job(tmp_path):
    """Writes a job file; its result goes to the folder beside it."""

    def write(text, name="job"):
        file = tmp_path / f"{name}.toml"
        file.write_text(text)
        return file

    return write


def solved(folder):
    return json.loads((folder / "result.json").read_text())["points"]


def on(ranks, file, *words, folder=None):
    """The points of a job on so many ranks."""
    folder = folder or file.with_name(f"{file.stem}_{ranks}")
    done = mpiexec(ranks, "-m", "exciton", "solve", str(file), "-o", str(folder), *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("results in") == 1
    return solved(folder)


def alone(file, *words):
    folder = file.with_name(f"{file.stem}_alone")
    assert cli.main(["solve", str(file), "-o", str(folder), "--quiet", *words]) == 0
    return solved(folder)


def same(one, other, atol=1e-4, rtol=1e-7):
    """Energies to 1e-7 eV, and probabilities."""
    for carrier in ("electron", "hole"):
        np.testing.assert_allclose(one[carrier]["energies_meV"], other[carrier]["energies_meV"], rtol=0, atol=atol)
        first, second = (point[carrier]["participation_nm3"][0] for point in (one, other))
        np.testing.assert_allclose(first, second, rtol=rtol)
        first, second = (list(point[carrier]["probability"][0].values()) for point in (one, other))
        np.testing.assert_allclose(first, second, atol=1e-6)


def test_boxes_by_hand(job):
    """2 and 4 ranks and the embedded backend: one discretisation, one answer."""
    file = job(BOX + HAND.format("hexahedron", 1.0))
    (scipy,) = alone(file, "--backend", "scipy")
    assert scipy["cost"]["method"].startswith("scipy")
    for ranks in (2, 4):
        (point,) = on(ranks, file, folder=file.with_name(f"by_{ranks}"))
        same(point, scipy)
        assert point["cost"]["ranks"] == ranks
        assert point["cost"]["method"].startswith("petsc")
        assert point["cost"]["dofs"] == scipy["cost"]["dofs"]


def test_tetrahedra_with_fields(job):
    """A sphere: rank 0 makes the mesh, and every rank writes its part of the fields."""
    pytest.importorskip("gmsh")
    meshio = pytest.importorskip("meshio")
    text = BALL.replace("fields = false", "fields = true")
    file = job(text + HAND.format("tetrahedron", 2.5) + "[carriers]\nstates = 1\n")
    (one,), (two,) = alone(file, "--backend", "scipy"), on(2, file, "--backend", "petsc")
    same(one, two)
    assert two["cost"]["ranks"] == 2
    fields = [meshio.read(file.with_name(f"job_{who}") / "fields" / "point_000.vtu") for who in ("alone", 2)]
    assert len(fields[0].cells[0].data) == len(fields[1].cells[0].data)
    known = {tuple(np.round(p, 6) + 0.0): v for p, v in zip(fields[0].points, fields[0].point_data["hole_0"])}
    there = [known[tuple(np.round(p, 6) + 0.0)] for p in fields[1].points]
    np.testing.assert_allclose(fields[1].point_data["hole_0"], there, atol=1e-6)


FILE = """
schema = 1
[structure]
shape = "mesh"
file = "dot.vtu"
core_region = "core"
regions = { core = "CsPbBr3", shell = "ZnS" }
[alignment.ZnS]
electron_barrier_eV = 0.5
hole_barrier_eV = 0.9
[carriers]
states = 2
[exciton]
level = "none"
[accuracy]
energy_meV = 10
"""


def test_an_accuracy_on_a_mesh_of_a_file(job):
    """All ranks decide alike, and as one does: as many unknowns at the end, the same energies, profile and flags."""
    file = job(FILE)
    mesh = grids.painted(grids.cube("tetrahedron", 3, 6.0), ("core", "shell"), lambda c: (c[:, 0] > 4).astype(int))
    write_mesh(file.with_name("dot.vtu"), mesh)
    (one,), (two,) = alone(file, "--backend", "scipy"), on(3, file)
    same(one, two, rtol=1e-5)  # what the accuracy asked for leaves of the vectors, where PETSc has no MUMPS
    assert one["cost"]["dofs"] == two["cost"]["dofs"]
    profiles = [
        np.genfromtxt(file.with_name(f"job_{who}") / "fields" / "point_000_axis.csv", delimiter=",", names=True)
        for who in ("alone", 3)
    ]
    np.testing.assert_allclose(profiles[0]["electron_0_nm3"], profiles[1]["electron_0_nm3"], atol=1e-8)


def test_points_are_farmed_out(job):
    """Nested boxes: every point on one rank; the table in the order of the sweep whoever was first."""
    file = job(BOX + SWEEP.format("0.8, 0.0, 0.5, 0.3"))
    serial, farmed = alone(file), on(3, file)
    for one, other in zip(serial, farmed):
        assert one["parameters"] == other["parameters"]
        same(one, other, atol=1e-9)
        assert other["cost"]["ranks"] == 1


def test_ranks_share_nested_boxes(job):
    """Where petsc is asked for: the adaptive solution of one process, and SLEPc's on a shell matrix."""
    file = job(BOX)
    (one,) = alone(file)
    (two,) = on(2, file, "--backend", "petsc")
    (named,) = on(2, file, "--set", 'solver.petsc_options="-eps_type gd"', folder=file.with_name("named"))
    for point, method in ((two, "Davidson, 2 ranks"), (named, "SLEPc gd, 2 ranks")):
        same(point, one, atol=1e-6, rtol=1e-5)
        assert point["cost"]["method"] == f"tensor product, {method}"
        assert point["cost"]["ranks"] == 2
        assert point["cost"]["dofs"] == one["cost"]["dofs"]


def test_teams_share_points(job):
    text = BOX + HAND.format("hexahedron", 1.5) + SWEEP.format("0.5, 1.0, 1.5")
    file = job(text + "[solver]\nranks_per_point = 2\n")
    serial, farmed = alone(file), on(3, file)
    assert {point["cost"]["ranks"] for point in farmed} <= {1, 2}
    for one, other in zip(serial, farmed):
        same(one, other)


def test_a_killed_farm_goes_on(job):
    """What was finished is kept; ranks_per_point does not make it another job.

    Each of two ranks stalls at its third point, so that four of seven are done when the farm is killed, on any machine.
    """
    file = job(BOX + SWEEP.format("0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6"))
    folder = file.with_suffix("")
    words, quiet = command(2, *jobs.stalling(2, "solve", file)), subprocess.DEVNULL
    with subprocess.Popen(words, env=os.environ | ENVIRONMENT, stdin=quiet, stdout=quiet, stderr=quiet) as farm:
        end = monotonic() + 120
        while monotonic() < end and not ((folder / "result.json").exists() and len(solved(folder)) == 4):
            assert farm.poll() is None, "it ended before it was killed"
            sleep(0.05)
        farm.terminate()
        farm.wait(20)
    before = {point["key"]: point["cost"] for point in solved(folder)}
    assert len(before) == 4
    done = mpiexec(2, "-m", "exciton", "solve", str(file), "--set", "solver.ranks_per_point=1")
    assert done.returncode == 0, done.stderr
    after = {point["key"]: point["cost"] for point in solved(folder)}
    assert len(after) == 7
    assert {key: after[key] for key in before} == before
    assert "4 of 7 points were finished before and kept" in done.stdout


# -- one voice, and errors --------------------------------------------------------------------------------------------


def test_bad_input_is_one_line_and_status_2(job):
    done = mpiexec(3, "-m", "exciton", "solve", str(job(BOX.replace("edge_nm", "edge"))), timeout=60)
    assert done.returncode == 2
    assert done.stderr.count("exciton: ") == 1
    assert "did you mean edge_nm?" in done.stderr


def test_wrong_arguments_and_other_commands_speak_once():
    done = mpiexec(2, "-m", "exciton", "solve", "a", "--nothing")
    assert done.returncode == 2
    assert done.stderr.count("exciton: ") == 1
    done = mpiexec(2, "-m", "exciton", "--version")
    assert done.returncode == 0
    assert done.stdout.count("exciton-fem") == 1


def program(change, file):
    """The command line, after something has been changed on the rank ``me``."""
    return (
        "import sys\nfrom solvers.launcher import launched\nme = launched()[1]\n"
        f"{change}\nfrom exciton import cli\nsys.exit(cli.main(['solve', {str(file)!r}]))"
    )


FAILS = """
import exciton.carriers
from meshes.errors import MeshError
from solvers.errors import SolverError
honest = exciton.workflow.bound_states
def fails(resolved, *how):
    if me == 1: raise {}
    return honest(resolved, *how)
exciton.workflow.bound_states = fails
"""


@pytest.mark.parametrize(("error", "status", "said"), [
    ("MeshError('a hole in the mesh')", 2, "exciton: a hole in the mesh"),
    ("ZeroDivisionError('a bug')", 1, "ZeroDivisionError: a bug"),
    ("SolverError('out of integers')", 1, "exciton: out of integers"),  # alike on all ranks it would fail one point
])  # fmt: skip
def test_an_error_on_one_rank_ends_all(job, error, status, said):
    """The others wait for it in the middle of a collective call; a hang ends with a `TimeoutExpired`."""
    file = job(BOX + HAND.format("hexahedron", 1.0))
    done = mpiexec(3, "-c", program("import exciton.workflow\n" + FAILS.format(error), file), timeout=60)
    assert done.returncode == status
    assert done.stderr.count(said) == 1
    assert solved(file.with_suffix("")) == []


def test_a_point_that_cannot_be_solved_is_listed_and_the_others_go_on(job):
    """More states are asked for than there are unknowns."""
    text = BOX + HAND.format("hexahedron", 1.5) + "[[sweep]]\nparameter = 'carriers.states'\nvalues = [1, 900, 2]\n"
    file = job(text)
    done = mpiexec(2, "-m", "exciton", "solve", str(file))
    assert done.returncode == 1
    assert done.stderr.count("900 eigenpairs were asked") == 1
    assert len(solved(file.with_suffix(""))) == 2
    (failed,) = json.loads((file.with_suffix("") / "result.json").read_text())["failed"]
    assert failed["parameters"] == {"carriers.states": 900}


@pytest.mark.parametrize("library", ["mpi4py", "petsc4py"])
def test_ranks_without_a_library_are_refused(job, library):
    """One line that says how to get it; never copies that race each other."""
    file = job(BOX)
    done = mpiexec(2, "-c", program(f"sys.modules[{library!r}] = None", file))
    assert done.returncode == 2
    assert done.stderr.count("exciton: ") == 1
    assert library in done.stderr
    assert ".ci/petsc" in done.stderr
    assert not file.with_suffix("").exists()


def test_expert_options_have_the_last_word(job):
    file = job(BOX + HAND.format("hexahedron", 1.5))
    (plain,) = alone(file, "--backend", "scipy")
    (point,) = on(2, file, "--set", 'solver.petsc_options="-eps_type lobpcg -pc_type gamg"')
    same(plain, point)
    assert "lobpcg" in point["cost"]["method"]
