"""Plane waves against integrals of Gaussians, and against one another."""

import numpy as np
import pytest

from solvers.grid import Grid
from solvers.parity import ANY
from solvers.waves import Waves

BOX = np.array([[-5.0, -4.0, -4.5], [5.0, 4.0, 4.5]])


def waves_on(points, halves=(False, False, False), count=48):
    rows, weights = [], []
    for (low, high), half in zip(BOX.T, halves):
        t, w = np.polynomial.legendre.leggauss(points)
        x, w = (low + high) / 2 + (high - low) / 2 * t, (high - low) / 2 * w
        rows.append(x[points // 2 :] if half else x)
        weights.append(2 * w[points // 2 :] if half else w)
    return Waves(Grid(tuple(rows), tuple(weights)), BOX, count, halves)


def gaussian(grid, width, centre=(0.0, 0.0, 0.0)):
    rows = [
        np.exp(-((x - c) ** 2) / (2 * width**2)) / np.sqrt(2 * np.pi * width**2) for x, c in zip(grid.points, centre)
    ]
    return np.einsum("a,b,c->abc", *rows)[None]


@pytest.mark.parametrize("beta", [0.05, 1.0, 400.0])
def test_gaussian_kernel(beta):
    """int int rho rho' exp(-beta s^2) = (1 + 2 beta (s1^2 + s2^2))^(-3/2) exp(-beta d^2/(1 + ...)), wide and narrow."""
    waves = waves_on(48)
    first, second = gaussian(waves.grid, 0.6), gaussian(waves.grid, 0.5, (0.4, 0.0, -0.3))
    found = (waves.transform(first)[0] * waves.kernel(np.exp(-beta * waves.radii**2))) @ waves.transform(second)[0]
    broad = 1 + 2 * beta * (0.6**2 + 0.5**2)
    assert found == pytest.approx(broad**-1.5 * np.exp(-beta * 0.25 / broad), rel=1e-6)


def test_halves_and_wholes_agree():
    """Even and odd densities on half the points give what all points give; unlike parities do not interact."""
    whole, half = waves_on(40), waves_on(40, (True, True, True))
    kernel = np.exp(-0.7 * whole.radii)
    for parity in ((0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 1, 1)):
        values = []
        for waves in (whole, half):
            x, y, z = waves.grid.points
            odd = np.einsum("a,b,c->abc", *(r if p else np.ones_like(r) for r, p in zip((x, y, z), parity)))
            density = gaussian(waves.grid, 0.7) * odd
            known = parity if waves is half else (ANY, ANY, ANY)
            f = waves.transform(density, known)[0]
            values.append((f * waves.kernel(kernel, known)) @ f)
            back = waves.potential(f[None], waves.kernel(kernel, known), known)[0]
            assert waves.grid.integral(density[0] * back) == pytest.approx(values[-1], rel=1e-9)
        assert values[0] == pytest.approx(values[1], rel=1e-9)


def test_directions_add_up():
    """k(s) s_d^2 / s^2 over all three axes is k(s); by itself it is the derivative of a Gaussian's integral."""
    waves = waves_on(40)
    kernel = waves.radii**2 * np.exp(-0.8 * waves.radii**2)
    parts = [waves.directed(kernel, axis) for axis in range(3)]
    assert np.abs(sum(parts) - waves.kernel(kernel)).max() <= 1e-9 * np.abs(waves.kernel(kernel)).max()
    f = waves.transform(gaussian(waves.grid, 0.6, (0.5, 0.0, 0.0)))[0]
    g = waves.transform(gaussian(waves.grid, 0.6))[0]
    found = [float((f * part) @ g) for part in parts]
    # int s_x^2 exp(-b s^2) over a Gaussian of variance v around d: from its moments
    v, b, d = 2 * 0.6**2, 0.8, 0.5
    broad = 1 + 2 * b * v
    norm = broad**-1.5 * np.exp(-b * d**2 / broad)
    assert found[0] == pytest.approx(norm * (v / broad + (d / broad) ** 2), rel=1e-6)
    assert found[1] == pytest.approx(norm * v / broad, rel=1e-6)


def test_a_parity_that_the_grid_does_not_have_is_refused():
    with pytest.raises(ValueError, match="parity"):
        waves_on(8).transform(np.ones((1, 8, 8, 8)), (0, 0, 0))
