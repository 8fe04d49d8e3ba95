"""``exciton report``: one page with the numbers, their sources and their errors, that loads nothing."""

import json
import shutil

import numpy as np
import pytest
from offline import Page, decoded

from exciton import cli
from exciton.pictures import rendering, style
from exciton.result import Result, headings


def report(folder, *arguments):
    assert cli.main(["report", str(folder), *map(str, arguments)]) == 0
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def spoilt(folder, **changes):
    file = folder / "result.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | changes), encoding="utf-8")


@pytest.fixture(scope="module")
def whole(_solved, tmp_path_factory, pyvista):  # noqa: ARG001
    """The folder of a whole report, and the page."""
    folder = shutil.copytree(_solved, tmp_path_factory.mktemp("report") / "out")
    return folder, report(folder)


@pytest.fixture
def found(whole):
    return whole[1]


@pytest.fixture
def lean(solved):
    """A result without fields and with one figure, of which a report is quick."""
    shutil.rmtree(solved / "fields")
    (solved / "figures").mkdir()
    (solved / "figures" / "emission.png").write_bytes(b"\x89PNG mine")
    return solved


def test_page_is_whole_and_loads_nothing(found):
    found.assert_offline()
    headline = [tag for tag, _ in found.tags if tag in ("h1", "h2")]
    assert headline == ["h1"] + ["h2"] * 8
    assert any(a.get("name") == "viewport" for a in found.named("meta"))
    assert all(a["alt"] for a in found.named("img"))
    assert {a["lang"] for a in found.named("html")} == {"en"}


def test_page_has_the_table_with_errors(whole):
    solved, found = whole
    result = Result.from_json((solved / "result.json").read_text(encoding="utf-8"))
    heads, rows = headings(result.points, result.materials)
    cells = [cell for row in [heads, *rows] for cell in row]
    assert " ".join(cells) in found.text
    assert any("(" in cell for cell in rows[0])
    worst = max(max(p[c]["error_meV"]) for p in result.points for c in ("electron", "hole"))
    assert f"The largest of any level is {worst:.2g} meV." in found.text


def test_every_assumption_is_there_and_the_unverified_are_marked(whole):
    solved, found = whole
    lines = json.loads((solved / "result.json").read_text(encoding="utf-8"))["assumptions"]
    plain = found.text.replace("[not verified]", "not verified")
    for line in lines:
        subject, _, text = line.partition(": ")
        words = text if subject in ("CsPbBr3", "ZnS", "ligands") else line
        assert " ".join(words.replace("[not verified]", "not verified").split()) in plain
    marks = [a for a in found.named("span") if a.get("class") == "unverified"]
    assert len(marks) == 2 + sum("[not verified]" in line for line in lines)


def test_page_reproduces_the_job(whole):
    solved, found = whole
    links = {a["download"]: decoded(a["href"]) for a in found.named("a")}
    assert set(links) == {"job.toml", "table.csv", "result.json"}
    for name, content in links.items():
        assert content == (solved / name).read_bytes()
    assert "exciton solve job.toml" in found.text
    versions = json.loads(links["result.json"])["versions"]
    assert ", ".join(f"{name} {number}" for name, number in versions.items()) in found.text
    assert "energy_meV = 3.0" in found.text


def test_figures_are_drawn_where_the_job_asked_for_none(whole):
    """The sweep, the terms, two band diagrams and what else there is, inside the page; the folder stays as it was."""
    solved, found = whole
    images = [decoded(a["src"]) for a in found.named("img")]
    words = [a["alt"] for a in found.named("img")]
    for start, count in (("Emission energy", 1), ("What the pair's energy is made of", 1), ("Band edges", 2)):
        assert sum(text.startswith(start) for text in words) == count
    assert all(image.startswith(b"\x89PNG") for image in images)
    assert not (solved / "figures").exists()


def test_figures_of_the_folder_are_taken(lean):
    assert [decoded(a["src"]) for a in report(lean).named("img")] == [b"\x89PNG mine"]


