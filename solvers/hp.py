"""Accuracy on demand on nested boxes: hp refinement along each axis until every eigenvalue holds its tolerance.

Each step solves on a space and looks at a richer one, which contains it: a higher degree in every element, and one
thin element more on each side of every interface. Two steps of the eigensolver there, or more until one adds little,
from the states at hand, make their energies fall by most of what the poorer space lacks: that tells the error, and what
the states have gained, projected element by element and axis by axis onto the poorer space, shows which elements lack
how much. Those that lack most become what they are in the richer space (L. Demkowicz, Computing with hp-Adaptive Finite
Elements, Chapman & Hall 2006, chapters 11 and 13: refinement driven by a reference solution, which is not solved for
here).
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from meshes.shapes import Structure

from . import separable
from .adapt import Problem, Solved
from .eigen import Eigenpairs
from .enriched import Element, alike, elements, line_of, richer, same
from .errors import OutOfReach
from .lacks import lacks
from .line import Line, graded
from .parallel import Comm, from_first
from .sectors import Levels, improved, lowest
from .tensor import BoxSpace, nested

Array = NDArray[np.float64]

MORE = 3  # states beyond those asked for at first: on the richer space the order may be another
RIVAL = 5.0  # times its error that a state may fall
TOLD = 0.6  # share of its error that a space learns from the richer one, at least; on random boxes 0.82 at least
LEAST = 0.1  # the same where the step before has learnt less
SMALL = 0.01  # share of the largest error that does not count
REDUCTION = 0.01  # a step does not aim lower than this share of the error: its candidates cannot do more
STEPS = 30
LIMIT = 4_000_000  # unknowns: about 4 GB with the basis of the eigensolver


class Memory:
    """Solutions of the point before: what is the same at this one, as the hole's are where only the electron's barrier
    is another, is not solved again. It saves work, and moves no number."""

    def __init__(self) -> None:
        self._before: dict[Hashable, Levels] = {}
        self._now: dict[Hashable, Levels] = {}

    def next(self) -> None:
        """Begin a point; what the one before it has not used is forgotten."""
        self._before, self._now = self._now, {}

    def recall(self, key: Hashable, solve: Callable[[], Levels]) -> Levels:
        """What is known by a key, or is now."""
        levels = self._now.get(key) or self._before.get(key) or solve()
        self._now[key] = levels
        return levels


def adapt(
    structure: Structure,
    problems: Sequence[Problem],
    tolerance: float,
    *,
    symmetry: bool = True,
    degree: int = 4,
    further: bool = False,
    memory: Memory | None = None,
    backend: str = "auto",
    comm: Comm = None,
) -> Solved:
    """Refine until the estimated error of every eigenvalue of every problem is below `tolerance`.

    Parameters
    ----------
    structure
        Nested cuboids.
    tolerance
        Of the eigenvalues, absolute, in their unit.
    degree
        Of the first space.
    further
        Solve on the last richer space too, which holds many more states well, for those who expand in them.
    memory
        Of a similar structure.
    backend, comm
        As in `BoxSpace.lowest`; all ranks get the same.

    Raises
    ------
    OutOfReach
        The tolerance would take more unknowns or digits than there are; the message says what was reached.
    NotConverged
        An eigensolver failed.
    """
    planes = [interfaces(structure, axis) for axis in range(3)]
    lines = [graded(p, 0, degree) for p in planes]
    memory = memory or Memory()
    memory.next()
    residual = float(np.clip(0.1 * np.sqrt(tolerance), 1e-7, 1e-4))  # enters the energy squared
    way = _Way(residual, symmetry, backend, comm, memory)
    starts: list[list[Levels]] = [[] for _ in problems]
    worst, told = np.inf, TOLD
    before: tuple[list[Array], list[Array]] | None = None
    counts = [p.count + MORE for p in problems]
    for step in range(STEPS):
        space = _space(structure, lines)
        choices = [richer(line, p) for line, p in zip(lines, planes)]
        rich = _space(structure, alike(lines, [line_of([*chain(*choice)]) for choice in choices]))
        if rich.size > LIMIT:
            break
        # at first, what may turn out to be a rival is told roughly: it can lie in a dense spectrum above a barrier
        sharp = [n if step else p.count for p, n in zip(problems, counts)]
        found = [way.lowest(space, p, n, start, s) for p, n, start, s in zip(problems, counts, starts, sharp)]
        better = [way.improved(rich, p, levels) for p, levels in zip(problems, found)]
        drops = [f.values - b.values for f, b in zip(found, better)]
        if before is not None:
            told = _told(before, [b.values for b in better])
        before = [f.values for f in found], drops
        counts = [_rivals(p.count, f.values, drop / told) for p, f, drop in zip(problems, found, drops)]
        # a richer space raises no energy: where one has risen digits are lost, and what they are worth is an error too
        errors = tuple(np.abs(drop[: p.count]) / told for drop, p in zip(drops, problems))
        worst = max(float(error.max()) for error in errors)
        if max(float(-drop[: p.count].min()) for drop, p in zip(drops, problems)) > tolerance:
            raise OutOfReach(tolerance, worst, space.size)
        starts = [[b, f] for b, f in zip(better, found)]  # the latter for what lies above
        if worst <= tolerance:
            kept, beside = (partial(_pairs, problems, levels) for levels in (found, better))
            if not further:
                return Solved(space, kept(), errors, rich, beside, step + 1, told)
            last = [way.lowest(rich, p, n, start, n) for p, n, start in zip(problems, counts, starts)]
            left = tuple((1 - told) * error for error in errors)
            return Solved(rich, _pairs(problems, last), left, space, kept, step + 1)
        followed = [replace(levels, count=n) for levels, n in zip(better, counts)]
        lines = alike(lines, _refined(lines, choices, rich, problems, followed, 0.4 * tolerance / worst))
        lines = from_first(comm, lines)
    raise OutOfReach(tolerance, worst, space.size)


@dataclass(frozen=True, slots=True)
class _Way:
    """How levels are found, or recalled."""

    tolerance: float  # of residuals
    symmetry: bool
    backend: str
    comm: Comm
    memory: Memory

    def lowest(self, space: BoxSpace, p: Problem, count: int, start: Sequence[Levels], sharp: int) -> Levels:
        number = max(min(count, space.size), p.count)
        key = (*_what(p), number, sharp, self.tolerance, self.symmetry, self.backend, _key(space))
        return self.memory.recall(key, lambda: lowest(self._problem(space, p), number, start, sharp))

    def improved(self, rich: BoxSpace, p: Problem, levels: Levels) -> Levels:
        key = (*_what(p), levels.count, self.tolerance, self.symmetry, _key(rich), _key(levels.space))
        return self.memory.recall(key, lambda: improved(self._problem(rich, p), levels))

    def _problem(self, space: BoxSpace, p: Problem) -> "separable.Problem":
        how = {"tolerance": self.tolerance, "symmetry": self.symmetry, "backend": self.backend, "comm": self.comm}
        return space.problem(p.diffusion, p.potential, extra=p.extra, **how)


def _pairs(problems: Sequence[Problem], levels: Sequence[Levels]) -> tuple[Eigenpairs, ...]:
    """The states that are wanted, in full."""
    return tuple(each.pairs(problem.count) for each, problem in zip(levels, problems))


def _rivals(count: int, values: Array, errors: Array) -> int:
    """How many states must be followed: all that may yet come to lie below the last one that is wanted."""
    may = values - RIVAL * np.maximum(errors, 0.0) <= values[min(count, len(values)) - 1]
    return int(np.flatnonzero(may)[-1]) + 1


def _told(before: tuple[list[Array], list[Array]], now: Sequence[Array]) -> float:
    """Which share of its error a space has learnt: its drops over what its energies have fallen since, at least."""
    shares = []
    for old, drop, new in zip(*before, now):
        fallen = old[: len(new)] - new[: len(old)]
        counts = fallen > SMALL * fallen.max()
        shares += list(drop[: len(new)][counts] / fallen[counts])
    return float(np.clip(min(shares, default=TOLD), LEAST, TOLD))


def interfaces(structure: Structure, axis: int) -> list[float]:
    """The planes at which boxes end along an axis, ascending; mirror images are exact."""
    ends = [
        (float(centre[axis] - shape.extent[axis] / 2), float(centre[axis] + shape.extent[axis] / 2))
        for shape, centre in zip(structure.boundaries, structure.centres)
    ]
    return sorted({end for pair in ends for end in pair})


def _space(structure: Structure, lines: Sequence[Line]) -> BoxSpace:
    x, y, z = (next(other for other in lines if same(other, line)) for line in lines)  # equal lines are one
    return nested(structure, (x, y, z))


def _key(space: BoxSpace) -> Hashable:
    return tuple((line.breaks.tobytes(), line.degrees) for line in space.lines), space.boxes


def _what(problem: Problem) -> tuple[Hashable, ...]:
    return problem.diffusion.tobytes(), problem.potential.tobytes(), id(problem.extra)


def _kind(space: BoxSpace, axis: int, problems: Sequence[Problem]) -> Hashable:
    """What axes have in common that can change places in every problem."""
    line = space.lines[axis]
    spans = tuple(box[axis] for box in space.boxes)
    alone = axis if any(p.extra is not None for p in problems) else None
    return line.breaks.tobytes(), line.degrees, spans, alone, *(p.diffusion[:, axis].tobytes() for p in problems)


def _refined(
    lines: Sequence[Line],
    choices: Sequence[Sequence[list[Element]]],
    rich: BoxSpace,
    problems: Sequence[Problem],
    better: Sequence[Levels],
    reduction: float,
) -> list[Line]:
    """Refine the elements that lack most until what is left is `reduction` of what they lack together."""
    each: list[tuple[float, int, int]] = []  # lack, axis, element
    known: dict[int, list[float]] = {}
    kinds = [_kind(rich, axis, problems) for axis in range(3)]
    for axis, line in enumerate(lines):
        first = kinds.index(kinds[axis])  # where two axes are alike, so are their lacks
        known[axis] = known[first] if first < axis else lacks(line, rich, axis, problems, better)
        each += [(lack, axis, e) for e, lack in enumerate(known[axis])]
    each.sort(key=lambda lack: -lack[0])
    remaining = total = sum(lack for lack, _, _ in each)
    chosen = set()
    for lack, axis, e in each:
        if remaining <= max(reduction, REDUCTION) * total:
            break
        chosen.add((axis, e))
        remaining -= lack
    return [
        line_of([part for e, old in enumerate(elements(line)) for part in (new[e] if (axis, e) in chosen else [old])])
        for axis, (line, new) in enumerate(zip(lines, choices))
    ]
