"""Tensor grids of quadrature points, on which densities and potentials are values."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Triple = tuple[Array, Array, Array]


@dataclass(frozen=True, eq=False)
class Grid:
    """Products of three rows of points with weights: ``int f = sum_abc wx_a wy_b wz_c f(x_a, y_b, z_c)``.

    Parameters
    ----------
    points
        Ascending coordinates along x, y and z.
    weights
        Of the same shapes.
    """

    points: Triple
    weights: Triple

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of points along x, y and z."""
        x, y, z = (len(row) for row in self.points)
        return x, y, z

    @cached_property
    def volumes(self) -> Array:
        """(nx, ny, nz) weight of each point."""
        return np.asarray(np.einsum("a,b,c->abc", *self.weights))

    def integral(self, values: Array) -> Array:
        """(...) integrals of values of shape (..., nx, ny, nz)."""
        x, y, z = self.weights
        return np.asarray(((values @ z) @ y) @ x)
