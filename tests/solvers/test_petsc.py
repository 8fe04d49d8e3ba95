"""The petsc backend on one process: each trap that was met, the options, and what is said where it is missing."""

import ctypes
import subprocess
import sys

import grids
import jobs
import numpy as np
import pytest
from conftest import missing
from scipy.sparse import csr_array

from meshes import Cuboid, Structure, box_mesh
from meshes.partition import Part, whole
from solvers import assembly, petsc
from solvers.distributed import DistributedSpace
from solvers.distributed.assembly import prolongation
from solvers.distributed.eigen import matrices
from solvers.eigen import lowest
from solvers.errors import BackendMissing, NotConverged, SolverError
from solvers.matrix import Matrix
from solvers.space import Space

DOT = Structure(Cuboid((4.0, 4.0, 4.0)), (("shell", 1.0),))
A, V = np.array([0.3, 0.1]), np.array([0.0, 0.6])


@pytest.fixture(autouse=True)
def _here():
    if not petsc.available():
        missing("petsc4py and slepc4py")


@pytest.fixture
def backend():
    from solvers.eigen import petsc as backend

    return backend


@pytest.fixture
def mumps():
    if not petsc.has("mumps"):
        missing("MUMPS")


def problem(size=1.0, degree=2):
    space = Space(box_mesh(DOT, size), degree)
    return space, assembly.stiffness(space, A, V), assembly.mass(space)


# -- matrices ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [1, 2, 4, 5, 9])
def test_products_with_blocks(columns, rng):
    """Blocks of any width and order, and single vectors, as scipy has them; rectangular and transposed too."""
    matrix = csr_array(np.where(rng.random((30, 20)) < 0.2, rng.standard_normal((30, 20)), 0.0))
    ours = Matrix.from_csr(matrix)
    block = rng.standard_normal((20, columns))
    for x in (block, np.asfortranarray(block), block[:, 0]):
        np.testing.assert_allclose(ours @ x, matrix @ x, atol=1e-14)
    left = rng.standard_normal((30, columns))
    np.testing.assert_allclose(ours.adjoint(left), matrix.T @ left, atol=1e-14)


@pytest.mark.parametrize("curve", [False, True])
@pytest.mark.parametrize(("cell", "degree"), [("hexahedron", 3), ("tetrahedron", 2), ("tetrahedron", 4)])
def test_assembly_by_rows_is_that_of_the_sparse_matrices(cell, degree, curve):
    """Every entry; PETSc 3.18 has no assembly of coordinates, so that it is ours: rows, added up portion by portion."""
    mesh = grids.painted(grids.cube(cell, 2), ("core", "shell"), lambda c: (c[:, 0] > 0.5).astype(int))
    mesh = grids.curved(mesh, lambda points: points + 0.1 * points[:, [1, 2, 0]] ** 2) if curve else mesh
    space = DistributedSpace(whole(mesh), degree)
    k, m = matrices(space, A, V)
    assert np.shares_memory(k.local.indices, m.local.indices)
    plain = Space(mesh, degree)
    eye = np.eye(space.size)
    np.testing.assert_allclose(k @ eye, assembly.stiffness(plain, A, V).toarray(), atol=1e-13)
    np.testing.assert_allclose(m @ eye, assembly.mass(plain).toarray(), atol=1e-15)
    assert space.mass_bound <= np.linalg.eigvalsh((m @ eye) / np.sqrt(np.outer(m.diagonal(), m.diagonal())))[0]


@pytest.mark.parametrize("cell", ["hexahedron", "tetrahedron"])
def test_prolongation_repeats_the_function(cell, rng):
    """A function of degree 1 has the same energy among those of degree 3."""
    mesh = grids.cube(cell, 3)
    fine, coarse = DistributedSpace(whole(mesh), 3), DistributedSpace(whole(mesh), 1)
    up = prolongation(fine.local, fine.numbering, coarse.local, coarse.numbering)
    u = rng.standard_normal((coarse.size, 2))
    for small, large in zip(matrices(coarse, A[:1], V[:1]), matrices(fine, A[:1], V[:1])):
        np.testing.assert_allclose((up @ u).T @ (large @ (up @ u)), u.T @ (small @ u), rtol=1e-12)


MEMORY = """
import mmap
from pathlib import Path
import numpy as np
from solvers import petsc

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE

np.ones(10)
before = resident()
with petsc.recycled():
    np.ones(12_500_000)
    print(resident() - before)
print(resident() - before)
np.ones(12_500_000)
print(resident() - before)
"""


