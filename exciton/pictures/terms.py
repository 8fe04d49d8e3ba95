"""What the pair's energy is made of: its terms as shifts from the gap, stacked, one column a sweep point.

Every level of theory has its own terms; those that a point has are drawn, and they add up to its energy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from exciton.pictures import style
from exciton.pictures.sweeps import Point, along, tick

TERMS = {  # name in the result: words, colour, hatching
    "electron": ("electron, kinetic and barrier", style.ELECTRON, ""),
    "hole": ("hole, kinetic and barrier", style.HOLE, ""),
    "polarisation_electron": ("electron's image", "#56B4E9", "////"),
    "polarisation_hole": ("hole's image", "#F0C808", "////"),
    "attraction": ("attraction", "#009E73", ""),
    "relaxation": ("relaxation", "#BFBFBF", ""),
    "correlation": ("correlation", "#CC79A7", ""),
}
_MANY = 12  # columns that all have their number below


def plot_terms(
    points: Sequence[Point], path: Path, *, parameter: str | None = None, materials: Mapping[str, str] | None = None
) -> tuple[Path, ...]:
    """The terms of the pair's energy in meV: what raises it upwards, what lowers it downwards, the sum as a diamond.

    Parameters
    ----------
    points
        Points of a result that have a pair; one is enough.
    path
        Where to write; the suffix is replaced by ``.png`` and ``.pdf``.
    parameter
        The path of the parameter on the axis; default: the first that varies.
    materials
        Region to material name, for the labels.

    Raises
    ------
    ValueError
        No point has a pair.
    """
    points = [point for point in points if "exciton" in point]
    if not points:
        raise ValueError("plot_terms wants points with a pair (exciton.level other than none)")
    points, name, values = along(points, parameter)
    found = [term for term in TERMS if any(term in p["exciton"]["terms_meV"] for p in points)]
    found += sorted({term for p in points for term in p["exciton"]["terms_meV"]} - set(found))
    x = np.arange(len(points))
    with style.sheet(style.COLUMN, (72 + 4 * ((len(found) + 2) // 2)) / 25.4) as figure:
        axes = figure.subplots()
        up, down = np.zeros(len(points)), np.zeros(len(points))
        for term in found:
            words, colour, hatch = TERMS.get(term, (term.replace("_", " "), style.FAINT, ".."))
            height = np.array([p["exciton"]["terms_meV"].get(term, 0.0) for p in points])
            foot = np.where(height > 0, up, down)
            axes.bar(x, height, 0.72, foot, color=colour, hatch=hatch, edgecolor="white", lw=0.4, label=words)
            up, down = up + np.maximum(height, 0), down + np.minimum(height, 0)
        total = [p["exciton"]["energy_meV"] for p in points]
        error = [p["exciton"].get("error_meV", 0.0) for p in points]
        pen = {"color": style.INK, "mfc": "white", "ms": 4.5, "lw": 0.9, "zorder": 5}
        axes.errorbar(x, total, error, fmt="D-", label="the pair, from the gap", **pen)
        axes.axhline(0, color=style.INK, lw=0.6)
        axes.set_ylabel("shift from the gap (meV)")
        room = 0.06 * max(np.ptp([up.max(), down.min()]), 1e-3)
        axes.set_ylim(min(down.min(), *total) - room, max(up.max(), *total) + room)
        shown = range(0, len(points), -(-len(points) // _MANY))
        axes.set_xticks([x[i] for i in shown], [tick(values[i]) for i in shown])
        axes.tick_params(axis="x", length=0)
        if name:
            axes.set_xlabel(style.parameter_label(name, materials))
        else:
            axes.set_xticks([])
            axes.set_xlim(-1.2, 1.2)
        figure.legend(loc="outside upper left", ncols=2, handlelength=1.4, columnspacing=1.0)
        return style.save(figure, path)
