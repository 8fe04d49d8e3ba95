"""Job + database -> numbers: regions, gaps, barriers, the sheet of assumptions, and the key of a point."""

import tomllib

import pytest

from exciton import materials
from exciton.completed import to_toml
from exciton.errors import JobError
from exciton.job import Job
from exciton.reader import read_job
from exciton.resolve import MeshFile, resolve
from meshes.shapes import Cuboid, RoundedCube, Sphere

CORE = {"electron_mass": 0.1, "hole_mass": 0.4, "permittivity": 6.0, "gap_eV": 2.0, "electron_affinity_eV": 4.0}
SHELL = {"electron_mass": 0.2, "hole_mass": 0.6, "gap_eV": 3.0, "electron_affinity_eV": 3.7}


def structure(**changes):
    return {
        "shape": "cube",
        "core": {"material": "A", "edge_nm": 5.0},
        "shells": [{"material": "B", "thickness_nm": 1.0}],
        **changes,
    }


def resolved(core=CORE, shell=SHELL, shape=None, **tables):
    known = {"A": core, "B": shell} if shape is None or "B" in str(shape) else {"A": core}
    return resolve(Job(**{"schema": 1, "structure": shape or structure(), "materials": known, **tables}))


def without(table, *keys):
    return {key: value for key, value in table.items() if key not in keys}


def test_regions_are_named_from_the_inside():
    shells = [{"material": "B", "thickness_nm": t} for t in (1.0, 0.0, 2.0)]
    found = resolved(shape=structure(shells=shells, surroundings={"material": "ligands", "thickness_nm": 3.0}))
    assert [r.name for r in found.regions] == ["core", "shell_1", "shell_2", "shell_3", "surroundings"]
    assert [r.thickness for r in found.regions] == [None, 1.0, 0.0, 2.0, 3.0]
    assert [r.name for r in found.regions if r.there] == list(found.geometry.regions)
    assert found.geometry.extent[0] == 5.0 + 2 * (1.0 + 0.0 + 2.0 + 3.0)
    assert found.core.material == "A"


def test_surroundings_of_no_thickness_are_a_hard_wall():
    found = resolved(shape=structure(surroundings={"material": "ligands", "thickness_nm": 0.0}))
    assert [r.name for r in found.regions] == ["core", "shell_1"]
    assert any("hard wall" in line for line in found.assumptions)


@pytest.mark.parametrize(
    ("shape", "core", "expected"),
    [
        ("cube", {"edge_nm": 5}, Cuboid((5, 5, 5))),
        ("cuboid", {"edges_nm": [4, 5, 6]}, Cuboid((4, 5, 6))),
        ("sphere", {"diameter_nm": 5}, Sphere(5)),
        ("rounded-cube", {"edge_nm": 5, "radius_nm": 1}, RoundedCube(5, 1)),
    ],
)
def test_shapes(shape, core, expected):
    found = resolved(shape=structure(shape=shape, core={"material": "A", **core}))
    assert found.geometry.core == expected


def test_barriers_by_the_affinity_rule():
    """V_e = chi_A - chi_B = 0.3, V_e + V_h = gap_B - gap_A = 1."""
    shell = resolved().regions[1]
    assert (shell.electron_barrier, shell.hole_barrier) == pytest.approx((0.3, 0.7))
    assert resolved().barriers == {"B": (shell.electron_barrier, shell.hole_barrier)}


def test_one_barrier_given_the_other_follows_both_given_win():
    one = resolved(alignment={"B": {"hole_barrier_eV": 1.2}})
    assert one.barriers["B"] == pytest.approx((-0.2, 1.2))
    both = resolved(alignment={"B": {"hole_barrier_eV": 1.2, "electron_barrier_eV": 0.5}})
    assert both.barriers["B"] == (0.5, 1.2)
    assert any("add up to 1.700 eV" in line for line in both.assumptions)


def test_a_shell_of_the_core_material_has_no_barrier():
    found = resolved(shape=structure(shells=[{"material": "A", "thickness_nm": 1.0}]))
    assert found.barriers == {"A": (0.0, 0.0)}


