"""Block Davidson on small matrices that are seen whole: with good, poor and odd preconditioners."""

import numpy as np
import pytest
from scipy.linalg import eigh

from solvers.eigen.davidson import davidson


@pytest.fixture
def matrices(rng):
    """A symmetric A with clusters and a threefold level, and a positive definite M; 120 unknowns."""
    n = 120
    levels = np.concatenate([[1.0, 2.0, 2.0, 2.0, 2.0 + 1e-7], np.linspace(3, 900, n - 5)])
    q = np.linalg.qr(rng.standard_normal((n, n)))[0]
    root = np.linalg.qr(rng.standard_normal((n, n)))[0] * np.linspace(0.7, 2.0, n)
    mass = root @ root.T
    a = root @ (q * levels) @ q.T @ root.T
    return (a + a.T) / 2, (mass + mass.T) / 2, levels


def inverse_of(matrix):
    inverse = np.linalg.inv(matrix)
    return lambda r, _: inverse @ r


def none(r, _):
    """No preconditioner."""
    return r


def in_metric(mass):
    """The arguments that belong to a mass matrix."""
    return {"mass": mass.__matmul__, "dual_norm": norm_in(mass)}


def norm_in(mass):
    inverse = np.linalg.inv(mass)
    return lambda r: np.sqrt(np.einsum("di,di->i", r, inverse @ r))


@pytest.mark.parametrize("count", [1, 3, 6])
@pytest.mark.parametrize("guards", [0, 3])
def test_finds_the_lowest_pairs(matrices, count, guards, rng):
    a, mass, levels = matrices
    start = rng.standard_normal((len(a), count + guards))
    ritz = davidson(a.__matmul__, inverse_of(a), start, count, **in_metric(mass), tolerance=1e-9)
    np.testing.assert_allclose(ritz.values[:count], levels[:count], rtol=1e-12)
    assert np.all(ritz.residuals[:count] < 1e-9)
    x = ritz.vectors
    np.testing.assert_allclose(x.T @ mass @ x, np.eye(x.shape[1]), atol=1e-11)
    true = norm_in(mass)(a @ x - mass @ x * ritz.values) / ritz.values
    np.testing.assert_allclose(ritz.residuals[:count], true[:count], rtol=1e-2, atol=1e-12)


def test_without_a_mass_matrix(rng):
    levels = np.arange(1.0, 81)
    q = np.linalg.qr(rng.standard_normal((80, 80)))[0]
    a = (q * levels) @ q.T
    ritz = davidson(a.__matmul__, none, rng.standard_normal((80, 6)), 3, iterations=400, tolerance=1e-8)
    np.testing.assert_allclose(ritz.values[:3], [1, 2, 3], rtol=1e-12)


def test_values_fall_from_above_and_restarts_lose_nothing(matrices, rng):
    """Rayleigh-Ritz on growing spaces: more iterations never raise a value, whatever the restart."""
    a, mass, levels = matrices
    start = rng.standard_normal((len(a), 5))
    poor = inverse_of(np.diag(np.diag(a)))
    before = np.full(5, np.inf)
    for iterations in (1, 2, 4, 8, 16, 32):
        ritz = davidson(a.__matmul__, poor, start, 5, **in_metric(mass), iterations=iterations, restart=3)
        assert ritz.iterations <= iterations
        assert np.all(ritz.values <= before + 1e-9)
        assert np.all(ritz.values >= levels[:5] - 1e-9)
        before = ritz.values
    assert ritz.iterations == 32


@pytest.mark.parametrize("restart", [2, 3, 6])
def test_any_restart_length_converges(matrices, restart, rng):
    a, mass, levels = matrices
    start = rng.standard_normal((len(a), 7))
    ritz = davidson(a.__matmul__, inverse_of(a), start, 4, **in_metric(mass), restart=restart)
    np.testing.assert_allclose(ritz.values[:4], levels[:4], rtol=1e-10)


def test_counts_its_work(matrices, rng):
    a, mass, _ = matrices
    columns = []

    def apply(block):
        columns.append(block.shape[1])
        return a @ block

    ritz = davidson(apply, inverse_of(a), rng.standard_normal((len(a), 6)), 3, **in_metric(mass))
    assert ritz.applications == sum(columns)
    assert len(columns) == ritz.iterations
    assert ritz.iterations < 15


def test_a_start_that_is_the_answer_takes_one_step(matrices):
    a, mass, _ = matrices
    vectors = eigh(a, mass)[1][:, :4]
    ritz = davidson(a.__matmul__, inverse_of(a), vectors, 4, **in_metric(mass))
    assert ritz.iterations == 1


