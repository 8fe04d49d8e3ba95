"""Small meshes and box spaces for the tests: families that are nested, or of one shape at every size."""

from collections.abc import Sequence
from itertools import permutations, product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meshes import Cuboid, Mesh, Structure
from meshes.reference import reference
from solvers.element import element
from solvers.line import Line
from solvers.space import Space
from solvers.tensor import BoxSpace

Array = NDArray[np.float64]


def bricks(*rows: ArrayLike) -> Mesh:
    """Hexahedra of one region on the tensor grid of three ascending rows of points."""
    x, y, z = (np.asarray(row, float) for row in rows)
    points = np.stack(np.meshgrid(x, y, z, indexing="ij"), axis=-1).reshape(-1, 3)
    number = np.arange(len(points)).reshape(len(x), len(y), len(z))
    corners = [
        number[i : len(x) - 1 + i, j : len(y) - 1 + j, k : len(z) - 1 + k].ravel()
        for k in (0, 1)
        for j in (0, 1)
        for i in (0, 1)
    ]
    cells = np.stack(corners, axis=1)
    return Mesh(points, cells, "hexahedron", 1, ("core",), np.zeros(len(cells), int))


def kuhn(mesh: Mesh) -> Mesh:
    """Every brick cut into six tetrahedra along its diagonal 0-7; of a halved grid, the cells are nested."""
    paths = [np.cumsum([0, *(1 << d for d in order)]) for order in permutations(range(3))]
    corners = (np.arange(8)[:, None] >> np.arange(3)) & 1
    paths = [path if _righthanded(corners[path].astype(float)) else path[[0, 2, 1, 3]] for path in paths]
    return Mesh(
        mesh.points,
        mesh.cells[:, np.array(paths)].reshape(-1, 4),
        "tetrahedron",
        1,
        mesh.regions,
        np.repeat(mesh.tags, 6),
    )


def cube(cell: str, n: int, edge: float = 1.0) -> Mesh:
    """A cube of n cells along each edge, [0, edge]^3; six tetrahedra per cell of the grid."""
    row = np.linspace(0, edge, n + 1)
    mesh = bricks(row, row, row)
    return mesh if cell == "hexahedron" else kuhn(mesh)


def painted(mesh: Mesh, regions: Sequence[str], tag_at) -> Mesh:
    """The same cells, with the region ``tag_at(centres)`` of each."""
    centres = mesh.points[mesh.vertices].mean(axis=1)
    return Mesh(mesh.points, mesh.cells, mesh.cell, mesh.order, tuple(regions), tag_at(centres))


def turned(mesh: Mesh, rng: np.random.Generator) -> Mesh:
    """The same mesh with points renumbered at random, and every cell seen from a random side."""
    number = rng.permutation(len(mesh.points))
    points = np.empty_like(mesh.points)
    points[number] = mesh.points
    views = _views(mesh.cell, mesh.order)
    cells = number[mesh.cells]
    cells = np.take_along_axis(cells, views[rng.integers(len(views), size=len(cells))], axis=1)
    return Mesh(points, cells, mesh.cell, mesh.order, mesh.regions, mesh.tags)


def _views(cell: str, order: int) -> NDArray[np.int64]:
    """Numberings of a cell's nodes after each rotation of the reference cell onto itself: 24 or 12."""
    nodes = element(cell, order).nodes
    if order == 2:  # the mesh numbers its nodes as equispaced Lagrange elements do; of order 2 they are the same
        assert np.allclose(nodes, reference(cell, 2).nodes)
    views = []
    if cell == "hexahedron":
        for order_, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
            matrix = np.diag(signs)[list(order_)]
            if np.linalg.det(matrix) > 0:
                views.append((nodes - 0.5) @ matrix.T + 0.5)
    else:
        corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float)
        for order_ in permutations(range(4)):
            image = corners[list(order_)]
            matrix = image[1:] - image[0]
            if np.linalg.det(matrix) > 0:
                views.append(image[0] + nodes @ matrix)
    distance = np.linalg.norm(np.array(views)[:, :, None] - nodes, axis=-1)
    assert distance.min(axis=2).max() < 1e-12
    return distance.argmin(axis=2)


