"""What the figures ask of the points of a sweep, which are plain entries of a ``result.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from exciton.units import HC

Point = Mapping[str, Any]


def swept(points: Sequence[Point]) -> list[str]:
    """The parameters that span the sweep: those that vary, without those that only go along with an earlier one."""
    names: list[str] = []
    for name in points[0]["parameters"] if points else ():
        values = [key(p, name) for p in points]
        steps = [{key(p, known) for p in points} for known in names]
        follows = any(len(s) == len({(key(p, n), v) for p, v in zip(points, values)}) for n, s in zip(names, steps))
        if len(set(values)) > 1 and not follows:
            names.append(name)
    return names


def wavelength(energy: Any) -> Any:
    """Vacuum wavelength in nm of an energy in eV, and the other way round."""
    return HC / np.maximum(np.asarray(energy, float), 1e-6)  # the axis asks for 0, too


def inside(point: Point, carrier: str) -> float:
    """The part of a ground state that is in the core."""
    return float(point[carrier]["probability"][0]["core"])


def key(point: Point, name: str) -> Any:
    """A swept value, in a form that can be compared and looked up."""
    value = point["parameters"][name]
    return value if isinstance(value, int | float | str) else str(value)