def test_freed_memory_is_kept_for_an_iteration_and_given_back_after_it():
    """In a process of its own: where others have left a hole of that size, it would be used first."""
    if not hasattr(ctypes.CDLL(None), "malloc_trim"):
        pytest.skip("not GNU's C library")
    done = subprocess.run([sys.executable, "-c", MEMORY], env=jobs.environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    kept, given_back, as_ever = map(float, done.stdout.split())
    assert kept > 60e6
    assert given_back < 30e6
    assert as_ever < 30e6


# -- eigenpairs ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("mumps")
def test_a_state_that_krylov_schur_loses_is_found_again(backend, monkeypatch):
    """SLEPc was seen to lose a copy of a threefold level: the count convicts it, and a block method takes over."""
    _, k, m = problem()
    honest = backend._slepc

    def forgetful(k, m, count, *rest):
        values, vectors, steps, method = honest(k, m, count + 1, *rest)
        kept = [i for i in range(count + 1) if i != 2]
        return values[kept], vectors[:, kept], steps, method

    truth = lowest(k, m, 5, backend="petsc")
    assert "krylovschur" in truth.method
    assert truth.counted
    assert np.ptp(truth.values[1:4]) < 1e-9
    monkeypatch.setattr(backend, "_slepc", forgetful)
    found = lowest(k, m, 5, backend="petsc")
    assert "Davidson" in found.method
    assert found.counted
    np.testing.assert_allclose(found.values, truth.values, rtol=1e-9)


@pytest.mark.usefixtures("mumps")
def test_a_state_that_krylov_schur_really_loses():
    """Of the fifth level of this cube of tetrahedra, twofold by symmetry, SLEPc 3.18 hands out one copy."""
    mesh = grids.kuhn(box_mesh(Structure(Cuboid((14.2,) * 3), (("shell", 2.15),)), 3.1))
    diffusion, potential = np.array([0.28433, 0.13607]), np.array([0.0, 0.6])
    pairs = Space(mesh, 2).lowest(diffusion, potential, 6, backend="petsc")
    assert pairs.counted
    assert np.ptp(pairs.values[4:6]) < 1e-9
    plain = Space(mesh, 2).lowest(diffusion, potential, 6, backend="scipy")
    np.testing.assert_allclose(pairs.values, plain.values, rtol=1e-9)


@pytest.mark.usefixtures("mumps")
def test_the_count_is_exact(backend):
    """Sylvester's law by MUMPS: below, between and above known levels; degenerate ones with every copy."""
    _, k, m = problem()
    values = np.linalg.eigvalsh(np.linalg.solve(np.linalg.cholesky(m.toarray()), k.toarray()).dot(
        np.linalg.inv(np.linalg.cholesky(m.toarray())).T))  # fmt: skip
    gaps = np.flatnonzero(np.diff(values[:60]) > 1e-3 * values[:59]) + 1
    for below in (0, 1, 4, *gaps[gaps > 30][:3]):
        shift = (values[below] + (values[below - 1] if below else 0.0)) / 2
        assert backend.count_below(k, m, shift, 1e-3 * shift) == below
        assert backend.negative(Matrix.from_csr(k), Matrix.from_csr(m), shift) == below


@pytest.mark.usefixtures("mumps")
def test_mumps_gets_more_work_space_when_it_asks(backend, monkeypatch):
    """INFOG(1) = -9 is no end: the space is raised, and what it was raised to is enough."""
    _, k, _ = problem(0.5)
    matrix = Matrix.from_csr(k)
    monkeypatch.setattr(backend, "WORKSPACE", (-95,))
    with pytest.raises(SolverError, match=r"INFOG\(1\) = -9.*use more ranks"):
        backend.Direct(matrix)
    monkeypatch.setattr(backend, "WORKSPACE", (-95, 100))
    right = np.ones((k.shape[0], 2))
    np.testing.assert_allclose(k @ backend.Direct(matrix)(right), right, atol=1e-9)


@pytest.mark.usefixtures("mumps")
def test_the_first_work_space_is_twice_the_estimate(backend):
    """With MUMPS' own default, factorisations failed on four ranks."""
    assert backend.WORKSPACE[0] == 100
    _, k, _ = problem()
    assert backend.Direct(Matrix.from_csr(k)).factor.getMumpsIcntl(14) == 100


@pytest.mark.parametrize("kind", ["gd", "jd", "lobpcg", "krylovschur"])
def test_slepc_by_the_users_options(kind):
    space, *_ = problem()
    plain, before = space.lowest(A, V, 5, backend="scipy"), space.lowest(A, V, 5, backend="petsc")
    with petsc.options(f"-eps_type {kind}"):
        pairs = space.lowest(A, V, 5, backend="petsc")
    # without MUMPS Krylov-Schur solves its inner systems by iteration
    assert pairs.method == f"petsc: SLEPc {kind}" + (", shift-invert" if kind == "krylovschur" else "")
    np.testing.assert_allclose(pairs.values, plain.values, rtol=1e-9)
    assert space.lowest(A, V, 5, backend="petsc").method == before.method, "options end with their block"


@pytest.mark.parametrize("degree", [2, 3])
def test_iterations_do_not_grow_with_the_problem(degree, backend, monkeypatch):
    """p-multigrid: eight times the unknowns, at most 30 % more iterations."""
    monkeypatch.setattr(backend, "DIRECT_LIMIT", 0)
    counts = []
    for size in (1.0, 0.5):
        pairs = Space(box_mesh(DOT, size), degree).lowest(A, V, 5, backend="petsc")
        assert "p-multigrid" in pairs.method
        counts.append(pairs.iterations)
    assert counts[1] <= 1.3 * counts[0]
    assert counts[0] <= 20


def test_negative_potentials(backend, monkeypatch):
    """A well below zero moves the levels and nothing else, for direct and iterative methods."""
    space, *_ = problem()
    plain = space.lowest(A, V, 3, backend="petsc").values
    np.testing.assert_allclose(space.lowest(A, V - 2, 3, backend="petsc").values, plain - 2, atol=1e-9)
    monkeypatch.setattr(backend, "DIRECT_LIMIT", 0)
    np.testing.assert_allclose(space.lowest(A, V - 2, 3, backend="petsc").values, plain - 2, atol=1e-9)


def test_not_converged_names_what_was_reached(backend, monkeypatch):
    monkeypatch.setattr(backend, "DIRECT_LIMIT", 0)
    mesh = box_mesh(DOT, 1.0)
    with pytest.raises(NotConverged, match=r"of 4 eigenpairs reached .* raise the iterations \(now 2\)"):
        DistributedSpace(whole(mesh), 2).lowest(A, V, 4, iterations=2)


# -- options, and where there is none --------------------------------------------------------------------------------


def test_options_are_checked_and_taken_back():
    database = petsc.load().Options(petsc.PREFIX)
    with petsc.options("-eps_type gd -st_shift -1.5 -exciton_eps_monitor"):
        assert database.getString("eps_type") == "gd"
        assert database.getReal("st_shift") == -1.5
        assert database.hasName("eps_monitor")
    assert not database.hasName("eps_type")
    for text, reason in (("eps_type gd", "start with '-'"), ("-eps_type gd jd", "'jd' follows another value")):
        with pytest.raises(ValueError, match=reason), petsc.options(text):
            pass


def test_missing_is_one_line_that_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "petsc4py", None)
    petsc.load.cache_clear()
    try:
        with pytest.raises(BackendMissing, match=r"needs petsc4py and slepc4py .*run \.ci/petsc") as caught:
            Space(box_mesh(DOT, 2.0), 1).lowest(A, V, 1, backend="petsc")
        assert "\n" not in str(caught.value)
        assert not petsc.available()
    finally:
        petsc.load.cache_clear()


