"""One-dimensional hp spaces: elements of any length and degree on a line, the factors of a tensor-product space."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FACTOR = 0.15  # of geometric grading: the optimum of hp approximation of r^lambda is (sqrt 2 - 1)^2 = 0.17


@lru_cache(maxsize=256)
def _reference(degree: int, points: int) -> tuple[Array, Array, Array, Array, Array]:
    """Nodes, Gauss points and weights on [0, 1]; values and derivatives there, shape (points, degree + 1).

    Nodes come from left to right; the element is basix's Lagrange element with Gauss-Lobatto-Legendre nodes.
    """
    import basix

    element = basix.create_element(
        basix.ElementFamily.P, basix.CellType.interval, degree, lagrange_variant=basix.LagrangeVariant.gll_warped
    )
    order = np.argsort(element.points[:, 0])
    x, w = basix.make_quadrature(basix.CellType.interval, 2 * points - 1)
    table = element.tabulate(1, x)[..., 0]
    return element.points[order, 0], x[:, 0], w, table[0][:, order], table[1][:, order]


@lru_cache(maxsize=256)
def _matrices(degree: int) -> tuple[Array, Array]:
    """Stiffness and mass of the element on [0, 1]."""
    _, _, w, value, slope = _reference(degree, degree + 1)
    return (slope.T * w) @ slope, (value.T * w) @ value


@lru_cache(maxsize=1024)
def _values(degree: int, points: bytes) -> Array:
    """(points, degree + 1) values of the same element at points on [0, 1], given by their bytes."""
    import basix

    element = basix.create_element(
        basix.ElementFamily.P, basix.CellType.interval, degree, lagrange_variant=basix.LagrangeVariant.gll_warped
    )
    order = np.argsort(element.points[:, 0])
    values: Array = element.tabulate(0, np.frombuffer(points)[:, None])[0, :, :, 0][:, order]
    return values


@dataclass(frozen=True, eq=False)
class Line:
    """Continuous piecewise polynomials on [breaks[0], breaks[-1]] that vanish at both ends.

    Parameters
    ----------
    breaks
        (elements + 1,) ascending.
    degrees
        (elements,) polynomial degree of each element, at least 1.
    """

    breaks: Array
    degrees: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.breaks) != len(self.degrees) + 1 or np.any(np.diff(self.breaks) <= 0) or min(self.degrees) < 1:
            raise ValueError("a line needs ascending break points and one degree >= 1 between each pair of them")

    @cached_property
    def _first(self) -> NDArray[np.int64]:
        """Node number at which each element begins, and the last node."""
        return np.concatenate([[0], np.cumsum(self.degrees)])

    @property
    def size(self) -> int:
        """Number of unknowns: all nodes but the two ends."""
        return int(self._first[-1]) - 1

    @cached_property
    def mirrored(self) -> bool:
        """Whether the elements are the same seen from both ends."""
        middle = (self.breaks[0] + self.breaks[-1]) / 2
        off = np.abs(self.breaks + self.breaks[::-1] - 2 * middle).max()
        return self.degrees == self.degrees[::-1] and bool(off <= 1e-12 * np.ptp(self.breaks))

    def span(self, first: int, last: int) -> slice:
        """The unknowns whose functions do not vanish on the elements ``first <= e < last``."""
        return slice(max(int(self._first[first]) - 1, 0), min(int(self._first[last]), self.size))

    @cached_property
    def nodes(self) -> Array:
        """(size + 2,) coordinates of all nodes, both ends included."""
        parts = [
            self.breaks[e] + (self.breaks[e + 1] - self.breaks[e]) * _reference(p, p + 1)[0][:-1]
            for e, p in enumerate(self.degrees)
        ]
        return np.concatenate([*parts, self.breaks[-1:]])

    def matrices(self, first: int, last: int) -> tuple[Array, Array]:
        """Stiffness and mass, each (size, size), of the elements ``first <= e < last`` alone."""
        if (first, last) not in self._known:
            stiffness, mass = self._assembled(first, last)
            self._known[first, last] = stiffness[1:-1, 1:-1], mass[1:-1, 1:-1]
        return self._known[first, last]

    @cached_property
    def _known(self) -> dict[tuple[int, int], tuple[Array, Array]]:
        return {}

    def _assembled(self, first: int, last: int) -> tuple[Array, Array]:
        stiffness = np.zeros((self.size + 2, self.size + 2))
        mass = np.zeros_like(stiffness)
        for e in range(first, last):
            p = self.degrees[e]
            h = self.breaks[e + 1] - self.breaks[e]
            here = slice(self._first[e], self._first[e] + p + 1)
            k, m = _matrices(p)
            stiffness[here, here] += k / h
            mass[here, here] += m * h
        return stiffness, mass

    def stiffness(self) -> Array:
        """(size + 2, size + 2) stiffness matrix on all nodes, the two ends included."""
        return self._assembled(0, len(self.degrees))[0]

    def gradients(self, first: int, last: int) -> Array:
        """(rows, size), at least as many rows as unknowns there: G with G'G the stiffness of these elements alone."""
        return self._gradients[self._first[first] + first : self._first[last] + last]

    @cached_property
    def _gradients(self) -> Array:
        rows = np.zeros((self.size + 1 + len(self.degrees), self.size + 2))
        for e, p in enumerate(self.degrees):
            _, _, weights, _, slope = _reference(p, p + 1)
            first = self._first[e]
            here = slice(first + e, first + e + p + 1), slice(first, first + p + 1)
            rows[here] = slope * np.sqrt(weights / (self.breaks[e + 1] - self.breaks[e]))[:, None]
        return rows[:, 1:-1]

    def quadrature(self, pairs: int) -> "Quadrature":
        """Gauss points of all elements, exact for the products of as many pairs of functions."""
        x, w, value, slope, owner = [], [], [], [], []
        for e, p in enumerate(self.degrees):
            h = self.breaks[e + 1] - self.breaks[e]
            _, points, weights, v, s = _reference(p, pairs * p + 2)
            x.append(self.breaks[e] + h * points)
            w.append(h * weights)
            owner.append(np.full(len(points), e))
            rows_v = np.zeros((len(points), self.size + 2))
            rows_s = np.zeros_like(rows_v)
            here = slice(self._first[e], self._first[e] + p + 1)
            rows_v[:, here], rows_s[:, here] = v, s / h
            value.append(rows_v[:, 1:-1])
            slope.append(rows_s[:, 1:-1])
        return Quadrature(*map(np.concatenate, (x, w, value, slope, owner)))

    def tabulate(self, x: Array) -> Array:
        """(len(x), size) values of the basis functions at points x; zero outside the line."""
        x = np.asarray(x, dtype=float)
        table = np.zeros((len(x), self.size + 2))
        inside = (x >= self.breaks[0]) & (x <= self.breaks[-1])
        owner = np.clip(np.searchsorted(self.breaks, x, side="right") - 1, 0, len(self.degrees) - 1)
        for e in np.unique(owner[inside]):
            p = self.degrees[e]
            rows = np.flatnonzero(inside & (owner == e))
            local = (x[rows] - self.breaks[e]) / (self.breaks[e + 1] - self.breaks[e])
            table[rows, self._first[e] : self._first[e] + p + 1] = _values(p, local.tobytes())
        return table[:, 1:-1]


