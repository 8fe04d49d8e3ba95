"""Points are found in their cells: random meshes, curved cells, and points that lie nowhere."""

import grids
import numpy as np
import pytest

from meshes import Sphere, Structure
from solvers import sampling
from solvers.space import Space


def linear_function(mesh, degree=2):
    """The coordinates themselves, which every space holds, on the whole mesh: what is sampled must be the point."""
    space = Space(mesh, degree)
    return Space(mesh, degree, np.zeros(space.node_count, bool)), space.coordinates


@pytest.mark.parametrize("cell", ["hexahedron", "tetrahedron"])
def test_every_cell_returns_its_own_points(cell, rng):
    """Cells bent at random (every vertex moved by a tenth of a cell): x, y, z come back as they went in."""
    mesh = grids.cube(cell, 4)
    inner = np.all((mesh.points > 1e-9) & (mesh.points < 1 - 1e-9), axis=1)
    points = mesh.points + 0.03 * rng.uniform(-1, 1, mesh.points.shape) * inner[:, None]
    moved = type(mesh)(points, mesh.cells, cell, 1, mesh.regions, mesh.tags)
    space, coordinates = linear_function(moved)
    axes = [np.sort(rng.random(n)) for n in (7, 8, 9)]
    got = space.on_grid(coordinates, *axes)
    np.testing.assert_allclose(got, np.meshgrid(*axes, indexing="ij"), atol=1e-11)


def test_points_of_a_round_core_in_a_round_shell(meshed):
    mesh = meshed(Structure(Sphere(4.0), (("shell_1", 1.0),)), 1.5)
    space, coordinates = linear_function(mesh)
    axis = np.linspace(-3.2, 3.2, 25)
    got = np.moveaxis(space.on_grid(coordinates, axis, axis, axis), 0, -1)
    want = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    radius = np.linalg.norm(want, axis=-1)
    np.testing.assert_allclose(got[radius < 2.99], want[radius < 2.99], atol=1e-8)
    assert np.all(got[radius > 3.001] == 0)


def test_nothing_outside_and_no_grid_at_all():
    space = Space(grids.cube("tetrahedron", 2), 2)
    u = np.ones((space.size, 2))
    far = np.array([-5.0, 2.0, 3.0])
    assert not space.on_grid(u, far, far, far).any()
    assert space.on_grid(u, [], [0.5], [0.5]).shape == (2, 0, 1, 1)


def test_pairs_held_at_a_time_do_not_matter(monkeypatch, rng):
    space = Space(grids.cube("hexahedron", 3), 3)
    u = rng.standard_normal((space.size, 2))
    axis = np.linspace(0, 1, 9)
    at_once = space.on_grid(u, axis, axis, axis)
    monkeypatch.setattr(sampling, "PAIRS", 50)
    np.testing.assert_allclose(space.on_grid(u, axis, axis, axis), at_once, atol=1e-13)


def test_points_of_thin_cells_that_bend_far(meshed):
    """Cells 0.12 nm thick and 2 nm wide, on a ball: the affine map through their corners misses by twice their size."""
    ball = Structure(Sphere(5.0), (("shell_1", 0.8),))
    mesh = meshed(ball, 0.42 * 6.6, order=6, layers=1, turn=4, planes=(True, True, True))
    assert sampling._Straight.of(mesh).bulge.max() > 1
    axis = np.linspace(0.1, 3.2, 12)
    found = sampling.tags_on_grid(mesh, axis, axis, axis)
    radius = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
    np.testing.assert_array_equal(found, np.where(radius < 2.5, 0, np.where(radius < 3.3, 1, -1)))
