"""Self-energy of a carrier: the interaction with its own image, ``Sigma(r) = 1/2 lim [W - W_bulk](r, r')``.

``W_bulk = e^2 / (4 pi eps0 sqrt(eps(r) eps(r')) |r - r'|)``. In concentric spheres Sigma is a sum over spherical waves.
Elsewhere it is found at some points, one point charge each, and interpolated. In boxes the profiles of the plane layers
along each axis are taken off before and added again after: they hold all that is steep, and what is left is smooth.
Other shapes are left to `curved`, meshes from files to `meshed`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BarycentricInterpolator, PchipInterpolator, make_interp_spline
from scipy.special import ndtr

from exciton.curved import curved
from exciton.dielectric import Dielectric
from exciton.meshed import Rendering, meshed
from exciton.open_space import Resolution, planes_of, problem
from exciton.profiles import THIN, Row, planar, spherical
from exciton.resolve import SURROUNDINGS
from exciton.units import COULOMB
from exciton.voxels import Voxels
from meshes.shapes import Cuboid, RoundedCube, Sphere
from solvers.greens import regular_part, regular_part_of_slab
from solvers.grid import Grid
from solvers.tensor import contract

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sampling:
    """Elements for the point charges of a box, and where these are."""

    resolution: Resolution
    within: tuple[float, ...]  # of the half width of the core: coordinates of samples beside its middle and its faces
    between: int = 1  # samples between the faces of a layer


FINE = Sampling(Resolution(degree=2, finest=1.5, growth=4.0, largest=1.5, far=1), (0.5, 0.82), 2)
COARSE = Sampling(Resolution(degree=2, finest=2.5, growth=3.5, largest=1.5, far=1), (0.7,))
FINER = Sampling(FINE.resolution, (0.4, 0.7, 0.9), 4)
FINEST = Sampling(FINE.resolution, (0.3, 0.6, 0.8, 0.93), 5)
SAMPLINGS = (COARSE, FINE, FINER, FINEST)
USUAL, MOST = 1, len(SAMPLINGS) - 1  # of them
ROUND_FINE = Resolution(degree=3, finest=1.5, growth=3.0, largest=1.5)
ROUND_COARSE = Resolution(degree=2, finest=1.5, growth=3.0, largest=1.5)
ROUNDED = (  # of cubes that are rounded a little, from the usual on; before that they are left to `curved`
    replace(FINER, resolution=ROUND_COARSE),
    replace(FINEST, resolution=ROUND_COARSE),
    replace(FINEST, resolution=ROUND_FINE),
)
MESH_FINE = Rendering(ROUND_FINE, charges=170, away=1.3, deep=1.1)
MESH_COARSE = Rendering(ROUND_COARSE, charges=85, away=1.9, deep=0.5)
ALMOST = 0.25  # radius of a rounded cube, over its edge, up to which it is treated as a box
SAME = 1e-6  # nm


def self_energy(dielectric: Dielectric, grid: Grid, *, detail: int = USUAL, width: float | None = None) -> Array:
    """(nx, ny, nz) Sigma on a grid, eV.

    Parameters
    ----------
    detail
        Of the representation, of `SAMPLINGS`: the expectation value of what one less changes estimates the error.
        Where it is not `refinable` there are two, and the `USUAL` one is taken for more.
    width
        In which elements are measured, nm, of boxes; None: that of the interfaces.

    Raises
    ------
    NotConverged
        The permittivities are too far apart for the linear solver.
    """
    geometry, coarse = dielectric.geometry, detail < USUAL
    if isinstance(geometry, Voxels):
        return meshed(dielectric, grid, MESH_COARSE if coarse else MESH_FINE)
    if isinstance(geometry.core, Sphere) and not any(geometry.core_shift):
        return _concentric(dielectric, grid, 2 * THIN if coarse else THIN)
    if isinstance(geometry.core, Cuboid):
        return _sampled(dielectric, grid, SAMPLINGS[detail], width)
    boxlike = refinable(dielectric)
    if boxlike and not coarse:
        return _sampled(dielectric, grid, ROUNDED[detail - USUAL], width)
    if coarse:
        return curved(dielectric, grid, ROUND_COARSE, 6 if boxlike else 4)
    return curved(dielectric, grid, ROUND_FINE, 6)


def refinable(dielectric: Dielectric) -> bool:
    """Whether there is more detail than the `USUAL`: of boxes, and of what almost is one."""
    if isinstance(dielectric.geometry, Voxels):
        return False
    core = dielectric.geometry.core
    return isinstance(core, Cuboid) or (isinstance(core, RoundedCube) and core.radius <= ALMOST * core.edge)


def _concentric(dielectric: Dielectric, grid: Grid, thin: float) -> Array:
    """Concentric spheres."""
    planes = [p for p in planes_of(dielectric, 0) if p > 0]
    origin = np.zeros(1)
    profile = spherical(lambda r: dielectric(r, origin, origin).ravel(), planes, dielectric.spread, thin=thin)
    x, y, z = grid.points
    return profile(np.sqrt(x[:, None, None] ** 2 + y[:, None] ** 2 + z**2))


def _sampled(dielectric: Dielectric, grid: Grid, sampling: Sampling, width: float | None = None) -> Array:
    """Point charges at some points, and interpolation between them."""
    geometry = dielectric.geometry
    assert not isinstance(geometry, Voxels)
    mirrored = geometry.mirror
    rows = [_samples(dielectric, d, mirrored[d], grid.points[d], sampling) for d in range(3)]
    values = _from_charges(dielectric, tuple(tuple(row.tolist()) for row in rows), sampling.resolution, width)
    stacks = [_stacks(dielectric, axis) for axis in range(3)]
    cores = [_core(dielectric, axis) for axis in range(3)]
    tables = [_interpolation(row, m, core, x) for row, m, core, x in zip(rows, mirrored, cores, grid.points)]
    total = contract(values[None], *tables)[0]
    for axis, each in enumerate(stacks):
        for stack, trust in zip(each, _trusted(grid.points, stacks, axis, dielectric.width, np.multiply.outer)):
            profile = planar(stack.along, stack.planes, dielectric.spread)(grid.points[axis])
            total += np.moveaxis(np.multiply.outer(profile, trust), 0, axis)
    return total


@lru_cache(maxsize=8)  # another grid, or more detail, asks for the same again
def _from_charges(
    dielectric: Dielectric, row_of: tuple[tuple[float, ...], ...], resolution: Resolution, width: float | None
) -> Array:
    """(nx, ny, nz) Sigma less the plane layers' at the products of three rows of coordinates, eV."""
    poisson = problem(dielectric, resolution, width=width)
    rows = [np.array(row) for row in row_of]
    kinds = [next(k for k in range(d + 1) if np.array_equal(rows[k], rows[d])) for d in range(3)]
    index, owner = _distinct([len(row) for row in rows], kinds)
    points = np.stack([row[i] for row, i in zip(rows, index.T)], axis=1)
    rest = regular_part(poisson, points, dielectric.at(points))
    stacks = [_stacks(dielectric, axis) for axis in range(3)]
    for axis, each in enumerate(stacks):
        for stack, trust in zip(each, _trusted(list(points.T), stacks, axis, dielectric.width, np.multiply)):
            row = stack.along(poisson.nodes[axis])
            rest -= trust * regular_part_of_slab(poisson, points, stack.along(points[:, axis]), axis, row)
    return np.asarray((2 * np.pi * COULOMB * rest)[owner].reshape([len(row) for row in rows]))


