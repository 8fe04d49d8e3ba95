"""The page around the panels of a 3D picture: captions, shares of the charge, a bar of length, the axes.

The lettering is matplotlib's, so that it is that of the other figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exciton.pictures import style
from exciton.pictures.camera import screen_axes

Images = Mapping[tuple[str, int], Any]  # by carrier and number of the point

_PANEL, _LEFT, _TOP, _BOTTOM, _LINE = 46.0, 6.0, 6.5, 8.0, 4.2  # mm
_LETTERS = 26  # of the largest size, in a panel's width


@dataclass(frozen=True)
class Page:
    """Panels with captions above, carriers left, shares in the core, a bar of length and the axes."""

    labels: tuple[str, ...]  # of the points
    points: Sequence[Mapping[str, Any]] | None = None  # of the result; adds the share of the charge in the core
    carriers: tuple[str, ...] = tuple(style.CARRIERS)
    shares: tuple[float, ...] = (0.5, 0.9)
    state: int = 0
    note: str = ""  # what else is to be said below
    lines: int = 1  # of captions, for which there is room at least

    def save(self, images: Images, height: float, path: Path) -> Path:
        """Write the page as PNG; `height` is that of a panel's view in nm."""
        file = path if path.suffix == ".png" else path.with_name(f"{path.name}.png")
        with self._drawn(images, height, 0.0) as figure:
            return style.save(figure, file, ("png",))[0]

    def frame(self, images: Images, height: float, turned: float, dpi: int) -> NDArray[np.uint8]:
        """The page as an image ``(rows, columns, 3)`` with even edges, for a camera turned by radians."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        with self._drawn(images, height, turned) as figure:
            figure.set_dpi(dpi)
            canvas = FigureCanvasAgg(figure)
            canvas.draw()
            image = np.array(canvas.buffer_rgba())[..., :3]
        rows, columns = (2 * (edge // 2) for edge in image.shape[:2])
        return image[:rows, :columns]

    @contextmanager
    def _drawn(self, images: Images, height: float, turned: float) -> Iterator[Any]:
        words = {name: name if self.state == 0 else f"{name}, excited {self.state}" for name in self.carriers}
        carriers = [(words[name], style.CARRIERS[name]) for name in self.carriers]
        captions = [(broken(label), style.INK) for label in self.labels]
        lone = len(self.labels) == 1  # its carriers side by side
        rows, columns = (captions, carriers) if lone else (carriers, captions)
        gap = 4.5 if self.points is not None else 1.0
        narrow = 0.0 if len(columns) > 1 else 42.0  # one panel is narrower than the legend
        top = _TOP + _LINE * max(text.count("\n") for text, _ in columns)
        more = self.lines - 1 if lone else 0
        left, mm = _LEFT + _LINE * max(more, *(text.count("\n") for text, _ in rows)) + narrow / 2, 1 / 25.4
        width, tall = left + _PANEL * len(columns) + narrow / 2, top + (_PANEL + gap) * len(rows) + _BOTTOM
        with style.sheet(width * mm, tall * mm, layout=None) as figure:
            for (carrier, point), image in images.items():
                place = self.carriers.index(carrier)
                row, column = (point, place) if lone else (place, point)
                x, y = left + _PANEL * column, tall - top - _PANEL - (_PANEL + gap) * row
                axes = figure.add_axes((x / width, y / tall, _PANEL / width, _PANEL / tall))
                axes.imshow(image, interpolation="lanczos")
                axes.set_axis_off()
                if self.points is not None:
                    how = {"ha": "center", "va": "top", "size": 7, "color": style.CARRIERS[carrier]}
                    share = in_core(self.points[point], carrier, self.state)
                    axes.text(0.5, -0.02, share, transform=axes.transAxes, **how)
            for column, (text, colour) in enumerate(columns):
                x = (left + _PANEL * (column + 0.5)) / width
                figure.text(x, 1 - 1.5 / tall, text, ha="center", va="top", size=_fitting(text), color=colour)
            for row, (text, colour) in enumerate(rows):
                y = 1 - (top + _PANEL / 2 + (_PANEL + gap) * row) / tall
                how = {"ha": "left", "va": "center", "ma": "center", "size": _fitting(text)}
                figure.text(1.5 / width, y, text, rotation=90, color=colour, **how)
            paper = figure.add_axes((0, 0, 1, _BOTTOM / tall), xlim=(0, width), ylim=(0, _BOTTOM))
            paper.set_axis_off()
            _legend(paper, _PANEL / height, width, turned, self._meaning())
            yield figure

    def _meaning(self) -> str:
        text = f"surfaces enclose {enclosed(self.shares)} of |ψ|²"
        other = "pale or yellow: ψ of the other sign" if self.state else ""
        return "\n".join(filter(None, (text, other, self.note)))


def broken(caption: str) -> str:
    """A caption whose parameters stand below each other where one line has no room for them."""
    return "\n".join(line if len(line) <= _LETTERS else line.replace(", ", "\n") for line in caption.split("\n"))


def _fitting(text: str) -> float:
    """The size at which a heading fits its panel."""
    return 9 * min(1.0, _LETTERS / max(1, *map(len, text.split("\n"))))


def enclosed(shares: Sequence[float]) -> str:
    """The shares in words: 50 % and 90 %."""
    *first, last = [f"{100 * share:g} %" for share in sorted(shares)]
    return f"{', '.join(first)} and {last}" if first else last


def in_core(point: Mapping[str, Any], carrier: str, state: int) -> str:
    """The share of a state that is in the core (or in the region that stands first), in words."""
    region, share = next(iter(point[carrier]["probability"][state].items()))
    where = "the core" if region == "core" else region
    return f"{100 * share:.2f} % in {where}"


def _legend(paper: Any, mm_per_nm: float, width: float, turned: float, meaning: str) -> None:
    """Axes and a bar of round length on the left, what the surfaces are on the right; `paper` counts in mm."""
    right, up = screen_axes(turned)
    origin, arm = np.array([6.2, 3.2]), 3.6  # room for every name, wherever the axes point
    arrow = {"arrowstyle": "-|>", "lw": 0.7, "color": style.INK, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 4}
    for axis, name in enumerate("xyz"):
        tip = origin + arm * np.array([right[axis], up[axis]])
        paper.annotate("", tip, origin, arrowprops=arrow)
        at = origin + (arm + 1.2) * np.array([right[axis], up[axis]])
        paper.text(*at, name, ha="center", va="center", size=6)
    fitting = [n for n in (0.5, 1, 2, 5, 10, 20, 50, 100) if n * mm_per_nm < 20] or [0.2]
    bar, x, y = fitting[-1], 15.0, 2.2
    paper.plot([x, x + bar * mm_per_nm], [y, y], color=style.INK, lw=2, solid_capstyle="butt")
    paper.text(x + bar * mm_per_nm / 2, y + 0.7, f"{bar:g} nm", ha="center", va="bottom", size=7)
    paper.text(width - 2, y + 1.2 * meaning.count("\n"), meaning, ha="right", va="center", size=7)
