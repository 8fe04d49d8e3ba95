"""``exciton solve``, ``mesh`` and ``doctor`` from outside: files, exit statuses, one-line errors, and kill -9."""

import csv
import errno
import re
import string
import subprocess
import sys
import time

import jobs
import meshio
import pytest
from conftest import missing

import exciton
from exciton import cli
from exciton.cli import doctor
from exciton.folder import Fields
from solvers import hp

EDGE = "structure.core.edge_nm"
COARSE = {"energy_meV": 5.0}
QUICK = {"accuracy": COARSE, "exciton": {"level": "none"}, "output": jobs.NO_FILES}


def sweep(*values):
    return [{"parameter": EDGE, "values": list(values)}]


@pytest.fixture
def run(capsys):
    """Run a command here; returns its status, stdout and stderr."""

    def run(*arguments):
        capsys.readouterr()
        status = cli.main([str(argument) for argument in arguments])
        return (status, *capsys.readouterr())

    return run


def snapshot(path):
    return {f: (f.read_bytes(), f.stat().st_mtime_ns) for f in sorted(path.rglob("*")) if f.is_file()}


def numbers(point):
    """An entry without what differs from run to run."""
    return {key: value for key, value in point.items() if key not in ("cost", "parameters")}


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """One small job with everything that is written, run as a user would, its output in pipes."""
    folder = tmp_path_factory.mktemp("solve")
    content = jobs.tables(
        4.0, (("B", 0.5),), accuracy=COARSE, carriers={"states": 2}, sweep=sweep(4.0, 5.0), title="two cubes"
    )
    file = jobs.write(folder / "job.toml", content)
    return file, jobs.program("solve", file, cwd=folder)


def test_a_run_is_plain_and_complete(solved):
    file, process = solved
    begins, *over = process.stderr.splitlines()
    assert process.returncode == 0
    assert re.fullmatch(r"solving 2 points, some \d+ s of CPU in all, .*", begins)
    said = [re.fullmatch(rf"(\d) of 2 done after \d+ s: {re.escape(EDGE)} = (\d\.0)", line) for line in over]
    assert [line.groups() for line in said] == [("1", "4.0"), ("2", "5.0")]
    assert set(process.stderr) <= set(string.printable) - set("\r\v\f\t")  # a log shows no bar
    out = file.with_suffix("")
    assert "\x1b" not in process.stdout
    assert process.stdout.splitlines()[0] == "two cubes"
    assert process.stdout.rstrip().endswith(f"results in {out}/")
    names = {str(f.relative_to(out)) for f in out.rglob("*") if f.is_file()}
    assert {"result.json", "table.csv", "job.toml"} <= names
    assert {f"fields/point_00{i}{end}" for i in range(2) for end in (".vtu", "_axis.csv")} <= names
    assert any(name.startswith("figures/emission") for name in names)
    assert any(name.startswith("figures/bands_001") for name in names)
    assert not any(name.rpartition("/")[2].startswith(".") for name in names)  # no file half-written
    mesh = meshio.read(out / "fields" / "point_001.vtu")
    assert {"electron_0", "electron_1", "hole_0", "hole_1"} <= set(mesh.point_data)


