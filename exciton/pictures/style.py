"""The one look of every figure: sizes, fonts, colours, the words on the axes, and how a file gets to the disk.

Colours are Okabe and Ito's, which colour-blind readers tell apart; electron and hole keep theirs everywhere.
Matplotlib is used through its objects (no pyplot, no display, no global state that outlives a figure).
Nothing here knows what is drawn.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

from exciton.errors import ComponentMissing

ELECTRON = "#0072B2"
HOLE = "#D55E00"
CARRIERS = {"electron": ELECTRON, "hole": HOLE}
OPPOSITE = {ELECTRON: "#56B4E9", HOLE: "#F0C808"}  # where psi is negative, in pictures of excited states
INK = "#222222"
FAINT = "#8A8A8A"
CORE = "#FCF3D4"
SHELLS = ("#CFE6D8", "#DDD3EC", "#D5E0F2", "#EFD9DE")  # inside out, again from the first when there are more
SURROUNDINGS = "#EFEFEF"

COLUMN = 85 / 25.4  # inch: one column of a journal
WIDE = 170 / 25.4  # inch: both columns
DPI = 300

LOOK: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same picture on every machine
    "font.size": 7.5,
    "axes.labelsize": 7.5,
    "axes.titlesize": 7.5,
    "legend.fontsize": 6.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.6,
    "axes.formatter.useoffset": False,
    "axes.unicode_minus": True,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "errorbar.capsize": 2,
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "mathtext.default": "regular",
    "pdf.fonttype": 42,  # text stays text in the PDF
    "svg.fonttype": "none",
    "svg.hashsalt": "exciton",  # the same figure gives the same bytes
    "figure.facecolor": "white",
    "savefig.dpi": DPI,
}

UNITS = {"nm": "nm", "nm3": "nm³", "eV": "eV", "meV": "meV", "K": "K", "ns": "ns"}
_AXES = "xyz"
_PLAIN = {"thickness": "thickness per face", "edges": "edge", "size": "mesh size"}


@contextmanager
def sheet(width: float, height: float, *, layout: Literal["constrained"] | None = "constrained") -> Iterator[Any]:
    """A blank matplotlib ``Figure`` of `width` by `height` inches in the project's look; save it inside the block.

    Raises
    ------
    ComponentMissing
        matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ComponentMissing(
            "figures need matplotlib, which cannot be imported; install it with `pip install matplotlib`"
        ) from error
    with matplotlib.rc_context(LOOK):
        yield Figure(figsize=(width, height), layout=layout)


def save(figure: Any, path: Path, formats: tuple[str, ...] = ("png", "pdf")) -> tuple[Path, ...]:
    """Write `figure` beside `path` once per format, each atomically, and return the files.

    A suffix ``.png``, ``.pdf`` or ``.svg`` of `path` is dropped: the formats decide.
    """
    dateless = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
    stem = path.name[: -len(path.suffix)] if path.suffix.lower() in (".png", ".pdf", ".svg") else path.name
    written = []
    for kind in formats:
        file = path.with_name(f"{stem}.{kind}")
        with replacing(file) as stream:
            figure.savefig(stream, format=kind, metadata=dateless[kind])
        written.append(file)
    return tuple(written)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A stream whose content becomes `path` in one step when the block ends well; else `path` is as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)  # a temporary file is private, a picture is not
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def partner(colour: str) -> str:
    """The colour of the other carrier."""
    return HOLE if colour == ELECTRON else ELECTRON


def mixed(colour: str, white: float) -> tuple[float, float, float]:
    """A colour with a share of white in it."""
    from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(colour)
    return (red + (1 - red) * white, green + (1 - green) * white, blue + (1 - blue) * white)


def shades(colour: str) -> Any:
    """A matplotlib colour map from white to a colour."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(colour, ["white", colour])


def phases(colour: str) -> Any:
    """A colour map for signed values: a carrier's colour above white, its opposite below."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(f"{colour} signed", [OPPOSITE[colour], "white", colour])