def _core(dielectric: Dielectric, axis: int) -> tuple[float, float]:
    """The two faces of the core, nm; of a mesh those of its bounding box."""
    planes = planes_of(dielectric, axis)
    return planes[len(planes) // 2 - 1], planes[len(planes) // 2]


class Stack(NamedTuple):
    """Plane layers that a line goes through."""

    along: Row  # eps as a function of the coordinate
    planes: list[float]
    faces: tuple[float, float]  # of the innermost layer


def _stacks(dielectric: Dielectric, axis: int) -> list[Stack]:
    """Those that lines along an axis go through: the first through the core, each next one through one layer less."""
    geometry = dielectric.geometry
    assert not isinstance(geometry, Voxels)
    jumps, spread = -np.diff(dielectric.permittivities), dielectric.spread
    ends = [
        (float(centre[axis] - shape.extent[axis] / 2), float(centre[axis] + shape.extent[axis] / 2))
        for shape, centre in zip(geometry.boundaries, geometry.centres)
    ]

    def stack(first: int) -> Stack:
        def along(x: Array) -> Array:
            there = (ndtr((x - low) / spread) - ndtr((x - high) / spread) for low, high in ends[first:])
            return np.asarray(dielectric.outside + sum(j * share for j, share in zip(jumps[first:], there)))

        return Stack(along, sorted({end for pair in ends[first:] for end in pair}), ends[first])

    return [stack(first) for first in range(len(ends))]


def _trusted(
    coordinates: Sequence[Array], stacks: Sequence[list[Stack]], axis: int, width: float, product: Callable[..., Array]
) -> Iterator[Array]:
    """How far each stack of an axis is believed in, at coordinates along the two others.

    Where a line there goes through its innermost layer, and a little beyond.
    """
    before: Array | float = 0.0
    one, other = (d for d in range(3) if d != axis)
    for first, second in zip(stacks[one], stacks[other]):
        rows = _beside(coordinates[one], first.faces, width), _beside(coordinates[other], second.faces, width)
        inside = product(*rows)
        yield np.asarray(inside - before)
        before = inside


def _beside(x: Array, faces: tuple[float, float], width: float) -> Array:
    """1 between two faces, fading beyond."""
    beyond = np.maximum(np.maximum(faces[0] - x, x - faces[1]), 0.0)
    return np.asarray(np.exp(-((beyond / width) ** 2)))


def _samples(dielectric: Dielectric, axis: int, mirrored: bool, grid: Array, sampling: Sampling) -> Array:
    """Coordinates of the samples along an axis: the faces and some between; of a mirrored axis, the right half."""
    planes = planes_of(dielectric, axis)
    core = _core(dielectric, axis)
    middle, half = (core[0] + core[1]) / 2, (core[1] - core[0]) / 2
    inner = [0.0, *(half * s for s in sampling.within)]
    found = [*(middle + x for x in inner), *(middle - x for x in inner), *planes]
    for a, b in zip(planes[:-1], planes[1:]):
        outermost = a == planes[0] or b == planes[-1]
        if b - a > 2 * dielectric.width and (a, b) != core and not (outermost and SURROUNDINGS in dielectric.names):
            found += [a + (b - a) * n / (sampling.between + 1) for n in range(1, sampling.between + 1)]
    ends = [x for x in (grid[0], grid[-1]) if not planes[0] <= x <= planes[-1]]
    row = np.unique(np.round([*found, *ends], 9))
    return row[row >= 0] if mirrored else row


def _distinct(shape: Sequence[int], kinds: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The points of a tensor grid that no exchange of like axes makes of each other, and for each point its own."""
    index = np.array(list(product(*(range(n) for n in shape))))
    for kind in set(kinds):
        like = [d for d, k in enumerate(kinds) if k == kind]
        index[:, like] = np.sort(index[:, like], axis=1)
    distinct, owner = np.unique(index, axis=0, return_inverse=True)
    return distinct, owner.ravel()


def _interpolation(row: Array, mirrored: bool, core: tuple[float, float], x: Array) -> Array:
    """(len(x), len(row)) interpolation through samples; of a mirrored axis, about whose middle they are even.

    Within the core one polynomial, beyond its faces cubics that do not overshoot: nothing swings across an interface.
    """
    full = np.concatenate([-row[:0:-1], row]) if mirrored else row
    table = np.zeros((len(x), len(full)))
    low, high = core[0] - SAME, core[1] + SAME
    inside = np.flatnonzero((full >= low) & (full <= high))
    some = (x >= core[0]) & (x <= core[1])
    table[np.ix_(some, inside)] = BarycentricInterpolator(full[inside], np.eye(len(inside)))(x[some])
    for some, nodes in ((x < core[0], full <= core[0] + SAME), (x > core[1], full >= core[1] - SAME)):
        beyond = np.flatnonzero(nodes)
        if np.any(some):
            shape = PchipInterpolator if len(beyond) > 2 else make_interp_spline
            degree = {} if len(beyond) > 2 else {"k": 1}
            table[np.ix_(some, beyond)] = shape(full[beyond], np.eye(len(beyond)), **degree)(x[some])
    if not mirrored:
        return table
    n = len(row) - 1
    return np.concatenate([table[:, n : n + 1], table[:, n + 1 :] + table[:, n - 1 :: -1]], axis=1)