def test_result_file_and_table_say_the_same(solved):
    file, _ = solved
    result = jobs.read(file.with_suffix(""))
    assert (result["schema"], result["title"], result["failed"]) == (1, "two cubes", [])
    assert result["versions"]["exciton-fem"] == exciton.__version__
    assert result["assumptions"]
    with (file.with_suffix("") / "table.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert [float(row[EDGE]) for row in rows] == [p["parameters"][EDGE] for p in result["points"]] == [4.0, 5.0]
    assert [float(row["pair_meV"]) for row in rows] == [p["exciton"]["energy_meV"] for p in result["points"]]


def test_repeating_a_finished_run_computes_nothing(solved, run):
    file, _ = solved
    before = jobs.read(file.with_suffix(""))["points"]
    status, out, err = run("solve", file)
    assert (status, err) == (0, "")
    assert "2 of 2 points were finished before and kept" in out
    assert jobs.read(file.with_suffix(""))["points"] == before


def test_the_resolved_job_runs_again_with_the_same_numbers(solved, run, tmp_path):
    file, _ = solved
    again = tmp_path / "again"
    status, _, err = run("solve", file.with_suffix("") / "job.toml", "-o", again, "--quiet")
    assert (status, err) == (0, "")
    first, second = jobs.read(file.with_suffix(""))["points"], jobs.read(again)["points"]
    assert [p["key"] for p in first] == [p["key"] for p in second]
    assert [numbers(p) for p in first] == [numbers(p) for p in second]


def test_python_gives_the_same_numbers(solved):
    file, _ = solved
    result = exciton.solve(exciton.read_job(file))
    assert [numbers(p) for p in result.points] == [numbers(p) for p in jobs.read(file.with_suffix(""))["points"]]


def test_set_and_out(run, tmp_path):
    file = jobs.write(tmp_path / "job.toml", jobs.tables(4.0, **QUICK))
    status, out, _ = run("solve", file, "-o", tmp_path / "deep" / "er", "--set", f"{EDGE}=6.0", "--backend", "scipy")
    assert status == 0
    assert str(tmp_path / "deep" / "er") in out
    point = jobs.read(tmp_path / "deep" / "er")["points"][0]
    assert numbers(point) == numbers(jobs.solve(6.0, **{**QUICK, "solver": {"backend": "scipy"}}))
    assert not (tmp_path / "job").exists()


def test_quiet_says_nothing(run, tmp_path):
    file = jobs.write(tmp_path / "job.toml", jobs.tables(4.0, **QUICK))
    assert run("solve", file, "--quiet") == (0, "", "")


def test_another_jobs_folder_is_refused_and_untouched(run, tmp_path):
    one = jobs.write(tmp_path / "one.toml", jobs.tables(4.0, **QUICK))
    other = jobs.write(tmp_path / "other.toml", jobs.tables(5.0, **QUICK))
    assert run("solve", one, "-o", tmp_path / "r")[0] == 0
    before = snapshot(tmp_path)
    status, out, err = run("solve", other, "-o", tmp_path / "r")
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "--overwrite" in err
    assert snapshot(tmp_path) == before
    assert run("solve", other, "-o", tmp_path / "r", "--overwrite")[0] == 0
    assert numbers(jobs.read(tmp_path / "r")["points"][0]) == numbers(jobs.solve(5.0, **QUICK))


@pytest.mark.parametrize("extra", [(), ("--overwrite",)])
def test_a_job_file_is_never_written_over(run, tmp_path, extra):
    """Neither the user's, in a folder of its own, nor the resolved one of a result and what it is compared with."""
    folder = tmp_path / "mine"
    folder.mkdir()
    point = f'[[point]]\nname = "a"\nemission_nm = 507.0\nparameters = {{ "{EDGE}" = 4.0 }}\n'
    (folder / "measured.toml").write_text(f'source = "x"\nlabel = "x"\n{point}')
    content = jobs.tables(4.0, **QUICK, sweep=sweep(4.0), compare={"file": "measured.toml"})
    file = jobs.write(folder / "job.toml", content)
    before = snapshot(folder)
    status, out, err = run("solve", file, "-o", folder, *extra)
    assert (status, out) == (2, "")
    assert "holds job.toml, which this job is read from, and a result has a file of this name; name another" in err
    assert snapshot(folder) == before
    result = folder / "result"
    assert run("solve", file, "-o", result, "--quiet")[0] == 0
    before = snapshot(result)
    assert run("solve", result / "job.toml", "-o", result, *extra)[0] == 2
    moved = jobs.write(folder / "again.toml", {**content, "compare": {"file": "result/compare.toml"}})
    assert "holds compare.toml" in run("solve", moved, "-o", result, *extra)[2]
    assert snapshot(result) == before


def bad_jobs():
    good = jobs.tables(4.0, (("B", 1.0),), **QUICK)
    yield "unknown key", {**good, "structur": {}}, ()
    yield "nan", jobs.tables(float("nan"), **QUICK), ()
    yield "negative", jobs.tables(4.0, (("B", -1.0),), **QUICK), ()
    yield "zero mass", jobs.tables(4.0, materials={"A": {"electron_mass": 0.0}}, **QUICK), ()
    yield "pushed through", jobs.tables(4.0, (("B", 1.0),), 0.0, (1.5, 0.0, 0.0), **QUICK), ()
    yield "nowhere", {**good, "sweep": [{"parameter": "structure.core.edge_mm", "values": [1.0]}]}, ()
    yield "empty sweep", {**good, "sweep": [{"parameter": EDGE, "values": []}]}, ()
    yield "future", {**good, "schema": 2}, ()
    yield "no level", {**good, "exciton": {"level": "exact"}}, ()
    yield "no permittivity", _without_permittivity(), ()
    yield "second point", {**good, "sweep": sweep(4.0, -4.0)}, ()
    yield "set", good, ("--set", "structure.core.edge_nm=-1")


def _without_permittivity():
    content = jobs.tables(4.0, (("B", 1.0),), exciton={"level": "first-order", "polarisation": True})
    del content["materials"]["B"]["permittivity"]
    return content


@pytest.mark.parametrize(("content", "extra"), [case[1:] for case in bad_jobs()], ids=[case[0] for case in bad_jobs()])
def test_a_bad_job_is_one_line_and_writes_nothing(run, tmp_path, content, extra):
    file = jobs.write(tmp_path / "job.toml", content)
    status, out, err = run("solve", file, *extra)
    assert (status, out) == (2, "")
    assert err.startswith("exciton: ")
    assert err.count("\n") == 1
    assert sorted(f.name for f in tmp_path.iterdir()) == ["job.toml"]


def test_where_nothing_can_be_written(run, tmp_path):
    """Below a file: so it is for root, too."""
    file = jobs.write(tmp_path / "job.toml", jobs.tables(4.0, **QUICK))
    (tmp_path / "wall").write_text("")
    for target in (tmp_path / "wall", tmp_path / "wall" / "r"):
        status, out, err = run("solve", file, "-o", target)
        assert (status, out) == (2, "")
        assert err.count("\n") == 1
    assert sorted(f.name for f in tmp_path.iterdir()) == ["job.toml", "wall"]


def test_a_disc_that_fills_is_one_line_and_keeps_what_is_finished(run, tmp_path, monkeypatch):
    def write(_, solved, *__):
        if solved.point.parameters[EDGE] == 5.0:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Fields, "write", write)
    file = jobs.write(tmp_path / "job.toml", jobs.tables(4.0, **QUICK, sweep=sweep(4.0, 5.0)))
    status, out, err = run("solve", file, "-o", tmp_path / "r", "--quiet", "--processes", 1)
    assert (status, out) == (2, "")
    assert err == f"exciton: {tmp_path / 'r'}: cannot be written: No space left on device; finished points are kept\n"
    assert [p["parameters"] for p in jobs.read(tmp_path / "r")["points"]] == [{EDGE: 4.0}]


