"""Lowest eigenpairs on nested boxes, one parity at a time, merged in order; as many of each as the count takes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from .eigen import Eigenpairs
from .errors import NotConverged
from .parallel import Comm, from_first, size
from .parity import Parities, folded, folded_size, label, unfolded
from .pointwise import Pointwise
from .separable import Operator, Problem
from .tensor import BoxSpace

Array = NDArray[np.float64]

GUARDS = 1  # guard vectors beyond the states asked for in each sector and the probe of what lies above
SHARED = 1_000_000  # unknowns beyond which ranks share a solution: below, two take as long as one (performance.md)
PATIENCE, WIDER = 50, 2  # iterations, and how often a search goes on with a block twice as wide: dense spectra want it
PROBE = 1e-2  # relative residual of the first state above those asked for: how sharply it is told
LOOK = 2  # steps in a richer space, at least
STEADY = 0.25  # share of what energies have fallen by there that the last step may have added
ROUNDING = 1e-12  # of an energy from the floor
NOISE = 0.05  # of the norm of what a search begins with


@dataclass(frozen=True, slots=True, eq=False)
class Sector:
    """The lowest states of one choice of parities."""

    parities: Parities
    values: Array  # (n,)
    states: Array  # (unknowns of the sector, n or more) folded nodal values; beyond n what may serve as a start
    residuals: Array  # (n,)
    iterations: int
    above: float  # a lower estimate of the next level; infinite where these are all that there are
    method: str


@dataclass(frozen=True, eq=False)
class Levels:
    """The lowest states on a space, by sector: an eighth of what they are in full."""

    space: BoxSpace
    sectors: Sequence[Sector]
    count: int

    @cached_property
    def chosen(self) -> list[tuple[Sector, int]]:
        """Sector and number there of each state, lowest first."""
        every = [(sector, i) for sector in self.sectors for i in range(len(sector.values))]
        # twins have equal values: rounding keeps the order of their sectors
        order = np.lexsort((np.arange(len(every)), np.round([sector.values[i] for sector, i in every], 13)))
        return [every[i] for i in order[: self.count]]

    @property
    def values(self) -> Array:
        """(count,) ascending."""
        return np.array([sector.values[i] for sector, i in self.chosen])

    def blocks(self) -> Iterator[tuple[Parities, Array]]:
        """For each sector that has any of them its parities and these states, folded: (states, nx, ny, nz)."""
        for sector in self.sectors:
            count = sum(other is sector for other, _ in self.chosen)
            if count:
                states = np.ascontiguousarray(sector.states[:, :count].T)
                yield sector.parities, states.reshape(count, *_shape(self.space, sector.parities))

    def folded(self, parities: Parities) -> Array:
        """(unknowns of the sector, any) its states, and what else may serve as a start."""
        none = np.empty((int(np.prod(_shape(self.space, parities))), 0))
        return next((sector.states for sector in self.sectors if sector.parities == parities), none)

    def pairs(self, count: int) -> Eigenpairs:
        """The lowest of these in full."""
        chosen = self.chosen[:count]
        vectors = np.empty((len(chosen), *self.space.shape))
        for k, (sector, i) in enumerate(chosen):
            block = sector.states[:, i].reshape(1, *_shape(self.space, sector.parities))
            vectors[k] = unfolded(block, sector.parities, self.space.shape)[0]
        return Eigenpairs(
            values=self.values[:count],
            vectors=vectors.reshape(len(chosen), -1).T,
            residuals=np.array([sector.residuals[i] for sector, i in chosen]),
            iterations=max(sector.iterations for sector in self.sectors),
            method=f"tensor product, {self.sectors[0].method}",
            labels=tuple(label(sector.parities) for sector, _ in chosen),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Functions:
    """Any functions on a space, (size, any), to begin with."""

    space: BoxSpace
    vectors: Array

    def folded(self, parities: Parities) -> Array:
        """(unknowns of the sector, any) their parts of these parities, without those that have little of them."""
        blocks = np.ascontiguousarray(self.vectors.T).reshape(-1, *self.space.shape)
        parts = folded(blocks, parities).reshape(len(blocks), -1).T
        share = np.linalg.norm(parts, axis=0) / np.linalg.norm(self.vectors, axis=0)
        return parts[:, share > 0.5]


Start = Sequence[Levels | Functions]  # where two know something of a sector, the later one what is beyond the first


def problem_on(
    space: BoxSpace,
    a: Array,
    v: Array,
    extra: Pointwise | None,
    *,
    tolerance: float,
    symmetry: bool,
    backend: str,
    comm: Comm,
) -> Problem:
    """The problem on a space, shared by the ranks if that is wanted and pays."""
    shared = backend == "petsc" or (backend == "auto" and size(comm) > 1 and space.size > SHARED)
    return Problem.of(space, a, v, extra, tolerance, symmetry=symmetry, comm=comm, shared=shared)


def lowest(problem: Problem, count: int, start: Start = (), sharp: int | None = None) -> Levels:
    """The lowest states of a problem: `sharp` of them (or all) to its tolerance, the others only roughly.

    Raises
    ------
    NotConverged
        One missed the tolerance; what was found is in ``found``.
    """
    space, tolerance = problem.space, problem.tolerance
    if not 0 < count <= space.size:
        raise NotConverged(f"{count} states were asked of a space with {space.size} unknowns; raise the degree")
    sharp = count if sharp is None else min(sharp, count)
    levels = Levels(space, _enough(problem, count, sharp, start), count)
    if not problem.shared:
        levels = replace(levels, sectors=from_first(problem.comm, levels.sectors))  # ranks may differ in a digit
    residuals = np.array([sector.residuals[i] for sector, i in levels.chosen[:sharp]])
    if residuals.max() > tolerance:
        raise NotConverged(
            f"{int(np.sum(residuals <= tolerance))} of {sharp} states reached the tolerance {tolerance:.0e} "
            f"(worst residual {residuals.max():.1e}) on {space.size} unknowns; loosen the tolerance",
            found=levels.pairs(sharp),
        )
    return levels


def improved(problem: Problem, levels: Levels) -> Levels:
    """States of a poorer space, which that of the problem contains, after some steps of Davidson's method here.

    Each step applies the operator once. The energies are upper bounds of the exact ones, not above those given: how far
    they fall tells what the poorer space lacks, at a small part of the cost of a solution here. The steps end when one
    has added little to that. Every rank does this alone, and gets what the first one has found.
    """
    alone = replace(problem, shared=False)
    found: list[Sector] = []
    residuals = {sector.parities: sector.residuals for sector in levels.sectors}
    for parities, known in levels.blocks():
        count = len(known)
        twin = next((s for s in found if len(s.values) == count and _are_twins(problem, s, parities)), None)
        if twin is not None:
            found.append(_exchanged(problem, twin, parities))
            continue
        operator = Operator(alone, parities)
        start = operator.carried(levels.space, known.reshape(count, -1).T)
        sharp = int(np.sum(residuals[parities][:count] <= problem.tolerance))
        ritz = operator.look(start, partial(_settled, problem.floor, sharp))
        states = operator.states(ritz, count)
        found.append(Sector(parities, *states, ritz.residuals, ritz.iterations, np.inf, "Davidson"))
    return Levels(problem.space, from_first(problem.comm, found), levels.count)


def _settled(floor: float, sharp: int, energies: Sequence[Array]) -> bool:
    """Whether the last of some steps has made the lowest energies fall by little of what all have."""
    if len(energies) <= LOOK:
        return False
    first, before, now = (energies[step][:sharp] for step in (0, -2, -1))
    return bool(np.all(before - now <= STEADY * (first - now) + ROUNDING * np.abs(now - floor)))


def _shape(space: BoxSpace, parities: Parities) -> tuple[int, ...]:
    return tuple(folded_size(n, p) for n, p in zip(space.shape, parities))


def _enough(problem: Problem, count: int, sharp: int, start: Start) -> list[Sector]:
    """As many states of each sector as it takes for its next level to lie at or above the merged `count`-th.

    As many of them are sharp as it takes for the next one to lie at or above the merged `sharp`-th.
    """
    found: dict[Parities, Sector] = {}
    told: dict[Parities, int] = {}  # how many are sharp

    def solve(parities: Parities, number: int, fine: int) -> None:
        alike = (s for s in found.values() if len(s.values) >= number and told[s.parities] >= fine)
        twin = next((s for s in alike if _are_twins(problem, s, parities)), None)
        if twin:
            found[parities], told[parities] = _exchanged(problem, twin, parities), told[twin.parities]
            return
        operator = Operator(problem, parities)
        begin = _carried(operator, start)
        if parities in found:
            begin = operator.carried(problem.space, found[parities].states)
        found[parities], told[parities] = _solve(operator, number, fine, begin), fine

    wanted = _expected(problem, sharp)
    for parities, number in _expected(problem, count).items():
        if number > 0:
            solve(parities, number, wanted[parities])
    while True:
        values = np.sort(np.concatenate([s.values for s in found.values()]))
        top, least = (values[n - 1] - 1e-12 * abs(values[-1]) if len(values) >= n else np.inf for n in (count, sharp))
        more = next((p for p in problem.sectors if _next_level(problem, found, p) < top), None)
        rough = next((p for p, s in found.items() if _next_sharp(problem, s, told[p]) < least), None)
        if more is not None:
            number = len(found[more].values) + 1 if more in found else 1
            solve(more, number, number if count == sharp else told.get(more, 0))
        elif rough is not None:
            solve(rough, len(found[rough].values), told[rough] + 1)
        else:
            return list(found.values())


def _next_sharp(problem: Problem, sector: Sector, told: int) -> float:
    """A lower estimate of the first state of those found in a sector that is not sharp."""
    if told >= len(sector.values):
        return np.inf
    value, residual = sector.values[told], sector.residuals[told]
    return float(value) if residual <= problem.tolerance else float(value - residual * abs(value - problem.floor))


def _next_level(problem: Problem, found: Mapping[Parities, Sector], parities: Parities) -> float:
    """A lower estimate of the level above those found in a sector.

    What is odd along an axis is, turned over on one side, even and in the space too: the k-th odd level is not below
    the k-th even one (R. Courant and D. Hilbert, Methods of Mathematical Physics, chapter VI).
    """
    here = found.get(parities)
    k = 0 if here is None else len(here.values)
    least = -np.inf if here is None else max(here.above, here.values[-1])
    for d, parity in enumerate(parities):
        if parity != 1 or not problem.axes[d].turns:
            continue
        x, y, z = (0 if axis == d else p for axis, p in enumerate(parities))
        parent = found.get((x, y, z))
        if parent is None:
            least = max(least, _next_level(problem, found, (x, y, z))) if k == 0 else least
        elif len(parent.values) >= k:
            least = max(least, parent.values[k] if len(parent.values) > k else parent.above)
    return float(least)


def _expected(problem: Problem, count: int) -> dict[Parities, int]:
    """How many of the lowest `count` states the separable operator puts in each sector."""
    sums = []
    for parities in problem.sectors:
        x, y, z = (axis.values[p][: count + 1] for axis, p in zip(problem.axes, parities))
        sums += [(value, parities) for value in np.sort((x[:, None, None] + y[:, None] + z).ravel())[:count]]
    lowest = [parities for _, parities in sorted(sums)[:count]]
    return {parities: lowest.count(parities) for parities in problem.sectors}


def _solve(operator: Operator, count: int, sharp: int, start: Array) -> Sector:
    """The lowest states of a sector, so many of them sharp, and a rough look at the others and the next one."""
    problem, size = operator.problem, operator.separable.size
    count, probed = min(count, size), min(count + 1, size)
    sharp = min(sharp, count)
    tolerance = np.array([problem.tolerance] * sharp + [max(PROBE, problem.tolerance)] * (probed - sharp))
    ritz, method = operator.search(_block(operator, probed + GUARDS, start), tolerance, PATIENCE)
    for _ in range(WIDER):
        if np.all(ritz.residuals[:probed] <= tolerance):
            break
        wider = _block(operator, 2 * ritz.vectors.shape[1], ritz.vectors)
        ritz, method = operator.search(wider, tolerance, PATIENCE)
    above = np.inf
    if probed > count:
        above = float(ritz.values[count] - ritz.residuals[count] * abs(ritz.values[count] - problem.floor))
    values, states = operator.states(ritz, count)
    if problem.shared:
        values = from_first(problem.comm, values)
    return Sector(operator.parities, values, states, ritz.residuals[:count], ritz.iterations, above, method)


def _carried(operator: Operator, start: Start) -> Array:
    """What there is to begin with in a sector."""
    columns = [np.empty((operator.separable.size, 0))]
    for known in start:
        states = known.folded(operator.parities)[:, sum(block.shape[1] for block in columns) :]
        columns.append(operator.carried(known.space, states))
    return np.hstack(columns)


def _block(operator: Operator, size: int, start: Array) -> Array:
    """What a search begins with: what is there; where that is not enough, the lowest separable products, with a touch
    of noise.

    The noise keeps every state reachable: none is orthogonal to the start by accident.
    """
    separable = operator.separable.ravel()
    block = min(size, separable.size)
    start = start[:, :block]
    new = block - start.shape[1]
    if new == 0:
        return start
    products = np.zeros((separable.size, new))
    products[np.argsort(separable, kind="stable")[:new], np.arange(new)] = 1.0
    noise = np.random.default_rng(20).standard_normal((separable.size, new))
    noise /= (1.0 + separable / separable.min())[:, None]
    noise *= NOISE / np.linalg.norm(noise, axis=0)
    return np.hstack([start, products + noise])


def _are_twins(problem: Problem, sector: Sector, parities: Parities) -> bool:
    """Whether an exchange of axes that are alike turns the sector into that of `parities`."""
    kinds = problem.kinds
    return sector.parities != parities and sorted(zip(kinds, sector.parities)) == sorted(zip(kinds, parities))


def _exchanged(problem: Problem, sector: Sector, parities: Parities) -> Sector:
    """The states of a twin sector, with the axes exchanged."""
    kinds, free, order = problem.kinds, list(range(3)), []
    for kind, parity in zip(kinds, parities):
        axis = next(i for i in free if sector.parities[i] == parity and kinds[i] == kind)
        free.remove(axis)
        order.append(1 + axis)
    blocks = sector.states.T.reshape(-1, *_shape(problem.space, sector.parities)).transpose(0, *order)
    states = np.ascontiguousarray(blocks).reshape(len(blocks), -1).T
    return replace(sector, parities=parities, states=states)
