"""A result as one HTML page that can be mailed, read on a phone and printed; it loads nothing from anywhere.

Every number on it is in the result folder; figures and surfaces are drawn from its files.
"""

from __future__ import annotations

import base64
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any

from exciton.digits import with_error
from exciton.errors import ComponentMissing
from exciton.pictures.figures import draw_figures
from exciton.pictures.page import Page
from exciton.pictures.partners import draw_pair
from exciton.pictures.scene import Dot, present
from exciton.pictures.style import formula, parameter_label
from exciton.pictures.sweeps import swept
from exciton.pictures.viewer import Scene, document, scene, web
from exciton.result import Result, headings
from exciton.saved import Saved

_UNVERIFIED = "[not verified]"
_MARK = '<span class="unverified">not verified</span>'
_DOWNLOADS = {
    "job.toml": "text/plain",
    "compare.toml": "text/plain",
    "table.csv": "text/csv",
    "result.json": "application/json",
}
_FIGURES = (  # how the name starts, caption
    ("emission", "Emission energy and where the carriers are, along the sweep."),
    ("lifetime", "Lifetimes along the sweep."),
    ("map", "The swept plane: emission energy, and where the carriers are."),
    ("terms", "What the pair's energy is made of: shifts from the gap, which add up to the diamond."),
    ("spectra", "Absorption and emission."),
    ("distance", "How far apart electron and hole are: the correlated pair, and the two carriers alone."),
    (
        "pair",
        "Where each carrier is while its partner is held at the mark, and where it is alone, in the plane through the "
        "core's centre",
    ),
    ("bands", "Band edges along the x axis through the core's centre, levels and densities"),
    (
        "wavefunctions",
        "Surfaces of constant density, their front cut away; camera and scale are the same in every panel.",
    ),
)


def report(saved: Saved) -> str:
    """The page.

    Raises
    ------
    ComponentMissing
        matplotlib is not installed.
    """
    result = saved.result
    found, why = _scene(saved)
    sections = [
        ("In short", _summary(result)),
        ("Results", _table(result)),
        ("Figures", _figures(saved)),
        ("In three dimensions", _turning(found, why, saved)),
        ("What the error bars are", _errors(result)),
        ("What was assumed", _assumptions(result)),
        ("What was asked", _job(saved)),
        ("How to reproduce it", _reproduce(saved)),
    ]
    title = result.title or saved.path.resolve().name
    body = "\n".join(f"<section>\n<h2>{name}</h2>\n{text}\n</section>" for name, text in sections if text)
    return document(
        title,
        f"<main>\n<h1>{escape(title)}</h1>\n{body}\n</main>",
        found.script() if found else "",
        web("viewer.css") + web("report.css"),
    )


def _summary(result: Result) -> str:
    points = result.points
    first, last = points[0], points[-1]
    names = [parameter_label(name, result.materials) for name in swept(points)]
    count = f"{len(points)} points along {_listed(names)}" if names else "One structure"
    layers = [formula(material) for region, material in result.materials.items() if region != "surroundings"]
    lines = [f"{escape(count)}; materials from the inside out: {escape(', '.join(layers))}."]
    energies, lengths = ([point[key] for point in points] for key in ("emission_eV", "emission_nm"))
    if len(points) > 1:
        lines.append(
            f"Emission between {min(energies):.4f} and {max(energies):.4f} eV "
            f"({min(lengths):.2f} to {max(lengths):.2f} nm); from the first point to the last it moves by "
            f"{_signed(1000 * (energies[-1] - energies[0]))} meV."
        )
    else:
        lines.append(f"Emission at {first['emission_eV']:.4f} eV ({first['emission_nm']:.2f} nm).")
    for carrier in ("electron", "hole"):
        shares = [next(iter(point[carrier]["probability"][0].values())) for point in points]
        low, high = 100 * min(shares), 100 * max(shares)
        span = f"{low:.2f} %" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f} %"
        lines.append(f"The {carrier} in its ground state is with {span} of its charge in the core.")
    kinds = dict.fromkeys(point["alignment"]["type_by_states"] for point in points)
    lines.append(f"By where the states are, the alignment is of type {escape(_listed(list(kinds)))}.")
    level = last.get("exciton", {}).get("level", "none")
    lines.append(
        "The pair's energy is computed at the level "
        f"<b>{escape(level)}</b>." if level != "none" else "No pair was computed: electron and hole do not attract."
    )  # fmt: skip
    if result.measured:
        lines.append(f"Stars in the figures were measured: {escape(str(result.measured['source']))}.")
    doubtful = sum(_UNVERIFIED in line for line in result.assumptions)
    if doubtful:
        lines.append(f"{doubtful} of the {len(result.assumptions)} assumptions below rest on numbers marked {_MARK}.")
    if result.failed:
        noun = "point" if len(result.failed) == 1 else "points"
        lines.append(f"<b>{len(result.failed)} {noun} could not be solved</b>; see below the table.")
    return _list(lines)


