"""How far apart electron and hole are: the distribution of their distance.

    p(s) = int int |Psi|^2 delta(s - |r_e - r_h|) = 4 pi s^2 sum_uv u(s) v(s) A_uv(s)

A_uv is the correlation of orbital densities, averaged over all directions: smooth, and a sum over plane waves. The
cusp is in the functions of the distance, which are known exactly. p(s) / 4 pi s^2 has the slope -2/a_B of its
value at s = 0 (T. Kato, Commun. Pure Appl. Math. 10, 151 (1957)).
"""

import csv
from dataclasses import dataclass, replace
from io import StringIO

import numpy as np
from numpy.typing import NDArray

from exciton.pair.geminals import PairFunction, Radial
from exciton.pair.integrals import Densities, Integrals, Products

Array = NDArray[np.float64]

COUNT = 301  # distances


@dataclass(frozen=True, slots=True, eq=False)
class Distances:
    """Distribution of the distance in the correlated pair and in the product of the two carriers' ground states."""

    s: Array  # (n,) nm, even steps from 0 to the largest distance there is
    correlated: Array  # (n,) 1/nm
    uncorrelated: Array

    def mean(self, distribution: Array) -> float:
        """The mean distance of one of both, nm."""
        return float(np.trapezoid(self.s * distribution, self.s))

    def as_csv(self) -> str:
        """A table with units in the column names."""
        text = StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["distance_nm", "correlated_nm-1", "uncorrelated_nm-1"])
        writer.writerows([f"{value:.9g}" for value in row] for row in zip(self.s, self.correlated, self.uncorrelated))
        return text.getvalue()


def distances(function: PairFunction, integrals: Integrals, count: int = COUNT) -> Distances:
    """The distribution in `function`, and in e_0 h_0 alone."""
    waves = integrals.sample.waves
    s = np.linspace(0.0, waves.reach, count)
    first = Products(*(np.zeros(1, dtype=np.int64) for _ in range(2)))
    product = replace(
        function, ranges=np.zeros(1), functions=np.ones((1, 1)), products=first, coefficients=np.ones((1, 1))
    )
    correlated, uncorrelated = (4 * np.pi * s**2 * contact(each, integrals, s) for each in (function, product))
    return Distances(s, correlated, uncorrelated)


def contact(function: PairFunction, integrals: Integrals, s: Array) -> Array:
    """(s,) p(s) / 4 pi s^2 in nm^-3: how dense the hole is at a distance from the electron, on average."""
    waves, densities = integrals.sample.waves, integrals.densities
    u = Radial(function.ranges, function.functions, s).values
    total = np.zeros_like(s)
    for a in range(len(u)):
        for b in range(a + 1):
            twice = 1.0 if a == b else 2.0
            product = _correlated(function, a, b, *densities)
            total += twice * u[a] * u[b] * waves.average(product, s, integrals.sample.mirrors)
    return total


def _correlated(function: PairFunction, a: int, b: int, electron: Densities, hole: Densities) -> Array:
    """(waves,) sum over the products of the functions a and b of the densities of electron and hole, multiplied."""
    rows, columns = (np.flatnonzero(function.coefficients[u]) for u in (a, b))
    left, right = (Products(*(p[which] for p in function.products)) for which in (rows, columns))
    factor = function.coefficients[a, rows][:, None] * function.coefficients[b, columns]
    one, other = (np.broadcast_arrays(x[:, None], y) for x, y in zip(left, right))
    classes, of_electron = electron.parity[one[0], one[1]], electron.index[one[0], one[1]]
    of_hole = hole.index[other[0], other[1]]
    total = np.zeros(next(iter(electron.waves.values())).shape[1])
    for parity, waves in electron.waves.items():
        here = np.all(classes == parity, axis=2)
        if not here.any():
            continue
        partners = hole.waves[parity]
        weights = np.zeros((len(waves), len(partners)))
        np.add.at(weights, (of_electron[here], of_hole[here]), factor[here])
        total += np.einsum("pk,pk->k", waves, weights @ partners)
    return total
