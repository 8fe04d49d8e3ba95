"""A mesh: points, cells of one kind, and a region for each cell. Frozen; lengths in nm.

Cells list their geometry nodes in the order of basix' Lagrange elements (see `meshes.reference`). What makes a mesh
good, and what is refused, stands in `meshes.conformity`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from meshes.arrays import determinant, group_rows, scaled
from meshes.conformity import check
from meshes.errors import MeshError
from meshes.reference import CELLS, ORDERS, Floats, Ints, Reference, probes, quadrature, reference, tabulate

__all__ = ["Facets", "Mesh", "check"]

CHUNK = 8192  # cells whose Jacobians are held in memory at a time


class Facets(NamedTuple):
    """The facets of a mesh, each once."""

    cells: Ints  # (f, 2) the cells on both sides; the second is -1 on the boundary
    local: Ints  # (f, 2) which facet of each of these cells; -1 likewise
    vertices: Ints  # (f, 3 or 4) in cyclic order, counter-clockwise seen from outside the first cell

    @property
    def boundary(self) -> Ints:
        """Indices of the facets that belong to one cell only."""
        return np.flatnonzero(self.cells[:, 1] < 0)


@dataclass(frozen=True, eq=False)
class Mesh:
    """Points, cells and their regions; the arrays cannot be written to."""

    points: Floats  # (n, 3) nm
    cells: Ints  # (c, k) indices of points
    cell: str  # "hexahedron" or "tetrahedron"
    order: int  # of the geometry: 1 or 2, on tetrahedra up to 6
    regions: tuple[str, ...]  # names
    tags: Ints  # (c,) index into `regions`

    def __post_init__(self) -> None:
        if self.cell not in CELLS or self.order not in ORDERS[self.cell]:
            allowed = " or ".join(f"{cell} of order 1 to {orders[-1]}" for cell, orders in ORDERS.items())
            raise MeshError(f"cells are {allowed}, not {self.cell} of order {self.order}")
        _set(self, "points", self.points, np.float64)
        _set(self, "cells", self.cells, np.int64)
        _set(self, "tags", self.tags, np.int64)
        object.__setattr__(self, "regions", tuple(self.regions))
        nodes = len(self.reference.nodes)
        if self.points.ndim != 2 or self.points.shape[1] != 3:
            raise MeshError(f"points must have shape (n, 3), not {self.points.shape}")
        if self.cells.ndim != 2 or self.cells.shape[1] != nodes:
            raise MeshError(f"a {self.cell} of order {self.order} has {nodes} nodes; cells have {self.cells.shape}")
        if self.tags.shape != (len(self.cells),):
            raise MeshError(f"there are {len(self.cells)} cells, but tags have shape {self.tags.shape}")
        if len(set(self.regions)) < len(self.regions):
            raise MeshError(f"two regions have the same name: {self.regions}")

    @property
    def reference(self) -> Reference:
        """The tables of the reference cell."""
        return reference(self.cell, self.order)

    @property
    def vertices(self) -> Ints:
        """The vertices of each cell, shape (c, 4 or 8)."""
        return self.cells[:, : self.reference.corners]

    def jacobians(self, points: Floats) -> Iterator[Floats]:
        """Jacobians dx/dX at reference points (q, 3), a chunk of cells at a time; each (cells, q, 3, 3), [.., x, X]."""
        gradients = tabulate(self.cell, self.order, points)[1]
        for start in range(0, len(self.cells), CHUNK):
            nodes = self.points[self.cells[start : start + CHUNK]]
            yield np.tensordot(nodes, gradients, axes=(1, 2)).transpose(0, 3, 1, 2)

    def cell_volumes(self) -> Floats:
        """Volume of each cell in nm^3, exact for the geometry it has; negative if turned inside out; shape (c,)."""
        points, weights = quadrature(self.cell, self.order)
        return np.concatenate([np.zeros(0), *(determinant(j) @ weights for j in self.jacobians(points))])

    def volumes(self) -> dict[str, float]:
        """Volume of each region in nm^3."""
        volumes = self.cell_volumes()
        return {name: float(volumes[self.tags == tag].sum()) for tag, name in enumerate(self.regions)}

    def sizes(self) -> Floats:
        """Diameter of each cell, its longest distance between vertices, in nm; shape (c,)."""
        corners = self.points[self.vertices]
        first, second = np.triu_indices(corners.shape[1], 1)
        longest = np.zeros(len(corners))
        for a, b in zip(first, second):
            np.maximum(longest, np.linalg.norm(corners[:, a] - corners[:, b], axis=1), out=longest)
        return longest

    def quality(self) -> Floats:
        """Shape of each cell, 1 for a regular one and 0 for a flat one; the geometry's curvature left aside; (c,).

        Tetrahedra: the mean ratio 12 (3 V)^(2/3) / sum of squared edges. Hexahedra: the smallest scaled Jacobian, the
        sine-like measure of the corners; a long box is as good as a cube.
        """
        straight = Mesh(self.points, self.vertices, self.cell, 1, self.regions, self.tags)
        if self.cell == "hexahedron":
            nodes = straight.reference.nodes
            return np.concatenate([np.zeros(0), *(scaled(j).min(axis=1) for j in straight.jacobians(nodes))])
        ends = self.points[self.vertices[:, self.reference.edges]]
        squares = np.sum((ends[:, :, 0] - ends[:, :, 1]) ** 2, axis=(1, 2))
        volumes = straight.cell_volumes()
        ratio: Floats = np.sign(volumes) * 12 * (3 * np.abs(volumes)) ** (2 / 3) / squares
        return ratio

    def distortion(self) -> Floats:
        """Smallest over largest Jacobian of each cell: 1 for a straight tetrahedron, 0 or less if folded; (c,)."""
        points = probes(self.cell, self.order)
        chunks = (determinant(jacobians) for jacobians in self.jacobians(points))
        ratios = [values.min(axis=1) / np.abs(values).max(axis=1) for values in chunks]
        return np.concatenate([np.zeros(0), *ratios])

    @cached_property
    def facets(self) -> Facets:
        """Every facet once, with the cells on its two sides.

        Raises
        ------
        MeshError
            A facet belongs to more than two cells.
        """
        per_cell = len(self.reference.facets)
        vertices = self.cells[:, self.reference.facets].reshape(-1, self.reference.facets.shape[1])
        group, first, count = group_rows(np.sort(vertices, axis=1))
        if count.max(initial=0) > 2:
            worst = int(count.argmax())
            raise MeshError(
                f"{count[worst]} cells meet in one facet, with corners {vertices[first[worst]].tolist()}: cells overlap"
            )
        sides = np.full((len(first), 2), -1)
        sides[:, 0] = first
        others = np.setdiff1d(np.arange(len(vertices)), first, assume_unique=True)
        sides[group[others], 1] = others
        cells = np.where(sides < 0, -1, sides // per_cell)
        local = np.where(sides < 0, -1, sides % per_cell)
        return Facets(cells, local, vertices[first])

    @cached_property
    def edges(self) -> Ints:
        """Every edge once, as its two vertices, the smaller index first; shape (edges, 2)."""
        ends = np.sort(self.cells[:, self.reference.edges].reshape(-1, 2), axis=1)
        return ends[group_rows(ends)[1]]


def _set(mesh: Mesh, name: str, values: object, kind: type) -> None:
    """Store an array that cannot be written to, without touching the caller's."""
    array = np.asarray(values)
    if kind is np.int64 and array.size and not np.issubdtype(array.dtype, np.integer):
        raise MeshError(f"{name} must be integers, not {array.dtype}")
    view: Floats | Ints = np.ascontiguousarray(array, dtype=kind).view()
    view.flags.writeable = False
    object.__setattr__(mesh, name, view)
