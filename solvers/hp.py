"""Accuracy on demand on nested boxes: hp refinement along each axis until every eigenvalue holds its tolerance.

Each step solves on a space and on a richer one, which contains it: a higher degree in every element, and one thin
element more on each side of every interface. The richer solution is the result; the drop of the energies, which are
upper bounds on both spaces, is the error of the poorer one, and bounds that of the richer. Where it is too large, the
richer solution also tells what to do: projected, element by element and axis by axis, onto the poorer space, it shows
which elements have lost how much of its energy. Those that have lost most become what they are in the richer space
(L. Demkowicz, Computing with hp-Adaptive Finite Elements, Chapman & Hall 2006, chapters 11 and 13: refinement driven by
a reference solution).
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from meshes.shapes import Structure

from .adapt import Problem, Solved
from .eigen import Eigenpairs
from .errors import NotAffordable
from .line import FACTOR, Line, graded
from .tensor import BoxSpace, nested

Array = NDArray[np.float64]

MORE = 3  # states of the poorer space beyond those asked for: on the richer one the order may be another
GAIN = 0.25  # what is left, at most, of the drop of the energy from a space to the richer one
MARGIN = 2.0  # on what a cut leaves where the functions near the edges are all that is left
REDUCTION = 0.03  # a step does not aim lower than this share of the error: its candidates cannot do more
STEPS = 30
LIMIT = 4_000_000  # unknowns: about 4 GB with the basis of the eigensolver


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
    start: list[Array | None] = [None] * len(problems)
    worst, least = np.inf, _least_gain(problems)
    before: tuple[list[Array], tuple[Eigenpairs, ...]] | None = None
    more: tuple[Eigenpairs, ...] | None = None
    for step in range(STEPS):
        space = _space(structure, lines)
        choices = [_richer(line, p) for line, p in zip(lines, planes)]
        richer = _alike(lines, [_line([*chain(*choice)]) for choice in choices])
        rich = _space(structure, richer)
        if rich.size > LIMIT:
            break
        if more is None:
            wider = [replace(p, count=min(p.count + MORE, space.size)) for p in problems]
            more = _solve(space, wider, residual, symmetry, start)
        fine = _solve(rich, problems, residual, symmetry, [_carried(space, e.vectors, rich) for e in more])
        coarse = tuple(_first(e, p.count) for e, p in zip(more, problems))
        drops = [c.values - f.values for c, f in zip(coarse, fine)]
        gain = GAIN if before is None else _gain(before, fine, least)
        errors = tuple(gain * np.abs(drop) for drop in drops)
        before = drops, fine
        worst = max(float(error.max()) for error in errors)
        if worst <= tolerance:
            return Solved(rich, fine, errors, space, coarse, step + 1)
        lines = _alike(lines, _refined(lines, choices, rich, problems, fine, 0.4 * tolerance / worst))
        more = fine if all(map(_same, lines, richer)) else None
        space = _space(structure, lines)
        start = [_carried(rich, e.vectors, space) for e in fine]
    raise NotAffordable(
        f"an accuracy of {tolerance:.1e} was asked for; {worst:.1e} was reached on {space.size} unknowns: "
        "ask for less, or for fewer states"
    )


def _least_gain(problems: Sequence[Problem]) -> float:
    """What a cut leaves of the error near an edge of a box, where psi varies as r^lambda: FACTOR^(2 lambda).

    lambda is (4/pi) atan sqrt((a1 + 3 a2)/(3 a1 + a2)) for functions even about the bisector, 2 - lambda for odd ones.
    """
    ratios = np.concatenate([(p.diffusion[1:] / p.diffusion[:-1]).ravel() for p in problems])
    exponents = 4 / np.pi * np.arctan(np.sqrt((1 + 3 * ratios) / (3 + ratios)))
    smallest = np.minimum(exponents, 2 - exponents).min(initial=1.0)
    left = FACTOR ** (2 * smallest)
    return float(MARGIN * left / (1 - left))


def _gain(before: tuple[list[Array], tuple[Eigenpairs, ...]], fine: Sequence[Eigenpairs], least: float) -> float:
    """What was left of the drop of the last step, known by now, with a factor of 3 for safety."""
    drops, rich = before
    left = [np.abs(old.values - new.values) / np.maximum(drop, 1e-300) for old, new, drop in zip(rich, fine, drops)]
    return float(np.clip(3 * max(ratio.max() for ratio in left), least, GAIN))


def interfaces(structure: Structure, axis: int) -> list[float]:
    """The planes at which boxes end along an axis, ascending; mirror images are exact."""
    ends = [
        (float(centre[axis] - shape.extent[axis] / 2), float(centre[axis] + shape.extent[axis] / 2))
        for shape, centre in zip(structure.boundaries, structure.centres)
    ]
    return sorted({end for pair in ends for end in pair})


def _space(structure: Structure, lines: Sequence[Line]) -> BoxSpace:
    return nested(structure, (lines[0], lines[1], lines[2]))


def _solve(
    space: BoxSpace, problems: Sequence[Problem], residual: float, symmetry: bool, start: Sequence[Array | None]
) -> tuple[Eigenpairs, ...]:
    return tuple(
        space.lowest(p.diffusion, p.potential, p.count, extra=p.extra, tolerance=residual, symmetry=symmetry, start=s)
        for p, s in zip(problems, start)
    )


def _first(pairs: Eigenpairs, count: int) -> Eigenpairs:
    return replace(
        pairs,
        values=pairs.values[:count],
        vectors=pairs.vectors[:, :count],
        residuals=pairs.residuals[:count],
        labels=pairs.labels[:count],
    )


def _carried(space: BoxSpace, vectors: Array, other: BoxSpace) -> Array:
    """The functions of one space at the nodes of another."""
    grids = [line.nodes[1:-1] for line in other.lines]
    return space.on_grid(vectors, *grids).reshape(vectors.shape[1], -1).T


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
        moments = _weighted(rich, axis, problems, fine)
        lacks += [(_lack(e, rich.lines[axis], moments), axis, i) for i, e in enumerate(_elements(line))]
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


def _weighted(rich: BoxSpace, axis: int, problems: Sequence[Problem], fine: Sequence[Eigenpairs]) -> list[Array]:
    """For each element along an axis, (states, n, n): a u u' integrated over the two other axes."""
    per_element = []
    boxes = [rich.moments(pairs.vectors, axis) for pairs in fine]
    for e in range(len(rich.lines[axis].degrees)):
        parts = []
        for problem, moments in zip(problems, boxes):
            outer = np.append(problem.diffusion[1:, axis], 0.0)
            steps = [
                (a - b if first <= e < last else 0.0)
                for a, b, (first, last) in zip(problem.diffusion[:, axis], outer, (box[axis] for box in rich.boxes))
            ]
            parts.append(np.tensordot(steps, moments, axes=1))
        per_element.append(np.concatenate(parts))
    return per_element


