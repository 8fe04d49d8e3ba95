"""Parities along the axes, and functions that are even or odd by their coefficients on one side of the middle.

On nodes that lie alike on both sides, a function of one parity is ``fold(n, parity) @ c``: the columns of the fold are
orthonormal, so sums of squares, and every mass matrix that is the identity, stay what they are.
"""

from collections.abc import Sequence
from functools import cache
from itertools import product
from typing import NamedTuple

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
        n, along = u.shape[axis + 1], (slice(None),) * (axis + 1)
        half, combine = n // 2, np.add if parity == EVEN else np.subtract
        one, other = u[*along, :half], u[*along, : n - half - 1 : -1]
        part = np.empty((*u.shape[: axis + 1], folded_size(n, parity), *u.shape[axis + 2 :]))
        side = combine(one, other, out=part[*along, :half])
        side *= _HALF
        if parity == EVEN:
            part[*along, half:] = u[*along, half : n - half]
        u = part
    return np.ascontiguousarray(u)


def unfolded(c: Array, parities: Sequence[int], shape: Sequence[int]) -> Array:
    """The functions, (b, *shape), that have these coefficients."""
    u = np.zeros((len(c), *shape))
    for x, y, z in product(*(_pieces(n, parity) for n, parity in zip(shape, parities))):
        factor = x.factor * y.factor * z.factor
        np.multiply(c[:, x.coefficients, y.coefficients, z.coefficients], factor, out=u[:, x.nodes, y.nodes, z.nodes])
    return u


class _Piece(NamedTuple):
    """Of an axis: nodes, and the coefficients and the factor that give the values there."""

    nodes: slice
    coefficients: slice
    factor: float


def _pieces(n: int, parity: int) -> list[_Piece]:
    """All that does not vanish."""
    if parity == ANY:
        return [_Piece(slice(n), slice(n), 1.0)]
    half, sign = n // 2, 1.0 if parity == EVEN else -1.0
    pieces = [_Piece(slice(half, n - half), slice(half, half + 1), 1.0)] if n % 2 and parity == EVEN else []
    if half:
        pieces += [
            _Piece(slice(half), slice(half), _HALF),
            _Piece(slice(n - half, n), slice(half - 1, None, -1), sign * _HALF),
        ]
    return pieces