def test_description_names_the_libraries():
    found = petsc.describe()
    assert found["PETSc"].count(".") == 2
    assert found["PETSc"].split(".")[:2] == found["SLEPc"].split(".")[:2] == found["petsc4py"].split(".")[:2]
    assert "mumps" in found["external solvers"] or not petsc.has("mumps")
    assert found["MPI"]


def test_a_part_may_leave_points_out():
    """Point numbers of the whole mesh have gaps on a rank: only their order counts."""
    mesh = grids.cube("tetrahedron", 2)
    spread = Part(mesh, 10 * np.arange(len(mesh.points)) + 3, np.arange(len(mesh.cells)))
    one, other = DistributedSpace(whole(mesh), 3), DistributedSpace(spread, 3)
    assert one.size == other.size
    np.testing.assert_array_equal(one.numbering.numbers, other.numbering.numbers)


def test_auto_takes_petsc_where_it_pays_and_says_so(monkeypatch):
    from solvers import space as room

    space = room.Space(grids.cube("hexahedron", 4), 2)
    assert space.lowest([1.0], [0.0], 2).method.startswith("scipy")
    monkeypatch.setattr(room, "PETSC_PAYS", 10)
    assert space.lowest([1.0], [0.0], 2).method.startswith("petsc")
    monkeypatch.setattr(petsc, "available", lambda: False)
    assert space.lowest([1.0], [0.0], 2).method.startswith("scipy")
