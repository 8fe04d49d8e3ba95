"""Potentials in all space against Gauss's law, and against themselves."""

import numpy as np
import pytest
from media import INSIDE, OUTSIDE, ball, problem, uniform
from scipy.integrate import quad
from scipy.special import erf, ndtr

from solvers.errors import NotConverged
from solvers.poisson import Halves


def gaussian(poisson, width, centre=(0.0, 0.0, 0.0)):
    rows = [
        np.exp(-((axis.images - c) ** 2) / (2 * width**2)) / np.sqrt(2 * np.pi * width**2)
        for axis, c in zip(poisson.axes, centre)
    ]
    return np.einsum("a,b,c->abc", *rows)[None]


def along_x(field, x):
    return field.on_grid(np.asarray(x), np.zeros(1), np.zeros(1))[0, :, 0, 0]


def test_a_gaussian_charge_converges_exponentially():
    """erf(r / sqrt 2 s) / 4 pi r, without iteration: two more degrees, a tenth of the error or less."""
    s, r = 1.5, np.array([1.0, 3.0, 8.0])
    exact = erf(r / (np.sqrt(2) * s)) / (4 * np.pi * r)
    errors = []
    for degree in (2, 4, 6, 8):
        poisson = problem(uniform, degree)
        field = poisson.uniform(poisson.density(gaussian(poisson, s)), 1.0)
        errors.append(np.abs(along_x(field, r) / exact - 1).max())
    assert np.all(np.diff(np.log10(errors)) < -1)
    assert errors[-1] < 1e-6


@pytest.mark.parametrize("mirrored", [True, False])
def test_gauss_law_in_a_dielectric_ball(mirrored):
    """-phi' = Q(r) / (4 pi eps(r) r^2), whatever eps(r); by halves and on the whole axis."""
    s = 1.2
    poisson = problem(ball, 4, mirrored=mirrored)
    field = poisson.solve(poisson.density(gaussian(poisson, s)))

    def slope(r):
        charge = erf(r / (np.sqrt(2) * s)) - np.sqrt(2 / np.pi) * r / s * np.exp(-((r / s) ** 2) / 2)
        return charge / (4 * np.pi * (OUTSIDE + (INSIDE - OUTSIDE) * ndtr((3 - r) / 0.5)) * r**2)

    r = np.array([0.5, 2.0, 3.0, 5.0, 20.0])
    exact = [quad(slope, a, 12)[0] + quad(slope, 12, np.inf)[0] for a in r]
    assert along_x(field, r) == pytest.approx(exact, rel=3e-3)
    assert np.all(field.residuals <= 1e-5)


def test_what_is_known_may_be_left_out():
    """The difference from the uniform potential, computed as such, is the difference."""
    poisson = problem(ball, 4, tolerance=1e-8)
    load = poisson.density(gaussian(poisson, 1.0, (0.5, -0.3, 1.0)))
    known = poisson.uniform(load, INSIDE)
    whole, rest = poisson.solve(load), poisson.solve(load, known)
    points = [np.array([-2.0, 0.3, 4.0]), np.array([0.1]), np.array([1.0, 7.0])]
    total = (known + rest).on_grid(*points)
    assert total == pytest.approx(whole.on_grid(*points), abs=1e-7 * total.max())
    assert np.abs(rest.on_grid(*points)).max() > 0.1 * total.max()


def test_the_boundary_is_not_seen():
    """A charge off the middle of a ball: the error falls with the third power of the boundary's distance, or faster."""
    x = np.array([-2.0, 0.0, 2.0])
    found = []
    for reach in (12.0, 48.0, 400.0):
        poisson = problem(ball, 5, reach=reach, tolerance=1e-9)
        load = poisson.charges((np.array([2.0]), np.zeros(1), np.zeros(1)), np.ones((1, 1, 1, 1)))
        found.append(along_x(poisson.solve(load, poisson.uniform(load, INSIDE)), x))
    near, far = (np.abs(f - found[-1]).max() / np.abs(found[-1]).max() for f in found[:2])
    assert near < 2e-2
    assert far < near / 4**3 * 2


def test_reciprocity_and_parities():
    """The potential of one charge at the other, in a medium without symmetry on axes taken whole; and by halves."""
    here, there = np.array([1.0, -0.5, 2.0]), np.array([-1.5, 2.5, 0.7])

    def lopsided(x, y, z):
        return ball(x - 0.5, y + 0.3, z)

    for permittivity, mirrored in ((lopsided, False), (ball, True)):
        poisson = problem(permittivity, 4, mirrored=mirrored, tolerance=1e-8)
        potentials = []
        for source, target in ((here, there), (there, here)):
            load = poisson.charges(tuple(source[:, None]), np.ones((1, 1, 1, 1)))
            rest = poisson.solve(load, poisson.uniform(load, INSIDE))
            potentials.append(rest.each_at(target[None])[0])
        assert potentials[0] == pytest.approx(potentials[1], rel=1e-6)


def test_halves_are_the_whole():
    """Eight sectors add up to the problem without symmetry."""
    source = tuple(np.array([[1.0], [-0.5], [2.0]]))
    rows = [np.array([-2.0, 0.4]), np.array([1.0]), np.array([-0.2, 3.0])]
    values = []
    for mirrored in (True, False):
        poisson = problem(ball, 4, mirrored=mirrored, tolerance=1e-9)
        load = poisson.charges(source, np.ones((1, 1, 1, 1)))
        assert load.charge == pytest.approx(1.0)
        values.append(poisson.solve(load).on_grid(*rows))
    assert values[0] == pytest.approx(values[1], rel=1e-7)


def test_energy_by_the_coefficient():
    """d(int f u)/d(scale of eps in a part) = -int_part eps |grad u|^2, beyond the boundary included."""
    poisson = problem(ball, 4, tolerance=1e-8)
    load = poisson.density(gaussian(poisson, 1.0))
    field = poisson.solve(load)
    inside = poisson.form(field, poisson.permittivity)[0, 0]
    weights = poisson.density(gaussian(poisson, 1.0)).parts
    energy = sum(8 * float(np.sum(part.values[0] * field.parts[p].values[0])) for p, part in weights.items())
    assert inside + OUTSIDE * poisson.beyond() * field.monopole[0] ** 2 == pytest.approx(energy, rel=1e-4)


def test_a_solve_that_fails_says_so():
    poisson = problem(ball, 3, iterations=2, tolerance=1e-8)
    with pytest.raises(NotConverged, match=r"0 of 1 potentials .* after 2 iterations .* 2 to 6, may") as error:
        poisson.solve(poisson.density(gaussian(poisson, 1.0)))
    assert error.value.found.residuals > 1e-8


def test_a_mirrored_axis_is_the_same_from_both_ends():
    with pytest.raises(ValueError, match="the same from both ends"):
        Halves.of(np.array([-2.0, 0.0, 1.0]), [3, 3], True)
