"""Richer lines: what becomes of each element of an hp line that lacks something, and lines that must stay alike."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .line import FACTOR, Line

Array = NDArray[np.float64]


class Element(NamedTuple):
    """An element of a line by its ends and its degree."""

    left: float
    right: float
    degree: int


def elements(line: Line) -> list[Element]:
    """Of a line, from left to right."""
    return [Element(float(a), float(b), p) for a, b, p in zip(line.breaks[:-1], line.breaks[1:], line.degrees)]


def line_of(parts: Sequence[Element]) -> Line:
    """The line of such elements."""
    return Line(np.array([parts[0].left, *(e.right for e in parts)]), tuple(e.degree for e in parts))


def _cut(element: Element, planes: Sequence[float], thin: int, rest: int) -> list[Element]:
    """The two parts of an element that touches an interface, of these degrees: a thin one there, and the rest."""
    left, right, _ = element
    width = FACTOR * (right - left)
    if left in planes[1:-1]:
        return [Element(left, left + width, thin), Element(left + width, right, rest)]
    return [Element(left, right - width, rest), Element(right - width, right, thin)]


def richer(line: Line, planes: Sequence[float]) -> list[list[Element]]:
    """What each element of a line becomes in the richer one: cut, if it touches an interface, or of a higher degree.

    Two degrees more in the largest element between two planes, if it touches none: a function that is even or odd about
    its middle, as half a sine in half of a bare cube, gains nothing from one, and would pass for exact.
    """
    result = []
    parts = elements(line)
    owner = np.searchsorted(planes, (line.breaks[1:] + line.breaks[:-1]) / 2)
    for element, plane in zip(parts, owner):
        p = element.degree
        largest = max(e.right - e.left for e, other in zip(parts, owner) if other == plane)
        if element.left in planes[1:-1] or element.right in planes[1:-1]:
            result.append(_cut(element, planes, p, p + 1))
        else:
            more = 2 if element.right - element.left > 0.9 * largest else 1
            result.append([element._replace(degree=p + more)])
    return result


def same(one: Line, other: Line) -> bool:
    """Whether two lines are equal."""
    return one.degrees == other.degrees and np.array_equal(one.breaks, other.breaks)


def _union(lines: Sequence[Line]) -> Line:
    """The coarsest line that contains each of these."""
    first, *others = lines
    if all(same(first, other) for other in others):
        return first
    breaks = np.unique(np.concatenate([line.breaks for line in lines]))
    middles = (breaks[1:] + breaks[:-1]) / 2
    degrees = [np.array(line.degrees)[np.searchsorted(line.breaks, middles) - 1] for line in lines]
    return Line(breaks, tuple(np.max(degrees, axis=0).tolist()))


def alike(old: Sequence[Line], new: Sequence[Line]) -> list[Line]:
    """Keep axes equal that were equal, and symmetric ones symmetric, whatever a degenerate level cut in two says."""
    result: list[Line] = []
    for axis, line in enumerate(old):
        first = next(other for other in range(axis + 1) if same(old[other], line))
        if first < axis:
            result.append(result[first])
            continue
        equal = [n for o, n in zip(old, new) if same(o, line)]
        if line.degrees == line.degrees[::-1] and np.array_equal(line.breaks, -line.breaks[::-1]):
            equal += [Line(-n.breaks[::-1], n.degrees[::-1]) for n in equal]
        result.append(_union(equal))
    return result
