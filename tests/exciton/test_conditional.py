"""The correlated pair with one partner held: norms, limits, the cusp, and two ways to the same mean distance."""

from dataclasses import dataclass
from itertools import combinations_with_replacement, permutations

import hard_cube
import numpy as np
import pytest
from hard_cube import MASSES, pair

from exciton.pair.conditional import conditional, distance_on
from exciton.pair.distance import contact, distances
from solvers.eigen import Eigenpairs
from solvers.grid import Grid


@dataclass
class Sines:
    """The orbitals of the hard-walled cube as a space: one unknown each."""

    edge: float
    most: int

    def on_grid(self, vectors, x, y, z):
        """(count, nx, ny, nz), zero outside."""
        rows = [[self._one(n, c) for n in range(1, 12)] for c in (x, y, z)]
        basis = [
            np.einsum("a,b,c->abc", *(row[k - 1] for row, k in zip(rows, n))) for n in hard_cube.numbers(self.most)
        ]
        return np.tensordot(vectors.T, basis, axes=1)

    def _one(self, n, x):
        inside = np.abs(x) <= self.edge / 2
        return np.where(inside, np.sqrt(2 / self.edge) * (np.cos if n % 2 else np.sin)(n * np.pi * x / self.edge), 0.0)


class Cube:
    """The correlated pair in it."""

    def __init__(self, edge, most=14):
        self.edge, self.space = edge, Sines(edge, most)
        self.geminals, found = pair(edge, most)
        self.function = self.geminals.function(found)
        count = len(hard_cube.numbers(most))
        states = Eigenpairs(np.arange(count) + 1.0, np.eye(count), np.zeros(count), 1, "exact")
        self.pairs = (states, states)

    def grid(self, points):
        t, w = np.polynomial.legendre.leggauss(points)
        x, w = t * self.edge / 2, w * self.edge / 2
        return Grid((x, x, x), (w, w, w))

    def hole(self, place, points=30):
        return conditional(self.function, self.space, self.pairs, "hole", np.array(place), self.grid(points))


@pytest.fixture(scope="module")
def large():
    return Cube(14.2)


def mean_distance(cube, held, grid):
    return grid.integral(distance_on(grid, held.place) * held.on_grid(cube.space, grid) ** 2)


@pytest.mark.parametrize("carrier", ["electron", "hole"])
def test_a_probability_density(large, carrier):
    """It integrates to 1 on another grid than the one that it was normalised on, wherever the partner is."""
    fine = large.grid(41)
    for place in ([0.0, 0.0, 0.0], [3.55, 0.0, 0.0], [5.0, -4.0, 2.0]):
        held = conditional(large.function, large.space, large.pairs, carrier, np.array(place), large.grid(30))
        assert fine.integral(held.on_grid(large.space, fine) ** 2) == pytest.approx(1, abs=2e-3)


def test_strong_confinement_knows_no_partner():
    """As L/a_B goes to 0 the hole is where it is alone, to first order in L/a_B."""
    off = []
    for edge in (0.1, 0.2):
        cube = Cube(edge, 9)
        grid = cube.grid(24)
        phi = cube.hole([edge / 4, 0.0, 0.0]).on_grid(cube.space, grid)
        alone = cube.space.on_grid(np.eye(len(cube.pairs[0].values))[:, :1], *grid.points)[0]
        off.append(grid.integral(np.abs(phi**2 - alone**2)))
    assert off[1] < 0.05
    assert off[1] / off[0] == pytest.approx(2, rel=0.1)


def test_the_hole_is_drawn_to_the_electron(large):
    """In a cube of 4.6 Bohr radii it is nearer than alone, and follows the electron to the side."""
    grid = large.grid(30)
    alone = large.space.on_grid(np.eye(len(large.pairs[0].values))[:, :1], *grid.points)[0] ** 2
    for place in ([0.0, 0.0, 0.0], [3.55, 0.0, 0.0]):
        held = large.hole(place)
        apart = grid.integral(distance_on(grid, held.place) * alone)
        assert mean_distance(large, held, grid) < 0.85 * apart
    x = grid.points[0][:, None, None]
    assert 1.0 < grid.integral(x * large.hole([3.55, 0.0, 0.0]).on_grid(large.space, grid) ** 2) < 3.55


