"""Maps of a sweep in two parameters: emission, core probabilities, and where the type of the alignment changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exciton.pictures import style
from exciton.pictures.sweeps import Point, inside, key, swept, tick, wavelength

Floats = NDArray[np.float64]

_FINE = 9  # sweep values on each axis from which a map is drawn to scale and with contour lines
_QUASI = 0.9  # where the smaller core probability falls below it, `type_by_states` gets its "quasi-"


def plot_map(
    points: Sequence[Point],
    path: Path,
    *,
    parameters: tuple[str, str] | None = None,
    materials: Mapping[str, str] | None = None,
) -> tuple[Path, ...]:
    """Emission, type of alignment and core probabilities over two swept parameters, with the borders of the types.

    Coarse sweeps are drawn as one equal cell per point; from 9 values on each axis the axes are to scale and the
    borders are contour lines of the core probabilities that define them. Points that are missing stay hatched.

    Raises
    ------
    ValueError
        Other than two parameters vary and `parameters` does not choose.
    """
    names = list(parameters or swept(points))
    if len(names) != 2:
        raise ValueError(f"plot_map wants two swept parameters, got {len(names)}: {', '.join(names) or 'none'}")
    columns, rows = (_steps(key(p, name) for p in points) for name in names)
    place = {(key(p, names[1]), key(p, names[0])): p for p in points}
    grid = [[place.get((row, column)) for column in columns] for row in rows]
    numeric = all(isinstance(v, int | float) for v in (*columns, *rows))
    canvas = _Canvas(columns, rows, grid, to_scale=numeric and min(len(columns), len(rows)) >= _FINE)
    with style.sheet(style.WIDE, 125 / 25.4) as figure:
        panels = figure.subplots(2, 2, sharex=True, sharey=True)
        canvas.field(panels[0, 0], "emission (eV)", "cividis", lambda p: p.get("emission_eV"), in_nm=True)
        canvas.types(panels[0, 1])
        for axes, carrier in zip(panels[1], style.CARRIERS):
            shades = style.shades(style.CARRIERS[carrier])
            canvas.field(
                axes, f"{carrier} in the core (%)", shades, lambda p, c=carrier: 100 * inside(p, c), (0.0, 100.0)
            )
        for axes in panels.flat:
            canvas.borders(axes)
        for axes in panels[1]:
            axes.set_xlabel(style.parameter_label(names[0], materials))
        for axes in panels[:, 0]:
            axes.set_ylabel(style.parameter_label(names[1], materials))
        return style.save(figure, path)


class _Canvas:
    """The grid of a two-parameter sweep, and what is drawn on it."""

    def __init__(self, columns: list[Any], rows: list[Any], grid: list[list[Point | None]], *, to_scale: bool) -> None:
        self.grid, self.columns, self.rows, self.to_scale = grid, columns, rows, to_scale
        self.x = np.array(columns, float) if to_scale else np.arange(len(columns), dtype=float)
        self.y = np.array(rows, float) if to_scale else np.arange(len(rows), dtype=float)
        self.x_edges, self.y_edges = _edges(self.x), _edges(self.y)
        self.type = np.array([[p["alignment"]["type_by_states"] if p else "" for p in row] for row in grid])

    def values(self, quantity: Any) -> Floats:
        """A number per point, ``(rows, columns)``; NaN where the point or the number is missing."""
        numbers = [[None if p is None else quantity(p) for p in row] for row in self.grid]
        return np.array([[np.nan if n is None else n for n in row] for row in numbers], float)

    def field(
        self,
        axes: Any,
        title: str,
        colours: Any,
        quantity: Any,
        limits: tuple[float, float] | None = None,
        *,
        in_nm: bool = False,
    ) -> None:
        values = self.values(quantity)
        low, high = limits or (np.nanmin(values), np.nanmax(values))
        image = self._cells(axes, values, cmap=colours, vmin=low, vmax=high)
        bar = axes.figure.colorbar(image, ax=axes, pad=0.02, fraction=0.06)
        bar.outline.set_linewidth(0.5)
        axes.set_title(title, loc="left")
        if in_nm:
            for side, where, unit in (
                (0, "right", "eV "),
                (1, "left", " nm"),
            ):  # or its right side seems the next panel's
                bar.ax.text(side, 1.01, unit, ha=where, va="bottom", size=7, transform=bar.ax.transAxes)
            bar.ax.yaxis.set_ticks_position("left")
            bar.ax.secondary_yaxis("right", functions=(wavelength, wavelength))
        if not self.to_scale and len(self.x) <= 6 and len(self.y) <= 12:
            digits = 3 if in_nm else 1
            for (row, column), value in np.ndenumerate(values):
                if np.isfinite(value):
                    dark = _luminance(image.to_rgba(value)) < 0.5
                    ink = "white" if dark else style.INK
                    text = f"{value:.{digits}f}"
                    axes.text(self.x[column], self.y[row], text, ha="center", va="center", size=6, color=ink)

    def types(self, axes: Any) -> None:
        """One shade per type by states, with its name where it has most room."""
        from matplotlib.colors import ListedColormap
        from matplotlib.patheffects import withStroke
        from scipy.ndimage import distance_transform_edt, label

        shades = {"I": "#FFFFFF", "quasi-I": "#E4E4E4", "II": "#B9C8D6", "quasi-II": "#D3DBE3", "inverted": "#C9B8C9"}
        names = [name for name in shades if name in self.type] + sorted(set(self.type.flat) - {"", *shades})
        index = np.array([[names.index(t) if t else np.nan for t in row] for row in self.type], float)
        palette = ListedColormap([shades.get(name, "#F4F0E4") for name in names])
        self._cells(axes, index, cmap=palette, vmin=-0.5, vmax=len(names) - 0.5)
        axes.set_title("type by states", loc="left")
        for name in names:
            patches, count = label(self.type == name)
            for patch in range(1, count + 1):
                room = distance_transform_edt(np.pad(patches == patch, 1))[1:-1, 1:-1]
                best = np.argwhere(room > room.max() - 0.3)
                row, column = best[np.argmin(((best - best.mean(axis=0)) ** 2).sum(axis=1))]
                halo = [withStroke(linewidth=2, foreground=shades.get(name, "white"))]
                place = (self.x[column], self.y[row])
                axes.text(*place, name, ha="center", va="center", size=7.5, path_effects=halo)

    def borders(self, axes: Any) -> None:
        """Lines where the type by states changes."""
        if self.to_scale:
            electron, hole = (self.values(lambda p, c=c: inside(p, c)) for c in style.CARRIERS)
            pen = {"colors": style.INK, "linewidths": 1.0}
            for share, level in ((electron, 0.5), (hole, 0.5), (np.minimum(electron, hole), _QUASI)):
                if np.nanmin(share) < level < np.nanmax(share):
                    line = "solid" if level == 0.5 else "dashed"
                    axes.contour(self.x, self.y, share, [level], linestyles=line, **pen)
            return
        for (row, column), name in np.ndenumerate(self.type):
            x, y = self.x_edges[column + 1], self.y_edges[row + 1]
            if column + 1 < len(self.x) and name and self.type[row, column + 1] not in ("", name):
                axes.plot([x, x], [self.y_edges[row], y], color=style.INK, lw=1.2, solid_capstyle="round")
            if row + 1 < len(self.y) and name and self.type[row + 1, column] not in ("", name):
                axes.plot([self.x_edges[column], x], [y, y], color=style.INK, lw=1.2, solid_capstyle="round")

    def _cells(self, axes: Any, values: Floats, **how: Any) -> Any:
        axes.set_facecolor("#DDDDDD")
        axes.patch.set_hatch("////")
        axes.patch.set_edgecolor("white")
        image = axes.pcolormesh(self.x_edges, self.y_edges, np.ma.masked_invalid(values), rasterized=True, **how)
        if self.to_scale:
            axes.set(xlim=self.x[[0, -1]], ylim=self.y[[0, -1]])
        else:
            axes.set_xticks(self.x, [tick(v) for v in self.columns])
            axes.set_yticks(self.y, [tick(v) for v in self.rows])
            axes.tick_params(length=0)
        return image


def _steps(values: Iterable[Any]) -> list[Any]:
    """The different values of a sweep: numbers ascending, words in the order in which they come."""
    found = list(dict.fromkeys(values))
    return found if any(isinstance(v, str) for v in found) else sorted(found)


def _edges(centres: Floats) -> Floats:
    """Cell borders halfway between the values; the outer cells are as wide as their inner halves tell."""
    middles = np.array([(a + b) / 2 for a, b in pairwise(centres)])
    if not middles.size:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    return np.concatenate([[2 * centres[0] - middles[0]], middles, [2 * centres[-1] - middles[-1]]])


def _luminance(rgba: Sequence[float]) -> float:
    return 0.3 * rgba[0] + 0.59 * rgba[1] + 0.11 * rgba[2]
