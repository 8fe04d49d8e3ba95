"""Measured points on the axis of a figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exciton import keypath
from exciton.errors import JobError

Floats = NDArray[np.float64]
Quantity = Callable[[Mapping[str, Any]], tuple[float, float] | None]  # value and error of a point, where it has them

MEASURED: Mapping[str, Any] = {
    "fmt": "*",
    "color": "#222222",
    "mfc": "#F0E442",  # nothing computed has it, and nothing computed is a star
    "ms": 7.5,
    "mew": 0.7,
    "elinewidth": 0.8,
    "zorder": 6,
}


@dataclass(frozen=True, slots=True)
class Marks:
    """Where they are; errors are 0 where none is known."""

    x: Floats  # (n,)
    y: Floats
    x_error: Floats
    error: Floats
    label: str

    def draw(self, axes: Any, label: str = "", **pen: Any) -> None:
        """Stars, with bars where an error is known."""
        x_error, error = (bars if bars.any() else None for bars in (self.x_error, self.error))
        axes.errorbar(self.x, self.y, error, x_error, label=label or self.label, **{**MEASURED, **pen})


def overlaid(measured: Mapping[str, Any] | None, parameter: str, of: Quantity, values: Sequence[Any] = ()) -> Marks:
    """The points of ``measured`` (of a result) that have the quantity and lie on the axis.

    Parameters
    ----------
    parameter
        Path of the axis.
    values
        Of the sweep: where these are words, a point stands at its word, and one of another word nowhere.
    """
    words = list(dict.fromkeys(values)) if any(isinstance(value, str) for value in values) else []
    rows = []
    for point in (measured or {}).get("points", ()):
        at, found = _lookup(point["parameters"], parameter), of(point)
        if words:
            at = words.index(at) if at in words else None
        if found is not None and isinstance(at, int | float):
            error = _lookup(point.get("parameter_errors", {}), parameter) or 0.0
            rows.append((float(at), found[0], float(error), found[1]))
    table = np.array(rows, float).reshape(-1, 4)
    return Marks(table[:, 0], table[:, 1], table[:, 2], table[:, 3], (measured or {}).get("label", ""))


def _lookup(table: Mapping[str, Any], path: str) -> Any:
    """The entry of a path, however it is written."""
    wanted = keypath.parse(path)
    for key, value in table.items():
        try:
            if keypath.parse(key) == wanted:
                return value
        except JobError:
            continue
    return None
