"""Two-particle integrals of orbital products with kernels of the electron-hole distance.

    M[k](ii', jj') = int int e_i(r) e_i'(r) k(|r - r'|) h_j(r') h_j'(r')

All of them come from transition densities that are transformed once: a kernel is then a row of weights, and a table of
integrals is one matrix product. Densities fall into classes by parity; only those of one class interact.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from exciton.pair.orbitals import Orbitals, Sample
from solvers.parity import ANY, Parities
from solvers.waves import Waves

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


class Products(NamedTuple):
    """Products e_i h_j, by the numbers of their orbitals."""

    electron: Ints  # (n,)
    hole: Ints  # (n,)


@dataclass(frozen=True, eq=False)
class Densities:
    """Products of a carrier's orbitals with one another, transformed, by classes of one parity."""

    waves: Mapping[Parities, Array]  # (pairs, waves)
    index: Ints  # (n, n): of a product within its class
    parity: Ints  # (n, n, 3): its class

    @classmethod
    def of(
        cls, waves: Waves, orbitals: Orbitals, weight: Array | None = None, odd: Parities = (0, 0, 0)
    ) -> "Densities":
        """Of all pairs of orbitals, times `weight` on the grid, which is odd where `odd` is 1."""
        first, second = np.tril_indices(len(orbitals))
        p = orbitals.parities
        parity = np.where(p[:, None] == ANY, ANY, (p[:, None] + p[None] + np.array(odd)) % 2)
        index = np.zeros(parity.shape[:2], dtype=np.int64)
        classes: dict[Parities, Array] = {}
        density = np.empty_like(orbitals.values[:1])
        for each in np.unique(parity[first, second], axis=0):
            members = np.flatnonzero(np.all(parity[first, second] == each, axis=1))
            i, j = first[members], second[members]
            index[i, j] = index[j, i] = np.arange(len(members))
            name = (int(each[0]), int(each[1]), int(each[2]))
            rows = []
            for one, other in zip(i, j):
                np.multiply(orbitals.values[one], orbitals.values[other], out=density[0])
                if weight is not None:
                    density *= weight
                rows.append(waves.transform(density, name))
            classes[name] = np.concatenate(rows)
        return cls(classes, index, parity)

    @cached_property
    def of_ground(self) -> "Densities":
        """The products of the lowest orbital with all."""
        index = np.zeros_like(self.index[:1])
        classes = {}
        for name, waves in self.waves.items():
            here = np.flatnonzero(np.all(self.parity[0] == name, axis=1))
            if len(here):
                classes[name] = waves[self.index[0, here]]
                index[0, here] = np.arange(len(here))
        return Densities(classes, index, self.parity[:1])


@dataclass(frozen=True, eq=False)
class Table:
    """The integrals of one kernel, flat, class by class."""

    values: Array
    start: Ints  # (n, n): where the row of a product of the electron's orbitals begins
    column: Ints  # (n, n): of a product of the hole's
    parities: tuple[Ints, Ints]  # of the products of either, (n, n, 3)

    @classmethod
    def of(cls, kernel: Array, electron: Densities, hole: Densities) -> "Table":
        """Every density of the electron with every one of the hole of the same class."""
        parts: list[Array] = []
        start = np.zeros_like(electron.index)
        for parity, waves in electron.waves.items():
            other = hole.waves.get(parity)
            if other is None:
                continue
            here = np.all(electron.parity == parity, axis=2)
            start[here] = sum(part.size for part in parts) + electron.index[here] * len(other)
            fewer = len(waves) < len(other)
            parts.append(((waves * kernel) @ other.T if fewer else waves @ (other * kernel).T).ravel())
        return cls(np.concatenate(parts), start, hole.index, (electron.parity, hole.parity))

    def __add__(self, other: "Table") -> "Table":
        return Table(self.values + other.values, self.start, self.column, self.parities)

    @cached_property
    def matrix(self) -> Array:
        """(n n, m m) integrals of all products of two electron's with all products of two hole's orbitals; 0 between
        classes."""
        n, m = len(self.start), len(self.column)
        start, column = self.start.ravel(), self.column.ravel()
        same = np.all(self.parities[0].reshape(n * n, 1, 3) == self.parities[1].reshape(1, m * m, 3), axis=2)
        flat = np.where(same, start[:, None] + column, 0)
        return np.where(same, self.values[flat], 0.0)

    def between(self, rows: Products, columns: Products) -> Array:
        """(rows, columns) integrals between products of one symmetry."""
        start = self.start[rows.electron[:, None], columns.electron]
        return np.asarray(self.values[start + self.column[rows.hole[:, None], columns.hole]])


