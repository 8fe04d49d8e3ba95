"""Image potentials and self-energies against the sphere's series, derivatives, symmetries and one another."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erf

from exciton.curved import curved
from exciton.dielectric import Dielectric
from exciton.images import INTERACTION, Images
from exciton.profiles import planar
from exciton.self_energy import FINE, ROUND_FINE, Sampling, _sampled
from exciton.units import COULOMB
from meshes.shapes import Cuboid, RoundedCube, Sphere, Structure
from solvers.grid import Grid

ONE, TWO = 7.3, 2.13


def images(shape, width=0.3, permittivities=(ONE, TWO), points=24, extent=None):
    structure = Structure(shape)
    dielectric = Dielectric(("core", "medium"), permittivities, permittivities[0], structure, width)
    return Images(dielectric, grid_of((shape.extent if extent is None else extent) / 2, points))


def grid_of(half, points):
    node, weight = np.polynomial.legendre.leggauss(points)
    return Grid(tuple(h * node for h in half), tuple(h * weight for h in half))


def blob(grid, width, centre):
    rows = [
        np.exp(-((x - c) ** 2) / (2 * width**2)) / np.sqrt(2 * np.pi * width**2) for x, c in zip(grid.points, centre)
    ]
    return np.einsum("a,b,c->abc", *rows)


def ground(grid, edge):
    return np.einsum("a,b,c->abc", *(2 / edge * np.cos(np.pi * x / edge) ** 2 for x in grid.points))


def test_a_uniform_medium_has_no_images():
    found = images(Cuboid((6.0, 6.0, 6.0)), permittivities=(5.0, 5.0), points=12)
    density = ground(found.grid, 6.0)
    assert np.abs(found.potential(density[None])).max() < 1e-9
    assert np.abs(found.self_energy()).max() < 1e-9


@pytest.mark.parametrize("width", [0.6, 0.3])
def test_image_of_a_charge_in_a_sphere(width):
    """The series for a small spherical cloud at a distance a from the centre; the soft step costs in proportion."""
    radius, a = 3.0, 1.2
    found = images(Sphere(2 * radius), width=width, points=20)
    potential = found.potential(blob(found.grid, 0.6, (a, 0.0, 0.0))[None])[0]
    x, y, z = np.meshgrid(*found.grid.points, indexing="ij")
    r = np.sqrt(x**2 + y**2 + z**2)
    inside = r < 2.0
    l = np.arange(40)[:, None]
    factor = (l + 1) * (ONE - TWO) / (ONE * (l * ONE + (l + 1) * TWO)) / radius
    terms = factor * (a * r[inside] / radius**2) ** l
    series = np.polynomial.legendre.legval(x[inside] / r[inside], terms, tensor=False)
    assert np.ptp(series) > 0.2 * series.min()
    assert potential[inside] == pytest.approx(COULOMB * series, rel=0.1 * width)


def test_a_charged_sphere_in_a_medium():
    """A spherical charge: Gauss's law through the soft interface, exactly; (1/two - 1/one)/R but for its softness."""
    radius, s = 4.0, 0.8
    found = images(Sphere(2 * radius), width=0.5, points=16)
    potential = found.potential(blob(found.grid, s, (0.0, 0.0, 0.0))[None])[0]

    def slope(r):
        charge = erf(r / (np.sqrt(2) * s)) - np.sqrt(2 / np.pi) * r / s * np.exp(-((r / s) ** 2) / 2)
        return charge / r**2 * (1 / found.dielectric(np.array([r]), np.zeros(1), np.zeros(1)).item() - 1 / ONE)

    x, y, z = found.grid.points
    for i, j, k in ((8, 8, 8), (10, 4, 9), (14, 8, 8), (12, 12, 12)):
        r = np.sqrt(x[i] ** 2 + y[j] ** 2 + z[k] ** 2)
        exact = quad(slope, r, 8.0)[0] + (1 / TWO - 1 / ONE) / 8.0
        assert potential[i, j, k] == pytest.approx(COULOMB * exact, rel=2e-3)
    assert potential[8, 8, 8] == pytest.approx(COULOMB * (1 / TWO - 1 / ONE) / radius, rel=3e-2)


