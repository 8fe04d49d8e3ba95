"""Potentials on meshes in all space: Kirkwood's series, images in a plane, Gauss's law, rates, derivatives."""

import grids
import numpy as np
import pytest
from rates import fitted_rate

from meshes.generate import tetrahedra
from meshes.shapes import Cuboid, Sphere, Structure
from meshes.surrounded import surrounded
from solvers.poisson_mesh import MeshPoisson, spherical_harmonics

IN, OUT, RADIUS = 6.0, 2.0, 3.0
HERE, THERE = np.array([1.2, 0.0, 0.0]), np.array([-0.5, 0.8, 0.3])


def ball(size, reach=1.5):
    return surrounded(tetrahedra(Structure(Sphere(2 * RADIUS)), size), "medium", reach * RADIUS, 1.4 * size)


def cloud(centre, width):
    return lambda x: np.exp(-np.sum((x - centre) ** 2, axis=-1) / (2 * width**2)) / (2 * np.pi * width**2) ** 1.5


def energy(load, found):
    return float(np.sum(load * found.nodal))


def series(one, other):
    """What a ball in a medium adds to the interaction of two charges in it: J. G. Kirkwood, J. Chem. Phys. 2, 351."""
    l, a, b = np.arange(80), np.linalg.norm(one), np.linalg.norm(other)
    terms = (l + 1) * (IN - OUT) / (IN * (l * IN + (l + 1) * OUT)) / RADIUS * (a * b / RADIUS**2) ** l
    return np.polynomial.legendre.legval(one @ other / (a * b), terms) / (4 * np.pi)


def test_image_of_a_cloud_in_a_ball():
    """Between spherical clouds away from the surface it is that of points; the error falls as the geometry allows."""
    sizes, errors = (2.0, 1.4, 1.0), []
    for size in sizes:
        mesh = ball(size)
        true, uniform = (MeshPoisson(mesh, 3, [IN, eps]) for eps in (OUT, IN))
        load, other = (true.density(cloud(c, 0.4)) for c in (HERE, THERE))
        image = energy(other, true.solve(load)) - energy(other, uniform.solve(load))
        errors.append(abs(image / series(HERE, THERE) - 1))
    assert fitted_rate(sizes, errors) > 2.5  # the geometry's 4, on meshes that are not nested
    assert errors[-1] < 1e-3


def test_charges_beside_a_plane():
    """One of two clouds 1 from the top face of a large box, on either side: what its image does to the one inside, and
    what gets across, 1/(2 pi (eps + eps') r); what other faces do falls as the inverse of the edge and is taken out.
    """
    found = []
    for half in (6.0, 24.0):
        side = np.array([0.0, 0.9, 2.0, *([6.0] if half > 10 else []), half])
        row = np.append(-side[:0:-1], side)
        depths = np.array([-2 * half, -half, *([-6.0] if half > 10 else []), -2.5, -1.2, 0.0, 1.2, 2.5])
        box = grids.kuhn(grids.bricks(row, row, half + depths))
        box = grids.painted(box, ("core", "medium"), lambda c, top=half: (c[:, 2] > top).astype(int))
        mesh = surrounded(box, "medium", 2.6 * half, 1.3 * half)
        true, uniform = (MeshPoisson(mesh, 3, [IN, eps]) for eps in (OUT, IN))
        below, above = (true.density(cloud(np.array([0.0, 0.0, half + z]), 0.3)) for z in (-1.0, 1.0))
        u = true.solve(below)
        found.append([energy(below, u) - energy(below, uniform.solve(below)), energy(above, u)])
    exact = np.array([(IN - OUT) / (IN + OUT) / (2 * IN), 1 / (IN + OUT)]) / (4 * np.pi)
    small, large = np.array(found) / exact
    assert np.abs(small - 1).min() > 0.2
    assert (4 * large - small) / 3 == pytest.approx([1.0, 1.0], abs=0.02)


@pytest.mark.parametrize(("degree", "counts"), [(1, (8, 16)), (2, (6, 8)), (3, (4, 6))])
def test_rates_where_the_geometry_is_exact(degree, counts):
    """h^(2 degree), for the energy and for its derivative by either permittivity, in a box of two halves.

    u = prod cos^2(pi x / 2) has no slope across the plane between them, and neither value nor slope where the box ends.
    """

    def source(x):
        one, two = (1 + np.cos(np.pi * x)) / 2, np.pi**2 * np.cos(np.pi * x) / 2
        curved = sum(two[:, d] * np.prod(np.delete(one, d, axis=1), axis=1) for d in range(3))
        return np.where(x[:, 2] < 0, IN, OUT) * curved

    gradients = 27 * np.pi**2 / 128  # int |grad u|^2 over each half
    errors = []
    for count in counts:
        row = np.linspace(-1, 1, count + 1)
        mesh = grids.painted(
            grids.kuhn(grids.bricks(row, row, row)), ("below", "above"), lambda c: (c[:, 2] > 0).astype(int)
        )
        poisson = MeshPoisson(mesh, degree, [IN, OUT], harmonics=0)
        load = poisson.density(source)
        u = poisson.solve(load).nodal[:, 0]
        slopes = poisson.derivatives(u, u)
        errors.append([1 - float(load[:, 0] @ u) / (gradients * (IN + OUT)), *(1 + slopes / gradients)])
    errors = np.array(errors)
    assert errors.min() > 0
    for error in errors.T:
        assert fitted_rate([1 / n for n in counts], error) == pytest.approx(2 * degree, abs=0.4)