def test_a_failing_point_is_listed_and_the_others_go_on(run, tmp_path, monkeypatch):
    """An accuracy out of reach at the second of three points."""
    monkeypatch.setattr(hp, "LIMIT", 60_000)
    content = jobs.tables(4.0, (("B", 1.0),), **QUICK)
    content["sweep"] = [{"parameter": "accuracy.energy_meV", "values": [10.0, 0.001, 20.0]}]
    status, out, err = run("solve", jobs.write(tmp_path / "job.toml", content), "-o", tmp_path / "r")
    assert status == 1
    assert "results in" in out
    assert "2 of 3 failed after" in err
    assert [line[:46] for line in err.splitlines() if line.startswith("exciton:")] == [
        "exciton: failed: accuracy.energy_meV = 0.001: "
    ]
    result = jobs.read(tmp_path / "r")
    assert [p["parameters"]["accuracy.energy_meV"] for p in result["points"]] == [10.0, 20.0]
    (failed,) = result["failed"]
    assert failed["parameters"] == {"accuracy.energy_meV": 0.001}
    assert "levels to 0.001 meV were asked for" in failed["error"]
    # tried again, now with room; the finished ones are kept
    monkeypatch.undo()
    assert run("solve", tmp_path / "job.toml", "-o", tmp_path / "r", "--quiet") == (0, "", "")
    again = jobs.read(tmp_path / "r")
    assert again["failed"] == []
    assert [again["points"][0], again["points"][2]] == result["points"]


def test_processes_change_no_number(run, tmp_path):
    """Five points on two processes and on one: the same entries, in the order of the sweep."""
    content = jobs.tables(4.0, (("B", 0.5),), **QUICK, sweep=sweep(4.0, 4.5, 5.0, 5.5, 6.0))
    file = jobs.write(tmp_path / "job.toml", content)
    found = []
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        assert run("solve", file, "-o", folder, "--quiet", "--processes", processes) == (0, "", "")
        found.append([numbers(p) | p["parameters"] for p in jobs.read(folder)["points"]])
    assert found[0] == found[1]
    with pytest.raises(SystemExit, match="2"):
        run("solve", file, "--processes", "0")


