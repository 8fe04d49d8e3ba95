"""Isosurfaces that turn with the mouse, in HTML that needs no network and no library.

Points go as 16-bit integers, so that a page of six panels is about a megabyte; ``web/viewer.js`` draws them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exciton.pictures import style
from exciton.pictures.camera import MARGIN, angles
from exciton.pictures.page import Page, enclosed, in_core
from exciton.pictures.scene import SHELL_INK, Dot, ball, common_reach, lobes, outline, surfaces

_FINE = 32_000  # steps from the centre to the farthest point
_FEW = 4_000  # triangles of the silhouette of a body without edges


@dataclass(frozen=True)
class Scene:
    """The panels of a page: their meshes as plain data, and their captions."""

    content: Mapping[str, Any]  # what the script reads
    panels: tuple[tuple[str, int], ...]  # carrier and number of the point, in order
    page: Page

    def figures(self) -> str:
        """The panels as HTML, on a grid with the carriers of a point side by side or the points in a row."""
        count = len(self.page.labels)
        columns = len(self.page.carriers) if count == 1 else count
        body = "\n".join(self._figure(number, *panel) for number, panel in enumerate(self.panels))
        controls = _controls(self.page, self.content["opened"])
        return f'<div class="panels" style="--columns: {columns}">\n{body}\n</div>\n{controls}'

    def script(self) -> str:
        """The data and the program, for the end of the page."""
        data = json.dumps(self.content, separators=(",", ":")).replace("<", "\\u003c")
        return f'<script type="application/json" id="scene">{data}</script>\n<script>\n{web("viewer.js")}</script>'

    def _figure(self, number: int, carrier: str, point: int) -> str:
        state = "" if self.page.state == 0 else f", excited state {self.page.state}"
        name = f"{carrier}{state}"
        label = self.page.labels[point].replace("\n", ", ")
        words = [f'<span class="{carrier}">{name}</span>', escape(label)]
        if self.page.points is not None:
            words.append(escape(in_core(self.page.points[point], carrier, self.page.state)))
        about = escape(f"{name}: surfaces that enclose {enclosed(self.page.shares)} of the charge; {label}", quote=True)
        return (
            f'<figure data-panel="{number}"><canvas role="img" tabindex="0" aria-label="{about}"></canvas>'
            f"<figcaption>{'<br>'.join(filter(None, words))}</figcaption></figure>"
        )


def scene(dots: Sequence[Dot], page: Page) -> Scene:
    """The panels of a page: of each carrier, one for each point.

    Raises
    ------
    ComponentMissing
        PyVista is not installed.
    ValueError
        A field file does not have the state.
    """
    radius = max(float(np.linalg.norm(dot.body().points, axis=1).max()) for dot in dots)
    farthest = max(float(abs(np.asarray(dot.grid.points)).max()) for dot in dots)
    unit = max(radius, farthest) / _FINE
    meshes: list[dict[str, Any]] = []
    outlines = [_numbered(meshes, _outlines(dot, unit)) for dot in dots]
    order, panels = [], []
    for carrier, point in ((c, p) for c in page.carriers for p in range(len(dots))):
        density = _numbered(meshes, _density(dots[point], carrier, page, unit))
        order.append((carrier, point))
        panels.append(density + outlines[point])
    azimuth, elevation = angles()
    half = MARGIN * max(*common_reach(dots), radius)  # nothing leaves the panel, however it is turned
    content = {"unit": unit, "radius": radius, "half": half, "azimuth": azimuth, "elevation": elevation}
    content["opened"] = any(dot.opened is not None for dot in dots)
    return Scene(content | {"meshes": meshes, "panels": panels}, tuple(order), page)


def viewer(dots: Sequence[Dot], page: Page, title: str) -> str:
    """A page of its own with the panels and their controls."""
    found = scene(dots, page)
    head = f"<h1>{escape(title)}</h1>\n" if title else ""
    return document(
        title or "Wavefunctions",
        f"<main>\n{head}{found.figures()}\n</main>",
        found.script(),
        web("viewer.css") + web("view.css"),
        'data-wheel="zoom"',
    )


def document(title: str, body: str, scripts: str, style: str, attributes: str = "") -> str:
    """One HTML file; its security policy forbids it to load anything."""
    parts = {"title": escape(title), "body": body, "scripts": scripts, "style": style, "attributes": attributes}
    return Template(web("page.html")).substitute(parts)


def web(name: str) -> str:
    """One of the files that pages are made of."""
    return (files("exciton.pictures") / "web" / name).read_text(encoding="utf-8")


def _controls(page: Page, opened: bool) -> str:
    meaning = f"Surfaces enclose {enclosed(page.shares)} of the charge."
    if page.note:
        meaning += f" {page.note[0].upper()}{page.note[1:]}."
    if page.state:
        meaning += " Pale or yellow: the wavefunction has the other sign."
    outer = f"{100 * max(page.shares):g} % surface"
    boxes = [
        ("outer", outer, " checked"),
        ("outline", "outlines", " checked"),
        ("cut", "cut open", " checked" if opened else ""),
    ]
    shown = "".join(f'<label><input type="checkbox" data-show="{k}"{on}> {text}</label>' for k, text, on in boxes)
    return (
        f'<p class="needs-webgl">This browser has no WebGL 2, which the turning view needs.</p>\n<div class="controls">'
        f'{shown}<span><button type="button" data-zoom="1.25" aria-label="larger">+</button> '
        '<button type="button" data-zoom="0.8" aria-label="smaller">−</button> '
        '<button type="button" data-reset>reset</button></span>'
        f"<span>{meaning} Drag to turn, all together.</span></div>"
    )


def _numbered(meshes: list[dict[str, Any]], new: Iterator[dict[str, Any]]) -> list[int]:
    start = len(meshes)
    meshes.extend(new)
    return list(range(start, len(meshes)))


def _density(dot: Dot, carrier: str, page: Page, unit: float) -> Iterator[dict[str, Any]]:
    state, colour = f"{carrier}_{page.state}", style.CARRIERS[carrier]
    found = surfaces(dot, state, sorted(page.shares))
    for place, surface in enumerate(found):
        kind = "veil" if place == len(found) - 1 and place else "solid"
        for part, paint in lobes(surface, state, colour):
            yield _mesh(part, kind, style.mixed(paint, 0.15 if kind == "veil" else 0.0), unit)
    if dot.partner:
        yield _mesh(ball(dot), "mark", style.mixed(style.partner(colour), 0.0), unit)


def _outlines(dot: Dot, unit: float) -> Iterator[dict[str, Any]]:
    for region in dot.solids():
        border = dot.border(region)
        colour = style.mixed(style.INK if region == 0 else SHELL_INK, 0.0)
        edges = outline(border)
        if edges.n_cells:
            ends = np.asarray(edges.points)[edges.lines.reshape(-1, 3)[:, 1:]]
            yield {"kind": "lines", "colour": _colour(colour), "points": _points(ends, unit)}
        else:
            skin = border.triangulate()
            if skin.n_cells > _FEW:
                skin = skin.decimate(1 - _FEW / skin.n_cells)
            yield _mesh(skin, "rim", colour, unit)


def _mesh(surface: Any, kind: str, colour: tuple[float, float, float], unit: float) -> dict[str, Any]:
    triangles = surface.triangulate().faces.reshape(-1, 4)[:, 1:].astype("<u4")
    points = _points(np.asarray(surface.points), unit)
    return {"kind": kind, "colour": _colour(colour), "points": points, "triangles": _text(triangles)}


def _colour(colour: tuple[float, float, float]) -> list[float]:
    return [round(part, 3) for part in colour]


def _points(points: NDArray[np.float64], unit: float) -> str:
    return _text(np.rint(points / unit).astype("<i2"))


def _text(array: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
