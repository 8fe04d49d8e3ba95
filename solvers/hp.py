"""Accuracy on demand on nested boxes: hp refinement along each axis until every eigenvalue holds its tolerance.

Each step solves on a space and on a richer one: a higher degree in every element, and one thin element more on each
side of every interface. The richer solution is the result; the drop of the energies, which are upper bounds on both
spaces, tells the error of the poorer one reliably, and bounds that of the richer. Where it is too large, the richer
solution also tells what to do: projected, element by element and axis by axis, onto the poorer element, onto one of
higher degree and onto one that is cut, it shows which of these would have kept how much of its energy (L. Demkowicz,
Computing with hp-Adaptive Finite Elements, Chapman & Hall 2006, chapters 11 and 13: hp refinement driven by a
reference solution).
"""

from collections.abc import Sequence
from dataclasses import replace
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
GAIN = 0.4  # what is left, at most, of the drop of the energy from a space to the richer one
LEAST = 0.25  # what is left at least, however well the step before went
REDUCTION = 0.03  # a step does not aim lower than this share of the error: its candidates cannot do more
STEPS = 30
LIMIT = 4_000_000  # unknowns: about 4 GB with the basis of the eigensolver


class Element(NamedTuple):
    """An element of a line by its ends and its degree."""

    left: float
    right: float
    degree: int


