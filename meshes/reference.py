"""What a reference cell looks like: nodes, edges, facets and shape functions, all taken from basix.

`cell` is "tetrahedron" or "hexahedron", `order` the order of the geometry: 1 or 2, on tetrahedra up to 6. Nodes are
numbered as in basix' equispaced Lagrange elements: vertices, then edges, faces, interior.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CELLS: Final = ("hexahedron", "tetrahedron")
ORDERS: Final = {"hexahedron": (1, 2), "tetrahedron": (1, 2, 3, 4, 5, 6)}


@dataclass(frozen=True, eq=False)
class Reference:
    """The tables of one kind of cell; every index is local to the cell."""

    nodes: Floats  # (k, 3) coordinates in the reference cell
    corners: int  # how many of the nodes are vertices; they come first
    edges: Ints  # (e, 2) end points
    facets: Ints  # (f, 3 or 4) vertices, counter-clockwise seen from outside
    edge_nodes: Ints  # (e, order + 1) all nodes on each edge
    facet_nodes: Ints  # (f, m) all nodes on each facet
    affine: bool  # the map from reference to real cell is affine
    mirrored: Ints  # (k,) the numbering of the same cell seen in a mirror: turns an inverted cell right


@cache
def reference(cell: str, order: int) -> Reference:
    """The tables of `cell` with geometry of the given order."""
    import basix

    element = _element(cell, order)
    kind = basix.CellType[cell]
    corners = np.asarray(basix.geometry(kind), float)
    _, edges, faces, _ = basix.topology(kind)
    closures = element.entity_closure_dofs
    return Reference(
        nodes=np.asarray(element.points, float),
        corners=len(corners),
        edges=np.array(edges),
        facets=np.array([_outward(corners, face) for face in faces]),
        edge_nodes=np.array(closures[1]),
        facet_nodes=np.array(closures[2]),
        affine=cell == "tetrahedron" and order == 1,
        mirrored=renumbering(element.points, np.asarray(element.points)[:, [1, 0, 2]]),
    )


def tabulate(cell: str, order: int, points: Floats) -> tuple[Floats, Floats]:
    """Shape functions (q, k) and their reference gradients (3, q, k) at reference points (q, 3)."""
    table = _element(cell, order).tabulate(1, points)[..., 0]
    return table[0], table[1:]


@cache
def quadrature(cell: str, order: int) -> tuple[Floats, Floats]:
    """Points (q, 3) and weights (q,) that integrate the Jacobian determinant exactly."""
    import basix

    degree = 3 * (order - 1) if cell == "tetrahedron" else 3 * order - 1
    points, weights = basix.make_quadrature(basix.CellType[cell], degree)
    return np.asarray(points), np.asarray(weights)


@cache
def probes(cell: str, order: int) -> Floats:
    """Reference points (q, 3), vertices, edges and faces included, where the Jacobian is looked at."""
    import basix

    if reference(cell, order).affine:
        return quadrature(cell, order)[0]
    lattice = basix.create_lattice(basix.CellType[cell], 2 * order, basix.LatticeType.equispaced, True)
    return np.vstack([lattice, quadrature(cell, order)[0]])


def renumbering(wanted: Floats, given: Floats) -> Ints:
    """Indices into `given` (k, 3) that put its points into the order of `wanted` (k, 3)."""
    distance = np.linalg.norm(np.asarray(wanted)[:, None] - np.asarray(given)[None], axis=-1)
    order: Ints = distance.argmin(axis=1)
    assert distance.min(axis=1).max() < 1e-6
    assert len(set(order.tolist())) == len(order)
    return order


@cache
def _element(cell: str, order: int) -> Any:
    import basix

    return basix.create_element(basix.ElementFamily.P, basix.CellType[cell], order, basix.LagrangeVariant.equispaced)


def _outward(corners: Floats, face: list[int]) -> list[int]:
    """The vertices of a face, listed by rows in basix, in cyclic order, counter-clockwise seen from outside."""
    cycle = face if len(face) == 3 else [face[0], face[1], face[3], face[2]]
    a, b, c = corners[cycle[:3]]
    outside = np.dot(np.cross(b - a, c - a), a - corners.mean(axis=0)) > 0
    return cycle if outside else cycle[::-1]