def test_every_point_turns(found):
    content = found.scene()
    assert len(content["panels"]) == len(found.named("canvas")) == 4
    assert all(any(content["meshes"][n]["kind"] == "veil" for n in panel) for panel in content["panels"])


def test_page_works_in_a_browser(whole, chromium):
    """From a file, without a network: nothing complains, nothing is loaded, all panels are painted and turn."""
    folder, found = whole
    chromium.open((folder / "report.html").as_uri())
    count = len(found.named("canvas"))
    chromium.wait("document.readyState === 'complete'")
    for number in range(count):
        chromium.script("document.querySelectorAll('canvas')[arguments[0]].scrollIntoView()", number)
        image = chromium.canvas(number)
        colour = style.ELECTRON if number < count // 2 else style.HOLE
        wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
        assert (abs(image - wanted).max(axis=-1) < 60).sum() > 0.005 * image[..., 0].size
    from selenium.webdriver import ActionChains

    canvas = chromium.driver.find_elements("css selector", "canvas")[-1]
    before = [chromium.canvas(number) for number in (count - 2, count - 1)]
    ActionChains(chromium.driver).drag_and_drop_by_offset(canvas, 60, 15).perform()
    chromium.until(lambda: all((chromium.canvas(count - 2 + i) != before[i]).mean() > 0.01 for i in range(2)))
    assert chromium.script("return [...document.images].every((image) => image.naturalWidth > 100)")
    assert chromium.script("return performance.getEntriesByType('resource').every((r) => r.name.startsWith('data:'))")
    assert chromium.complaints() == []


def test_page_tells_the_source_of_what_was_measured(lean):
    spoilt(lean, measured={"source": "A. Author, J. <1>, 2 (2025)", "label": "A 2025", "points": []})
    (lean / "compare.toml").write_text("source = 1", encoding="utf-8")
    page = report(lean)
    assert "A. Author, J. <1>, 2 (2025)" in page.text
    assert {a["download"] for a in page.named("a")} == {"job.toml", "compare.toml", "table.csv", "result.json"}


def test_same_result_same_bytes(whole):
    folder, _ = whole
    first = (folder / "report.html").read_bytes()
    report(folder)
    assert (folder / "report.html").read_bytes() == first


def test_words_of_the_user_are_text(lean):
    spoilt(lean, title="<script>alert(1)</script>", assumptions=["A <b>: x"])
    page = report(lean)
    page.assert_offline()
    assert page.text.startswith("<script>alert(1)</script>")
    assert "A <b>: x" in page.text


def test_failed_points_and_flags_are_told(lean):
    result = json.loads((lean / "result.json").read_text(encoding="utf-8"))
    result["points"][0]["flags"] = ["electron_1 belongs to the box"]
    failed = [{"parameters": {"a": 1}, "error": "did not converge"}]
    spoilt(lean, points=result["points"], failed=failed)
    text = report(lean).text
    assert "electron_1 belongs to the box" in text
    assert "1 point could not be solved" in text
    assert "a = 1: did not converge" in text


def test_without_fields_the_page_says_so(lean):
    page = report(lean)
    page.assert_offline()
    assert "The fields of this result were not written" in page.text
    assert not page.named("canvas")
    assert not page.named("script")


def test_without_pyvista_the_page_says_so(solved, monkeypatch):
    monkeypatch.setattr(rendering, "find_spec", lambda _name: None)
    page = report(solved)
    assert "No turning view: 3D pictures need PyVista" in page.text
    assert "Results" in page.text


def test_without_a_pair(lean):
    result = json.loads((lean / "result.json").read_text(encoding="utf-8"))
    for point in result["points"]:
        del point["exciton"]
    spoilt(lean, points=result["points"][:1])
    text = report(lean).text
    assert "No pair was computed" in text
    assert text.count("One structure") == 1


@pytest.mark.parametrize("name", ["report.pdf", "result.json/report.html"])
def test_a_file_that_cannot_be(lean, capsys, name):
    assert cli.main(["report", str(lean), "-o", str(lean / name)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not [file for file in lean.iterdir() if file.name.startswith(".")]
