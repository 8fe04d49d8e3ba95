"""The grid on which densities of carriers meet what the surroundings do to them: images, self-energies, the field."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from exciton.fields import box_around
from exciton.resolve import Resolved
from meshes.shapes import Sphere, Structure
from solvers.functions import FunctionSpace
from solvers.grid import Grid

Array = NDArray[np.float64]

SPACING = 0.45  # nm, about
LEAST = 8  # points across a layer: self-energies are steep there
SPARSER, FEWER = 0.52, 7  # the same of a grid that tells the error of this one
ACROSS = 24  # points across all of a particle on uniform grids, at least
COARSER = 1.5  # spacing of a uniform grid that tells the error: it converges slowly and not evenly


def meeting_grid(resolved: Resolved, space: FunctionSpace, spacing: float = SPACING, least: int = 0) -> Grid:
    """Gauss points between the flat faces of nested boxes and rounded cubes, a uniform grid over any other particle.

    Parameters
    ----------
    spacing, least
        About, nm, and at least so many points across a layer (0: `LEAST`), on uniform grids across all (`ACROSS`).
    """
    flat = has_faces(resolved)
    least = least or (LEAST if flat else ACROSS)
    rows = []
    for faces in faces_of(resolved, box_around(resolved, space)):
        parts = [_row(a, b, spacing, least, gauss=flat) for a, b in pairwise(faces)]
        rows.append((np.concatenate([x for x, _ in parts]), np.concatenate([w for _, w in parts])))
    (x, wx), (y, wy), (z, wz) = rows
    return Grid((x, y, z), (wx, wy, wz))


def sparser_grid(resolved: Resolved, space: FunctionSpace) -> Grid:
    """One that tells the error of `meeting_grid`."""
    if has_faces(resolved):
        return meeting_grid(resolved, space, SPARSER, FEWER)
    return meeting_grid(resolved, space, COARSER * SPACING, round(ACROSS / COARSER))


def has_faces(resolved: Resolved) -> bool:
    """Whether interfaces are flat and across an axis, in the main: those of boxes and rounded cubes."""
    return isinstance(resolved.geometry, Structure) and not isinstance(resolved.geometry.core, Sphere)


def faces_of(resolved: Resolved, box: Array) -> list[Array]:
    """For each axis where such interfaces cross it, ascending, and the ends of a (2, 3) `box`, nm."""
    geometry, rows = resolved.geometry, [box]
    if isinstance(geometry, Structure) and has_faces(resolved):
        rows += [centre + np.multiply.outer([-0.5, 0.5], shape.extent)
                 for shape, centre in zip(geometry.boundaries, geometry.centres)]  # fmt: skip
    return [np.unique(np.round(row, 9)) for row in np.concatenate(rows).T]


def _row(low: float, high: float, spacing: float, least: int, *, gauss: bool) -> tuple[Array, Array]:
    count = max(least, int(np.ceil((high - low) / spacing)))
    if not gauss:
        width = (high - low) / count
        return np.asarray(low + width * (np.arange(count) + 0.5)), np.full(count, width)
    t, w = np.polynomial.legendre.leggauss(count)
    half = (high - low) / 2
    return (low + high) / 2 + half * t, half * w
