"""A potential that is given by its values at the quadrature points of a `BoxSpace`, where it is not constant in boxes.

A field, a Hartree potential, a smooth interface. It joins the operator of `separable` as a diagonal between two changes
of basis; its best separable part joins the preconditioner.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .line import Line, Quadrature

Array = NDArray[np.float64]
Potential = Callable[[Array, Array, Array], ArrayLike]  # of coordinates that broadcast, as `np.meshgrid(sparse=True)`

SYMMETRIC = 1e-10  # of the largest value: mirror images that differ by less, as by rounding, are equal


def values_on(points: tuple[Array, Array, Array], potential: Potential | ArrayLike) -> Array:
    """The values of a potential on a grid, shape (len(x), len(y), len(z)).

    Raises
    ------
    ValueError
        The values do not fit the grid, or are not finite.
    """
    shape = tuple(len(row) for row in points)
    if callable(potential):
        x, y, z = points
        potential = potential(x[:, None, None], y[None, :, None], z[None, None, :])
    given = np.asarray(potential, dtype=float)
    if given.shape != shape and (given.ndim not in (0, 3) or any(n not in (1, m) for n, m in zip(given.shape, shape))):
        raise ValueError(f"a potential at the quadrature points has shape {shape}; found shape {given.shape}")
    if not np.all(np.isfinite(given)):
        raise ValueError("a potential at the quadrature points must be finite")
    return np.broadcast_to(given, shape)


@dataclass(frozen=True, slots=True, eq=False)
class Pointwise:
    """Values W at the quadrature points, and what the solver must know of them."""

    rules: tuple[Quadrature, Quadrature, Quadrature]
    values: Array  # at the points, (qx, qy, qz)
    parts: tuple[Array, Array, Array]  # >= 0, with `shift` the best sum of functions of one coordinate each
    shift: float

    @classmethod
    def of(cls, lines: tuple[Line, Line, Line], potential: Potential | ArrayLike) -> "Pointwise":
        x, y, z = (line.quadrature(1) for line in lines)
        values = values_on((x.points, y.points, z.points), potential)
        weights = [rule.weights / rule.weights.sum() for rule in (x, y, z)]
        mean = float(np.einsum("abc,a,b,c", values, *weights))
        rows = [
            np.einsum("abc,b,c->a", values, weights[1], weights[2]),
            np.einsum("abc,a,c->b", values, weights[0], weights[2]),
            np.einsum("abc,a,b->c", values, weights[0], weights[1]),
        ]
        least = [float(row.min()) for row in rows]
        fx, fy, fz = (row - low for row, low in zip(rows, least))
        return cls((x, y, z), values, (fx, fy, fz), sum(least) - 2 * mean)

    @property
    def lowest(self) -> float:
        """The lowest of all values."""
        return float(self.values.min())

    def mirrored(self, axis: int) -> bool:
        """Whether the values are the same seen from both ends of an axis."""
        return self._same(np.flip(self.values, axis=axis))

    def exchangeable(self, one: int, other: int) -> bool:
        """Whether the values stay when two axes, of one and the same line, change places."""
        return self._same(np.swapaxes(self.values, one, other))

    def _same(self, image: Array) -> bool:
        return bool(np.abs(self.values - image).max() <= SYMMETRIC * np.abs(self.values).max())

    def line(self, axis: int) -> Array:
        """The matrix of the part along an axis, (size, size)."""
        rule = self.rules[axis]
        return (rule.values.T * (rule.weights * self.parts[axis])) @ rule.values

    def between(self, bases: Sequence[Array], halves: Sequence[bool]) -> tuple[tuple[Array, Array, Array], Array]:
        """Values of a product basis at the points, one matrix per axis, and W times the weights there.

        Parameters
        ----------
        bases
            For each axis (size, n): functions, even or odd about the middle where `halves` says so: there one half of
            the points stands for both.
        """
        cuts = [half_of(rule, basis, half=half) for rule, basis, half in zip(self.rules, bases, halves)]
        x, y, z = (cut.values for cut in cuts)
        here = self.values[tuple(slice(len(cut.points)) for cut in cuts)]
        return (x, y, z), np.einsum("a,b,c,abc->abc", *(cut.weights for cut in cuts), here)


def half_of(rule: Quadrature, basis: Array | None, *, half: bool) -> Quadrature:
    """A rule with the functions of a basis, (size, n), for its own; of mirror images one point stands for both."""
    n = len(rule.points)
    here = slice((n + 1) // 2 if half else n)
    twice = np.where(2 * np.arange(n)[here] + 1 == n, 1.0, 2.0) if half else 1.0
    return Quadrature(
        rule.points[here],
        rule.weights[here] * twice,
        rule.values[here] if basis is None else rule.values[here] @ basis,
        rule.slopes[here] if basis is None else rule.slopes[here] @ basis,
        rule.elements[here],
    )
