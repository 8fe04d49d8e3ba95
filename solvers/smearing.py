"""Integrals of the regions of a mesh around the points of a uniform grid: quadrature points, dealt to their neighbours.

What is left to do is to smear: ``int_region w(r - r') dr'`` for a smooth w is then a convolution on the grid, with a w
that is narrower by the width of the dealing (see `DEALT`). Dealing by splines keeps quadrature points whose distances
come near the step of the grid from beating with it.
"""

import numpy as np

from meshes.arrays import determinant
from meshes.mesh import Mesh
from meshes.reference import tabulate

from .element import Array, Ints, quadrature

DEALT = 1 / 3  # variance along each axis that the dealing adds, in squares of the step: that of a cubic B-spline
POINTS = 500_000  # quadrature points held at a time


def volumes_on_grid(mesh: Mesh, first: Array, step: Array, shape: tuple[int, int, int], width: float) -> Array:
    """(regions, nx, ny, nz) volume of each region around each point of a grid, dealt to the points near it.

    Parameters
    ----------
    first, step
        (3,) of the grid.
    width
        Quadrature points are so dense that Gaussians of this standard deviation are integrated to about 1e-4.
    """
    total = np.zeros((len(mesh.regions), int(np.prod(shape))))
    along = np.ceil(1.1 * mesh.sizes() / width).astype(int) + 2  # Gauss points through each cell
    for n in np.unique(along):
        points, weights = quadrature(mesh.cell, 2 * int(n) - 1)
        basis, gradients = tabulate(mesh.cell, mesh.order, points)
        these = np.flatnonzero(along == n)
        for cells in np.array_split(these, -(-len(these) * len(points) // POINTS)):
            nodes = mesh.points[mesh.cells[cells]]
            volume = np.abs(determinant(np.einsum("dqk,ckx->cqxd", gradients, nodes, optimize=True))) * weights
            place = (np.einsum("qk,ckx->cqx", basis, nodes, optimize=True) - first) / step
            tags = np.repeat(mesh.tags[cells], len(points))
            _deal(total, tags, place.reshape(-1, 3), volume.ravel(), shape)
    return total.reshape(-1, *shape)


def _deal(total: Array, tags: Ints, place: Array, volume: Array, shape: tuple[int, int, int]) -> None:
    """Each volume to the 64 points around its place, by cubic B-splines."""
    low = np.floor(place).astype(int)
    x = place - low
    shares = np.stack([(1 - x) ** 3, 4 - 6 * x**2 + 3 * x**3, 1 + 3 * (x + x**2 - x**3), x**3]) / 6
    some = [(tag, np.flatnonzero(tags == tag)) for tag in np.unique(tags)]
    for i, j, k in np.ndindex(4, 4, 4):
        share = volume * shares[i, :, 0] * shares[j, :, 1] * shares[k, :, 2]
        index = np.ravel_multi_index(tuple((low + np.array([i, j, k]) - 1).T), shape)
        for tag, here in some:
            total[tag] += np.bincount(index[here], share[here], minlength=total.shape[1])