@dataclass(frozen=True, eq=False)
class Integrals:
    """Integrals over the orbitals of both carriers."""

    sample: Sample

    @cached_property
    def densities(self) -> tuple[Densities, Densities]:
        """Of electron and hole."""
        waves = self.sample.waves
        return Densities.of(waves, self.sample.electron), Densities.of(waves, self.sample.hole)

    @cached_property
    def _weighted(self) -> list[tuple[int, Array, tuple[Densities, Densities]]]:
        """Each part of ``sum_d a_e,d + a_h,d``: axis (-1: all alike), factor, densities of electron and hole.

        Where a is one number it is the factor; where it varies, that carrier's densities are weighted with it.
        """
        waves, sample = self.sample.waves, self.sample
        parts = []
        for number, carrier in enumerate((sample.electron, sample.hole)):
            for axis, a in enumerate(carrier.diffusion):
                pair = list(self.densities)
                if a.ndim:
                    pair[number] = Densities.of(waves, carrier, a)
                factor = np.ones(()) if a.ndim else a
                parts.append((axis if len(carrier.diffusion) > 1 else -1, factor, (pair[0], pair[1])))
        return parts

    def table(self, values: Array, *, ground: bool = False) -> Table:
        """All integrals of a kernel given at the radii of the waves.

        With `ground`, only those in which one of the two products is that of the lowest orbitals.
        """
        return _table(self.sample.waves.kernel(values, self.sample.mirrors), self.densities, ground)

    @cached_property
    def _in_fields(self) -> list[tuple[Densities, Densities]]:
        """Densities of electron and hole, for each carrier with a field: its own weighted with minus that."""
        parts = []
        for number, carrier in enumerate((self.sample.electron, self.sample.hole)):
            if carrier.field is not None:
                pair = list(self.densities)
                pair[number] = Densities.of(self.sample.waves, carrier, -carrier.field)
                parts.append((pair[0], pair[1]))
        return parts

    def energy_table(self, potential: Array, slopes: Array, product: Array, *, ground: bool = False) -> Table:
        """Of ``potential(s) + sum_d (a_e,d(r) + a_h,d(r')) slopes(s) s_d^2/s^2 - (U_e(r) + U_h(r')) product(s)``.

        The functions of s at the radii; a = hbar^2/2m, U the fields of the orbitals.
        """
        waves = self.sample.waves
        plain = waves.kernel(potential, self.sample.mirrors)
        tables = []
        for axis, factor, densities in self._weighted if slopes.any() else ():
            kernel = (
                waves.kernel(slopes, self.sample.mirrors)
                if axis < 0
                else waves.directed(slopes, axis, self.sample.mirrors)
            )
            if densities[0] is self.densities[0] and densities[1] is self.densities[1]:
                plain = plain + factor * kernel
            else:
                tables.append(_table(kernel, densities, ground))
        if self._in_fields:
            kernel = waves.kernel(product, self.sample.mirrors)
            tables += [_table(kernel, densities, ground) for densities in self._in_fields]
        return sum(tables, start=_table(plain, self.densities, ground))

    @cached_property
    def overlaps(self) -> Array:
        """(electron's orbitals, hole's) ``int e_i h_j``."""
        electron, hole, grid = self.sample.electron, self.sample.hole, self.sample.grid
        same = np.all(electron.parities[:, None] == hole.parities, axis=2)
        weighted = (electron.values * np.einsum("a,b,c->abc", *grid.weights)).reshape(len(electron), -1)
        return np.where(same, weighted @ hole.values.reshape(len(hole), -1).T, 0.0)


def _table(kernel: Array, densities: tuple[Densities, Densities], ground: bool) -> Table:
    electron, hole = (each.of_ground for each in densities) if ground else densities
    return Table.of(kernel, electron, hole)
