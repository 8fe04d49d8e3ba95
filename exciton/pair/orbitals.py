"""Single-particle states sampled on a grid: what products of them the pair is made of.

On nested boxes the grid consists of the Gauss points of all elements, where integrals of densities with plane waves
are exact, and of an axis with a mirror plane only one half is kept. On meshes it is a uniform grid, or one of Gauss
points between flat faces where the structure has them; kinks at interfaces then cost what is told of norms on it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from exciton.fields import box_around
from exciton.pair.meeting import faces_of
from exciton.resolve import Region, Resolved
from exciton.units import HBAR2_2M0
from meshes.shapes import Structure
from solvers.eigen import Eigenpairs
from solvers.functions import FunctionSpace
from solvers.grid import Grid
from solvers.parity import ANY, Parities, parities_of
from solvers.pointwise import Potential, values_on
from solvers.tensor import BoxSpace
from solvers.waves import Waves

Array = NDArray[np.float64]

MARGIN = 10 * np.pi  # wave numbers beyond those of the densities, times the core's width: for kinks and walls
FINER, FINEST = 1.4, 170  # steps of the number of waves along an axis, and the end of them
PER_WAVE = 1.0  # intervals of a uniform grid for each wave: the highest has about 2.7 points a period
SMOOTH = 5  # degree that functions between flat faces of meshes are taken for
LEVEL = 1e-4  # relative: closer levels are one
BARE = (None, None)  # no fields


@dataclass(frozen=True, slots=True, eq=False)
class Orbitals:
    """Lowest states of one carrier on a grid."""

    energies: Array  # (n,) eV, ascending
    values: Array  # (n, nx, ny, nz) nm^-3/2
    parities: NDArray[np.int64]  # (n, 3): 0 even, 1 odd, ANY
    diffusion: tuple[Array, ...]  # hbar^2/2m along x, y, z, eV nm^2: one number, or (nx, ny, nz) where it differs
    field: Array | None = None  # (nx, ny, nz) eV: these are eigenfunctions of the carrier's Hamiltonian plus this

    def __len__(self) -> int:
        return len(self.energies)

    def first(self, count: int) -> "Orbitals":
        """The lowest ones only."""
        return self.some(slice(count))

    def some(self, which: slice | NDArray[np.int64]) -> "Orbitals":
        """Some of them."""
        return replace(self, energies=self.energies[which], values=self.values[which], parities=self.parities[which])

    def complete(self, count: int) -> int:
        """The largest number up to `count` that cuts no degenerate level; at least 1."""
        e = self.energies
        gaps = [n for n in range(1, min(count, len(e)) + 1) if n == len(e) or e[n] - e[n - 1] > LEVEL * abs(e[n])]
        return gaps[-1] if gaps else min(count, len(e))


@dataclass(frozen=True, eq=False)
class Sample:
    """Both carriers' orbitals on one grid."""

    waves: Waves
    electron: Orbitals
    hole: Orbitals

    @property
    def grid(self) -> Grid:
        """Of the half or whole particle; its weights count mirror images."""
        return self.waves.grid

    @property
    def mirrors(self) -> Parities:
        """0 along axes with a mirror plane, ANY along others: the parity of what has all the symmetry that there is."""
        x, y, z = (0 if half else ANY for half in self.waves.halves)
        return x, y, z

    @property
    def defects(self) -> tuple[float, float]:
        """By how much the norms of the lowest orbitals miss 1 on the grid."""
        electron, hole = (abs(float(self.grid.integral(c.values[0] ** 2)) - 1) for c in (self.electron, self.hole))
        return electron, hole

    def first(self, electrons: int, holes: int) -> "Sample":
        """The lowest orbitals only."""
        return Sample(self.waves, self.electron.first(electrons), self.hole.first(holes))

    def with_waves(self, count: int) -> "Sample":
        """The same orbitals, seen by fewer or more waves."""
        return replace(self, waves=replace(self.waves, count=count))


def samples(
    resolved: Resolved, space: FunctionSpace, pairs: Sequence[Eigenpairs], fields: Sequence[Potential | None] = BARE
) -> Iterator[Sample]:
    """`sample` with more and more waves, from as many as the orbitals need where no interface is near, to `FINEST`."""
    box = box_around(resolved, space)
    highest = 2 * max(_wave_number(resolved, name, each.values) for name, each in zip(("electron", "hole"), pairs))
    edges = np.ptp(box, axis=0)
    period = float(np.max(edges) + np.linalg.norm(edges))
    count = int(np.ceil((highest + MARGIN / core_width(resolved, box)) * period / (2 * np.pi)))
    while True:
        yield sample(resolved, space, pairs, min(count, FINEST), fields)
        if count >= FINEST:
            return
        count = int(np.ceil(FINER * count))


