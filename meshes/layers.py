"""Layers of tetrahedra around a core that is meshed already.

Each triangle on the core's surface is carried outwards, from interface to interface, to a column of prisms, and each
prism is cut into three tetrahedra. So a layer can be as thin as it likes without making the triangles smaller, no
tetrahedron has two faces on one smooth surface, and every point of an interface lies on it to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from meshes.arrays import determinant
from meshes.blending import bend, carry
from meshes.mesh import Mesh
from meshes.reference import Floats, Ints, reference
from meshes.shapes import Structure


def wrap(
    structure: Structure,
    points: Floats,
    cells: Ints,
    levels: Sequence[Floats],
    order: int,
    planes: Sequence[bool] = (False, False, False),
) -> Mesh:
    """The mesh of the particle, or of the part of it on one side of mirror planes, from linear tetrahedra of its core.

    Parameters
    ----------
    points, cells
        Of the core, centred at the origin: (n, 3) nm and (c, 4).
    levels
        For each layer, where it is cut into sublayers: ascending fractions of its thickness, from 0 to 1.
    order
        Of the geometry: 1, or more with the nodes of curved surfaces on them.
    planes
        Whether x = 0, y = 0 and z = 0 are planes that the core ends at; the layers end there too.
    """
    core = Mesh(points, cells, "tetrahedron", 1, ("core",), np.zeros(len(cells), np.int64))
    triangles = core.facets.vertices[core.facets.boundary]
    triangles = triangles[~np.any((points[triangles] == 0).all(axis=1) & np.asarray(planes), axis=1)]
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
    above = [carry(structure, foot, np.full(len(foot), h)) for h in heights[1:]]
    vertices = np.vstack([points + structure.centres[0], *above])
    tetrahedra = righted(vertices, np.vstack([cells, *prisms]))
    if order == 1:
        return Mesh(vertices, tetrahedra, "tetrahedron", 1, structure.regions, tags)

    column = np.full(len(vertices), -1)  # number in `foot` of each vertex on or above the core's surface
    height = np.zeros(len(vertices))
    for sheet, h in zip(sheets, heights):
        column[sheet], height[sheet] = np.arange(len(surface)), h
    return bend(structure, vertices, tetrahedra, tags, foot, column, height, columns, order)


def _split(low: Ints, high: Ints) -> Ints:
    """Prisms between two sheets of triangles (t, 3) with ascending vertices, three tetrahedra each, (3 t, 4).

    The diagonal of each side runs from the smaller vertex below to the larger one above, so neighbours agree.
    """
    a, b, c = low.T
    d, e, f = high.T
    return np.column_stack([a, b, c, f, a, b, e, f, a, d, e, f]).reshape(-1, 4)


def righted(points: Floats, cells: Ints) -> Ints:
    """The same linear tetrahedra, those that are inside out renumbered."""
    corners = points[cells]
    inverted = determinant(corners[:, 1:] - corners[:, :1]) < 0
    result: Ints = np.where(inverted[:, None], cells[:, reference("tetrahedron", 1).mirrored], cells)
    return result
