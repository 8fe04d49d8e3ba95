"""The pictures of a result folder: where they go, and what is said when one of them cannot be drawn."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from exciton.errors import ComponentMissing
from exciton.pictures import caption, draw_wavefunctions
from exciton.pictures.figures import Files, draw_figures, few
from exciton.pictures.partners import draw_pair
from exciton.result import Result
from exciton.sweep import Point


def draw(folder: Path, result: Result, todo: Sequence[Point]) -> Iterator[str]:
    """Draw all figures and ``wavefunctions.png`` into ``figures/``; yields a line for what could not be drawn."""
    out = folder / "figures"
    out.mkdir(exist_ok=True)
    points, materials = result.points, result.materials
    numbers = {point.resolved.key: number for number, point in reversed(list(enumerate(todo)))}
    files = [Files.of(folder, numbers[point["key"]]) for point in points]
    try:
        draw_figures(out, points, files, materials=materials, measured=result.measured)
    except ComponentMissing as error:  # then not the 3D picture either: its lettering is matplotlib's
        yield f"no figures: {error}"
        return
    shown, vtus = few(points), [each.vtu for each in few(files)]
    if not all(file.exists() for file in vtus):
        yield "no 3D picture: it is drawn from the fields, and output.fields = false"
        return
    labels = [caption(point["parameters"], materials) for point in shown]
    try:
        for point, each, label in zip(shown, few(files), labels):
            draw_pair(point, each, label, out)
        draw_wavefunctions(vtus, labels, out / "wavefunctions.png", points=shown)
    except ComponentMissing as error:
        yield f"no 3D picture: {error}"
