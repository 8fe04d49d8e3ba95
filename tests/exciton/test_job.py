"""The job file: what is taken, what is refused, and that every refusal is one helpful line."""

import copy
import tomllib
from pathlib import Path

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exciton import keypath
from exciton.errors import JobError
from exciton.job import Job
from exciton.job_docs import page
from exciton.overrides import override, parse_override
from exciton.reader import DEFAULTS, read_job

DOCS = Path(__file__).parents[2] / "docs"

CUBE = {
    "schema": 1,
    "title": "a cube",
    "structure": {
        "shape": "cube",
        "core": {"material": "CsPbBr3", "edge_nm": 10.0},
        "shells": [{"material": "ZnS", "thickness_nm": 1.0}],
        "surroundings": {"material": "ligands", "thickness_nm": 2.0},
        "medium": "toluene",
    },
    "materials": {"ZnS": {"electron_mass": 0.2}},
    "alignment": {"ZnS": {"electron_barrier_eV": 0.25}},
    "carriers": {"states": 2},
    "exciton": {"level": "first-order"},
    "accuracy": {"energy_meV": 0.5},
    "solver": {"backend": "auto"},
    "sweep": [{"parameter": "structure.shells[0].thickness_nm", "values": [0.0, 1.0]}],
    "output": {"fields": False},
}


def changed(*settings):
    tables = copy.deepcopy(CUBE)
    for path, value in settings:
        override(tables, keypath.parse(path), value, DEFAULTS)
    return tables


def without(path):
    tables = copy.deepcopy(CUBE)
    node = tables
    *steps, last = keypath.parse(path)
    for step in steps:
        node = node[step]
    del node[last]
    return tables


def read(folder, tables, overrides=()):
    file = folder / "job.toml"
    file.write_bytes(tables if isinstance(tables, bytes) else tomli_w.dumps(tables).encode())
    return read_job(file, overrides)


def refusal(folder, tables, overrides=()):
    with pytest.raises(JobError) as caught:
        read(folder, tables, overrides)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"{folder / 'job.toml'}: ")
    return text.removeprefix(f"{folder / 'job.toml'}: ")


def test_a_job_keeps_what_was_written(tmp_path):
    job = read(tmp_path, CUBE)
    assert job.raw == CUBE
    assert Job(**job.raw) == job
    assert job.structure.core.edge_nm == 10.0
    assert job.accuracy.pair_meV == 0.2  # a default


def test_whole_numbers_are_numbers_and_nothing_else_is_coerced():
    assert Job(**changed(("structure.core.edge_nm", 10))) == Job(**CUBE)
    for wrong in (True, "10.0", [10.0], {"nm": 10.0}):
        with pytest.raises(JobError, match=r"^structure\.core\.edge_nm: found .*, allowed: a number"):
            Job(**changed(("structure.core.edge_nm", wrong)))
    with pytest.raises(JobError, match="a whole number"):
        Job(**changed(("carriers.states", 2.0)))
    with pytest.raises(JobError, match="true or false"):
        Job(**changed(("output.fields", 1)))


