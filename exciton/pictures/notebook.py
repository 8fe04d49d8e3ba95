"""Pictures of a `Result` as objects that a notebook shows, and that can be saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from exciton.pictures.style import replacing

_HEIGHT = 560  # pixels of a turning view in a notebook


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure; a notebook shows it."""

    png: bytes
    files: tuple[Path, ...]  # where it was written; empty where no path was given

    @classmethod
    def drawn(cls, draw: Callable[[Path], tuple[Path, ...]], path: Path | None) -> Picture:
        """What `draw` makes of a path: kept there, or in memory alone."""
        if path is not None:
            files = draw(path)
            return cls(next(f for f in files if f.suffix == ".png").read_bytes(), files)
        with TemporaryDirectory() as folder:
            return cls(draw(Path(folder) / "figure")[0].read_bytes(), ())

    def _repr_png_(self) -> bytes:
        return self.png

    def __repr__(self) -> str:
        return f"<figure: {', '.join(map(str, self.files)) or f'{len(self.png)} bytes of PNG'}>"


@dataclass(frozen=True, slots=True)
class View:
    """Wavefunctions that turn with the mouse; a notebook shows them."""

    html: str

    def save(self, path: str | Path) -> Path:
        """Write the page, which needs no network."""
        path = Path(path)
        with replacing(path) as stream:
            stream.write(self.html.encode("utf-8"))
        return path

    def _repr_html_(self) -> str:
        page = escape(self.html, quote=True)
        return f'<iframe srcdoc="{page}" style="width: 100%; height: {_HEIGHT}px; border: 0"></iframe>'

    def __repr__(self) -> str:
        return f"<turning view: {len(self.html) // 1000} kB of HTML; save(path) writes it>"


def view(folder: Path, points: Sequence[int] | None, state: int, shares: Sequence[float]) -> View:
    """The page of ``exciton view --html``."""
    from exciton.pictures.page import Page
    from exciton.pictures.scene import Dot, present
    from exciton.pictures.viewer import viewer
    from exciton.saved import Saved, require_fields

    saved = Saved.read(folder)
    chosen = saved.chosen(points)
    require_fields(chosen)
    dots = [Dot.read(point.vtu, present(point.entry)) for point in chosen]
    page = Page(tuple(p.label for p in chosen), [p.entry for p in chosen], shares=tuple(sorted(shares)), state=state)
    return View(viewer(dots, page, saved.result.title))
