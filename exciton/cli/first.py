"""Of a sweep, the first point: for commands that show one structure."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exciton.sweep import Point


def first(points: "Sequence[Point]") -> "Point":
    """The first of several, and a line on stderr that says so."""
    if len(points) > 1:
        print(
            f"exciton: of {len(points)} points the first is taken, {where(points[0].parameters)}; "
            "for another one: --set sweep[0].values=[...]",
            file=sys.stderr,
        )
    return points[0]


def where(parameters: "Mapping[str, Any]") -> str:
    """A point of a sweep in words."""
    return ", ".join(f"{name} = {value}" for name, value in parameters.items()) or "the job"
