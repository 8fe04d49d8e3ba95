"""The level `correlated`: the pair problem in a space that grows until energy and enhancement hold their tolerances."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from exciton.carriers import Carriers, wider
from exciton.coulomb import attraction
from exciton.fields import box_around
from exciton.pair.geminals import Geminals, PairStates
from exciton.pair.integrals import Integrals, Products
from exciton.pair.orbitals import Sample, core_width, samples
from exciton.pair.pair import Pair
from exciton.resolve import Resolved
from exciton.units import COULOMB, HBAR2_2M0
from solvers.eigen import Eigenpairs
from solvers.errors import NotAffordable, SolverError

Array = NDArray[np.float64]

SIZES = (1, 4, 10, 17, 26, 48, 72)  # orbitals of each carrier: the complete levels of a cube, about that elsewhere
FIRST = 3  # number of the first size that is tried
EXPONENTIALS = 6  # functions of the distance for the ground product, beside the constant
FLATTEST, STEEPEST = 0.4, 9.0  # their kappa, over the Bohr radius or half the core's width, whichever is smaller
SAFETY = 1.5  # of what the last enlargements changed
MEMORY = 8e9  # bytes of transition densities, at most
SHARE = 0.3  # of a tolerance that the integrals may take


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The correlated ground pair, and what it was made of."""

    geminals: Geminals
    pairs: tuple[Eigenpairs, Eigenpairs]  # of electron and hole, on the carriers' space; the geminals' are the first
    sizes: tuple[tuple[int, int], ...]  # orbitals of electron and hole in each of the last spaces
    states: PairStates
    energy_error: float  # eV, of space and integrals
    enhancement_error: float

    @property
    def amplitudes(self) -> Array:
        """(electron's orbitals, hole's) <e_i h_j | Psi>: the pair without its short-range part."""
        return self.states.amplitudes(*self.sizes[-1])[0]


def correlated(resolved: Resolved, carriers: Carriers) -> tuple[Pair, Ground]:
    """The lowest pair state, to ``accuracy.pair_meV`` and ``accuracy.enhancement``.

    The attraction is that in the core's permittivity, everywhere.

    Raises
    ------
    SolverError
        The largest space misses a tolerance, or the next one would not fit into memory; the message says what was
        reached. Or the energy lies below what any pair can have: carrier states from a coarse mesh are no
        eigenfunctions, and everything here takes them for such.
    """
    accuracy = resolved.accuracy
    levels = float(carriers.electron.errors[0] + carriers.hole.errors[0])
    for size in range(FIRST, len(SIZES)):
        ground = _in_space(resolved, carriers, size)
        enhancement, energy = float(ground.states.enhancements[0]), float(ground.states.energies[0])
        if energy < lowest_possible(resolved):
            raise SolverError(
                f"the correlated pair came out at {1e3 * energy:.0f} meV, below what any pair can have: the carriers' "
                "states are too coarse for it; ask for more accuracy, or a higher degree and smaller cells"
            )
        energy_holds = 1e3 * (ground.energy_error + levels) <= accuracy.pair_meV
        if (energy_holds or accuracy.by_hand) and ground.enhancement_error <= accuracy.enhancement * enhancement:
            break
    else:
        if ground.enhancement_error > accuracy.enhancement * enhancement:
            raise SolverError(
                f"accuracy.enhancement = {accuracy.enhancement:g} was asked for, "
                f"{ground.enhancement_error / enhancement:.2g} was reached with {SIZES[-1]} orbitals of each carrier; "
                "ask for less"
            )
    electron, hole = (float(states.energies[0]) for states in (carriers.electron, carriers.hole))
    bare = attraction(ground.geminals.integrals.sample, ground.geminals.permittivity)
    terms = {"electron": electron, "hole": hole, "attraction": bare.energy}
    terms["correlation"] = float(ground.states.energies[0]) - sum(terms.values())
    return Pair("correlated", terms, ground.energy_error + levels, enhancement, ground.enhancement_error), ground


def sector(orbitals: Sample, parity: NDArray[np.int64], electrons: int, holes: int) -> Products:
    """All products of one total parity (3,) of the lowest orbitals, -1 where an axis has none."""
    e, h = orbitals.electron.parities[:electrons, None], orbitals.hole.parities[None, :holes]
    total = np.where(e < 0, -1, (e + h) % 2)
    return Products(*np.nonzero(np.all(total == parity, axis=2)))


def parity_of_ground(orbitals: Sample) -> NDArray[np.int64]:
    """(3,) total parity of e_0 h_0."""
    e, h = orbitals.electron.parities[0], orbitals.hole.parities[0]
    return np.where(e < 0, -1, (e + h) % 2)


