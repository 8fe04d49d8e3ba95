"""How much charge lies where |psi|^2 is larger than some value, on the linear cells of a field file.

Knows arrays only, neither VTK nor colours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_TETRAHEDRON, _HEXAHEDRON = 10, 12  # what VTK calls them
_CORNERS = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]])  # VTK


def iso_levels(field: Floats, volumes: Floats, shares: Sequence[float]) -> list[float]:
    """For each share the value of |psi|^2 whose superlevel set encloses it.

    Parameters
    ----------
    field
        |psi|^2 >= 0 in nm^-3 at sample points, shape ``(n,)``.
    volumes
        Volume that each sample stands for, nm^3, shape ``(n,)``.
    shares
        Of the charge, between 0 and 1, exclusive.

    Raises
    ------
    ValueError
        A share is out of range, the shapes differ, or there is no charge.
    """
    for share in shares:
        if not 0 < share < 1:
            raise ValueError(f"an isosurface encloses a share between 0 and 1 of the charge, not {share:g}")
    if field.shape != volumes.shape:
        raise ValueError(f"a volume for each sample: {field.shape} values, {volumes.shape} volumes")
    order = np.argsort(field)[::-1]
    charge = np.cumsum(field[order] * volumes[order])
    if not charge.size or not charge[-1] > 0:
        raise ValueError("there is no charge to enclose")
    return [float(np.interp(share * charge[-1], charge, field[order])) for share in shares]


def sampling(points: Floats, cells_by_kind: Mapping[int, Ints]) -> list[tuple[Ints, Floats, Floats]]:
    """Sample points spread evenly over every linear cell, as weights of its corners.

    Parameters
    ----------
    points
        nm, shape ``(points, 3)``.
    cells_by_kind
        Corners of the cells, ``(cells, 8)`` or ``(cells, 4)``, by VTK's number of their kind.

    Returns
    -------
    list
        Per kind the corners, the shape functions ``(samples, corners)``, and the volume of each sample in nm^3,
        ``(cells, samples)``: a field's samples are ``field[corners] @ shape.T``.

    Raises
    ------
    ValueError
        There are cells of another kind.
    """
    count = sum(len(cells) for cells in cells_by_kind.values())
    along = 3 if count < 30_000 else 2  # samples along an edge of a hexahedron: fine meshes need fewer
    found = []
    for kind, cells in cells_by_kind.items():
        shape, gradient = _reference(int(kind), along)
        jacobian = np.einsum("qdk,ckx->cqdx", gradient, np.asarray(points, float)[cells], optimize=True)
        size = 1 / 6 if kind == _TETRAHEDRON else 1.0
        volume = abs(_determinant(jacobian)) * size / len(shape)
        found.append((cells, shape, np.broadcast_to(volume, (len(cells), len(shape)))))
    return found


def _determinant(m: Floats) -> Floats:
    """Of 3 x 3 matrices on the last two axes, ten times as fast as the general one."""
    (a, b, c), (d, e, f), (g, h, i) = (tuple(m[..., row, column] for column in range(3)) for row in range(3))
    return np.asarray(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g))


def _reference(kind: int, along: int) -> tuple[Floats, Floats]:
    """Shape functions ``(samples, corners)`` and gradients ``(samples or 1, 3, corners)`` of a cell of unit edges."""
    if kind == _HEXAHEDRON:
        at = (np.stack(np.meshgrid(*[np.arange(along)] * 3), axis=-1).reshape(-1, 1, 3) + 0.5) / along
        factor = np.where(_CORNERS, at, 1 - at)
        slope = np.where(_CORNERS, 1.0, -1.0)
        gradient = [np.prod(np.delete(factor, d, axis=2), axis=2) * slope[:, d] for d in range(3)]
        return factor.prod(axis=2), np.stack(gradient, axis=1)
    if kind == _TETRAHEDRON:  # the middles of its eight equal parts: four at the corners, four round a diagonal
        corner = np.eye(4)
        ends = (corner + 0.25) / 2
        ring = [corner[[0, 2]], corner[[1, 2]], corner[[1, 3]], corner[[0, 3]]]
        inner = [(0.5 + a.mean(axis=0) + b.mean(axis=0)) / 4 for a, b in zip(ring, ring[1:] + ring[:1])]
        return np.vstack([ends, inner]), np.array([[[-1.0, 1, 0, 0], [-1, 0, 1, 0], [-1, 0, 0, 1]]])
    raise ValueError(f"a field file holds linear hexahedra and tetrahedra, not VTK cells of type {kind}")
