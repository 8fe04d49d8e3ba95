"""The command line's frame: exit statuses, one-line errors, quick start, and the commands that solve nothing."""

import argparse
import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import exciton
from exciton import cli
from exciton.cli import new
from exciton.errors import ComponentMissing, JobError
from meshes.errors import MeshError
from solvers.errors import BackendMissing, NotConverged

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def python(*arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, **options)


def run(capsys, *arguments):
    status = cli.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return status, out, err


def failing(capsys, *arguments):
    status, out, err = run(capsys, *arguments)
    assert status == 2
    assert out == ""
    assert err.startswith("exciton: ")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize("name", new.examples())
def test_packaged_examples_are_sound_and_those_of_the_documentation(name, capsys):
    documented = EXAMPLES / f"{name}.toml"
    assert documented.read_text(encoding="utf-8") == new.example(name)
    status, out, err = run(capsys, "check", documented)
    assert (status, err) == (0, "")
    assert "a valid job" in out
    assert "\x1b" not in out  # plain where it is piped


def test_every_documented_job_is_packaged():
    measured = set(new.MEASURED.values())
    assert {file.name for file in EXAMPLES.glob("*.toml")} - measured == {f"{name}.toml" for name in new.examples()}
    for name in measured:
        assert (EXAMPLES / name).read_text(encoding="utf-8") == (new._folder() / name).read_text(encoding="utf-8")


def test_what_an_example_is_compared_with_comes_along(tmp_path, capsys):
    file = tmp_path / "job.toml"
    assert run(capsys, "new", "--example", "zns-on-cspbbr3", "-o", file)[0] == 0
    assert run(capsys, "check", file)[0] == 0
    (tmp_path / "teku2025.toml").write_text("mine", encoding="utf-8")
    file.unlink()
    assert run(capsys, "new", "--example", "zns-on-cspbbr3", "-o", file)[0] == 0
    assert (tmp_path / "teku2025.toml").read_text(encoding="utf-8") == "mine"


def test_the_main_job_is_the_measured_one():
    """Shells per face from the mean edges 14.2, 15.3, 18.5 nm."""
    job = exciton.read_job(EXAMPLES / "zns-on-cspbbr3.toml")
    assert job.structure.core.edge_nm == 14.2
    assert job.sweep[0].values == pytest.approx([(edge - 14.2) / 2 for edge in (14.2, 15.3, 18.5)])
    scan = exciton.read_job(EXAMPLES / "offset-scan.toml")
    assert (min(scan.sweep[1].values), max(scan.sweep[1].values)) == (-0.2, 0.5)


def test_check_prints_assumptions_points_and_discretisation(capsys):
    _, out, _ = run(capsys, "check", EXAMPLES / "zns-on-cspbbr3.toml", "--set", "materials.ZnS.hole_mass=0.58")
    for words in (
        "3 points",
        "shell_1",
        "0 nm: not there",
        "ZnS: hole_mass 0.58, given in the job",
        "[not verified]",
        "structure.shells[0].thickness_nm: 0.0, 0.55, 2.15",
        "known to 0.1 meV",
    ):
        assert words in out
    _, out, _ = run(capsys, "check", EXAMPLES / "offset-scan.toml")
    assert "Assumptions that change along the sweep" in out
    assert "ZnS: electron barrier -0.200 eV, hole barrier +1.450 eV" in out


def test_check_says_what_the_points_of_a_comparison_are_and_cost(capsys):
    """Samples beside the computed points; levels of theory side by side."""
    main, thickness = EXAMPLES / "zns-on-cspbbr3.toml", "sweep[0].values=[0.0, 2.15]"
    _, out, _ = run(capsys, "check", main, "--set", thickness)
    assert "Compared with\n  J. A. Teku" in out
    assert "two cycles: structure.shells[0].thickness_nm = 2.15\n" in out
    assert "one cycle: structure.shells[0].thickness_nm = 0.55, where no point is computed" in out
    levels = 'sweep=[{parameter = "exciton.level", values = ["none", "first-order", "correlated"]}]'
    _, out, _ = run(capsys, "check", EXAMPLES / "starter.toml", "--set", levels)
    seconds = [int(n) for n in re.findall(r"pair: [a-z, -]+: 1 of the points, (\d+) s of CPU", out)]
    assert len(seconds) == 2
    assert 0 < seconds[0] < seconds[1]
    assert re.search(rf"some ({sum(seconds)}|{sum(seconds) + 1}) s of CPU in all", out)


@pytest.mark.parametrize(
    ("setting", "doubt"),
    [
        ("structure.core.edge_nm=142", "structure.core.edge_nm = 142: is that angstrom? then write 14.2"),
        ("structure.shells[0].thickness_nm=21.5", "structure.shells[0].thickness_nm = 21.5: is that angstrom?"),
        ("alignment.ZnS.electron_barrier_eV=-250", "electron_barrier_eV = -250: is that meV? then write -0.25"),
        ("structure.core.edge_nm=50", ""),
    ],
)
def test_check_doubts_what_is_large_in_its_unit(setting, doubt, capsys):
    status, out, _ = run(capsys, "check", EXAMPLES / "starter.toml", "--set", setting)
    assert status == 0
    assert ("Doubtful" in out) == bool(doubt)
    assert doubt in out


