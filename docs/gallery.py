"""Make the gallery: solve the example jobs, draw, write ``docs/gallery.md``. ``python docs/gallery.py [--only NAME]``

Results go to ``results/`` (finished points are kept), pictures to ``docs/pictures/``. Every picture is one command, and
the page shows it.
"""

import argparse
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageSequence

from exciton import cli

DOCS = Path(__file__).parent
PICTURES = DOCS / "pictures"
RESULTS = DOCS.parent / "results"
HEAD = """# Gallery

Made by `python docs/gallery.py` from the [example jobs](examples/). Below each picture is the command that draws it
from a result folder, or the name under which `exciton solve` leaves it there; figures are written as PDF, too.
"""


@dataclass(frozen=True)
class Entry:
    """One picture: of which job, how it comes about, and what there is to see."""

    job: str
    name: str  # of the picture
    made: str  # a file of figures/, or the options of `exciton view`
    title: str
    words: str


SHELL, SCAN = "zns-on-cspbbr3", "offset-scan"
ENTRIES = (
    Entry(
        SHELL,
        "wavefunctions.png",
        "figures/wavefunctions.png",
        "Electron and hole while a shell grows",
        "A 14.2 nm CsPbBr3 cube without and with ZnS. Surfaces enclose 50 % and 90 % of the charge; the front of the "
        "outer one is cut away. Camera and scale are the same in all panels.",
    ),
    Entry(
        SHELL,
        "emission.png",
        "figures/emission.png",
        "Emission, and where the carriers are",
        "Stars are what was measured ([teku2025.toml](examples/teku2025.toml)).",
    ),
    Entry(
        SHELL,
        "terms.png",
        "figures/terms.png",
        "What the pair's energy is made of",
        "Shifts from the gap: what raises the energy upwards, what lowers it downwards, the sum as a diamond.",
    ),
    Entry(
        SHELL,
        "lifetime.png",
        "figures/lifetime.png",
        "Lifetimes",
        "Radiative ones of the correlated pair. Measured ones contain all channels; over the quantum yield they are "
        "radiative only if every particle that absorbs can emit.",
    ),
    Entry(
        SHELL,
        "spectra.png",
        "figures/spectra.png",
        "Absorption and emission",
        "Absorption has one scale for all points, emission its own peak.",
    ),
    Entry(
        SHELL,
        "bands_002.png",
        "figures/bands_002.png",
        "Bands, levels and densities",
        "Along the axis through the core, to scale; where the axis is torn, that is marked.",
    ),
    Entry(
        SHELL,
        "excited.png",
        "--screenshot {} --state 1 --point 2",
        "Excited states",
        "The two signs of psi have two colours. Of a degenerate level, one member is drawn.",
    ),
    Entry(
        SHELL,
        "slices.png",
        "--screenshot {} --slice z --point 0 2",
        "Slices",
        "Densities in the plane through the middle of the core, with the interfaces.",
    ),
    Entry(
        SHELL,
        "pair.png",
        "--screenshot {} --scene pair --point 0",
        "Where one is while the other one is here",
        "The correlated pair: electron and hole alone, and with the partner held at the ball, in the cube without a "
        "shell. The colours of a cut go up to the panel's own largest density.",
    ),
    Entry(
        SHELL,
        "distance.png",
        "figures/distance.png",
        "How far apart they are",
        "Distribution of the electron-hole distance: the correlated pair, and the product of the two ground states.",
    ),
    Entry(
        SHELL,
        "orbit.gif",
        "--movie {} --point 2 --carrier electron",
        "Once round",
        "`exciton view --html FILE` makes a page that turns with the mouse instead.",
    ),
    Entry(
        SCAN,
        "map.png",
        "figures/map.png",
        "Two parameters at once",
        "Emission, core probabilities, and the borders where the type of the alignment changes.",
    ),
)


def main() -> None:
    jobs = tuple(dict.fromkeys(entry.job for entry in ENTRIES))
    parser = argparse.ArgumentParser(description="solve the example jobs, draw, and write docs/gallery.md")
    parser.add_argument("--only", choices=jobs, nargs="+", default=jobs, help="leave the other jobs' pictures alone")
    chosen = parser.parse_args().only
    for job in chosen:
        _run("solve", str(DOCS / "examples" / f"{job}.toml"), "-o", str(RESULTS / job))
    for entry in ENTRIES:
        if entry.job in chosen:
            draw(entry, RESULTS / entry.job, PICTURES / entry.name)
    (DOCS / "gallery.md").write_text(page(), encoding="utf-8")


def draw(entry: Entry, folder: Path, picture: Path) -> None:
    """Bring one picture to its place."""
    if entry.made.startswith("--"):
        _run("view", str(folder), *(word.format(picture) for word in shlex.split(entry.made)))
    else:
        shutil.copyfile(folder / entry.made, picture)
    {".png": _lighten, ".gif": _lighten_film}[picture.suffix](picture)


def _lighten_film(film: Path) -> None:
    """Few colours, the same in all frames."""
    with Image.open(film) as image:
        pause = image.info["duration"]
        frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(image)]
    width, height = frames[0].size
    strip = Image.new("RGB", (width, height * len(frames)))
    for number, frame in enumerate(frames):
        strip.paste(frame, (0, number * height))
    strip = strip.quantize(64, kmeans=1)
    first, *rest = [strip.crop((0, n * height, width, (n + 1) * height)) for n in range(len(frames))]
    first.save(film, save_all=True, append_images=rest, duration=pause, loop=0)


def _lighten(picture: Path) -> None:
    """As many dots and colours as a screen needs: the repository keeps every version for ever."""
    with Image.open(picture) as image:
        image = image.convert("RGB")
    image.thumbnail((1200, 1200), Image.Resampling.LANCZOS)
    image.quantize(256, kmeans=2, dither=Image.Dither.FLOYDSTEINBERG).save(picture, optimize=True)


def page() -> str:
    """The gallery as Markdown."""
    parts = [HEAD]
    for entry in ENTRIES:
        command = f"exciton view results/{entry.job} {entry.made.format(entry.name)}"
        made = command if entry.made.startswith("--") else f"results/{entry.job}/{entry.made}"
        parts.append(f"## {entry.title}\n\n{entry.words}\n\n![{entry.title}](pictures/{entry.name})\n\n`{made}`\n")
    return "\n".join(parts)


def _run(*arguments: str) -> None:
    if status := cli.main(arguments):
        raise SystemExit(status)


if __name__ == "__main__":
    main()
