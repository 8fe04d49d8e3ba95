"""Spaces on meshes: numbering, continuity, values and integrals, all held against polynomials."""

from itertools import permutations, product

import grids
import numpy as np
import pytest

from meshes import Mesh, check
from solvers import space as space_module
from solvers.space import Space

CELLS = ("hexahedron", "tetrahedron")


def whole(mesh, degree):
    """The space without any condition on the surface: polynomials of its degree belong to it."""
    probe = Space(mesh, degree)
    return Space(mesh, degree, np.zeros(probe.node_count, bool))


def warp(points):
    """A smooth map that bends everything."""
    x, y, z = points.T
    return np.stack([x + 0.1 * y * y, y + 0.08 * x * z, z - 0.07 * x * y + 0.05 * z * z], axis=1)


def polynomial(degree, rng):
    """A polynomial in x, y, z of this total degree with random coefficients, about the middle of the unit cube."""
    powers = np.array([p for p in product(range(degree + 1), repeat=3) if sum(p) <= degree])
    factors = rng.uniform(-1, 1, len(powers))
    return lambda x: np.prod((np.asarray(x)[..., None, :] - 0.5) ** powers, axis=-1) @ factors


def two_regions(mesh, at=0.5):
    return grids.painted(mesh, ("core", "shell_1"), lambda c: (c[:, 0] > at).astype(int))


# -- numbering ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("degree", [1, 2, 3, 5])
def test_counts_nodes_and_unknowns(cell, degree):
    space = Space(grids.cube(cell, 2), degree)
    assert space.node_count == (2 * degree + 1) ** 3
    assert space.size == (2 * degree - 1) ** 3
    assert np.all(np.bincount(space.nodes.ravel(), minlength=space.node_count) > 0)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("degree", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("bent", [False, True])
def test_neighbours_agree_where_their_shared_nodes_are(cell, degree, bent, rng):
    """Whatever way cells are numbered: each cell puts every node of its own where the other cells put it."""
    mesh = grids.turned(grids.cube(cell, 2), rng)
    if bent:
        mesh = grids.turned(grids.curved(mesh, warp), rng)
    space = Space(mesh, degree)
    assert space.node_count == (2 * degree + 1) ** 3
    shape = space_module.element(mesh.cell, mesh.order).values(space.element.nodes)
    own = np.einsum("qk,ckx->cqx", shape, mesh.points[mesh.cells])
    np.testing.assert_allclose(own, space.coordinates[space.nodes], atol=1e-12)


def pairs(cell, rng):
    """Two cells with one face in common, apart from all others: every view of one cell, every order of the face."""
    if cell == "hexahedron":
        alone = grids.bricks([0, 1, 2], [0, 1], [0, 1])
    else:
        points = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0], [1, 1, 1]], float)
        alone = Mesh(points, np.array([[3, 0, 1, 2], [0, 1, 2, 4]]), cell, 1, ("core",), np.zeros(2, int))
    face = np.intersect1d(*alone.cells)
    others = np.setdiff1d(np.arange(len(alone.points)), face)
    views = grids._views(cell, 1)
    points, cells = [], []
    for view, order in product(views, permutations(range(len(face)))):
        number = np.empty(len(alone.points), int)  # of the points, in this copy
        places = rng.permutation(len(alone.points))
        number[face], number[others] = np.sort(places[: len(face)])[list(order)], places[len(face) :]
        moved = np.empty_like(alone.points)
        moved[number] = alone.points + np.array([3.0 * len(points), 0, 0])
        cells += [number[alone.cells[0]][rng.choice(views)] + len(number) * len(points),
                  number[alone.cells[1]][view] + len(number) * len(points)]  # fmt: skip
        points.append(moved)
    return Mesh(np.concatenate(points), np.array(cells), cell, 1, ("core",), np.zeros(len(cells), int)), alone.points[
        face
    ]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("degree", [3, 4, 5])