def test_a_job_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Job(**CUBE).carriers.states = 3


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("structure.shap", "cube", ["structure.shap:", "unknown key", "shape"]),
        ("structure.shells[0].thicknes_nm", 1.0, ["structure.shells[0].thicknes_nm", "did you mean thickness_nm?"]),
        ("materials.ZnS.electron_mas", 1.0, ["materials.ZnS.electron_mas:", "electron_mass"]),
        ("alignment.ZnS.barrier_eV", 1.0, ["alignment.ZnS.barrier_eV", "electron_barrier_eV"]),
        ("carrier.states", 1, ["carrier: unknown key", "did you mean carriers?"]),
        ("structure.shape", "cubes", ['"cubes"', "cube | cuboid | sphere", "did you mean cube?"]),
        ("structure.shape", "sphere", ["structure.core.edge_nm", "sphere", "diameter_nm"]),
        ("structure.shape", "rounded-cube", ["structure.core.radius_nm: is missing"]),
        ("structure.shape", "mesh", ["structure.core", "file, core_region, regions"]),
        ("structure.core_region", "core", ["structure.core_region", "not a key"]),
        ("structure.core.edge_nm", float("nan"), ["structure.core.edge_nm", "nan", "finite"]),
        ("structure.core.edge_nm", float("inf"), ["inf", "finite"]),
        ("structure.core.edge_nm", 0, ["found 0", "at least 0.001"]),
        ("structure.core.edge_nm", 1.42e-8, ["found 1.42e-08", "in nm: 14.2?"]),
        ("structure.core.edge_nm", "14,2", ['found "14,2", allowed: a number; write 14.2']),
        ("structure.core.edge_nm", "14.20", ["allowed: a number; write 14.20, without quotes"]),
        ("edge_nm", 14.2, ["edge_nm: unknown key; did you mean structure.core.edge_nm?"]),
        ("structure.material", "ZnS", ["structure.material: unknown key; did you mean structure.core.material?"]),
        ("materials.electron_barrier_eV", {"gap": 1}, ["materials.electron_barrier_eV.gap: unknown key"]),
        ("structure.shells", {"material": "ZnS"}, ["a list; write [ { ... } ], or [[structure.shells]]"]),
        ("sweep", {"parameter": "x"}, ["sweep: found", "or [[sweep]]"]),
        ("structure.core.size", 5.0, ["structure.core.size: unknown key; did you mean edge_nm?"]),
        ("structure.core.radius_nm", 5.0, ["structure.core.radius_nm: not a key", '"cube", which wants edge_nm']),
        ("structure.core", {"material": "ZnS", "diameter": 5.0}, ["core.diameter: unknown key; did you mean edge_nm?"]),
        ("materials.ZnS.gap_eV", 3680.0, ["materials.ZnS.gap_eV: found 3680.0, allowed: at most 30; in eV: 3.68?"]),
        ("materials.ZnS.electron_affinity_eV", 3900, ["found 3900, allowed: at most 1000; in eV: 3.9?"]),
        ("structure.core.edge_nm", 1e-300, ["found 1e-300", "at least 0.001"]),
        ("emission.local_field", 0, ["emission.local_field: found 0, allowed: ", '"computed", or a number above 0']),
        ("emission.local_field", True, ["emission.local_field: found true, allowed: ", "at most 100"]),
        ("structure.shells[0].thickness_nm", 1e-6, ["thickness_nm: found 1e-06, allowed: 0", "at least 0.0001"]),
        ("structure.core_shift_nm", [0.0, -0.999999, 0.0], ["core_shift_nm: found [0.0, -0.99", "0.0001 nm left"]),
        ("structure.medium", "", ["text that is not empty"]),
        ("structure.core.edge_nm", 1e300, ["1e+300", "at most 10000"]),
        ("structure.shells[0].thickness_nm", -0.1, ["structure.shells[0].thickness_nm", "-0.1", "at least 0"]),
        ("structure.core_shift_nm", [0.0, 0.0], ["structure.core_shift_nm[2]", "missing"]),
        ("structure.core_shift_nm", [0.0, 0.0, 1.0], ["structure.core_shift_nm", "[0.0, 0.0, 1.0]", "shell_1"]),
        ("materials.ZnS.electron_mass", 0.0, ["materials.ZnS.electron_mass", "found 0.0", "at least"]),
        ("materials.ZnS.hole_mass", -0.6, ["materials.ZnS.hole_mass", "-0.6"]),
        ("materials.ZnS.hole_mass_xyz", [0.6, 0.0, 0.6], ["materials.ZnS.hole_mass_xyz[1]", "found 0.0"]),
        ("materials.ZnS.permittivity", 0.5, ["materials.ZnS.permittivity", "at least 1"]),
        ("materials.ZnSe.gap_eV", 2.7, ["materials.ZnSe", "not in the structure", "did you mean ZnS?"]),
        ("alignment.CdS.hole_barrier_eV", 0.3, ["alignment.CdS", "not in the structure", "ZnS"]),
        ("alignment.CsPbBr3.hole_barrier_eV", 0.3, ["alignment.CsPbBr3", "the core"]),
        ("alignment.toluene.hole_barrier_eV", 0.3, ["alignment.toluene", "the medium"]),
        ("structure.shells[0].material", "ZnSs", ["structure.shells[0].material", "'ZnSs'", "'ZnS'"]),
        ("structure.medium", "tolene", ["structure.medium", "'tolene'", "'toluene'", "[materials.tolene]"]),
        ("exciton.level", "full", ["exciton.level", "none | first-order | hartree | correlated"]),
        ("exciton.level", "first order", ["exciton.level", "did you mean first-order?"]),
        ("exciton.polarisation", "yes", ["exciton.polarisation", "true or false"]),
        ("solver.backend", "petcs", ["solver.backend", "did you mean petsc?"]),
        ("solver.petsc_options", "eps_type gd", ["solver.petsc_options", "eps_type gd", "allowed: options"]),
        ("solver.petsc_options", "-flag 1 2", ["solver.petsc_options", "'2' follows another value"]),
        ("solver.ranks_per_point", 0, ["solver.ranks_per_point", "found 0", "at least 1"]),
        ("accuracy.enhancement", 0.0, ["accuracy.enhancement", "found 0"]),
        ("emission.lifetime", "yes", ["emission.lifetime", "true or false"]),
        ("emission.temperature_K", -1.0, ["emission.temperature_K", "at least 0"]),
        ("emission.bright_fraction", 1.5, ["emission.bright_fraction", "at most 1"]),
        ("emission.kane_enery_eV", 20.0, ["emission.kane_enery_eV", "did you mean kane_energy_eV?"]),
        ("compare", [], ["compare: found []", "a table"]),
        ("compare.file", "", ["compare.file"]),
        ("accuracy.degree", 3, ["accuracy.element", "degree"]),
        ("schema", 2, ["schema: found 2", "this program reads schema 1"]),
        ("schema", True, ["schema: found true"]),
        ("schema", "1", ["schema", "this program reads schema 1"]),
        ("structure", 3, ["structure: found 3, allowed: a table"]),
        ("materials.ZnS", [], ["materials.ZnS: found []", "a table"]),
        ("title", 7, ["title", "text in quotes"]),
    ],
)
def test_refusals_name_key_finding_and_what_is_allowed(tmp_path, path, value, words):
    text = refusal(tmp_path, changed((path, value)))
    for word in words:
        assert word in text


