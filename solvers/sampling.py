"""Values of a mesh function on a grid of points: find the cells of the points, invert their maps, evaluate."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from meshes.mesh import Mesh
from meshes.reference import tabulate

from .element import Array, Ints

if TYPE_CHECKING:
    from .space import Space

PAIRS = 400_000  # candidate (cell, point) pairs held at a time
STEPS = 12  # of Newton's method
KEPT = 1_000_000  # points of a grid up to which their places in a mesh are kept for the next functions
FLAT = 1e-13  # bulge of a cell that is an affine image of the reference cell
BEYOND = 1.5  # times the bulge at the nodes: what it may be between them
BENT = 0.3  # bulge from which on the affine map is no good guess: Newton's method may never come back
NEAR = 1.5  # distance of a point in a cell from the nearest node, over the cell's length, times the order, at most
SLACK = 1e-9  # how far outside a cell a point may seem, in reference coordinates


def on_grid(space: "Space", nodal: Array, x: Array, y: Array, z: Array) -> Array:
    """(count, len(x), len(y), len(z)) values at the points of a grid, zero outside the mesh; nodal (nodes, count)."""
    shape = (len(x), len(y), len(z))
    result = np.zeros((int(np.prod(shape)), nodal.shape[1]))
    for owner, index, reference in located(space.mesh, (x, y, z)):
        basis = space.element.values(reference)
        result[index] = np.einsum("pk,pki->pi", basis, nodal[space.nodes[owner]])
    return result.T.reshape(nodal.shape[1], *shape)


def tags_on_grid(mesh: Mesh, x: Array, y: Array, z: Array) -> Ints:
    """(len(x), len(y), len(z)) tag of the cell around each point of a grid, -1 outside the mesh."""
    shape = (len(x), len(y), len(z))
    tags = np.full(int(np.prod(shape)), -1)
    for owner, index, _ in located(mesh, (x, y, z)):
        tags[index] = mesh.tags[owner]
    return tags.reshape(shape)


Places = tuple[Ints, Ints, Array]  # cells, flat indices of the grid points inside them, and reference coordinates
_LAST: WeakKeyDictionary[Mesh, tuple[tuple[bytes, ...], list[Places]]] = WeakKeyDictionary()


def located(mesh: Mesh, axes: tuple[Array, Array, Array]) -> Iterator[Places] | Sequence[Places]:
    """Where the points of a grid lie, some at a time; of the last grid, unless it is large, each mesh keeps that."""
    if np.prod([float(len(axis)) for axis in axes]) > KEPT:
        return _search(mesh, axes)
    key = tuple(axis.tobytes() for axis in axes)
    known, places = _LAST.get(mesh, ((), []))
    if known != key:
        places = list(_search(mesh, axes))
        _LAST[mesh] = key, places
    return places


def _search(mesh: Mesh, axes: tuple[Array, Array, Array]) -> Iterator[Places]:
    shape = tuple(len(axis) for axis in axes)
    nodes = mesh.points[mesh.cells]
    pad = 0.0 if mesh.order == 1 else 0.15  # curved sides bulge beyond their nodes
    low, high = nodes.min(axis=1), nodes.max(axis=1)
    margin = pad * (high - low) + 1e-9
    first = np.stack([np.searchsorted(axis, low[:, d] - margin[:, d]) for d, axis in enumerate(axes)], axis=1)
    last = np.stack([np.searchsorted(axis, high[:, d] + margin[:, d]) for d, axis in enumerate(axes)], axis=1)
    counts = np.prod(np.maximum(last - first, 0), axis=1)
    cells = np.flatnonzero(counts)
    bounds = np.cumsum(counts[cells])
    straight = _Straight.of(mesh)
    start = 0
    while start < len(cells):
        stop = max(start + 1, int(np.searchsorted(bounds, (bounds[start - 1] if start else 0) + PAIRS, side="right")))
        some = cells[start:stop]
        owner, index = _candidates(some, first[some], last[some], shape)
        points = np.stack([axis[i] for axis, i in zip(axes, np.unravel_index(index, shape))], axis=1)
        guess, near = straight.inverse(owner, points)
        bent = np.flatnonzero(near & (straight.bulge[owner] > BENT))
        guess[bent], near[bent] = _nearest_nodes(mesh, owner[bent], points[bent])
        owner, index, points, guess = owner[near], index[near], points[near], guess[near]
        reference = _invert(mesh, owner, points, guess, straight.bulge[owner] > FLAT)
        inside = _inside(mesh.cell, reference, SLACK)
        if inside.any():
            yield owner[inside], index[inside], reference[inside]
        start = stop


@dataclass(frozen=True, slots=True)
class _Straight:
    """Every cell without its curvature: the affine map through one corner and its three neighbours."""

    cell: str
    origin: Array  # (cells, 3)
    inverse_edges: Array  # (cells, 3, 3)
    bulge: Array  # (cells,) how far that map takes a node from where it belongs, in reference coordinates

    @classmethod
    def of(cls, mesh: Mesh) -> "_Straight":
        tables = mesh.reference
        corner, *ends = (int(np.abs(tables.nodes - at).sum(axis=1).argmin()) for at in (np.zeros(3), *np.eye(3)))
        nodes = mesh.points[mesh.cells]
        origin = nodes[:, corner]
        inverse = np.linalg.inv(np.asarray(nodes[:, ends] - origin[:, None]))
        off = np.einsum("ckx,cxd->ckd", nodes - origin[:, None], inverse) - tables.nodes
        return cls(mesh.cell, origin, inverse, np.abs(off).max(axis=(1, 2)))

    def inverse(self, cells: Ints, points: Array) -> tuple[Array, np.ndarray]:
        """Reference coordinates of points in their cells, and which of them the true cell may hold."""
        guess = np.einsum("px,pxd->pd", points - self.origin[cells], self.inverse_edges[cells])
        return guess, _inside(self.cell, guess, 3 * BEYOND * self.bulge[cells] + SLACK)


def _inside(cell: str, reference: Array, slack: Array | float) -> np.ndarray:
    """Which reference coordinates lie in the cell, or not further outside."""
    inside = np.all(-slack <= reference.T, axis=0)
    top = reference.sum(axis=1) if cell == "tetrahedron" else reference.max(axis=1, initial=0.0)
    return np.asarray(inside & (top <= 1 + slack))


def _candidates(cells: Ints, first: Ints, last: Ints, shape: tuple[int, ...]) -> tuple[Ints, Ints]:
    """All pairs of a cell and the flat index of a grid point in its bounding box."""
    extent = last - first
    counts = np.prod(extent, axis=1)
    owner = np.repeat(np.arange(len(cells)), counts)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    ny, nz = extent[owner, 1], extent[owner, 2]
    i = first[owner, 0] + within // (ny * nz)
    j = first[owner, 1] + within // nz % ny
    k = first[owner, 2] + within % nz
    return cells[owner], np.ravel_multi_index((i, j, k), shape)


def _nearest_nodes(mesh: Mesh, cells: Ints, points: Array) -> tuple[Array, np.ndarray]:
    """Reference coordinates of that node of its cell which is nearest to each point, and whether it is near enough."""
    found, near = np.empty_like(points), np.empty(len(points), dtype=bool)
    for some in np.array_split(np.arange(len(points)), -(-len(points) * mesh.cells.shape[1] // PAIRS) or 1):
        nodes = mesh.points[mesh.cells[cells[some]]]
        away = np.linalg.norm(nodes - points[some, None], axis=2)
        found[some] = mesh.reference.nodes[away.argmin(axis=1)]
        near[some] = away.min(axis=1) <= NEAR / mesh.order * np.ptp(nodes, axis=1).max(axis=1)
    return found, near


def _invert(mesh: Mesh, cells: Ints, points: Array, guess: Array, curved: np.ndarray) -> Array:
    """Reference coordinates of points in their cells, in those that are curved by Newton's method from a guess."""
    reference = np.clip(guess, -0.5, 1.5)
    active = np.flatnonzero(curved)
    nodes = mesh.points[mesh.cells]
    for attempt in range(STEPS):
        if not len(active):
            break
        values, gradients = tabulate(mesh.cell, mesh.order, reference[active])
        own = nodes[cells[active]]
        defect = points[active] - np.einsum("pk,pkx->px", values, own)
        jacobian = np.einsum("dpk,pkx->pxd", gradients, own, optimize=True)
        step = np.linalg.solve(jacobian, defect[..., None])[..., 0]
        reference[active] = np.clip(reference[active] + step, -0.5, 1.5)
        size = np.abs(step).max(axis=1)
        # Newton's method is soon near: a point that still strides is not in this cell
        active = active[(size >= 1e-12) & ((attempt < 4) | (size < 0.1))]
    return reference