def _table(result: Result) -> str:
    heads, rows = headings(result.points, result.materials)
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    notes = [
        f"{escape(_where(point['parameters']))}: {escape(flag)}"
        for point in result.points
        for flag in point.get("flags", ())
    ]
    notes += [
        f"<b>failed</b>: {escape(_where(point['parameters']))}: {escape(point['error'])}" for point in result.failed
    ]
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>\n'
        "<p>Levels are measured from the core's band edges, the pair's energy from the core's gap. Digits in brackets "
        "are the estimated numerical error in units of the last digit: 18.81(5) is 18.81 ± 0.05.</p>"
        f"{_list(notes)}"
    )


def _figures(saved: Saved) -> str:
    folder = saved.path / "figures"
    if any(folder.glob("*.png")):
        return _embedded(folder, saved.result)
    with tempfile.TemporaryDirectory() as name:  # the job did not ask for figures: the report does
        _draw(Path(name), saved)
        return _embedded(Path(name), saved.result)


def _draw(folder: Path, saved: Saved) -> None:
    """The plots; the picture of the wavefunctions is left to the turning view."""
    result, files = saved.result, [point.files for point in saved.points]
    draw_figures(folder, result.points, files, materials=result.materials, measured=result.measured)
    for point in saved.chosen(None):
        with suppress(ComponentMissing):  # what is missing is said where the turning view would be
            draw_pair(point.entry, point.files, point.label, folder)


def _embedded(folder: Path, result: Result) -> str:
    parts = []
    for start, words in _FIGURES:
        for file in sorted(folder.glob(f"{start}*.png")):
            number = re.fullmatch(r"(?:bands|pair)_(\d+)", file.stem)
            text = f"{words}, point {int(number[1])} of the sweep (counted from 0)." if number else words
            text = text if text.endswith(".") else f"{text}."
            size = ' class="column"' if number and start == "bands" and len(result.points) > 1 else ""
            size = ' class="half"' if start in ("lifetime", "terms", "spectra", "distance") else size
            source = base64.b64encode(file.read_bytes()).decode("ascii")
            image = f'<img alt="{escape(text, quote=True)}" src="data:image/png;base64,{source}">'
            parts.append(f"<figure{size}>{image}<figcaption>{escape(text)}</figcaption></figure>")
    return f'<div class="figures">{"".join(parts)}</div>' if parts else ""


def _scene(saved: Saved) -> tuple[Scene | None, str]:
    """The turning view, or why there is none."""
    shown = saved.chosen(None)
    if not all(point.vtu.exists() for point in shown):
        return None, "The fields of this result were not written (output.fields = false), so there is no turning view."
    try:
        dots = [Dot.read(point.vtu, present(point.entry)) for point in shown]
    except ComponentMissing as error:
        return None, f"No turning view: {error}."
    page = Page(tuple(point.label for point in shown), [point.entry for point in shown])
    return scene(dots, page), ""


