"""Self-energies between states on a mesh, integrated by its elements.

Where states are steep, at interfaces, self-energies are as well. Elements have faces there, a grid of meeting points
has none unless the interfaces are flat. Sigma is smooth on the scale of the interface width, so a table of it serves,
with cubic splines between its points.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from exciton.images import Images
from exciton.voxels import Voxels
from solvers.distributed import DistributedSpace
from solvers.grid import Grid
from solvers.space import Space

Array = NDArray[np.float64]

STEP = 0.6  # of the table, in standard deviations of the permittivity's steps
COSTLY = 1.4  # the same in meshes from files, where every point takes a millisecond
COARSER = 1.5  # steps of a table that tells the error
BEYOND = 3  # points of it outside the particle
RULE, LOWER = 15, 11  # degrees of quadrature, at least; and of one that tells the error
POINTS = 4e6  # of a table, at most


@dataclass(frozen=True, eq=False)
class Tabulated:
    """Integrals of Sigma between states.

    Parameters
    ----------
    box
        (2, 3) corners of a box around the particle, nm.
    electron, hole
        (size, n) states on the space.
    """

    space: Space | DistributedSpace
    box: Array
    electron: Array
    hole: Array

    def self_energies(self, images: Images) -> tuple[Array, Array]:
        """(n, n) matrices of Sigma in either carrier's states, eV."""
        return self._matrices(images, 1.0, RULE)

    def changes(self, images: Images) -> list[tuple[Array, Array]]:
        """What the same is by a coarser table, and by a rule of lower degree, less what it is: for the error."""
        own = self.self_energies(images)
        others = self._matrices(images, COARSER, RULE), self._matrices(images, 1.0, LOWER)
        return [(electron - own[0], hole - own[1]) for electron, hole in others]

    def _matrices(self, images: Images, coarser: float, rule: int) -> tuple[Array, Array]:
        sigma = self._table(images, coarser)
        return self.space.weighted(self.electron, sigma, rule), self.space.weighted(self.hole, sigma, rule)

    def _table(self, images: Images, coarser: float) -> Callable[[Array], Array]:
        """Sigma at points (..., 3) in nm."""
        from scipy.ndimage import map_coordinates, spline_filter

        dielectric = images.dielectric
        step = (COSTLY if isinstance(dielectric.geometry, Voxels) else STEP) * dielectric.spread
        step = coarser * max(step, float(np.prod(np.ptp(self.box, axis=0)) / POINTS) ** (1 / 3))
        rows = [_row(low, high, step) for low, high in self.box.T]
        grid = Grid((rows[0], rows[1], rows[2]), tuple(np.gradient(row) for row in rows))  # type: ignore[arg-type]
        table = spline_filter(replace(images, grid=grid).self_energy())

        def sigma(points: Array) -> Array:
            places = [(x - row[0]) / (row[1] - row[0]) for x, row in zip(np.moveaxis(points, -1, 0), rows)]
            return np.asarray(map_coordinates(table, places, mode="mirror", prefilter=False))

        return sigma


def _row(low: float, high: float, step: float) -> Array:
    count = int(np.ceil((high - low) / step))
    return np.asarray(low + (high - low) / count * (np.arange(-BEYOND, count + BEYOND) + 0.5))
