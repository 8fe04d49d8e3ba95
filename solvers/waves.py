"""Interactions of densities through plane waves: ``int int f(r) k(|r - r'|) g(r')`` for any radial kernel k.

A density on a `Grid` has its cosine and sine integrals taken along each axis, exactly where the grid's rule is exact.
The kernel is cut off at the largest distance that occurs and the period is so long that no copy is seen; then the sum
over plane waves is exact up to the waves that are left out (F. Vico, L. Greengard, M. Ferrando, J. Comput. Phys. 323,
191 (2016)). All axes have one spacing of wave numbers, so that |k|^2 takes few values and a kernel is transformed in
one dimension. Along an axis about whose middle a density is even (or odd) only cosines (sines) and half of the points
are needed. Nothing here knows physics.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .grid import Grid
from .parity import ANY, Parities
from .tensor import contract

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Waves:
    """Cosines and sines on a grid around the origin.

    Parameters
    ----------
    grid
        Points of the densities. Along an axis in `halves` these are the points on one side of its middle, whose
        weights count both.
    extent
        (2, 3) corners of the box that holds all charge.
    count
        Wave numbers 0, ..., count - 1 along each axis, in units of `spacing`.
    halves
        Along which axes densities have a parity.
    """

    grid: Grid
    extent: Array
    count: int
    halves: tuple[bool, bool, bool] = (False, False, False)

    @cached_property
    def reach(self) -> float:
        """The largest distance between two points of the box."""
        return float(np.linalg.norm(self.extent[1] - self.extent[0]))

    @cached_property
    def period(self) -> float:
        """Of the waves: no point of the box is within reach of another's copy."""
        return self.reach + float(np.max(self.extent[1] - self.extent[0]))

    @property
    def spacing(self) -> float:
        """Of the wave numbers."""
        return 2 * np.pi / self.period

    @cached_property
    def _tables(self) -> list[tuple[Array, Array]]:
        """(cosines, sines) along each axis, (count, points), without weights."""
        k = self.spacing * np.arange(self.count)
        middle = self.extent.mean(axis=0)
        phases = [np.outer(k, x - m) for x, m in zip(self.grid.points, middle)]
        return [(np.cos(phase), np.sin(phase)) for phase in phases]

    def _rows(self, parity: Parities) -> list[Array]:
        """For each axis the waves that a density of this parity has, (count or 2 count, points)."""
        rows = []
        for axis, (half, p) in enumerate(zip(self.halves, parity)):
            if half != (p != ANY):
                raise ValueError(f"parity {p} along axis {axis}, where {'half' if half else 'all'} of the points are")
            rows.append(self._tables[axis][p] if half else np.concatenate(self._tables[axis]))
        return rows

    def transform(self, values: Array, parity: Parities = (ANY, ANY, ANY)) -> Array:
        """(n, waves) integrals of densities, (n, nx, ny, nz) on the grid, all of one parity, with the waves."""
        tables = [row * w for row, w in zip(self._rows(parity), self.grid.weights)]
        return contract(values, *tables).reshape(len(values), -1)

    def potential(self, waves: Array, kernel: Array, parity: Parities = (ANY, ANY, ANY)) -> Array:
        """(n, nx, ny, nz) on the grid: ``int k(|r - r'|) f(r') dr'`` of transformed densities, (n, waves)."""
        rows = self._rows(parity)
        block = (waves * kernel).reshape(len(waves), *(len(row) for row in rows))
        return contract(block, *(row.T for row in rows))

    # -- kernels -------------------------------------------------------------------------------------------------

    @cached_property
    def _squares(self) -> tuple[Array, NDArray[np.int64]]:
        """The values that |k|^2 takes, in units of the spacing squared, and which one each wave has."""
        n = np.arange(self.count) ** 2
        values, inverse = np.unique(n[:, None, None] + n[:, None] + n, return_inverse=True)
        return values.astype(float), inverse.reshape(self.count, self.count, self.count)

    @cached_property
    def radii(self) -> Array:
        """Distances from 0 to `reach`, denser towards 0, at which a kernel is to be given."""
        return self._radial[0]

    @cached_property
    def _radial(self) -> tuple[Array, Array]:
        """Radii with the weights of ``int ds``."""
        oscillations = self.spacing * self.count * self.reach / np.pi
        t, w = np.polynomial.legendre.leggauss(60 + 2 * int(oscillations))
        u = (t + 1) / 2
        return self.reach * u**2, self.reach * u * w

    @cached_property
    def _sinc(self) -> Array:
        """(values of |k|^2, radii) ``4 pi s^2 ds sin(k s)/(k s)``, divided by the volume of a period."""
        s, w = self._radial
        k = self.spacing * np.sqrt(self._squares[0])
        return np.asarray(4 * np.pi / self.period**3 * np.sinc(np.outer(k, s) / np.pi) * (s**2 * w))

    def kernel(self, values: Array, parity: Parities = (ANY, ANY, ANY)) -> Array:
        """(waves,) transform of a radial kernel given at `radii`, with the weights of the sum over all waves.

        ``sum(f * kernel * g)`` of two transformed densities is then their interaction.
        """
        return self._spread(self._sinc @ values, parity)

    def directed(self, values: Array, axis: int, parity: Parities = (ANY, ANY, ANY)) -> Array:
        """As `kernel`, of ``k(s) s_axis^2 / s^2``: isotropic part and that along k, by spherical Bessel functions."""
        s, w = self._radial
        k = self.spacing * np.sqrt(self._squares[0])
        x = np.outer(k, s)
        j0 = np.sinc(x / np.pi)
        near = x < 0.01
        apart = np.where(near, 1.0, x)
        j1_x = np.where(near, 1 / 3 - x**2 / 30, (j0 - np.cos(x)) / apart**2)  # j1(x) / x
        measure = 4 * np.pi / self.period**3 * s**2 * w * values
        across, along = j1_x @ measure, (j0 - 3 * j1_x) @ measure
        n = np.arange(self.count, dtype=float)
        shape = [1, 1, 1]
        shape[axis] = self.count
        square = self._squares[0][self._squares[1]]
        share = (n**2).reshape(shape) / np.maximum(square, 1.0)
        return self._weighted(across[self._squares[1]] + share * along[self._squares[1]], parity)

    def coulomb(self, parity: Parities = (ANY, ANY, ANY)) -> Array:
        """The transform of 1/s, cut off at `reach`."""
        k = self.spacing * np.sqrt(np.maximum(self._squares[0], 1.0))
        values = 4 * np.pi * (1 - np.cos(self.reach * k)) / k**2
        values[0] = 2 * np.pi * self.reach**2
        return self._spread(values / self.period**3, parity)

    def average(self, product: Array, s: Array, parity: Parities = (ANY, ANY, ANY)) -> Array:
        """(s,) ``int f(r) g(r + s) dr``, averaged over all directions of s, of the product (waves,) of two transforms.

        For distances up to `reach`.
        """
        index = self._squares[1]
        for axis, p in enumerate(parity):
            index = np.concatenate([index, index], axis=axis) if p == ANY else index
        weighted = product * self._weighted(np.ones((self.count,) * 3), parity)
        sums = np.bincount(index.ravel(), weighted, minlength=len(self._squares[0]))
        k = self.spacing * np.sqrt(self._squares[0])
        return np.asarray(np.sinc(np.outer(s, k) / np.pi) @ sums / self.period**3)

    def _spread(self, values: Array, parity: Parities) -> Array:
        return self._weighted(values[self._squares[1]], parity)

    def _weighted(self, block: Array, parity: Parities) -> Array:
        """Each wave but the constant stands for k and -k; along an axis without parity cosines come before sines."""
        twice = np.where(np.arange(self.count) == 0, 1.0, 2.0)
        for axis, p in enumerate(parity):
            shape = [1, 1, 1]
            shape[axis] = self.count
            block = block * twice.reshape(shape)
            if p == ANY:
                block = np.concatenate([block, block], axis=axis)
        return np.asarray(block.ravel())
