"""How far apart electron and hole are, correlated and not, from the tables ``fields/point_NNN_distance.csv``."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exciton.pictures import style

Floats = NDArray[np.float64]

COLUMNS = ("distance_nm", "correlated_nm-1", "uncorrelated_nm-1")
_NOTHING = 1e-3  # of the largest value: what is below does not widen the axis


def plot_distances(files: Sequence[Path], labels: Sequence[str], path: Path) -> tuple[Path, ...]:
    """Distribution of the electron-hole distance, one row a point, with the mean distances.

    Parameters
    ----------
    files
        Tables with the columns `COLUMNS`.
    labels
        A caption for each.
    path
        Where to write; the suffix is replaced by ``.png`` and ``.pdf``.

    Raises
    ------
    ValueError
        No file, not as many labels as files, or a file that is no such table; the message names it.
    """
    if not files or len(labels) != len(files):
        raise ValueError(f"plot_distances wants a label for each of {len(files)} (1 or more) files")
    tables = [read_distances(file) for file in files]
    with style.sheet(style.COLUMN, (16 + 32 * len(tables)) / 25.4) as figure:
        rows = figure.subplots(len(tables), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        for axes, (s, correlated, uncorrelated), label in zip(rows, tables, labels):
            pens = ((correlated, "correlated", style.INK, "-"), (uncorrelated, "uncorrelated", style.FAINT, "--"))
            for curve, name, colour, dashes in pens:
                mean = float(np.trapezoid(s * curve, s))
                axes.plot(s, curve, dashes, color=colour, label=f"{name}, mean {mean:.2f} nm")
                axes.fill_between(s, curve, color=colour, alpha=0.1, lw=0)
            axes.legend(loc="upper right", title=label or None, title_fontsize=7, alignment="left")
            axes.set_ylabel("p(s) (nm$^{-1}$)")
        far = max(s[np.maximum(a, b) > _NOTHING * max(a.max(), b.max())].max() for s, a, b in tables)
        rows[0].set(xlim=(0, far), ylim=(0, 1.12 * max(max(a.max(), b.max()) for _, a, b in tables)))
        rows[-1].set_xlabel("distance s of electron and hole (nm)")
        return style.save(figure, path)


def read_distances(path: Path) -> tuple[Floats, Floats, Floats]:
    """Distance in nm, and its distributions in the correlated pair and in the uncorrelated one, 1/nm.

    Raises
    ------
    ValueError
        The file is no such table.
    """
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    try:
        s, correlated, uncorrelated = (np.array([float(row[name]) for row in rows]) for name in COLUMNS)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: this is no distribution of distances ({error})") from error
    if not len(s):
        raise ValueError(f"{path}: this is no distribution of distances (it has no rows)")
    return s, correlated, uncorrelated
