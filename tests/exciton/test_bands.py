"""Band diagrams: edges, levels and wavefunctions along an axis, and labels that do not touch."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from wells import (
    GAP,
    MATERIALS,
    assert_picture,
    point,
    sweep,
    write_axis,
)

from exciton.pictures import (
    bands,
    profile,
    style,
)


@pytest.mark.parametrize(("shell", "barrier"), [(2.15, 0.25), (2.15, 0.02), (2.15, -0.15), (0.0, 0.25)])
def test_band_diagram(tmp_path, texts, shell, barrier):
    p = point(shell, barrier)
    axis = write_axis(tmp_path / "axis.csv", shell, barrier)
    assert_picture(bands.plot_bands(axis, p, GAP, tmp_path / "bands", materials=MATERIALS))
    ground = f"{p['electron']['energies_meV'][0]:.1f} meV".replace("-", "−")
    assert f"$e_{{1}}$ {ground}" in texts
    assert any(t.startswith("$h_{2–4}$") and t.endswith("×3") for t in texts)
    assert "ligands +3.00 eV" in texts
    assert (f"ZnS {barrier:+.2f} eV".replace("-", "−") in texts) == (shell > 0)
    assert "gap 2.430 eV" in texts


def test_band_labels_do_not_touch(tmp_path, monkeypatch):
    """All four electron levels within a meV, beside a barrier of nearly their energy."""
    found = []
    monkeypatch.setattr(style, "save", lambda figure, path: found.append(figure) or (path,))
    p = point(2.15, 0.02)
    p["electron"]["energies_meV"] = [24.0, 24.4, 24.8, 25.2]
    bands.plot_bands(write_axis(tmp_path / "axis.csv", 2.15, 0.02), p, GAP, tmp_path / "bands", materials=MATERIALS)
    figure = found[0]
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Annotation

    renderer = FigureCanvasAgg(figure).get_renderer()
    page = figure.bbox
    for axes in figure.axes:
        labels = [t for t in axes.findobj(Annotation) if t.get_text()]
        boxes = sorted((t.get_tightbbox(renderer) for t in labels), key=lambda box: box.y0)
        words = sorted((super(Annotation, t).get_window_extent(renderer) for t in labels), key=lambda box: box.y0)
        assert len(words) >= 3
        assert all(a.y1 <= b.y0 + 1 for a, b in pairwise(words))
        assert all(box.x1 <= page.x1 and box.y0 >= 0 and box.y1 <= page.y1 for box in boxes)


def test_levels_are_gathered_by_what_the_errors_can_tell():
    density = np.arange(8.0).reshape(2, 4)
    far = profile.levels([10.0, 20.0, 20.2, 20.4], [0.05] * 4, density)
    assert [level.name for level in far] == ["1", "2–4"]
    np.testing.assert_array_equal(far[1].density, density[:, 1:].sum(axis=1))
    assert far[1].energy == pytest.approx(0.0202)
    assert len(profile.levels([10.0, 20.0, 21.0, 22.0], [0.05] * 4, density)) == 4
    assert len(profile.levels([10.0, 20.0, 21.0, 22.0], [0.6] * 4, density)) == 2


def test_band_axis_is_torn_only_below_far_barriers():
    """To scale up to five times the levels' span; beyond, edges keep their order above the tear."""
    level = profile.Level(0.05, range(1), np.ones(3))
    half = bands._window("electron", 1, GAP, [level], [0.0, 0.2, 1.0, 3.0])
    assert half.far == (1.0, 3.0)
    assert half.place(0.2) == 0.2 < half.top < half.place(1.0) < half.place(3.0) < half.ceiling
    drawn = bands._window("electron", 1, GAP, [level], [0.0, 0.2])
    assert drawn.far == ()
    assert drawn.ceiling == drawn.top


def test_torn_off_edges_have_a_place_each():
    """Whatever digits they have: an edge of 0.999830412 eV is not above itself."""
    edges = [0.999830412, 3.0]
    half = bands._window("hole", -1, 0.0, [], [round(edge, bands._DIGITS) for edge in edges])
    first, second = map(half.place, edges)
    assert first == pytest.approx(half.top + 0.9 * half.strip)
    assert second == pytest.approx(first + half.strip)


def test_sweep_of_band_diagrams(tmp_path, texts):
    thicknesses = (0.0, 0.55, 2.15)
    files = [write_axis(tmp_path / f"{i}.csv", t) for i, t in enumerate(thicknesses)]
    labels = ["no ZnS", "ZnS 0.55 nm", "ZnS 2.15 nm"]
    target = tmp_path / "figures" / "bands"
    assert_picture(bands.plot_sweep_bands(files, sweep(*thicknesses), [GAP] * 3, target, labels=labels))
    assert set(labels) <= set(texts)


@pytest.mark.parametrize("text", ["", "x_nm,region\n0,core\n", "x_nm,region,electron_band_edge_eV\n0,core,much\n"])
def test_a_file_that_is_no_profile(tmp_path, text):
    file = tmp_path / "axis.csv"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"axis\.csv: this is no axis profile"):
        profile.read_axis(file)
