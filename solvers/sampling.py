"""Values of a mesh function on a grid of points: find the cells of the points, invert their maps, evaluate."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from meshes.mesh import Mesh
from meshes.reference import tabulate

from .element import Array, Ints

if TYPE_CHECKING:
    from .space import Space

PAIRS = 400_000  # candidate (cell, point) pairs held at a time
STEPS = 12  # of Newton's method
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


def located(mesh: Mesh, axes: tuple[Array, Array, Array]) -> Iterator[tuple[Ints, Ints, Array]]:
    """Cells, flat indices of the grid points inside them, and their reference coordinates, some at a time."""
    shape = tuple(len(axis) for axis in axes)
    corners = mesh.points[mesh.cells]
    pad = 0.0 if mesh.order == 1 else 0.15  # curved sides bulge beyond their nodes
    low, high = corners.min(axis=1), corners.max(axis=1)
    margin = pad * (high - low) + 1e-9
    first = np.stack([np.searchsorted(axis, low[:, d] - margin[:, d]) for d, axis in enumerate(axes)], axis=1)
    last = np.stack([np.searchsorted(axis, high[:, d] + margin[:, d]) for d, axis in enumerate(axes)], axis=1)
    counts = np.prod(np.maximum(last - first, 0), axis=1)
    cells = np.flatnonzero(counts)
    bounds = np.cumsum(counts[cells])
    start = 0
    while start < len(cells):
        stop = max(start + 1, int(np.searchsorted(bounds, (bounds[start - 1] if start else 0) + PAIRS, side="right")))
        some = cells[start:stop]
        owner, index = _candidates(some, first[some], last[some], shape)
        points = np.stack([axis[i] for axis, i in zip(axes, np.unravel_index(index, shape))], axis=1)
        reference, inside = _invert(mesh, owner, points)
        if inside.any():
            yield owner[inside], index[inside], reference[inside]
        start = stop


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


def _invert(mesh: Mesh, cells: Ints, points: Array) -> tuple[Array, np.ndarray]:
    """Reference coordinates of points in their cells by Newton's method, and which points lie inside."""
    nodes = mesh.points[mesh.cells[cells]]
    reference = np.full(points.shape, 0.25 if mesh.cell == "tetrahedron" else 0.5)
    affine = mesh.order == 1 and mesh.cell == "tetrahedron"
    active = np.arange(len(points))
    for attempt in range(1 if affine else STEPS):
        values, gradients = tabulate(mesh.cell, mesh.order, reference[active])
        defect = points[active] - np.einsum("pk,pkx->px", values, nodes[active])
        jacobian = np.einsum("dpk,pkx->pxd", gradients, nodes[active], optimize=True)
        step = np.linalg.solve(jacobian, defect[..., None])[..., 0]
        reference[active] = reference[active] + step if affine else np.clip(reference[active] + step, -0.5, 1.5)
        size = np.abs(step).max(axis=1)
        # from the middle of its cell Newton's method is soon near: a point that still strides is not in this cell
        active = active[(size >= 1e-12) & ((attempt < 4) | (size < 0.1))]
        if not len(active):
            break
    inside = np.all(reference >= -SLACK, axis=1)
    if mesh.cell == "tetrahedron":
        inside &= reference.sum(axis=1) <= 1 + SLACK
    else:
        inside &= np.all(reference <= 1 + SLACK, axis=1)
    return reference, inside