def _lack(element: Element, rich: Line, moments: list[Array]) -> float:
    """Kinetic energy along the axis that an element cannot hold of the richer solution: the most of any.

    In one dimension the best approximation in the energy interpolates at the ends of the elements, and is local.
    """
    first = int(np.searchsorted(rich.breaks, element.left))
    last = int(np.searchsorted(rich.breaks, element.right))
    local = Line(rich.breaks[first : last + 1], rich.degrees[first:last])
    nodes = local.nodes
    start = sum(rich.degrees[:first])
    held = _line([element])
    # the ends are interpolated; what vanishes there is projected in the energy
    ends = np.stack([nodes[-1] - nodes, nodes - nodes[0]], axis=1) / (nodes[-1] - nodes[0])
    inner = held.tabulate(nodes)
    stiffness = local.stiffness()
    linear = ends @ np.eye(len(nodes))[[0, -1]]
    projection = linear + inner @ np.linalg.solve(
        inner.T @ stiffness @ inner, inner.T @ stiffness @ (np.eye(len(nodes)) - linear)
    )
    missing = np.eye(len(nodes)) - projection
    form = missing.T @ stiffness @ missing
    rows = np.arange(start, start + len(nodes)) - 1
    kept = (rows >= 0) & (rows < rich.size)
    form = form[np.ix_(kept, kept)]
    rows = rows[kept]
    # a is constant over the element along the axis: its first rich element stands for all
    return float(np.max(np.einsum("ij,sij->s", form, moments[first][:, rows[:, None], rows])))
