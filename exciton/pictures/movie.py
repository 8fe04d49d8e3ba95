"""Moving pictures of wavefunctions: once round the particles, or from point to point along a sweep."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exciton.errors import ComponentMissing
from exciton.pictures import rendering, style
from exciton.pictures.camera import look
from exciton.pictures.page import Page, broken
from exciton.pictures.scene import Dot, common_reach, panels, plotters

Frame = NDArray[np.uint8]  # (rows, columns, 3), both even

KINDS = (".gif", ".mp4")
_DPI = 130


def require(kind: str) -> None:
    """Nothing where films of this kind can be written here; ``.gif`` needs nothing more than the figures do.

    Raises
    ------
    ComponentMissing
        ``.mp4`` without imageio-ffmpeg.
    """
    if kind == ".mp4" and find_spec("imageio_ffmpeg") is None:
        raise ComponentMissing(
            "MP4 needs imageio-ffmpeg, which is not installed: `pip install imageio-ffmpeg`, or name a .gif instead"
        )


def orbit(dots: Sequence[Dot], page: Page, frames: int = 36, pixels: int = 300) -> Iterator[Frame]:
    """All panels side by side, seen from a camera that goes once round them."""
    rendering.require()
    turns = np.linspace(0, 2 * np.pi, frames, endpoint=False)
    reaches = np.array([common_reach(dots, turned) for turned in turns])
    reach = (float(reaches[:, 0].max()), float(reaches[:, 1].max()))
    with ExitStack() as stack:
        open_plotters = {}
        for key, plotter in plotters(dots, page, pixels):
            stack.callback(plotter.close)
            open_plotters[key] = plotter
        for turned in turns:
            images, height = {}, 0.0
            for key, plotter in open_plotters.items():
                height = look(plotter, reach, float(turned))
                plotter.render()
                images[key] = plotter.screenshot(return_img=True)
            yield page.frame(images, height, float(turned), _DPI)


def along_sweep(dots: Sequence[Dot], page: Page, pixels: int = 420) -> Iterator[Frame]:
    """One point after the other, its carriers side by side; camera and scale stay."""
    rendering.require()
    reach = common_reach(dots)
    lines = 1 + max(broken(label).count("\n") for label in page.labels)  # every frame is as wide
    for number, dot in enumerate(dots):
        points = None if page.points is None else [page.points[number]]
        single = replace(page, labels=(page.labels[number],), points=points, lines=lines)
        images, height = panels([dot], single, pixels, reach)
        yield single.frame(images, height, 0.0, _DPI)


def write(path: Path, frames: Iterator[Frame], seconds: float) -> Path:
    """Write a film in one step, each frame shown for so long; a GIF repeats for ever.

    Raises
    ------
    ComponentMissing
        The library for this kind of file is not installed.
    """
    require(path.suffix)
    if path.suffix == ".mp4":
        _write_mp4(path, frames, seconds)
    else:
        _write_gif(path, frames, seconds)
    return path


def _write_gif(path: Path, frames: Iterator[Frame], seconds: float) -> None:
    from PIL import Image

    stack = list(frames)
    rows, columns = stack[0].shape[:2]
    inks = [Image.new("RGB", (columns, rows // 2), ink) for ink in style.CARRIERS.values()]  # however small a mark is
    whole = Image.fromarray(np.concatenate([*stack, *map(np.asarray, inks)]))
    whole = whole.quantize(255)  # one palette for all, so that nothing flickers
    first, *rest = [whole.crop((0, rows * n, columns, rows * (n + 1))) for n in range(len(stack))]
    with style.replacing(path) as stream:
        first.save(
            stream, "GIF", save_all=True, append_images=rest, duration=round(1000 * seconds), loop=0, optimize=False
        )


def _write_mp4(path: Path, frames: Iterator[Frame], seconds: float) -> None:
    import imageio_ffmpeg

    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        file = Path(folder) / path.name
        writer: Any = None
        for frame in frames:
            if writer is None:
                size = (frame.shape[1], frame.shape[0])
                writer = imageio_ffmpeg.write_frames(str(file), size, fps=1 / seconds, macro_block_size=2, quality=8)
                writer.send(None)
            writer.send(np.ascontiguousarray(frame))
        writer.close()
        os.replace(file, path)
