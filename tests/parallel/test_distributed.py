"""The same answers on 1, 2 and 3 ranks and by the embedded backend; errors that reach every rank."""

import json
import sys
from functools import cache

import grids
import numpy as np
import pytest
from conftest import missing

sys.path.append(__file__.rsplit("/", 1)[0])
from launch import HERE, mpiexec

from meshes import box_mesh
from solvers import petsc
from solvers.space import Space

RANKS = (2, 3)
SPACES = ("boxes", "shifted", "curve", "scattered", "tetrahedra 1", "tetrahedra 2", "tetrahedra 3", "tetrahedra 4")
METHODS = ("multigrid", "gamg", "krylovschur", "gd", "jd", "lobpcg")


@cache
def computed(ranks: int) -> dict:
    """What `program` prints on so many ranks; computed once."""
    done = mpiexec(ranks, str(HERE / "program.py"))
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1, "one voice"
    found = json.loads(done.stdout)
    assert found["ranks"] == ranks
    return found


@pytest.mark.parametrize("ranks", RANKS)
@pytest.mark.parametrize("name", SPACES)
def test_ranks_do_not_matter(name, ranks):
    """Energies, probabilities, integrals and values on a grid; however the cells are dealt out."""
    one, many = computed(1)[name], computed(ranks)[name]
    assert many["size"] == one["size"] == many["rows"]
    assert many["cells"] == one["cells"]
    np.testing.assert_allclose(many["values"], one["values"], rtol=0, atol=1e-10)
    assert many["residual"] <= 1e-8
    assert many["norm"] == pytest.approx(5, abs=1e-9)
    np.testing.assert_allclose(many["probability"], one["probability"], atol=1e-6)
    np.testing.assert_allclose(many["quartic"], one["quartic"], rtol=1e-6)
    np.testing.assert_allclose(many["grid"], one["grid"], atol=1e-6)
    assert many["counted"] or not petsc.has("mumps")


@pytest.mark.parametrize("ranks", [1, *RANKS])
@pytest.mark.parametrize("method", METHODS)
def test_methods_agree(method, ranks):
    """p-multigrid over hypre and GAMG, and SLEPc's solvers, named by the user's options."""
    direct, other = computed(ranks)["boxes"], computed(ranks)[method]
    np.testing.assert_allclose(other["values"], direct["values"], rtol=0, atol=1e-10)
    np.testing.assert_allclose(other["probability"], direct["probability"], atol=1e-6)
    names = {"multigrid": "over hypre" if petsc.has("hypre") else "over gamg", "gamg": "over gamg"}
    assert names.get(method, f"SLEPc {method}") in other["method"]


def test_the_embedded_backend_agrees():
    """One discretisation, two programs: the same energies to 1e-9 eV."""
    sys.path.append(str(HERE))
    import program

    space = Space(box_mesh(program.DOT, program.SIZE), 2)
    pairs = space.lowest(program.MASS, program.EDGE, 5, backend="scipy", tolerance=1e-8)
    theirs = computed(2)["boxes"]
    np.testing.assert_allclose(theirs["values"], pairs.values, rtol=0, atol=1e-9)
    np.testing.assert_allclose(theirs["probability"], space.gram(pairs.vectors[:, :1])[:, 0, 0], atol=1e-6)


@pytest.mark.parametrize("ranks", [1, *RANKS])
def test_matrices_are_the_same_on_any_number_of_ranks(ranks):
    """Entries, products and those of the transpose; PETSc's copy agrees; one pattern for both matrices."""
    one, many = computed(1)["matrices"], computed(ranks)["matrices"]
    np.testing.assert_allclose(many["entries"], one["entries"], rtol=1e-12)
    assert many["shape"] == one["shape"]
    assert many["shared"]
    assert many["petsc"] < 1e-12
    assert abs(many["adjoint"]) < 1e-10
    assert many["product"] == pytest.approx(one["product"], rel=1e-12)


@pytest.mark.parametrize("ranks", [1, *RANKS])
def test_distributed_linear_solves(ranks):
    assert computed(ranks)["linear"] < 1e-7


@pytest.mark.parametrize("ranks", RANKS)
def test_tasks_are_dealt_once_each(ranks):
    assert [task for task, _ in computed(ranks)["farm"]] == list(range(7))


CUT = """
import json, grids, numpy as np
from meshes.partition import partition
from solvers import parallel
from solvers.distributed import graph, parts
comm = parallel.world()
mesh = grids.cube("tetrahedron", 8)
here = mesh if comm.rank == 0 else None
owners = graph.cut(here, comm)
piece = parts.dealt(lambda: mesh, comm)
graph.LIBRARIES = ()
without, curve = graph.cut(here, comm), parts.dealt(lambda: mesh, comm)
cells = comm.gather((piece.cells.tolist(), curve.cells.tolist()))
if comm.rank == 0:
    print(json.dumps([owners.tolist(), partition(mesh, 3).tolist(), without, cells]))
"""


