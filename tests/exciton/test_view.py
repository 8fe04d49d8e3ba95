"""``exciton view``: surfaces enclose what they say, every panel has the same camera, pages load nothing."""

import base64
import json
import re
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text
from offline import Page

from exciton import cli
from exciton.pictures import movie, page, rendering, scene, slices, style, viewer, window
from exciton.saved import Saved

pytestmark = pytest.mark.usefixtures("pyvista")


def view(folder, *arguments):
    return cli.main(["view", str(folder), *map(str, arguments)])


def pixels(path):
    from matplotlib.image import imread

    return (imread(path)[..., :3] * 255).round().astype(int)


def painted(image, colour, near=60):
    """How many pixels are nearly of this hue and as dark or darker."""
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return int((abs(image - wanted).max(axis=-1) < near).sum())


def points(mesh, unit):
    return np.frombuffer(base64.b64decode(mesh["points"]), "<i2").reshape(-1, 3) * unit


def surface(pyvista, meshes, unit):
    """One closed surface of several parts, as the page has it."""
    parts = []
    for mesh in meshes:
        triangles = np.frombuffer(base64.b64decode(mesh["triangles"]), "<u4").reshape(-1, 3)
        assert triangles.max() < len(points(mesh, unit))
        parts.append(pyvista.PolyData.from_regular_faces(points(mesh, unit), triangles))
    return parts[0].merge(parts[1:]) if parts[1:] else parts[0]


def html(folder, tmp_path, *arguments):
    assert view(folder, "--html", tmp_path / "v.html", *arguments) == 0
    return Page((tmp_path / "v.html").read_text(encoding="utf-8"))


def dots(folder):
    saved = Saved.read(folder)
    found = [scene.Dot.read(point.vtu, scene.present(point.entry)) for point in saved.points]
    return found, page.Page(tuple(p.label for p in saved.points), [p.entry for p in saved.points])


# the page that turns


def test_page_loads_nothing_and_names_its_panels(solved, tmp_path, capsys):
    found = html(solved, tmp_path)
    found.assert_offline()
    assert "Two <points> & a shell" in found.text  # as text, not as a tag
    assert found.text.count("no ZnS") == found.text.count("ZnS 1 nm") == 2
    assert "Surfaces enclose 50 % and 90 % of the charge" in found.text
    content = found.scene()
    panels = [int(a["data-panel"]) for a in found.named("figure")]
    assert panels == list(range(4)) == list(range(len(content["panels"])))
    assert all(0 <= mesh < len(content["meshes"]) for panel in content["panels"] for mesh in panel)
    assert len(found.named("canvas")) == 4
    assert capsys.readouterr().out == f"{tmp_path / 'v.html'}\n"
    assert (tmp_path / "v.html").stat().st_size < 3e6


def test_surfaces_of_the_page_enclose_their_share(solved, tmp_path, pyvista):
    """The charge on the inner side of the triangles, 16-bit rounding and all, by the distance to them: to 1 %."""
    found = html(solved, tmp_path, "--share", 40, 80, "--point", 1, "--carrier", "hole").scene()
    meshes = [found["meshes"][number] for number in found["panels"][0]]
    [dot, _] = dots(solved)[0][::-1]
    grid = dot.grid.copy()
    grid["density"] = dot.density("hole_0")
    whole = grid.integrate_data()["density"][0]
    for kind, share in (("solid", 0.4), ("veil", 0.8)):
        skin = surface(pyvista, [mesh for mesh in meshes if mesh["kind"] == kind], found["unit"])
        distance = grid.compute_implicit_distance(skin)
        inner = distance.clip_scalar(scalars="implicit_distance", value=0.0, invert=True)
        inside = inner.integrate_data()["density"][0] / whole
        assert min(abs(inside - share), abs(1 - inside - share)) < 0.01  # whichever side the normals point to


def test_panels_share_camera_and_scale(solved, tmp_path):
    """One camera for the page; the core, which does not grow, has the same outline everywhere, 8 nm wide."""
    found = html(solved, tmp_path).scene()
    cores = [
        next(found["meshes"][n] for n in panel if found["meshes"][n]["kind"] == "lines") for panel in found["panels"]
    ]
    for core in cores:
        np.testing.assert_allclose(np.ptp(points(core, found["unit"]), axis=0), 8.0, atol=2 * found["unit"])
    shells = [[n for n in panel if found["meshes"][n]["kind"] == "lines"] for panel in found["panels"]]
    assert [len(lines) for lines in shells] == [1, 2, 1, 2]  # a shell of no thickness is not drawn
    widest = np.ptp(points(found["meshes"][shells[1][1]], found["unit"]), axis=0)
    np.testing.assert_allclose(widest, 10.0, atol=2 * found["unit"])
    assert found["half"] > np.sqrt(3) * 5.0  # turned however, it stays in the panel


