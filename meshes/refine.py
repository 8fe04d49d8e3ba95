"""Smaller tetrahedra where they are wanted: bisection of longest edges; the rest of the mesh stays as it is.

All edges of the marked cells are halved, and for the sake of good shapes the longest edge of every cell that loses
one (M.-C. Rivara, Int. J. Numer. Methods Eng. 20, 745 (1984)). Cells are cut at their longest edge first; neighbours
order the edges that they share alike, so they agree on every facet. The geometry does not change: a curved cell's parts
are parts of its own map, so spaces on the finer mesh contain those on the coarser one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from meshes.arrays import group_rows
from meshes.errors import MeshError
from meshes.mesh import Mesh
from meshes.reference import Floats, Ints, reference, tabulate


def bisected(mesh: Mesh, marked: NDArray[np.bool_]) -> Mesh:
    """The mesh with every marked cell cut into eight or more, and others as it takes for them to fit.

    Parameters
    ----------
    marked
        (cells,) which cells to cut.

    Raises
    ------
    MeshError
        The cells are not tetrahedra.
    """
    if mesh.cell != "tetrahedron":
        raise MeshError(f"only tetrahedra are bisected, not cells of kind {mesh.cell}")
    used, vertices = np.unique(mesh.vertices, return_inverse=True)
    vertices = vertices.reshape(mesh.vertices.shape)
    points = mesh.points[used]
    base = len(points) + 6 * len(vertices)  # more than there will be vertices
    edges = reference("tetrahedron", 1).edges
    cut = _closed(points, vertices, np.asarray(marked), edges, base)

    # of each part: its corners, the cell that it comes from, and its corners' places in the reference cell
    corners, parent = vertices, np.arange(len(vertices))
    places = np.broadcast_to(reference("tetrahedron", 1).nodes, (len(vertices), 4, 3))
    middles = len(points) + np.arange(len(cut))
    points = np.vstack([points, np.zeros((len(cut), 3))])
    while True:
        keys = _keys(corners[:, edges], base)
        slot = np.minimum(np.searchsorted(cut, keys), max(len(cut) - 1, 0))
        open_ = cut[slot] == keys if len(cut) else np.zeros(keys.shape, dtype=bool)
        some = np.flatnonzero(open_.any(axis=1))
        if not len(some):
            break
        longest = _longest(points, corners[some][:, edges], keys[some], open_[some])
        new = middles[slot[some, longest]]
        halves = []
        for keep, drop in ((0, 1), (1, 0)):
            local, gone = edges[longest, keep], edges[longest, drop]
            part, place = corners[some].copy(), places[some].copy()
            rows = np.arange(len(some))
            place[rows, gone] = (place[rows, local] + place[rows, gone]) / 2
            part[rows, gone] = new
            halves.append((part, place))
        points[new] = _mapped(mesh, parent[some], halves[0][1][rows, edges[longest, 1]][:, None])[:, 0]
        rest = np.setdiff1d(np.arange(len(corners)), some, assume_unique=True)
        corners = np.concatenate([corners[rest], *(part for part, _ in halves)])
        places = np.concatenate([places[rest], *(place for _, place in halves)])
        parent = np.concatenate([parent[rest], parent[some], parent[some]])
    return _numbered(mesh, corners, places, parent)


def _keys(ends: Ints, base: int) -> Ints:
    """One integer for each edge, (..., 2) to (...)."""
    keys: Ints = ends.min(axis=-1) * base + ends.max(axis=-1)
    return keys


def _longest(points: Floats, ends: Ints, keys: Ints, among: NDArray[np.bool_]) -> Ints:
    """(c,) the longest of the edges (c, 6, 2) of each cell that are `among`; of equal ones that of the highest key.

    An edge has the same length in every cell, to the last digit.
    """
    lengths = np.linalg.norm(points[ends[..., 0]] - points[ends[..., 1]], axis=-1)
    lengths = np.where(among, lengths, -1.0)
    best = lengths == lengths.max(axis=1, keepdims=True)
    chosen: Ints = np.where(best, keys, -1).argmax(axis=1)
    return chosen


def _closed(points: Floats, vertices: Ints, marked: NDArray[np.bool_], edges: Ints, base: int) -> Ints:
    """Ascending keys of the edges to halve: those of marked cells, and the longest one of every cell that has any."""
    keys = _keys(vertices[:, edges], base)
    longest = keys[np.arange(len(keys)), _longest(points, vertices[:, edges], keys, np.ones(keys.shape, dtype=bool))]
    cut = np.unique(keys[marked])
    while True:
        touched = np.isin(keys, cut).any(axis=1)
        more = np.union1d(cut, longest[touched])
        if len(more) == len(cut):
            return cut
        cut = more


def _mapped(mesh: Mesh, cells: Ints, places: Floats) -> Floats:
    """(n, q, 3) where places (n, q, 3) in the reference cell are in these cells."""
    values = tabulate(mesh.cell, mesh.order, np.ascontiguousarray(places.reshape(-1, 3)))[0]
    nodes = mesh.points[mesh.cells[cells]]
    mapped: Floats = np.einsum("nqk,nkx->nqx", values.reshape(*places.shape[:2], -1), nodes)
    return mapped


def _numbered(mesh: Mesh, corners: Ints, places: Floats, parent: Ints) -> Mesh:
    """The mesh of these parts: every node named by the corners that it lies between and its shares of them."""
    tables = reference("tetrahedron", mesh.order)
    shares = np.column_stack([1 - tables.nodes.sum(axis=1), tables.nodes]) * mesh.order
    shares = np.rint(shares).astype(np.int64)
    names = np.where(shares > 0, corners[:, None] * (mesh.order + 1) + shares, -1)
    group, first, _ = group_rows(-np.sort(-names, axis=2).reshape(-1, 4))
    nodes = _mapped(mesh, parent, np.einsum("ki,cix->ckx", shares / mesh.order, places))
    return Mesh(
        nodes.reshape(-1, 3)[first],
        group.reshape(len(corners), -1),
        mesh.cell,
        mesh.order,
        mesh.regions,
        mesh.tags[parent],
    )
