"""Which elements lack how much: what a richer space has added to states, projected onto each element's degree."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .adapt import Problem
from .enriched import Element, elements
from .line import Line
from .parity import ANY, fold
from .sectors import Levels
from .tensor import BoxSpace

Array = NDArray[np.float64]


def lacks(line: Line, rich: BoxSpace, axis: int, problems: Sequence[Problem], found: Sequence[Levels]) -> list[float]:
    """Kinetic energy along an axis that each element cannot hold of the richer solutions: the most of any state.

    In one dimension the best approximation in the energy interpolates at the ends of the elements, and is local; across
    the axis the integral is a sum over nodes, which is exact enough to choose by.
    """
    fuller, parts = rich.lines[axis], elements(line)
    if all(sector.parities[axis] != ANY for levels in found for sector in levels.sectors):
        parts = parts[: (len(parts) + 1) // 2]  # the others mirror them
    worst = np.zeros(len(parts))
    places = [_place(element, fuller) for element in parts]
    for problem, levels in zip(problems, found):
        a = [_steps(rich, axis, first, problem.diffusion[:, axis]) for first, _, _ in places]
        for parities, states in levels.blocks():
            block = np.moveaxis(states, axis + 1, 0)  # along the axis, states, across
            side = fold(fuller.size, parities[axis])
            rows_there = max(rows[-1] for _, rows, _ in places) + 1
            full = side[:rows_there] @ block.reshape(len(block), -1)
            across = [n for d, n in enumerate(states.shape[1:]) if d != axis]
            for e, (_, rows, form) in enumerate(places):
                here = full[rows]
                energies = np.einsum("kx,kx->x", form @ here, here).reshape(len(states), -1)
                weights = _across(rich, axis, a[e], across)
                worst[e] = max(worst[e], float((energies @ weights).max()))
    mirror = worst[: len(line.degrees) - len(parts)][::-1]
    return [*worst, *mirror]


def _place(element: Element, fuller: Line) -> tuple[int, NDArray[np.int64], Array]:
    """The first element of the fuller line in this one, the unknowns there, and the form of what is lacked of them."""
    first, last = np.searchsorted(fuller.breaks, [element.left, element.right])
    form, scale = _form(element, fuller, int(first), int(last))
    rows = np.arange(len(form)) + sum(fuller.degrees[:first]) - 1
    kept = (rows >= 0) & (rows < fuller.size)
    return int(first), rows[kept], scale * form[np.ix_(kept, kept)]


def _steps(space: BoxSpace, axis: int, element: int, a: Array) -> Array:
    """By how much a differs from box to the next one around, where the element of the axis is in the box: else 0.

    It is constant over an element of a poorer line, whose first element here stands for all.
    """
    inside = [box[axis][0] <= element < box[axis][1] for box in space.boxes]
    return np.where(inside, a - np.append(a[1:], 0.0), 0.0)


def _across(space: BoxSpace, axis: int, steps: Array, sizes: Sequence[int]) -> Array:
    """(unknowns across the axis,): a times the weight of each, of so many along the two other axes."""
    one, other = (d for d in range(3) if d != axis)
    total = np.zeros(tuple(sizes))
    for r, step in enumerate(steps):
        if step:
            rows = (space.factors[d][r][1].sum(axis=1)[:n] for d, n in zip((one, other), sizes))
            total += step * np.outer(*rows)
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
