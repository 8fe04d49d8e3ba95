"""Layers of tetrahedra around a core that is meshed already, and curved geometry nodes on the true surfaces.

Each triangle on the core's surface is carried outwards, from interface to interface, to a column of prisms, and each
prism is cut into three tetrahedra. So a layer can be as thin as it likes without making the triangles smaller, no
tetrahedron has two faces on one smooth surface, and every point of an interface lies on it to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from meshes.arrays import determinant, group_rows
from meshes.mesh import Mesh
from meshes.reference import Floats, Ints, reference
from meshes.shapes import Structure


def wrap(structure: Structure, points: Floats, cells: Ints, levels: Sequence[Floats], order: int) -> Mesh:
    """The mesh of the particle from linear tetrahedra of its core.

    Parameters
    ----------
    points, cells
        Of the core, centred at the origin: (n, 3) nm and (c, 4).
    levels
        For each layer, where it is cut into sublayers: ascending fractions of its thickness, from 0 to 1.
    order
        Of the geometry: 1, or 2 with the nodes of curved surfaces on them.
    """
    core = Mesh(points, cells, "tetrahedron", 1, ("core",), np.zeros(len(cells), np.int64))
    triangles = core.facets.vertices[core.facets.boundary]
    surface = np.unique(triangles)
    foot = structure.core.onto(points[surface])
    points = points.copy()
    points[surface] = foot

    # heights: 0 at the core's surface, k at the outer surface of the k-th layer
    heights = np.concatenate([[0.0], *(index + cuts[1:] for index, cuts in enumerate(levels))])
    sheets = [surface] + [len(points) + np.arange(len(surface)) + k * len(surface) for k in range(len(heights) - 1)]
    columns = np.searchsorted(surface, np.sort(triangles, axis=1))
    prisms = [_split(low[columns], high[columns]) for low, high in pairwise(sheets)]
    layer = np.ceil(heights[1:]).astype(np.int64)  # its region: 1 for the first layer
    tags = np.concatenate([core.tags, np.repeat(layer, 3 * len(triangles))])
    vertices = np.vstack([points + structure.centres[0], *(_carry(structure, foot, h) for h in heights[1:])])
    tetrahedra = _righted(vertices, np.vstack([cells, *prisms]))
    if order == 1:
        return Mesh(vertices, tetrahedra, "tetrahedron", 1, structure.regions, tags)

    column = np.full(len(vertices), -1)  # number in `foot` of each vertex on or above the core's surface
    height = np.zeros(len(vertices))
    for sheet, h in zip(sheets, heights):
        column[sheet], height[sheet] = np.arange(len(surface)), h
    return _curved(structure, vertices, tetrahedra, tags, foot, column, height, columns)


def _carry(structure: Structure, foot: Floats, height: float) -> Floats:
    """Points on the core's surface (n, 3) carried outwards to `height`, on straight lines within each layer."""
    below = int(height)
    part = height - below
    if part == 0:
        return _interface(structure, foot, below)
    return (1 - part) * _interface(structure, foot, below) + part * _interface(structure, foot, below + 1)


def _interface(structure: Structure, foot: Floats, index: int) -> Floats:
    """Points on the core's surface (n, 3) carried to the outer surface of the layer of that index; 0: the core's."""
    if index == 0:
        shifted: Floats = foot + structure.centres[0]
        return shifted
    thicknesses = [thickness for _, thickness in structure.layers if thickness > 0]
    return structure.core.outset(foot, sum(thicknesses[:index]))


def _split(low: Ints, high: Ints) -> Ints:
    """Prisms between two sheets of triangles (t, 3) with ascending vertices, three tetrahedra each, (3 t, 4).

    The diagonal of each side runs from the smaller vertex below to the larger one above, so neighbours agree.
    """
    a, b, c = low.T
    d, e, f = high.T
    return np.column_stack([a, b, c, f, a, b, e, f, a, d, e, f]).reshape(-1, 4)


def _righted(points: Floats, cells: Ints) -> Ints:
    """The same linear tetrahedra, those that are inside out renumbered."""
    corners = points[cells]
    inverted = determinant(corners[:, 1:] - corners[:, :1]) < 0
    result: Ints = np.where(inverted[:, None], cells[:, reference("tetrahedron", 1).mirrored], cells)
    return result


def _curved(
    structure: Structure,
    points: Floats,
    cells: Ints,
    tags: Ints,
    foot: Floats,
    column: Ints,
    height: Floats,
    triangles: Ints,
) -> Mesh:
    """Add the second-order nodes: midpoints, and on and above the core's surface the true places."""
    tables = reference("tetrahedron", 2)
    ends = np.sort(cells[:, tables.edges].reshape(-1, 2), axis=1)
    group, first, _ = group_rows(ends)
    a, b = ends[first].T
    nodes = (points[a] + points[b]) / 2

    # an edge follows the surface if it lies above one vertex or one edge of the surface mesh
    on = (column[a] >= 0) & (column[b] >= 0)
    pairs = np.sort(np.column_stack([column[a], column[b]]), axis=1)
    sides = np.sort(triangles[:, [[0, 1], [0, 2], [1, 2]]].reshape(-1, 2), axis=1)
    keys = pairs[:, 0] * len(foot) + pairs[:, 1]
    on &= (pairs[:, 0] == pairs[:, 1]) | np.isin(keys, sides[:, 0] * len(foot) + sides[:, 1])
    level = (height[a] + height[b]) / 2
    for h in np.unique(level[on]):
        here = np.flatnonzero(on & (level == h))
        below = structure.core.onto(foot[pairs[here]].mean(axis=1))
        nodes[here] = _carry(structure, below, float(h))

    numbers = len(points) + group.reshape(len(cells), -1)
    return Mesh(
        np.vstack([points, nodes]), np.column_stack([cells, numbers]), "tetrahedron", 2, structure.regions, tags
    )
