"""About how long a point takes: measured for a cube of 14 nm in 2 nm of ZnS, on one core (docs/performance.md)."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exciton.resolve import Resolved

_CARRIERS = 0.3  # seconds of CPU
_PAIR = {"none": 0.0, "first-order": 1.0, "hartree": 17.0, "correlated": 10.0}
_MISMATCH, _LIFETIME = 14.0, 1.0  # and what these add


def seconds(resolved: "Resolved") -> float:
    """Of CPU, for one point; other shapes, sizes and accuracies take a few times more or less."""
    level = resolved.exciton.level
    found = _CARRIERS + _PAIR[level]
    if level != "none":
        found += _MISMATCH * bool(resolved.exciton.polarisation) + _LIFETIME * (resolved.kane_energy is not None)
    return found


def forecast(whole: float) -> str:
    """So many seconds, as they are told."""
    return f"some {max(whole, 1):.0f} s of CPU in all, as cubes of 14 nm in ZnS take; other shapes and sizes differ"
