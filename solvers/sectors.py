"""Lowest eigenpairs on nested boxes, one parity at a time, merged in order; as many of each as the count takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .eigen import Eigenpairs
from .errors import NotConverged
from .parallel import Comm, from_first, size
from .pointwise import Pointwise
from .separable import ANY, Operator, Parities, Problem
from .tensor import BoxSpace

Array = NDArray[np.float64]
Start = tuple[BoxSpace, Array] | None  # a space and functions of it

LETTERS = {0: "e", 1: "o", ANY: "."}
GUARDS = 1  # guard vectors beyond the states asked for in each sector and the probe of what lies above
SHARED = 1_000_000  # unknowns beyond which ranks share a solution: below, two take as long as one (performance.md)
PROBE = 1e-2  # relative residual of the first state above those asked for: how sharply it is told


def lowest(
    space: BoxSpace,
    a: Array,
    v: Array,
    count: int,
    *,
    extra: Pointwise | None,
    tolerance: float,
    symmetry: bool,
    start: Start,
    backend: str,
    comm: Comm,
) -> Eigenpairs:
    """See `BoxSpace.lowest`; a has shape (regions, 3)."""
    if not 0 < count <= space.size:
        raise NotConverged(f"{count} states were asked of a space with {space.size} unknowns; raise the degree")
    shared = backend == "petsc" or (backend == "auto" and size(comm) > 1 and space.size > SHARED)
    problem = Problem.of(space, a, v, extra, tolerance, symmetry=symmetry, comm=comm, shared=shared)
    pairs = _merged(_enough(problem, count, start), count)
    if not shared:
        pairs = from_first(comm, pairs)  # ranks that differ in a digit would go different ways
    if pairs.residuals.max() > tolerance:
        raise NotConverged(
            f"{int(np.sum(pairs.residuals <= tolerance))} of {count} states reached the tolerance {tolerance:.0e} "
            f"(worst residual {pairs.residuals.max():.1e}) on {space.size} unknowns; loosen the tolerance",
            found=pairs,
        )
    return pairs


def improved(
    space: BoxSpace,
    a: Array,
    v: Array,
    pairs: Eigenpairs,
    poorer: BoxSpace,
    *,
    extra: Pointwise | None,
    tolerance: float,
    symmetry: bool,
    steps: int,
) -> Eigenpairs:
    """States of a poorer space, which `space` contains, after a few steps towards its own: see `BoxSpace.improved`."""
    problem = Problem.of(space, a, v, extra, tolerance, symmetry=symmetry)
    found: list[_Sector] = []
    for label in dict.fromkeys(pairs.labels):
        parities = _parities(label)
        mine = [i for i, other in enumerate(pairs.labels) if other == label]
        twin = next((s for s in found if len(s.values) == len(mine) and _are_twins(problem, s, parities)), None)
        if twin is not None:
            found.append(_exchanged(problem, twin, parities))
            continue
        operator = Operator(problem, parities)
        start = operator.carried(poorer, pairs.vectors[:, mine])
        ritz, method = operator.search(start, np.full(len(mine), tolerance), 1 + steps)
        states = operator.states(ritz, len(mine))
        found.append(_Sector(parities, *states, ritz.residuals, ritz.iterations, np.inf, method))
    return _merged(found, len(pairs.values))


@dataclass(frozen=True, slots=True, eq=False)
class _Sector:
    """The lowest states of one parity sector."""

    parities: Parities
    values: Array
    vectors: Array  # (size, n) in the nodal basis of the whole space
    residuals: Array
    iterations: int
    above: float  # a lower estimate of the next level; infinite where these are all that there are
    method: str

    @property
    def label(self) -> str:
        return "".join(LETTERS[p] for p in self.parities)


def _merged(sectors: Sequence["_Sector"], count: int) -> Eigenpairs:
    """The lowest of all sectors, in order."""
    values = np.concatenate([s.values for s in sectors])
    # twins have equal values: rounding keeps the order of their sectors
    pick = np.lexsort((np.arange(len(values)), np.round(values, 13)))[:count]
    columns = [(s, i) for s in sectors for i in range(len(s.values))]
    chosen = [columns[i] for i in pick]
    return Eigenpairs(
        values=values[pick],
        vectors=np.stack([s.vectors.T[i] for s, i in chosen]).T,
        residuals=np.array([s.residuals[i] for s, i in chosen]),
        iterations=max(s.iterations for s in sectors),
        method=f"tensor product, {sectors[0].method}",
        labels=tuple(s.label for s, _ in chosen),
    )


def _parities(label: str) -> Parities:
    x, y, z = (next(p for p, letter in LETTERS.items() if letter == here) for here in label)
    return x, y, z


def _enough(problem: Problem, count: int, start: Start) -> list[_Sector]:
    """As many states of each sector as it takes for its next level to lie at or above the merged `count`-th."""
    found: dict[Parities, _Sector] = {}

    def solve(parities: Parities, number: int) -> None:
        twin = next((s for s in found.values() if len(s.values) >= number and _are_twins(problem, s, parities)), None)
        found[parities] = _exchanged(problem, twin, parities) if twin else _solve(problem, parities, number, start)

    for parities, number in _expected(problem, count).items():
        if number > 0:
            solve(parities, number)
    while True:
        values = np.sort(np.concatenate([s.values for s in found.values()]))
        top = values[count - 1] - 1e-12 * abs(values[-1]) if len(values) >= count else np.inf
        more = next((p for p in problem.sectors if _next_level(problem, found, p) < top), None)
        if more is None:
            return list(found.values())
        solve(more, len(found[more].values) + 1 if more in found else 1)


def _next_level(problem: Problem, found: Mapping[Parities, _Sector], parities: Parities) -> float:
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


def _solve(problem: Problem, parities: Parities, count: int, start: Start) -> _Sector:
    """The lowest states of a sector, and a rough look at the next one."""
    operator = Operator(problem, parities)
    size = operator.separable.size
    count, probed = min(count, size), min(count + 1, size)
    tolerance = np.array([problem.tolerance] * count + [max(PROBE, problem.tolerance)] * (probed - count))
    ritz, method = operator.search(_start(operator, probed, start), tolerance)
    above = np.inf
    if probed > count:
        above = float(ritz.values[count] - ritz.residuals[count] * abs(ritz.values[count] - problem.floor))
    values, vectors = operator.states(ritz, count)
    if problem.shared:
        values = from_first(problem.comm, values)
    return _Sector(parities, values, vectors, ritz.residuals[:count], ritz.iterations, above, method)


def _start(operator: Operator, count: int, start: Start) -> Array:
    """The given functions' parts in this sector, then the lowest separable products, all with a touch of noise.

    The noise keeps every state reachable: none is orthogonal to the start by accident.
    """
    separable = operator.separable
    size = separable.size
    block = min(count + GUARDS, size)
    columns = []
    if start is not None:
        inside = operator.carried(*start).T
        share = np.linalg.norm(inside, axis=1)
        columns = list(inside[share > 0.5 * share.max(initial=1.0)][:block])
    first = np.argsort(separable, axis=None, kind="stable")[: block - len(columns)]
    vectors = np.zeros((size, block))
    vectors[first, np.arange(len(first))] = 1.0
    if columns:
        vectors[:, len(first) :] = np.array(columns).T
    rng = np.random.default_rng(20)
    noise = rng.standard_normal((size, block)) / (1.0 + (separable / separable.min()).reshape(-1, 1))
    vectors[:, : len(first)] += 0.05 * (noise / np.linalg.norm(noise, axis=0))[:, : len(first)]
    return vectors


def _are_twins(problem: Problem, sector: _Sector, parities: Parities) -> bool:
    """Whether an exchange of axes that are alike turns the sector into that of `parities`."""
    kinds = problem.kinds
    return sector.parities != parities and sorted(zip(kinds, sector.parities)) == sorted(zip(kinds, parities))


def _exchanged(problem: Problem, sector: _Sector, parities: Parities) -> _Sector:
    """The states of a twin sector, with the axes exchanged."""
    kinds, free, order = problem.kinds, list(range(3)), []
    for kind, parity in zip(kinds, parities):
        axis = next(i for i in free if sector.parities[i] == parity and kinds[i] == kind)
        free.remove(axis)
        order.append(1 + axis)
    blocks = sector.vectors.T.reshape(-1, *problem.space.shape).transpose(0, *order)
    vectors = np.ascontiguousarray(blocks).reshape(len(sector.values), -1).T
    return replace(sector, parities=parities, vectors=vectors)
