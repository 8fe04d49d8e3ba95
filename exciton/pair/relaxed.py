"""The field in which a carrier's orbitals are taken where its partner would hardly meet the bare ones.

An electron that leaves for the shell by itself is drawn back by a hole in the core. Its bare states describe that
badly: many are needed. Eigenfunctions in the hole's field, ``(H_e + U) e_i = E_i e_i``, begin nearer to the pair. As U
is known in every point, `exciton.pair.geminals` takes it away again, and the energy stays an upper bound whatever U is.
"""

from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from exciton.carriers import Carriers, ground, operator
from exciton.pair.orbitals import Sample, sample
from exciton.resolve import Resolved
from exciton.units import COULOMB
from exciton.wider import WIDER
from solvers.grid import Grid
from solvers.sectors import lowest
from solvers.tensor import BoxSpace
from solvers.waves import Waves

Array = NDArray[np.float64]

APART = 0.4  # overlap squared of the bare carriers below which one of them is relaxed
STRENGTH = 2.0  # of the field, over that of the partner's bare density: the partner follows (docs/theory/correlated.md)
SMOOTH = 18  # states without band edges
WAVES = 28  # along an axis
ALIKE = 1e-3  # of the largest wave: what may differ under an exchange of axes


@dataclass(frozen=True, eq=False)
class Relaxing:
    """A potential as a sum of waves, the same function wherever it is asked for."""

    waves: Waves
    coefficients: Array  # (1, waves) eV

    def __call__(self, x: Array, y: Array, z: Array) -> Array:
        """(nx, ny, nz) eV at the products of three rows of coordinates, of any shape."""
        points = np.ravel(x), np.ravel(y), np.ravel(z)
        parity = tuple(0 if half else -1 for half in self.waves.halves)
        there = replace(self.waves, grid=Grid(points, points))
        return there.potential(self.coefficients, np.ones(1), (parity[0], parity[1], parity[2]))[0]


Fields = tuple[Relaxing | None, Relaxing | None]  # of electron and hole; None: the bare carrier


def relaxing(resolved: Resolved, carriers: Carriers) -> Fields:
    """The fields for both carriers' orbitals: none where bare carriers overlap, else one for the carrier that is wider.

    On nested boxes; on a mesh the orbitals are always bare.
    """
    assert resolved.core.permittivity is not None
    space, states = carriers.space, (carriers.electron, carriers.hole)
    overlap = space.gram(states[0].psi[:, :1], states[1].psi[:, :1]).sum()
    if overlap**2 >= APART or not isinstance(space, BoxSpace):
        return None, None
    orbitals = sample(resolved, space, (ground(states[0]), ground(states[1])), WAVES)
    electron = bool(states[0].participation[0] > states[1].participation[0])
    partner = orbitals.hole if electron else orbitals.electron
    even = orbitals.mirrors
    density = _symmetrised(orbitals.waves, orbitals.waves.transform(partner.values[:1] ** 2, even))
    factor = -STRENGTH * COULOMB / resolved.core.permittivity
    field = Relaxing(orbitals.waves, factor * density * orbitals.waves.coulomb(even))
    return (field, None) if electron else (None, field)


@dataclass(frozen=True, eq=False)
class Levelling:
    """The potential that takes away a carrier's band edges."""

    space: BoxSpace
    edges: Array  # (regions,) eV

    def __call__(self, x: Array, y: Array, z: Array) -> Array:
        """(nx, ny, nz) eV at the products of three rows of coordinates, of any shape."""
        region = self.space.region_on_grid(np.ravel(x), np.ravel(y), np.ravel(z))
        return np.where(region < 0, 0.0, -self.edges[region])


def without_edges(resolved: Resolved, carriers: Carriers, like: Sample) -> Sample:
    """Lowest states of carriers that feel no band edges, on another sample's grid: smooth wherever a pair may meet."""
    space, symmetry = carriers.space, resolved.solver.symmetry == "auto"
    assert isinstance(space, BoxSpace)
    by_name = {region.name: region for region in resolved.regions}
    here = [by_name[name] for name in space.regions]
    pairs, fields = [], []
    for carrier in ("electron", "hole"):
        level = operator([getattr(region, f"{carrier}_mass") for region in here], [0.0] * len(here), SMOOTH)
        problem = space.problem(level.diffusion, level.potential, tolerance=WIDER, symmetry=symmetry)
        pairs.append(lowest(problem, SMOOTH).pairs(SMOOTH))
        fields.append(Levelling(space, np.array([getattr(region, f"{carrier}_barrier") for region in here])))
    return sample(resolved, space, pairs, like.waves.count, fields)


def _symmetrised(waves: Waves, density: Array) -> Array:
    """The mean over all exchanges of axes that change nothing but the last digits of the eigensolver."""
    block = density.reshape([waves.count * (1 if half else 2) for half in waves.halves])
    images = [block.transpose(order) for order in permutations(range(3))]
    near = ALIKE * np.abs(block).max()
    same = [each for each in images if each.shape == block.shape and np.abs(each - block).max() <= near]
    return np.asarray(np.mean(same, axis=0)).reshape(1, -1)