def test_mirrored_partners(large):
    """Two mirror images of the partner give mirror images of the hole."""
    grid = large.grid(20)
    right, left = (large.hole([x, 1.0, 0.0]).on_grid(large.space, grid) for x in (3.0, -3.0))
    assert right[::-1] == pytest.approx(left, abs=1e-9)


def test_nothing_where_the_partner_never_is(large):
    """Outside of the cube there is no conditional density."""
    assert large.hole([7.2, 0.0, 0.0]) is None


def test_distribution_of_the_distance(large):
    """It integrates to 1; the uncorrelated one has <1/s> = 3.0477870/L, and the pair is nearer than that."""
    found = distances(large.function, large.geminals.integrals)
    for curve in (found.correlated, found.uncorrelated):
        assert np.trapezoid(curve, found.s) == pytest.approx(1, abs=1e-5)
        assert np.all(curve > -1e-7)
    inverse = np.trapezoid(found.uncorrelated[1:] / found.s[1:], found.s[1:])
    assert inverse == pytest.approx(3.0477870 / large.edge, rel=5e-4)
    assert found.mean(found.correlated) < 0.7 * found.mean(found.uncorrelated)


def test_cusp(large):
    """Kato: the averaged density at a distance falls from contact with the slope -2/a_B of its value."""
    step = 1e-3
    near = contact(large.function, large.geminals.integrals, np.array([0.0, step, 2 * step]))
    slope = (-3 * near[0] + 4 * near[1] - near[2]) / (2 * step)
    assert slope / near[0] == pytest.approx(-2 / hard_cube.units(MASSES)[1], rel=0.02)


def test_parity_changes_no_distance():
    """Half the points and one symmetry class, or all points and no symmetry at all."""
    curves = []
    for halves in (True, False):
        geminals, states = pair(10.0, 6, halves=halves, waves=20, points=28)
        curves.append(distances(geminals.function(states), geminals.integrals, 40).correlated)
    assert curves[1] == pytest.approx(curves[0], abs=1e-7)


def test_all_partners_make_the_pair(large):
    """Weighted with the electron's density, the means over held electrons add up to the mean of the distribution."""
    total, weight = 0.0, 0.0
    t, w = np.polynomial.legendre.leggauss(12)
    x, w = t[6:] * large.edge / 2, w[6:] * large.edge  # one octant for all
    inner = large.grid(24)
    for i, j, k in combinations_with_replacement(range(6), 3):
        times = len(set(permutations((i, j, k))))
        held = large.hole([x[i], x[j], x[k]], 24)
        if held is None:  # in the corner, where the electron hardly ever is
            continue
        raw = conditional_density(large, held.place)
        total += times * w[i] * w[j] * w[k] * raw * mean_distance(large, held, inner)
        weight += times * w[i] * w[j] * w[k] * raw
    assert weight == pytest.approx(1, abs=2e-3)
    found = distances(large.function, large.geminals.integrals)
    assert total == pytest.approx(found.mean(found.correlated), rel=5e-3)


def conditional_density(cube, place):
    """The electron's density at a place, nm^-3: the factor by which the amplitude was made smaller, squared."""
    at_contact = cube.space.on_grid(np.eye(len(cube.pairs[0].values)), *(np.array([c]) for c in place))[:, 0, 0, 0]
    function = cube.function
    products = at_contact[function.products.electron] * at_contact[function.products.hole]
    psi = float(function.functions.sum(axis=1) @ (function.coefficients @ products))
    held = cube.hole(place, 24)
    phi = held.amplitude(np.zeros(1), np.tensordot(held.vectors.T, at_contact[:, None], axes=1))[0]
    return (psi / phi) ** 2
