"""A result shows itself: figures and views for notebooks, a folder from Python as from the command line."""

import json

import jobs
import pytest

import exciton
from exciton.errors import JobError
from exciton.result import Result

NOTEBOOK = jobs.ROOT / "docs" / "examples" / "shell.ipynb"
EDGE = "structure.core.edge_nm"
FIRST = {"level": "first-order", "polarisation": False}
PNG = b"\x89PNG"


def job(**more):
    settings = {"accuracy": {"energy_meV": 5.0, "pair_meV": 10.0}, "carriers": {"states": 1}, "exciton": FIRST, **more}
    return jobs.job(4.0, sweep=[{"parameter": EDGE, "values": [4.0, 5.0]}], **settings)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """Solved into a folder."""
    said = []
    output = {"fields": True, "figures": False}
    found = exciton.solve(
        job(output=output), lambda *done: said.append(done), folder=tmp_path_factory.mktemp("r") / "r"
    )
    assert said == [(1, 2), (2, 2)]
    return found


def test_a_folder_is_that_of_the_command_line(result, tmp_path):
    names = {file.relative_to(result.path).as_posix() for file in result.path.rglob("*") if file.is_file()}
    assert {"result.json", "table.csv", "job.toml", "fields/point_000.vtu", "fields/point_001_axis.csv"} <= names
    again = exciton.read_result(result.path)
    assert again == result
    assert again.path == result.path
    memory = exciton.solve(job(output=jobs.NO_FILES))
    energies = [[p["exciton"]["energy_meV"] for p in r.points] for r in (memory, result)]
    assert energies[0] == pytest.approx(energies[1])
    memory.write(tmp_path)
    assert Result.from_json((tmp_path / "result.json").read_text(encoding="utf-8")).points == memory.points
    assert (tmp_path / "table.csv").read_text(encoding="utf-8") == memory.as_csv()


def test_finished_points_are_kept(result):
    said = []
    output = {"fields": True, "figures": False}
    assert exciton.solve(job(output=output), lambda *done: said.append(done), folder=result.path) == result
    assert said == []


def test_the_table_is_that_of_the_terminal(result):
    lines = result.table().splitlines()
    assert len(lines) == 3
    assert "emission eV" in lines[0]
    assert len({len(line) for line in lines}) == 1


def test_figures_are_shown_and_saved(result, tmp_path):
    shown = result.plot_emission()
    assert shown._repr_png_().startswith(PNG)
    assert shown.files == ()
    kept = result.plot_terms(tmp_path / "terms")
    assert [file.name for file in kept.files] == ["terms.png", "terms.pdf"]
    assert kept.files[0].read_bytes() == kept._repr_png_()
    assert result.plot_bands(point=1)._repr_png_().startswith(PNG)
    with pytest.raises(ValueError, match="with a lifetime"):
        result.plot_lifetime()
    with pytest.raises(ValueError, match="two swept parameters"):
        result.plot_map()
    with pytest.raises(JobError, match="finished are 0, 1"):
        result.plot_bands(point=7)


@pytest.mark.usefixtures("pyvista")
def test_a_view_is_the_page_that_turns(result, tmp_path):
    from offline import Page

    view = result.view(points=[1])
    page = Page(view.save(tmp_path / "v.html").read_text(encoding="utf-8"))
    page.assert_offline()
    assert len(page.named("canvas")) == 2
    frame = Page(view._repr_html_())
    assert Page(frame.named("iframe")[0]["srcdoc"]).text == page.text


def test_without_a_folder_there_is_no_view():
    with pytest.raises(JobError, match="holds its fields"):
        Result("x", ()).view()


def test_the_notebook_runs(tmp_path, monkeypatch):
    """Cell by cell, in its own kernel; it asserts its numbers itself, and every figure comes out."""
    monkeypatch.setenv("PYTHONPATH", str(jobs.ROOT))
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # kept clean: numbers are made, not stored
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    kinds = [kind for output in outputs for kind in output.get("data", ())]
    assert kinds.count("image/png") >= 2
    assert json.dumps(outputs).count("<iframe") == 1
