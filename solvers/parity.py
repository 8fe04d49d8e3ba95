"""Parities along the axes, and functions that are even or odd by their coefficients on one side of the middle.

On nodes that lie alike on both sides, a function of one parity is ``fold(n, parity) @ c``: the columns of the fold are
orthonormal, so sums of squares, and every mass matrix that is the identity, stay what they are.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Parities = tuple[int, int, int]  # along x, y, z

EVEN, ODD, ANY = 0, 1, -1  # ANY: the axis has no mirror plane
_LETTERS = {EVEN: "e", ODD: "o", ANY: "."}
_HALF = np.sqrt(0.5)


def label(parities: Parities) -> str:
    """One letter for each axis: "e" even, "o" odd, "." neither."""
    return "".join(_LETTERS[p] for p in parities)


def parities_of(label: str) -> Parities:
    """What `label` makes a label of."""
    x, y, z = (next(p for p, letter in _LETTERS.items() if letter == here) for here in label)
    return x, y, z


def folded_size(n: int, parity: int) -> int:
    """How many coefficients a function of n values has."""
    return n if parity == ANY else n - n // 2 if parity == EVEN else n // 2


@cache
def fold(n: int, parity: int) -> Array:
    """(n, m) orthonormal basis of the even or odd vectors under reversal; ANY: of all."""
    if parity == ANY:
        return np.eye(n)
    half = n // 2
    matrix = np.zeros((n, folded_size(n, parity)))
    i = np.arange(half)
    matrix[i, i] = _HALF
    matrix[n - 1 - i, i] = _HALF if parity == EVEN else -_HALF
    if parity == EVEN and n % 2:
        matrix[half, half] = 1.0
    return matrix


def folded(u: Array, parities: Sequence[int]) -> Array:
    """(b, mx, my, mz) coefficients of the parts of these parities of functions (b, nx, ny, nz)."""
    for axis, parity in enumerate(parities):
        if parity == ANY:
            continue
        u = np.moveaxis(u, axis + 1, -1)
        n, half = u.shape[-1], u.shape[-1] // 2
        one, other = u[..., :half], u[..., : n - half - 1 : -1]
        if parity == ODD:
            part = _HALF * (one - other)
        else:
            part = np.concatenate([_HALF * (one + other), u[..., half : n - half]], axis=-1)
        u = np.moveaxis(part, -1, axis + 1)
    return np.ascontiguousarray(u)


def unfolded(c: Array, parities: Sequence[int], shape: Sequence[int]) -> Array:
    """The functions, (b, *shape), that have these coefficients."""
    for axis, (parity, n) in enumerate(zip(parities, shape)):
        if parity == ANY:
            continue
        c = np.moveaxis(c, axis + 1, -1)
        half = n // 2
        side = _HALF * c[..., :half]
        middle = c[..., half:] if parity == EVEN else np.zeros((*c.shape[:-1], n - 2 * half))
        c = np.concatenate([side, middle, side[..., ::-1] if parity == EVEN else -side[..., ::-1]], axis=-1)
        c = np.moveaxis(c, -1, axis + 1)
    return np.ascontiguousarray(c)