def test_a_given_gap_wins_over_the_exciton_line():
    both = resolved({**CORE, "exciton_line_eV": 1.9})
    assert (both.gap, both.gap_origin) == (2.0, "gap_eV as given")
    line = resolved({**without(CORE, "gap_eV"), "exciton_line_eV": 1.9})
    assert line.gap == pytest.approx(1.9 + 13.605693 * 0.08 / 36, rel=1e-7)


@pytest.mark.parametrize(("job_key", "database_key"), [("gap_eV", "exciton_line_eV"), ("exciton_line_eV", "gap_eV")])
def test_a_gap_or_line_of_the_job_replaces_the_other_of_the_database(job_key, database_key):
    needed = {database_key, "electron_mass", "hole_mass", "permittivity"}
    name = next(name for name in materials.names() if needed <= set(materials.lookup(name).quantities))
    shape = {"shape": "cube", "core": {"material": name, "edge_nm": 5.0}}
    found = resolve(Job(schema=1, structure=shape, materials={name: {job_key: 1.5}}))
    assert 1.5 <= found.gap < 1.6
    assert (found.gap == 1.5) == (job_key == "gap_eV")


def test_anisotropic_masses():
    found = resolved({**without(CORE, "hole_mass"), "hole_mass_xyz": [0.2, 0.3, 0.4]})
    assert found.core.hole_mass == (0.2, 0.3, 0.4)
    assert found.core.electron_mass == (0.1, 0.1, 0.1)


@pytest.mark.parametrize(
    ("core", "shell", "tables", "words"),
    [
        (without(CORE, "electron_mass"), SHELL, {}, ["materials.A", "electron_mass is missing"]),
        (CORE, without(SHELL, "hole_mass"), {}, ["materials.B", "hole_mass is missing"]),
        (without(CORE, "gap_eV"), SHELL, {}, ["materials.A", "gap_eV or exciton_line_eV is missing"]),
        (without(CORE, "permittivity"), SHELL, {}, ["materials.A", "permittivity is missing"]),
        (CORE, without(SHELL, "gap_eV"), {}, ["[alignment.B]", "[materials.B] gap_eV"]),
        (CORE, without(SHELL, "electron_affinity_eV"), {}, ["[alignment.B]", "electron_affinity_eV"]),
        (without(CORE, "hole_mass"), SHELL, {"exciton": {"level": "none"}}, ["hole_mass is missing"]),
    ],
)
def test_missing_numbers_are_named(core, shell, tables, words):
    with pytest.raises(JobError) as caught:
        resolved(core, shell, **tables)
    for word in words:
        assert word in str(caught.value)


def test_a_permittivity_that_nothing_reads_may_be_missing():
    found = resolved(without(CORE, "permittivity"), exciton={"level": "none"})
    assert found.core.permittivity is None
    assert resolved().regions[1].permittivity is None


@pytest.mark.parametrize(
    ("changes", "medium"),
    [
        ({"medium": "hexane"}, "hexane"),
        ({"surroundings": {"material": "ligands", "thickness_nm": 1.0}}, "ligands"),
        ({"surroundings": {"material": "ligands", "thickness_nm": 1.0}, "medium": "vacuum"}, "vacuum"),
        ({}, "B"),
        ({"shells": [{"material": "B", "thickness_nm": 0.0}]}, "A"),
        ({"shells": [{"material": "B", "thickness_nm": 1.0}, {"material": "A", "thickness_nm": 1.0}]}, "A"),
        ({"shells": []}, "A"),
    ],
)
def test_medium(changes, medium):
    found = resolved(shape=structure(**changes))
    assert found.medium == medium
    expected = {"A": 6.0, "B": None}.get(medium, "database")
    assert found.medium_permittivity == (
        materials.lookup(medium).value("permittivity") if expected == "database" else expected
    )


@pytest.mark.parametrize("shift", [[1.0, 0, 0], [0, -1.5, 0]])
def test_a_core_pushed_through_its_shell_is_refused(shift):
    with pytest.raises(JobError, match=r"^structure\.core_shift_nm: found \["):
        resolved(shape=structure(core_shift_nm=shift))


