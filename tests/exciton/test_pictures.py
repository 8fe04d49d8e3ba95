"""Pictures are drawn, not blank, show both carriers in their colours, and say what they show.

The data are separable: the 1-D core/shell/ligand well solved by finite differences, and products of its states,
which put charge where a cube does.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal

from exciton.errors import ComponentMissing
from exciton.pictures import (
    bands,
    camera,
    charge,
    lifetimes,
    maps,
    plots,
    profile,
    rendering,
    scene,
    spectra,
    style,
    sweeps,
    terms,
)
from exciton.units import HBAR2_2M0, HC

GAP = 2.430
CORE = 14.2
LIGANDS = 2.0
BARRIER = 3.0
MATERIALS = {"core": "CsPbBr3", "shell_1": "ZnS", "surroundings": "ligands"}
THICKNESS = "structure.shells[0].thickness_nm"
OFFSET = "alignment.ZnS.electron_barrier_eV"


@dataclass
class Well:
    """States of one carrier in the 1-D well: `psi` (points, states) on `x`, and per state the share in each part."""

    x: NDArray[np.float64]
    energy: NDArray[np.float64]
    psi: NDArray[np.float64]
    ends: list[float]

    @classmethod
    def solve(cls, shell: float, barrier: float, mass: float, count: int = 3, n: int = 1401) -> Well:
        ends = [CORE / 2, CORE / 2 + shell, CORE / 2 + shell + LIGANDS]
        x = np.linspace(-ends[-1], ends[-1], n)
        inner = x[1:-1]
        edge = np.where(abs(inner) < ends[0], 0.0, np.where(abs(inner) < ends[1], barrier, BARRIER))
        t = HBAR2_2M0 / mass / (x[1] - x[0]) ** 2
        energy, psi = eigh_tridiagonal(2 * t + edge, np.full(n - 3, -t), select="i", select_range=(0, count - 1))
        psi = np.vstack([np.zeros(count), psi, np.zeros(count)]) / np.sqrt(x[1] - x[0])
        return cls(x, energy, psi, ends)

    def inside(self, end: float, state: int = 0) -> float:
        return float((self.psi[abs(self.x) < end, state] ** 2).sum() * (self.x[1] - self.x[0]))

    def levels(self) -> list[tuple[float, tuple[int, int, int]]]:
        return sorted(
            ((sum(self.energy[i] for i in s), s) for s in product(range(self.energy.size), repeat=3)),  # type: ignore[misc]
            key=lambda level: round(level[0], 9),
        )[:4]

    def shares(self, states: tuple[int, int, int]) -> dict[str, float]:
        core, dot = (float(np.prod([self.inside(end, s) for s in states])) for end in self.ends[:2])
        return {"core": core, "shell_1": dot - core, "surroundings": 1 - dot}


def wells(shell: float, electron_barrier: float, hole_barrier: float = 1.0) -> dict[str, Well]:
    return {"electron": Well.solve(shell, electron_barrier, 0.134), "hole": Well.solve(shell, hole_barrier, 0.128)}


def point(shell: float = 2.15, barrier: float = 0.25, **parameters: Any) -> dict[str, Any]:
    """One point of a result, as the program writes it at the level first-order."""
    well = wells(shell, barrier)
    out: dict[str, Any] = {"parameters": parameters, "gap_eV": GAP}
    for name, w in well.items():
        out[name] = {
            "energies_meV": [1000 * e for e, _ in w.levels()],
            "error_meV": [0.05] * 4,
            "probability": [w.shares(s) for _, s in w.levels()],
        }
    core = [out[name]["probability"][0]["core"] for name in well]
    kind = "I" if min(core) > 0.5 else "II" if max(core) > 0.5 else "inverted"
    kind = f"quasi-{kind}" if 0.5 < min(core) < 0.9 else kind
    materials = {
        "ZnS": {"electron_barrier_eV": barrier, "hole_barrier_eV": 1.0},
        "ligands": {"electron_barrier_eV": BARRIER, "hole_barrier_eV": BARRIER},
    }
    pair = sum(out[name]["energies_meV"][0] for name in well) - 62.0 * min(core)
    return out | {
        "alignment": {"type": "I", "type_by_states": kind, "materials": materials},
        "exciton": {"level": "first-order", "energy_meV": pair, "error_meV": 0.3, "terms_meV": {}},
        "emission_eV": GAP + pair / 1000,
        "emission_nm": HC / (GAP + pair / 1000),
    }


def write_axis(path: Path, shell: float = 2.15, barrier: float = 0.25, hole_barrier: float = 1.0) -> Path:
    """The profile along x through the centre, interfaces given from both sides."""
    well = wells(shell, barrier, hole_barrier)
    ends = well["electron"].ends
    sides = [-ends[2], -ends[1], -ends[0], ends[0], ends[1], ends[2]]
    names = ["surroundings", "shell_1", "core", "shell_1", "surroundings"]
    heights = {"core": (0.0, 0.0), "shell_1": (barrier, hole_barrier), "surroundings": (BARRIER, BARRIER)}
    middle = {name: w.psi[w.x.size // 2] for name, w in well.items()}
    with path.open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(
            ["x_nm", "region", "electron_band_edge_eV", "hole_band_edge_eV"]
            + [f"{name}_{i}_nm-3" for name in well for i in range(4)]
        )
        for name, (a, b) in zip(names, pairwise(sides)):
            for x in np.linspace(a, b, 41) if b > a else ():
                densities = [
                    (np.interp(x, w.x, w.psi[:, s[0]]) * middle[carrier][s[1]] * middle[carrier][s[2]]) ** 2
                    for carrier, w in well.items()
                    for _, s in w.levels()
                ]
                out.writerow([x, name, *heights[name], *densities])
    return path


def write_vtu(path: Path, shell: float = 2.15, barrier: float = 0.25, *, tetrahedra: bool = False) -> Path:
    """Both ground states on a graded grid of the whole particle."""
    pyvista = pytest.importorskip("pyvista")
    well = wells(shell, barrier)
    ends = well["electron"].ends
    half = [np.linspace(a, b, n + 1)[1:] for (a, b), n in zip(pairwise([0.0, *ends]), (11, 5, 3)) if b > a]
    right = np.concatenate(half)
    axis = np.concatenate([-right[::-1], [0.0], right])
    grid = pyvista.StructuredGrid(*np.meshgrid(axis, axis, axis, indexing="ij")).cast_to_unstructured_grid()
    for name, w in well.items():
        factors = [np.interp(grid.points[:, k], w.x, w.psi[:, 0]) for k in range(3)]
        grid.point_data[f"{name}_0"] = np.prod(factors, axis=0)
    reach = abs(grid.cell_centers().points).max(axis=1)
    borders = ends[:2] if shell else ends[:1]
    grid.cell_data["region"] = np.searchsorted(borders, reach).astype(np.int32)
    grid.cell_data["material"] = grid.cell_data["region"]
    if tetrahedra:
        grid = grid.triangulate()
    grid.save(path)
    return path


def sweep(*thicknesses: float) -> list[dict[str, Any]]:
    return [point(t, **{THICKNESS: t}) for t in thicknesses]


def pixels(path: Path) -> NDArray[np.int64]:
    """A PNG as ``(rows, columns, 3)``, 0 to 255."""
    from matplotlib.image import imread

    return (imread(path)[..., :3] * 255).round().astype(np.int64)


def shows(image: NDArray[np.int64], colour: str, near: int = 12) -> int:
    """How many pixels have nearly this colour."""
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return int((abs(image - wanted).max(axis=2) < near).sum())


def assert_picture(files: tuple[Path, ...]) -> None:
    """Two files, the bitmap neither blank nor without electron or hole, nothing else left in the folder."""
    assert [f.suffix for f in files] == [".png", ".pdf"]
    image = pixels(files[0])
    assert image.std() > 10
    for colour in style.CARRIERS.values():
        assert shows(image, colour) > 200
    assert files[1].read_bytes().startswith(b"%PDF")
    assert not [f for f in files[0].parent.iterdir() if f.name.startswith(".")]


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All the words of the figures that a test saves."""
    from matplotlib.text import Text

    found: list[str] = []
    save = style.save

    def spying(figure: Any, *arguments: Any) -> tuple[Path, ...]:
        found.extend(t.get_text() for t in figure.findobj(Text))
        return save(figure, *arguments)

    monkeypatch.setattr(style, "save", spying)
    return found


