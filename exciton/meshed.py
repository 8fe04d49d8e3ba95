"""Self-energy in a mesh of any shape: plane layers across the nearest interface, and what is left from point charges.

Near an interface Sigma is steep, and that of the layers that a line along its normal goes through. That part, faded out
with the distance, is computed at every point. What else the shape of the particle does is smooth: it is found by point
charges that keep away from all interfaces, and between and beyond them by the biharmonic spline.
"""

from dataclasses import dataclass
from functools import lru_cache

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
FURTHER = 1.3  # for the error: the least distance of charges, over what it is
EARLIER = 0.65  # and how deep the layers reach, likewise
CHUNK = 4000  # points at a time


@dataclass(frozen=True, slots=True)
class Rendering:
    """How Sigma in a mesh is put together."""

    resolution: Resolution  # elements for the point charges
    charges: int  # at most
    away: float  # their least distance from interfaces, in interface widths; in a thin particle less
    deep: float  # distance at which the layers have faded out, over the largest one in the particle


def meshed(dielectric: Dielectric, grid: Grid, rendering: Rendering) -> Array:
    """(nx, ny, nz) Sigma on a grid, eV; 0 outside the mesh.

    Raises
    ------
    NotConverged
        The permittivities are too far apart for the linear solver.
    """
    if np.ptp(dielectric.permittivities) == 0:
        return np.zeros(grid.shape)
    places = _places(dielectric, rendering)
    layers = _Layers.of(dielectric, rendering.deep).everywhere(grid, places)
    return layers.joined(places, _alone(dielectric, places, rendering.resolution))


def meshed_error(dielectric: Dielectric, grid: Grid, rendering: Rendering, coarser: Resolution) -> Array:
    """(nx, ny, nz) by how much `meshed` may be wrong, eV, >= 0.

    The sum of what four changes make of it, each by itself and without its sign: coarser elements, half of the charges,
    only those that keep further away, layers that fade out earlier.
    """
    if np.ptp(dielectric.permittivities) == 0:
        return np.zeros(grid.shape)
    places = _places(dielectric, rendering)
    values = _alone(dielectric, places, rendering.resolution)
    layers = _Layers.of(dielectric, rendering.deep).everywhere(grid, places)
    least = FURTHER * rendering.away * dielectric.width
    far = places.distance > min(least, FURTHER * THINNEST * float(places.distance.max()))
    half = np.arange(len(values)) < len(values) // 2  # each is as far as can be from those before it
    others = (
        layers.joined(places, _alone(dielectric, places, coarser)),
        layers.joined(places, values, half),
        layers.joined(places, values, far),
        _Layers.of(dielectric, EARLIER * rendering.deep).everywhere(grid, places).joined(places, values),
    )
    found = layers.joined(places, values)
    return np.asarray(sum(np.abs(other - found) for other in others))


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Where charges are."""

    points: Array  # (n, 3) nm
    distance: Array  # (n,) to the nearest interface, nm
    widths: Array  # (n,) the same in interface widths


@lru_cache(maxsize=4)
def _alone(dielectric: Dielectric, places: _Places, resolution: Resolution) -> Array:
    """(n,) Sigma by point charges, eV."""
    local = dielectric.at(places.points)
    return np.asarray(2 * np.pi * COULOMB * regular_part(problem(dielectric, resolution), places.points, local))


@dataclass(frozen=True, slots=True, eq=False)
class _Steep:
    """The layers' Sigma on a grid and where charges are."""

    grid: Grid
    inside: NDArray[np.int64]  # the points of the grid in the mesh
    points: Array  # (inside, 3)
    here: Array  # (inside,) eV
    there: Array  # (charges,) eV

    def joined(self, places: _Places, values: Array, kept: NDArray[np.bool_] | None = None) -> Array:
        """(nx, ny, nz) with what charges have more than the layers, between and beyond them; with some of them only."""
        from scipy.interpolate import RBFInterpolator

        some = np.ones(len(values), dtype=bool) if kept is None else kept
        smoothing = NOISY * np.exp(-(places.widths[some] ** 2))
        rest = (values - self.there)[some]
        far = RBFInterpolator(places.points[some], rest, kernel="linear", degree=1, smoothing=smoothing)
        total = np.zeros(int(np.prod(self.grid.shape)))
        total[self.inside] = self.here + far(self.points)
        return total.reshape(self.grid.shape)


@dataclass(frozen=True, slots=True)
class _Layers:
    """Sigma of the plane layers across the nearest interface, faded out."""

    dielectric: Dielectric
    reach: float  # nm, where nothing is left of it

    @classmethod
    def of(cls, dielectric: Dielectric, deep: float) -> "_Layers":
        return cls(dielectric, deep * float(_lattice(dielectric)[1].max()))

    def everywhere(self, grid: Grid, places: _Places) -> _Steep:
        """On a grid and at charges."""
        every = np.stack(np.meshgrid(*grid.points, indexing="ij"), axis=-1).reshape(-1, 3)
        inside = np.flatnonzero(_share(self.dielectric, every) > 0)
        return _Steep(grid, inside, every[inside], self(every[inside]), self(places.points))

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


@lru_cache(maxsize=4)
def _places(dielectric: Dielectric, rendering: Rendering) -> _Places:
    """Places of charges, each as far from those before it as can be."""
    points, distance = _lattice(dielectric)
    away = distance > min(rendering.away * dielectric.width, THINNEST * float(distance.max()))
    points, distance = points[away], distance[away]
    chosen = [int(np.linalg.norm(points - points.mean(axis=0), axis=1).argmax())]
    apart = np.full(len(points), np.inf)
    while len(chosen) < min(rendering.charges, len(points)):
        apart = np.minimum(apart, np.linalg.norm(points - points[chosen[-1]], axis=1))
        chosen.append(int(apart.argmax()))
    return _Places(points[chosen], distance[chosen], distance[chosen] / dielectric.width)


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
