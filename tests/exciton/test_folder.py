"""The result folder: whole files only, finished points kept, other jobs' results left alone."""

from time import monotonic, perf_counter, sleep

import jobs
import pytest

import exciton
from exciton.errors import JobError
from exciton.folder import Fields, Folder
from exciton.sweep import points
from exciton.workflow import solve_point
from solvers.errors import NotConverged

EDGE = "structure.core.edge_nm"


def sweep(*values, **more):
    settings = {"accuracy": {"energy_meV": 5.0}, "exciton": {"level": "none"}, "output": jobs.NO_FILES, **more}
    return jobs.job(4.0, sweep=[{"parameter": EDGE, "values": list(values)}], **settings)


def opened(path, job, **options):
    return Folder(path, job, points(job), **options)


def fill(folder, job, count):
    """Solve the first points that wait."""
    for point in folder.waiting[:count]:
        solved = solve_point(point)
        Fields.of(folder.path, job, points(job)).write(solved)
        folder.add(solved.entry)
    folder.flush()


def snapshot(path):
    return {f: (f.read_bytes(), f.stat().st_mtime_ns) for f in sorted(path.rglob("*")) if f.is_file()}


def test_finished_points_are_kept(tmp_path):
    job = sweep(4.0, 5.0, 6.0)
    folder = opened(tmp_path / "r", job)
    assert len(folder.waiting) == 3
    fill(folder, job, 2)
    again = opened(tmp_path / "r", job)
    assert [point.parameters[EDGE] for point in again.waiting] == [6.0]
    assert again.result.points == folder.result.points


def test_a_point_without_its_files_is_not_finished(tmp_path):
    job = sweep(4.0, 5.0, output={"fields": True, "figures": False})
    folder = opened(tmp_path / "r", job)
    fill(folder, job, 2)
    names = sorted(f.name for f in (tmp_path / "r" / "fields").iterdir())
    assert names == ["point_000.vtu", "point_000_axis.csv", "point_001.vtu", "point_001_axis.csv"]
    (tmp_path / "r" / "fields" / "point_001.vtu").unlink()
    assert [point.parameters[EDGE] for point in opened(tmp_path / "r", job).waiting] == [5.0]


def test_cubes_that_are_asked_for_later_are_made(tmp_path):
    fill(opened(tmp_path / "r", sweep(4.0)), sweep(4.0), 1)
    job = sweep(4.0, output={**jobs.NO_FILES, "cube": True})
    folder = opened(tmp_path / "r", job)
    assert len(folder.waiting) == 1
    fill(folder, job, 1)
    assert len(list((tmp_path / "r" / "fields").glob("point_000_*.cube"))) == 2 * job.carriers.states
    assert not opened(tmp_path / "r", job).waiting


def test_fields_as_xdmf(tmp_path):
    """Read back by meshio: the same cells and states as in the VTU file."""
    import meshio
    import numpy as np

    for kind in ("vtu", "xdmf"):
        job = sweep(4.0, output={"figures": False, "fields_as": kind})
        fill(opened(tmp_path / kind, job), job, 1)
        assert not opened(tmp_path / kind, job).waiting
    vtu, xdmf = (meshio.read(tmp_path / kind / "fields" / f"point_000.{kind}") for kind in ("vtu", "xdmf"))
    np.testing.assert_array_equal(vtu.points, xdmf.points)
    np.testing.assert_array_equal(vtu.cells[0].data, xdmf.cells[0].data)
    assert set(vtu.point_data) == set(xdmf.point_data)
    for name, values in vtu.point_data.items():
        np.testing.assert_array_equal(values, xdmf.point_data[name])


def test_another_jobs_result_is_left_alone(tmp_path):
    job = sweep(4.0)
    fill(opened(tmp_path / "r", job), job, 1)
    before = snapshot(tmp_path)
    with pytest.raises(JobError, match="--overwrite"):
        opened(tmp_path / "r", sweep(5.0))
    assert snapshot(tmp_path) == before
    folder = opened(tmp_path / "r", sweep(5.0), overwrite=True)
    assert folder.result.points == ()
    assert len(folder.waiting) == 1


def test_a_new_title_is_the_same_job(tmp_path):
    job = sweep(4.0)
    fill(opened(tmp_path / "r", job), job, 1)
    again = opened(tmp_path / "r", sweep(4.0, title="a better title"))
    assert again.waiting == []
    assert jobs.read(tmp_path / "r")["title"] == "a better title"


