"""Figures of a sweep in one parameter: emission and probabilities against it.

The input is the list ``points`` of a ``result.json``, as it is: keys that a level of theory does not compute
may be absent, and failed points may be missing. Every figure is written as PNG and PDF.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exciton.pictures import style
from exciton.pictures.overlay import Marks, overlaid
from exciton.pictures.sweeps import Point, abscissae, along, wavelength

Floats = NDArray[np.float64]

_SYMBOLS = {"electron": "o", "hole": "s"}


def plot_emission(
    points: Sequence[Point],
    path: Path,
    *,
    parameter: str | None = None,
    materials: Mapping[str, str] | None = None,
    measured: Mapping[str, Any] | None = None,
) -> tuple[Path, ...]:
    """Emission (eV, and nm on the right) and ground-state probabilities against one swept parameter.

    Parameters
    ----------
    points
        Points of a result in which one parameter varies (or several side by side).
    path
        Where to write; the suffix is replaced by ``.png`` and ``.pdf``.
    parameter
        The path of the parameter on the axis; default: the first that varies.
    materials
        Region (``core``, ``shell_1``, ..., ``surroundings``) to material name, for the labels.
    measured
        ``measured`` of the result: points to lay over the emission.

    Raises
    ------
    ValueError
        No point, or no parameter.
    """
    points, name, values = along(points, parameter)
    if name is None:
        raise ValueError("plot_emission wants points of a sweep; here no parameter was swept")
    x, ticks = abscissae(values)
    with style.sheet(style.COLUMN, 105 / 25.4) as figure:
        top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=(1.35, 1, 1))
        _emission(top, x, points, overlaid(measured, name, _peak, values))
        _probability(middle, x, points, ["core"], "in the core (%)")
        rest = sorted({region for p in points for region in p["electron"]["probability"][0]} - {"core"})
        _probability(bottom, x, points, rest, "outside (%)")
        bottom.set_xlabel(style.parameter_label(name, materials))
        if ticks:
            bottom.set_xticks(x, ticks)
            bottom.set_xlim(x[0] - 0.3, x[-1] + 0.3)  # all words, also those without a value
        else:
            bottom.locator_params(axis="x", nbins=6)
        figure.align_ylabels()
        return style.save(figure, path)


def _peak(point: Mapping[str, Any]) -> tuple[float, float] | None:
    return (point["emission_eV"], point.get("emission_error_eV", 0.0)) if "emission_eV" in point else None


def _emission(axes: Any, x: Floats, points: Sequence[Point], marks: Marks) -> None:
    here = np.array(["emission_eV" in p for p in points])
    energy = np.array([p["emission_eV"] for p in points if "emission_eV" in p])
    error = np.array([_emission_error(p) for p in points if "emission_eV" in p])
    axes.errorbar(x[here], energy, error, fmt="D-", color=style.INK, markersize=3.5, elinewidth=0.8, label="computed")
    axes.set_ylabel("emission (eV)")
    if marks.x.size:
        marks.draw(axes)
        axes.legend(loc="best", handlelength=2.2)
    if energy.size or marks.y.size:
        low = min([*(energy - error), *(marks.y - marks.error)])
        high = max([*(energy + error), *(marks.y + marks.error)])
        room = max(0.12 * (high - low), 0.002)  # a flat curve must not look like a mountain of rounding
        axes.set_ylim(low - room, high + room)
        right = axes.secondary_yaxis("right", functions=(wavelength, wavelength))
        right.set_ylabel("wavelength (nm)")
    axes.margins(x=0.06)


def _probability(axes: Any, x: Floats, points: Sequence[Point], regions: Sequence[str], label: str) -> None:
    """One curve per carrier for the core; outside it dashed for all shells together and dotted for the surroundings."""
    groups = [
        ("-", 4.0, [r for r in regions if r == "core"], ""),
        ("--", 4.0, [r for r in regions if r not in ("core", "surroundings")], "shell"),
        (":", 2.5, [r for r in regions if r == "surroundings"], "surroundings"),
    ]
    from matplotlib.lines import Line2D

    highest, lowest = 0.0, 100.0
    for line, size, members, _ in groups:
        for carrier, colour in style.CARRIERS.items() if members else ():
            shares = [p[carrier]["probability"][0] for p in points]
            y = np.array([100 * sum(share.get(r, 0.0) for r in members) for share in shares])
            error = [100 * _first(p[carrier].get("probability_error")) for p in points]
            face = colour if line == "-" else "white"
            axes.errorbar(x, y, error, fmt=_SYMBOLS[carrier] + line, color=colour, mfc=face, ms=size, lw=1)
            highest, lowest = max(highest, y.max()), min(lowest, y.min())
    room = max(0.1 * (highest - lowest), 0.2)
    axes.set_ylim(max(lowest - room, -4.0), min(highest + room, 104.0))
    axes.set_ylabel(label)
    if "core" in regions:
        keys = [Line2D([], [], color=c, marker=_SYMBOLS[name], lw=1, label=name) for name, c in style.CARRIERS.items()]
    else:
        keys = [
            Line2D([], [], color=style.FAINT, ls=line, marker="o", mfc="white", ms=size, lw=1, label=where)
            for line, size, members, where in groups
            if members
        ]
    axes.legend(handles=keys, loc="best", handlelength=2.6)


def _emission_error(point: Point) -> float:
    """Error bar of the emission in eV: the pair's, or without a pair both carriers' together."""
    if "error_meV" in point.get("exciton", {}):
        return float(point["exciton"]["error_meV"]) / 1000
    return sum(_first(point[carrier].get("error_meV")) for carrier in style.CARRIERS) / 1000


def _first(values: Any) -> float:
    """The ground state's entry of an optional list of numbers."""
    return float(values[0]) if values and isinstance(values[0], int | float) else 0.0