def adapt(
    structure: Structure, problems: Sequence[Problem], tolerance: float, *, symmetry: bool = True, degree: int = 3
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
    residual = float(np.clip(1e-2 * np.sqrt(tolerance), 1e-8, 1e-4))  # enters the energy squared
    start: list[Array | None] = [None] * len(problems)
    worst = np.inf
    before: tuple[list[Array], tuple[Eigenpairs, ...]] | None = None
    for step in range(STEPS):
        space = _space(structure, lines)
        richer = _alike(lines, [_richer(line, p) for line, p in zip(lines, planes)])
        rich = _space(structure, richer)
        if rich.size > LIMIT:
            break
        wider = [replace(p, count=min(p.count + MORE, space.size)) for p in problems]
        more = _solve(space, wider, residual, symmetry, start)
        fine = _solve(rich, problems, residual, symmetry, [_carried(space, e.vectors, rich) for e in more])
        coarse = tuple(_first(e, p.count) for e, p in zip(more, problems))
        drops = [c.values - f.values for c, f in zip(coarse, fine)]
        gain = GAIN if before is None else _gain(before, fine)
        errors = tuple(gain * np.abs(drop) for drop in drops)
        before = drops, fine
        worst = max(float(error.max()) for error in errors)
        if worst <= tolerance:
            return Solved(rich, fine, errors, space, coarse, step + 1)
        lines = _alike(lines, _refined(lines, planes, rich, problems, fine, 0.4 * tolerance / worst))
        space = _space(structure, lines)
        start = [_carried(rich, e.vectors, space) for e in fine]
    raise NotAffordable(
        f"an accuracy of {tolerance:.1e} was asked for; {worst:.1e} was reached on {space.size} unknowns: "
        "ask for less, or for fewer states"
    )


def _gain(before: tuple[list[Array], tuple[Eigenpairs, ...]], fine: Sequence[Eigenpairs]) -> float:
    """What was left of the drop of the last step, known by now, with a factor of 3 for safety."""
    drops, rich = before
    left = [np.abs(old.values - new.values) / np.maximum(drop, 1e-300) for old, new, drop in zip(rich, fine, drops)]
    return float(np.clip(3 * max(ratio.max() for ratio in left), LEAST, GAIN))


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


def _cut(element: Element, planes: Sequence[float]) -> list[Element]:
    """The two parts of an element that touches an interface: a thin one of lower degree there, and the rest.

    Degrees that fall towards an interface lose nothing there (as in `graded`), and cost a third of the unknowns. An
    element that touches none is left whole: what it holds is smooth, and a higher degree is the better choice.
    """
    left, right, p = element
    thin, low = FACTOR * (right - left), max(2, p - 1)
    if left in planes[1:-1]:
        return [Element(left, left + thin, low), Element(left + thin, right, p)]
    if right in planes[1:-1]:
        return [Element(left, right - thin, p), Element(right - thin, right, low)]
    return [element]


def _candidates(element: Element, planes: Sequence[float]) -> list[list[Element]]:
    """What an element may become: itself, of a higher degree, or cut."""
    cut, higher = _cut(element, planes), [element._replace(degree=element.degree + k) for k in (1, 2)]
    return [[element], [higher[0]], cut if len(cut) > 1 else [higher[1]]]


def _richer(line: Line, planes: Sequence[float]) -> Line:
    """One degree more everywhere but right at the interfaces, where each element that touches one is cut.

    Two degrees more in an element that touches none: a function that is even or odd about its middle, as half a sine
    in half of a bare cube, gains nothing from one, and would pass for exact.
    """
    elements: list[Element] = []
    for element in _elements(line):
        parts = _cut(element, planes)
        more = 1 if len(parts) > 1 else 2
        widest = max(parts, key=lambda part: part.right - part.left)
        elements += [part._replace(degree=part.degree + more) if part is widest else part for part in parts]
    return _line(elements)


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
        alike = [n for o, n in zip(old, new) if np.array_equal(o.breaks, line.breaks) and o.degrees == line.degrees]
        if line.degrees == line.degrees[::-1] and np.array_equal(line.breaks, -line.breaks[::-1]):
            alike += [Line(-n.breaks[::-1], n.degrees[::-1]) for n in alike]
        result.append(_union(alike))
    return result


# -- what to refine --------------------------------------------------------------------------------------------------


def _refined(
    lines: Sequence[Line],
    planes: Sequence[Sequence[float]],
    rich: BoxSpace,
    problems: Sequence[Problem],
    fine: Sequence[Eigenpairs],
    reduction: float,
) -> list[Line]:
    """Refine the elements that lack most until what is left is `reduction` of what they lack together."""
    moments = [_weighted(rich, axis, problems, fine) for axis in range(3)]
    choices: list[tuple[float, int, int, list[Element]]] = []  # lack, axis, element, what it becomes
    for axis, line in enumerate(lines):
        for e, element in enumerate(_elements(line)):
            options = _candidates(element, planes[axis])
            lacks = [_lack(option, element, rich.lines[axis], moments[axis]) for option in options]
            gains = [
                (lacks[0] - lack) / (_size(option) - _size(options[0])) for lack, option in zip(lacks[1:], options[1:])
            ]
            choices.append((lacks[0], axis, e, options[1 + int(np.argmax(gains))]))
    choices.sort(key=lambda choice: -choice[0])
    remaining = total = sum(choice[0] for choice in choices)
    chosen = {}
    for lack, axis, e, option in choices:
        if remaining <= max(reduction, REDUCTION) * total:
            break
        chosen[axis, e] = option
        remaining -= lack
    return [
        _line([part for e, element in enumerate(_elements(line)) for part in chosen.get((axis, e), [element])])
        for axis, line in enumerate(lines)
    ]


def _size(elements: Sequence[Element]) -> int:
    return sum(e.degree for e in elements)


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


def _lack(option: Sequence[Element], element: Element, rich: Line, moments: list[Array]) -> float:
    """Kinetic energy along the axis that functions on `option` cannot hold of the richer solution: the most of any.

    In one dimension the best approximation in the energy interpolates at the ends of the elements, and is local.
    """
    first = int(np.searchsorted(rich.breaks, element.left))
    last = int(np.searchsorted(rich.breaks, element.right))
    local = Line(rich.breaks[first : last + 1], rich.degrees[first:last])
    nodes = local.nodes
    start = sum(rich.degrees[:first])
    held = _line(option)
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
