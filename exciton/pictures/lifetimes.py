"""Radiative lifetimes against a swept parameter, with measured ones where there are any.

A lifetime without correlation is said to be one: the picture calls it mean field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from exciton.pictures import style
from exciton.pictures.overlay import overlaid
from exciton.pictures.sweeps import Point, abscissae, along

CURVES = {  # key of the point: words, how it is drawn
    "radiative_lifetime_ns": ("radiative", {"fmt": "D-", "color": style.INK}),
    "radiative_lifetime_0K_ns": ("radiative, at 0 K", {"fmt": "v--", "color": style.ELECTRON, "mfc": "white"}),
    "mean_field_lifetime_ns": (
        "mean field, no correlation",
        {"fmt": "o:", "color": style.FAINT, "mfc": "white"},
    ),
}
_DECADE = 8.0  # ratio from which the axis is logarithmic
_MANY = 1000.0  # and from which only powers of ten have a number


def has_lifetimes(points: Sequence[Point]) -> bool:
    """Whether there is anything to draw."""
    return any(key in point for point in points for key in CURVES)


def plot_lifetime(
    points: Sequence[Point],
    path: Path,
    *,
    parameter: str | None = None,
    materials: Mapping[str, str] | None = None,
    measured: Mapping[str, Any] | None = None,
) -> tuple[Path, ...]:
    """Lifetimes in ns with their error bars.

    Measured lifetimes are those of the luminescence, all channels together; divided by the quantum yield they are
    radiative ones only if every particle that absorbs can emit, which the picture leaves open.

    Parameters
    ----------
    points
        Points of a result, some of which have a lifetime.
    path
        Where to write; the suffix is replaced by ``.png`` and ``.pdf``.
    parameter
        The path of the parameter on the axis; default: the first that varies.
    materials
        Region to material name, for the labels.
    measured
        ``measured`` of the result.

    Raises
    ------
    ValueError
        No point has a lifetime, or no parameter was swept.
    """
    if not has_lifetimes(points):
        raise ValueError("plot_lifetime wants points with a lifetime, and none has one")
    points, name, values = along(points, parameter)
    if name is None:
        raise ValueError("plot_lifetime wants points of a sweep; here no parameter was swept")
    x, ticks = abscissae(values)
    with style.sheet(style.COLUMN, 70 / 25.4) as figure:
        axes = figure.subplots()
        heights: list[float] = []
        for key, (words, pen) in CURVES.items():
            here = [i for i, point in enumerate(points) if key in point]
            if here:
                y = [points[i][key] for i in here]
                error = [points[i].get(key.replace("_ns", "_error_ns"), 0.0) for i in here]
                axes.errorbar(x[here], y, error, label=words, ms=4, lw=1, **pen)
                heights += y
        for of, words, pen in ((_lifetime, "{}", {}), (_over_yield, "{},\nover quantum yield", {"mfc": "white"})):
            marks = overlaid(measured, name, of, values)
            if marks.x.size:
                marks.draw(axes, words.format(marks.label), **pen)
                heights += marks.y.tolist()
        if max(heights) > _DECADE * min(heights):
            axes.set_yscale("log")
            _plain_ticks(axes.yaxis, max(heights) / min(heights))
        else:
            axes.set_ylim(0, 1.12 * max(heights))
        axes.set_ylabel("lifetime (ns)")
        axes.set_xlabel(style.parameter_label(name, materials))
        axes.margins(x=0.06)
        if ticks:
            axes.set_xticks(x, ticks)
            axes.set_xlim(x[0] - 0.3, x[-1] + 0.3)  # all words, also those without a value
        else:
            axes.locator_params(axis="x", nbins=6)
        figure.legend(loc="outside upper left", ncols=2, handlelength=2.2, columnspacing=0.8)
        return style.save(figure, path)


def _plain_ticks(axis: Any, ratio: float) -> None:
    """Numbers, not powers of ten: 1, 2, 5, 10, of many decades 1, 10, 100."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(10, (1, 2, 5) if ratio < _MANY else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _lifetime(point: Mapping[str, Any]) -> tuple[float, float] | None:
    return (point["lifetime_ns"], point.get("lifetime_error_ns", 0.0)) if "lifetime_ns" in point else None


def _over_yield(point: Mapping[str, Any]) -> tuple[float, float] | None:
    both = "lifetime_ns" in point and "quantum_yield" in point
    return (point["lifetime_ns"] / point["quantum_yield"], 0.0) if both else None