def test_the_sheet_has_every_number_that_is_used_with_its_origin():
    shape = structure(core={"material": "CsPbBr3", "edge_nm": 10.0}, shells=[{"material": "ZnS", "thickness_nm": 1.0}])
    found = resolve(Job(schema=1, structure=shape, materials={"ZnS": {"hole_mass": 0.5}}))
    sheet = "\n".join(found.assumptions)
    assert "ZnS: hole_mass 0.5, given in the job" in sheet
    for name, keys in {
        "CsPbBr3": ("exciton_line_eV", "electron_mass", "hole_mass", "permittivity", "electron_affinity_eV"),
        "ZnS": ("gap_eV", "electron_mass", "electron_affinity_eV"),
    }.items():
        for key in keys:
            quantity = materials.lookup(name).quantities[key]
            (line,) = (line for line in found.assumptions if line.startswith(f"{name}: {key} "))
            assert " ".join(quantity.source.split()) in line
            assert f"{quantity.value:g}" in line
            assert ("[not verified]" in line) == (not quantity.verified)
    assert "its sign is not known" in sheet
    for line in ("ZnS: permittivity", "CsPbBr3: kane_energy_eV", "ZnS: refractive_index", "lifetime: at 300 K"):
        assert line in sheet
    plain = Job(schema=1, structure=shape, exciton={"polarisation": False}, emission={"lifetime": False})
    less = "\n".join(resolve(plain).assumptions)
    assert "kane" not in less
    assert "ZnS: permittivity" not in less  # nothing reads it at a uniform permittivity
    assert all(len(line.splitlines()) == 1 for line in found.assumptions)


def test_the_databases_numbers_keep_their_sources_through_the_resolved_job():
    """Given once more they are told to be so, with the same spreads, sources and warnings; generations add nothing."""
    shape = structure(core={"material": "CsPbBr3", "edge_nm": 10.0}, shells=[{"material": "ZnS", "thickness_nm": 1.0}])
    first = Job(schema=1, structure=shape, materials={"ZnS": {"hole_mass": 0.5}})
    second = Job(**tomllib.loads(to_toml(first)))
    third = Job(**tomllib.loads(to_toml(second)))
    before, after = resolve(first).assumptions, resolve(second).assumptions
    assert [line.replace("given in the job, as in the database: ", "") for line in after] == list(before)
    assert sum("as in the database" in line for line in after) > 8
    assert "ZnS: hole_mass 0.5, given in the job" in after
    assert resolve(third).assumptions == after
    assert to_toml(third) == to_toml(second)


def test_given_barriers_leave_no_affinity_on_the_sheet():
    given = {"B": {"electron_barrier_eV": 0.3, "hole_barrier_eV": 0.7}}
    sheet = resolved(alignment=given).assumptions
    assert not any("affinity" in line for line in sheet)
    assert "A: gap_eV 2, given in the job" in sheet  # the core's is read in any case
    assert any("affinity" in line for line in resolved().assumptions)


SAME = [
    {"title": "another title"},
    {"output": {"fields": False}},
    {"alignment": {}},
    {"accuracy": {"energy_meV": 0.1}},
]
DIFFERENT = [
    {"carriers": {"states": 5}},
    {"exciton": {"level": "none"}},
    {"accuracy": {"energy_meV": 0.2}},
    {"accuracy": {"pair_meV": 0.1}},
    {"accuracy": {"element": "hexahedron", "degree": 3, "size_nm": 0.5}},
    {"solver": {"symmetry": "none"}},
    {"alignment": {"B": {"electron_barrier_eV": 0.31}}},
    {"structure": structure(core={"material": "A", "edge_nm": 5.000001})},
    {"structure": structure(shape="sphere", core={"material": "A", "diameter_nm": 5.0})},
    {"structure": structure(core_shift_nm=[0, 0, 0.1])},
    {"structure": structure(medium="hexane")},
    {"structure": structure(medium="toluene")},
    {"structure": structure(shells=[{"material": "B", "thickness_nm": 1.0}, {"material": "B", "thickness_nm": 0.0}])},
]