def curved(mesh: Mesh, move) -> Mesh:
    """Second-order geometry: the nodes of the straight mesh moved by `move`, points (n, 3) to (n, 3)."""
    space = Space(mesh, 2)
    return Mesh(move(space.coordinates), space.nodes, mesh.cell, 2, mesh.regions, mesh.tags)


def divided(ball: Mesh, radii: Sequence[float]) -> Mesh:
    """Every curved tetrahedron cut into eight; surfaces of these radii, where regions or the mesh end, stay round.

    `ball` has its second-order nodes on the spheres, so that the new vertices are there already.
    """
    straight = Space(ball, 2).linear()
    finer = Space(straight, 2)
    points, nodes = finer.coordinates.copy(), finer.nodes
    facets = straight.facets
    two = facets.cells[:, 1] >= 0
    between = ~two | (straight.tags[facets.cells[:, 0]] != straight.tags[facets.cells[:, 1]])
    closure = reference("tetrahedron", 2).facet_nodes
    here = np.unique(nodes[facets.cells[between, 0, None], closure[facets.local[between, 0]]])
    distance = np.linalg.norm(points[here], axis=1)
    nearest = np.asarray(radii)[np.abs(distance[:, None] - np.asarray(radii)).argmin(axis=1)]
    points[here] *= (nearest / distance)[:, None]
    return Mesh(points, nodes, "tetrahedron", 2, straight.regions, straight.tags)


def ball(divisions: int, radius: float = 1.0) -> Mesh:
    """Eight octants of a ball, each divided into eight so many times: 8, 64, 512 ... tetrahedra with round faces."""
    points = np.vstack([np.zeros(3), np.eye(3), -np.eye(3)])
    cells = [[0, 1 + 3 * (sx < 0), 2 + 3 * (sy < 0), 3 + 3 * (sz < 0)] for sx, sy, sz in product((1, -1), repeat=3)]
    cells = [c if _righthanded(points[c]) else [c[0], c[2], c[1], c[3]] for c in cells]
    straight = Mesh(points * radius, np.array(cells), "tetrahedron", 1, ("core",), np.zeros(8, int))
    space = Space(straight, 2)
    nodes = space.coordinates.copy()
    middle = np.flatnonzero(space.fixed)
    nodes[middle] *= radius / np.linalg.norm(nodes[middle], axis=1)[:, None]
    mesh = Mesh(nodes, space.nodes, "tetrahedron", 2, ("core",), straight.tags)
    for _ in range(divisions):
        mesh = divided(mesh, [radius])
    return mesh


def straight(mesh: Mesh) -> Mesh:
    """The same vertices, with straight sides."""
    used, cells = np.unique(mesh.vertices, return_inverse=True)
    return Mesh(mesh.points[used], cells.reshape(mesh.vertices.shape), mesh.cell, 1, mesh.regions, mesh.tags)


def _righthanded(corners: Array) -> bool:
    return bool(np.linalg.det(corners[1:] - corners[0]) > 0)


def nested(edges: Sequence[float], thicknesses: Sequence[float] = (), shift: Sequence[float] = (0, 0, 0)) -> Structure:
    """A cuboid with layers ``shell_1``, ``shell_2`` ..."""
    layers = tuple((f"shell_{i + 1}", t) for i, t in enumerate(thicknesses))
    return Structure(Cuboid(tuple(edges)), layers, tuple(shift))


def box_space(structure: Structure, rows: Sequence[Array], degree: int | Sequence[Sequence[int]]) -> BoxSpace:
    """A `BoxSpace` with these break points along each axis, all faces among them, and one degree or one per element."""
    degrees = [[degree] * (len(row) - 1) for row in rows] if isinstance(degree, int) else degree
    lines = tuple(Line(np.asarray(row, float), tuple(d)) for row, d in zip(rows, degrees))
    boxes = []
    for shape, centre in zip(structure.boundaries, structure.centres):
        faces = centre[:, None] + shape.extent[:, None] / 2 * np.array([-1, 1])
        boxes.append(tuple(_range(row, ends) for row, ends in zip(rows, faces)))
    return BoxSpace(lines, tuple(boxes), structure.regions)


def _range(row: Array, ends: Array) -> tuple[int, int]:
    first, last = (int(np.abs(np.asarray(row) - end).argmin()) for end in ends)
    return first, last
