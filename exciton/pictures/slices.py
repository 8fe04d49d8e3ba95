"""Densities in a plane through the centre of the core, with the interfaces drawn; every panel at one scale."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from exciton.pictures import style
from exciton.pictures.page import Page
from exciton.pictures.scene import SHELL_INK, Dot

PLANES = {"x": (1, 2), "y": (0, 2), "z": (0, 1)}  # normal -> the axes to the right and upwards
_NUDGE = 1e-6  # nm, away from the faces of cells
_UNLIKE = 1 / 3  # of the largest density: a panel below that would be nearly white
_NODE = 1e-6  # of the largest density: what is below everywhere is a nodal plane


def draw_slices(dots: Sequence[Dot], page: Page, path: Path, normal: str = "z") -> Path:
    """|psi|^2 in the plane across `normal`, points side by side, electron above and hole below.

    Where psi is negative (excited states) the colour is the carrier's other one. The colours of one carrier mean the
    same in all its panels, up to the largest density anywhere in the particles; where a panel has less than a third of
    it they follow the root of the density, so that both are seen. `path` ends in .png, .pdf or .svg.

    Raises
    ------
    ValueError
        A field file does not have the state.
    """
    from matplotlib.colors import Normalize, PowerNorm

    right, up = PLANES[normal]
    cuts = [_Cut(dot, normal) for dot in dots]
    half = 1.02 * max(cut.half for cut in cuts)
    rows, columns = len(page.carriers), len(dots)
    with style.sheet((16 + 48 * columns) / 25.4, (12 + 41 * rows) / 25.4) as figure:
        margin = 0.03  # shared colour bars beside panels of fixed shape: the layout forgets the second line on the left
        figure.get_layout_engine().set(rect=(margin, 0, 1 - margin, 1))
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for row, carrier in zip(grid, page.carriers):
            name = f"{carrier}_{page.state}"
            values = [cut.signed(name) for cut in cuts]
            tops = [float(dot.density(name).max()) for dot in dots]  # not in this plane alone: it may be a nodal one
            top, low = max(tops), 0.0 if page.state == 0 else -max(tops)
            even = page.state > 0 or min(tops) > _UNLIKE * top
            scale = Normalize(low, top) if even else PowerNorm(0.5, low, top)
            colours = style.phases if page.state else style.shades
            for axes, dot, cut, value in zip(row, dots, cuts, values):
                painted = axes.tripcolor(
                    *cut.places.T, cut.triangles, value, shading="gouraud", cmap=colours(style.CARRIERS[carrier]),
                    norm=scale, rasterized=True,
                )  # fmt: skip
                cut.interfaces(axes)
                if dot.partner:
                    at = [dot.partner[axis] for axis in PLANES[normal]]
                    axes.plot(*at, "o", ms=4, mew=0.5, mec="white", color=style.partner(style.CARRIERS[carrier]))
                if abs(value).max() < _NODE * top:
                    axes.text(0.5, 0.5, "ψ = 0 in this plane", transform=axes.transAxes, ha="center", va="center")
                axes.set(aspect="equal", xlim=(-half, half), ylim=(-half, half))
            what = carrier if page.state == 0 else f"{carrier}, excited {page.state}"
            row[0].set_ylabel(f"{what}\n{'xyz'[up]} (nm)")
            quantity = "|ψ|²" if page.state == 0 else "sign(ψ) |ψ|²"
            figure.colorbar(painted, ax=list(row), shrink=0.8, label=f"{quantity} (nm$^{{-3}}$)")
        for axes, label in zip(grid[0], page.labels):
            axes.set_title(label)
        for axes in grid[-1]:
            axes.set_xlabel(f"{'xyz'[right]} (nm)")
        return style.save(figure, path, (path.suffix[1:],))[0]


class _Cut:
    """One particle, cut."""

    def __init__(self, dot: Dot, normal: str) -> None:
        self._dot, self._normal, self._axes = dot, normal, PLANES[normal]
        bounds = np.reshape(dot.border(0).bounds, (3, 2))
        self._origin = bounds.mean(axis=1) + _NUDGE
        plane = dot.grid.slice(normal=normal, origin=self._origin).triangulate()
        self._plane = plane
        self.places = np.asarray(plane.points, float)[:, list(self._axes)]
        self.triangles = plane.faces.reshape(-1, 4)[:, 1:]
        self.half = float(abs(self.places).max())

    def signed(self, state: str) -> Any:
        """|psi|^2 with the sign of psi at `places`, nm^-3."""
        self._dot.psi(state)  # says so where the state is missing
        psi = np.asarray(self._plane.point_data[state], float)
        return np.sign(psi) * psi**2

    def interfaces(self, axes: Any) -> None:
        """The outlines of all regions: the core's dark, the shells' grey, the end of the surroundings faint."""
        from matplotlib.collections import LineCollection

        regions = [int(r) for r in np.unique(self._dot.grid.cell_data["region"])]
        solids = self._dot.solids()
        for region in regions:
            lines = self._dot.border(region).slice(normal=self._normal, origin=self._origin)
            ends = np.asarray(lines.points, float)[:, list(self._axes)][lines.lines.reshape(-1, 3)[:, 1:]]
            look = (style.INK, 0.9, "-") if region == 0 else (SHELL_INK, 0.8, "-")
            colour, width, dashes = look if region in solids else (style.FAINT, 0.5, ":")
            axes.add_collection(LineCollection(ends, colors=colour, linewidths=width, linestyles=dashes))