def formula(name: str) -> str:
    """A material's name for people: digits of a chemical formula as subscripts (``CsPbBr3`` to ``CsPbBr₃``)."""
    if not re.fullmatch(r"([A-Z][a-z]?\d*)+", name):
        return name
    return name.translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def region_name(region: str, materials: Mapping[str, str]) -> str:
    """What a region is called on a picture: its material where `materials` (region to material) knows it."""
    return formula(materials[region]) if region in materials else region.replace("_", " ")


def region_colour(region: str) -> str:
    """The shade of a region, by its place: core, shell_1, ..., surroundings."""
    if region in ("core", "surroundings"):
        return CORE if region == "core" else SURROUNDINGS
    place = re.fullmatch(r"shell_(\d+)", region)
    return SHELLS[(int(place[1]) - 1) % len(SHELLS)] if place else SHELLS[sum(region.encode()) % len(SHELLS)]


def parameter_label(path: str, materials: Mapping[str, str] | None = None) -> str:
    """The axis label of a swept parameter, from its path in the job file.

    ``structure.shells[0].thickness_nm`` becomes "ZnS thickness per face (nm)" where `materials` says that
    ``shell_1`` is ZnS, else "shell 1 thickness per face (nm)". The unit is the suffix of the last key.
    """
    words, unit = parameter_words(path, materials or {})
    return f"{words} ({unit})" if unit else words


def parameter_value(path: str, value: object, materials: Mapping[str, str] | None = None) -> str:
    """One value of a swept parameter for a caption, such as "ZnS 0.55 nm" or "ZnS electron barrier 0.1 eV"."""
    words, unit = parameter_words(path, materials or {})
    if isinstance(value, bool):
        return f"{words} {'on' if value else 'off'}"
    if isinstance(value, str):
        return f"{words} {formula(value)}"
    text = f"{value:.4g}".replace("-", "−") if isinstance(value, int | float) else str(value)
    return " ".join(filter(None, (words.removesuffix(" thickness per face"), text, unit)))


def caption(parameters: Mapping[str, object], materials: Mapping[str, str] | None = None) -> str:
    """A sweep point in a few words, from its ``parameters``: "ZnS 0.55 nm", or "no ZnS" for a thickness of 0."""
    words = []
    for path, value in parameters.items():
        absent = path.endswith(".thickness_nm") and value == 0
        name = parameter_words(path, materials or {})[0].removesuffix(" thickness per face")
        words.append(f"no {name}" if absent else parameter_value(path, value, materials))
    return ", ".join(words)


def parameter_words(path: str, materials: Mapping[str, str]) -> tuple[str, str]:
    """What a parameter is called, and its unit (empty where it has none)."""
    steps = [(name, int(index) if index else None) for name, index in re.findall(r"([^.\[\]]+)(?:\[(\d+)\])?", path)]
    key, index = steps[-1]
    owner = _owner(steps[:-1], materials)
    stem, _, suffix = key.rpartition("_")
    words, unit = (stem, UNITS[suffix]) if suffix in UNITS and stem else (key, "")
    if re.search(r"_mass(_xyz)?$", words):
        words, unit = words.removesuffix("_xyz"), "m₀"
    words = _PLAIN.get(words, words.replace("_", " "))
    if index is not None:
        words += f" along {_AXES[index]}" if index < 3 else f" {index + 1}"
    return " ".join(filter(None, (owner, words))), unit


def _owner(steps: list[tuple[str, int | None]], materials: Mapping[str, str]) -> str:
    """Whose parameter it is: a region of the structure or a material; nobody's in the other tables."""
    match steps:
        case [("structure", _), ("shells", int(index)), *_]:
            return region_name(f"shell_{index + 1}", materials)
        case [("structure", _), ("core" | "surroundings" as region, _), *_]:
            name = region_name(region, materials)
            return f"{name} core" if region == "core" and name != "core" else name
        case [("materials" | "alignment", _), (material, _), *_]:
            return formula(material)
        case _:
            return ""
