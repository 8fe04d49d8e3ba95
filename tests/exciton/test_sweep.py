"""Sweeps: which points there are, what a swept value changes, and that none is computed before all are checked."""

import tomllib

import pytest

from exciton.completed import to_toml
from exciton.errors import JobError
from exciton.job import Job
from exciton.sweep import LIMIT, points

THICKNESS = "structure.shells[0].thickness_nm"
EDGE = "structure.core.edge_nm"
BARRIER = "alignment.ZnS.electron_barrier_eV"


def job(*sweeps, **tables):
    structure = {
        "shape": "cube",
        "core": {"material": "CsPbBr3", "edge_nm": 10.0},
        "shells": [{"material": "ZnS", "thickness_nm": 1.0}],
        "surroundings": {"material": "ligands", "thickness_nm": 2.0},
    }
    return Job(**{"schema": 1, "structure": structure, "sweep": list(sweeps), **tables})


def sweep(parameter, *values, **more):
    return {"parameter": parameter, "values": list(values), **more}


def regions(point):
    return {region.name: region for region in point.resolved.regions}


def test_no_sweep_is_one_point_without_parameters():
    (point,) = points(job())
    assert point.parameters == {}
    assert point.job == job()


def test_tables_multiply_and_the_last_varies_fastest():
    found = points(job(sweep(THICKNESS, 0.0, 1.0), sweep(EDGE, 5.0, 6.0, 7.0)))
    assert [tuple(point.parameters.values()) for point in found] == [
        (t, e) for t in (0.0, 1.0) for e in (5.0, 6.0, 7.0)
    ]
    assert [point.job.structure.core.edge_nm for point in found] == [5.0, 6.0, 7.0] * 2
    assert not any(point.job.sweep for point in found)


def test_zipped_tables_go_side_by_side():
    a, b, c = sweep(THICKNESS, 0, 1, zip="a"), sweep(BARRIER, 0.1, 0.2), sweep(EDGE, 5, 6, zip="a")
    found = [tuple(point.parameters.items()) for point in points(job(a, b, c))]
    assert found == [((THICKNESS, t), (EDGE, e), (BARRIER, v)) for t, e in ((0, 5), (1, 6)) for v in (0.1, 0.2)]


@pytest.mark.parametrize(
    ("parameter", "value", "look"),
    [
        (THICKNESS, 0.5, lambda p: regions(p)["shell_1"].thickness),
        (EDGE, 7.0, lambda p: p.resolved.geometry.core.edges[0]),
        ("structure.core_shift_nm[1]", 0.25, lambda p: p.resolved.geometry.core_shift[1]),
        ("structure.surroundings.thickness_nm", 1.0, lambda p: regions(p)["surroundings"].thickness),
        ("materials.CsPbBr3.electron_mass", 0.2, lambda p: regions(p)["core"].electron_mass[2]),
        ("materials.ZnS.hole_mass", 0.5, lambda p: regions(p)["shell_1"].hole_mass[0]),
        (BARRIER, -0.1, lambda p: regions(p)["shell_1"].electron_barrier),
        ("alignment.ligands.hole_barrier_eV", 2.0, lambda p: regions(p)["surroundings"].hole_barrier),
        ("structure.shells[0].material", "CdS", lambda p: regions(p)["shell_1"].material),
    ],
)
def test_a_parameter_is_any_path_of_the_resolved_job(parameter, value, look):
    (point,) = points(job(sweep(parameter, value)))
    assert look(point) == pytest.approx(value)
    assert point.parameters == {parameter: value}


def test_whole_lists_and_words_can_be_swept():
    found = points(job(sweep("structure.core_shift_nm", [0, 0, 0], [0, 0, 0.5]), sweep("exciton.level", "none")))
    assert [point.resolved.geometry.core_shift for point in found] == [(0, 0, 0), (0, 0, 0.5)]
    assert found[0].job.exciton.level == "none"


def test_a_swept_mass_moves_the_gap_and_not_the_bulk_line():
    """Rydberg = 13.6 eV mu / eps^2, so a core of twice the masses has twice the Rydberg above the same line."""
    light, heavy = points(job(*(sweep(f"materials.CsPbBr3.{c}_mass", 0.2, 0.4, zip="m") for c in ("electron", "hole"))))
    line = 2.398
    assert heavy.resolved.gap - line == pytest.approx(2 * (light.resolved.gap - line))
    assert light.resolved.gap - line == pytest.approx(13.605693 * 0.1 / 7.3**2, rel=1e-6)


