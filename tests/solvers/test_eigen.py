"""The contract of the eigensolvers: what is promised, and that whoever breaks the promise is caught."""

import grids
import numpy as np
import pytest
from scipy.linalg import eigh
from scipy.sparse import csr_array, diags_array

from solvers import assembly
from solvers.eigen import contract, count_below, lowest
from solvers.errors import BackendMissing, NotConverged
from solvers.space import Space


def problem(cell="hexahedron", n=3, degree=3, diffusion=(1.0,), potential=(0.0,)):
    """Stiffness and mass of a hard cube, or of two halves where two coefficients are given."""
    mesh = grids.cube(cell, n)
    if len(diffusion) == 2:
        mesh = grids.painted(mesh, ("core", "shell_1"), lambda c: (c[:, 0] > 0.34).astype(int))
    space = Space(mesh, degree)
    return assembly.stiffness(space, np.array(diffusion), np.array(potential)), assembly.mass(space)


def exact(stiffness, mass, count):
    return eigh(stiffness.toarray(), mass.toarray(), subset_by_index=[0, count - 1])


def fake(monkeypatch, answer):
    """Put a backend in place that answers with these values and vectors."""
    monkeypatch.setattr(contract, "_backend", lambda _: lambda *_: (*answer, 5, "fake"))


@pytest.mark.parametrize("cell", ["hexahedron", "tetrahedron"])
@pytest.mark.parametrize("count", [1, 4, 11])
def test_agrees_with_a_dense_solver(backend, cell, count):
    """Six times degenerate levels, cut through by the number asked for, included."""
    stiffness, mass = problem(cell)
    pairs = lowest(stiffness, mass, count, backend=backend)
    np.testing.assert_allclose(pairs.values, exact(stiffness, mass, count)[0], rtol=1e-11)
    assert pairs.values.shape == pairs.residuals.shape == (count,)
    assert pairs.vectors.shape == (stiffness.shape[0], count)
    assert pairs.counted
    assert pairs.iterations > 0
    assert backend in pairs.method


def test_keeps_its_promises(backend):
    """Ascending, M-orthonormal, K-orthogonal; the residuals it reports are the true ones."""
    stiffness, mass = problem(diffusion=(1.0, 0.2), potential=(0.0, 40.0))
    pairs = lowest(stiffness, mass, 6, backend=backend, tolerance=1e-6)
    x = pairs.vectors
    assert np.all(np.diff(pairs.values) >= 0)
    np.testing.assert_allclose(x.T @ mass @ x, np.eye(6), atol=1e-9)
    np.testing.assert_allclose(np.diag(x.T @ stiffness @ x), pairs.values, rtol=1e-12)
    residual = stiffness @ x - mass @ x * pairs.values
    true = np.sqrt(np.einsum("di,di->i", residual, np.linalg.solve(mass.toarray(), residual))) / pairs.values
    assert np.all(pairs.residuals <= 1e-6)
    assert np.all(pairs.residuals >= 0.99 * true)
    assert np.all(pairs.residuals <= 1.3 * true + 1e-14)


def test_multigrid_and_factorisation_agree(backend, monkeypatch):
    """The same problem by the method of small and of large ones."""
    from solvers.eigen import scipy

    space = Space(grids.cube("tetrahedron", 3), 3)
    small = space.lowest([1.0], [0.0], 5, backend=backend)
    monkeypatch.setattr(scipy, "DIRECT_LIMIT", 10)
    large = space.lowest([1.0], [0.0], 5, backend=backend)
    np.testing.assert_allclose(large.values, small.values, rtol=1e-11)
    if backend == "scipy":
        assert "multigrid" in large.method
        assert "multigrid" not in small.method