def test_the_degree_converges_exponentially():
    """A cloud alone in all space, twice its own energy 1/(8 pi^(3/2) s): from below, a third of the error or less."""
    width, errors = 0.6, []
    mesh = surrounded(tetrahedra(Structure(Sphere(4.0)), 1.2), "medium", 3.6, 1.2)
    for degree in (1, 2, 3, 4):
        poisson = MeshPoisson(mesh, degree, [1.0, 1.0], harmonics=4)
        load = poisson.density(cloud(np.zeros(3), width))
        errors.append(1 - energy(load, poisson.solve(load)) * 4 * np.pi**1.5 * width)
    assert min(errors) > 0
    assert np.all(np.diff(np.log(errors)) < -np.log(3))
    assert errors[-1] < 1e-3


def test_a_charged_ball():
    """Q^2/(4 pi) (1/(5 eps) + 1/eps') / R, twice the energy of a uniformly charged ball in a medium."""
    mesh = ball(1.4)
    poisson = MeshPoisson(mesh, 2, [IN, OUT])
    load = poisson.density(lambda x: np.where(np.linalg.norm(x, axis=-1) < 1.01 * RADIUS, 1.0, 0.0))
    rim = poisson.density(lambda x: np.where(np.linalg.norm(x, axis=-1) < RADIUS, 1.0, 0.0))
    charge = rim.sum()
    assert charge == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=2e-3)
    assert load.sum() == pytest.approx(charge, rel=0.1)
    exact = charge**2 / (4 * np.pi * RADIUS) * (1 / (5 * IN) + 1 / OUT)
    assert energy(rim, poisson.solve(rim)) == pytest.approx(exact, rel=3e-3)


def test_the_far_field_is_open():
    """Off the middle and near the sphere: two harmonics more, and a fifth of the error or less; no wall is seen."""
    mesh, place = ball(1.5, reach=1.2), np.array([2.0, 0.5, -1.0])
    found = {}
    for harmonics in (0, 2, 4, 6, 12):
        poisson = MeshPoisson(mesh, 3, [IN, OUT], harmonics=harmonics)
        load = poisson.density(cloud(place, 0.5))
        found[harmonics] = energy(load, poisson.solve(load))
    errors = [abs(found[n] / found[12] - 1) for n in (0, 2, 4, 6)]
    assert errors[0] > 1e-3
    assert np.all(np.diff(np.log(errors)) < -np.log(5))


def test_reciprocity_of_point_charges():
    structure = Structure(Cuboid((4.0, 4.0, 4.0)), (("shell", 0.7),), (0.3, 0.0, 0.0))
    mesh = surrounded(tetrahedra(structure, 1.5), "medium", 6.5, 2.5)
    poisson = MeshPoisson(mesh, 3, [IN, 4.0, OUT], tolerance=1e-11)
    one, other = (poisson.charges(tuple(c[:, None]), np.ones((1, 1, 1, 1))) for c in (HERE, THERE))
    assert one.sum() == pytest.approx(1.0)
    here, there = (poisson.solve(load) for load in (one, other))
    assert energy(one, there) == pytest.approx(energy(other, here), rel=1e-9)
    assert energy(one, there) > 0


def test_derivatives_by_each_permittivity():
    """Minus the fields' product over each region against differences; scaling all permittivities scales the energy."""
    structure = Structure(Sphere(4.0), (("shell", 1.0),))
    mesh = surrounded(tetrahedra(structure, 1.5), "medium", 4.5, 2.0)
    eps, step = np.array([IN, 4.0, OUT]), 1e-3

    def interaction(values):
        poisson = MeshPoisson(mesh, 2, values, tolerance=1e-12)
        loads = [poisson.density(cloud(c, 0.6)) for c in (HERE, THERE)]
        return poisson, [poisson.solve(load).nodal[:, 0] for load in loads], loads

    poisson, fields, loads = interaction(eps)
    slopes = poisson.derivatives(*fields)
    for i in range(3):
        up, down = (interaction(eps + s * step * np.eye(3)[i]) for s in (1, -1))
        change = float(loads[1][:, 0] @ (up[1][0] - down[1][0])) / (2 * step)
        assert slopes[i] == pytest.approx(change, rel=1e-5)
    assert -float(eps @ slopes) == pytest.approx(float(loads[1][:, 0] @ fields[0]), rel=1e-8)


def test_a_smooth_permittivity_that_is_constant_is_that_constant():
    mesh = ball(1.5)
    one = MeshPoisson(mesh, 2, [OUT, OUT])
    other = MeshPoisson(mesh, 2, [OUT, OUT], smooth=lambda x: np.full(len(x), OUT))
    load = one.density(cloud(HERE, 0.5))
    assert other.solve(load).nodal == pytest.approx(one.solve(load).nodal, rel=1e-7)


def test_harmonics_are_orthonormal():
    x, w = np.polynomial.legendre.leggauss(10)
    phi = np.arange(20) * np.pi / 10
    z, angle = (each.ravel() for each in np.meshgrid(x, phi, indexing="ij"))
    r = np.sqrt(1 - z**2)
    modes = spherical_harmonics(np.stack([r * np.cos(angle), r * np.sin(angle), z], axis=1), 8)
    weights = np.repeat(w, 20) * np.pi / 10
    assert (modes.T * weights) @ modes == pytest.approx(np.eye(81), abs=1e-12)
