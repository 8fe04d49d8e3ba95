"""The exact answers are held against independent ones, before anything is held against them."""

import exact
import numpy as np
import pytest
from numpy.polynomial.legendre import Legendre, leggauss
from rates import fitted_rate
from scipy.linalg import eigh
from scipy.optimize import brentq


def weak_form(breaks, diffusion, potential, weight, extra, degree=24):
    """Matrices of ``int w (a u'^2 + V u^2) + extra(x) a u^2`` and ``int w u^2`` in polynomials of high degree."""
    x, q = leggauss(3 * degree)
    size = len(diffusion) * degree + 1
    stiff, mass = np.zeros((size, size)), np.zeros((size, size))
    hats = [Legendre([0.5, -0.5]), Legendre([0.5, 0.5])]
    bubbles = [(Legendre.basis(n + 1) - Legendre.basis(n - 1)) for n in range(1, degree)]
    shapes = [hats[0], *bubbles, hats[1]]
    values = np.array([s(x) for s in shapes])
    slopes = np.array([s.deriv()(x) for s in shapes])
    for e, (a, v) in enumerate(zip(diffusion, potential)):
        h = breaks[e + 1] - breaks[e]
        r = breaks[e] + h * (x + 1) / 2
        w = weight(r) * q * h / 2
        here = slice(e * degree, (e + 1) * degree + 1)
        stiff[here, here] += a * (slopes * w) @ slopes.T * 4 / h**2
        stiff[here, here] += (values * (w * v + extra(r) * a * q * h / 2)) @ values.T
        mass[here, here] += (values * w) @ values.T
    return stiff, mass


def test_hard_box_counts_degenerate_levels():
    np.testing.assert_allclose(exact.hard_box((1, 1, 1), 1 / np.pi**2, 7), [3, 6, 6, 6, 9, 9, 9])
    np.testing.assert_allclose(exact.hard_box((1, 2, 4), np.array([1, 4, 16]) / np.pi**2, 2), [3, 6])


def test_uniform_line_is_a_sine():
    levels = exact.line([0, 0.3, 1.0], [2.0, 2.0], [5.0, 5.0], 4)
    np.testing.assert_allclose(levels, 5 + 2 * (np.pi * np.arange(1, 5)) ** 2, rtol=1e-12)


def test_even_well_meets_the_textbook_equation():
    """Even states: k a tan(k L / 2) = kappa b coth(kappa t), psi and a psi' matched by hand."""
    length, margin, a, b, barrier = 3.0, 1.2, 0.8, 0.3, 4.0

    def condition(energy):
        k, kappa = np.sqrt(energy / a), np.sqrt((barrier - energy) / b)
        return k * a * np.sin(k * length / 2) - kappa * b / np.tanh(kappa * margin) * np.cos(k * length / 2)

    ground = brentq(condition, 1e-6, a * (np.pi / length) ** 2)
    levels = exact.line(np.cumsum([0, margin, length, margin]), [b, a, b], [barrier, 0, barrier], 1)
    assert levels[0] == pytest.approx(ground, rel=1e-12)


def test_line_with_jumps_against_polynomials():
    breaks, a, v = [0.0, 1.0, 1.7, 4.0, 4.5], [0.3, 1.5, 0.2, 0.9], [2.0, -3.0, 0.0, 6.0]
    stiff, mass = weak_form(breaks, a, v, np.ones_like, np.zeros_like)
    found = eigh(stiff[1:-1, 1:-1], mass[1:-1, 1:-1], eigvals_only=True)[:8]
    np.testing.assert_allclose(exact.line(breaks, a, v, 8), found, rtol=1e-11)


def test_separable_well_becomes_a_box():
    well = exact.separable_well(2.0, 1.0, 1.0, 1e7, 4)
    box = exact.hard_box((2, 2, 2), 1.0, 4)
    np.testing.assert_allclose(well, box, rtol=2e-3)
    assert np.all(well < box)


def test_slab_of_one_material_is_a_box():
    a = (0.4, 1.0, 2.5)
    levels = exact.slab([0, 1.1, 2.0], (1.5, 3.0), [a, a], [0.7, 0.7], 9)
    np.testing.assert_allclose(levels, 0.7 + exact.hard_box((2.0, 1.5, 3.0), a, 9), rtol=1e-12)


def test_sphere_has_the_zeros_of_the_spherical_bessel_functions():
    zeros = [np.pi, *[4.493409457909064] * 3, *[5.763459196894550] * 5, 2 * np.pi, *[6.987932000500519] * 7]
    np.testing.assert_allclose(exact.sphere(2.0, 0.5, len(zeros)), 0.5 * (np.array(zeros) / 2.0) ** 2, rtol=1e-12)


@pytest.mark.parametrize("l", [0, 1, 2])
@pytest.mark.parametrize("potential", [(0.0, 3.0), (0.0, -3.0), (0.0, 0.0)])
def test_core_shell_against_polynomials(l, potential):
    """The weak form of the radial equation knows nothing of Bessel functions nor of matching."""
    inner, outer, a = 2.0, 3.1, (1.3, 0.4)
    stiff, mass = weak_form([0.0, inner, outer], a, potential, np.square, lambda r: np.full_like(r, l * (l + 1.0)))
    first = 0 if l == 0 else 1
    found = eigh(stiff[first:-1, first:-1], mass[first:-1, first:-1], eigvals_only=True)[:4]
    np.testing.assert_allclose(exact.radial(l, inner, outer, a, potential, 4), found, rtol=1e-9)


def test_fitted_rate_recovers_a_power():
    h = np.array([0.5, 0.3, 0.1])
    assert fitted_rate(h, -3 * h**4) == pytest.approx(4, abs=1e-12)