def test_kill_in_the_middle_of_a_sweep(tmp_path):
    """Finished points are not computed again, and no file is half-written; it stalls at its fourth point."""
    values = [4.0 + 0.1 * i for i in range(8)]
    content = jobs.tables(4.0, accuracy=COARSE, exciton={"level": "none"}, sweep=sweep(*values))
    content["output"] = {"fields": True, "figures": False}
    file = jobs.write(tmp_path / "job.toml", content)
    words = ["solve", str(file), "-o", str(tmp_path / "r")]
    hangs = [sys.executable, *jobs.stalling(3, *words, "--processes", "1")]
    process = subprocess.Popen(hangs, env=jobs.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if (tmp_path / "r" / "result.json").exists() and len(jobs.read(tmp_path / "r")["points"]) == 3:
            break
        time.sleep(0.02)
    process.kill()
    process.wait()
    held = jobs.read(tmp_path / "r")["points"]
    assert len(held) == 3
    times = {f: f.stat().st_mtime_ns for f in (tmp_path / "r" / "fields").glob("point_*")}
    numbers = {values.index(point["parameters"][EDGE]) for point in held}
    kept = {f for f in times if int(f.name[6:9]) in numbers}
    for f in kept:
        if f.suffix == ".vtu":
            meshio.read(f)
    command = [sys.executable, "-m", "exciton", *words, "--quiet"]
    again = subprocess.run(command, env=jobs.environment(), capture_output=True, text=True, check=False)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    points = jobs.read(tmp_path / "r")["points"]
    assert len(points) == len(values)
    assert [points[number] for number in sorted(numbers)] == held  # seconds and all
    assert all(f.stat().st_mtime_ns == times[f] for f in kept)
    left = [f.name for f in (tmp_path / "r").rglob("*") if f.is_file() and f.name.startswith(".")]
    assert not left, left


SHAPES = {
    "cube": {"shape": "cube", "core": {"material": "A", "edge_nm": 4.0}},
    "cuboid": {"shape": "cuboid", "core": {"material": "A", "edges_nm": [4.0, 3.0, 5.0]}},
    "sphere": {"shape": "sphere", "core": {"material": "A", "diameter_nm": 4.0}},
    "rounded-cube": {"shape": "rounded-cube", "core": {"material": "A", "edge_nm": 4.0, "radius_nm": 1.0}},
}


@pytest.mark.parametrize("shape", list(SHAPES))
@pytest.mark.parametrize("ending", [".vtu", ".xdmf", ".msh"])
def test_mesh_of_every_shape_in_every_format(run, tmp_path, shape, ending):
    """Readable, and a job of shape = "mesh" may use it."""
    content = jobs.tables(structure=SHAPES[shape], shells=(("B", 1.0),), **QUICK)
    file = jobs.write(tmp_path / "job.toml", content)
    status, out, err = run("mesh", file, "-o", tmp_path / f"dot{ending}")
    if status == 2 and "gmsh" in err:
        missing(err)
    assert (status, err) == (0, "")
    assert "core" in out
    assert "shell_1" in out
    regions = {"core": "A", "shell_1": "B"}
    structure = {"shape": "mesh", "file": f"dot{ending}", "core_region": "core", "regions": regions}
    again = jobs.write(tmp_path / "again.toml", jobs.tables(structure=structure, materials={"B": {}}, **QUICK))
    assert run("check", again)[0] == 0


def test_mesh_that_cannot_be_written(run, tmp_path):
    file = jobs.write(tmp_path / "job.toml", jobs.tables(4.0, **QUICK))
    (tmp_path / "wall").write_text("")
    for target in (tmp_path / "dot.xyz", tmp_path / "wall" / "dot.vtu"):
        status, out, err = run("mesh", file, "-o", target)
        assert (status, out) == (2, "")
        assert err.count("\n") == 1


def test_doctor(run):
    status, out, err = run("doctor")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert all(line.startswith(("ok ", "missing ")) for line in lines)
    for what in ("exciton-fem", "numpy", "gmsh", "PyVista", "PETSc"):
        assert any(what in line for line in lines)


def test_doctor_says_what_root_must_set(tmp_path, monkeypatch):
    """Open MPI starts nothing for root, unless two variables say that this is meant."""
    launcher = tmp_path / "mpiexec"
    launcher.write_text("#!/bin/sh\necho 'run as root? the variable OMPI_ALLOW_RUN_AS_ROOT=1 ...' >&2\nexit 1\n")
    launcher.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = doctor._ranks()
    assert not found.works
    assert "refuses root: export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1" in found.detail
