"""Hexahedral meshes of nested cuboids: the tensor product of three graded rows of points.

Every interface plane, both faces of a shifted core included, is one of the planes of the grid, so that every cell
lies in one region and every interface is made of element faces. Needs no mesh generator.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from meshes.errors import MeshError
from meshes.grading import cuts
from meshes.mesh import Mesh
from meshes.reference import Floats, Ints
from meshes.shapes import Cuboid, Structure

FINEST = 1e-9  # smallest cell width over the particle's: below it, coordinates lose their digits


def breakpoints(
    structure: Structure, axis: int, size: float, *, layers: int = 0, factor: float = 0.15, half: bool = False
) -> Floats:
    """The grid points of one axis: all interface planes, and between them cells no wider than `size`.

    Parameters
    ----------
    axis
        0, 1 or 2.
    size
        Largest cell width, nm.
    layers
        How many times the cell at each interface is cut again towards the interface, geometrically; 0: uniform cells.
        The outermost faces are no interface: solutions are smooth there.
    factor
        Ratio of successive distances from the interface, between 0 and 1.
    half
        Only the side x >= 0 of the mirror plane x = 0.

    Returns
    -------
    Floats
        Ascending, nm, shape (n,). On an axis with a mirror plane the points are symmetric to the last bit.

    Raises
    ------
    MeshError
        The structure is no cuboid or has no mirror plane there, or the cells would be too thin for the coordinates.
    """
    if not isinstance(structure.core, Cuboid):
        raise MeshError(f"boxes are for cuboids; a {type(structure.core).__name__} needs tetrahedra")
    if not 0 < size < np.inf or layers < 0 or not 0 < factor < 1:
        raise MeshError(f"need size > 0, layers >= 0 and 0 < factor < 1, not {size}, {layers} and {factor}")
    if half and not structure.mirror[axis]:
        raise MeshError(f"the core is shifted along {'xyz'[axis]}: the structure has no mirror plane there to cut at")
    planes = _planes(structure, axis)
    if half:
        planes = np.append(0.0, planes[planes > 0])
    parts = [planes[:1]]
    last = len(planes) - 2
    for index, (left, right) in enumerate(pairwise(planes)):
        graded = (index > 0, index < last)  # the ends of the row are outer faces, or the mirror plane
        parts.append(cuts(left, right, size, graded, layers, factor)[1:])
    points = np.concatenate(parts)
    if structure.mirror[axis] and not half:
        points = (points - points[::-1]) / 2
    if np.diff(points).min() < FINEST * structure.extent[axis]:
        raise MeshError(
            f"the thinnest cells would be {np.diff(points).min():.1e} nm wide: use fewer layers or a larger factor"
        )
    return points


def box_mesh(
    structure: Structure,
    size: float,
    *,
    layers: int = 0,
    factor: float = 0.15,
    mirror: tuple[bool, bool, bool] = (False, False, False),
) -> Mesh:
    """Hexahedra on the tensor grid of the three `breakpoints`, first axis fastest, in points as in cells.

    Parameters
    ----------
    size, layers, factor
        As in `breakpoints`, on every axis.
    mirror
        On which axes to keep only the positive side of the mirror plane; all three: an octant.

    Raises
    ------
    MeshError
        As `breakpoints`.
    """
    rows = [breakpoints(structure, axis, size, layers=layers, factor=factor, half=mirror[axis]) for axis in range(3)]
    return grid_mesh(structure, rows)


def grid_mesh(structure: Structure, rows: Sequence[Floats]) -> Mesh:
    """Hexahedra between these points of the three axes, or a block of them; every interface is among their planes."""
    nx, ny, nz = (len(row) for row in rows)
    z, y, x = np.meshgrid(*rows[::-1], indexing="ij")
    points = np.column_stack([x.ravel(), y.ravel(), z.ravel()])
    number = np.arange(nx * ny * nz).reshape(nz, ny, nx)
    corners = [
        number[k : nz - 1 + k, j : ny - 1 + j, i : nx - 1 + i].ravel() for k in (0, 1) for j in (0, 1) for i in (0, 1)
    ]
    depth_x, depth_y, depth_z = (_innermost(structure, axis, rows[axis]) for axis in range(3))
    tags = np.maximum(np.maximum(depth_z[:, None, None], depth_y[:, None]), depth_x)
    return Mesh(points, np.column_stack(corners), "hexahedron", 1, structure.regions, tags.ravel())


def _planes(structure: Structure, axis: int) -> Floats:
    """All faces across one axis, ascending."""
    half = np.array([shape.extent[axis] / 2 for shape in structure.boundaries])
    centre = structure.centres[:, axis]
    return np.sort(np.concatenate([centre - half, centre + half]))


def _innermost(structure: Structure, axis: int, row: Floats) -> Ints:
    """For each interval of the row, the innermost region whose extent along the axis covers it."""
    middle = (row[:-1] + row[1:]) / 2
    found = np.zeros(len(middle), np.int64)
    for shape, centre in zip(structure.boundaries[:-1], structure.centres[:, axis]):
        found += np.abs(middle - centre) > shape.extent[axis] / 2
    return found
