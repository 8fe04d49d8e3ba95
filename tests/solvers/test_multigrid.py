"""The V-cycle as what it must be: symmetric, positive definite, and a contraction that does not care for h."""

import grids
import numpy as np
import pytest
from scipy.linalg import eigh

from solvers import assembly
from solvers.eigen.multigrid import Chebyshev, Multigrid, _largest
from solvers.space import Space


def matrices(cell, n, degree, potential=0.0):
    space = Space(grids.cube(cell, n), degree)
    a, v = np.ones(1), np.full(1, potential)
    return assembly.stiffness(space, a, v), assembly.low_order(space, a, v)


def spectrum(stiffness, cycle):
    """Eigenvalues of B K, B the cycle as a dense matrix."""
    dense = cycle(np.eye(stiffness.shape[0]))
    np.testing.assert_allclose(dense, dense.T, atol=1e-12 * np.abs(dense).max())
    k = stiffness.toarray()
    return eigh(k @ ((dense + dense.T) / 2) @ k, k, eigvals_only=True)


@pytest.mark.parametrize("cell", ["hexahedron", "tetrahedron"])
@pytest.mark.parametrize(("n", "degree"), [(10, 1), (5, 2), (3, 3), (2, 5)])
def test_cycle_is_symmetric_and_positive_definite(cell, n, degree):
    """So that it may precondition; and near enough to the inverse to be worth it."""
    stiffness, sparse = matrices(cell, n, degree)
    values = spectrum(stiffness, Multigrid(stiffness, sparse))
    assert values[0] > 0.15
    assert values[-1] < 3


def test_several_levels_are_symmetric_too(monkeypatch):
    """A coarsest level kept small makes three levels or more of a matrix that can still be seen whole."""
    import pyamg

    original = pyamg.smoothed_aggregation_solver

    def deep(matrix, **options):
        return original(matrix, **{**options, "max_coarse": 5})

    monkeypatch.setattr(pyamg, "smoothed_aggregation_solver", deep)
    stiffness, sparse = matrices("tetrahedron", 10, 1)
    cycle = Multigrid(stiffness, sparse)
    assert len(cycle._levels) >= 3
    values = spectrum(stiffness, cycle)
    assert values[0] > 0.2
    assert values[-1] < 2


@pytest.mark.parametrize("cell", ["hexahedron", "tetrahedron"])
@pytest.mark.parametrize("degree", [1, 2, 3])
def test_convergence_does_not_depend_on_h(cell, degree, rng):
    """Conjugate gradients with the cycle: as many steps on a fine mesh as on a coarse one, to within three."""
    steps = []
    for n in {1: (10, 22), 2: (5, 11), 3: (4, 8)}[degree]:
        stiffness, sparse = matrices(cell, n, degree)
        cycle = Multigrid(stiffness, sparse)
        b = rng.standard_normal((stiffness.shape[0], 1))
        steps.append(_steps(stiffness, cycle, b))
    assert steps[1] <= steps[0] + 3
    assert max(steps) < 26


def _steps(stiffness, cycle, b, tolerance=1e-8):
    x, r = np.zeros_like(b), b.copy()
    z = cycle(r)
    p, old = z.copy(), float((r * z).sum())
    first = old
    for step in range(1, 100):
        q = stiffness @ p
        alpha = old / float((p * q).sum())
        x += alpha * p
        r -= alpha * q
        z = cycle(r)
        new = float((r * z).sum())
        if new < tolerance**2 * first:
            return step
        p, old = z + new / old * p, new
    return 100


@pytest.mark.parametrize("degree", [1, 2, 4])
def test_smoother_never_grows_an_error(degree):
    """I - S K has eigenvalues between -1 and 1: the bound of the spectrum that the polynomial takes holds."""
    stiffness, _ = matrices("tetrahedron", 3, 3)
    values = spectrum(stiffness, Chebyshev(stiffness, degree))
    assert values[0] > 0
    assert values[-1] < 2
    high = spectrum(stiffness, Chebyshev(stiffness, degree))
    assert np.median(np.abs(1 - high)) < {1: 0.9, 2: 0.8, 4: 0.6}[degree]


@pytest.mark.parametrize("cell", ["hexahedron", "tetrahedron"])
@pytest.mark.parametrize("degree", [1, 3])
def test_bound_of_the_spectrum_is_one(cell, degree):
    stiffness, _ = matrices(cell, {1: 9, 3: 3}[degree], degree)
    d = 1 / np.sqrt(stiffness.diagonal())
    top = np.linalg.eigvalsh(d[:, None] * stiffness.toarray() * d)[-1]
    got = 1.05 * _largest(stiffness, 1 / stiffness.diagonal()[:, None])
    assert top <= got <= 1.4 * top


def test_all_columns_at_once_are_the_columns_one_by_one(rng):
    stiffness, sparse = matrices("hexahedron", 4, 3)
    cycle = Multigrid(stiffness, sparse)
    block = rng.standard_normal((stiffness.shape[0], 3))
    single = np.hstack([cycle(block[:, [i]]) for i in range(3)])
    np.testing.assert_allclose(cycle(block), single, atol=1e-12 * np.abs(single).max())


def test_a_problem_smaller_than_the_coarsest_level_is_solved(rng):
    stiffness, sparse = matrices("hexahedron", 2, 2)
    b = rng.standard_normal((stiffness.shape[0], 2))
    np.testing.assert_allclose(stiffness @ Multigrid(stiffness, sparse)(b), b, atol=1e-10)
