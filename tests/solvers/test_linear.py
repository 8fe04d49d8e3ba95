"""Linear solves: every backend keeps the promise of the contract."""

import numpy as np
import pytest
from conftest import missing
from scipy.sparse import csr_array, diags_array, eye_array, kron

from solvers import linear
from solvers.errors import BackendMissing, NotConverged
from solvers.linear import contract


@pytest.fixture(params=linear.BACKENDS)
def solver(request):
    """The name of each linear backend in turn."""
    try:
        contract._backend(request.param)
    except BackendMissing as error:
        missing(error)
    return request.param


def laplace(n: int) -> csr_array:
    """The seven-point Laplacian on n^3 points; its lowest eigenvalue is 12 sin^2(pi / 2(n + 1))."""
    line = diags_array([-np.ones(n - 1), 2 * np.ones(n), -np.ones(n - 1)], offsets=[-1, 0, 1])
    one = eye_array(n)
    return csr_array(kron(kron(line, one), one) + kron(kron(one, line), one) + kron(kron(one, one), line))


@pytest.mark.parametrize("n", [6, 18])
def test_known_solutions(n, solver, rng):
    """An eigenvector is its own solution, and a made-up solution is found again; small and large problems."""
    matrix = laplace(n)
    wave = np.sin(np.pi * np.arange(1, n + 1) / (n + 1))
    lowest = 12 * np.sin(np.pi / (2 * (n + 1))) ** 2
    mode = np.einsum("i,j,k->ijk", wave, wave, wave).ravel()
    made = rng.standard_normal(n**3)
    solve = linear.Solver(matrix, backend=solver, tolerance=1e-11)
    found = solve(np.stack([mode, matrix @ made, np.zeros(n**3)], axis=1))
    np.testing.assert_allclose(found.vectors[:, 0], mode / lowest, rtol=0, atol=1e-8)
    np.testing.assert_allclose(found.vectors[:, 1], made, rtol=0, atol=1e-8)
    assert not found.vectors[:, 2].any()
    assert np.all(found.residuals <= 1e-11)
    assert found.method.startswith(solver)
    again = solve(mode)
    assert again.vectors.shape == mode.shape
    np.testing.assert_allclose(again.vectors, mode / lowest, rtol=0, atol=1e-8)


def test_iterations_do_not_grow_with_the_problem(solver):
    """Multigrid: sixteen times the unknowns, at most half as many iterations more."""
    counts = [linear.solve(laplace(n), np.ones(n**3), backend=solver).iterations for n in (17, 43)]
    assert counts[1] <= 1.5 * counts[0]
    assert 1 < counts[0] < 40


def test_not_converged_carries_what_was_found(solver, rng):
    matrix = laplace(18)
    with pytest.raises(NotConverged, match=r"0 of 1 solutions reached .* raise the iterations \(now 2\)") as caught:
        linear.solve(matrix, rng.standard_normal(matrix.shape[0]), backend=solver, iterations=2)
    assert caught.value.found.vectors.shape == (matrix.shape[0],)


def test_a_lying_backend_is_not_believed(monkeypatch):
    monkeypatch.setattr(contract, "_backend", lambda _: lambda *_: (lambda right: (right, 1), "liar"))
    with pytest.raises(NotConverged, match="worst residual"):
        linear.solve(laplace(4), np.ones(64))


def test_unknown_backend():
    with pytest.raises(BackendMissing, match="there is no linear backend 'abacus'; there are: auto, scipy, petsc"):
        linear.solve(laplace(3), np.ones(27), backend="abacus")
