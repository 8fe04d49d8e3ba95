"""Sparse stiffness and mass matrices on a `Space`, vectorised over cells; coefficients are constant in each region."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array, csr_array

from meshes.mesh import Mesh

from .element import Array, Ints, element, quadrature

if TYPE_CHECKING:
    from .space import Space

BYTES = 256e6  # of element matrices held at a time


def stiffness(space: "Space", diffusion: Array, potential: Array) -> csr_array:
    """The matrix of ``int grad u . a grad v + V u v`` on the unknowns of the space.

    Parameters
    ----------
    diffusion
        a, shape (regions,) or (regions, 3) for a diagonal tensor.
    potential
        V, shape (regions,).
    """
    a = np.broadcast_to(diffusion.reshape(len(diffusion), -1), (len(diffusion), 3))
    tags = space.mesh.tags
    return _assemble(space, lambda cells: _stiffness(space, cells, a[tags[cells]], potential[tags[cells]]))


def mass(space: "Space", weight: Array | None = None) -> csr_array:
    """The matrix of ``int w u v``, w given per region, shape (regions,); None: 1 everywhere."""
    tags = space.mesh.tags
    per_cell = np.ones(len(tags)) if weight is None else weight[tags]
    return _assemble(space, lambda cells: _mass(space, cells, per_cell[cells]))


def low_order(space: "Space", diffusion: Array, potential: Array) -> csr_array:
    """The degree-1 stiffness matrix on the mesh of the nodes, for the same unknowns in the same order.

    It is spectrally equivalent to the high-order one (S. A. Orszag, J. Comput. Phys. 37, 70 (1980)) and much
    sparser: multigrid is set up on it. On hexahedra the bounds do not depend on the degree; on tetrahedra the upper
    one grows, slowly up to degree 6 (about 8), then fast (34 at degree 8).
    """
    from .space import Space

    return stiffness(Space(space.linear(), 1, space.fixed), diffusion, potential)


def _assemble(space: "Space", local) -> csr_array:  # type: ignore[no-untyped-def]
    """Sum element matrices ``local(cells)`` into a sparse matrix, some cells at a time."""
    total: csr_array | None = None
    k = space.element.size
    step = max(1, int(BYTES / (8 * k * k)))
    for first in range(0, len(space.mesh.cells), step):
        cells = np.arange(first, min(first + step, len(space.mesh.cells)))
        dofs = space.unknowns[cells].astype(np.int32)
        entries = local(cells)
        rows = np.broadcast_to(dofs[:, :, None], entries.shape)
        columns = np.broadcast_to(dofs[:, None, :], entries.shape)
        kept = (rows >= 0) & (columns >= 0)
        part = coo_array((entries[kept], (rows[kept], columns[kept])), shape=(space.size,) * 2).tocsr()
        total = part if total is None else total + part
    assert total is not None
    return total


def _jacobians(mesh: Mesh, cells: Ints, points: Array) -> Array:
    gradients = element(mesh.cell, mesh.order).tabulate(points)[1]
    return np.einsum("dqk,ckx->cqxd", gradients, mesh.points[mesh.cells[cells]], optimize=True)


def _affine(mesh: Mesh, cells: Ints) -> bool:
    """Whether these cells are images of the reference cell under affine maps, as tetrahedra and bricks are."""
    if mesh.order > 1:
        return False
    if mesh.cell == "tetrahedron":
        return True
    x = mesh.points[mesh.cells[cells]]
    faces = np.array([[0, 3, 1, 2], [4, 7, 5, 6], [0, 5, 1, 4], [0, 6, 2, 4]])  # parallelograms: ends of both diagonals
    square = x[:, faces[:, 0]] + x[:, faces[:, 1]] - x[:, faces[:, 2]] - x[:, faces[:, 3]]
    return bool(np.abs(square).max() <= 1e-13 * np.abs(mesh.points).max())


def _stiffness(space: "Space", cells: Ints, a: Array, v: Array) -> Array:
    """(cells, k, k) element matrices; a (cells, 3), v (cells,)."""
    mesh, p = space.mesh, space.degree
    if _affine(mesh, cells):
        points, weights = quadrature(mesh.cell, 2 * p)
        values, gradients = space.element.tabulate(points)
        jacobian = _jacobians(mesh, cells, points[:1])[:, 0]
        inverse, volume = np.linalg.inv(jacobian), np.abs(np.linalg.det(jacobian))
        metric = np.einsum("cax,cx,cbx->cab", inverse, a, inverse) * volume[:, None, None]
        k = space.element.size
        reference = np.einsum("aqi,q,bqj->abij", gradients, weights, gradients, optimize=True).reshape(9, k * k)
        matrices = metric.reshape(-1, 9) @ reference
        matrices += np.outer(v * volume, ((values.T * weights) @ values).ravel())
        return np.asarray(matrices.reshape(-1, k, k))
    matrices = np.empty((len(cells), space.element.size, space.element.size))
    for here, values, gradients, weights in _curved(space, cells):
        flux = gradients * (a[here][:, None, :, None] * weights[:, :, None, None])
        left = gradients.reshape(len(weights), -1, gradients.shape[-1])
        matrices[here] = left.transpose(0, 2, 1) @ flux.reshape(left.shape)
        matrices[here] += values.T @ ((weights * v[here][:, None])[:, :, None] * values)
    return matrices


def _mass(space: "Space", cells: Ints, weight: Array) -> Array:
    """(cells, k, k) element mass matrices."""
    mesh, p, k = space.mesh, space.degree, space.element.size
    if _affine(mesh, cells):
        points, weights = quadrature(mesh.cell, 2 * p)
        values = space.element.values(points)
        volume = np.abs(np.linalg.det(_jacobians(mesh, cells, points[:1])[:, 0]))
        return np.outer(weight * volume, ((values.T * weights) @ values).ravel()).reshape(-1, k, k)
    matrices = np.empty((len(cells), k, k))
    for here, values, _, weights in _curved(space, cells):
        matrices[here] = values.T @ ((weights * weight[here][:, None])[:, :, None] * values)
    return matrices


def _curved(space: "Space", cells: Ints) -> Iterator[tuple[slice, Array, Array, Array]]:
    """Chunks of curved cells: values (q, k), physical gradients (c, q, 3, k), weights (c, q).

    The integrands are rational; 2 p + 2 (order - 1) points' worth of degree is exact for the mass and keeps the
    error of the stiffness below that of the approximation (P. G. Ciarlet, The Finite Element Method, section 4.3).
    """
    mesh = space.mesh
    extra = 2 * (mesh.order - 1) + (2 if mesh.cell == "hexahedron" else 1)
    points, weights = quadrature(mesh.cell, 2 * space.degree + extra)
    values, gradients = space.element.tabulate(points)
    step = max(1, int(BYTES / (24 * gradients.size)))
    for first in range(0, len(cells), step):
        here = slice(first, min(first + step, len(cells)))
        jacobian = _jacobians(mesh, cells[here], points)
        physical = np.einsum("cqdx,dqk->cqxk", np.linalg.inv(jacobian), gradients, optimize=True)
        yield here, values, physical, np.abs(np.linalg.det(jacobian)) * weights
