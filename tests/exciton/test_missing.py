"""Without a graphics library: one line that says what to install, and all numbers are written."""

import json
import sys

import jobs
import pytest

from exciton import cli
from exciton.completed import to_toml
from exciton.pictures import rendering


@pytest.fixture
def solve(tmp_path, capsys):
    """Solve a job that asks for pictures; the folder and what was said about it."""
    settings = {"accuracy": {"energy_meV": 20.0}, "carriers": {"states": 1}, "exciton": {"level": "none"}}
    sweep = [{"parameter": "structure.core.edge_nm", "values": [4.0, 5.0]}]
    (tmp_path / "job.toml").write_text(to_toml(jobs.job(4.0, sweep=sweep, **settings)))

    def run():
        assert cli.main(["solve", str(tmp_path / "job.toml"), "-o", str(tmp_path / "out"), "--quiet"]) == 0
        assert len(json.loads((tmp_path / "out" / "result.json").read_text())["points"]) == 2
        assert (tmp_path / "out" / "table.csv").read_text().count("\n") == 3
        assert len(list((tmp_path / "out" / "fields").glob("*.vtu"))) == 2
        return tmp_path / "out", capsys.readouterr().err

    yield run
    rendering.rendering_works.cache_clear()


def test_no_pyvista(solve, monkeypatch):
    rendering.rendering_works.cache_clear()
    monkeypatch.setattr(rendering, "find_spec", lambda _name: None)
    out, said = solve()
    assert said.count("\n") == 1
    assert "install exciton-fem with its extra [view]" in said
    assert (out / "figures" / "emission.png").exists()
    assert not (out / "figures" / "wavefunctions.png").exists()


def test_no_rendering(solve, monkeypatch):
    """The library is there, and what it draws with is not."""
    rendering.rendering_works.cache_clear()
    monkeypatch.setattr(rendering, "_TRIAL", "raise SystemExit('no libGL here')")
    out, said = solve()
    assert said.count("\n") == 1
    assert "no libGL here" in said
    assert f"apt-get install {rendering.SYSTEM_PACKAGES}" in said
    assert (out / "figures" / "emission.png").exists()


def test_no_matplotlib(solve, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    out, said = solve()
    assert said.count("\n") == 1
    assert "pip install matplotlib" in said
    assert not list((out / "figures").iterdir())