def test_a_graph_is_cut_where_there_is_a_library():
    """Less surface than along the curve, as many cells to each, every cell to one; without a library the curve."""
    if not any(petsc.has(name) for name in ("ptscotch", "parmetis")):
        missing("PT-Scotch and ParMETIS")
    done = mpiexec(3, "-c", CUT)
    assert done.returncode == 0, done.stderr
    graph, curve, without, dealt = json.loads(done.stdout)
    assert without is None
    again = np.full(len(graph), -1)  # PT-Scotch goes on with its random numbers
    for rank, (mine, by_curve) in enumerate(dealt):
        again[mine] = rank
        assert np.flatnonzero(np.array(curve) == rank).tolist() == by_curve
    sides = grids.cube("tetrahedron", 8).facets.cells
    sides = sides[(sides >= 0).all(axis=1)]
    most = 0.85 * np.sum(np.array(curve)[sides[:, 0]] != np.array(curve)[sides[:, 1]])
    for owners in (np.array(graph), again):
        assert np.sum(owners[sides[:, 0]] != owners[sides[:, 1]]) < most
        assert np.ptp(np.bincount(owners)) < 0.05 * len(owners)


LATE = """
import threading, time
from mpi4py import MPI
from solvers import farm, parallel
comm, serve = parallel.world(), farm._serve
def late(team, ask, work):
    def slowly(done):
        task = ask(done)
        time.sleep(0.1)
        if team == MPI.COMM_NULL: print("freed in use", flush=True)
        return task
    serve(team, slowly, work)
farm._serve = late
for _, square in farm.farm(comm, 1, 4, lambda _, task: task**2): print(square, flush=True)
for thread in threading.enumerate():
    if thread is not threading.main_thread(): thread.join()
"""


def test_the_team_of_rank_0_outlives_its_thread():
    """However late the thread comes to hand on its last answer: a communicator freed in use crashes MPI."""
    done = mpiexec(2, "-c", LATE)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split("\n")) == ["", "0", "1", "4", "9"]


PREAMBLE = "import sys; from solvers import parallel; comm = parallel.world(); me = parallel.rank(comm)\n"


def test_an_error_in_a_stretch_of_work_is_raised_on_all_ranks():
    """`together` hands the error of one rank to the others, as the same type."""
    done = mpiexec(
        3,
        "-c",
        PREAMBLE + "try:\n"
        "    with parallel.together(comm):\n"
        "        if me == 1: raise KeyError('lost')\n"
        "except KeyError as error:\n"
        "    print(f'caught {error};', end='')\n",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("caught 'lost';") == 3


def test_a_rank_that_fails_alone_ends_all():
    """The others wait in a collective call; one message, the status, no hang (`TimeoutExpired`)."""
    done = mpiexec(
        3,
        "-c",
        PREAMBLE + "if me == 2: sys.exit(parallel.ending(comm, 1, 'rank 2 has no more memory'))\ncomm.barrier()\n",
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.count("rank 2 has no more memory") == 1


def test_ranks_that_fail_alike_speak_once():
    done = mpiexec(3, "-c", PREAMBLE + "sys.exit(parallel.ending(comm, 2, 'no such job'))\n")
    assert done.returncode == 2
    assert done.stderr.count("no such job") == 1


def test_asking_for_too_many_states_ends_all_ranks_alike(tmp_path):
    """An error found by every rank in a collective call is raised by every rank."""
    if not petsc.available():
        missing("petsc4py and slepc4py")
    done = mpiexec(
        2,
        "-c",
        PREAMBLE + "import program\n"
        "from solvers.distributed import DistributedSpace\n"
        "from solvers.errors import NotConverged\n"
        "from meshes.partition import box_part\n"
        "space = DistributedSpace(box_part(program.DOT, 2.0, 2, me), 1, comm)\n"
        "try: space.lowest(program.MASS, program.EDGE, 500)\n"
        "except NotConverged as error: open(f'refused-{me}', 'w').write(str(error))\n",
        cwd=tmp_path,
    )
    # files, since two ranks may write into each other's lines
    refusals = [(tmp_path / f"refused-{rank}").read_text() for rank in range(2)]
    assert all(text.startswith("500 eigenpairs were asked") for text in refusals), done.stderr


def test_nothing_is_left_behind():
    """Over several ranks PETSc's objects live on when Python's are gone, until all ranks agree to destroy them."""
    done = mpiexec(
        2,
        "-c",
        PREAMBLE + "import program\n"
        "from petsc4py import PETSc\n"
        "from solvers.distributed import DistributedSpace\n"
        "from solvers.eigen import petsc\n"
        "from meshes.partition import box_part\n"
        "if not hasattr(PETSc, 'garbage_view'): sys.exit(3)\n"
        "space = DistributedSpace(box_part(program.DOT, 1.0, 2, me), 2, comm)\n"
        "for petsc.DIRECT_LIMIT in (0, 3000):\n"
        "    space.lowest(program.MASS, program.EDGE, 5)\n"
        "    PETSc.garbage_view(comm)\n",
    )
    if done.returncode == 3:
        pytest.skip("this petsc4py cannot say")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Total entries: ") == done.stdout.count("Total entries: 0") == 4
