"""The correlated pair: where each carrier is while its partner stands at a marked place, beside where it is alone.

A field file holds ``pair_hole_0``: the hole's amplitude while the electron is at the first of the point's
``partner_places_nm``. Here each place becomes a `Dot` of its own, whose ground states are those amplitudes, so that
every kind of picture can draw it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from exciton.errors import JobError
from exciton.pictures import style
from exciton.pictures.figures import Files
from exciton.pictures.page import Page
from exciton.pictures.scene import SHARES, Dot, present
from exciton.pictures.slices import draw_slices

if TYPE_CHECKING:
    from exciton.saved import Shown

NAMES = ("partner in the centre", "partner half-way to a face")
ALONE = "uncorrelated"
NOTE = "the ball is the partner, held there"


def has_pair(point: Shown) -> bool:
    """Whether the fields of a point hold its correlated pair."""
    return bool(point.entry.get("exciton", {}).get("partner_places_nm")) and point.vtu.exists()


def require_pair(points: Sequence[Shown]) -> None:
    """Nothing where all points have their pair.

    Raises
    ------
    JobError
        One has not.
    """
    for point in points:
        if not has_pair(point):
            raise JobError(
                f'{point.vtu}: holds no correlated pair; solve the job with exciton.level = "correlated" and '
                "output.fields = true"
            )


def partner_views(
    points: Sequence[Shown],
    carriers: Sequence[str] = tuple(style.CARRIERS),
    shares: Sequence[float] = SHARES,
) -> tuple[list[Dot], Page]:
    """Of each point the carriers alone, then with the partner at each place.

    Raises
    ------
    JobError
        A point has no correlated pair.
    ComponentMissing
        PyVista is not installed.
    """
    require_pair(points)
    dots, labels = [], []
    for point in points:
        views = _views(Dot.read(point.vtu, present(point.entry)), point.entry["exciton"]["partner_places_nm"])
        dots += [dot for _, dot in views]
        labels += ["\n".join(filter(None, (point.label, name))) for name, _ in views]
    return dots, Page(tuple(labels), None, tuple(carriers), tuple(shares), note=NOTE)


def draw_pair(point: Mapping[str, Any], files: Files, label: str, out: Path) -> Path | None:
    """``pair_000.png``: the plane through the core's centre, each carrier on one scale; None without a pair.

    Raises
    ------
    ComponentMissing
        PyVista or matplotlib is not installed.
    """
    places = point.get("exciton", {}).get("partner_places_nm")
    if not places or not files.vtu.exists():
        return None
    views = _views(Dot.read(files.vtu, present(point)), places)
    page = Page(tuple("\n".join(filter(None, (label, name))) for name, _ in views))
    return draw_slices([dot for _, dot in views], page, out / f"pair_{files.name[6:]}.png")


def _views(dot: Dot, places: Sequence[Sequence[float]]) -> list[tuple[str, Dot]]:
    centred = np.asarray(places, float) - dot.origin
    axis = (float(centred[0, 0]), float(centred[0, 1]), float(centred[0, 2]))
    views = [(ALONE, replace(dot, opened=axis))]
    for number, (name, place) in enumerate(zip(NAMES, centred)):
        grid = dot.grid.copy(deep=False)
        for carrier in style.CARRIERS:
            grid.point_data[f"{carrier}_0"] = dot.psi(f"pair_{carrier}_{number}")
        partner = (float(place[0]), float(place[1]), float(place[2]))
        views.append((name, replace(dot, grid=grid, opened=axis, partner=partner)))
    return views