def test_a_start_with_dependent_columns(matrices, rng):
    """The same vector several times: the block shrinks, nothing divides by zero, guards make up for it."""
    a, mass, levels = matrices
    one = rng.standard_normal((len(a), 1))
    start = np.hstack([one, one, -2 * one, rng.standard_normal((len(a), 3))])
    ritz = davidson(a.__matmul__, inverse_of(a), start, 2, **in_metric(mass), tolerance=1e-9)
    np.testing.assert_allclose(ritz.values[:2], levels[:2], rtol=1e-10)


def test_more_columns_than_unknowns(rng):
    a = np.diag([1.0, 2.0, 5.0])
    ritz = davidson(a.__matmul__, none, rng.standard_normal((3, 5)), 2)
    np.testing.assert_allclose(ritz.values[:2], [1, 2], rtol=1e-12)


def test_a_spectrum_below_zero(matrices, rng):
    """Residuals are relative to |E - floor|: moving A by -3 M and the floor with it changes nothing but the values."""
    a, mass, levels = matrices
    start = rng.standard_normal((len(a), 6))
    runs = [
        davidson((a - shift * mass).__matmul__, inverse_of(a), start, 3, **in_metric(mass), floor=-shift)
        for shift in (0.0, 3.0)
    ]
    np.testing.assert_allclose(runs[1].values[:3] + 3.0, levels[:3], rtol=1e-10)
    assert runs[0].iterations == runs[1].iterations


def test_a_useless_preconditioner_ends_without_an_answer_but_ends(matrices, rng):
    """Corrections that add nothing to the basis: it stops and shows its residuals, for the caller to judge."""
    a, mass, _ = matrices
    start = rng.standard_normal((len(a), 4))
    ritz = davidson(a.__matmul__, lambda r, _: start[:, : r.shape[1]].copy(), start, 4, **in_metric(mass))
    assert np.all(ritz.residuals > 1e-3)
    assert np.all(np.isfinite(ritz.values))


def test_a_preconditioner_that_is_exact():
    """(A - theta)^-1 turns a residual into the Ritz vector that it belongs to: nothing new, and rounding must not pass
    for something new. What the Ritz vectors themselves turn into is new."""
    levels = np.concatenate([[1.0, 1.5, 2.5], np.linspace(40.0, 90.0, 72)])

    def exact(r, theta):
        gap = levels[:, None] - theta
        return r / np.where(np.abs(gap) < 1e-12, 1e-12, gap)

    for trial in range(5):
        start = np.random.default_rng(trial).standard_normal((len(levels), 4))
        ritz = davidson(lambda x: levels[:, None] * x, exact, start, 3, tolerance=1e-8)
        np.testing.assert_allclose(ritz.values[:3], levels[:3], rtol=1e-12)
        np.testing.assert_allclose(ritz.vectors.T @ ritz.vectors, np.eye(4), atol=1e-10)
        assert ritz.iterations < 40


def test_a_tolerance_for_each(matrices, rng):
    """The last pair may be told roughly: it is, within its bound, and takes fewer iterations than both sharply."""
    a, mass, levels = matrices
    start = rng.standard_normal((len(a), 3))
    sharp, rough = (
        davidson(a.__matmul__, inverse_of(a), start, 2, **in_metric(mass), tolerance=t)
        for t in (1e-9, np.array([1e-9, 1e-1]))
    )
    assert rough.iterations < sharp.iterations
    assert rough.applications < 3 * rough.iterations  # nor is the guard vector corrected any further
    assert rough.residuals[0] < 1e-9
    assert rough.residuals[1] < 1e-1
    np.testing.assert_allclose(rough.values[0], levels[0], rtol=1e-12)
    assert rough.values[1] * (1 - rough.residuals[1]) <= levels[1] * (1 + 1e-12)


def test_a_long_search_stays_orthonormal(rng):
    """Corrections that lie nearly in the basis, far beyond what this precision can gain: they must not spoil it."""
    levels = np.linspace(1, 1e6, 400)
    q = np.linalg.qr(rng.standard_normal((400, 400)))[0]
    a = (q * levels) @ q.T
    ritz = davidson(a.__matmul__, inverse_of(a), rng.standard_normal((400, 4)), 3, tolerance=1e-13, iterations=100)
    np.testing.assert_allclose(ritz.vectors.T @ ritz.vectors, np.eye(4), atol=1e-12)
    np.testing.assert_allclose(ritz.values[:3], levels[:3], rtol=1e-9)


def test_ends_when_the_caller_has_enough(matrices, rng):
    """Of the values of all iterations so far, which fall."""
    a, mass, _ = matrices
    seen = []
    start = rng.standard_normal((len(a), 3))
    ritz = davidson(
        a.__matmul__,
        inverse_of(a),
        start,
        3,
        **in_metric(mass),
        tolerance=0.0,
        enough=lambda values: seen.append(list(values)) or len(values) > 4,
    )
    assert ritz.iterations == 5
    assert [len(values) for values in seen] == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(seen[-1][-1], ritz.values)
    assert np.all(np.diff(seen[-1], axis=0) < 1e-12)
