"""Absorption and emission spectra, one row a sweep point, from the tables ``spectra/point_NNN.csv``."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exciton.pictures import style
from exciton.pictures.sweeps import wavelength

Floats = NDArray[np.float64]
Table = dict[str, Floats]

ABSORPTION, EMISSION = style.ELECTRON, style.HOLE
_DARK = 1e-3  # of the largest value: what is below does not widen the axis


def plot_spectra(files: Sequence[Path], labels: Sequence[str], path: Path) -> tuple[Path, ...]:
    """Spectra over the photon energy, with the wavelength on top.

    Absorption has one scale in all rows, emission is drawn to its own peak. Where the table has an ensemble, a spread
    of sizes, that is the filled curve, and the single particle the thin one.

    Parameters
    ----------
    files
        Tables with the columns ``energy_eV``, ``absorption``, ``emission`` and perhaps ``absorption_ensemble`` and
        ``emission_ensemble``.
    labels
        A caption for each.
    path
        Where to write; the suffix is replaced by ``.png`` and ``.pdf``.

    Raises
    ------
    ValueError
        No file, not as many labels as files, or a file that is no spectrum; the message names it.
    """
    if not files or len(labels) != len(files):
        raise ValueError(f"plot_spectra wants a label for each of {len(files)} (1 or more) files")
    tables = [read_spectrum(file) for file in files]
    top = max(_peak(table, "absorption") for table in tables) or 1.0
    low = min(_window(table)[0] for table in tables)
    high = max(_window(table)[1] for table in tables)
    height = 25 + 26 * len(tables)
    with style.sheet(style.COLUMN, height / 25.4) as figure:
        rows = figure.subplots(len(tables), 1, sharex=True, squeeze=False)[:, 0]
        for axes, table, label in zip(rows, tables, labels):
            x = table["energy_eV"]
            _curve(axes, x, table, "absorption", top, ABSORPTION)
            _curve(axes, x, table, "emission", _peak(table, "emission") or 1.0, EMISSION)
            axes.set_ylim(0, 1.3)
            axes.set_yticks([])
            if label:
                axes.text(0.02, 0.93, label, transform=axes.transAxes, ha="left", va="top")
        rows[0].set_xlim(low, high)
        above = rows[0].secondary_xaxis("top", functions=(wavelength, wavelength))
        above.set_xlabel("wavelength (nm)")
        rows[-1].set_xlabel("photon energy (eV)")
        handles = rows[0].get_legend_handles_labels()[0]
        figure.legend(handles=handles, loc="outside upper left", ncols=2, columnspacing=1.0)
        if len(rows) > 1:
            figure.supylabel("absorption, emission (a.u.)", size=7.5)
        else:  # which is lower than these words are long
            rows[0].set_ylabel("arbitrary units")
        return style.save(figure, path)


def read_spectrum(path: Path) -> Table:
    """The columns of a spectrum, ascending in energy.

    Raises
    ------
    ValueError
        It is none; the message names the file.
    """
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    try:
        table = {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
        order = np.argsort(table["energy_eV"])
        table = {name: column[order] for name, column in table.items()}
        table["absorption"], table["emission"]
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: this is no spectrum ({error})") from error
    return table


def _peak(table: Table, kind: str) -> float:
    return max(float(np.nanmax(table[name], initial=0.0)) for name in (kind, f"{kind}_ensemble") if name in table)


def _window(table: Table) -> tuple[float, float]:
    """Where something is to be seen of the emission, and as far above it of the absorption."""
    x = table["energy_eV"]
    bright = np.zeros(len(x), bool)
    for name in set(table) & {"absorption", "emission", "absorption_ensemble", "emission_ensemble"}:
        bright |= table[name] > _DARK * np.nanmax(table[name], initial=0.0)
    return (float(x[bright].min()), float(x[bright].max())) if bright.any() else (float(x[0]), float(x[-1]))


def _curve(axes: Any, x: Floats, table: Table, kind: str, scale: float, colour: str) -> None:
    ensemble = f"{kind}_ensemble" in table
    whole = table[f"{kind}_ensemble" if ensemble else kind] / scale
    axes.fill_between(x, whole, color=colour, alpha=0.22, lw=0)
    what = f"{kind}, as far as solved for" if np.isnan(whole).any() else kind
    axes.plot(x, whole, color=colour, lw=1.2, label=f"{what}, ensemble" if ensemble else what)
    if ensemble:
        axes.plot(x, table[kind] / scale, color=colour, lw=0.7, ls="--", label=f"{kind}, one particle")
