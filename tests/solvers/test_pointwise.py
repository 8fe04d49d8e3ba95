"""A potential given at the quadrature points: exact levels, both ways of giving it, symmetry found and not assumed."""

import grids
import numpy as np
import pytest

from solvers import hp
from solvers.adapt import Problem, fixed
from solvers.line import Line
from solvers.pointwise import Pointwise
from solvers.space import Space

CUBE = grids.nested((4.0, 4.0, 4.0), (1.0,))
ROW = np.array([-3.0, -2.0, 0.0, 2.0, 3.0])
A, V = (1.0, 0.4), (0.0, 3.0)


def boxes(degree=5, structure=CUBE):
    rows = [np.array(sorted({*hp.interfaces(structure, d), 0.0})) for d in range(3)]
    return grids.box_space(structure, rows, degree)


def levels(frequencies, count):
    """Of ``-div grad + sum w_i^2 x_i^2``: sum w_i (2 n_i + 1)."""
    n = np.indices((12, 12, 12)).reshape(3, -1)
    return np.sort(np.asarray(frequencies) @ (2 * n + 1))[:count]


@pytest.mark.parametrize("symmetry", [True, False])
@pytest.mark.parametrize("w", [(1.0, 1.0, 1.0), (1.0, 1.3, 1.7)])
def test_harmonic_oscillator(w, symmetry):
    """Analytic levels, degenerate ones included, the wall too far away to be felt; separable, so few iterations."""
    structure = grids.nested((14.0, 14.0, 14.0))
    space = grids.box_space(structure, [np.linspace(-7, 7, 5)] * 3, 12)
    x, y, z = space.points()
    well = w[0] ** 2 * x[:, None, None] ** 2 + w[1] ** 2 * y[:, None] ** 2 + w[2] ** 2 * z**2
    found = space.lowest([1.0], [0.0], 10, extra=well, tolerance=1e-8, symmetry=symmetry)
    np.testing.assert_allclose(found.values, levels(w, 10), rtol=2e-7)
    assert found.iterations < 12
    assert all((label == "...") != symmetry for label in found.labels)
    by_function = space.lowest(
        [1.0], [0.0], 10, extra=lambda x, y, z: (w[0] * x) ** 2 + (w[1] * y) ** 2 + (w[2] * z) ** 2, tolerance=1e-8
    )
    np.testing.assert_allclose(by_function.values, found.values, rtol=1e-10)


@pytest.mark.parametrize("shift", [-7.0, 0.25, 40.0])
def test_a_constant_shifts_every_level(shift):
    """And nothing else, whatever its sign: iterations, parities and states stay."""
    space = boxes()
    plain, moved = (space.lowest(A, V, 8, extra=extra, tolerance=1e-9) for extra in (None, shift))
    np.testing.assert_allclose(moved.values, plain.values + shift, rtol=1e-10)
    np.testing.assert_allclose(np.diagonal(space.gram(moved.vectors).sum(axis=0)), 1.0, rtol=1e-10)
    assert moved.labels == plain.labels


def test_equals_a_potential_that_is_constant_in_each_box():
    """The potential of the boxes, given at the points instead, on a cuboid with a shifted core."""
    structure = grids.nested((4.0, 3.0, 5.0), (1.0,), (0.3, 0.0, -0.5))
    space = boxes(4, structure)
    (half, centre) = structure.core.extent / 2, structure.centres[0]

    def potential(x, y, z):
        inside = [abs(c - m) < h for c, m, h in zip((x, y, z), centre, half)]
        return np.where(inside[0] & inside[1] & inside[2], 0.5, 2.5)

    by_points = space.lowest(A, (0.0, 0.0), 6, extra=potential, tolerance=1e-9)
    by_boxes = space.lowest(A, (0.5, 2.5), 6, tolerance=1e-9)
    np.testing.assert_allclose(by_points.values, by_boxes.values, rtol=1e-11)