def test_check_is_rich_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    _, out, _ = run(capsys, "check", EXAMPLES / "starter.toml")
    assert "\x1b[1m" in out
    assert "hard wall" not in out


def test_check_describes_a_discretisation_by_hand(capsys):
    hand = ["--set", "accuracy.element=hexahedron", "--set", "accuracy.degree=3", "--set", "accuracy.size_nm=0.5"]
    _, out, _ = run(capsys, "check", EXAMPLES / "starter.toml", *hand)
    assert "hexahedron elements of degree 3, at most 0.5 nm" in out


def test_bad_jobs_are_one_line(capsys, tmp_path):
    job = EXAMPLES / "starter.toml"
    assert "cannot be read" in failing(capsys, "check", tmp_path / "nowhere.toml")
    assert "did you mean edge_nm?" in failing(capsys, "check", job, "--set", "structure.core.edge=3")
    assert "KEY=VALUE" in failing(capsys, "check", job, "--set", "structure.core.edge_nm")
    junk = tmp_path / "junk\n.toml"
    junk.write_bytes(bytes(range(256)))
    assert "UTF-8" in failing(capsys, "check", junk)


def test_new_writes_a_job_that_checks_and_never_overwrites(capsys, tmp_path):
    file = tmp_path / "job.toml"
    status, out, _ = run(capsys, "new", "-o", file)
    assert status == 0
    assert str(file) in out
    assert run(capsys, "check", file)[0] == 0
    file.write_text("mine")
    assert "never overwritten" in failing(capsys, "new", "-o", file)
    assert file.read_text() == "mine"
    assert "cannot be written" in failing(capsys, "new", "-o", tmp_path / "no" / "folder" / "job.toml")


def test_new_leaves_nothing_half_written(capsys, tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    err = failing(capsys, "new", "--example", "zns-on-cspbbr3", "-o", tmp_path / "job.toml")
    assert "job.toml: cannot be written: No space left" in err
    assert not list(tmp_path.iterdir())


def test_new_prints_without_a_file_and_lists_what_there_is(capsys):
    assert run(capsys, "new")[1] == new.example("starter")
    assert run(capsys, "new", "--example", "offset-scan")[1] == new.example("offset-scan")
    err = failing(capsys, "new", "--example", "nothing")
    assert all(name in err for name in new.examples())


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["check"], ["check", "a", "--nothing"]])
def test_wrong_arguments_exit_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("exciton: ")
    assert err.count("\n") == 1
    assert "--help)" in err


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (JobError("two\nlines"), 2),
        (ComponentMissing("no gmsh"), 2),
        (BackendMissing("no petsc"), 2),
        (MeshError("bad mesh"), 2),
        (NotConverged("3 of 4"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_exit_status_of_our_own_errors(error, status, capsys, monkeypatch):
    def fail(_):
        raise error

    monkeypatch.setattr(new, "new_command", fail)
    assert cli.main(["new"]) == status
    err = capsys.readouterr().err
    assert err.startswith("exciton: ")
    assert err.count("\n") == 1


def test_a_bug_keeps_its_traceback(monkeypatch):
    def fail(_):
        raise ZeroDivisionError

    monkeypatch.setattr(new, "new_command", fail)
    with pytest.raises(ZeroDivisionError):
        cli.main(["new"])


def test_help_is_complete():
    result = python("-m", "exciton", "--help")
    assert result.returncode == 0
    assert "check" in result.stdout


def test_importing_the_package_imports_nothing_heavy():
    """Neither do the modules of the commands, which --help imports: it answers at once."""
    heavy = "numpy, scipy, pydantic, basix, gmsh, vtk, pyvista, petsc4py, matplotlib, rich, meshio, h5py"
    code = f"""
import sys, exciton, exciton.cli
exciton.cli._parser([])
found = set('{heavy}'.split(', ')) & set(sys.modules)
assert not found, found
"""
    result = python("-c", code)
    assert result.returncode == 0, result.stderr


def test_public_names_are_loaded_when_they_are_used():
    assert set(exciton.__all__) <= set(dir(exciton))
    assert exciton.Job is exciton.job.Job
    assert exciton.__version__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = exciton.nothing


def test_a_closed_pipe_is_no_error():
    shell = f"{sys.executable} -m exciton check {EXAMPLES / 'offset-scan.toml'} | true"
    result = subprocess.run(
        shell, shell=True, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False
    )
    assert result.stderr == ""


def test_every_registered_command_can_say_what_it_does():
    parser = cli._parser([])
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    assert {"new", "check", "materials"} <= set(commands.choices)
    for name in commands.choices:
        (alone,) = (a for a in cli._parser([name])._actions if isinstance(a, argparse._SubParsersAction))
        assert list(alone.choices) == [name]  # nothing but the module of the command that runs
