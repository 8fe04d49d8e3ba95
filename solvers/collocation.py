"""One-dimensional spectral elements: Gauss-Lobatto nodes that are also the quadrature points, one parity at a time.

The factors of the tensor-product space of `poisson`. With the nodes as quadrature points a coefficient enters by its
values at the nodes, the mass matrix is diagonal and a gradient costs one small matrix product per axis (A. T. Patera,
J. Comput. Phys. 54, 468 (1984)).
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray
from scipy.linalg import eigh

from .parity import ANY, EVEN, ODD

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


@lru_cache(maxsize=64)
def gauss_lobatto(degree: int) -> tuple[Array, Array, Array]:
    """Nodes and weights on [-1, 1], and the derivatives of the polynomials that are 1 at one node: (node, function)."""
    top = np.zeros(degree + 1)
    top[-1] = 1.0
    x = np.concatenate([[-1.0], np.sort(legendre.legroots(legendre.legder(top)).real), [1.0]])
    p = legendre.legval(x, top)
    gap = x[:, None] - x
    np.fill_diagonal(gap, 1.0)
    slope = p[:, None] / (p * gap)
    np.fill_diagonal(slope, 0.0)
    slope[0, 0], slope[-1, -1] = -degree * (degree + 1) / 4, degree * (degree + 1) / 4
    return x, 2 / (degree * (degree + 1) * p**2), slope


@dataclass(frozen=True, eq=False)
class SpectralLine:
    """Continuous piecewise polynomials on a line; of a line of one parity, the half right of its middle.

    Parameters
    ----------
    breaks
        (elements + 1,) ascending; of an even or odd line those of its right half, the first in the middle.
    degrees
        (elements,) at least 1.
    parity
        EVEN or ODD about ``breaks[0]``, or ANY: a whole line.
    """

    breaks: Array
    degrees: tuple[int, ...]
    parity: int = ANY

    @cached_property
    def nodes(self) -> Array:
        """(n,) coordinates, both ends included."""
        parts = [self._map(e, gauss_lobatto(p)[0][:-1]) for e, p in enumerate(self.degrees)]
        return np.concatenate([*parts, self.breaks[-1:]])

    @cached_property
    def weights(self) -> Array:
        """(n,) of the quadrature at the nodes."""
        total = np.zeros(len(self.nodes))
        np.add.at(total, self.owners, self.point_weights)
        return total

    @cached_property
    def owners(self) -> Ints:
        """(q,) node of each point: the points of every element, so that a node between two elements counts twice."""
        first = np.concatenate([[0], np.cumsum(self.degrees)])
        return np.concatenate([np.arange(a, a + p + 1) for a, p in zip(first, self.degrees)])

    @cached_property
    def point_weights(self) -> Array:
        """(q,) weights of the points."""
        lengths = np.diff(self.breaks)
        return np.concatenate([h / 2 * gauss_lobatto(p)[1] for h, p in zip(lengths, self.degrees)])

    @cached_property
    def slopes(self) -> Array:
        """(q, n) derivatives at the points."""
        table = np.zeros((len(self.owners), len(self.nodes)))
        point = node = 0
        for h, p in zip(np.diff(self.breaks), self.degrees):
            table[point : point + p + 1, node : node + p + 1] = gauss_lobatto(p)[2] * (2 / h)
            point, node = point + p + 1, node + p
        return table

    @cached_property
    def free(self) -> Array:
        """(n,) which nodes are unknowns: not the far ends, and not the middle of an odd line."""
        free = np.ones(len(self.nodes))
        free[-1] = 0.0
        if self.parity != EVEN:
            free[0] = 0.0
        return free

    @cached_property
    def eigenbasis(self) -> tuple[Array, Array]:
        """Eigenvalues (m,) and functions (n, m), of mass 1, of -d^2/dx^2 with zero at the ends."""
        inside = self.free > 0
        slopes = self.slopes[:, inside]
        stiffness = (slopes.T * self.point_weights) @ slopes
        root = np.sqrt(self.weights[inside])
        values, vectors = eigh(stiffness / np.outer(root, root))
        basis = np.zeros((len(self.nodes), len(values)))
        basis[inside] = vectors / root[:, None]
        return values, basis

    def tabulate(self, x: Array) -> Array:
        """(len(x), n) values of the functions at coordinates x on both sides of the middle; zero beyond the ends."""
        x = np.asarray(x, dtype=float)
        here, sign = x, np.ones(len(x))
        if self.parity != ANY:
            here = self.breaks[0] + np.abs(x - self.breaks[0])
            if self.parity == ODD:
                sign = np.sign(x - self.breaks[0])
        table = np.zeros((len(x), len(self.nodes)))
        owner = np.clip(np.searchsorted(self.breaks, here, side="right") - 1, 0, len(self.degrees) - 1)
        inside = (here >= self.breaks[0]) & (here <= self.breaks[-1])
        first = 0
        for e, p in enumerate(self.degrees):
            rows = np.flatnonzero(inside & (owner == e))
            local = 2 * (here[rows] - self.breaks[e]) / (self.breaks[e + 1] - self.breaks[e]) - 1
            table[rows, first : first + p + 1] = sign[rows, None] * _lagrange(p, local)
            first += p
        return table

    def _map(self, element: int, x: Array) -> Array:
        a, b = self.breaks[element], self.breaks[element + 1]
        return np.asarray(a + (b - a) * (x + 1) / 2)


def _lagrange(degree: int, x: Array) -> Array:
    """(len(x), degree + 1) the polynomials that are 1 at one node, by Legendre series: no division by zero at nodes."""
    nodes = gauss_lobatto(degree)[0]
    return np.asarray(legendre.legvander(x, degree) @ np.linalg.inv(legendre.legvander(nodes, degree)))