def test_two_cells_agree_on_their_face_however_they_are_turned(cell, degree, rng):
    """Whatever the nodal values, both cells have one function on the face; polynomials of the degree are held exactly.

    basix numbers the nodes inside an edge from degree 3 on, and those inside a face from degree 3 or 4 on, by the
    cell's own vertices: neighbours must put them in one order.
    """
    mesh, corners = pairs(cell, rng)
    assert np.all(mesh.cell_volumes() > 0)
    space = whole(mesh, degree)
    copies = len(mesh.cells) // 2
    shared = (degree + 1) ** 2 if cell == "hexahedron" else (degree + 1) * (degree + 2) // 2
    assert space.node_count == copies * (2 * space.element.size - shared)
    sides = [1, 2, 4] if cell == "hexahedron" else [1, 2, 3]  # of a cell, from its first vertex
    share = rng.dirichlet(np.ones(len(corners)), 5) @ corners
    at = (share + 3.0 * np.arange(copies)[:, None, None] * [1, 0, 0]).repeat(2, axis=0)  # on the face of each copy
    vertex = mesh.points[mesh.cells]
    frames = np.linalg.inv(vertex[:, sides] - vertex[:, :1])
    local = (at - vertex[:, :1]) @ frames
    f = polynomial(degree, rng)
    values = np.stack([rng.standard_normal(space.node_count), f(space.coordinates - _copy(space.coordinates))], axis=1)
    basis = space.element.values(local.reshape(-1, 3)).reshape(len(mesh.cells), len(share), -1)
    found = basis @ values[space.nodes]
    np.testing.assert_allclose(found[0::2], found[1::2], atol=1e-9)
    np.testing.assert_allclose(found[0, :, 1], f(share), atol=1e-9)
    inner = rng.dirichlet(np.ones(vertex.shape[1]), 3) @ vertex
    basis = space.element.values(((inner - vertex[:, :1]) @ frames).reshape(-1, 3)).reshape(len(mesh.cells), 3, -1)
    np.testing.assert_allclose(basis @ values[space.nodes][..., 1:], f(inner - _copy(inner))[..., None], atol=1e-9)


def _copy(points):
    """How far along x the copy of the pair was moved in which these points lie."""
    return np.floor((points[..., :1] + 0.5) / 3.0) * [3.0, 0, 0]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("degree", [3, 4, 5])
def test_patch_of_cells_numbered_at_random(cell, degree, rng):
    """A polynomial is interpolated, integrated and evaluated without error across cells seen from random sides."""
    space = whole(grids.turned(grids.cube(cell, 2), rng), degree)
    f = polynomial(degree, rng)
    u = f(space.coordinates)[:, None]
    axes = (rng.random(4), np.sort(rng.random(5)), np.sort(rng.random(3)))
    axes = tuple(map(np.sort, axes))
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    np.testing.assert_allclose(space.on_grid(u, *axes)[0], f(grid), atol=1e-11)
    x, w = np.polynomial.legendre.leggauss(degree + 1)
    x, w = (x + 1) / 2, w / 2
    fine = np.stack(np.meshgrid(x, x, x, indexing="ij"), axis=-1)
    integral = np.einsum("abc,a,b,c", f(fine) ** 2, w, w, w)
    assert space.gram(u).sum() == pytest.approx(integral, rel=1e-11)


@pytest.mark.parametrize("cell", CELLS)
def test_functions_vanish_on_the_surface_and_only_there(cell):
    space = Space(grids.cube(cell, 3), 3)
    at = space.coordinates
    surface = np.any((at < 1e-12) | (at > 1 - 1e-12), axis=1)
    np.testing.assert_array_equal(space.fixed, surface)
    np.testing.assert_array_equal(space.full(np.ones((space.size, 1)))[:, 0], ~surface)


def test_round_surface_is_fixed():
    space = Space(grids.ball(2), 4)
    radius = np.linalg.norm(space.coordinates, axis=1)
    np.testing.assert_array_equal(space.fixed, radius > 1 - 1e-2)


