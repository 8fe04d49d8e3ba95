"""Band edges and densities along one line through a particle, and the levels they belong to.

Plain numbers from a result folder; nothing is drawn here.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_CARRIERS = ("electron", "hole")
_DRAWN = 4  # levels per carrier (a degenerate one counts once)


@dataclass(frozen=True, slots=True)
class Profile:
    """One line through the particle, read from ``point_..._axis.csv``."""

    x: Floats  # (n,) nm
    region: tuple[str, ...]  # (n,)
    edge: dict[str, Floats]  # carrier: (n,) eV, from the core's band edge, away from the gap
    density: dict[str, Floats]  # carrier: (n, states) nm^-3

    def intervals(self) -> list[tuple[str, float, float, int]]:
        """Regions along the line: name, begin and end in nm, and an index of a point inside."""
        runs = [list(run) for _, run in groupby(range(len(self.x)), key=lambda i: self.region[i])]
        ends = [self.x[0], *((self.x[a[-1]] + self.x[b[0]]) / 2 for a, b in pairwise(runs)), self.x[-1]]
        return [(self.region[run[0]], a, b, run[len(run) // 2]) for run, (a, b) in zip(runs, pairwise(ends))]


@dataclass(frozen=True, slots=True)
class Level:
    """States of one energy: where it lies (eV), which states, and their summed density along the line (nm^-3)."""

    energy: float
    states: range
    density: Floats

    @property
    def name(self) -> str:
        first, last = self.states[0] + 1, self.states[-1] + 1
        return f"{first}" if first == last else f"{first}–{last}"


def read_axis(path: Path) -> Profile:
    """`parse_axis` of a file."""
    return parse_axis(path.read_text(encoding="utf-8"), str(path))


def parse_axis(text: str, name: str = "profile") -> Profile:
    """The profile in the text of an axis file.

    Raises
    ------
    ValueError
        A column is missing or holds something that is no number; the message begins with `name`.
    """
    rows = list(csv.DictReader(StringIO(text)))
    if not rows:
        raise ValueError(f"{name}: this is no axis profile (it has no rows)")
    try:
        density = {
            carrier: np.array([[float(row[c]) for c in rows[0] if _state_of(c) == carrier] for row in rows])
            for carrier in _CARRIERS
        }
        edge = {c: np.array([float(row[f"{c}_band_edge_eV"]) for row in rows]) for c in _CARRIERS}
        x = np.array([float(row["x_nm"]) for row in rows])
        return Profile(x, tuple(row["region"] for row in rows), edge, density)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{name}: this is no axis profile ({error})") from error


def levels(energies_meV: Sequence[float], errors_meV: Sequence[float], density: Floats) -> list[Level]:
    """Lowest levels of a carrier, states gathered that lie closer together than the errors (or 0.3 meV) can tell."""
    count = min(len(energies_meV), density.shape[1])
    tolerance = max(0.3, 2 * max(errors_meV, default=0.0))
    starts = [i for i in range(count) if i == 0 or energies_meV[i] - energies_meV[i - 1] > tolerance]
    groups = [range(a, b) for a, b in pairwise([*starts, count])]
    return [
        Level(float(np.mean([energies_meV[i] for i in states])) / 1000, states, density[:, list(states)].sum(axis=1))
        for states in groups[:_DRAWN]
    ]


def _state_of(column: str) -> str:
    """The carrier of a density column such as ``electron_0_nm-3``; empty for any other column."""
    carrier, _, rest = column.partition("_")
    return carrier if rest.removesuffix("_nm-3").isdigit() and rest.endswith("_nm-3") else ""