def test_a_swept_gap_moves_the_barriers_that_follow_from_it():
    """Affinity rule: V_e stays, V_e + V_h = gap of ZnS - gap of the core."""
    low, high = points(job(sweep("materials.CsPbBr3.gap_eV", 2.3, 2.5)))
    assert (low.resolved.gap, high.resolved.gap) == (2.3, 2.5)
    (electron, hole), (electron_high, hole_high) = (point.resolved.barriers["ZnS"] for point in (low, high))
    assert electron == electron_high
    assert hole - hole_high == pytest.approx(0.2)


def test_naming_a_key_takes_its_rival_away():
    given = {"materials": {"CsPbBr3": {"gap_eV": 2.5}}}
    (point,) = points(job(sweep("materials.CsPbBr3.exciton_line_eV", 2.3), **given))
    assert 2.3 < point.resolved.gap < 2.4


def test_materials_of_other_points_may_be_described():
    """CdS is a shell at the second point only; its tables are neither refused nor seen by the first."""
    tables = {"materials": {"CdS": {"hole_mass": 0.7}}, "alignment": {"CdS": {"electron_barrier_eV": 0.05}}}
    material = sweep("structure.shells[0].material", "ZnS", "CdS")
    zns, cds = points(job(material, **tables))
    assert regions(zns)["shell_1"].hole_mass[0] != 0.7
    assert regions(cds)["shell_1"].hole_mass[0] == 0.7
    assert regions(cds)["shell_1"].electron_barrier == 0.05
    assert len(points(job(material, sweep("materials.CdS.electron_mass", 0.2, 0.3), **tables))) == 4


def test_a_sweep_may_give_what_the_job_lacks():
    tables = {"materials": {"X": {"hole_mass": 0.5}}, "alignment": {"X": {"hole_barrier_eV": 1.0}}}
    structure = {"shape": "sphere", "core": {"material": "CdSe", "diameter_nm": 4.0}}
    structure["shells"] = [{"material": "X", "thickness_nm": 1.0}]
    sweeps = sweep("materials.X.electron_mass", 0.3), sweep("alignment.X.electron_barrier_eV", 0.4)
    (point,) = points(job(*sweeps, structure=structure, **tables))
    assert point.resolved.barriers["X"] == (0.4, 1.0)


@pytest.mark.parametrize(
    ("sweeps", "words"),
    [
        ([sweep("structure.shells[0].thicknes_nm", 1)], ["sweep[0].parameter", f"did you mean {THICKNESS}?"]),
        ([sweep("structure.shells[1].thickness_nm", 1)], ["sweep[0].parameter", "did you mean"]),
        ([sweep("structure.core.diameter_nm", 1)], ["sweep[0].parameter", "did you mean"]),
        ([sweep("materials.ZnSe.gap_eV", 1)], ["sweep[0].parameter", "did you mean materials.ZnS.gap_eV?"]),
        ([sweep("materials.ZnS", 1)], ["is a table", "materials.ZnS.gap_eV"]),
        ([sweep("structure.shells[0]", 1)], ["is a table", THICKNESS]),
        ([sweep("accuracy.size_nm", 1)], ["sweep[0].parameter"]),
        ([sweep("title", "a")], ["changes no physics"]),
        ([sweep("output.fields", True)], ["changes no physics"]),
        ([sweep("sweep[0].values", 1)], ["changes no physics"]),
        ([sweep("a b", 1)], ["sweep[0].parameter", "no path of keys"]),
        ([sweep(EDGE, 1), sweep(EDGE, 2)], ["sweep[1].parameter", "sweep[0] already"]),
        (
            [sweep("structure.core_shift_nm", [0, 0, 0]), sweep("structure.core_shift_nm[0]", 0)],
            ["sweep[1].parameter", "sweep[0] already"],
        ),
        ([sweep(EDGE, 5, 6, zip="a"), sweep(THICKNESS, 1, zip="a")], ["sweep[1].values", "found 1", "2 of sweep[0]"]),
        ([sweep(EDGE, 5, 6, zip="a"), sweep(THICKNESS, 1, zip="b")], ["sweep[0].zip", "one table only", '"b"']),
        ([sweep(EDGE, *range(1, 501)), sweep(THICKNESS, *range(500))], [f"at most {LIMIT}", "250000 points"]),
        ([sweep(EDGE, 5.0, -1.0)], [EDGE, "found -1.0", "sweep point 2", f"{EDGE} = -1.0"]),
        ([sweep(EDGE, 5.0, "big")], [EDGE, 'found "big"', "sweep point 2"]),
        ([sweep("structure.core_shift_nm[0]", 0.5, 1.5)], ["structure.core_shift_nm", "sweep point 2"]),
        ([sweep("structure.shells[0].material", "ZnS", "ZnO3")], ["sweep[0].values[1]", "'ZnO3'", "'ZnO'"]),
        ([sweep("exciton.level", "none", "correlatd")], ["exciton.level", "did you mean correlated", "sweep point 2"]),
    ],
)
def test_refusals(sweeps, words):
    with pytest.raises(JobError) as caught:
        points(job(*sweeps))
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("values", [[], [{"a": 1}], [[[1]]], 3, None])
def test_values_are_a_list_of_numbers_words_or_lists_of_them(values):
    with pytest.raises(JobError, match=r"^sweep\[0\]\.values"):
        job({"parameter": EDGE, "values": values})