@pytest.mark.parametrize("depth", [0.5, 30.0, 3000.0])
def test_negative_potentials_and_shifts_of_the_origin(backend, depth, monkeypatch):
    """V + c moves every level by c, however deep: preconditioners stay definite, residuals relative to V's floor."""
    from solvers.eigen import scipy

    monkeypatch.setattr(scipy, "DIRECT_LIMIT", 10)
    mesh = grids.painted(grids.cube("tetrahedron", 3), ("core", "shell_1"), lambda c: (c[:, 0] > 0.34).astype(int))
    space = Space(mesh, 3)
    plain = space.lowest([1.0, 0.3], [depth, 0.0], 4, backend=backend)
    moved = space.lowest([1.0, 0.3], [0.0, -depth], 4, backend=backend)
    np.testing.assert_allclose(moved.values + depth, plain.values, rtol=1e-9, atol=1e-11 * depth)
    assert moved.iterations < 60


def test_all_of_a_small_problem(backend):
    stiffness, mass = problem(n=2, degree=1)
    pairs = lowest(stiffness, mass, 1, backend=backend)
    assert pairs.values[0] == pytest.approx(stiffness[0, 0] / mass[0, 0], rel=1e-12)


def test_more_than_there_are(backend):
    stiffness, mass = problem(n=2, degree=1)
    with pytest.raises(NotConverged, match=r"2 eigenpairs were asked .* 1 unknowns; refine"):
        lowest(stiffness, mass, 2, backend=backend)
    with pytest.raises(ValueError, match="at least one"):
        lowest(stiffness, mass, 0, backend=backend)


def test_not_converged_carries_what_was_found(backend):
    """What was asked, what was found, what to change; and only the pairs that hold the tolerance."""
    stiffness, mass = problem(n=4)
    with pytest.raises(NotConverged) as caught:
        lowest(stiffness, mass, 5, backend=backend, iterations=1, tolerance=1e-13)
    message, found = str(caught.value), caught.value.found
    assert "of 5 eigenpairs" in message
    assert "tolerance 1e-13" in message
    assert "worst residual" in message
    assert "raise the iterations (now 1) or loosen the tolerance" in message
    assert message.startswith(f"{len(found.values)} of")
    assert found.vectors.shape == (stiffness.shape[0], len(found.values))
    assert np.all(found.residuals <= 1e-13)


# -- backends that must not be believed ---------------------------------------------------------------------------


def test_a_lost_state_is_noticed(monkeypatch):
    """A backend that skips one copy of a threefold level has perfect pairs; the count of eigenvalues convicts it."""
    stiffness, mass = problem()
    values, vectors = exact(stiffness, mass, 6)
    kept = [0, 1, 3, 4, 5]
    fake(monkeypatch, (values[kept], vectors[:, kept]))
    with pytest.raises(NotConverged, match=r"4 eigenvalues lie .* only 3 were found: a state is missing; ask") as e:
        lowest(stiffness, mass, 5)
    np.testing.assert_allclose(e.value.found.values, values[kept])


def test_a_lost_ground_state_is_noticed(monkeypatch):
    stiffness, mass = problem()
    values, vectors = exact(stiffness, mass, 2)
    fake(monkeypatch, (values[1:], vectors[:, 1:]))
    with pytest.raises(NotConverged, match=r"1 eigenvalues lie below .* only 0"):
        lowest(stiffness, mass, 1)


def test_a_copy_too_few_of_the_highest_level_is_what_was_asked_for(monkeypatch):
    """Two of the three copies, when three pairs in all are asked for, are right: the third is not below them."""
    stiffness, mass = problem()
    values, vectors = exact(stiffness, mass, 3)
    fake(monkeypatch, (values, vectors))
    assert lowest(stiffness, mass, 3).counted


def test_claimed_energies_are_not_believed(monkeypatch, rng):
    """Random vectors sold as eigenvectors; true eigenvectors with wrong energies are put right instead."""
    stiffness, mass = problem()
    values, vectors = exact(stiffness, mass, 2)
    fake(monkeypatch, (values, rng.standard_normal(vectors.shape)))
    with pytest.raises(NotConverged, match="0 of 2 eigenpairs"):
        lowest(stiffness, mass, 2)
    fake(monkeypatch, (values * 0.5, vectors))
    np.testing.assert_allclose(lowest(stiffness, mass, 2).values, values, rtol=1e-11)