# -- integrals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bent", [False, True])
def test_gram_of_ones_is_the_volume_of_each_region(cell, bent, rng):
    mesh = two_regions(grids.cube(cell, 2))
    mesh = grids.turned(grids.curved(mesh, warp) if bent else mesh, rng)
    space = whole(mesh, 2)
    ones = np.ones((space.size, 1))
    np.testing.assert_allclose(space.gram(ones)[:, 0, 0], list(mesh.volumes().values()), rtol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_gram_is_bilinear_symmetric_and_adds_up_over_regions(cell, rng):
    mesh = grids.cube(cell, 2)
    space, split = Space(mesh, 3), Space(two_regions(mesh), 3)
    u, v = rng.standard_normal((space.size, 2)), rng.standard_normal((space.size, 3))
    gram = split.gram(u, v)
    assert gram.shape == (2, 2, 3)
    np.testing.assert_allclose(gram.sum(axis=0), space.gram(u, v)[0], rtol=1e-10)
    np.testing.assert_allclose(gram, split.gram(v, u).transpose(0, 2, 1), rtol=1e-10)
    np.testing.assert_allclose(split.gram(u), split.gram(u, u), rtol=1e-12)
    assert np.all(np.linalg.eigvalsh(split.gram(u)) > 0)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("degree", [1, 2, 3])
def test_quartic_is_exact(cell, degree):
    space = whole(grids.cube(cell, 2), degree)
    x, y, _ = space.coordinates.T
    u = np.stack([x**degree, 2 * y], axis=1)
    np.testing.assert_allclose(space.quartic(u), [1 / (4 * degree + 1), 16 / 5], rtol=1e-12)


@pytest.mark.parametrize("chunk", [1, 700])
def test_chunks_do_not_matter(chunk, monkeypatch, rng):
    space = Space(two_regions(grids.cube("tetrahedron", 2)), 2)
    u = rng.standard_normal((space.size, 2))
    gram, quartic = space.gram(u), space.quartic(u)
    monkeypatch.setattr(space_module, "CHUNK", chunk)
    np.testing.assert_allclose(space.gram(u), gram, rtol=1e-12)
    np.testing.assert_allclose(space.quartic(u), quartic, rtol=1e-12)


# -- values and output -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS)
def test_on_grid_of_a_bent_mesh(cell, rng):
    """Isoparametric cells of degree 4 on geometry of order 2 hold all quadratics in x, y, z; outside is 0."""
    mesh = grids.turned(grids.curved(grids.cube(cell, 2), warp), rng)
    space = whole(mesh, 4)
    f = polynomial(2, rng)
    axes = [np.linspace(-0.3, 1.4, 18)] * 3
    got = space.on_grid(np.stack([f(space.coordinates), np.ones(space.size)], axis=1), *axes)
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    inside = got[1] > 0.5
    np.testing.assert_allclose(got[1], inside, atol=1e-9)
    np.testing.assert_allclose(got[0], np.where(inside, f(grid), 0.0), atol=1e-8)
    cell_volume = np.prod([a[1] - a[0] for a in axes])
    assert inside.sum() * cell_volume == pytest.approx(sum(mesh.volumes().values()), rel=0.1)


def test_on_grid_finds_every_point_of_a_ball():
    """Round faces bulge beyond their vertices: no point inside is missed, none outside is found."""
    mesh = grids.ball(1)
    space = whole(mesh, 2)
    axis = np.linspace(-1.1, 1.1, 31)
    found = space.on_grid(np.ones((space.size, 1)), axis, axis, axis)[0]
    radius = np.linalg.norm(np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1), axis=-1)
    np.testing.assert_allclose(found[radius < 0.98], 1.0, atol=1e-9)
    assert np.all(found[radius > 1.001] == 0)


@pytest.mark.parametrize("cell", CELLS)
def test_on_grid_at_vertices_edges_and_the_surface(cell, rng):
    """Points that several cells share, and those on the surface, are not lost."""
    space = whole(grids.turned(grids.cube(cell, 2), rng), 2)
    axis = np.array([0.0, 0.25, 0.5, 1.0])
    f = polynomial(2, rng)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    np.testing.assert_allclose(space.on_grid(f(space.coordinates)[:, None], axis, axis, axis)[0], f(grid), atol=1e-11)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("degree", [1, 2, 3, 5])
def test_linear_mesh_is_a_good_mesh(cell, degree, rng):
    mesh = two_regions(grids.turned(grids.cube(cell, 2), rng))
    linear = Space(mesh, degree).linear()
    check(linear, mesh.volumes())
    assert linear.regions == mesh.regions
    assert len(linear.cells) == degree**3 * len(mesh.cells)


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_linear_mesh_of_a_ball_closes_in_on_it(degree):
    mesh = grids.ball(1)
    linear = Space(mesh, degree).linear()
    check(linear)
    deficit = 1 - sum(linear.volumes().values()) / sum(mesh.volumes().values())
    assert 0 < deficit < 0.4 / degree**2


# -- eigenvalues by the shortest way ------------------------------------------------------------------------------


def test_mirror_planes_may_be_left_free():
    """An eighth of a hard box with free mirror planes has the levels that are even about all of them."""
    mesh = grids.cube("hexahedron", 2, 0.5)
    probe = Space(mesh, 4)
    outer = np.any(probe.coordinates > 0.5 - 1e-12, axis=1)
    levels = Space(mesh, 4, outer).lowest([1.0], [0.0], 4).values / np.pi**2
    np.testing.assert_allclose(levels, [3, 11, 11, 11], rtol=3e-4)


@pytest.mark.parametrize("cell", ["hexahedron", "tetrahedron"])
def test_values_at_the_nodes_of_a_finer_space(cell, rng):
    """A function of degree 3 interpolated at degree 5 is the same function; on the surface it vanishes."""
    space, finer = (space_module.Space(grids.cube(cell, 2), degree) for degree in (3, 5))
    u = rng.standard_normal((space.size, 2))
    fine = space.at_nodes(u, finer)
    np.testing.assert_allclose(finer.gram(fine[finer.free]), space.gram(u), rtol=1e-11)
    assert np.abs(fine[finer.fixed]).max() < 1e-12
