"""Pictures in three dimensions: surfaces that enclose their share, cameras that fit, graphics that fail."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from numpy.typing import NDArray
from wells import (
    CORE,
    pixels,
    point,
    write_vtu,
)

from exciton.errors import ComponentMissing
from exciton.pictures import (
    camera,
    charge,
    rendering,
    scene,
)


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
