"""The permittivity of a whole point of a job, smooth over the interface width, in all space.

Each region is there to a share between 0 and 1: its indicator function smeared by a Gaussian whose integral, the
profile of a flat interface, rises from 10 % to 90 % over `interface_width_nm`. The shares add up to 1 everywhere, the
medium's included, and eps(r) = sum_i eps_i share_i(r). Smearing is exact for shapes (`exciton.smeared`); the cells of a
mesh file are dealt to a uniform grid and smeared there (`exciton.voxels`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from exciton.errors import JobError
from exciton.resolve import MeshFile, Resolved
from exciton.smeared import smeared
from exciton.voxels import Voxels, voxels_of
from meshes.shapes import Cuboid, RoundedCube, Sphere, Structure

Array = NDArray[np.float64]
Inside = Callable[[Array, Array, Array], Array]

LATTICE = 0.59  # nm: default interface width, the pseudo-cubic lattice constant of CsPbBr3
SPREAD = float(ndtri(0.9) - ndtri(0.1))  # 10 % to 90 % of a Gaussian's integral, in standard deviations


@dataclass(frozen=True, eq=False)
class Dielectric:
    """Permittivities of the regions, innermost first, the medium last, and where these are.

    Parameters
    ----------
    names
        Of the regions that are there, and "medium".
    permittivities
        Relative, one for each name.
    core
        That of the region that energies refer to.
    geometry
        Nested shapes, or the share of each region around the points of a uniform grid.
    width
        Over which a flat interface goes from 10 % to 90 %, nm.
    """

    names: tuple[str, ...]
    permittivities: tuple[float, ...]
    core: float
    geometry: "Structure | Voxels"
    width: float = LATTICE

    @classmethod
    def of(cls, resolved: Resolved) -> "Dielectric":
        """That of a point of a job.

        Raises
        ------
        JobError
            A region or the medium has no permittivity.
        """
        width = resolved.exciton.interface_width_nm or LATTICE
        there = {region.name: region for region in resolved.regions if region.there}
        geometry = resolved.geometry
        if isinstance(geometry, MeshFile):
            shape: Structure | Voxels = voxels_of(geometry.path, geometry.digest, width / SPREAD)
            names = shape.regions
        else:
            names, shape = geometry.regions, geometry
        for region in there.values():
            if region.permittivity is None:
                raise JobError(f"materials.{region.material}.permittivity: is missing; the polarisation wants it")
        if resolved.medium_permittivity is None:
            raise JobError(f"materials.{resolved.medium}.permittivity: is missing; the polarisation wants it")
        values = tuple(float(there[name].permittivity or 0.0) for name in names)
        core = float(resolved.core.permittivity or 0.0)
        return cls((*names, "medium"), (*values, resolved.medium_permittivity), core, shape, width)

    @property
    def spread(self) -> float:
        """Standard deviation of the smearing, nm."""
        return self.width / SPREAD

    @property
    def outside(self) -> float:
        """Permittivity of the medium."""
        return self.permittivities[-1]

    def with_width(self, width: float) -> "Dielectric":
        """The same with interfaces of another width, nm."""
        return replace(self, width=width)

    def shares(self, x: Array, y: Array, z: Array) -> Array:
        """(regions + 1, nx, ny, nz) share of each region and of the medium on the products of coordinates in nm."""
        inside = np.stack([within(x, y, z) for within in self._within()])
        return np.diff(inside, axis=0, prepend=0.0, append=1.0)

    def __call__(self, x: Array, y: Array, z: Array) -> Array:
        """(nx, ny, nz) relative permittivity on the products of coordinates in nm."""
        if isinstance(self.geometry, Voxels):
            return self.anywhere(np.stack(np.meshgrid(x, y, z, indexing="ij")))
        jumps = -np.diff(self.permittivities)
        total = np.full((len(x), len(y), len(z)), self.outside)
        for jump, within in zip(jumps, self._within()):
            if jump != 0:
                total += jump * within(x, y, z)
        return total

    def distances(self, x: Array, y: Array, z: Array) -> Array:
        """(regions, nx, ny, nz) distance from each region's outer boundary, negative within, nm; of round shapes."""
        assert not isinstance(self.geometry, Voxels)
        found = []
        for shape, centre in zip(self.geometry.boundaries, self.geometry.centres):
            axes = [c - middle for c, middle in zip((x, y, z), centre)]
            found.append(_distance(shape, *axes))
        return np.stack(found)

    def at(self, points: Array) -> Array:
        """(count,) relative permittivity at points (count, 3)."""
        if isinstance(self.geometry, Voxels):
            return self.anywhere(points.T)
        return np.array([self(*point[:, None]).item() for point in points])

    def anywhere(self, points: Array) -> Array:
        """(...) relative permittivity in a mesh at points (3, ...) in nm."""
        assert isinstance(self.geometry, Voxels)
        jumps = tuple(value - self.outside for value in self.permittivities[:-1])
        return np.asarray(self.outside + self.geometry.smooth(jumps, self.spread)(points))

    def _within(self) -> list[Inside]:
        """For each region, the share of it and of all regions before it."""
        if isinstance(self.geometry, Voxels):
            count = len(self.names) - 1
            first = [(1.0,) * n + (0.0,) * (count - n) for n in range(1, count + 1)]
            return [_of_mesh(self.geometry, weights, self.spread) for weights in first]
        shapes = zip(self.geometry.boundaries, self.geometry.centres)
        return [_smeared(shape, centre, self.spread) for shape, centre in shapes]


def _of_mesh(voxels: Voxels, weights: tuple[float, ...], spread: float) -> Inside:
    smooth = voxels.smooth(weights, spread)
    return lambda x, y, z: np.clip(smooth(np.stack(np.meshgrid(x, y, z, indexing="ij"))), 0.0, 1.0)


def _smeared(shape: Cuboid | Sphere | RoundedCube, centre: Array, spread: float) -> Inside:
    x, y, z = centre
    return lambda *axes: smeared(shape, spread, axes[0] - x, axes[1] - y, axes[2] - z)


def _distance(shape: Cuboid | Sphere | RoundedCube, *axes: Array) -> Array:
    """From the surface, negative inside."""
    if isinstance(shape, Cuboid):
        raise ValueError("distances are for shapes without edges")
    flat, radius = (shape.flat, shape.radius) if isinstance(shape, RoundedCube) else (0.0, shape.radius)
    x, y, z = (np.abs(c) - flat / 2 for c in axes)
    x, y = x[:, None, None], y[:, None]
    outside = np.sqrt(sum(np.maximum(c, 0.0) ** 2 for c in (x, y, z)))
    return np.asarray(outside + np.minimum(np.maximum(np.maximum(x, y), z), 0.0) - radius)
