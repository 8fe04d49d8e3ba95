"""Band diagrams along the axis through the core's centre, with levels and densities at true energy scale.

The axis is torn in two kinds of places, each marked: across the gap, and below barriers that are so much higher than
the levels that drawing them to scale would flatten everything else (their number stands beside them).
Energies of a carrier grow away from the gap, as everywhere in this program.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from exciton.pictures import style
from exciton.pictures.profile import Level, Profile, levels, read_axis

Point = Mapping[str, Any]

_DIGITS = 6  # of a band edge in eV: edges that differ by less are one
_REACH = 5.0  # barriers higher than this many times the levels' span are torn off
_MM = 1 / 25.4
_LINE_MM = 2.9  # between two labels on the margin
_GAP_MM = 7.0  # the tear across the gap
_HEIGHT_MM = 84.0  # of both halves together


def plot_bands(
    axis_csv: Path,
    point: Point,
    gap_eV: float,
    path: Path,
    *,
    materials: Mapping[str, str] | None = None,
) -> tuple[Path, ...]:
    """Band edges along the axis with the levels of electron and hole and |psi|^2 on each of them.

    Both halves have the same energy scale, and their zero is the core's valence edge. Densities of one carrier
    share one scale; a degenerate level shows the sum over its states, which no choice of basis changes.

    Parameters
    ----------
    axis_csv
        Profile along the axis (``x_nm``, ``region``, band edges, densities).
    point
        The point of the result it belongs to.
    gap_eV
        Gap of the core.
    path
        Where to write; the suffix is replaced by ``.png`` and ``.pdf``.
    materials
        Region to material name, for the labels.

    Raises
    ------
    ValueError
        The file is no axis profile.
    """
    with _single(read_axis(axis_csv), point, gap_eV, materials or {}) as figure:
        return style.save(figure, path)


def bands_svg(profile: Profile, point: Point, gap_eV: float, materials: Mapping[str, str]) -> bytes:
    """The same diagram as SVG, without a file."""
    stream = BytesIO()
    with _single(profile, point, gap_eV, materials) as figure:
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()


@contextmanager
def _single(profile: Profile, point: Point, gap_eV: float, materials: Mapping[str, str]) -> Iterator[Any]:
    halves = _halves(profile, point, gap_eV)
    height = _HEIGHT_MM + _GAP_MM + 18
    with style.sheet(style.COLUMN, height * _MM, layout=None) as figure:
        frame = (14.0, 9.5, 45.5, _HEIGHT_MM + _GAP_MM)
        _draw(figure, frame, halves, profile, materials)
        handles = _region_handles([profile], materials)
        columns = min(len(handles), 4)
        figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(13.0 * _MM / style.COLUMN, 1.0), ncols=columns)
        yield figure


def plot_sweep_bands(
    axis_csvs: Sequence[Path],
    points: Sequence[Point],
    gaps_eV: Sequence[float],
    path: Path,
    *,
    labels: Sequence[str] | None = None,
    materials: Mapping[str, str] | None = None,
) -> tuple[Path, ...]:
    """Band diagrams of several sweep points side by side, all on the same two scales of energy and length."""
    profiles = [read_axis(file) for file in axis_csvs]
    columns = [_halves(*each) for each in zip(profiles, points, gaps_eV)]
    columns = [[_common([c[k] for c in columns], c[k]) for k in range(2)] for c in columns]
    reach = max(abs(p.x).max() for p in profiles)
    each, gap, left = 46.0, 27.0, 14.5
    width = left + len(profiles) * (each + gap)
    with style.sheet(width * _MM, (_HEIGHT_MM + _GAP_MM + 22) * _MM, layout=None) as figure:
        for k, (halves, profile) in enumerate(zip(columns, profiles)):
            frame = (left + k * (each + gap), 9.5, each, _HEIGHT_MM + _GAP_MM)
            axes = _draw(figure, frame, halves, profile, materials or {}, reach=reach, first=k == 0)
            if labels:
                axes[0].set_title(labels[k], size=8)
        handles = _region_handles(profiles, materials or {})
        figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(left / width, 1.0), ncols=6)
        return style.save(figure, path)


@dataclass(frozen=True, slots=True)
class _Half:
    """One carrier's half of the diagram: its window [low, top] to scale, and torn-off edges on a strip above it."""

    carrier: str
    sign: int  # +1: energies go up (electron), -1: down (hole)
    origin: float  # eV, where the carrier's zero lies on the common axis
    levels: list[Level]
    low: float
    top: float
    far: tuple[float, ...] = ()  # eV, edges above the tear, ascending

    @property
    def strip(self) -> float:
        """Height of one torn-off edge's place, in eV of the axis."""
        return 0.12 * (self.top - self.low)

    @property
    def ceiling(self) -> float:
        """The end of the axis: above the last torn-off edge."""
        return self.top + (0.9 * self.strip + len(self.far) * self.strip if self.far else 0.0)

    def place(self, energy: float) -> float:
        """Where an energy of the carrier is drawn, in eV of the axis from the carrier's zero (unsigned)."""
        if energy <= self.top:
            return energy
        rank = sum(edge < round(energy, _DIGITS) for edge in self.far)
        return self.top + (0.9 + rank) * self.strip