def test_overwriting_takes_away_our_files_only(tmp_path):
    job = sweep(4.0)
    fill(opened(tmp_path / "r", job), job, 1)
    (tmp_path / "r" / "notes.txt").write_text("mine")
    opened(tmp_path / "r", sweep(5.0), overwrite=True)
    assert (tmp_path / "r" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"schema": 99, "points": []}', '{"schema": 1, "points": [{}]}', "\x00"]
)
def test_a_result_file_of_somebody_else(tmp_path, content):
    (tmp_path / "result.json").write_text(content)
    before = snapshot(tmp_path)
    with pytest.raises(JobError):
        opened(tmp_path, sweep(4.0))
    assert snapshot(tmp_path) == before


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(JobError, match=r"file"):
            opened(path, sweep(4.0))
    assert (tmp_path / "file").read_text() == ""


@pytest.mark.parametrize("name", ["job.toml", "table.csv"])
def test_files_of_the_same_names_are_left_alone(tmp_path, name):
    """``exciton solve job.toml -o .`` must not write over the job that it reads."""
    (tmp_path / name).write_text("mine")
    with pytest.raises(JobError, match=name):
        opened(tmp_path, sweep(4.0))
    assert {f.name: f.read_text() for f in tmp_path.iterdir()} == {name: "mine"}
    opened(tmp_path, sweep(4.0), overwrite=True)
    assert (tmp_path / "result.json").exists()


def test_drafts_of_a_killed_run_are_taken_away(tmp_path):
    job = sweep(4.0, output={"fields": True, "figures": False})
    folder = opened(tmp_path / "r", job)
    fill(folder, job, 1)
    whole = {f.name for f in (tmp_path / "r").rglob("*")}
    (tmp_path / "r" / ".table.csv-abcdefgh").write_text("half")
    (tmp_path / "r" / "fields" / ".point_000_axis.csv-abcdefgh").write_text("half")
    (tmp_path / "r" / "fields" / ".writing-abcdefgh").mkdir()
    (tmp_path / "r" / "fields" / ".writing-abcdefgh" / "draft.vtu").write_text("half")
    (tmp_path / "r" / ".gitignore").write_text("mine")
    opened(tmp_path / "r", job)
    assert {f.name for f in (tmp_path / "r").rglob("*")} == whole | {".gitignore"}


def test_failed_points_are_listed_and_tried_again(tmp_path):
    job = sweep(4.0, 5.0)
    folder = opened(tmp_path / "r", job)
    folder.fail(folder.waiting[0], NotConverged("3 of 4"))
    content = jobs.read(tmp_path / "r")
    assert content["failed"] == [{"parameters": {EDGE: 4.0}, "error": "3 of 4"}]
    assert content["points"] == []
    assert len(opened(tmp_path / "r", job).waiting) == 2


def test_equal_points_are_solved_once(tmp_path):
    """Two values that resolve to the same physics share one answer, and both have their row."""
    job = sweep(4.0, 4.0)
    folder = opened(tmp_path / "r", job)
    fill(folder, job, len(folder.waiting))
    assert len(folder.result.points) == 2


def test_the_folder_says_what_it_holds(tmp_path):
    job = sweep(4.0)
    folder = opened(tmp_path / "r", job)
    fill(folder, job, 1)
    assert sorted(f.name for f in (tmp_path / "r").iterdir()) == ["job.toml", "result.json", "table.csv"]
    again = exciton.read_job(tmp_path / "r" / "job.toml")
    assert [p.resolved.key for p in points(again)] == [p.resolved.key for p in points(job)]


def test_every_point_is_written_when_it_is_done(tmp_path):
    """Though nothing else happens: a run may be killed long before its next point is done."""
    job = sweep(4.0, 5.0, 6.0)
    folder = opened(tmp_path / "r", job)
    for done, point in enumerate(folder.waiting, start=1):
        folder.add(solve_point(point).entry)
        end = monotonic() + 30
        while len(jobs.read(tmp_path / "r")["points"]) < done:
            assert monotonic() < end
            sleep(0.001)
    assert len((tmp_path / "r" / "table.csv").read_text().splitlines()) == 1 + done


def test_the_last_point_is_written_at_once(tmp_path):
    job = sweep(4.0, 5.0)
    folder = opened(tmp_path / "r", job)
    for point in folder.waiting:
        folder._writing._rested = perf_counter() + 30  # written by the timer, it would be late
        folder.add(solve_point(point).entry)
    assert len(jobs.read(tmp_path / "r")["points"]) == 2