def test_phases_have_their_colours(solved, tmp_path):
    """The first excited state has a lobe of either sign, each in its colour, on its side of the nodal plane."""
    found = html(solved, tmp_path, "--state", 1, "--carrier", "electron", "--point", 0).scene()
    solids = [found["meshes"][n] for n in found["panels"][0] if found["meshes"][n]["kind"] == "solid"]
    expected = [
        [round(c, 3) for c in style.mixed(colour, 0)] for colour in (style.ELECTRON, style.OPPOSITE[style.ELECTRON])
    ]
    assert [mesh["colour"] for mesh in solids] == expected
    dot = dots(solved)[0][0]
    psi = dot.psi("electron_1")
    for mesh, sign in zip(solids, (1, -1)):
        at = points(mesh, found["unit"])
        nearest = [dot.grid.find_closest_point(place) for place in at[:: max(1, len(at) // 40)]]
        assert (sign * psi[nearest] > 0).all()


def test_ground_state_has_one_colour(solved):
    dot = dots(solved)[0][1]
    for skin in scene.surfaces(dot, "electron_0"):
        assert [colour for _, colour in scene.lobes(skin, "electron_0", style.ELECTRON)] == [style.ELECTRON]


def test_script_is_safe_inside_html():
    content = viewer.Scene({"text": "</script><b>"}, (), page.Page(("x",)))
    assert "</script><b>" not in content.script()
    inner = next(text for text in Page(content.script()).inner if "text" in text)
    assert json.loads(inner) == {"text": "</script><b>"}


def test_xdmf_is_drawn_like_vtu(solved, tmp_path):
    """The same surfaces from either file."""
    import meshio

    found = [html(solved, tmp_path, "--point", 1).scene()]
    for file in (solved / "fields").glob("*.vtu"):
        meshio.write(file.with_suffix(".xdmf"), meshio.read(file))
        file.unlink()
    found.append(html(solved, tmp_path, "--point", 1).scene())
    assert found[0]["panels"] == found[1]["panels"]
    for one, other in zip(*(content["meshes"] for content in found)):
        np.testing.assert_allclose(points(one, found[0]["unit"]), points(other, found[1]["unit"]), atol=1e-2)


# pictures


@pytest.mark.usefixtures("rendered")
def test_screenshot(solved, tmp_path):
    assert view(solved, "--screenshot", tmp_path / "a.png", "--point", 1) == 0
    image = pixels(tmp_path / "a.png")
    assert (image == 255).all(axis=2).mean() > 0.3
    for colour in style.CARRIERS.values():
        assert painted(image, colour) > 2000
    assert view(solved, "--screenshot", tmp_path / "e.png", "--state", 1, "--carrier", "hole", "--point", 1) == 0
    image = pixels(tmp_path / "e.png")
    assert painted(image, style.HOLE) > 1000
    assert painted(image, style.OPPOSITE[style.HOLE]) > 1000
    assert painted(image, style.ELECTRON) == 0


@pytest.mark.parametrize("suffix", [".png", ".pdf"])
def test_slices_show_the_interfaces(solved, tmp_path, monkeypatch, suffix):
    """Through the middle: the core's outline is a square of 8 nm, the shell's one of 10 nm, at one scale."""
    kept = []
    save = style.save
    monkeypatch.setattr(style, "save", lambda figure, *rest: kept.append(figure) or save(figure, *rest))
    file = tmp_path / f"s{suffix}"
    assert view(solved, "--screenshot", file, "--slice", "x", "--state", 1) == 0
    assert file.stat().st_size > 5000
    panels = kept[0].axes[:4]  # behind them the bars of the colours
    assert len({axes.get_xlim() + axes.get_ylim() for axes in panels}) == 1
    for axes, expected in zip(panels, ([8.0, 10.0], [8.0, 10.0, 12.0]) * 2):
        widths = [np.ptp(np.concatenate(lines.get_segments())[:, 0]) for lines in axes.collections[1:]]
        assert widths == pytest.approx(expected, abs=1e-4)


def test_a_nodal_plane_is_said_to_be_one(solved, tmp_path, monkeypatch):
    """States of a cube that are odd along z vanish in the plane z = 0: no colours blown up from rounding errors."""
    found, sheet = dots(solved)
    state = replace(sheet, labels=sheet.labels[:1], state=1, carriers=("electron",))
    psi = found[0].psi("electron_1")
    axis = int(np.argmax([abs(psi @ np.sign(found[0].grid.points[:, k])) for k in range(3)]))
    kept = []
    monkeypatch.setattr(style, "save", lambda figure, *_: kept.append(figure) or (tmp_path,))
    for normal, blank in (("xyz"[axis], True), ("xyz"[axis - 1], False)):
        slices.draw_slices(found[:1], state, tmp_path / "s.png", normal)
        panel, bar = kept.pop().axes
        assert ("ψ = 0 in this plane" in [text.get_text() for text in panel.texts]) == blank
        assert bar.get_ylim()[1] == pytest.approx((psi**2).max())


@pytest.mark.parametrize("turned", np.linspace(0, 2 * np.pi, 12, endpoint=False))
def test_the_names_of_the_axes_are_on_the_paper(turned):
    """Wherever they point while a film goes round."""
    blank = np.full((8, 8, 3), 255, np.uint8)
    sheet = page.Page(("a dot",), carriers=("electron",))
    with sheet._drawn({("electron", 0): blank}, 10.0, turned) as figure:
        figure.draw_without_rendering()
        names = [text for text in figure.findobj(Text) if text.get_text() in ("x", "y", "z")]
        assert len(names) == 3
        for name in names:
            box = name.get_window_extent()
            assert 0 < box.x0 < box.x1 < figure.bbox.x1, name
            assert 0 < box.y0 < box.y1 < figure.bbox.y1, name


LABELS = (
    "CdS electron barrier −0.1 eV",
    "ZnS 2.15 nm, ZnS electron barrier −0.1 eV, core shift along x 1 nm",
    "no ZnS",
)


@pytest.mark.parametrize("labels", [LABELS, *((label,) for label in LABELS), ("",)])
def test_long_captions_fit_their_panels(labels):
    """Above a column, or beside a row: neither cut off nor over a picture or the next caption."""
    blank = np.full((8, 8, 3), 255, np.uint8)
    sheet = page.Page(labels, carriers=("electron", "hole"))
    images = {(carrier, n): blank for carrier in sheet.carriers for n in range(len(labels))}
    with sheet._drawn(images, 10.0, 0.0) as figure:
        figure.draw_without_rendering()
        captions = [t.get_window_extent() for t in figure.texts if any(w in t.get_text() for w in ("ZnS", "barrier"))]
        panels = [axes.get_window_extent() for axes in figure.axes if axes.images]
        assert len(captions) == len([label for label in labels if label])
        for caption in captions:
            others = [box for box in captions if box is not caption]
            assert not any(caption.overlaps(box) for box in (*panels, *others))
            assert 0 <= caption.x0 < caption.x1 <= figure.bbox.x1
            assert 0 <= caption.y0 < caption.y1 <= figure.bbox.y1


@pytest.mark.parametrize(("share", "root"), [(0.5, False), (0.2, True)])
def test_a_panel_of_low_density_is_not_white(solved, tmp_path, monkeypatch, share, root):
    """Colours go with the density; where a panel is below a third of the largest, with its root."""
    found, sheet = dots(solved)
    pale, most = found[1].grid.copy(), found[0].density("electron_0").max()
    pale.point_data["electron_0"] *= np.sqrt(share * most) / abs(found[1].psi("electron_0")).max()
    kept = []
    monkeypatch.setattr(style, "save", lambda figure, *_: kept.append(figure) or (tmp_path,))
    electron, both = replace(sheet, carriers=("electron",)), [found[0], replace(found[1], grid=pale)]
    slices.draw_slices(both, electron, tmp_path / "s.png")
    most = [axes.collections[0].norm(axes.collections[0].get_array().max()) for axes in kept[0].axes[:2]]
    assert most == pytest.approx([1.0, share**0.5 if root else share], rel=0.02)


def test_slice_goes_through_the_core(solved):
    dot = dots(solved)[0][1]
    cut = slices._Cut(dot, "z")
    value = cut.signed("electron_0")
    middle = abs(cut.places).max(axis=1) < 0.5
    assert abs(value[middle]).max() == pytest.approx(abs(value).max())
    assert abs(value).max() == pytest.approx(dot.density("electron_0").max(), rel=0.01)


@pytest.mark.usefixtures("rendered")
def test_a_moved_camera_is_seen_in_the_next_picture(solved):
    """PyVista hands out the picture before unless it is told to render: each frame is that of a plotter of its own."""

    class Bare(page.Page):
        def frame(self, images, *_):
            return images["electron", 0]

    found, turns = dots(solved)[0][1:], np.linspace(0, 2 * np.pi, 3, endpoint=False)
    sheet = Bare(("x",), carriers=("electron",))
    frames = list(movie.orbit(found, sheet, frames=len(turns), pixels=60))
    reach = tuple(np.max([scene.common_reach(found, turned) for turned in turns], axis=0))
    for turned, frame in zip(turns, frames):
        ((_, plotter),) = scene.plotters(found, sheet, 60)
        scene.look(plotter, reach, float(turned))
        assert np.array_equal(plotter.screenshot(return_img=True), frame)
        plotter.close()


@pytest.mark.usefixtures("rendered")
def test_orbit_comes_back_and_sweep_goes_on(solved, tmp_path):
    found, sheet = dots(solved)
    frames = list(movie.orbit(found[1:], page.Page(("x",), carriers=("electron",)), frames=4, pixels=100))
    assert len(frames) == 4
    assert all(frame.shape == frames[0].shape and not any(n % 2 for n in frame.shape[:2]) for frame in frames)
    assert all(abs(a.astype(int) - b).mean() > 0.5 for a, b in pairwise(frames))
    path = movie.write(tmp_path / "m.gif", iter(frames), 0.1)
    from PIL import Image

    with Image.open(path) as film:
        assert film.n_frames == 4
        for number in range(4):
            film.seek(number)
            assert np.asarray(film.convert("RGB"))[0, 0].tolist() == [255, 255, 255]  # no flicker of the paper
    steps = list(movie.along_sweep(found, sheet, pixels=100))
    assert len(steps) == 2
    assert abs(steps[0].astype(int) - steps[1]).mean() > 0.5


# what is refused


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--screenshot", "a.jpg"], r"--screenshot .*a\.jpg: name a file that ends in \.png"),
        (["--html", "a.txt"], "ends in .html or .htm"),
        (["--movie", "a.avi"], "ends in .gif or .mp4"),
        (["--html", "a.html", "--point", "7"], "--point 7: finished are 0, 1"),
        (["--html", "a.html", "--state", "5"], "no state 'electron_5' among electron_0, electron_1"),
        (["--html", "a.html", "--state", "-1"], "0 is the ground state"),
        (["--html", "a.html", "--share", "50", "100"], "between 0 and 100 percent"),
        (["--html", "a.html", "--slice"], "--slice is drawn by --screenshot"),
        (["--html", "out/result.json/a.html"], "cannot be written"),
    ],
)
def test_refusals_are_one_line(solved, tmp_path, capsys, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert view(solved, *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert re.search(says, err), err
    assert sorted(tmp_path.rglob("*")) == before


def test_no_display_is_one_line(solved, monkeypatch, capsys):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(window.sys, "platform", "linux")
    assert view(solved) == 2
    assert capsys.readouterr().err == (
        "exciton: no display to open a window on: use --screenshot FILE.png or --html FILE.html\n"
    )


@pytest.mark.parametrize("option", ["--screenshot", "--html"])
def test_missing_pyvista_is_one_line(solved, tmp_path, monkeypatch, capsys, option):
    monkeypatch.setattr(rendering, "find_spec", lambda _name: None)
    file = tmp_path / ("a.png" if option == "--screenshot" else "a.html")
    assert view(solved, option, file) == 2
    assert "install exciton-fem with its extra [view]" in capsys.readouterr().err
    assert not file.exists()


def test_mp4_says_what_it_needs(solved, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(movie, "find_spec", lambda _name: None)
    assert view(solved, "--movie", tmp_path / "a.mp4") == 2
    assert "imageio-ffmpeg" in capsys.readouterr().err


def test_no_result_and_no_fields(solved, tmp_path, capsys):
    assert view(tmp_path / "none", "--html", tmp_path / "a.html") == 2
    assert "holds no result" in capsys.readouterr().err
    shutil.rmtree(solved / "fields")
    assert view(solved, "--html", tmp_path / "a.html") == 2
    assert "output.fields = true" in capsys.readouterr().err


def test_points_keep_their_numbers(solved):
    """The first point failed: what is left is still number 1, as its files are; without the job only order is known."""
    file = solved / "result.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["points"] = content["points"][1:]
    file.write_text(json.dumps(content), encoding="utf-8")
    [point] = Saved.read(solved).points
    assert (point.number, point.label) == (1, "ZnS 1 nm")
    assert point.vtu == Path(solved / "fields" / "point_001.vtu")
    content["points"][0]["key"] = "by another version"
    file.write_text(json.dumps(content), encoding="utf-8")
    assert Saved.read(solved).points[0].number == 1
    (solved / "job.toml").unlink()
    assert Saved.read(solved).points[0].number == 0
