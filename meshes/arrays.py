"""Small array functions that several modules of this room share."""

from __future__ import annotations

import numpy as np

from meshes.reference import Floats, Ints


def determinant(jacobians: Floats) -> Floats:
    """Determinants of 3 x 3 matrices, shape (..., 3, 3) to (...)."""
    a, b, c = (jacobians[..., i] for i in range(3))
    result: Floats = np.sum(a * np.cross(b, c), axis=-1)
    return result


def inverted(jacobians: Floats) -> tuple[Floats, Floats]:
    """Inverses (..., 3, 3) and determinants (...) of 3 x 3 matrices, by cofactors."""
    rows = [jacobians[..., i, :] for i in range(3)]
    cofactors = np.stack([np.cross(rows[(i + 1) % 3], rows[(i + 2) % 3]) for i in range(3)], axis=-1)
    determinants: Floats = np.sum(rows[0] * cofactors[..., 0], axis=-1)
    return cofactors / determinants[..., None, None], determinants


def scaled(jacobians: Floats) -> Floats:
    """Determinants over the product of the column lengths: between -1 and 1, whatever the size of the cell."""
    lengths = np.linalg.norm(jacobians, axis=-2).prod(axis=-1)
    return determinant(jacobians) / np.where(lengths > 0, lengths, 1.0)


def group_rows(rows: Ints) -> tuple[Ints, Ints, Ints]:
    """Group equal rows of (n, m) integers: the group of each row (n,), the first row of each group, the group sizes."""
    order = np.lexsort(rows.T)
    ordered = rows[order]
    new = np.ones(len(rows), bool)
    new[1:] = np.any(ordered[1:] != ordered[:-1], axis=1)
    group = np.empty(len(rows), np.int64)
    group[order] = np.cumsum(new) - 1
    return group, order[new], np.bincount(group, minlength=int(new.sum()))
