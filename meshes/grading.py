"""One-dimensional rows of points: equal steps, cut geometrically towards the ends that need it."""

from __future__ import annotations

from math import ceil

import numpy as np

from meshes.reference import Floats


def cuts(left: float, right: float, size: float, graded: tuple[bool, bool], layers: int, factor: float) -> Floats:
    """The points from `left` to `right`, both included, ascending.

    Parameters
    ----------
    size
        Largest step.
    graded
        Whether the first and whether the last step is cut again, at distances ``step * factor**k`` from the end, with
        k from 1 to `layers`.
    """
    steps = ceil((right - left) / size * (1 - 1e-12))
    if layers and all(graded):
        steps = max(steps, 2)
    points = np.linspace(left, right, steps + 1)
    distances = (points[1] - left) * factor ** np.arange(layers, 0, -1)
    before = left + distances if graded[0] else np.zeros(0)
    after = right - distances[::-1] if graded[1] else np.zeros(0)
    return np.concatenate([[left], before, points[1:-1], after, [right]])
