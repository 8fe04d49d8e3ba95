"""Self-energy in a mesh of any shape: plane layers across the nearest interface, and what is left from point charges.

Near an interface Sigma is steep, and that of the layers that a line along its normal goes through. That part, faded out
with the distance, is computed at every point. What else the shape of the particle does is smooth: it is found by point
charges that keep away from all interfaces, and between and beyond them by the biharmonic spline.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exciton.dielectric import Dielectric
from exciton.layered import layered
from exciton.open_space import Resolution, problem
from exciton.units import COULOMB
from exciton.voxels import Voxels
from solvers.greens import regular_part
from solvers.grid import Grid

Array = NDArray[np.float64]

NOISY = 10.0  # nm: smoothing of the spline at an interface; it falls as a Gaussian of the distance in interface widths
THINNEST = 0.5  # least distance of a charge from interfaces, over the largest in the particle, at most
THIN = 0.2  # thickness of a layer, in standard deviations of a step
TAIL = 3.0  # how much further than they are seen the layers are followed, in the same
LATTICE = 40  # points along the longest edge of the particle that may bear a charge
CHUNK = 4000  # points at a time


def meshed(dielectric: Dielectric, grid: Grid, resolution: Resolution, charges: int, away: float, deep: float) -> Array:
    """(nx, ny, nz) Sigma on a grid, eV; 0 outside the mesh.

    Parameters
    ----------
    charges
        At most.
    away
        Their least distance from interfaces, in interface widths; in a thin particle less.
    deep
        Distance at which the layers have faded out, over the largest one in the particle.

    Raises
    ------
    NotConverged
        The permittivities are too far apart for the linear solver.
    """
    from scipy.interpolate import RBFInterpolator

    if np.ptp(dielectric.permittivities) == 0:
        return np.zeros(grid.shape)
    near = _Layers.of(dielectric, deep)
    points, distance = _places(dielectric, charges, away * dielectric.width)
    poisson = problem(dielectric, resolution)
    rest = 2 * np.pi * COULOMB * regular_part(poisson, points, dielectric.at(points)) - near(points)
    smoothing = NOISY * np.exp(-((distance / dielectric.width) ** 2))
    far = RBFInterpolator(points, rest, kernel="linear", degree=1, smoothing=smoothing)
    every = np.stack(np.meshgrid(*grid.points, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = np.flatnonzero(_share(dielectric, every) > 0)
    total = np.zeros(len(every))
    total[inside] = near(every[inside]) + far(every[inside])
    return total.reshape(grid.shape)


@dataclass(frozen=True, slots=True)
class _Layers:
    """Sigma of the plane layers across the nearest interface, faded out."""

    dielectric: Dielectric
    reach: float  # nm, where nothing is left of it

    @classmethod
    def of(cls, dielectric: Dielectric, deep: float) -> "_Layers":
        return cls(dielectric, deep * float(_lattice(dielectric)[1].max()))

    def __call__(self, points: Array) -> Array:
        """(n,) eV at points (n, 3)."""
        dielectric = self.dielectric
        distance, normal = _voxels(dielectric).nearest(dielectric.permittivities, points)
        thin = THIN * dielectric.spread
        half = int(np.ceil((self.reach + TAIL * dielectric.spread) / thin))
        along = thin * np.arange(-half, half + 1)
        total = np.zeros(len(points))
        within = np.flatnonzero(distance < self.reach)
        for some in np.array_split(within, -(-len(within) // CHUNK)) if len(within) else []:
            lines = points[some].T[:, :, None] + normal[some].T[:, :, None] * along
            fade = (1 - (distance[some] / self.reach) ** 2) ** 3
            total[some] = fade * layered(dielectric.anywhere(lines), thin, dielectric.spread)
        return total


def _places(dielectric: Dielectric, count: int, least: float) -> tuple[Array, Array]:
    """(n, 3) places of charges, each as far from those before it as can be; (n,) their distances to interfaces, nm."""
    points, distance = _lattice(dielectric)
    away = distance > min(least, THINNEST * float(distance.max()))
    points, distance = points[away], distance[away]
    chosen = [int(np.linalg.norm(points - points.mean(axis=0), axis=1).argmax())]
    apart = np.full(len(points), np.inf)
    while len(chosen) < min(count, len(points)):
        apart = np.minimum(apart, np.linalg.norm(points - points[chosen[-1]], axis=1))
        chosen.append(int(apart.argmax()))
    return points[chosen], distance[chosen]


def _lattice(dielectric: Dielectric) -> tuple[Array, Array]:
    """Points (n, 3) in the mesh, and (n,) how far each is from any change of the permittivity, nm."""
    voxels = _voxels(dielectric)
    step = float(np.ptp(voxels.extent, axis=0).max()) / LATTICE
    rows = [middle + step * np.arange(-LATTICE // 2, LATTICE // 2 + 1) for middle in voxels.middle]
    points = np.stack(np.meshgrid(*rows, indexing="ij"), axis=-1).reshape(-1, 3)
    share = _share(dielectric, points)
    points = points[share > 0.5 * share.max()]
    return points, voxels.nearest(dielectric.permittivities, points).distance


def _share(dielectric: Dielectric, points: Array) -> Array:
    """(n,) of all regions of the mesh together at points (n, 3)."""
    voxels = _voxels(dielectric)
    return voxels.smooth((1.0,) * len(voxels.regions), dielectric.spread)(points.T)


def _voxels(dielectric: Dielectric) -> Voxels:
    assert isinstance(dielectric.geometry, Voxels)
    return dielectric.geometry