@dataclass(frozen=True, slots=True, eq=False)
class Quadrature:
    """Gauss points of a line with the basis there."""

    points: Array  # (q,)
    weights: Array  # (q,)
    values: Array  # (q, size)
    slopes: Array  # (q, size)
    elements: NDArray[np.int64]  # (q,) element of each point


def graded(planes: Sequence[float], layers: int, degree: int, factor: float = FACTOR) -> Line:
    """A line with an element boundary on every plane, refined geometrically towards the inner planes.

    The planes are interfaces, but for the two ends. Every interval between planes is halved where it lies between two
    interfaces (or none), and consists of elements of degree `degree`, from which `layers` elements are cut towards
    each interface, each `factor` times as far from it as the one before, with degrees that fall towards it. At the
    edges of nested boxes psi behaves as r^lambda with lambda below 1; on such meshes hp approximation converges
    exponentially all the same (Ch. Schwab, p- and hp-Finite Element Methods, Oxford 1998, chapter 4).
    """
    breaks = [planes[0]]
    degrees: list[int] = []
    falling = [max(2, degree - layers + k) for k in range(layers)]
    for i, (a, b) in enumerate(pairwise(planes)):
        left, right = i > 0, i < len(planes) - 2
        middle = [(a + b) / 2] if left == right else []
        steps = (b - a) / (1 + len(middle)) * factor ** np.arange(layers, 0, -1)
        breaks += [*(a + steps if left else ()), *middle, *(b - steps[::-1] if right else ()), b]
        degrees += [*(falling if left else ()), *[degree] * (1 + len(middle)), *(falling[::-1] if right else ())]
    return Line(np.array(breaks), tuple(degrees))