@pytest.mark.parametrize(
    "path", ["schema", "structure", "structure.shape", "structure.core", "structure.core.material"]
)
def test_missing_keys_are_named(tmp_path, path):
    text = refusal(tmp_path, without(path))
    assert text.startswith(f"{path}: ")
    assert "missing" in text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"schema = 1\nstructure = \n", ["no TOML", "line 2"]),
        (b"\x00\x01\xff\xfe", ["UTF-8"]),
        (b"\x00\x01", ["no TOML"]),
        (b"", ["schema: is missing"]),
        (b"x = " + b"[" * 5000, ["no TOML"]),
        (b"schema = " + b"9" * 5000, ["no TOML"]),
        (b"schema = 0x" + b"f" * 5000, ["schema: found a int"]),
        (b"schema = 1\nschema = 1\n", ["no TOML"]),
        (b"schema = 1\n[structure]\ncore = { edge_nm = 14,2 }\n", ["line 3", "a decimal comma? write 14.2"]),
        (b"schema = 1\n[structure]\nshape = cube\n", ["line 3", 'words want quotes: "cube"']),
        (b"schema = 1\n[structure]\ncore = { edge_nm = 14,\n}\n", ["line 3", "ends on the line on which it begins"]),
        (b"[emission]\ntemperature_K = 77,05\n", ["line 2", "a decimal comma? write 77.05"]),
    ],
)
def test_files_that_are_no_job(tmp_path, content, words):
    text = refusal(tmp_path, content)
    for word in words:
        assert word in text


