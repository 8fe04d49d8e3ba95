"""The diagonal of the Green's function, relative to the local uniform medium."""

import numpy as np
import pytest
from media import INSIDE, OUTSIDE, ball, problem, uniform

from solvers.errors import NotConverged
from solvers.greens import regular_part, regular_part_of_slab

POINTS = np.array([[0.0, 0.0, 0.0], [1.0, 0.3, 0.0], [1.5, 1.0, 0.5]])


def slab(x, y, z):
    """Layers across x: eps is 6 within |x| < 3, and 2 beyond, softly."""
    return np.broadcast_to(ball(x, np.zeros(1), np.zeros(1)), (len(x), len(y), len(z)))


def test_a_uniform_medium_has_none():
    poisson = problem(uniform, 3)
    assert regular_part(poisson, POINTS, np.ones(3)) == pytest.approx(np.zeros(3), abs=1e-12)


def test_a_charge_in_the_middle_of_a_ball():
    """Gauss's law: 4 pi H = int (1/eps(r) - 1/eps(0)) / r^2 dr, whatever the step."""
    r = np.linspace(1e-3, 12, 20001)
    eps = ball(r, np.zeros(1), np.zeros(1)).ravel()
    outside = (1 / OUTSIDE - 1 / INSIDE) / 12
    exact = (np.trapezoid((1 / eps - 1 / INSIDE) / r**2, r) + outside) / (4 * np.pi)
    found = regular_part(problem(ball, 4), POINTS[:1], np.array([INSIDE]))
    assert found == pytest.approx([exact], rel=5e-3)


def test_few_iterations_are_enough():
    """An error in the potential enters squared."""
    poisson = problem(ball, 3)
    local = np.full(3, INSIDE)
    exact, rough, rougher = (regular_part(poisson, POINTS, local, tolerance=t) for t in (1e-8, 0.1, 0.4))
    assert 0 < np.abs(rough / exact - 1).max() < 1e-3
    assert np.abs(rougher / exact - 1).max() < 1e-2


def test_a_slab_is_a_slab():
    """With and without separation of variables: one discrete problem, so one answer."""
    poisson = problem(slab, 3, reach=200.0)
    found = regular_part(poisson, POINTS, np.full(3, INSIDE), tolerance=1e-9)
    row = slab(poisson.nodes[0], np.zeros(1), np.zeros(1)).ravel()
    separated = regular_part_of_slab(poisson, POINTS, np.full(3, INSIDE), 0, row)
    assert separated == pytest.approx(found, rel=2e-3)  # the boundary's potential is not that of layers


def test_a_contrast_too_large_is_refused():
    poisson = problem(ball, 3, iterations=2)
    with pytest.raises(NotConverged, match="point charges missed the tolerance"):
        regular_part(poisson, POINTS, np.full(3, INSIDE), tolerance=1e-6)
