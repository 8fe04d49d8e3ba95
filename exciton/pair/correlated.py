"""The level `correlated`: the pair problem in a space that grows until energy and enhancement hold their tolerances."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exciton.carriers import Carriers
from exciton.carriers import ground as ground_of
from exciton.coulomb import attraction
from exciton.digits import rounded_up
from exciton.fields import box_around
from exciton.pair.contact import Probe
from exciton.pair.geminals import GROUND, Geminals, PairStates
from exciton.pair.integrals import Integrals, Products
from exciton.pair.orbitals import BARE, Sample, core_width, sample, samples
from exciton.pair.pair import Pair
from exciton.pair.relaxed import Fields, relaxing, without_edges
from exciton.resolve import Resolved
from exciton.units import COULOMB, HBAR2_2M0
from exciton.wider import wider
from solvers.eigen import Eigenpairs
from solvers.errors import NotAffordable, SolverError, TooCoarse
from solvers.parallel import agreed
from solvers.tensor import BoxSpace

Array = NDArray[np.float64]

SIZES = (1, 4, 10, 17, 26, 36, 48, 60, 72)  # orbitals of a carrier: the complete levels of a cube, about that elsewhere
FIRST = 3  # number of the first size that is tried
FAR = 3.0  # times the tolerance: a carrier that lacks more takes two steps at once
EXPONENTIALS = 6  # functions of the distance for the ground product, beside the constant
FLATTEST, STEEPEST = 0.4, 9.0  # their kappa, over the Bohr radius or half the core's width, whichever is smaller
SAFETY = 1.5  # of what the last enlargements changed
FEWER = 0.5  # of what one function of the distance changes, left to all others
FALL = 2  # least factor from one to the next: one size may well hold no new state of the ground pair's symmetry
MEMORY = 8e9  # bytes of transition densities, at most
RICHER = 0.75  # of a tolerance for want of functions of the distance: then one more comes with every product
SHARE = 0.3  # of a tolerance that the integrals may take
CUTS = tuple(10.0**k for k in range(-8, -2))  # shares of the norm below which directions are left out on meshes
REST = 0.1  # of what the next cut but one changes: what the first one may have cost
DOUBTFUL = 0.03  # of the attraction: what the cut may be worth, at most


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The correlated ground pair, and what it was made of."""

    geminals: Geminals
    pairs: tuple[Eigenpairs, Eigenpairs]  # of electron and hole, on the carriers' space; the geminals' are the first
    sizes: tuple[tuple[int, int], ...]  # orbitals of electron and hole in each of the last spaces
    states: PairStates
    bare_attraction: float  # eV, of the carriers' own ground states
    lacks: Array  # (2, 2) eV and enhancement: for want of electron's, of hole's orbitals
    rest: Array  # (2,) the same: for want of functions of the distance, and by waves
    error: Array  # (2,) the same: of space and integrals, all in all
    probe: Probe | None = None  # of contacts, where they are taken from all of the function
    doubt: float = 0.0  # eV: what functions are worth that the others all but make up

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
        reached. Or carrier states are too coarse: everything here takes them for eigenfunctions, and where a mesh
        resolves them very badly, no cut of the functions that the others all but make up gives an answer that does not
        depend on it (`_cut`), or the energy lies below what any pair can have.
    """
    accuracy = resolved.accuracy
    levels = np.array([float(carriers.electron.errors[0] + carriers.hole.errors[0]), 0.0])
    fields, sizes, richer = relaxing(resolved, carriers), np.array([FIRST, FIRST]), False
    reached = ""
    while True:
        try:
            ground = _in_space(resolved, carriers, fields, richer, (int(sizes[0]), int(sizes[1])))
        except NotAffordable as refusal:
            raise NotAffordable(f"{refusal}; {reached} would hold" if reached else str(refusal)) from None
        enhancement, energy = float(ground.states.enhancements[0]), float(ground.states.energies[0])
        told = enhancement, energy, ground.error, ground.lacks, ground.rest, ground.doubt
        enhancement, energy, error, lacks, rest, doubt = agreed(carriers.space, told)
        below = "below what any pair can have" if energy < lowest_possible(resolved) else ""
        if below or doubt > DOUBTFUL * abs(ground.bare_attraction):
            raise TooCoarse(
                f"the correlated pair came out at {1e3 * energy:.0f} meV, "
                f"{below or f'{1e3 * doubt:.2g} meV of which rest on functions that add nothing'}: the carriers' "
                "states are too coarse for it; ask for more accuracy, or a higher degree and smaller cells"
            )
        allowed = _allowed(resolved, enhancement)
        if accuracy.by_hand:
            allowed[0] = np.inf
        if np.all(error + levels <= allowed):
            break
        reached = " and ".join(
            f"accuracy.{name} = {rounded_up(what)}"
            for name, what in (("pair_meV", 1e3 * (error + levels)[0]), ("enhancement", error[1] / enhancement))
        )
        wants = np.max(lacks / allowed, axis=1)
        more = wants > wants.max() / 2
        lacking = richer or fields == BARE
        if (lacking and np.any(rest > allowed)) or np.any(sizes[more] == len(SIZES) - 1):
            break  # more orbitals would not help, or there are none
        richer = richer or (not lacking and bool(np.any(rest > RICHER * allowed)))
        sizes = np.minimum(sizes + more + (wants > FAR), len(SIZES) - 1)
    energy_error, contact_error = map(float, error)
    for name, asked, missed, got in (
        ("enhancement", accuracy.enhancement, contact_error > allowed[1], contact_error / enhancement),
        ("pair_meV", accuracy.pair_meV, energy_error > allowed[0], 1e3 * energy_error),
    ):
        if missed:
            missing = " (functions of the distance are what is missing)" if np.any(rest > allowed) else ""
            raise SolverError(
                f"accuracy.{name} = {asked:g} was asked for, {got:.2g} was reached with {ground.sizes[-1][0]} and "
                f"{ground.sizes[-1][1]} orbitals of electron and hole{missing}; {reached} would hold"
            )
    electron, hole = (float(states.energies[0]) for states in (carriers.electron, carriers.hole))
    terms = {"electron": electron, "hole": hole, "attraction": ground.bare_attraction}
    terms["correlation"] = float(ground.states.energies[0]) - sum(terms.values())
    return Pair("correlated", terms, energy_error + float(levels[0]), enhancement, contact_error), ground


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


def _in_space(resolved: Resolved, carriers: Carriers, fields: Fields, richer: bool, at: tuple[int, int]) -> Ground:
    """The ground pair in the space of so many orbitals, and what the enlargements up to it changed.

    With relaxed orbitals electron and hole meet at an interface, and contacts are taken from all of the function.
    """
    assert resolved.core.permittivity is not None
    permittivity = resolved.core.permittivity
    box = box_around(resolved, carriers.space)
    scale = min(bohr_radius(resolved), core_width(resolved, box) / 2)
    ranges = np.geomspace(FLATTEST, STEEPEST, EXPONENTIALS) / scale
    # one more than wanted tells whether the last level is complete
    pairs = wider(resolved, carriers, (SIZES[at[0]] + 1, SIZES[at[1]] + 1), fields)
    for orbitals in samples(resolved, carriers.space, pairs, fields):
        one = Geminals(Integrals(orbitals.first(1, 1)), permittivity, ranges)
        by_waves, by_exponentials = agreed(carriers.space, _off(one))
        fine = 1e3 * by_waves[0] <= SHARE * resolved.accuracy.pair_meV
        if fine and by_waves[1] <= SHARE * resolved.accuracy.enhancement:
            break
    electrons, holes = (
        [carrier.complete(n) for n in SIZES[i - 2 : i + 1]]
        for carrier, i in zip((orbitals.electron, orbitals.hole), at)
    )
    needed = _memory(orbitals, electrons[-1], holes[-1])
    if needed > MEMORY:
        raise NotAffordable(
            f"{electrons[-1]} and {holes[-1]} orbitals on {orbitals.waves.count} waves along each axis would "
            f"take {needed / 1e9:.0f} GB, allowed: {MEMORY / 1e9:.0f}; ask for less in accuracy.pair_meV or "
            "accuracy.enhancement"
        )
    geminals = Geminals(Integrals(orbitals.first(electrons[-1], holes[-1])), permittivity, ranges)
    if richer:
        geminals = replace(geminals, richer=True)
    doubts = np.zeros(2)
    if fields != BARE or not isinstance(carriers.space, BoxSpace):  # bare ones of boxes are resolved to many digits
        cut, doubts = agreed(carriers.space, _cut(geminals, resolved))
        geminals = geminals.without(cut)

    probe: Probe | None = None

    def solved(e: int, h: int, **how: Any) -> PairStates:
        states = geminals.states(sector(orbitals, parity_of_ground(orbitals), e, h), 1, ground=True, **how)
        return states if probe is None else probe.improved(states)

    found = solved(electrons[-1], holes[-1])
    if fields != BARE:
        probe = Probe.of(geminals, found, without_edges(resolved, carriers, orbitals))
        found = probe.improved(found)
    smaller = [solved(e, h) for e, h in zip(electrons[:-1], holes)]
    fewer_electrons = [solved(e, holes[-1]) for e in electrons[:-1]]
    fewer_holes = [solved(electrons[-1], h) for h in holes[:-1]]
    every = geminals.everywhere
    fewer_functions = [
        solved(electrons[-1], holes[-1], functions=tuple(u for u in every if u != left_out)) for left_out in every[1:-1]
    ]
    rest = np.add(by_waves, by_exponentials) * (1.0, found.enhancements[0])
    rest += FEWER * np.max([_changes([each, found])[0] for each in fewer_functions], axis=0)
    rest += doubts
    bare = orbitals
    if fields != BARE:
        alone = ground_of(carriers.electron), ground_of(carriers.hole)
        bare = sample(resolved, carriers.space, alone, orbitals.waves.count)
    lacks = np.array([_left([*fewer, found]) for fewer in (fewer_electrons, fewer_holes)])
    left = _left([*smaller, found])
    if fields != BARE:  # in some steps of both nearly nothing changes by accident
        left = np.maximum(left, lacks.sum(axis=0))
    return Ground(
        geminals,
        pairs,
        tuple(zip(electrons, holes)),
        found,
        attraction(bare, permittivity).energy,
        lacks,
        rest,
        left + rest,
        probe,
        float(doubts[0]),
    )


def _cut(geminals: Geminals, resolved: Resolved) -> tuple[float, Array]:
    """The share of the norm below which directions are left out, and what these are worth, eV and enhancement.

    What orbitals are wrong by is divided by the share of the norm that a direction has of its own: of those that have
    little more is wrong than they add. The energy falls in steps as more of them are let in, and then below all bounds
    where orbitals are coarse; between lies the result. The first cut is taken that is worth little itself, or the one
    that is worth least.
    """
    sample = geminals.integrals.sample
    every = sector(sample, parity_of_ground(sample), len(sample.electron), len(sample.hole))
    known: dict[float, PairStates] = {}

    def at(cut: float) -> PairStates:
        if cut not in known:
            known[cut] = geminals.without(cut).states(every, 1, ground=True)
        return known[cut]

    found = []
    for cut in CUTS:
        here = at(cut)
        next_one, next_but_one = _changes([here, at(10 * cut), at(100 * cut)])
        worth = np.maximum(next_one, REST * next_but_one)
        share = np.max(worth / _allowed(resolved, float(here.enhancements[0])))
        found.append((share, cut, worth))
        if share <= SHARE:
            break
    _, cut, worth = min(found, key=lambda each: each[0])
    return cut, worth


def _memory(orbitals: Sample, electrons: int, holes: int) -> float:
    """Bytes that the transition densities take, those weighted with masses included."""
    waves = 8.0 * np.prod([orbitals.waves.count * (1 if half else 2) for half in orbitals.waves.halves])
    sets = (
        (1 + sum(a.ndim > 0 for a in carrier.diffusion) + (carrier.field is not None)) * n * (n + 1) / 2
        for carrier, n in ((orbitals.electron, electrons), (orbitals.hole, holes))
    )
    return float(waves * sum(sets))


def _allowed(resolved: Resolved, enhancement: float) -> Array:
    """(2,) the errors that are allowed, eV and enhancement."""
    accuracy = resolved.accuracy
    return np.array([1e-3 * accuracy.pair_meV, accuracy.enhancement * enhancement])


def _changes(spaces: list[PairStates]) -> Array:
    """(spaces - 1, 2) by how much energy in eV and enhancement have moved."""
    return np.abs(np.diff([(float(s.energies[0]), float(s.enhancements[0])) for s in spaces], axis=0))


def _left(spaces: list[PairStates]) -> Array:
    """(2,) what three spaces say of the next ones, eV and enhancement: the last change, or a share of that before."""
    before, last = _changes(spaces)
    return np.asarray(SAFETY * np.maximum(last, before / FALL))


def _off(one: Geminals) -> tuple[tuple[float, float], tuple[float, float]]:
    """Errors of the energy in eV and of the enhancement, relative, by waves and by exponentials, for e_0 h_0.

    That by waves has what the grid misses of the charges (half of it is made up for: the pair is normalised there).
    """
    orbitals = one.integrals.sample
    fewer = replace(one, integrals=Integrals(orbitals.with_waves(3 * orbitals.waves.count // 4)))
    more = replace(one, ranges=np.concatenate([one.ranges, one.ranges[-1:] ** 2 / one.ranges[-2]]))
    energy, enhancement = _of_one(one)
    waves, exponentials = ((abs(e - energy), abs(k / enhancement - 1)) for e, k in map(_of_one, (fewer, more)))
    missed = sum(orbitals.defects) / 2
    off = abs(attraction(orbitals, one.permittivity).energy) * missed
    return (waves[0] + off, waves[1] + 2 * missed), exponentials


def _of_one(one: Geminals) -> tuple[float, float]:
    """Energy in eV and enhancement of e_0 h_0 times its best function of the distance."""
    states = one.states(GROUND, 1, ground=True)
    if one.integrals.sample.electron.field is not None or one.integrals.sample.hole.field is not None:
        states = Probe.of(one, states).improved(states)
    return float(states.energies[0]), float(states.enhancements[0])
