"""Lagrange elements on hexahedra and tetrahedra, tabulated by basix, and the lattice that their nodes form.

Nodes are Gauss-Lobatto-Legendre-warped, numbered as basix numbers them: vertices, edges, faces, interior. Seen from
two cells, the nodes inside a shared edge or face may be numbered differently; `flips` says how.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

CELLS = ("hexahedron", "tetrahedron")


@dataclass(frozen=True)
class Element:
    """One Lagrange element.

    Parameters
    ----------
    cell
        "hexahedron" or "tetrahedron".
    degree
        Polynomial degree, at least 1 (in each direction on hexahedra, in total on tetrahedra).
    """

    cell: str
    degree: int

    def __post_init__(self) -> None:
        if self.cell not in CELLS or self.degree < 1:
            raise ValueError(f"no Lagrange element of degree {self.degree} on a {self.cell!r}")

    @cached_property
    def _basix(self):  # type: ignore[no-untyped-def]
        import basix

        return basix.create_element(
            basix.ElementFamily.P,
            basix.CellType[self.cell],
            self.degree,
            lagrange_variant=basix.LagrangeVariant.gll_warped,
        )

    @property
    def size(self) -> int:
        """Number of nodes."""
        return int(self._basix.dim)

    @cached_property
    def nodes(self) -> Array:
        """(size, 3) nodes in the reference cell."""
        return np.asarray(self._basix.points)

    @cached_property
    def entities(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Nodes inside each vertex, edge, face and the cell: arrays (entities, nodes of each)."""
        vertices, edges, faces, interior = self._basix.entity_dofs
        return tuple(np.array(group, dtype=np.int64) for group in (vertices, edges, faces, interior))  # type: ignore[return-value]

    @cached_property
    def corners(self) -> tuple[Ints, Ints]:
        """The vertices of each edge, (edges, 2), and of each face, (faces, 3 or 4), in basix's order."""
        import basix

        topology = basix.topology(basix.CellType[self.cell])
        return np.array(topology[1], dtype=np.int64), np.array(topology[2], dtype=np.int64)

    def tabulate(self, points: Array) -> tuple[Array, Array]:
        """Values (q, size) and reference gradients (3, q, size) at reference points (q, 3)."""
        table = self._basix.tabulate(1, np.ascontiguousarray(points))[..., 0]
        return table[0], table[1:4]

    def values(self, points: Array) -> Array:
        """Values alone, (q, size)."""
        return np.asarray(self._basix.tabulate(0, np.ascontiguousarray(points))[0, :, :, 0])

    @cached_property
    def lattice(self) -> Ints:
        """(size, 3) integer coordinates of the nodes, 0 to degree: where they sit before the warping."""
        import basix

        even = basix.create_element(
            basix.ElementFamily.P,
            basix.CellType[self.cell],
            self.degree,
            lagrange_variant=basix.LagrangeVariant.equispaced,
        )
        return np.rint(np.asarray(even.points) * self.degree).astype(np.int64)

    @cached_property
    def subcells(self) -> Ints:
        """(degree^3, 8 or 4) the cells of the same shape into which the nodes divide the element, as node numbers."""
        index = {tuple(point): number for number, point in enumerate(self.lattice.tolist())}
        p = self.degree
        cells = []
        for corner in np.ndindex(p, p, p):
            for shape in _pieces(self.cell, p - sum(corner)):
                cells.append([index[tuple(np.add(corner, v))] for v in shape])
        return np.array(cells, dtype=np.int64)

    @cached_property
    def flips(self) -> tuple[Ints, Ints]:
        """Orderings of the nodes inside an edge, (2, n), and inside a face, (orientations, n).

        Row o of the second belongs to the o-th ordering of the face's corners in `orientations`: entry i is the
        number that the node has in the face seen with its corners so ordered.
        """
        p = self.degree
        edge = np.arange(p - 1)
        return np.array([edge, edge[::-1]]), _face_flips(self, orientations(self.cell))


def orientations(cell: str) -> Ints:
    """The orderings of a face's corners that keep its shape: 6 for a triangle, 8 for a square (0 1 / 2 3)."""
    if cell == "tetrahedron":
        return np.array(list(permutations(range(3))), dtype=np.int64)
    across = {0: 3, 1: 2, 2: 1, 3: 0}
    return np.array([q for q in permutations(range(4)) if across[q[0]] == q[3]], dtype=np.int64)


def _face_flips(element: Element, orders: Ints) -> Ints:
    """For each ordering of the corners, where each inner node of the reference's first face goes."""
    inner = element.entities[2][0]
    corners = element.lattice[element.entities[0][element.corners[1][0], 0]]
    if not len(inner):
        return np.empty((len(orders), 0), dtype=np.int64)
    p = element.degree
    here = element.lattice[inner]
    # coordinates along the two sides that leave the first corner, exact in integers
    frame = np.stack([corners[1] - corners[0], corners[2] - corners[0]]) // p
    local = np.rint((here - corners[0]) @ np.linalg.pinv(frame)).astype(np.int64)
    number = {tuple(point): i for i, point in enumerate(local.tolist())}
    flat = np.array([[0, 0], [p, 0], [0, p], [p, p]])[: len(corners)]
    rows = []
    for order in orders:
        origin = flat[order[0]]
        sides = np.stack([flat[order[1]] - origin, flat[order[2]] - origin])
        seen = np.rint((local - origin) @ np.linalg.inv(sides) * p).astype(np.int64)
        rows.append([number[tuple(point)] for point in seen.tolist()])
    return np.array(rows, dtype=np.int64)


def _pieces(cell: str, room: int) -> list[list[tuple[int, int, int]]]:
    """The cells of the lattice that belong to one of its corners; `room` is the degree less the corner's sum."""
    o, x, y, z, xy, xz, yz, xyz = (0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1)
    if cell == "hexahedron":
        return [[o, x, y, xy, z, xz, yz, xyz]]
    pieces = [[o, x, y, z]] if room >= 1 else []
    if room >= 2:  # the octahedron between the corners, cut along x-yz
        pieces += [[x, yz, a, b] for a, b in ((y, z), (z, xz), (xz, xy), (xy, y))]
    if room >= 3:
        pieces += [[xy, yz, xz, xyz]]
    return pieces


@lru_cache(maxsize=64)
def element(cell: str, degree: int) -> Element:
    """The element of this cell and degree, made once."""
    return Element(cell, degree)


@lru_cache(maxsize=64)
def quadrature(cell: str, degree: int) -> tuple[Array, Array]:
    """Points (q, 3) and weights (q,) on the reference cell, exact for polynomials of this degree."""
    import basix

    points, weights = basix.make_quadrature(basix.CellType[cell], degree)
    return np.asarray(points), np.asarray(weights)