def _turning(found: Scene | None, why: str, saved: Saved) -> str:
    if found is None:
        return f"<p>{escape(why)}</p>"
    left = len(saved.points) - len(saved.chosen(None))
    note = f"<p>Of {len(saved.points)} points the first and the last are shown.</p>" if left else ""
    return f"{note}{found.figures()}"


def _errors(result: Result) -> str:
    point = result.points[-1]
    worst = max(max(p[c]["error_meV"]) for p in result.points for c in ("electron", "hole"))
    lines = [
        "They are <b>numerical</b>: what the mesh, the elements and the solver leave open, estimated by the program "
        f"from refinement. The largest of any level is {worst:.2g} meV.",
        "They are <b>not</b> the uncertainty of the prediction. That comes from the material numbers, whose spread "
        "stands beside each of them below, and from the model: one band per carrier, an effective mass in each "
        "material, no Stokes shift, no strain.",
        "What the model leaves out mostly moves all points of a sweep alike, so that shifts between them are better "
        "known than positions.",
    ]
    if "exciton" in point:
        pair = point["exciton"]
        terms = ", ".join(f"{escape(name.replace('_', ' '))} {value:.2f}" for name, value in pair["terms_meV"].items())
        energy = with_error(pair["energy_meV"], pair["error_meV"])
        lines.append(f"At the last point the pair's energy of {energy} meV is the sum of (meV): {terms}.")
    if point.get("exciton", {}).get("level") == "first-order":
        lines.append(
            "<b>first-order</b> takes the attraction as an expectation value; correlation, which lowers the pair "
            "further in large dots, is not in it and not in the error either."
        )
    return _list(lines)


def _assumptions(result: Result) -> str:
    """The sheet, what belongs to one material together and the rest last."""
    groups: dict[str, list[str]] = {subject: [] for subject in (*result.materials.values(), "")}
    for line in result.assumptions:
        subject, _, text = line.partition(": ")
        if subject in groups:
            groups[subject].append(text)
        else:
            groups[""].append(line)
    parts = []
    for subject, texts in groups.items():
        if not texts:
            continue
        shown = [escape(text).replace(_UNVERIFIED, _MARK) for text in texts]
        parts.append(f"<h3>{escape(formula(subject)) if subject else 'Structure and model'}</h3>\n{_list(shown)}")
    return (
        "<p>Every material number with the range found in the literature and its source. Those marked "
        f"{_MARK} were not checked against the original.</p>\n" + "\n".join(parts)
    )


def _job(saved: Saved) -> str:
    text = _text(saved.path / "job.toml")
    if not text:
        return ""
    return f"<p>The job with every default and every material number visible:</p>\n<pre>{escape(text)}</pre>"


def _reproduce(saved: Saved) -> str:
    versions = ", ".join(f"{escape(name)} {escape(number)}" for name, number in saved.result.versions.items())
    links = [
        f'<a download="{name}" href="data:{kind};charset=utf-8;base64,{_data(text)}">{name}</a>'
        for name, kind in _DOWNLOADS.items()
        if (text := _text(saved.path / name))
    ]
    commands = "exciton check job.toml\nexciton solve job.toml -o results\nexciton report results"
    methods = dict.fromkeys(p["cost"]["method"] for p in saved.result.points if "method" in p["cost"])
    seconds = sum(point["cost"]["seconds"] for point in saved.result.points)
    method = f" Method: {escape('; '.join(methods))}." if methods else ""
    return (
        f"<p>Save {_listed(links)} from this page, then:</p>\n<pre>{commands}</pre>\n"
        f"<p>Computed with {versions}; {seconds:.3g} s.{method}</p>"
    )


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _data(text: str) -> str:
    return base64.b64encode(text.encode("utf-8")).decode("ascii")


def _where(parameters: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in parameters.items()) or "the job"


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−")


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _list(lines: Sequence[str]) -> str:
    return "<ul>\n" + "\n".join(_items(lines)) + "\n</ul>" if lines else ""


def _items(lines: Sequence[str]) -> Iterator[str]:
    yield from (f"<li>{line}</li>" for line in lines)
