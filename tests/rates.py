"""Convergence rates: the refinement loop, and the slope of the errors."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def fitted_rate(h: ArrayLike, error: ArrayLike) -> float:
    """The r of ``error ~ C h^r``: slope of a straight line through log(error) over log(h)."""
    h, error = np.asarray(h, float), np.abs(np.asarray(error, float))
    assert np.all(error > 0), "an error of exactly 0 has no rate"
    return float(np.polyfit(np.log(h), np.log(error), 1)[0])


def refined(h: Iterable[float], error: Callable[[float], ArrayLike]) -> tuple[Array, Array]:
    """The errors, shape (refinements, ...), at these mesh widths, which are returned first."""
    widths = np.array(list(h))
    return widths, np.array([error(width) for width in widths])