def test_no_file_and_a_folder(tmp_path):
    for path in (tmp_path / "nowhere.toml", tmp_path):
        with pytest.raises(JobError, match="cannot be read") as caught:
            read_job(path)
        assert str(path) in str(caught.value)
    with pytest.raises(JobError, match="no name of a file"):
        read_job("a\0b")


def test_more_than_one_error_is_counted():
    tables = changed(("structure.core.edge_nm", -1.0), ("carriers.states", 0))
    with pytest.raises(JobError, match=r"^structure\.core\.edge_nm: .* \(and 1 more\)$"):
        Job(**tables)


def test_a_misspelt_key_is_named_before_the_one_that_it_leaves_missing():
    tables = changed(("structure.shap", "cube"))
    del tables["structure"]["shape"]
    with pytest.raises(JobError, match=r"^structure\.shap: unknown key; did you mean shape\?"):
        Job(**tables)


def test_a_misspelt_level_is_corrected():
    with pytest.raises(JobError, match=r"did you mean correlated\?"):
        Job(**changed(("exciton.level", "correlatd")))


def test_sizes_by_shape():
    sizes = {
        "cube": {"edge_nm": 5.0},
        "cuboid": {"edges_nm": [5.0, 6.0, 7.0]},
        "sphere": {"diameter_nm": 5.0},
        "rounded-cube": {"edge_nm": 5.0, "radius_nm": 1.0},
    }
    for shape in sizes:
        for other, size in sizes.items():
            tables = {"schema": 1, "structure": {"shape": shape, "core": {"material": "CdSe", **size}}}
            if shape == other:
                assert Job(**tables).structure.shape == shape
            else:
                with pytest.raises(JobError, match=r"^structure\.core\."):
                    Job(**tables)
    for words in ({"radius_nm": 2.5}, {"radius": 2.5}):
        with pytest.raises(JobError, match=r"^structure\.core\.radius.* diameter_nm, twice the radius"):
            Job(schema=1, structure={"shape": "sphere", "core": {"material": "CdSe", **words}})
    with pytest.raises(JobError, match=r"at most half the edge, 2\.5"):
        Job(schema=1, structure={"shape": "rounded-cube", "core": {"material": "CdSe", "edge_nm": 5, "radius_nm": 2.6}})


def test_accuracy_is_asked_for_or_set_by_hand():
    hand = {"element": "hexahedron", "degree": 3, "size_nm": 0.5}
    assert Job(**{**CUBE, "accuracy": hand}).accuracy.by_hand
    assert not Job(**CUBE).accuracy.by_hand
    with pytest.raises(JobError, match=r"accuracy\.energy_meV: given beside"):
        Job(**{**CUBE, "accuracy": {**hand, "energy_meV": 0.1}})
    sphere = {"shape": "sphere", "core": {"material": "CdSe", "diameter_nm": 4.0}}
    with pytest.raises(JobError, match=r'accuracy\.element: found "hexahedron", allowed: "tetrahedron"'):
        Job(schema=1, structure=sphere, accuracy=hand)


def test_setting_one_of_two_rivals_takes_the_other_away():
    tables = changed(
        ("accuracy.energy_meV", 1.0), ("accuracy.degree", 2), ("materials.ZnS.electron_mass_xyz", [1, 2, 3])
    )
    assert tables["accuracy"] == {"degree": 2}
    assert tables["materials"]["ZnS"] == {"electron_mass_xyz": [1, 2, 3]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b=1.5", ("a.b", 1.5)),
        ("a = 3", ("a", 3)),
        ("a=none", ("a", "none")),
        ("a=first-order", ("a", "first-order")),
        ('a="x = y"', ("a", "x = y")),
        ("a=[1, 2]", ("a", [1, 2])),
        ("a=true", ("a", True)),
        ("a=1\nb=2", ("a", "1\nb=2")),
        ("a=", ("a", "")),
    ],
)
def test_override_values_are_toml_and_bare_words_text(text, expected):
    assert parse_override(text) == expected


