"""The pictures of a result folder: which ones a result asks for, and where they go."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from exciton.errors import ComponentMissing
from exciton.pictures import caption, draw_wavefunctions, plot_bands, plot_emission, plot_map, swept
from exciton.result import Result
from exciton.sweep import Point

MANY = 6  # points beyond which pictures of single points are drawn of the first and the last only


def draw(folder: Path, result: Result, todo: Sequence[Point]) -> Iterator[str]:
    """Draw all figures into ``figures/``; yields a line for each kind that could not be drawn.

    ``emission`` (one swept parameter) or ``map`` (two), ``bands_000`` and so on, and ``wavefunctions.png``.
    """
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    points, materials = result.points, result.materials
    spanned = swept(points)
    if len(spanned) == 1 and len(points) > 1:
        plot_emission(points, figures / "emission", materials=materials)
    elif len(spanned) == 2:
        plot_map(points, figures / "map", materials=materials)
    numbers = {point.resolved.key: number for number, point in reversed(list(enumerate(todo)))}
    shown = points if len(points) <= MANY else (points[0], points[-1])
    vtus = []
    for point in shown:
        name = f"point_{numbers[point['key']]:03d}"
        axis = folder / "fields" / f"{name}_axis.csv"
        plot_bands(axis, point, point["gap_eV"], figures / f"bands_{name[6:]}", materials=materials)
        vtus.append(folder / "fields" / f"{name}.vtu")
    if not all(file.exists() for file in vtus):
        yield "no 3D picture: it is drawn from the fields, and output.fields = false"
        return
    labels = [caption(point["parameters"], materials) for point in shown]
    try:
        draw_wavefunctions(vtus, labels, figures / "wavefunctions.png", points=shown)
    except ComponentMissing as error:
        yield f"no 3D picture: {error}"
