"""Accuracy on demand on nested boxes: hp refinement along each axis until every eigenvalue holds its tolerance.

Each step solves on a space and looks at a richer one, which contains it: a higher degree in every element, and one
thin element more on each side of every interface. Two steps of the eigensolver there, from the states at hand, make
their energies fall by 0.8 to 1.0 of what the poorer space lacks: that share is the error estimate, and what the
states have gained, projected element by element and axis by axis onto the poorer space, shows which elements lack how
much. Those that lack most become what they are in the richer space (L. Demkowicz, Computing with hp-Adaptive Finite
Elements, Chapman & Hall 2006, chapters 11 and 13: refinement driven by a reference solution, which is not solved for
here).
"""

from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache, partial
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from meshes.shapes import Structure

from .adapt import Problem, Solved
from .eigen import Eigenpairs
from .errors import NotAffordable
from .line import FACTOR, Line, graded
from .parallel import Comm, from_first
from .tensor import BoxSpace, nested

Array = NDArray[np.float64]

MORE = 3  # states beyond those asked for at first: on the richer space the order may be another
RIVAL = 5.0  # times its error that a state may fall
TOLD = 0.6  # share of its error that a space learns from the richer one, at least; on random boxes 0.82 at least
LEAST = 0.1  # the same where the step before has learnt less
SMALL = 0.01  # share of the largest error that does not count
LOOK = 2  # steps of the eigensolver in the richer space
REDUCTION = 0.03  # a step does not aim lower than this share of the error: its candidates cannot do more
STEPS = 30
LIMIT = 4_000_000  # unknowns: about 4 GB with the basis of the eigensolver

Start = tuple[BoxSpace, Array] | None


class Memory:
    """Solutions of the point before: what is the same at this one, as the hole's are where only the electron's barrier
    is another, is not solved again. It saves work, and moves no number."""

    def __init__(self) -> None:
        self._before: dict[Hashable, Eigenpairs] = {}
        self._now: dict[Hashable, Eigenpairs] = {}

    def next(self) -> None:
        """Begin a point; what the one before it has not used is forgotten."""
        self._before, self._now = self._now, {}

    def recall(self, key: Hashable, solve: Callable[[], Eigenpairs]) -> Eigenpairs:
        """What is known by a key, or is now."""
        pairs = self._now.get(key) or self._before.get(key) or solve()
        self._now[key] = pairs
        return pairs


class Element(NamedTuple):
    """An element of a line by its ends and its degree."""

    left: float
    right: float
    degree: int