@pytest.mark.parametrize("text", ["", "a", "=3"])
def test_override_needs_key_and_value(text):
    with pytest.raises(JobError, match="KEY=VALUE"):
        parse_override(text)


def test_overrides_are_set_and_checked(tmp_path):
    job = read(tmp_path, CUBE, [("structure.core_shift_nm[2]", 0.0), ("exciton.level", "none"), ("title", "x")])
    assert job.structure.core_shift_nm == (0.0, 0.0, 0.0)
    assert job.exciton.level == "none"
    assert "unknown key" in refusal(tmp_path, CUBE, [("structure.core.edge", 3.0)])
    assert "holds 1 entries" in refusal(tmp_path, CUBE, [("structure.shells[1].thickness_nm", 3.0)])
    assert "is no table" in refusal(tmp_path, CUBE, [("title.x", 3.0)])
    assert "sweep[0].values" in refusal(tmp_path, CUBE, [("structure.shells[0].thickness_nm", 3.0)])


@pytest.mark.parametrize("text", ["", ".", "a.", "a..b", "[0]", "a[", "a[x]", "a b", ".a", 'a."b', "a.[0]", "a[0]b"])
def test_paths_that_are_none(text):
    with pytest.raises(JobError, match="path of keys"):
        keypath.parse(text)


WORDS = st.text(st.characters(codec="utf-8"), max_size=6)


@given(st.lists(st.one_of(WORDS, st.integers(0, 999)), max_size=6))
def test_paths_read_back_as_written(steps):
    path = ("structure", *steps)
    assert keypath.parse(keypath.written(path)) == path


def test_the_page_of_keys_is_up_to_date():
    assert (DOCS / "job-file.md").read_text(encoding="utf-8") == page(), (
        "run: python -m exciton.job_docs > docs/job-file.md"
    )


JUNK = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-3, 3),
        st.sampled_from([10**30, -(10**400), 1 << 64]),
        st.floats(),
        WORDS,
        st.sampled_from(["", "ZnS", "CsPbBr3", "ligands", "cube", "mesh", "structure.core.edge_nm", "core", "x.msh"]),
        st.dates(),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=4), inner, max_size=3),
    ),
    max_leaves=8,
)


def _places(node, path=()):
    if path:
        yield path
    entries = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in entries:
        yield from _places(value, (*path, key))


PLACES = tuple(_places(CUBE))


@st.composite
def mutated(draw):
    """The cube's job with one to four keys deleted, replaced by junk, or added."""
    tables = copy.deepcopy(CUBE)
    for _ in range(draw(st.integers(1, 4))):
        *steps, last = draw(st.sampled_from(PLACES))
        node = tables
        try:
            for step in steps:
                node = node[step]
            match draw(st.sampled_from(["delete", "replace", "add"])):
                case "delete":
                    del node[last]
                case "replace":
                    node[last] = draw(JUNK)
                case "add":
                    node[draw(st.sampled_from(["file", "sweep", "edge_nm", "x"]))] = draw(JUNK)
        except (KeyError, IndexError, TypeError):  # an earlier mutation has taken the place away
            continue
    return tables


def job_or_one_line(read, *arguments):
    try:
        result = read(*arguments)
    except JobError as error:
        result = str(error)
    assert isinstance(result, Job) or (len(result) > 10 and len(result.splitlines()) == 1)


@settings(max_examples=400, deadline=None)
@given(mutated())
def test_mutated_tables_give_a_job_or_one_line(tables):
    job_or_one_line(lambda: Job(**tables))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutated())
def test_mutated_files_give_a_job_or_one_line(tmp_path, tables):
    try:
        content = tomli_w.dumps(tables).encode()
        tomllib.loads(content.decode())
    except (ValueError, TypeError):  # whole numbers that no TOML reader takes
        return
    job_or_one_line(read, tmp_path, content)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_junk_bytes_give_a_job_or_one_line(tmp_path, data):
    content = bytearray(tomli_w.dumps(CUBE).encode())
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=8))
    job_or_one_line(read, tmp_path, bytes(content))
