"""Pictures of the correlated pair: the partner's mark is seen, surfaces enclose their share, the report shows it."""

import re
from pathlib import Path

import numpy as np
import pytest

from exciton import cli
from exciton.errors import JobError
from exciton.pictures import partners, style
from exciton.pictures.distances import plot_distances, read_distances
from exciton.saved import Saved

JOB = """
schema = 1
structure.shape = "cube"
structure.core = { material = "CsPbBr3", edge_nm = 14.2 }
carriers.states = 1
exciton = { level = "correlated", polarisation = false }
emission.lifetime = false
accuracy = { energy_meV = 1.0, pair_meV = 2.0, enhancement = 0.2 }
output.figures = false
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result with the fields of a correlated pair, 4.6 Bohr radii wide."""
    folder = tmp_path_factory.mktemp("pair")
    (folder / "job.toml").write_text(JOB, encoding="utf-8")
    assert cli.main(["solve", str(folder / "job.toml"), "-o", str(folder / "out"), "--quiet"]) == 0
    return folder / "out"


@pytest.mark.usefixtures("pyvista")
def test_surfaces_enclose_their_share(pair):
    """Half of the pair's density, by VTK's own integral, in each view; and it is smaller than the uncorrelated half."""
    dots, page = partners.partner_views(Saved.read(pair).points, ("hole",))
    assert page.labels == (partners.ALONE, *partners.NAMES)
    volumes = []
    for dot in dots:
        grid = dot.grid.copy(deep=False)
        grid.point_data["density"] = dot.density("hole_0")
        (level,) = dot.levels("hole_0", [0.5])
        inside = grid.clip_scalar(scalars="density", value=level, invert=False)
        whole, part = (each.integrate_data()["density"][0] for each in (grid, inside))
        assert whole == pytest.approx(1, abs=0.01)
        assert part / whole == pytest.approx(0.5, abs=0.01)
        volumes.append(inside.volume)
    assert max(volumes[1:]) < 0.6 * volumes[0]


def test_numbers_in_the_result(pair):
    """The mean distances, and where the partners are: what the figures say."""
    block = Saved.read(pair).points[0].entry["exciton"]
    assert block["partner_places_nm"] == [[0, 0, 0], [pytest.approx(3.55), 0, 0]]
    s, correlated, _ = read_distances(pair / "fields" / "point_000_distance.csv")
    assert np.trapezoid(s * correlated, s) == pytest.approx(block["mean_distance_nm"], rel=1e-6)
    assert block["mean_distance_nm"] < 0.7 * block["uncorrelated_distance_nm"]


@pytest.mark.usefixtures("rendered")
def test_the_mark_is_seen(pair, tmp_path):
    """Each panel with a partner has some of the partner's colour, the one without has none."""
    image = pytest.importorskip("PIL.Image")
    file = tmp_path / "pair.png"
    assert cli.main(["view", str(pair), "--scene", "pair", "--screenshot", str(file)]) == 0
    pixels = np.asarray(image.open(file).convert("RGB"), float)
    body = pixels[: int(0.92 * len(pixels)), int(0.05 * pixels.shape[1]) :]
    rows = np.array_split(body, 2)
    for row, partner in zip(rows, (style.HOLE, style.ELECTRON)):
        counts = [_like(panel, partner) for panel in np.array_split(row, 3, axis=1)]
        assert counts[0] < 5
        assert min(counts[1:]) > 30


def _like(panel: np.ndarray, colour: str) -> int:
    """How many pixels have about the hue of a colour, and strongly."""
    ink = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)], float)
    lit = panel - panel.mean(axis=2, keepdims=True)
    hue = ink - ink.mean()
    size = np.linalg.norm(lit, axis=2)
    return int(((lit @ hue > 0.97 * size * np.linalg.norm(hue)) & (size > 0.75 * np.linalg.norm(hue))).sum())


@pytest.mark.usefixtures("rendered")
def test_a_page_and_a_film(pair, tmp_path):
    """Both have three panels; the page opens the surfaces and marks the partner."""
    page, film = tmp_path / "pair.html", tmp_path / "pair.gif"
    options = ["--scene", "pair", "--carrier", "hole", "--html", str(page), "--movie", str(film), "--of", "sweep"]
    assert cli.main(["view", str(pair), *options]) == 0
    text = page.read_text(encoding="utf-8")
    assert len(re.findall("<figure data-panel", text)) == 3
    assert text.count('"kind":"mark"') == 2
    assert '"opened":true' in text
    with pytest.importorskip("PIL.Image").open(film) as frames:
        assert frames.n_frames == 3


@pytest.mark.usefixtures("pyvista")
def test_a_slice(pair, tmp_path):
    """The plane through the centre, in a figure of its own, too."""
    file = tmp_path / "pair.svg"
    assert cli.main(["view", str(pair), "--scene", "pair", "--screenshot", str(file), "--slice"]) == 0
    for words in (partners.ALONE, *partners.NAMES):
        assert words in file.read_text(encoding="utf-8")


@pytest.mark.usefixtures("pyvista")
def test_the_report_shows_it(pair):
    """The distances and the plane through the centre."""
    assert cli.main(["report", str(pair)]) == 0
    text = (pair / "report.html").read_text(encoding="utf-8")
    assert "How far apart electron and hole are" in text
    assert "while its partner is held at the mark" in text


@pytest.mark.parametrize("options", [[], ["--state", "1"]])
def test_no_pair_is_refused(solved, capsys, options):
    """A first-order result has no pair to show, and an excited pair is not kept."""
    file = str(solved / "pair.png")
    assert cli.main(["view", str(solved), "--scene", "pair", "--screenshot", file, *options]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert ("--state 1" if options else 'exciton.level = "correlated" and output.fields = true') in error


def test_no_fields_are_refused(pair, tmp_path, capsys):
    """The numbers alone are not enough."""
    for name in ("result.json", "job.toml"):
        (tmp_path / name).write_bytes((pair / name).read_bytes())
    assert cli.main(["view", str(tmp_path), "--scene", "pair", "--html", str(tmp_path / "a.html")]) == 2
    assert "output.fields = true" in capsys.readouterr().err
    with pytest.raises(JobError, match="no correlated pair"):
        partners.require_pair(Saved.read(tmp_path).points)


def test_a_foreign_table_is_refused(tmp_path):
    """Named, with what is wrong."""
    file = tmp_path / "a.csv"
    file.write_text("distance_nm,other\n0,1\n")
    with pytest.raises(ValueError, match=r"a\.csv"):
        plot_distances([file], [""], tmp_path / "x")
    with pytest.raises(ValueError, match="a label for each"):
        plot_distances([file], [], tmp_path / "x")
