"""``[compare]``: measured points are read strictly, lie on an axis of the job, and go with the result folder."""

import json
import shutil

import jobs
import pytest

import exciton
from exciton import cli
from exciton.errors import JobError
from exciton.folder import Folder
from exciton.measured import read_measured
from exciton.pictures.overlay import overlaid
from exciton.sweep import points
from exciton.units import HC

PAPER = jobs.ROOT / "docs" / "examples" / "teku2025.toml"
THICKNESS = "structure.shells[0].thickness_nm"
SMALL = """
schema = 1
[structure]
shape = "cube"
core = { material = "CsPbBr3", edge_nm = 5.0 }
shells = [{ material = "ZnS", thickness_nm = 1.0 }]
[carriers]
states = 1
[exciton]
level = "none"
[accuracy]
energy_meV = 20.0
[output]
fields = false
figures = false
[compare]
file = "measured.toml"
[[sweep]]
parameter = "structure.shells[0].thickness_nm"
values = [0.0, 0.55]
"""


@pytest.fixture
def job(tmp_path):
    shutil.copy(PAPER, tmp_path / "measured.toml")
    file = tmp_path / "job.toml"
    file.write_text(SMALL, encoding="utf-8")
    return file


def test_the_papers_numbers():
    """As the text of the paper states them: peaks at 507 and 511 nm, which is 19 meV."""
    measured = read_measured(PAPER)
    assert "10.1021/jacsau.5c00651" in measured.source
    found = measured.as_json()["points"]
    assert [point["lifetime_ns"] for point in found] == [12.2, 20.9, 24.8]
    assert 1e3 * (found[0]["emission_eV"] - found[2]["emission_eV"]) == pytest.approx(19.1, abs=0.05)
    assert found[0]["emission_eV"] == pytest.approx(HC / 507)
    assert "emission_eV" not in found[1]
    marks = overlaid(measured.as_json(), THICKNESS, lambda point: (point["lifetime_ns"], 0.0))
    assert marks.x.tolist() == [0.0, 0.55, 2.15]


def test_points_are_found_however_the_path_is_written():
    measured = {"label": "x", "points": [{"parameters": {'materials."ZnS".gap_eV': 3.7}, "lifetime_ns": 1.0}]}
    marks = overlaid(measured, "materials.ZnS.gap_eV", lambda point: (point["lifetime_ns"], 0.5))
    assert (marks.x.tolist(), marks.error.tolist()) == ([3.7], [0.5])
    assert not overlaid(measured, THICKNESS, lambda _: (1.0, 0.0)).x.size


def test_words_stand_at_their_word():
    shells = {"points": [{"parameters": {"structure.shells[0].material": name}} for name in ("CdS", "ZnO")]}
    marks = overlaid(shells, "structure.shells[0].material", lambda _: (1.0, 0.0), ["ZnS", "CdS"])
    assert marks.x.tolist() == [1.0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('label = "x"\nsource = "y"\npoint = []', "point"),
        ('label = "x"\n[[point]]\nname = "a"\nparameters = { edge = 1.0 }', "source: is missing"),
        (
            'label = "x"\nsource = "y"\n[[point]]\nname = "a"\nparameters = {}\nlifetme_ns = 1.0',
            "did you mean lifetime",
        ),
        (
            'label = "x"\nsource = "y"\n[[point]]\nname = "a"\nparameters = {}\nemission_nm = 1.0\nemission_eV = 1.0',
            "one of the two",
        ),
        ('label = "x"\nsource = "y"\n[[point]]\nname = "a"\nparameters = {}\nlifetime_ns = -1.0', "above 0"),
        (
            'label = "x"\nsource = "y"\n[[point]]\nname = "a"\nparameters = {}\nemission_nm = 2.43',
            "found 2.43, which is 510 eV; did you mean emission_eV?",
        ),
        (
            'label = "x"\nsource = "y"\n[[point]]\nname = "a"\nparameters = {}\nemission_eV = 510.0',
            "found 510, which is 2.43 nm; did you mean emission_nm?",
        ),
        ("label = ", "no TOML"),
        (None, "cannot be read"),
        (
            'label = "x"\nsource = "y"\n[[point]]\nname = "a"\nparameters = { "structure.core.edge_nm" = 5.0 }',
            "no axis",
        ),
    ],
)
def test_what_cannot_be_is_one_line(job, capsys, text, says):
    file = job.parent / "measured.toml"
    if text is None:
        file.unlink()
    else:
        file.write_text(text, encoding="utf-8")
    assert cli.main(["check", str(job)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert says in err
    assert "measured.toml" in err or "compare.file" in err


def test_the_folder_has_them_and_can_be_moved(job, tmp_path):
    out = tmp_path / "out"
    assert cli.main(["solve", str(job), "-o", str(out), "--quiet"]) == 0
    written = json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert written["measured"]["label"] == "Teku et al. 2025"
    assert len(written["points"]) == 2
    moved = shutil.move(out, tmp_path / "elsewhere")
    (job.parent / "measured.toml").unlink()
    again = exciton.read_job(moved / "job.toml")
    assert points(again)[1].resolved.key == written["points"][1]["key"]
    # what it is compared with changes no number: the finished points are kept
    alone = job.parent / "alone.toml"
    alone.write_text(SMALL.replace('[compare]\nfile = "measured.toml"\n', ""), encoding="utf-8")
    bare = exciton.read_job(alone)
    folder = Folder(moved, bare, points(bare))
    assert not folder.waiting
    assert not folder.result.measured
    assert not (moved / "compare.toml").exists()


def test_comparing_cannot_be_swept(job):
    with pytest.raises(JobError, match="changes no physics"):
        exciton.read_job(job, [("sweep[0].parameter", "compare.file"), ("sweep[0].values", ["a", "b"])])
