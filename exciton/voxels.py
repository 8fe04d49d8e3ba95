"""A mesh from a file as the dielectric model sees it: the share of every region around the points of a uniform grid."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from meshes.files import read_mesh
from meshes.interfaces import Interfaces, interfaces
from meshes.mesh import Mesh

Array = NDArray[np.float64]

SAMPLED = 0.6  # step of the grid, in standard deviations of the smearing
DENSE = 0.6  # distance of neighbouring points on interfaces, in the same
FEWEST = 40  # points along the longest edge of the particle, at least
BEYOND = 5.0  # how far the grid reaches beyond the mesh, in standard deviations


class Nearest(NamedTuple):
    """The nearest interface of each of some points."""

    distance: Array  # (n,) nm
    normal: Array  # (n, 3) of the interface there


@dataclass(frozen=True, eq=False)
class Voxels:
    """Shares of the regions around the points of a uniform grid."""

    regions: tuple[str, ...]
    first: Array  # (3,) nm, the first point
    step: Array  # (3,) nm
    shares: Array  # (regions, nx, ny, nz)
    extent: Array  # (2, 3) nm, corners of a box around the mesh
    interfaces: Interfaces
    _smooth: dict[tuple[tuple[float, ...], float], Array] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, mesh: Mesh, spread: float) -> "Voxels":
        """A mesh, on a grid that is fine enough to be smeared with a Gaussian of this standard deviation, nm."""
        from solvers.smearing import volumes_on_grid

        low, high = mesh.points.min(axis=0), mesh.points.max(axis=0)
        step = np.full(3, min(SAMPLED * spread, float((high - low).max()) / FEWEST))
        more = int(np.ceil(BEYOND * spread / step[0])) + 2
        x, y, z = np.ceil((high - low) / step).astype(int) + 2 * more
        first = (low + high) / 2 - step * (np.array([x, y, z]) - 1) / 2
        shares = volumes_on_grid(mesh, first, step, (x, y, z), spread) / step.prod()
        return cls(mesh.regions, first, step, shares, np.array([low, high]), interfaces(mesh, DENSE * spread))

    def smooth(self, weights: tuple[float, ...], spread: float) -> Callable[[Array], Array]:
        """The sum of the regions' shares with these weights, smeared, as a function of points (3, ...) in nm."""
        from scipy.ndimage import gaussian_filter, map_coordinates, spline_filter

        from solvers.smearing import DEALT

        key = weights, spread
        if key not in self._smooth:
            rest = np.sqrt(np.maximum((spread / self.step) ** 2 - DEALT, 0.0))
            mixed = np.tensordot(weights, self.shares, axes=1)
            smeared = gaussian_filter(mixed, rest, mode="constant", truncate=6.0)
            self._smooth[key] = spline_filter(smeared, mode="mirror")
        table = self._smooth[key]

        def values(points: Array) -> Array:
            rows = [(c - start) / h for c, start, h in zip(points, self.first, self.step)]
            return np.asarray(map_coordinates(table, rows, order=3, mode="constant", prefilter=False))

        return values

    def nearest(self, permittivities: tuple[float, ...], points: Array) -> Nearest:
        """The nearest place where the permittivity changes, for points (n, 3) in nm.

        Parameters
        ----------
        permittivities
            Of the regions, and of the medium.
        """
        from scipy.spatial import cKDTree

        where, normals, sides = self.interfaces
        value = np.asarray(permittivities)
        changes = value[sides[:, 0]] != value[sides[:, 1]]  # the last one is the medium's: -1
        where, normals = where[changes], normals[changes]
        if not len(where):
            return Nearest(np.full(len(points), np.inf), np.tile([1.0, 0.0, 0.0], (len(points), 1)))
        distance, index = cKDTree(where).query(points)
        return Nearest(distance, normals[index])

    @cached_property
    def middle(self) -> Array:
        """(3,) nm, of the box around the mesh."""
        return np.asarray(self.extent.mean(axis=0))


@lru_cache(maxsize=4)
def voxels_of(path: Path, digest: str, spread: float) -> Voxels:  # noqa: ARG001  (a changed file is another file)
    """The mesh in a file, sampled."""
    return Voxels.of(read_mesh(path), spread)