def test_vectors_are_made_orthonormal(monkeypatch):
    """Eigenvectors of one level, skewed, scaled and out of order, still span it."""
    stiffness, mass = problem()
    values, vectors = exact(stiffness, mass, 4)
    skew = vectors[:, [3, 1, 2, 0]] @ np.array([[3, 1, 0, 0], [0, 1, 0, 0], [0, 0.4, 2, 0], [0, 0, 0, -5.0]])
    fake(monkeypatch, (values[::-1], skew))
    pairs = lowest(stiffness, mass, 4)
    np.testing.assert_allclose(pairs.values, values, rtol=1e-11)
    np.testing.assert_allclose(pairs.vectors.T @ mass @ pairs.vectors, np.eye(4), atol=1e-9)


@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_vectors_that_are_none(monkeypatch, value):
    stiffness, mass = problem()
    values, vectors = exact(stiffness, mass, 3)
    vectors[:, 1] = value
    fake(monkeypatch, (values, vectors))
    with pytest.raises(NotConverged):
        lowest(stiffness, mass, 3)


def test_the_same_vector_twice(monkeypatch):
    stiffness, mass = problem()
    values, vectors = exact(stiffness, mass, 3)
    fake(monkeypatch, (values[[0, 0, 1]], vectors[:, [0, 0, 1]]))
    with pytest.raises(NotConverged):
        lowest(stiffness, mass, 3)


def test_unknown_backend():
    stiffness, mass = problem()
    with pytest.raises(BackendMissing, match=r"'abacus'.*scipy"):
        lowest(stiffness, mass, 1, backend="abacus")


# -- the checks themselves ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["hexahedron", "tetrahedron"])
@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_dual_norm_is_the_norm_of_the_inverse_mass(cell, degree, rng):
    """Never much below the true M^-1 norm, and not far above it."""
    _, mass = problem(cell, n=3, degree=degree)
    r = rng.standard_normal((mass.shape[0], 5))
    true = np.sqrt(np.einsum("di,di->i", r, np.linalg.solve(mass.toarray(), r)))
    got = contract.dual_norm(mass, r)
    assert np.all(got >= 0.999 * true)
    assert np.all(got <= 1.1 * true)


def test_dual_norm_of_nothing_is_nothing(rng):
    _, mass = problem()
    r = rng.standard_normal((mass.shape[0], 2)) * [0.0, 1e-200]
    assert contract.dual_norm(mass, r)[0] == 0


def test_inertia_counts_every_eigenvalue():
    """Between all levels of a problem with jumps, degenerate ones included."""
    stiffness, mass = problem(n=3, degree=2, diffusion=(1.0, 0.3), potential=(0.0, 20.0))
    values = eigh(stiffness.toarray(), mass.toarray(), eigvals_only=True)
    gaps = np.flatnonzero(np.diff(values[:40]) > 1e-3 * values[1:40])
    assert len(gaps) > 10
    for i in gaps:
        shift = (values[i] + values[i + 1]) / 2
        assert count_below(stiffness, mass, shift, 1e-6 * shift) == i + 1
    assert count_below(stiffness, mass, values[0] - 1, 1e-3) == 0


def test_inertia_says_nothing_on_an_eigenvalue():
    """Where the shift is an eigenvalue to rounding, no count is honest."""
    levels = np.arange(1.0, 301)
    stiffness = csr_array(diags_array([levels, np.full(299, 0.1), np.full(299, 0.1)], offsets=[0, 1, -1]))
    mass = csr_array(diags_array([np.ones(300)], offsets=[0]))
    level = np.linalg.eigvalsh(stiffness.toarray())[10]
    assert count_below(stiffness, mass, float(level), 1e-20) is None
    assert count_below(stiffness, mass, float(level) + 1e-3, 1e-6) == 11
