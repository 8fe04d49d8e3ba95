"""The database: every file is read and held against what its keys can mean; lookup, and what the command prints."""

import argparse
import io
import subprocess
import sys

import pytest

from exciton import materials
from exciton.alignment import band_gap
from exciton.cli.materials import _table, add
from exciton.errors import JobError
from exciton.materials import KEYS, Material, Quantity

ALL = materials.names()
SOLIDS = ("CsPbBr3", "CsPbCl3", "CsPbI3", "ZnS", "ZnSe", "CdS", "CdSe", "ZnO", "Al2O3")
MATRICES = ("ligands", "toluene", "hexane", "cyclohexane", "PMMA", "vacuum")
MASSES = ("electron_mass", "hole_mass")


def run(*words):
    parser = argparse.ArgumentParser()
    add(parser.add_subparsers())
    args = parser.parse_args(["materials", *words])
    return args.command(args)


def test_nothing_is_missing():
    assert set(ALL) == {*SOLIDS, *MATRICES}
    assert list(ALL) == sorted(ALL, key=str.casefold)


@pytest.mark.parametrize("name", ALL)
def test_every_file(name):
    """Read strictly, and sane; a number that is recalled or agreed upon is never marked as verified."""
    material = materials.lookup(name)
    assert material.name == name
    assert material.title
    assert (material.kind == "matrix") == (name in MATRICES)
    assert material.quantities
    for key, quantity in material.quantities.items():
        assert key in KEYS
        assert quantity.low <= quantity.value <= quantity.high
        assert quantity.source == quantity.source.strip()
        assert "\n" not in quantity.source + quantity.note
        if "recalled, not read" in quantity.note or "convention" in quantity.source:
            assert not quantity.verified, f"{name}.{key} contradicts itself"


@pytest.mark.parametrize("name", ALL)
def test_physics_of_every_record(name):
    """Masses below a few m0, permittivities of condensed matter, an index no larger than the static response."""
    values = materials.lookup(name).values
    assert all(0.01 < values[key] < 5 for key in MASSES if key in values)
    assert 1 <= values["permittivity"] < 30
    if name in SOLIDS:
        gap = band_gap(values)
        assert gap is not None
        assert 1 < gap.value < 10
        assert ("gap_eV" in values) != ("exciton_line_eV" in values)  # one anchor, never two
        assert 0 < values["electron_affinity_eV"] < 6
    else:
        assert {"electron_mass", "hole_mass", "refractive_index", "hole_barrier_eV"} <= values.keys()
        assert values["permittivity"] == pytest.approx(values["refractive_index"] ** 2, rel=0.005)


def test_the_anchor_of_the_core():
    """CsPbBr3 hangs on the measured 300 K exciton line; 2.398 eV + 32.17 meV = 2.430 eV."""
    core = materials.lookup("CsPbBr3")
    assert "gap_eV" not in core.quantities
    assert core.quantities["exciton_line_eV"].verified
    assert not core.quantities["electron_affinity_eV"].verified
    assert band_gap(core.values).value == pytest.approx(2.4302, abs=1e-4)


def test_lookup_is_cached_and_frozen():
    first = materials.lookup("ZnS")
    assert materials.lookup("ZnS") is first
    with pytest.raises(TypeError):
        first.quantities["gap_eV"] = None
    assert first.value("gap_eV") == 3.68
    assert first.value("exciton_line_eV") is None


@pytest.mark.parametrize(
    ("asked", "nearest"), [("ZnSs", "'ZnS'"), ("zns", "'ZnS'"), ("CsPbBr", "'CsPbBr3'"), ("tolune", "'toluene'")]
)
def test_a_misspelt_name_gets_the_nearest(asked, nearest):
    with pytest.raises(JobError, match="did you mean") as caught:
        materials.lookup(asked)
    assert nearest in str(caught.value)
    assert asked in str(caught.value)


@pytest.mark.parametrize("asked", ["", "unobtainium", "../data/ZnS", "ZnS.toml"])
def test_an_unknown_name_is_refused(asked):
    with pytest.raises(JobError, match="no material"):
        materials.lookup(asked)


def test_nothing_is_read_at_import():
    code = (
        "import tomllib, sys; tomllib.loads = None\n"
        "import exciton.materials, exciton.cli.materials\n"
        "assert exciton.materials.names()\n"
        "assert 'rich' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": 2.0},  # above its own range
        {"low": 0.9},
        {"value": float("nan")},
        {"high": float("inf")},
        {"source": "  "},
    ],
)
def test_a_bad_quantity_is_a_bug(wrong):
    good = {"value": 0.5, "low": 0.4, "high": 0.6, "source": "somebody (1999)", "verified": True}
    Quantity(**good)
    with pytest.raises(ValueError):
        Quantity(**{**good, **wrong})


@pytest.mark.parametrize(
    ("kind", "key", "low"),
    [
        ("metal", "gap_eV", 1.0),
        ("matrix", "band_gap", 1.0),
        ("matrix", "gap_eV", 0.0),
        ("matrix", "electron_mass", -0.1),
        ("matrix", "permittivity", 0.9),
    ],
)
def test_a_bad_record_is_a_bug(kind, key, low):
    with pytest.raises(ValueError):
        Material("x", "x", kind, {key: Quantity(2.0, low, 3.0, "somebody (1999)", True)})


def test_what_a_job_gives_comes_first():
    """A given exciton line beats the record's gap, and not the other way round; None is not a value."""
    zns = materials.lookup("ZnS")
    assert zns.overridden({}) == zns.values
    assert zns.overridden({"gap_eV": None}) == zns.values
    assert zns.overridden({"hole_mass": 0.3})["hole_mass"] == 0.3
    assert zns.values["hole_mass"] == 0.60
    with_line = zns.overridden({"exciton_line_eV": 3.6})
    assert "gap_eV" not in with_line
    assert band_gap(with_line).value > 3.6
    both = zns.overridden({"exciton_line_eV": 3.6, "gap_eV": 3.7})
    assert band_gap(both).value == 3.7
    anisotropic = zns.overridden({"hole_mass_xyz": (1.0, 1.0, 2.0)})
    assert "hole_mass" not in anisotropic
    assert anisotropic["electron_mass"] == 0.20


@pytest.mark.parametrize("name", ALL)
def test_the_command_prints_every_number(name, capsys):
    assert run(name) == 0
    out = capsys.readouterr().out
    heading, columns, *rows = out.splitlines()
    assert heading.startswith(name)
    assert columns.split()[0] == "quantity"
    quantities = materials.lookup(name).quantities
    assert [row.split()[0] for row in rows] == list(quantities)
    for row, quantity in zip(rows, quantities.values(), strict=True):
        assert f"{quantity.value:g}" in row
        assert quantity.source in row
        assert ("  unverified  " in row) == (not quantity.verified)
    assert "\x1b" not in out


def test_the_command_prints_all_materials(capsys):
    assert run() == 0
    out = capsys.readouterr().out
    assert all(f"{name}: " in out for name in ALL)


def test_the_command_refuses_an_unknown_name():
    with pytest.raises(JobError, match="did you mean 'ZnS'"):
        run("ZnSs")


def test_the_table_for_a_terminal_shows_marks_and_brackets():
    """Brackets in a note are text, not markup; every number is there on a narrow terminal too."""
    from rich.console import Console

    for width in (80, 160):
        console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
        for name in ALL:
            console.print(_table(materials.lookup(name)))
        shown = console.file.getvalue()
        assert "exciton_line_eV" in shown
        assert "unverified" in shown
        assert "2.398" in shown
