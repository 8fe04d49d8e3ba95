"""Where the nodes of curved tetrahedra go: on the true surfaces and smoothly between them, at any order.

In a layer every node lies above a point of the core's surface. In the core an edge or a face on the surface is moved
onto it, and what is beside it follows by a polynomial that is smooth to the opposite corner: the displacement d(t) of
an edge from its corner a to b is carried on as ``la lb / (t (1 - t)) d(t)`` with ``t = (1 + lb - la) / 2`` and
the barycentric coordinates l, that of a face likewise with its three corners. So the map is a small, smooth change of
the affine one, and approximation keeps its order (P. G. Ciarlet and P.-A. Raviart, Comput. Methods Appl. Mech. Eng. 1,
217 (1972); M. Lenoir, SIAM J. Numer. Anal. 23, 562 (1986)).
"""

from __future__ import annotations

import numpy as np

from meshes.arrays import group_rows
from meshes.mesh import Mesh
from meshes.reference import Floats, Ints, reference
from meshes.shapes import Structure


def carry(structure: Structure, foot: Floats, height: Floats) -> Floats:
    """Points on the core's surface, shape (n, 3), carried outwards, on straight lines within each layer.

    Parameters
    ----------
    height
        (n,) 0 at the core's surface, k at the outer surface of the k-th layer.
    """
    result = np.empty_like(foot)
    last = len(structure.regions) - 2
    below = np.clip(np.floor(height).astype(np.int64), 0, max(last, 0))
    for layer in np.unique(below):
        here = below == layer
        part = (height[here] - layer)[:, None]
        result[here] = (1 - part) * _interface(structure, foot[here], layer)
        if part.any():
            result[here] += part * _interface(structure, foot[here], layer + 1)
    return result


def _interface(structure: Structure, foot: Floats, index: int) -> Floats:
    """Points on the core's surface (n, 3) carried to the outer surface of the layer of that index; 0: the core's."""
    if index == 0:
        shifted: Floats = foot + structure.centres[0]
        return shifted
    thicknesses = [thickness for _, thickness in structure.layers if thickness > 0]
    return structure.core.outset(foot, sum(thicknesses[:index]))


def bend(
    structure: Structure,
    points: Floats,
    cells: Ints,
    tags: Ints,
    foot: Floats,
    column: Ints,
    height: Floats,
    triangles: Ints,
    order: int,
) -> Mesh:
    """The mesh of curved tetrahedra from straight ones.

    Parameters
    ----------
    points, cells, tags
        The straight tetrahedra: (n, 3) nm, (c, 4), (c,); 0 is the core.
    foot
        (f, 3) the vertices on the core's surface, about the core's centre.
    column, height
        (n,) above which of them each point is, -1 for none, and at which height (see `carry`).
    triangles
        (t, 3) the core's surface, as ascending numbers of feet.
    order
        Of the geometry.
    """
    tables = reference("tetrahedron", order)
    shares = np.rint(np.column_stack([1 - tables.nodes.sum(axis=1), tables.nodes]) * order).astype(np.int64)
    weights = shares / order  # exactly 0 of what a node has no part in
    places = np.einsum("ki,cix->ckx", weights, points[cells])
    places[tags == 0] += _displacement(structure, cells[tags == 0], foot, column, triangles, weights)
    above = cells[tags > 0]
    if len(above):
        below = structure.core.onto(np.einsum("ki,cix->ckx", weights, foot[column[above]]).reshape(-1, 3))
        heights = (height[above] @ weights.T).ravel()
        places[tags > 0] = carry(structure, below, heights).reshape(len(above), -1, 3)

    # a node is known by the vertices that it lies between and its shares of them
    names = np.where(shares > 0, cells[:, None] * (order + 1) + shares, -1)
    names = -np.sort(-names, axis=2).reshape(-1, 4)
    group, first, _ = group_rows(names)
    return Mesh(
        places.reshape(-1, 3)[first], group.reshape(len(cells), -1), "tetrahedron", order, structure.regions, tags
    )


def _displacement(
    structure: Structure, cells: Ints, foot: Floats, column: Ints, triangles: Ints, weights: Floats
) -> Floats:
    """(c, k, 3) from where nodes of the core's cells would be, were they straight, to where they are."""
    columns = column[cells]
    moved = np.zeros((len(cells), len(weights), 3))
    tables = reference("tetrahedron", 1)
    sides = np.unique(_keys(triangles[:, [[0, 1], [0, 2], [1, 2]]].reshape(-1, 2), len(foot)))
    for corners in tables.edges:
        here = np.flatnonzero(_on(columns[:, corners], sides, len(foot)))
        moved[here] += _along_edge(structure, foot[columns[here][:, corners]], weights[:, corners])
    faces = np.unique(_keys(triangles, len(foot)))
    for corners in tables.facets:
        here = np.flatnonzero(_on(columns[:, corners], faces, len(foot)))
        moved[here] += _inside_face(structure, foot[columns[here][:, corners]], weights[:, corners])
    return moved


def _keys(rows: Ints, base: int) -> Ints:
    """One integer for each row, whatever the order of its entries."""
    keys: Ints = np.sort(rows, axis=1) @ base ** np.arange(rows.shape[1])
    return keys


def _on(rows: Ints, keys: Ints, base: int) -> np.ndarray:
    """Which rows are among those with these keys; an entry -1 is in none."""
    return (rows >= 0).all(axis=1) & np.isin(_keys(rows, base), keys)


def _gap(structure: Structure, points: Floats) -> Floats:
    """From points (..., 3) near the core's surface to their places on it."""
    flat = points.reshape(-1, 3)
    return (structure.core.onto(flat) - flat).reshape(points.shape)


def _along_edge(structure: Structure, ends: Floats, weights: Floats) -> Floats:
    """(c, k, 3) what an edge on the surface, of ends (c, 2, 3), moves nodes by that have weights (k, 2) at its ends."""
    moved = np.zeros((len(ends), len(weights), 3))
    some = np.flatnonzero(weights.prod(axis=1) > 1e-12)
    t = (1 + weights[some, 1] - weights[some, 0]) / 2
    straight = np.einsum("ki,cix->ckx", np.column_stack([1 - t, t]), ends)
    moved[:, some] = (weights[some].prod(axis=1) / (t * (1 - t)))[:, None] * _gap(structure, straight)
    return moved


def _inside_face(structure: Structure, corners: Floats, weights: Floats) -> Floats:
    """(c, k, 3) what a face on the surface, of corners (c, 3, 3), moves nodes by besides what its edges do."""
    moved = np.zeros((len(corners), len(weights), 3))
    some = np.flatnonzero(weights.prod(axis=1) > 1e-12)
    on = weights[some] + (1 - weights[some].sum(axis=1, keepdims=True)) / 3
    gap = _gap(structure, np.einsum("ki,cix->ckx", on, corners))
    for pair in ([0, 1], [0, 2], [1, 2]):
        gap -= _along_edge(structure, corners[:, pair], on[:, pair])
    moved[:, some] = (weights[some].prod(axis=1) / on.prod(axis=1))[:, None] * gap
    return moved