@pytest.fixture(scope="session")
def renderer() -> None:
    """Tests that draw in three dimensions are skipped where that does not work, but not where it was promised."""
    works, sentence = rendering.rendering_works()
    if not works:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(sentence)


# words


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


# charge


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_iso_level_of_a_gaussian(share):
    """exp(-r^2) in the plane: the disc that encloses the share s has the value 1 - s on its rim."""
    x = np.linspace(-5, 5, 801)
    field = np.exp(-(x[:, None] ** 2) - x**2).ravel()
    [level] = charge.iso_levels(field, np.full(field.size, (x[1] - x[0]) ** 2), [share])
    assert level == pytest.approx(1 - share, abs=2e-3)


@pytest.mark.parametrize(
    ("field", "volumes", "share", "message"),
    [
        (np.ones(3), np.ones(3), 1.0, "between 0 and 1"),
        (np.ones(3), np.ones(2), 0.5, "a volume for each sample"),
        (np.zeros(3), np.ones(3), 0.5, "no charge"),
        (np.zeros(0), np.zeros(0), 0.5, "no charge"),
    ],
)
def test_iso_level_refuses(field, volumes, share, message):
    with pytest.raises(ValueError, match=message):
        charge.iso_levels(field, volumes, [share])


@pytest.mark.parametrize("kind", [10, 12])
def test_samples_fill_the_cells(kind):
    """Volumes add up, and linear fields are integrated exactly."""
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1.0]])
    points = corners * [2.0, 3.0, 4.0] if kind == 12 else np.vstack([np.zeros(3), np.diag([2.0, 3.0, 4.0])])
    [(cells, shape, volume)] = charge.sampling(points, {kind: np.arange(len(points))[None]})
    assert volume.sum() == pytest.approx(24.0 if kind == 12 else 4.0)
    centroid = points.mean(axis=0)
    np.testing.assert_allclose((shape @ points).mean(axis=0), centroid, rtol=1e-12)
    np.testing.assert_allclose(shape.sum(axis=1), 1.0)
    assert cells.shape == (1, len(points))


