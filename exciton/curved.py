"""Self-energy where interfaces are curved: the profile of plane layers at the distance from them, and a polynomial.

Near an interface Sigma is that of a plane, and steep; what curvature and the rest of the particle do to it is smooth.
So the smooth part is found at points that keep away from all interfaces, where point charges on elements of moderate
size are accurate, and is carried on across them by a polynomial.
"""

from collections.abc import Sequence
from itertools import permutations, product

import numpy as np
from numpy.polynomial.legendre import legvander
from numpy.typing import NDArray
from scipy.special import ndtr

from exciton.dielectric import Dielectric
from exciton.open_space import Resolution, planes_of, problem
from exciton.profiles import Row, planar
from exciton.units import COULOMB
from exciton.voxels import Voxels
from solvers.greens import regular_part
from solvers.grid import Grid
from solvers.tensor import contract

Array = NDArray[np.float64]

AWAY = 1.0  # distance of the samples from every interface, in interface widths
TRUSTED = 4.0  # distance from which on their weight is 1
SAMPLES = (0.0, 0.28, 0.52, 0.72, 0.88, 0.97)  # coordinates of the samples, in half widths of a boundary


def curved(dielectric: Dielectric, grid: Grid, resolution: Resolution, degree: int) -> Array:
    """(nx, ny, nz) Sigma on a grid, eV.

    Parameters
    ----------
    degree
        Of the polynomial; even in a coordinate about whose middle the structure is symmetric.
    """
    poisson = problem(dielectric, resolution)
    mirrored = tuple(axis.mirrored for axis in poisson.axes)
    points = _samples(dielectric, mirrored)
    profiles = _profiles(dielectric)
    rest = 2 * np.pi * COULOMB * regular_part(poisson, points, dielectric.at(points))
    distances = np.stack([dielectric.distances(*p[:, None]).ravel() for p in points], axis=1)
    rest -= _control(profiles, distances)
    weights = np.minimum(np.abs(distances).min(axis=0) / (TRUSTED * dielectric.width), 1.0)
    scale = np.array([max(abs(row[0]), abs(row[-1])) for row in (planes_of(dielectric, d) for d in range(3))])
    powers = _powers(degree, mirrored)
    alike = [order for order in permutations(range(3)) if _exchangeable(dielectric, order)]
    images = np.concatenate([points[:, order] for order in alike])
    tables = [legvander(images[:, d] / scale[d], degree) for d in range(3)]
    matrix = np.stack([tables[0][:, a] * tables[1][:, b] * tables[2][:, c] for a, b, c in powers], axis=1)
    weights = np.tile(weights, len(alike))
    found = np.linalg.lstsq(weights[:, None] * matrix, weights * np.tile(rest, len(alike)), rcond=1e-8)[0]
    coefficients = np.zeros((1, degree + 1, degree + 1, degree + 1))
    coefficients[0][tuple(np.array(powers).T)] = found
    smooth = contract(coefficients, *(legvander(x / s, degree) for x, s in zip(grid.points, scale)))[0]
    return smooth + _control(profiles, dielectric.distances(*grid.points))


def _profiles(dielectric: Dielectric) -> list[tuple[int, Row]]:
    """Self-energies in plane layers as functions of the distance from a boundary, given by its number."""
    geometry, spread = dielectric.geometry, dielectric.spread
    assert not isinstance(geometry, Voxels)
    if not any(geometry.core_shift):
        planes = np.array([shape.extent[0] / 2 for shape in geometry.boundaries])
        jumps = np.diff(dielectric.permittivities)
        first = dielectric.permittivities[0]
        depths = planes - planes[0]

        def layers(d: Array) -> Array:
            return np.asarray(first + ndtr(np.subtract.outer(d, depths) / spread) @ jumps)

        return [(0, planar(layers, depths.tolist(), spread))]
    found = []
    for i, (inner, outer) in enumerate(zip(dielectric.permittivities[:-1], dielectric.permittivities[1:])):
        if inner != outer:
            step = _step(inner, outer, spread)
            found.append((i, planar(step, [0.0], spread)))
    return found


def _step(inner: float, outer: float, spread: float) -> Row:
    return lambda d: np.asarray(inner + (outer - inner) * ndtr(d / spread))


def _control(profiles: Sequence[tuple[int, Row]], distances: Array) -> Array:
    return np.asarray(sum(profile(distances[i]) for i, profile in profiles))


def _samples(dielectric: Dielectric, mirrored: Sequence[bool]) -> Array:
    """(count, 3) points in all regions that keep away from interfaces, of mirror images and like axes only one."""
    rows: list[Array] = []
    for axis in range(3):
        planes = planes_of(dielectric, axis)
        middle = [(a + b) / 2 for a, b in zip(planes[: len(planes) // 2], planes[: len(planes) // 2 - 1 : -1])]
        half = [(b - a) / 2 for a, b in zip(planes[: len(planes) // 2], planes[: len(planes) // 2 - 1 : -1])]
        inner = [middle[-1] + s * half[-1] * np.array(SAMPLES) for s in (1, -1)]
        outer = [np.array([m + s * (h + g) / 2 for s in (1, -1)]) for m, h, g in zip(middle, half[:-1], half[1:])]
        row = np.unique(np.round(np.concatenate([*inner, *outer]), 9))
        rows.append(row[row >= 0] if mirrored[axis] else row)
    away = AWAY * dielectric.width
    points = np.array(list(product(*rows)))
    distances = dielectric.distances(*rows).reshape(-1, len(points))
    points = points[(np.abs(distances).min(axis=0) > away) & (distances[-1] < 0)]
    for order in permutations(range(3)):
        if _exchangeable(dielectric, order):
            swaps = [(a, b) for a, b in zip(range(3), order) if a < b]
            for a, b in swaps:
                points = points[points[:, a] >= points[:, b]]
    return points


def _exchangeable(dielectric: Dielectric, order: Sequence[int]) -> bool:
    """Whether the structure is the same with its axes in another order."""
    geometry = dielectric.geometry
    assert not isinstance(geometry, Voxels)
    return bool(np.allclose(geometry.centres[0][list(order)], geometry.centres[0]))


def _powers(degree: int, mirrored: Sequence[bool]) -> list[tuple[int, int, int]]:
    steps = [range(0, degree + 1, 2 if even else 1) for even in mirrored]
    return [(a, b, c) for a, b, c in product(*steps) if a + b + c <= degree]
