"""Figures of energy terms, lifetimes, spectra and measured points: the numbers that they show."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from wells import (
    MATERIALS,
    OFFSET,
    THICKNESS,
    assert_picture,
    pixels,
    point,
    sweep,
)

from exciton.pictures import (
    lifetimes,
    plots,
    spectra,
    style,
    terms,
)
from exciton.units import HC

MEASURED = {
    "label": "Somebody 2025",
    "points": [
        {"name": "a", "parameters": {THICKNESS: 0.0}, "emission_eV": 2.45, "lifetime_ns": 12.0, "quantum_yield": 0.75},
        {"name": "b", "parameters": {THICKNESS: 2.0}, "lifetime_ns": 20.0, "lifetime_error_ns": 2.0},
        {"name": "c", "parameters": {OFFSET: 0.1}, "lifetime_ns": 5.0},
    ],
}
TERMS = {"electron": 19.0, "hole": 21.0, "attraction": -40.0, "correlation": -14.0, "polarisation_hole": 3.0}


@pytest.fixture
def kept(monkeypatch):
    """The figures that are saved, to be looked into."""
    figures: list[Any] = []
    save = style.save
    monkeypatch.setattr(style, "save", lambda figure, *rest: figures.append(figure) or save(figure, *rest))
    return figures


def lines(axes):
    """x and y of every curve and row of marks that has a label, by its label."""
    found = {}
    for container in axes.containers:
        x, y = container[0].get_data()
        found[container.get_label()] = (list(x), list(y))
    return found


def test_terms_stack_to_the_energy(tmp_path, kept):
    """Each column: what is above zero plus what is below is where the diamond is."""
    points = [p | {"exciton": {"energy_meV": -11.0 + i, "terms_meV": TERMS | {"hole": 21.0 + i}}} for i, p in
              enumerate(sweep(0.0, 1.0))]  # fmt: skip
    assert_picture(terms.plot_terms(points[::-1], tmp_path / "terms", materials=MATERIALS))
    axes = kept[0].axes[0]
    bars = [c for c in axes.containers if hasattr(c, "patches")]
    assert len(bars) == len(TERMS)
    for column, energy in enumerate((-11.0, -10.0)):
        assert sum(c.patches[column].get_height() for c in bars) == pytest.approx(energy)
        pieces = sorted((b.get_y() + min(b.get_height(), 0), abs(b.get_height())) for b in (c[column] for c in bars))
        for (foot, height), (following, _) in pairwise(pieces):
            assert foot + height == pytest.approx(following)  # no overlap, no hole
    assert lines_of(axes, "the pair, from the gap") == [-11.0, -10.0]
    names = [text.get_text() for text in kept[0].legends[0].get_texts()]
    assert "hole's image" in names
    assert "electron's image" not in names


def lines_of(axes, label):
    return next(list(c[0].get_ydata()) for c in axes.containers if c.get_label() == label)


def test_terms_of_one_point_and_of_none(tmp_path, kept):
    assert_picture(terms.plot_terms([point() | {"exciton": {"energy_meV": -11.0, "terms_meV": TERMS}}], tmp_path / "t"))
    assert kept[0].axes[0].get_xlabel() == ""
    with pytest.raises(ValueError, match="with a pair"):
        terms.plot_terms([{"parameters": {}}], tmp_path / "no")


def test_lifetimes_and_what_was_measured(tmp_path, kept):
    points = [
        p | {"radiative_lifetime_ns": 9.0 + i, "radiative_lifetime_error_ns": 0.5, "mean_field_lifetime_ns": 38.0}
        for i, p in enumerate(sweep(0.0, 2.0))
    ]
    drawn = lifetimes.plot_lifetime(points, tmp_path / "l", materials=MATERIALS, measured=MEASURED)
    assert pixels(drawn[0]).std() > 10
    found = lines(kept[0].axes[0])
    assert found["radiative"] == ([0.0, 2.0], [9.0, 10.0])
    assert found["mean field, no correlation"][1] == [38.0, 38.0]
    assert found["Somebody 2025"] == ([0.0, 2.0], [12.0, 20.0])  # the third lies on another axis
    assert found["Somebody 2025,\nover quantum yield"] == ([0.0], [pytest.approx(16.0)])
    cold = [p | {"radiative_lifetime_0K_ns": 0.3} for p in points]
    lifetimes.plot_lifetime(cold, tmp_path / "c", measured=MEASURED)
    axes = kept[1].axes[0]
    low, high = axes.get_ylim()
    shown = zip(axes.get_yticks(), axes.get_yticklabels())
    assert axes.get_yscale() == "log"
    assert [text.get_text() for at, text in shown if low < at < high] == ["0.5", "1", "2", "5", "10", "20"]
    with pytest.raises(ValueError, match="none has one"):
        lifetimes.plot_lifetime(sweep(0.0, 1.0), tmp_path / "no")
    assert not lifetimes.has_lifetimes(sweep(0.0))


def test_measured_points_lie_on_the_emission(tmp_path, kept):
    assert_picture(plots.plot_emission(sweep(0.0, 2.15), tmp_path / "e", materials=MATERIALS, measured=MEASURED))
    axes = kept[0].axes[0]
    assert lines(axes)["Somebody 2025"] == ([0.0], [2.45])
    assert axes.get_ylim()[1] > 2.45
    plots.plot_emission(sweep(0.0, 2.15), tmp_path / "e")
    assert list(lines(kept[1].axes[0])) == ["computed"]


def test_spectra_show_both_at_their_energies(tmp_path, kept):
    x = np.linspace(2.0, 3.0, 1001)
    files = []
    for number, ensemble in enumerate((False, True)):
        columns = {"energy_eV": x, "wavelength_nm": HC / x}
        for kind, centre in (("absorption", 2.5), ("emission", 2.4)):
            columns[kind] = 3 * np.exp(-(((x - centre) / 0.01) ** 2))
            if ensemble:
                columns[f"{kind}_ensemble"] = np.exp(-(((x - centre) / 0.03) ** 2))
        files.append(tmp_path / f"{number}.csv")
        np.savetxt(files[-1], np.transpose(list(columns.values()))[::-1], delimiter=",", header=",".join(columns),
                   comments="")  # fmt: skip
    assert_picture(spectra.plot_spectra(files, ["no ZnS", "ZnS 1 nm"], tmp_path / "s"))
    first, second = kept[0].axes[:2]
    assert len(first.lines) == 2
    assert len(second.lines) == 4
    for axes in (first, second):
        for line in axes.lines:
            energy, height = line.get_data()
            centre = 2.5 if line.get_color() == spectra.ABSORPTION else 2.4
            assert energy[np.argmax(height)] == pytest.approx(centre, abs=2e-3)
    low, high = first.get_xlim()
    assert 2.3 < low < 2.38  # dark ends are left out
    assert 2.52 < high < 2.6
    files[0].write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"0\.csv: this is no spectrum"):
        spectra.plot_spectra(files[:1], [""], tmp_path / "no")