def test_self_energy_in_a_box_is_that_of_planes_and_more():
    """Near the middle of a large face: the image at a plane; through the soft interface too."""
    found = images(Cuboid((24.0, 24.0, 24.0)), width=0.6, points=30, extent=np.array([26.0, 26.0, 26.0]))
    sigma = found.self_energy()
    x, middle = found.grid.points[0], len(found.grid.points[0]) // 2
    near = np.abs(x - 12.0) < 1.0
    flat = planar(
        lambda r: found.dielectric(r, np.zeros(1), np.zeros(1)).ravel(), [-12.0, 12.0], found.dielectric.spread
    )
    gap = sigma[near, middle, middle] - flat(x[near])
    assert np.ptp(sigma[near, middle, middle]) > 0.3
    # what the other faces do at 12 nm is less than their images, and hardly changes over 2 nm
    assert np.ptp(gap) < 2.5e-3
    assert 0 < gap.max() < 4 * COULOMB / (4 * 12 * ONE) * (ONE - TWO) / (ONE + TWO)


@pytest.mark.parametrize("shape", [Cuboid((8.0, 8.0, 8.0)), Cuboid((6.0, 8.0, 10.0)), Sphere(8.0)])
def test_self_energy_of_a_point_is_half_its_image_potential(shape):
    """The image part is harmonic well inside: that of a small spherical cloud is that of a charge in its middle.

    Two solvers with nothing in common but eps: point charges and interpolation (or waves), and a density's potential.
    """
    found = images(shape, width=0.4, points=48)
    for centre in ((0.0, 0.0, 0.0), (0.8, 0.5, 2.0)):
        cloud = blob(found.grid, 0.4, centre)
        image = found.grid.integral(cloud * found.potential(cloud[None])[0])
        point = Grid(tuple(np.array([c]) for c in centre), (np.ones(1),) * 3)
        assert Images(found.dielectric, point).self_energy().item() == pytest.approx(image / 2, rel=5e-3)


def test_reciprocity():
    found = images(Cuboid((6.0, 7.0, 8.0)), points=36)
    clouds = np.stack([blob(found.grid, 0.5, c) for c in ((1.0, -0.5, 0.8), (-1.2, 1.0, 0.3))])
    potentials = found.potential(clouds)
    one, other = (found.grid.integral(clouds[i] * potentials[1 - i]) for i in (0, 1))
    assert one == pytest.approx(other, rel=1e-4)
    assert found.grid.integral(clouds * found.potential_change(clouds)) == pytest.approx([0, 0], abs=2e-4)


def test_derivative_by_each_permittivity():
    """Minus the integral of both fields' product, against differences of the whole interaction."""
    structure = Structure(Cuboid((5.0, 5.0, 5.0)), (("shell", 1.0),))
    base, step = (6.0, 4.0, 2.0), 1e-3
    grid = grid_of(np.full(3, 2.5), 20)
    one, other = ground(grid, 5.0), blob(grid, 0.8, (0.3, 0.0, 0.0))

    def interaction(permittivities):
        dielectric = Dielectric(("core", "shell", "medium"), permittivities, 6.0, structure, 0.5)
        return grid.integral(one * Images(dielectric, grid).potential(other[None])[0])

    found = Images(Dielectric(("core", "shell", "medium"), base, 6.0, structure, 0.5), grid)
    slopes = found.by_permittivity(one, other)
    for i, name in enumerate(("shell", "medium"), start=1):
        up, down = (tuple(e + s * step * (i == k) for k, e in enumerate(base)) for s in (1, -1))
        assert slopes[name] == pytest.approx((interaction(up) - interaction(down)) / (2 * step), rel=2e-3)
    # scaling all permittivities scales the interaction
    whole = found.grid.integral(one * found.potential(other[None])[0])
    core, _ = found._fields(found._fine, np.stack([one, other]))
    bulk = INTERACTION * found.grid.integral(one * core.on_grid(*grid.points)[1])
    assert -sum(e * slopes[n] for e, n in zip(base, found.dielectric.names)) == pytest.approx(whole + bulk, rel=1e-3)


