"""Pictures are drawn, not blank, show both carriers in their colours, and say what they show."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from wells import (
    MATERIALS,
    OFFSET,
    THICKNESS,
    assert_picture,
    point,
    sweep,
)

from exciton.errors import ComponentMissing
from exciton.pictures import (
    maps,
    plots,
    style,
    sweeps,
)


@pytest.mark.parametrize(
    ("path", "label"),
    [
        (THICKNESS, "ZnS thickness per face (nm)"),
        ("structure.shells[1].thickness_nm", "shell 2 thickness per face (nm)"),
        ("structure.core.edge_nm", "CsPbBr₃ core edge (nm)"),
        ("structure.core.edges_nm[2]", "CsPbBr₃ core edge along z (nm)"),
        ("structure.surroundings.thickness_nm", "ligands thickness per face (nm)"),
        ("structure.core_shift_nm[0]", "core shift along x (nm)"),
        (OFFSET, "ZnS electron barrier (eV)"),
        ("materials.CsPbBr3.electron_mass", "CsPbBr₃ electron mass (m₀)"),
        ("materials.Al2O3.hole_mass_xyz[1]", "Al₂O₃ hole mass along y (m₀)"),
        ("materials.ZnS.permittivity", "ZnS permittivity"),
        ("exciton.interface_width_nm", "interface width (nm)"),
        ("emission.temperature_K", "temperature (K)"),
    ],
)
def test_parameter_labels(path, label):
    assert style.parameter_label(path, MATERIALS) == label


def test_labels_without_materials_name_the_region():
    assert style.parameter_label(THICKNESS) == "shell 1 thickness per face (nm)"
    assert style.parameter_label("structure.core.edge_nm") == "core edge (nm)"


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({THICKNESS: 0.55}, "ZnS 0.55 nm"),
        ({THICKNESS: 0}, "no ZnS"),
        ({THICKNESS: 2.15, OFFSET: -0.1}, "ZnS 2.15 nm, ZnS electron barrier −0.1 eV"),
        ({"exciton.polarisation": False}, "polarisation off"),
        ({"structure.shells[0].material": "Al2O3"}, "ZnS material Al₂O₃"),
        ({}, ""),
    ],
)
def test_captions(parameters, words):
    assert style.caption(parameters, MATERIALS) == words


def test_swept_parameters_leave_out_what_only_goes_along():
    grid = [{"parameters": {"a": a, "b": b}} for a in (1, 2) for b in (3, 4)]
    side_by_side = [{"parameters": {"a": a, "b": 10 * a, "fixed": 1}} for a in (1, 2, 3)]
    assert sweeps.swept(grid) == ["a", "b"]
    assert sweeps.swept(side_by_side) == ["a"]
    assert sweeps.swept([{"parameters": {}}]) == []


# figures


def test_emission_figure(tmp_path, texts):
    files = plots.plot_emission(sweep(0.0, 0.55, 2.15), tmp_path / "emission.png", materials=MATERIALS)
    assert_picture(files)
    assert {"emission (eV)", "wavelength (nm)", "ZnS thickness per face (nm)", "in the core (%)"} <= set(texts)


def test_emission_of_points_with_little_in_them(tmp_path):
    """Level none has no pair; errors may be absent; one point is a sweep, too; words can be swept."""
    points = [point(**{"structure.shells[0].material": name}) for name in ("ZnS", "CdS")]
    for p in points:
        del p["exciton"], p["electron"]["error_meV"], p["hole"]["error_meV"]
    assert_picture(plots.plot_emission(points, tmp_path / "words"))
    assert_picture(plots.plot_emission(sweep(0.55), tmp_path / "one"))
    del points[0]["emission_eV"], points[1]["emission_eV"]
    assert_picture(plots.plot_emission(points, tmp_path / "carriers-0.5"))
    assert (tmp_path / "carriers-0.5.pdf").exists()


def test_wavelength_axis_is_its_own_inverse():
    energy = np.linspace(1.5, 3.5, 7)
    assert sweeps.wavelength(2.0) == pytest.approx(619.92, abs=0.01)
    np.testing.assert_allclose(sweeps.wavelength(sweeps.wavelength(energy)), energy, rtol=1e-14)


@pytest.mark.parametrize("points", [[], [{"parameters": {}}]])
def test_emission_wants_a_sweep(tmp_path, points):
    with pytest.raises(ValueError, match="no parameter was swept"):
        plots.plot_emission(points, tmp_path / "no")
    assert not list(tmp_path.iterdir())


def test_coarse_map_names_the_types(tmp_path, texts):
    points = [point(t, b, **{THICKNESS: t, OFFSET: b}) for t in (0.0, 1.1, 2.15) for b in (-0.2, -0.1, 0.0, 0.3)]
    del points[-1]  # a failed point stays a hole in the map
    assert_picture(maps.plot_map(points, tmp_path / "map", materials=MATERIALS))
    assert {p["alignment"]["type_by_states"] for p in points} == {"I", "quasi-I", "II"}  # else the data are too tame
    assert {"I", "quasi-I", "II", "ZnS electron barrier (eV)", "electron in the core (%)"} <= set(texts)
    assert {"emission (eV)", "eV ", " nm"} <= set(texts)  # both scales of the bar are named


@pytest.mark.parametrize("mover", ["electron", "hole"])
def test_fine_map_has_borders(tmp_path, monkeypatch, mover):
    from matplotlib.axes import Axes

    drawn: list[float] = []
    contour = Axes.contour
    monkeypatch.setattr(Axes, "contour", lambda self, *a, **k: drawn.append(a[3][0]) or contour(self, *a, **k))
    offsets = np.linspace(-0.2, 0.4, 9)
    points = [point(t, b, **{THICKNESS: t, OFFSET: b}) for t in np.linspace(0.25, 2.25, 9) for b in offsets]
    if mover == "hole":
        points = [p | {"electron": p["hole"], "hole": p["electron"]} for p in points]
    assert_picture(maps.plot_map(points, tmp_path / "map"))
    assert drawn == 4 * [0.5, 0.9]  # the mover crosses both, the other one stays in the core


def test_map_wants_two_parameters(tmp_path):
    with pytest.raises(ValueError, match="two swept parameters, got 1"):
        maps.plot_map(sweep(0.0, 0.55), tmp_path / "no")


def test_pictures_are_written_whole_or_not_at_all(tmp_path):
    file = tmp_path / "old.png"
    file.write_bytes(b"old")
    with pytest.raises(TypeError), style.replacing(file) as stream:
        stream.write("no bytes")
    assert [f.name for f in tmp_path.iterdir()] == ["old.png"]
    assert file.read_bytes() == b"old"


def test_same_figure_same_bytes(tmp_path):
    first = plots.plot_emission(sweep(0.0, 0.55), tmp_path / "a")
    second = plots.plot_emission(sweep(0.0, 0.55), tmp_path / "b")
    assert [f.read_bytes() for f in first] == [f.read_bytes() for f in second]


def test_carrier_colours_differ_for_the_colour_blind():
    """Told apart by lightness alone, too, as in a grey copy."""
    rgb = [[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in style.CARRIERS.values()]
    light = [np.dot([0.2126, 0.7152, 0.0722], np.power(c, 2.2)) for c in rgb]
    assert abs(light[0] - light[1]) > 0.05


def test_importing_pictures_is_light():
    code = "import sys, exciton.pictures; print(*{'matplotlib', 'pyvista', 'vtk', 'vtkmodules'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_missing_matplotlib_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ComponentMissing, match="matplotlib"):
        plots.plot_emission(sweep(0.0, 0.55), tmp_path / "no")