def sample(
    resolved: Resolved,
    space: FunctionSpace,
    pairs: Sequence[Eigenpairs],
    waves: int,
    fields: Sequence[Potential | None] = BARE,
) -> Sample:
    """Sample states of electron and hole.

    Parameters
    ----------
    pairs
        Of electron and hole, on `space`.
    waves
        Wave numbers along each axis; the grid resolves them.
    fields
        The potentials in which `pairs` are eigenfunctions, eV; None: the bare carrier.
    """
    box = box_around(resolved, space)
    points = int(np.ceil(PER_WAVE * waves))
    letters = [label for each in pairs for label in each.labels]
    x, y, z = (bool(letters) and all(label[axis] != "." for label in letters) for axis in range(3))
    grid = _grid(space, faces_of(resolved, box), (x, y, z), float(np.max(np.ptp(box, axis=0))) / points)
    electron, hole = (
        Orbitals(
            each.values,
            space.on_grid(each.vectors, *grid.points),
            _parities(each, (x, y, z)),
            _diffusion(resolved, space, grid, carrier),
            None if field is None else values_on(grid.points, field),
        )
        for each, carrier, field in zip(pairs, ("electron", "hole"), fields)
    )
    return Sample(Waves(grid, box, waves, (x, y, z)), electron, hole)


def _parities(pairs: Eigenpairs, halves: Sequence[bool]) -> NDArray[np.int64]:
    codes = [parities_of(label) for label in pairs.labels] or np.full((len(pairs.values), 3), ANY)
    return np.where(halves, codes, ANY)


def _grid(space: FunctionSpace, faces: list[Array], halves: Sequence[bool], step: float) -> Grid:
    if isinstance(space, BoxSpace):
        rows = [_gauss(line.breaks, line.degrees, step) for line in space.lines]
    else:
        rows = [
            _gauss(row, [SMOOTH] * (len(row) - 1), step) if len(row) > 2 else _midpoints(row[0], row[1], step)
            for row in faces
        ]
    x, y, z = (right_half(*row) if half else row for row, half in zip(rows, halves))
    return Grid((x[0], y[0], z[0]), (x[1], y[1], z[1]))


def right_half(points: Array, weights: Array) -> tuple[Array, Array]:
    """Of points that are the same from both ends: those right of the middle counted twice, one in the middle once."""
    own = points - (points[0] + points[-1]) / 2
    near = 1e-9 * float(np.ptp(points))
    times = np.where(own > near, 2.0, 1.0)
    kept = own > -near
    return points[kept], (weights * times)[kept]


def _midpoints(low: float, high: float, step: float) -> tuple[Array, Array]:
    count = int(np.ceil((high - low) / step - 1e-9))
    width = (high - low) / count
    return np.asarray(low + width * (np.arange(count) + 0.5)), np.full(count, width)


def _gauss(breaks: Array, degrees: Sequence[int], step: float) -> tuple[Array, Array]:
    """Gauss points and weights for products of two functions with every wave up to pi / step, element by element.

    For energies to 1e-7 meV; three to five points more in each element would integrate to rounding, at twice the price.
    """
    points, weights = [], []
    for left, right, degree in zip(breaks[:-1], breaks[1:], degrees):
        half = (right - left) / 2
        phase = np.pi * half / step
        t, w = np.polynomial.legendre.leggauss(max(2, degree - 1 + int(np.ceil((phase + min(phase, 3.0)) / 2))))
        points.append((left + right) / 2 + half * t)
        weights.append(half * w)
    return np.concatenate(points), np.concatenate(weights)


def _diffusion(resolved: Resolved, space: FunctionSpace, grid: Grid, carrier: str) -> tuple[Array, ...]:
    """hbar^2/2m on the grid, one array for all axes where they agree."""
    by_name: dict[str, Region] = {region.name: region for region in resolved.regions}
    masses = np.array([getattr(by_name[name], f"{carrier}_mass") for name in space.regions])
    axes = range(1) if np.all(masses == masses[:, :1]) else range(3)
    a = HBAR2_2M0 / masses
    if np.all(a == a[0]):
        return tuple(np.asarray(a[0, axis]) for axis in axes)
    region = space.region_on_grid(*grid.points)
    return tuple(np.where(region < 0, a[0, axis], a[region, axis]) for axis in axes)


def core_width(resolved: Resolved, box: Array) -> float:
    """Smallest extent of the core, or of all of a mesh, nm."""
    geometry = resolved.geometry
    return float(np.min(geometry.core.extent if isinstance(geometry, Structure) else np.ptp(box, axis=0)))


def _wave_number(resolved: Resolved, carrier: str, energies: Array) -> float:
    """Of the fastest of some states, where it has most kinetic energy, 1/nm."""
    here = [region for region in resolved.regions if region.there]
    lowest = min(getattr(region, f"{carrier}_barrier") for region in here)
    heaviest = max(
        float(np.max(getattr(region, f"{carrier}_mass")))
        for region in here
        if getattr(region, f"{carrier}_barrier") <= max(lowest, 0.0)
    )
    return float(np.sqrt((energies[-1] - lowest) * heaviest / HBAR2_2M0))