def test_bare_cube_in_ligands():
    """The numbers of the main example's first point: they nearly cancel, and a broader interface changes little."""
    structure = Structure(Cuboid((14.2, 14.2, 14.2)), (("surroundings", 2.0),))
    dielectric = Dielectric(("core", "surroundings", "medium"), (ONE, TWO, 2.26), ONE, structure)
    found = Images(dielectric, grid_of(np.full(3, 9.1), 32))
    edge = 14.2 + 2 * 0.75  # the tails reach into the ligands: about the ground state of mass 0.13 at 3 eV
    density = ground(found.grid, edge) * np.einsum("a,b,c->abc", *(np.abs(x) < edge / 2 for x in found.grid.points))
    density /= found.grid.integral(density)
    attraction = -found.grid.integral(density * found.potential(density[None])[0])
    own = found.grid.integral(density * found.self_energy())
    assert attraction == pytest.approx(-0.050, abs=2e-3)
    assert 2 * own + attraction == pytest.approx(0.015, abs=2e-3)
    assert abs(found.grid.integral(density * found.self_energy_change())) < 2e-4
    narrow, wide = found.neighbours
    assert wide.dielectric.width / narrow.dielectric.width == pytest.approx(1.25**2)
    moved = found.grid.integral(density * (wide.potential(density[None])[0] - narrow.potential(density[None])[0]))
    assert -5e-4 < moved < -1e-4  # 0.27 nm more of width


def test_rounded_cube_between_sphere_and_cube():
    """The middle of each: more material around means less image."""
    size = 6.0
    middle = [
        images(shape, points=9).self_energy()[4, 4, 4]
        for shape in (Sphere(size), RoundedCube(size, 1.5), Cuboid((size,) * 3))
    ]
    assert middle[0] > middle[1] > middle[2] > 0


def test_a_round_cube_is_a_sphere():
    """Plane profiles at a distance and a polynomial against spherical waves, in a density like a ground state's."""
    radius = 5.0
    ball, cube = (images(s, width=0.59, points=20) for s in (Sphere(2 * radius), RoundedCube(2 * radius, radius)))
    x, y, z = np.meshgrid(*ball.grid.points, indexing="ij")
    r = np.sqrt(x**2 + y**2 + z**2)
    density = np.where(r < radius, np.sinc(r / radius) ** 2, 0.0)
    density /= ball.grid.integral(density)
    exact, found, change = (
        ball.grid.integral(density * values)
        for values in (ball.self_energy(), cube.self_energy(), cube.self_energy_change())
    )
    assert found == pytest.approx(exact, rel=1e-2)
    assert abs(change) < 2e-2 * exact


def test_a_cube_with_rounded_edges_by_two_ways():
    """As a box with more samples, and by the distance from its surface: they meet as both are refined.

    The change of the last step holds the difference, and what less detail gives is further off.
    """
    edge = 8.0
    found = images(RoundedCube(edge, 1.2), width=0.59, points=18)
    density = ground(found.grid, edge)
    finest = found.refined.refined
    assert finest.refined is None
    values = np.array([float(found.grid.integral(density * each)) for each in finest.self_energies])
    other = float(found.grid.integral(density * curved(found.dielectric, found.grid, ROUND_FINE, 8)))
    assert len(values) == 4
    assert abs(values[0] - other) < abs(values[0] - values[1]) < 5e-3 * other
    assert abs(values[0] - values[1]) > 1e-6


def test_self_energy_in_a_shell_holds_its_error():
    """A carrier that sits in the shell, its edges and corners too: layers across an axis are those of the line there.

    The reference has twice as many samples across the shell, and elements that grow more slowly.
    """
    structure = Structure(Cuboid((6.0, 6.0, 6.0)), (("shell", 2.0),))
    dielectric = Dielectric(("core", "shell", "medium"), (ONE, 5.1, TWO), ONE, structure, 0.59)
    node, weight = np.polynomial.legendre.leggauss(10)
    ends = [(-5.0, -3.0), (-3.0, 3.0), (3.0, 5.0)]
    x = np.concatenate([(a + b) / 2 + (b - a) / 2 * node for a, b in ends])
    w = np.concatenate([(b - a) / 2 * weight for a, b in ends])
    grid = Grid((x, x, x), (w, w, w))
    density = np.einsum("a,b,c->abc", *(np.cos(np.pi * x / 10.0) ** 2,) * 3)
    density[np.max(np.abs(np.meshgrid(x, x, x, indexing="ij")), axis=0) < 3.0] *= 0.3
    density /= grid.integral(density)
    found = Images(dielectric, grid)
    finer = Sampling(replace(FINE.resolution, growth=3.0), FINE.within, 4)
    off = grid.integral(density * (found.self_energy() - _sampled(dielectric, grid, finer)))
    change = found.self_energy_change()
    signed, size = (abs(float(grid.integral(density * each))) for each in (change, abs(change)))
    assert abs(off) < max(signed, size / 2) < 5e-3