def _halves(profile: Profile, point: Point, gap: float) -> list[_Half]:
    halves = []
    for carrier, sign, origin in (("electron", 1, gap), ("hole", -1, 0.0)):
        found = point[carrier]
        drawn = levels(found["energies_meV"], found.get("error_meV", ()), profile.density[carrier])
        halves.append(_window(carrier, sign, origin, drawn, sorted(set(profile.edge[carrier].round(_DIGITS)))))
    return halves


def _window(carrier: str, sign: int, origin: float, drawn: list[Level], edges: Sequence[float]) -> _Half:
    floor = min([0.0, *edges, *(level.energy for level in drawn)])
    span = max([0.0, *(level.energy for level in drawn)]) - floor or 0.05
    near = [edge for edge in edges if edge <= floor + _REACH * span]
    top = max(floor + 1.5 * span, max([0.0, *near]) + 0.35 * span)
    return _Half(carrier, sign, origin, drawn, floor - 0.12 * (top - floor), top, tuple(e for e in edges if e > top))


def _common(alike: Sequence[_Half], half: _Half) -> _Half:
    """`half` with the window that all halves of its carrier in a sweep share."""
    low, top = min(h.low for h in alike), max(h.top for h in alike)
    far = sorted({edge for h in alike for edge in h.far if edge > top})
    return _Half(half.carrier, half.sign, half.origin, half.levels, low, top, tuple(far))


def _draw(
    figure: Any,
    frame: tuple[float, float, float, float],
    halves: Sequence[_Half],
    profile: Profile,
    materials: Mapping[str, str],
    *,
    reach: float | None = None,
    first: bool = True,
) -> list[Any]:
    """Both halves inside `frame` (left, bottom, width, height in mm), each as high as its window is at one scale."""
    left, bottom, width, height = frame
    page_w, page_h = figure.get_size_inches() / _MM
    sizes = np.array([half.ceiling - half.low for half in halves])
    heights = (height - _GAP_MM) * np.clip(sizes / sizes.sum(), 0.25, 0.75)
    drawn = []
    for half, size, y in zip(halves, heights, (bottom + heights[1] + _GAP_MM, bottom)):
        axes = figure.add_axes((left / page_w, y / page_h, width / page_w, size / page_h))
        _draw_half(axes, half, profile)
        _margin(axes, half, profile, materials, size)
        _finish(axes, half, size)
        if reach is not None:
            axes.set_xlim(-reach, reach)
        drawn.append(axes)
    middle = (bottom + heights[1] + _GAP_MM / 2) / page_h
    gap = f"gap {halves[0].origin - halves[1].origin:.3f} eV"
    figure.text((left + width / 2) / page_w, middle, gap, ha="center", va="center", size=6.5)
    if first:
        axis = "energy above the core's valence edge (eV)"
        figure.text(0.6 / page_w, (bottom + height / 2) / page_h, axis, rotation=90, ha="left", va="center", size=7.5)
    else:
        for axes in drawn:
            axes.tick_params(labelleft=False)
    drawn[0].tick_params(labelbottom=False, bottom=False)
    drawn[1].set_xlabel("position along x (nm)")
    return drawn


def _draw_half(axes: Any, half: _Half, profile: Profile) -> None:
    colour = style.CARRIERS[half.carrier]
    intervals = profile.intervals()
    edge = [half.place(profile.edge[half.carrier][i]) for *_, i in intervals]
    for region, a, b, _ in intervals:
        axes.axvspan(a, b, color=style.region_colour(region), lw=0, zorder=0)
    x = [end for _, a, b, _ in intervals for end in (a, b)]
    y = [half.sign * e for e in edge for _ in range(2)]
    axes.plot(x, y, color=style.INK, lw=1.1, zorder=3, solid_joinstyle="miter")
    height = half.ceiling - half.low
    drawn: list[Level] = []
    for level in half.levels:
        axes.plot(profile.x[[0, -1]], [half.sign * half.place(level.energy)] * 2, color=colour, lw=0.6, zorder=4)
        if not drawn or level.energy - drawn[-1].energy > 0.06 * height:
            drawn.append(level)  # else its density would lie on the one below
    spacing = min((b.energy - a.energy for a, b in pairwise(drawn)), default=height)
    tall = min(max(0.9 * spacing, 0.09 * height), 0.22 * height)
    peak = max((level.density.max() for level in drawn), default=1.0) or 1.0
    for rank, level in enumerate(drawn):
        base = half.place(level.energy)
        curve = half.sign * (base + tall * level.density / peak)
        axes.fill_between(profile.x, half.sign * base, curve, color=colour, alpha=0.32 - 0.05 * rank, lw=0, zorder=2)
        axes.plot(profile.x, curve, color=colour, lw=0.9, zorder=4)


