"""What every discretisation offers: functions as columns, and integrals and values of them."""

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


class FunctionSpace(Protocol):
    """A space of functions on a structure; functions have shape (size, count), one column each."""

    @property
    def size(self) -> int:
        """Number of unknowns."""
        ...

    @property
    def regions(self) -> tuple[str, ...]:
        """Names of the regions."""
        ...

    def gram(self, u: Array, v: Array | None = None) -> Array:
        """(regions, i, j): the integral of u_i v_j over each region."""
        ...

    def quartic(self, u: Array) -> Array:
        """(count,): the integral of u_i^4."""
        ...

    def on_grid(self, u: Array, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Array:
        """(count, len(x), len(y), len(z)) values on the grid of these ascending coordinates; zero outside."""
        ...

    def region_on_grid(self, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> NDArray[np.int64]:
        """(len(x), len(y), len(z)) number of the region around each point of a grid; -1 outside."""
        ...
