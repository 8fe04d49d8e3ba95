"""Radiative lifetimes: the pair states that temperature reaches, the light they give, and how sure that is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exciton.carriers import Carriers
from exciton.emission import REACH, Light, continued, mean_overlap
from exciton.pair.levels import PairSolution
from exciton.pair.manifold import Manifold, manifold
from exciton.pair.orbitals import LEVEL
from exciton.pair.relaxed import relaxing
from exciton.resolve import Resolved
from exciton.units import KB
from exciton.wider import roughly, wider

Array = NDArray[np.float64]

UNCORRELATED = 48  # carrier states of a mean-field average, and from which levels are continued
FEWER = 2 / 3  # of them: what the continuation from these changes is part of the error


def radiative(
    resolved: Resolved, carriers: Carriers, solution: PairSolution, light: Light, temperature: float
) -> tuple[dict[str, Any], Manifold | None]:
    """The entry's keys that belong to the lifetime of a pair at the job's level, and the pair states behind them.

    Correlated: the Boltzmann average over pair states, each with its own enhancement; the error adds what the last
    enlargement of the space changed in the average, what levels continued from fewer change, and the relative error of
    the ground pair's enhancement. Without correlation: the average over uncorrelated pairs, whose overlap is all they
    have; a lifetime of mean-field theory.
    """
    if solution.correlated is None:
        return {"mean_field_lifetime_ns": _mean_field(resolved, carriers, solution, light, temperature)}, None
    ground, gap = solution.correlated, resolved.gap
    orbitals = ground.geminals.integrals.sample
    depths = [0.0 if each.field is None else float(each.field.min()) for each in (orbitals.electron, orbitals.hole)]
    known = [each.values for each in solution.states]
    if any(each[-1] < each[0] + REACH * KB * temperature for each in known):
        more = roughly(resolved, carriers, (UNCORRELATED, UNCORRELATED), relaxing(resolved, carriers))
        known = [np.concatenate([each, np.maximum(rough[len(each) :], each[-1])]) for each, rough in zip(known, more)]
    levels = _levels(resolved, known, temperature, depths)
    mismatch = None if solution.polarisation is None else solution.polarisation.energies
    fewer, states = (
        manifold(ground, levels, *size, mismatch=mismatch if size == ground.sizes[-1] else None)
        for size in ground.sizes[-2:]
    )
    plain = states if mismatch is None else manifold(ground, levels, *ground.sizes[-1])
    changed = abs(fewer.mean_enhancement(temperature) / plain.mean_enhancement(temperature) - 1)
    other = states.with_levels(_levels(resolved, known, temperature, depths, FEWER))
    changed += abs(other.mean_enhancement(temperature) / states.mean_enhancement(temperature) - 1)
    uncertain = changed + solution.pair.enhancement_error / solution.pair.enhancement
    lifetime = 1 / light.rate(1.0, states.mean_strength(gap, temperature))
    return {
        "radiative_lifetime_ns": lifetime,
        "radiative_lifetime_error_ns": uncertain * lifetime,
        "radiative_lifetime_0K_ns": light.lifetime(gap + solution.pair.energy, solution.pair.enhancement),
        "mean_enhancement": states.mean_enhancement(temperature),
        "pairs_not_solved_for": states.share_beyond(temperature),
    }, states


def _mean_field(
    resolved: Resolved, carriers: Carriers, solution: PairSolution, light: Light, temperature: float
) -> float:
    pairs = wider(resolved, carriers, (UNCORRELATED, UNCORRELATED))
    levels = (pairs[0].values, pairs[1].values)
    overlaps = carriers.space.gram(pairs[0].vectors, pairs[1].vectors).sum(axis=0)
    mean = mean_overlap(levels, _levels(resolved, levels, temperature), overlaps, temperature)
    return light.lifetime(resolved.gap + solution.pair.energy, mean)


def _levels(
    resolved: Resolved, levels: Any, temperature: float, depths: Sequence[float] = (0.0, 0.0), share: float = 1.0
) -> tuple[Array, Array]:
    """As many levels of electron and hole as temperature can reach, eV, continued from a share of those that are there.

    `depths` are those of the orbitals' fields.
    """
    here = [region for region in resolved.regions if region.there]
    floors = [min(getattr(region, f"{carrier}_barrier") for region in here) for carrier in ("electron", "hole")]
    electron, hole = (
        continued(_whole(each, share), floor + depth, temperature) for each, floor, depth in zip(levels, floors, depths)
    )
    return electron, hole


def _whole(levels: Array, share: float) -> Array:
    """The lowest of them, (n,) eV, about that share, that cut no degenerate level; four at least."""
    count = int(share * len(levels))
    ends = np.flatnonzero(np.diff(levels[: count + 1]) > LEVEL * (levels[-1] - levels[0])) + 1
    return levels[: max(ends[-1] if len(ends) else count, 4)]