def _margin(axes: Any, half: _Half, profile: Profile, materials: Mapping[str, str], size: float) -> None:
    """Numbers on the right: levels in meV, barriers in eV, moved apart where they would touch."""
    symbol = half.carrier[0]
    notes = []
    for level in half.levels:
        many = f" ×{len(level.states)}" if len(level.states) > 1 else ""
        notes.append((level.energy, f"${symbol}_{{{level.name}}}$ {_energy(level.energy)}{many}", half.carrier))
    seen = {}
    for region, _, _, i in profile.intervals():
        if region != "core":
            seen[region] = float(profile.edge[half.carrier][i])
    for region, energy in seen.items():
        notes.append((energy, f"{style.region_name(region, materials)} {energy:+.2f} eV".replace("-", "−"), ""))
    notes.sort(key=lambda note: note[0])
    scale = size / (half.ceiling - half.low)  # mm per eV
    wanted = [(half.place(energy) - half.low) * scale for energy, *_ in notes]
    for at, target, (_, text, carrier) in zip(_apart(wanted, size), wanted, notes):
        colour = style.CARRIERS.get(carrier, style.INK)
        y, y0 = (half.sign * (half.low + mm / scale) for mm in (at, target))
        axes.annotate(
            text,
            xy=(1.0, y0),
            xytext=(1.06, y),
            xycoords=axes.get_yaxis_transform(),
            textcoords=axes.get_yaxis_transform(),
            ha="left",
            va="center",
            size=6.3,
            color=colour,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.5, "shrinkA": 0.5, "shrinkB": 0},
        )


def _apart(wanted: Sequence[float], size: float) -> list[float]:
    """Ascending positions in mm, as near to `wanted` as labels of `_LINE_MM` allow: touching ones share a block."""
    blocks: list[tuple[float, int]] = []  # centre, labels
    for target in wanted:
        centre, count = target, 1
        while blocks and centre - count * _LINE_MM / 2 < blocks[-1][0] + blocks[-1][1] * _LINE_MM / 2:
            other, number = blocks.pop()
            centre, count = (other * number + centre * count) / (number + count), number + count
        centre = max(min(centre, size - count * _LINE_MM / 2 + 1), count * _LINE_MM / 2 - 1)
        blocks.append((centre, count))
    return [centre + (i - (count - 1) / 2) * _LINE_MM for centre, count in blocks for i in range(count)]


def _finish(axes: Any, half: _Half, size: float) -> None:
    """Limits, ticks of the part that is to scale, and the marks where the axis is torn."""
    from matplotlib.ticker import MaxNLocator

    axes.set_ylim(*sorted((half.sign * half.low, half.sign * half.ceiling)))
    axes.margins(x=0)
    ends = sorted(half.origin + half.sign * e for e in (half.low, half.top))
    clear = 1.5 * (half.ceiling - half.low) / size  # no tick within 1.5 mm of a tear
    marks: list[float] = []
    for wanted in range(max(3, int(size / 10)), 12):
        ticks = MaxNLocator(wanted, steps=[1, 2, 5, 10]).tick_values(*ends)
        marks = [t for t in ticks if ends[0] + clear <= t <= ends[1] - clear]
        if len(marks) > 1:
            break
    digits = max(1, -int(np.floor(np.log10(ticks[1] - ticks[0]) + 1e-9)))
    texts = [f"{t + 0.0:.{digits}f}".replace("-", "−") for t in np.round(marks, digits)]
    axes.set_yticks([t - half.origin for t in marks], texts)
    inner = "bottom" if half.sign > 0 else "top"
    axes.spines[inner].set_visible(False)
    _tear(axes, half.sign * half.low, size, band=False)
    if half.far:
        _tear(axes, half.sign * (half.top + 0.4 * half.strip), size, band=True)


def _tear(axes: Any, y: float, size: float, *, band: bool) -> None:
    """Two slanted strokes on both spines at `y`; with `band` everything drawn there is interrupted."""
    low, high = axes.get_ylim()
    d = 0.55 * (high - low) / size  # 0.55 mm
    both = axes.get_yaxis_transform()
    if band:
        axes.fill_between([-0.01, 1.01], y - d, y + d, transform=both, color="white", lw=0, zorder=6, clip_on=False)
    for x in (0.0, 1.0):
        for offset in (-d, d) if band else (0.0,):
            axes.plot(
                [x - 0.02, x + 0.02],
                [y + offset - d, y + offset + d],
                transform=both,
                color=style.INK,
                lw=0.7,
                clip_on=False,
                zorder=7,
            )


def _region_handles(profiles: Sequence[Profile], materials: Mapping[str, str]) -> list[Any]:
    from matplotlib.patches import Patch

    found = {r for p in profiles for r in p.region}
    order = sorted(found, key=lambda r: (r != "core", r == "surroundings", r))
    return [Patch(color=style.region_colour(r), label=style.region_name(r, materials)) for r in order]


def _energy(energy: float) -> str:
    text = f"{1000 * energy:.1f} meV" if abs(energy) < 0.9995 else f"{energy:.3f} eV"
    return text.replace("-", "−")
