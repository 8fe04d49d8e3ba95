"""Self-energies in plane and spherical layers against images and series."""

import numpy as np
import pytest
from scipy.special import ndtr

from exciton.profiles import planar, spherical
from exciton.units import COULOMB

ONE, TWO = 7.3, 2.13


def step(at, spread, one=ONE, two=TWO):
    return lambda x: two + (one - two) * ndtr((at - x) / spread)


def test_image_at_a_plane():
    """A charge in `one` at distance d from `two`: e^2/(16 pi eps0 d) (one - two) / (one (one + two)); on both sides."""
    spread = 0.008
    profile = planar(step(0.0, spread), [0.0], spread)
    d = np.array([0.5, 2.0, 7.0])
    factor = COULOMB / 4 / d * (ONE - TWO) / (ONE + TWO)
    assert profile(-d) == pytest.approx(factor / ONE, rel=5e-3)
    assert profile(d) == pytest.approx(-factor / TWO, rel=2e-2)


def test_images_in_a_slab():
    """The infinite row of images between two planes."""
    spread, half = 0.02, 3.0
    profile = planar(lambda x: step(half, spread)(np.abs(x)), [-half, half], spread)
    k, n = (ONE - TWO) / (ONE + TWO), np.arange(1, 200)
    for x in (0.0, 1.5):
        even = 2 * k ** (2 * n) / (4 * n * half)
        odd = k ** (2 * n - 1) * (1 / ((4 * n - 2) * half - 2 * x) + 1 / ((4 * n - 2) * half + 2 * x))
        assert profile(x) == pytest.approx(COULOMB / (2 * ONE) * (even + odd).sum(), rel=5e-3)


def test_series_in_a_sphere():
    """sum_l (l + 1) (one - two) / (one (l one + (l + 1) two)) (r / R)^2l / R, and its counterpart outside."""
    spread, radius = 0.008, 6.0
    profile = spherical(step(radius, spread), [radius], spread)
    l = np.arange(3000)
    for r in (0.0, 2.0, 5.0):
        inside = (l + 1) * (ONE - TWO) / (ONE * (l * ONE + (l + 1) * TWO)) * (r / radius) ** (2 * l) / radius
        assert profile(r) == pytest.approx(COULOMB / 2 * inside.sum(), rel=3e-3)
    for r in (7.0, 12.0):
        outside = l * (TWO - ONE) / (TWO * (l * ONE + (l + 1) * TWO)) * (radius / r) ** (2 * l + 2) / radius
        assert profile(r) == pytest.approx(COULOMB / 2 * outside.sum(), rel=1e-2)


def test_a_large_sphere_is_a_plane():
    """Through the soft step itself: the difference falls as 1/R."""
    spread, x = 0.23, np.array([-2.0, -0.3, 0.0, 0.2, 1.0])
    flat = planar(step(0.0, spread), [0.0], spread)(x)
    gaps = [np.abs(spherical(step(R, spread), [R], spread)(R + x) - flat).max() for R in (10.0, 40.0, 160.0)]
    assert gaps[0] / gaps[1] == pytest.approx(4, rel=0.15)
    assert gaps[1] / gaps[2] == pytest.approx(4, rel=0.15)


def test_thin_layers_converge():
    """With the square of their thickness, within the step too."""
    spread, x = 0.23, np.linspace(-0.5, 0.5, 21)
    coarse, fine, finest = (planar(step(0.0, spread), [0.0], spread, thin=t)(x) for t in (1 / 12, 1 / 24, 1 / 96))
    near, far = np.abs(fine - finest).max(), np.abs(coarse - finest).max()
    assert far / near == pytest.approx((1 / 144 - 1 / 9216) / (1 / 576 - 1 / 9216), rel=0.3)
    assert near < 1e-3


def test_uniform_layers_are_not_there():
    profile = planar(lambda x: np.full_like(x, 5.0), [-1.0, 1.0], 0.2)
    assert np.abs(profile(np.linspace(-2, 2, 9))).max() < 1e-12
    profile = spherical(lambda x: np.full_like(x, 5.0), [1.0], 0.2)
    assert np.abs(profile(np.linspace(0, 2, 9))).max() < 1e-10
