"""The field inside: in a sphere 3 eps_out / (eps_in + 2 eps_out), and what symmetry and a uniform medium say."""

import numpy as np
import pytest

from exciton.dielectric import Dielectric
from exciton.local_field import field_along
from meshes.shapes import Cuboid, Sphere, Structure
from solvers.grid import Grid

INSIDE, OUTSIDE = 7.3, 2.13


def field(shape, width=0.3, permittivities=(INSIDE, OUTSIDE), axis=2, half=1.0):
    node, weight = np.polynomial.legendre.leggauss(6)
    grid = Grid((half * node,) * 3, (half * weight,) * 3)
    return field_along(
        Dielectric(("core", "medium"), permittivities, permittivities[0], Structure(shape), width), grid, axis
    )


def test_a_uniform_medium_changes_nothing():
    assert field(Cuboid((6.0, 6.0, 6.0)), permittivities=(4.0, 4.0)) == pytest.approx(1, abs=1e-9)


def test_a_sphere():
    """Uniform inside; as the interface becomes sharp, the textbook's value."""
    exact = 3 * OUTSIDE / (INSIDE + 2 * OUTSIDE)
    means = []
    for width in (0.6, 0.3):
        values = field(Sphere(6.0), width)
        assert np.ptp(values) < 5e-3
        means.append(values.mean())
    assert abs(means[1] - exact) < abs(means[0] - exact)
    assert 2 * means[1] - means[0] == pytest.approx(exact, rel=5e-3)


def test_axes_of_a_cube_are_alike_and_those_of_a_plate_are_not():
    """The field across a plate is screened more, that along it less, than in a cube."""
    cube = [field(Cuboid((6.0, 6.0, 6.0)), axis=axis).mean() for axis in (0, 2)]
    assert cube[0] == pytest.approx(cube[1], rel=1e-6)
    along, across = (field(Cuboid((9.0, 9.0, 3.0)), axis=axis, half=0.8).mean() for axis in (0, 2))
    assert OUTSIDE / INSIDE < across < cube[0] < along < 1
