"""Where one carrier of a correlated pair is while the other one is at a given place.

    phi(r_h) = Psi(r_e, r_h) / sqrt(int |Psi(r_e, r_h')|^2 dr_h'),   r_e fixed; with the carriers exchanged alike.

With one carrier fixed the sum over its orbitals can be done: one function of the other carrier for each function of
the distance, so that phi is as cheap to sample as a few states, and its cusp at the fixed partner is exact.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exciton.carriers import Carriers
from exciton.fields import box_around
from exciton.pair.distance import Distances, distances
from exciton.pair.geminals import PairFunction
from exciton.pair.levels import PairSolution
from exciton.resolve import Resolved
from meshes.shapes import Structure
from solvers.eigen import Eigenpairs
from solvers.functions import FunctionSpace
from solvers.grid import Grid
from solvers.waves import Waves

Array = NDArray[np.float64]

CARRIERS = ("electron", "hole")
EMPTY = 1e-6  # of a carrier's mean density: a place that it hardly ever is at tells nothing


@dataclass(frozen=True, slots=True, eq=False)
class Conditional:
    """The amplitude of one carrier, its partner fixed; its square is a probability density."""

    carrier: str  # that moves
    place: Array  # (3,) nm, of the partner
    vectors: Array  # (unknowns, functions) on the carriers' space, nm^-3/2 once multiplied
    ranges: Array  # (k,) kappa, 1/nm
    functions: Array  # (functions, k)

    def amplitude(self, distance: Array, values: Array) -> Array:
        """phi in nm^-3/2 where the partner is at a `distance` (...) and the vectors have `values` (functions, ...)."""
        phi = np.zeros_like(distance)
        for kappa, row in zip(self.ranges, self.functions.T):
            phi += np.exp(-kappa * distance) * np.tensordot(row, values, axes=1)
        return phi

    def on_grid(self, space: FunctionSpace, grid: Grid) -> Array:
        """(nx, ny, nz) phi, nm^-3/2."""
        return self.amplitude(distance_on(grid, self.place), space.on_grid(self.vectors, *grid.points))


@dataclass(frozen=True, slots=True, eq=False)
class PairDensity:
    """What is to be seen of a correlated pair."""

    places: Array  # (n, 3) nm, at which the partner is fixed
    conditionals: tuple[Conditional, ...]  # place by place, the hole and the electron
    distances: Distances

    def fields(self) -> dict[str, Conditional]:
        """By the name in a field file: ``pair_hole_0`` is the hole while the electron is at the first place."""
        return {f"pair_{each.carrier}_{i // 2}": each for i, each in enumerate(self.conditionals)}


def pair_density(resolved: Resolved, carriers: Carriers, solution: PairSolution) -> PairDensity | None:
    """The pair with its partner at the core's centre and half-way from there to a face; None without correlation.

    A place that one of the carriers hardly ever is at is left out.
    """
    ground = solution.correlated
    if ground is None:
        return None
    function, sample = ground.geminals.function(ground.states), ground.geminals.integrals.sample
    grid = unfolded(sample.waves)
    kept, found = [], []
    for place in places(resolved, carriers.space):
        both = [conditional(function, carriers.space, ground.pairs, name, place, grid) for name in CARRIERS[::-1]]
        if all(each is not None for each in both):
            kept.append(place)
            found += [each for each in both if each is not None]
    return PairDensity(np.reshape(kept, (-1, 3)), tuple(found), distances(function, ground.geminals.integrals))


def places(resolved: Resolved, space: FunctionSpace) -> Array:
    """(2, 3) nm: the core's centre, or that of all of a mesh, and half-way from there to the face along x."""
    geometry = resolved.geometry
    if isinstance(geometry, Structure):
        centre, width = np.asarray(geometry.centres[0], float), geometry.core.extent[0]
    else:
        box = box_around(resolved, space)
        centre, width = box.mean(axis=0), np.ptp(box[:, 0])
    return np.array([centre, centre + np.array([width / 4, 0.0, 0.0])])


def conditional(
    function: PairFunction,
    space: FunctionSpace,
    pairs: tuple[Eigenpairs, Eigenpairs],
    carrier: str,
    place: Array,
    grid: Grid,
) -> Conditional | None:
    """One carrier with its partner fixed; None where the partner is hardly ever at that place.

    Parameters
    ----------
    pairs
        Of electron and hole on `space`: the orbitals of `function` come first.
    carrier
        ``electron`` or ``hole``: the one that moves.
    grid
        Points all over the particle, on which phi is normalised.
    """
    electrons, holes = (int(numbers.max()) + 1 for numbers in function.products)
    matrices = np.zeros((len(function.coefficients), electrons, holes))
    matrices[:, function.products.electron, function.products.hole] = function.coefficients
    if carrier == "electron":
        matrices = matrices.transpose(0, 2, 1)
        pairs = pairs[::-1]
    fixed, moving = (each.vectors[:, :count] for each, count in zip(pairs, matrices.shape[1:]))
    at_place = space.on_grid(fixed, *(place[axis : axis + 1] for axis in range(3)))[:, 0, 0, 0]
    raw = Conditional(carrier, place, moving @ (at_place @ matrices).T, function.ranges, function.functions)
    phi = raw.on_grid(space, grid)
    norm = float(grid.integral(phi**2))  # the partner's density at the place, nm^-3
    volume = np.prod([row.sum() for row in grid.weights])
    if norm * volume < EMPTY:
        return None
    scale = np.sign(grid.integral(phi)) / np.sqrt(norm)
    return Conditional(carrier, place, scale * raw.vectors, raw.ranges, raw.functions)


def distance_on(grid: Grid, place: Array) -> Array:
    """(nx, ny, nz) from a place."""
    x, y, z = ((row - at) ** 2 for row, at in zip(grid.points, place))
    return np.sqrt(x[:, None, None] + y[:, None] + z)


def unfolded(waves: Waves) -> Grid:
    """The grid of the waves on both sides of its mirror planes."""
    rows = []
    for points, weights, half, middle in zip(
        waves.grid.points, waves.grid.weights, waves.halves, waves.extent.mean(axis=0)
    ):
        if half:
            points = np.concatenate([2 * middle - points[::-1], points])
            weights = np.concatenate([weights[::-1], weights]) / 2
        rows.append((points, weights))
    (x, wx), (y, wy), (z, wz) = rows
    return Grid((x, y, z), (wx, wy, wz))