def bohr_radius(resolved: Resolved) -> float:
    """Of the exciton in the bulk of the core, nm; of the mean inverse masses where they are anisotropic."""
    assert resolved.core.permittivity is not None
    inverse = sum(float(np.mean(1 / np.array(m))) for m in (resolved.core.electron_mass, resolved.core.hole_mass))
    return 2 * HBAR2_2M0 * inverse * resolved.core.permittivity / COULOMB


def lowest_possible(resolved: Resolved) -> float:
    """Bound from below, eV: both lowest band edges, and a free pair of the heaviest masses in the core's permittivity.

    The kinetic energy only falls as a mass grows, and without walls the lowest energy of a pair is -1 Rydberg.
    """
    there = [region for region in resolved.regions if region.there]
    edges = sum(min(getattr(region, f"{c}_barrier") for region in there) for c in ("electron", "hole"))
    heaviest = (max(max(getattr(region, f"{c}_mass")) for region in there) for c in ("electron", "hole"))
    assert resolved.core.permittivity is not None
    factor = COULOMB / resolved.core.permittivity
    return edges - factor**2 / (4 * HBAR2_2M0 * sum(1 / m for m in heaviest))


def _in_space(resolved: Resolved, carriers: Carriers, size: int) -> Ground:
    """The ground pair in the space of so many orbitals, and what the enlargements up to it changed."""
    assert resolved.core.permittivity is not None
    box = box_around(resolved, carriers.space)
    scale = min(bohr_radius(resolved), core_width(resolved, box) / 2)
    ranges = np.geomspace(FLATTEST, STEEPEST, EXPONENTIALS) / scale
    pairs = wider(resolved, carriers, SIZES[size] + 1)  # one more tells whether the last level is complete
    for orbitals in samples(resolved, carriers.space, pairs):
        one = Geminals(Integrals(orbitals.first(1, 1)), resolved.core.permittivity, ranges)
        by_waves, by_exponentials = _off(one)
        fine = 1e3 * by_waves[0] <= SHARE * resolved.accuracy.pair_meV
        if fine and by_waves[1] <= SHARE * resolved.accuracy.enhancement:
            break
    energy_off, contact_off = np.add(by_waves, by_exponentials)
    numbers = [(orbitals.electron.complete(n), orbitals.hole.complete(n)) for n in SIZES[size - 2 : size + 1]]
    needed = _memory(orbitals, *numbers[-1])
    if needed > MEMORY:
        raise NotAffordable(
            f"{numbers[-1][0]} and {numbers[-1][1]} orbitals on {orbitals.waves.count} waves along each axis would "
            f"take {needed / 1e9:.0f} GB, allowed: {MEMORY / 1e9:.0f}; ask for less in accuracy.pair_meV or "
            "accuracy.enhancement"
        )
    geminals = Geminals(Integrals(orbitals.first(*numbers[-1])), resolved.core.permittivity, ranges)
    energies, enhancements = [], []
    for electrons, holes in numbers:
        products = sector(orbitals, parity_of_ground(orbitals), electrons, holes)
        found = geminals.states(products, 1, ground=True)
        energies.append(float(found.energies[0]))
        enhancements.append(float(found.enhancements[0]))
    return Ground(
        geminals,
        pairs,
        tuple(numbers),
        found,
        _left(energies) + float(energy_off),
        _left(enhancements) + float(contact_off) * enhancements[-1],
    )


def _memory(orbitals: Sample, electrons: int, holes: int) -> float:
    """Bytes that the transition densities take, those weighted with masses included."""
    waves = 8.0 * np.prod([orbitals.waves.count * (1 if half else 2) for half in orbitals.waves.halves])
    sets = (
        (1 + sum(a.ndim > 0 for a in carrier.diffusion)) * n * (n + 1) / 2
        for carrier, n in ((orbitals.electron, electrons), (orbitals.hole, holes))
    )
    return float(waves * sum(sets))


def _left(values: list[float]) -> float:
    """What three enlargements say of the next ones: the last change, or half of that before."""
    before, last = np.abs(np.diff(values))
    return float(SAFETY * max(last, before / 2))


def _off(one: Geminals) -> tuple[tuple[float, float], tuple[float, float]]:
    """Errors of the energy in eV and of the enhancement, relative, by waves and by exponentials, for e_0 h_0."""
    orbitals = one.integrals.sample
    fewer = replace(one, integrals=Integrals(orbitals.with_waves(3 * orbitals.waves.count // 4)))
    more = replace(one, ranges=np.concatenate([one.ranges, one.ranges[-1:] ** 2 / one.ranges[-2]]))
    energy, contact = one.one_product
    waves, exponentials = (
        (abs(e - energy), abs((c / contact) ** 2 - 1)) for e, c in (fewer.one_product, more.one_product)
    )
    return waves, exponentials