def adapt(
    structure: Structure,
    problems: Sequence[Problem],
    tolerance: float,
    *,
    symmetry: bool = True,
    degree: int = 3,
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
    NotAffordable
        The tolerance would take more unknowns or digits than there are; the message says what was reached.
    NotConverged
        An eigensolver failed.
    """
    planes = [interfaces(structure, axis) for axis in range(3)]
    lines = [graded(p, 0, degree) for p in planes]
    residual = float(np.clip(0.1 * np.sqrt(tolerance), 1e-7, 1e-4))  # enters the energy squared
    start: list[Start] = [None] * len(problems)
    memory = memory or Memory()
    memory.next()
    how = {"tolerance": residual, "symmetry": symmetry, "backend": backend, "comm": comm}
    solve = partial(_solve, memory=memory, how=how)
    worst, told = np.inf, TOLD
    before: tuple[list[Array], list[Array]] | None = None
    counts = [p.count + MORE for p in problems]
    for step in range(STEPS):
        space = _space(structure, lines)
        choices = [_richer(line, p) for line, p in zip(lines, planes)]
        rich = _space(structure, _alike(lines, [_line([*chain(*choice)]) for choice in choices]))
        if rich.size > LIMIT:
            break
        found = solve(space, problems, counts=counts, start=start)
        better = _improved(rich, problems, residual, symmetry, found, space, memory, comm)
        drops = [f.values - b.values for f, b in zip(found, better)]
        if before is not None:
            told = _told(before, [b.values for b in better])
        before = [f.values for f in found], drops
        counts = [_rivals(p.count, f.values, drop / told) for p, f, drop in zip(problems, found, drops)]
        kept, beside = (tuple(e.first(p.count) for e, p in zip(pairs, problems)) for pairs in (found, better))
        errors = tuple(np.maximum(drop[: p.count], 0.0) / told for drop, p in zip(drops, problems))
        worst = max(float(error.max()) for error in errors)
        start = [(rich, e.vectors) for e in better]
        if worst <= tolerance and not further:
            return Solved(space, kept, errors, rich, beside, step + 1, told)
        if worst <= tolerance:
            fine = tuple(e.first(p.count) for e, p in zip(solve(rich, problems, counts=counts, start=start), problems))
            return Solved(rich, fine, tuple((1 - told) * error for error in errors), space, kept, step + 1)
        lines = _alike(lines, _refined(lines, choices, rich, problems, beside, 0.4 * tolerance / worst))
        lines = from_first(comm, lines)
    raise NotAffordable(
        f"an accuracy of {tolerance:.1e} was asked for; {worst:.1e} was reached on {space.size} unknowns: "
        "ask for less, or for fewer states"
    )


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
    x, y, z = (next(other for other in lines if _same(other, line)) for line in lines)  # equal lines are one
    return nested(structure, (x, y, z))


def _solve(
    space: BoxSpace,
    problems: Sequence[Problem],
    *,
    counts: Sequence[int],
    start: Sequence[Start],
    memory: Memory,
    how: dict[str, Any],
) -> tuple[Eigenpairs, ...]:
    def solve(p: Problem, count: int, begin: Start) -> Eigenpairs:
        return space.lowest(
            p.diffusion, p.potential, max(min(count, space.size), p.count), extra=p.extra, start=begin, **how
        )

    key = (_key(space), how["tolerance"], how["symmetry"], how["backend"])
    return tuple(
        memory.recall((*_what(p), n, *key), partial(solve, p, n, begin)) for p, n, begin in zip(problems, counts, start)
    )


def _improved(
    rich: BoxSpace,
    problems: Sequence[Problem],
    residual: float,
    symmetry: bool,
    found: Sequence[Eigenpairs],
    space: BoxSpace,
    memory: Memory,
    comm: Comm,
) -> tuple[Eigenpairs, ...]:
    how: dict[str, Any] = {"tolerance": residual, "symmetry": symmetry, "steps": LOOK, "comm": comm}

    def improve(p: Problem, pairs: Eigenpairs) -> Eigenpairs:
        return rich.improved(p.diffusion, p.potential, pairs, space, extra=p.extra, **how)

    key = (_key(rich), _key(space), residual, symmetry)
    return tuple(
        memory.recall((*_what(p), len(pairs.values), *key), partial(improve, p, pairs))
        for p, pairs in zip(problems, found)
    )


def _key(space: BoxSpace) -> Hashable:
    return tuple((line.breaks.tobytes(), line.degrees) for line in space.lines), space.boxes


def _what(problem: Problem) -> tuple[Hashable, ...]:
    return problem.diffusion.tobytes(), problem.potential.tobytes(), id(problem.extra)


# -- lines from elements ---------------------------------------------------------------------------------------------


def _elements(line: Line) -> list[Element]:
    return [Element(float(a), float(b), p) for a, b, p in zip(line.breaks[:-1], line.breaks[1:], line.degrees)]


def _line(elements: Sequence[Element]) -> Line:
    return Line(np.array([elements[0].left, *(e.right for e in elements)]), tuple(e.degree for e in elements))


def _cut(element: Element, planes: Sequence[float], thin: int, rest: int) -> list[Element]:
    """The two parts of an element that touches an interface, of these degrees: a thin one there, and the rest."""
    left, right, _ = element
    width = FACTOR * (right - left)
    if left in planes[1:-1]:
        return [Element(left, left + width, thin), Element(left + width, right, rest)]
    return [Element(left, right - width, rest), Element(right - width, right, thin)]


def _richer(line: Line, planes: Sequence[float]) -> list[list[Element]]:
    """What each element of a line becomes in the richer one: cut, if it touches an interface, or of a higher degree.

    Two degrees more in the largest element between two planes, if it touches none: a function that is even or odd about
    its middle, as half a sine in half of a bare cube, gains nothing from one, and would pass for exact.
    """
    result = []
    elements = _elements(line)
    owner = np.searchsorted(planes, (line.breaks[1:] + line.breaks[:-1]) / 2)
    for element, plane in zip(elements, owner):
        p = element.degree
        largest = max(e.right - e.left for e, other in zip(elements, owner) if other == plane)
        if element.left in planes[1:-1] or element.right in planes[1:-1]:
            result.append(_cut(element, planes, p, p + 1))
        else:
            more = 2 if element.right - element.left > 0.9 * largest else 1
            result.append([element._replace(degree=p + more)])
    return result


def _same(one: Line, other: Line) -> bool:
    return one.degrees == other.degrees and np.array_equal(one.breaks, other.breaks)


def _union(lines: Sequence[Line]) -> Line:
    """The coarsest line that contains each of these."""
    breaks = np.unique(np.concatenate([line.breaks for line in lines]))
    middles = (breaks[1:] + breaks[:-1]) / 2
    return Line(
        breaks, tuple(max(line.degrees[int(np.searchsorted(line.breaks, x)) - 1] for line in lines) for x in middles)
    )


def _alike(old: Sequence[Line], new: Sequence[Line]) -> list[Line]:
    """Keep axes equal that were equal, and symmetric ones symmetric, whatever a degenerate level cut in two says."""
    result = []
    for line in old:
        alike = [n for o, n in zip(old, new) if _same(o, line)]
        if line.degrees == line.degrees[::-1] and np.array_equal(line.breaks, -line.breaks[::-1]):
            alike += [Line(-n.breaks[::-1], n.degrees[::-1]) for n in alike]
        result.append(_union(alike))
    return result


# -- what to refine --------------------------------------------------------------------------------------------------


def _refined(
    lines: Sequence[Line],
    choices: Sequence[Sequence[list[Element]]],
    rich: BoxSpace,
    problems: Sequence[Problem],
    fine: Sequence[Eigenpairs],
    reduction: float,
) -> list[Line]:
    """Refine the elements that lack most until what is left is `reduction` of what they lack together."""
    lacks: list[tuple[float, int, int]] = []  # lack, axis, element
    for axis, line in enumerate(lines):
        lacks += [(lack, axis, e) for e, lack in enumerate(_lacks(line, rich, axis, problems, fine))]
    lacks.sort(key=lambda lack: -lack[0])
    remaining = total = sum(lack for lack, _, _ in lacks)
    chosen = set()
    for lack, axis, e in lacks:
        if remaining <= max(reduction, REDUCTION) * total:
            break
        chosen.add((axis, e))
        remaining -= lack
    return [
        _line([part for e, old in enumerate(_elements(line)) for part in (new[e] if (axis, e) in chosen else [old])])
        for axis, (line, new) in enumerate(zip(lines, choices))
    ]


def _lacks(
    line: Line, rich: BoxSpace, axis: int, problems: Sequence[Problem], fine: Sequence[Eigenpairs]
) -> list[float]:
    """Kinetic energy along an axis that each element cannot hold of the richer solutions: the most of any state.

    In one dimension the best approximation in the energy interpolates at the ends of the elements, and is local; across
    the axis the integral is a sum over nodes, which is exact enough to choose by.
    """
    fuller = rich.lines[axis]
    blocks = [_across(rich, axis, pairs.vectors) for pairs in fine]
    lacks = []
    for element in _elements(line):
        first, last = np.searchsorted(fuller.breaks, [element.left, element.right])
        form, scale = _form(element, fuller, int(first), int(last))
        rows = np.arange(len(form)) + sum(fuller.degrees[:first]) - 1
        kept = (rows >= 0) & (rows < fuller.size)
        form, rows = form[np.ix_(kept, kept)], rows[kept]
        worst = 0.0
        for problem, block in zip(problems, blocks):
            # a is constant over the element along the axis: its first rich element stands for all
            weights = _weights(rich, axis, int(first), problem.diffusion[:, axis])
            here = block[rows]
            energies = np.einsum("isp,isp,p->s", np.tensordot(form, here, axes=1), here, weights)
            worst = max(worst, float(energies.max()))
        lacks.append(scale * worst)
    return lacks


def _across(space: BoxSpace, axis: int, vectors: Array) -> Array:
    """(unknowns along the axis, functions, unknowns across it)."""
    blocks = vectors.T.reshape(-1, *space.shape)
    return np.ascontiguousarray(np.moveaxis(blocks, axis + 1, 0)).reshape(space.shape[axis], vectors.shape[1], -1)


def _weights(space: BoxSpace, axis: int, element: int, a: Array) -> Array:
    """(unknowns across the axis,): a times the weight of each node beside an element of the axis."""
    one, other = (d for d in range(3) if d != axis)
    total = np.zeros((space.shape[one], space.shape[other]))
    for r, (box, step) in enumerate(zip(space.boxes, a - np.append(a[1:], 0.0))):
        first, last = box[axis]
        if first <= element < last:
            total += step * np.outer(*(space.factors[d][r][1].sum(axis=1) for d in (one, other)))
    return total.ravel()


def _form(element: Element, fuller: Line, first: int, last: int) -> tuple[Array, float]:
    """The matrix of what an element lacks of functions on some elements of a fuller line, and its unit."""
    width = element.right - element.left
    shares = (fuller.breaks[first : last + 1] - element.left) / width
    return _missing(element.degree, tuple(np.round(shares, 12)), tuple(fuller.degrees[first:last])), 1 / width


@lru_cache(maxsize=1024)
def _missing(degree: int, breaks: tuple[float, ...], degrees: tuple[int, ...]) -> Array:
    """The same for an element from 0 to 1."""
    local = Line(np.array(breaks), degrees)
    nodes = local.nodes
    # the ends are interpolated; what vanishes there is projected in the energy
    ends = np.stack([1 - nodes, nodes], axis=1)
    inner = Line(np.array([0.0, 1.0]), (degree,)).tabulate(nodes)
    stiffness = local.stiffness()
    linear = ends @ np.eye(len(nodes))[[0, -1]]
    projection = linear + inner @ np.linalg.solve(
        inner.T @ stiffness @ inner, inner.T @ stiffness @ (np.eye(len(nodes)) - linear)
    )
    missing = np.eye(len(nodes)) - projection
    form: Array = missing.T @ stiffness @ missing
    return form
