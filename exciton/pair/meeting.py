"""The grid on which densities of carriers meet what the surroundings do to them: images, self-energies, the field."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from exciton.fields import box_around
from exciton.resolve import Resolved
from meshes.shapes import Cuboid, Structure
from solvers.functions import FunctionSpace
from solvers.grid import Grid

Array = NDArray[np.float64]

SPACING = 0.45  # nm, about
LEAST = 8  # points across a layer: self-energies are steep there
SPARSER, FEWER = 0.52, 7  # the same of a grid that tells the error of this one


def meeting_grid(resolved: Resolved, space: FunctionSpace, spacing: float = SPACING, least: int = LEAST) -> Grid:
    """Gauss points between the faces of nested boxes, or a uniform grid over any other particle.

    Parameters
    ----------
    spacing, least
        About, nm, and at least so many points across a layer.
    """
    geometry = resolved.geometry
    box = box_around(resolved, space)
    rows = []
    for axis in range(3):
        ends = {float(box[0, axis]), float(box[1, axis])}
        boxes = isinstance(geometry, Structure) and isinstance(geometry.core, Cuboid)
        if isinstance(geometry, Structure) and boxes:
            for shape, centre in zip(geometry.boundaries, geometry.centres):
                ends |= {float(centre[axis] - shape.extent[axis] / 2), float(centre[axis] + shape.extent[axis] / 2)}
        parts = [_row(a, b, spacing, least, gauss=boxes) for a, b in pairwise(sorted(ends))]
        rows.append((np.concatenate([x for x, _ in parts]), np.concatenate([w for _, w in parts])))
    (x, wx), (y, wy), (z, wz) = rows
    return Grid((x, y, z), (wx, wy, wz))


def _row(low: float, high: float, spacing: float, least: int, *, gauss: bool) -> tuple[Array, Array]:
    count = max(least, int(np.ceil((high - low) / spacing)))
    if not gauss:
        width = (high - low) / count
        return np.asarray(low + width * (np.arange(count) + 0.5)), np.full(count, width)
    t, w = np.polynomial.legendre.leggauss(count)
    half = (high - low) / 2
    return (low + high) / 2 + half * t, half * w
