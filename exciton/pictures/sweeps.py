"""What the figures ask of the points of a sweep, which are plain entries of a ``result.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exciton.pictures.style import formula
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


def along(points: Sequence[Point], parameter: str | None = None) -> tuple[list[Point], str | None, list[Any]]:
    """Points in the order of a parameter (numbers ascending, words as they come), its name, and its values.

    The parameter is by default the first that varies, else the first there is; None where there is none.
    """
    if parameter is None:
        parameter = next(iter([*swept(points), *(points[0]["parameters"] if points else ())]), None)
    if parameter is None:
        return list(points), None, [""] * len(points)
    values = [key(point, parameter) for point in points]
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        order = sorted(range(len(points)), key=values.__getitem__)
        return [points[i] for i in order], parameter, [values[i] for i in order]
    return list(points), parameter, values


def abscissae(values: Sequence[Any]) -> tuple[NDArray[np.float64], list[str]]:
    """Where values stand on an axis, and their tick labels where they are no numbers."""
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        return np.array(values, float), []
    return np.arange(len(values), dtype=float), [tick(v) for v in values]


def tick(value: Any) -> str:
    """A swept value as a tick label."""
    if isinstance(value, str | bool):
        return formula(str(value))
    return f"{value + 0.0:.4g}".replace("-", "−")


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