def test_the_key_tells_answers_apart_and_nothing_else():
    keys = {resolved(**changes).key for changes in SAME}
    assert keys == {resolved().key}
    others = [resolved(**changes).key for changes in DIFFERENT]
    assert len({*others, *keys}) == len(DIFFERENT) + 1
    assert all(len(key) == 64 for key in others)


def test_the_key_knows_the_version(monkeypatch):
    before = resolved().key
    monkeypatch.setattr("exciton.__version__", "99.0", raising=False)
    assert resolved().key != before


class _Mesh:
    regions = ("dot", "coat")
    cell, order = "hexahedron", 1


def mesh_job(file, **changes):
    regions = {"dot": "A", "coat": "B"}
    table = {"shape": "mesh", "file": str(file), "core_region": "dot", "regions": regions, **changes}
    return Job(schema=1, structure=table, materials={"A": CORE, "B": SHELL})


@pytest.fixture
def mesh_file(tmp_path, monkeypatch):
    monkeypatch.setattr("meshes.files.read_mesh", lambda _: _Mesh())
    file = tmp_path / "dot.msh"
    file.write_text("a mesh")
    return file


def test_a_mesh_brings_its_own_regions(mesh_file):
    found = resolve(mesh_job(mesh_file))
    assert isinstance(found.geometry, MeshFile)
    assert [(r.name, r.material) for r in found.regions] == [("dot", "A"), ("coat", "B")]
    assert found.core.name == found.core_region == "dot"
    assert found.regions[1].electron_barrier == pytest.approx(0.3)
    moved = mesh_file.with_name("moved.msh")
    moved.write_text("a mesh")
    assert resolve(mesh_job(moved)).key == found.key
    moved.write_text("another mesh")
    assert resolve(mesh_job(moved)).key != found.key


def test_images_are_not_verified_on_hexahedra_of_a_file(mesh_file):
    job = mesh_job(mesh_file, medium="A", regions={"dot": "A", "coat": "A"})
    asked = job.model_copy(update={"exciton": job.exciton.model_copy(update={"verify": True})})
    with pytest.raises(
        JobError, match=r"exciton\.verify: it takes tetrahedra of order 1 or 2; .*dot\.msh has hexahedron"
    ):
        resolve(asked)


def test_mesh_and_job_must_agree_about_regions(mesh_file, tmp_path):
    with pytest.raises(JobError, match=r"structure\.file: .*cannot be read"):
        resolve(mesh_job(tmp_path / "nowhere.msh"))
    with pytest.raises(JobError, match="region 'coat' of the mesh has no material"):
        resolve(mesh_job(mesh_file, regions={"dot": "A"}))
    with pytest.raises(JobError, match=r"structure\.regions\.coats: not in the mesh; did you mean coat\?"):
        resolve(mesh_job(mesh_file, regions={"dot": "A", "coat": "B", "coats": "B"}))
    with pytest.raises(JobError, match=r'structure\.core_region: found "core", allowed: dot \| coat'):
        mesh_job(mesh_file, core_region="core")
    with pytest.raises(JobError, match=r"structure\.core: not a key"):
        mesh_job(mesh_file, core={"material": "A"})


def test_a_resolved_mesh_job_runs_again(mesh_file):
    first = mesh_job(mesh_file)
    second = Job(**tomllib.loads(to_toml(first)))
    assert resolve(second).key == resolve(first).key


def test_a_mesh_is_found_from_the_job_file(mesh_file, monkeypatch):
    """A relative path starts at the job file, wherever the program was started."""
    (mesh_file.parent / "job.toml").write_text(to_toml(mesh_job("dot.msh")))
    monkeypatch.chdir("/")
    job = read_job(mesh_file.parent / "job.toml")
    assert job.structure.file == str(mesh_file)


def test_what_is_not_known_is_left_out_and_said():
    """No permittivity, no Kane energy: no mismatch, no lifetime; asked for, they are refused."""
    found = resolved()
    assert found.exciton.polarisation is False
    assert found.kane_energy is None
    assert any("dielectric mismatch: left out" in line for line in found.assumptions)
    with pytest.raises(JobError, match="permittivity is missing"):
        resolved(exciton={"polarisation": True})
    with pytest.raises(JobError, match="kane_energy_eV: is missing"):
        resolved(emission={"lifetime": True})