def test_samples_refuse_other_cells():
    with pytest.raises(ValueError, match="not VTK cells of type 13"):
        charge.sampling(np.zeros((6, 3)), {13: np.arange(6)[None]})


@pytest.mark.usefixtures("renderer")
@pytest.mark.parametrize("tetrahedra", [False, True])
@pytest.mark.parametrize(("shell", "barrier"), [(2.15, 0.25), (2.15, -0.2)])
def test_isosurface_encloses_its_share(tmp_path, tetrahedra, shell, barrier):
    """Cut the grid by the level and integrate what is inside with VTK's own filters: within 1 % of the charge."""
    dot = scene.Dot.read(write_vtu(tmp_path / "p.vtu", shell, barrier, tetrahedra=tetrahedra))
    grid = dot.grid.copy()
    for state in ("electron_0", "hole_0"):
        grid["density"] = dot.density(state)
        whole = grid.integrate_data()["density"][0]
        for share, level in zip((0.5, 0.9), dot.levels(state, (0.5, 0.9))):
            inside = grid.clip_scalar(scalars="density", value=level, invert=False)
            assert inside.integrate_data()["density"][0] / whole == pytest.approx(share, abs=0.01)


# scenes


@pytest.fixture(scope="module")
def gallery(tmp_path_factory, request):
    """The picture of one scene: a bare core twice, and a thick shell."""
    request.getfixturevalue("renderer")
    folder = tmp_path_factory.mktemp("scene")
    bare, thick = write_vtu(folder / "bare.vtu", 0.0), write_vtu(folder / "thick.vtu", 2.15)
    points = [point(0.0), point(0.0), point(2.15)]
    names = ["no ZnS", "again", "ZnS 2.15 nm"]
    return pixels(scene.draw_wavefunctions([bare, bare, thick], names, folder / "scene.png", points=points))