@pytest.mark.parametrize(
    ("potential", "parities"),
    [
        (lambda x, y, z: -6.0 * np.exp(-(x**2) - y**2 - z**2 - 0.5 * x * y * z**2), ("...", "..e", "..o")),
        (lambda x, y, z: 0.8 * x + 0 * y * z, (".ee", ".oe", ".eo", ".oo")),
        (lambda x, y, z: -5.0 * np.exp(-((x - y) ** 2) - z**2), ("..e", "..o")),
        (lambda x, y, z: -5.0 / (1 + x**2 + y**2 + 3 * z**2), None),
    ],
    ids=["coupled", "field", "tilted", "two kinds"],
)
def test_only_mirror_planes_of_the_potential_too_are_used(potential, parities):
    """With symmetry or without: the same levels; parities along the axes that have a mirror plane, and no other."""
    space = boxes(4)
    one, other = (space.lowest(A, V, 9, extra=potential, symmetry=s, tolerance=1e-9) for s in (True, False))
    np.testing.assert_allclose(one.values, other.values, rtol=1e-10)
    if parities is not None:
        assert set(one.labels) <= set(parities)
    else:  # x and y can change places, z cannot
        assert Pointwise.of(space.lines, potential).exchangeable(0, 1)
        assert not Pointwise.of(space.lines, potential).exchangeable(0, 2)
        assert all("." not in label for label in one.labels)


def test_first_order_of_a_weak_potential(rng):
    """dE/dg of H + g W is the expectation value of W (Hellmann-Feynman), by `at_points` and `weights`."""
    space = boxes(4)
    x, y, z = space.points()
    w = np.cos(x)[:, None, None] * np.exp(0.3 * y)[:, None] + rng.uniform(size=(len(x), len(y), len(z)))
    ground = [space.lowest(A, V, 1, extra=g * w, tolerance=1e-10) for g in (-1e-3, 0.0, 1e-3)]
    psi = space.at_points(ground[1].vectors)[0]
    expectation = np.einsum("abc,abc,a,b,c", psi**2, w, *space.weights())
    assert np.einsum("abc,a,b,c", psi**2, *space.weights()) == pytest.approx(1.0)
    assert (ground[2].values[0] - ground[0].values[0]) / 2e-3 == pytest.approx(expectation, rel=1e-6)


def test_refinement_to_a_tolerance():
    """The oscillator again, found by hp refinement from a function of x, y and z."""
    well = Problem(np.ones((1, 3)), np.zeros(1), 4, extra=lambda x, y, z: x**2 + y**2 + z**2)
    solved = hp.adapt(grids.nested((14.0, 14.0, 14.0)), [well], 1e-5)
    off = solved.pairs[0].values - levels((1, 1, 1), 4)
    assert np.abs(off).max() < 1e-5
    assert np.all(solved.errors[0] >= np.abs(off) / 3 - 1e-9)


def test_what_does_not_fit_is_refused():
    space = boxes(2)
    with pytest.raises(ValueError, match=r"has shape \(\d+, \d+, \d+\); found shape \(2, 2, 2\)"):
        space.lowest(A, V, 1, extra=np.zeros((2, 2, 2)))
    with pytest.raises(ValueError, match="must be finite"):
        space.lowest(A, V, 1, extra=lambda x, y, z: 1 / (0 * x * y * z + np.where(x > 100, 1.0, np.inf)) + np.nan)
    mesh = Space(grids.cube("hexahedron", 2), 2)
    with pytest.raises(ValueError, match="nested boxes"):
        fixed(mesh, [Problem(np.ones((1, 3)), np.zeros(1), 1, extra=lambda x, y, z: x * y * z)])


def test_half_of_the_points_stand_for_all():
    """An odd number of points in all, and an even one: integrals of even functions by one half are those by all."""
    for degrees in ((3, 3), (3,)):
        line = Line(np.linspace(-1.0, 1.0, len(degrees) + 1), degrees)
        w = Pointwise.of((line,) * 3, lambda x, y, z: 1 + x**2 + y**2 * z**2)
        ones = np.linalg.lstsq(line.quadrature(1).values, 1 - line.quadrature(1).points ** 2, rcond=None)[0][:, None]
        whole, half = (w.between([ones] * 3, [flag] * 3) for flag in (False, True))
        integrals = [np.einsum("abc,a,b,c", local, *(t[:, 0] ** 2 for t in tables)) for tables, local in (whole, half)]
        assert integrals[0] == pytest.approx(integrals[1], rel=1e-13)
