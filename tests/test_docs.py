"""The examples run, and the README's numbers are what the program gives."""

import re
import tomllib
from itertools import pairwise

import jobs
import pytest

import exciton
from exciton.cli import main
from exciton.result import headings
from exciton.sweep import points

README = jobs.ROOT / "README.md"
TABLES = sorted((jobs.ROOT / "docs" / "examples").glob("*.toml"))
EXAMPLES = [file for file in TABLES if "schema" in tomllib.loads(file.read_text(encoding="utf-8"))]  # not the measured
MAIN = jobs.ROOT / "docs" / "examples" / "zns-on-cspbbr3.toml"


@pytest.fixture(scope="module")
def main_job():
    return exciton.solve(exciton.read_job(MAIN))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_examples_are_sound(file, capsys):
    assert main(["check", str(file)]) == 0
    assert "a valid job" in capsys.readouterr().out
    assert points(exciton.read_job(file))


@pytest.mark.parametrize("name", ["starter", "offset-scan"])
def test_examples_are_solved(name):
    """Their physics at a coarser accuracy, one of the points of a sweep."""
    tables = exciton.read_job(jobs.ROOT / "docs" / "examples" / f"{name}.toml").raw
    tables.pop("sweep", None)
    tables["accuracy"] = {"energy_meV": 2.0, "pair_meV": 10.0}
    (point,) = exciton.solve(exciton.Job(**tables)).points
    assert 2.3 < point["emission_eV"] < 2.6
    assert point["electron"]["probability"][0]["core"] > 0.9


def test_main_job(main_job):
    """A growing ZnS shell: levels fall, a red shift of some meV, a somewhat longer life, all within the accuracy."""
    levels = [[p[carrier]["energies_meV"][0] for p in main_job.points] for carrier in ("electron", "hole")]
    assert all(a > b for carrier in levels for a, b in pairwise(carrier))
    emission = [point["emission_eV"] for point in main_job.points]
    assert emission[0] > emission[1] > emission[2]
    assert 2e-3 < emission[0] - emission[2] < 6e-3
    lives = [point["radiative_lifetime_ns"] for point in main_job.points]
    assert 1.05 < lives[2] / lives[0] < 1.25
    for point in main_job.points:
        assert max(point["electron"]["error_meV"] + point["hole"]["error_meV"]) <= 0.1
        assert point["exciton"]["error_meV"] <= 0.3
        assert point["exciton"]["level"] == "correlated"
        assert sum(point["exciton"]["terms_meV"].values()) == pytest.approx(point["exciton"]["energy_meV"])
        assert 15 < point["exciton"]["enhancement"] < 20
    # no shell, one threefold level above the ground state
    bare = main_job.points[0]["electron"]["energies_meV"]
    assert bare[1:4] == pytest.approx([bare[1]] * 3, abs=1e-6)


def test_the_gallery_is_what_its_script_writes():
    """Page and script agree, and every picture is there and holds what its job gives: bitmaps that are not blank."""
    from importlib.util import module_from_spec, spec_from_file_location

    from PIL import Image

    spec = spec_from_file_location("gallery", jobs.ROOT / "docs" / "gallery.py")
    gallery = module_from_spec(spec)
    spec.loader.exec_module(gallery)
    assert (jobs.ROOT / "docs" / "gallery.md").read_text(encoding="utf-8") == gallery.page()
    for entry in gallery.ENTRIES:
        assert (jobs.ROOT / "docs" / "examples" / f"{entry.job}.toml").exists()
        with Image.open(gallery.PICTURES / entry.name) as image:
            assert image.convert("L").getextrema() != (255, 255)


@pytest.mark.skipif(not README.exists(), reason="there is no README")
def test_readme_numbers_are_the_programs(main_job):
    """The table of the main job: the same headings and the same cells, number for number within the errors given."""
    heads, cells = headings(main_job.points, main_job.materials)
    lines = README.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if "emission eV" in line and "electron meV" in line)
    assert re.split(r"\s{2,}", lines[start].strip()) == heads
    for line, row in zip(lines[start + 1 :], cells):
        shown = re.split(r"\s{2,}", line.strip())
        assert len(shown) == len(row)
        for name, one, other in zip(heads, shown, row):
            assert _near(one, other), f"{name}: the README says {one}, the program {other}"


def _near(one, other):
    """Equal words; numbers with an error in brackets equal within both errors, others to the last digit but one."""
    first, second = _number(one), _number(other)
    if first is None or second is None:
        return one == other
    return abs(first[0] - second[0]) <= first[1] + second[1]


def _number(text):
    """Value and error of ``19.65(3)``, ``99.96 %`` and ``2.4296``; None for a word."""
    found = re.fullmatch(r"(-?\d+)(?:\.(\d*))?(?:\((\d+)\))?(?: %)?", text)
    if not found:
        return None
    whole, digits, error = found.groups()
    unit = 10.0 ** -len(digits or "")
    return float(f"{whole}.{digits or 0}"), unit * (int(error) if error else 1)


def test_number_reader():
    assert _number("19.65(3)") == pytest.approx((19.65, 0.03))
    assert _number("-0.55(9)") == pytest.approx((-0.55, 0.09))
    assert _number("99.96 %") == pytest.approx((99.96, 0.01))
    assert _number("0") == (0.0, 1.0)
    assert _number("quasi-I") is None
    assert not _near("19.65(3)", "19.75(3)")


@pytest.mark.skipif(not README.exists(), reason="there is no README")
def test_readme_speaks_of_files_and_commands_that_exist():
    text = README.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (jobs.ROOT / target).exists(), target
    for script in re.findall(r"^ {4}(\.ci/\w+)", text, flags=re.M):
        assert (jobs.ROOT / script).exists(), script
    commands = set(re.findall(r"exciton (solve|new|check|materials|mesh|doctor|view|report)\b", text))
    for command in commands:
        assert jobs.program(command, "--help").returncode == 0, command
    assert "pip install exciton\n" not in text


@pytest.mark.skipif(not README.exists(), reason="there is no README")
def test_readme_jobs_are_valid():
    blocks = re.findall(r"```toml\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.S)
    assert blocks
    for block in blocks:
        assert points(exciton.Job(**tomllib.loads(block)))