def panels(image: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The electron's row of a scene of three, cut by the columns' places on the page (mm)."""
    scale = 300 / 25.4
    tops, lefts = round(6.5 * scale), [round((6 + 46 * k) * scale) for k in range(3)]
    size = round(46 * scale)
    return [image[tops : tops + size, left + 3 : left + size - 3] for left in lefts]


def test_scene_shows_both_carriers(gallery):
    assert gallery.std() > 10
    assert (gallery == 255).all(axis=2).mean() > 0.4  # on white
    red, green, blue = gallery.transpose(2, 0, 1)
    assert ((blue > red + 80) & (blue > green + 20)).mean() > 0.02
    assert ((red > blue + 80) & (red > green + 40)).mean() > 0.02


def test_scene_keeps_camera_and_scale(gallery):
    """The same file gives the same panel; particles have the ratio of their true sizes."""
    first, second, thick = panels(gallery)
    shift = min(abs(first[:, 2:-2] - second[:, 2 + d : second.shape[1] - 2 + d]).mean() for d in (-1, 0, 1))
    assert shift < 2  # whole pixels of the page may differ

    def width(panel):
        return np.ptp(np.flatnonzero((panel < 252).any(axis=(0, 2))))

    assert width(first) / width(thick) == pytest.approx(CORE / (CORE + 2 * 2.15), rel=0.02)


@pytest.mark.usefixtures("renderer")
def test_camera_fits_the_particle(tmp_path):
    """The view is the particle's silhouette and 4 % more, whatever the surroundings."""
    import pyvista

    half = CORE / 2 + 2.15
    dot = scene.Dot.read(write_vtu(tmp_path / "p.vtu", 2.15), ("core", "shell_1", "surroundings"))
    right, up = camera.screen_axes()
    assert dot.reach() == pytest.approx((half * abs(right).sum(), half * abs(up).sum()))
    plotter = pyvista.Plotter(off_screen=True, window_size=(100, 100))
    assert camera.look(plotter, dot.reach()) == pytest.approx(2 * 1.04 * max(dot.reach()))
    plotter.close()


@pytest.mark.usefixtures("renderer")
def test_scene_of_one_point_and_an_excited_state(tmp_path):
    file = write_vtu(tmp_path / "p.vtu", 0.55)
    written = scene.draw_wavefunctions([file], ["ZnS 0.55 nm"], tmp_path / "one", pixels=200)
    assert written == tmp_path / "one.png"
    image = pixels(written)
    assert image.shape[1] > image.shape[0]  # the carriers side by side
    with pytest.raises(ValueError, match="no state 'electron_1' among electron_0, hole_0"):
        scene.draw_wavefunctions([file], ["x"], tmp_path / "no", state=1)


@pytest.mark.parametrize(("files", "labels"), [([], []), (["a.vtu"], []), (["a.vtu"], ["a", "b"])])
def test_scene_wants_a_label_for_each_file(tmp_path, files, labels):
    with pytest.raises(ValueError, match="a label and a point for each"):
        scene.draw_wavefunctions([tmp_path / f for f in files], labels, tmp_path / "no")


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (subprocess.CompletedProcess([], -11, "", ""), r"crashed with signal 11.*apt-get install .*libegl1"),
        (
            subprocess.CompletedProcess([], 1, "", "Traceback\nImportError: libGL.so.1: cannot open\n"),
            r"failed \(ImportError: libGL.so.1: cannot open\).*apt-get install .*libgl1",
        ),
        (subprocess.TimeoutExpired("python", 120), "did not end"),
        (None, r"PyVista, which is not installed.*\[view\]"),
    ],
)
def test_missing_graphics_are_one_line(tmp_path, monkeypatch, outcome, says):
    """A crash in the trial, an import that fails, a trial that hangs, no PyVista: never a crash of ours."""

    def trial(*_args, **_keys):
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(rendering, "find_spec", lambda _name: outcome and object())
    monkeypatch.setattr(rendering.subprocess, "run", trial)
    monkeypatch.setattr(rendering, "rendering_works", rendering.rendering_works.__wrapped__)
    with pytest.raises(ComponentMissing, match=says) as caught:
        scene.draw_wavefunctions([tmp_path / "a.vtu"], ["a"], tmp_path / "no.png")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_real_crash_is_noticed(monkeypatch):
    monkeypatch.setattr(rendering, "_TRIAL", "import os; os.kill(os.getpid(), 11)")
    monkeypatch.setattr(rendering, "find_spec", lambda _name: object())
    works, sentence = rendering.rendering_works.__wrapped__()
    assert not works
    assert "signal 11" in sentence


def test_missing_matplotlib_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ComponentMissing, match="matplotlib"):
        plots.plot_emission(sweep(0.0, 0.55), tmp_path / "no")


# terms, lifetimes, spectra, measured points

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