@pytest.mark.parametrize(
    "sweeps",
    [
        [],
        [sweep(THICKNESS, 0.0, 0.55, 2.15)],
        [sweep(BARRIER, -0.2, 0.1), sweep(EDGE, 5, 14.2)],
        [sweep("materials.CsPbBr3.electron_mass", 0.13, 1 / 3), sweep("materials.CsPbBr3.permittivity", 7.3, 4.6)],
        [sweep("materials.CsPbBr3.gap_eV", 2.3, 2.5), sweep("materials.ZnS.exciton_line_eV", 3.5)],
        [sweep("structure.shells[0].material", "ZnS", "CdS"), sweep("materials.CdS.hole_mass", 0.5, 0.7)],
        [sweep("structure.core.material", "CsPbBr3", "CsPbCl3")],
        [sweep("structure.medium", "hexane", "ZnS", "vacuum")],
        [sweep("structure.core_shift_nm[2]", 0.0, 0.1), sweep("carriers.states", 1, 4)],
    ],
)
@pytest.mark.parametrize(
    "tables",
    [
        {},
        {"title": 'a "title" \\ with\ttabs\x7f and\nlines', "output": {"fields": False}},
        {"accuracy": {"element": "hexahedron", "degree": 3, "size_nm": 0.1 + 0.2}, "solver": {"symmetry": "none"}},
        {"alignment": {"ZnS": {"hole_barrier_eV": 0.7}, "ligands": {"electron_barrier_eV": 4, "hole_barrier_eV": 5}}},
        {"materials": {"CsPbBr3": {"gap_eV": 2.4, "exciton_line_eV": 2.3, "hole_mass_xyz": [0.1, 0.2, 0.3]}}},
    ],
)
def test_the_resolved_job_runs_again_to_the_same_points(sweeps, tables):
    """Every number of the database and every default is written out, and nothing changes by it."""
    first = job(*sweeps, **tables)
    second = Job(**tomllib.loads(to_toml(first)))
    assert [p.resolved.key for p in points(first)] == [p.resolved.key for p in points(second)]
    assert [p.parameters for p in points(first)] == [p.parameters for p in points(second)]
    assert (first.title, first.output) == (second.title, second.output)
    assert second.materials["CsPbBr3"].permittivity == 7.3
    assert to_toml(second).count("\n[") == to_toml(first).count("\n[")


def test_derived_values_are_comments_in_the_resolved_job():
    text = to_toml(job())
    assert "# gap_eV = 2.43017  (bulk exciton line" in text
    assert "# electron_barrier_eV = 0.25  (affinity rule)" in text
    assert "electron_mass = 0.252  # 0.13" in text
    assert '# medium = "ligands"' in text


@pytest.mark.parametrize(("level", "shown"), [("correlated", "true"), ("none", "false")])
def test_the_resolved_job_shows_defaults_that_depend_on_the_materials(level, shown):
    text = to_toml(job(exciton={"level": level}))
    assert f"# polarisation = {shown}  (where" in text
    assert f"# lifetime = {shown}  (where" in text
