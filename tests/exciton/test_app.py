"""``exciton app`` in a real browser: a moved slider gives the numbers of the command line, on the loopback alone."""

import re
import signal
import socket
import subprocess
import sys
import time
import tomllib

import numpy as np
import pytest
from conftest import missing

from exciton import cli
from exciton.app.controls import moved, sliders, values
from exciton.completed import to_toml
from exciton.errors import JobError
from exciton.job import Job
from exciton.reader import read_job
from exciton.result import Result, headings

JOB = """
schema = 1
title = "A <small> dot"
[structure]
shape = "cube"
core = { material = "CsPbBr3", edge_nm = 6.0 }
shells = [{ material = "ZnS", thickness_nm = 1.0 }]

[carriers]
states = 1
[exciton]
level = "first-order"
polarisation = false
[accuracy]
energy_meV = 5.0
pair_meV = 5.0
"""
STATUS = "document.querySelector('[data-answers]')"
DONE = f"{STATUS}?.innerText === 'all is computed'"
SHELL, BARRIER = "structure.shells[0].thickness_nm", "alignment.ZnS.electron_barrier_eV"


def job(**tables):
    return Job(**{**tomllib.loads(JOB), **tables})


# the sliders of a job


def test_sliders_are_those_of_the_job():
    found = {s.key: s for s in sliders(job())}
    assert list(found) == [
        "structure.core.edge_nm",
        SHELL,
        BARRIER,
        "alignment.ZnS.hole_barrier_eV",
        "materials.CsPbBr3.electron_mass",
        "materials.CsPbBr3.hole_mass",
        "materials.ZnS.electron_mass",
        "materials.ZnS.hole_mass",
        "materials.CsPbBr3.permittivity",
    ]
    mismatch = sliders(job(exciton={"level": "first-order", "polarisation": True}))
    assert mismatch[-1].key == "materials.ZnS.permittivity"  # which counts there alone
    assert (found[SHELL].label, found[SHELL].unit) == ("ZnS thickness per face", "nm")
    assert set(values(job())) == set(found)
    for key, value in values(job()).items():
        assert found[key].low <= value <= found[key].high


def test_what_nobody_moved_follows_from_the_rest():
    before, after = values(job()), values(moved(job(), {"materials.CsPbBr3.electron_mass": 0.1}))
    assert after["materials.CsPbBr3.electron_mass"] == 0.1
    assert after[BARRIER] == pytest.approx(before[BARRIER])  # the affinities are what they are
    assert after["alignment.ZnS.hole_barrier_eV"] > before["alignment.ZnS.hole_barrier_eV"]  # the gap has narrowed
    assert moved(job(), {}) == job()


def test_other_shapes_have_their_sizes():
    ball = job(structure={"shape": "sphere", "core": {"material": "CsPbBr3", "diameter_nm": 40.0}})
    first = sliders(ball)[0]
    assert (first.key, first.high) == ("structure.core.diameter_nm", 40.0)  # an end gives way to what is given
    assert not [s for s in sliders(ball) if "barrier" in s.key]


def test_of_a_sweep_the_first_point_is_shown(tmp_path, capsys, monkeypatch):
    """It can be saved and run: nothing is left in it that belongs to the sweep."""
    from exciton.app import page

    shown = []
    monkeypatch.setattr(page.App, "__init__", lambda _, job: shown.append(job))
    monkeypatch.setattr(page.App, "run", lambda *_, **__: None)
    swept = JOB + f'[[sweep]]\nparameter = "{SHELL}"\nvalues = [0.5, 2.0]\n[compare]\nfile = "m.toml"\n'
    (tmp_path / "a.toml").write_text(swept)
    point = f'[[point]]\nname = "a"\nemission_nm = 507.0\nparameters = {{ "{SHELL}" = 0.5 }}\n'
    (tmp_path / "m.toml").write_text(f'source = "x"\nlabel = "x"\n{point}')
    assert cli.main(["app", str(tmp_path / "a.toml"), "--no-browser"]) == 0
    assert f"of 2 points the first is taken, {SHELL} = 0.5;" in capsys.readouterr().err
    assert values(shown[0])[SHELL] == 0.5
    (tmp_path / "saved.toml").write_text(to_toml(shown[0]))
    assert read_job(tmp_path / "saved.toml").structure == shown[0].structure
    with pytest.raises(JobError, match="sweep"):  # a page of two structures
        sliders(job(sweep=[{"parameter": SHELL, "values": [0.0, 1.0]}]))


# what is refused


def test_missing_trame_is_one_line(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "trame.app", None)
    assert cli.main(["app", "--no-browser"]) == 2
    assert "install exciton-fem with its extra [app]" in capsys.readouterr().err


def test_ports(capsys):
    assert cli.main(["app", "--no-browser", "--port", "70000"]) == 2
    assert "allowed are 0 to 65535" in capsys.readouterr().err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "exciton", "app", "--no-browser", "--port", str(port)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 2, run.stderr
    assert run.stderr.count("\n") == 1
    assert str(port) in run.stderr


# in the browser


@pytest.fixture(scope="module")
def address(tmp_path_factory, pyvista):  # noqa: ARG001
    """A running page."""
    try:
        import trame  # noqa: F401
    except ImportError as error:
        missing(error)
    file = tmp_path_factory.mktemp("app") / "job.toml"
    file.write_text(JOB, encoding="utf-8")
    command = [sys.executable, "-m", "exciton", "app", str(file), "--no-browser"]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield program.stdout.readline().strip()
    program.send_signal(signal.SIGINT)
    _, said = program.communicate(timeout=30)
    assert "Traceback" not in said, said
    assert program.returncode == 0


@pytest.fixture
def page(address, chromium):
    """The page with its sliders where the job has them."""
    chromium.open(address)
    chromium.wait(f"document.body.dataset.drawn && {DONE}", 60)
    reset(chromium)
    return chromium


def reset(page):
    answers = page.script(f"return {STATUS}.dataset.answers")
    page.driver.find_elements("css selector", ".buttons button")[1].click()
    page.wait(f"Number({STATUS}.dataset.answers) > {answers} && {DONE}", 60)


def table(page):
    heads, cells = (
        page.script(f"return [...document.querySelectorAll('{tag}')].map((e) => e.innerText)") for tag in ("th", "td")
    )
    return dict(zip(heads, cells))


def solved(file, folder):
    """What the command line says of a job file, in the table's words."""
    assert cli.main(["solve", str(file), "-o", str(folder), "--quiet", "--set", "output.figures=false"]) == 0
    result = Result.from_json((folder / "result.json").read_text(encoding="utf-8"))
    heads, [cells] = headings(result.points, result.materials)
    return dict(zip(heads, cells))


def test_page_is_whole(page, tmp_path):
    assert page.complaints() == []
    assert page.script("return document.querySelector('h1').innerText") == "A <small> dot"
    assert page.script("return document.querySelector('img').naturalWidth") > 100
    for number, blue in ((0, 2), (1, 0)):  # electron and hole, by their colour
        image = page.canvas(number)
        painted = image[np.ptp(image, axis=2) > 60]
        assert len(painted) > 0.02 * image[..., 0].size
        assert np.median(painted, axis=0).argmax() == blue
    (tmp_path / "a.toml").write_text(JOB, encoding="utf-8")
    assert table(page) == solved(tmp_path / "a.toml", tmp_path / "out")


def test_a_moved_slider_gives_the_numbers_of_the_command_line(page, tmp_path):
    from selenium.webdriver.common.keys import Keys

    before, answers = table(page), page.script(f"return {STATUS}.dataset.answers")
    image, levels = page.canvas(0), page.script("return document.querySelector('img').src")
    slider = page.driver.find_element("css selector", f'[data-key="{SHELL}"]')
    slider.send_keys(Keys.ARROW_RIGHT * 6)
    page.wait(f"Number({STATUS}.dataset.answers) > {answers} && {DONE}", 60)
    after = table(page)
    assert after["electron meV"] != before["electron meV"]
    assert after["emission eV"] != before["emission eV"]
    assert page.script("return document.querySelector('img').src") != levels
    assert (page.canvas(0) != image).any()
    page.driver.find_element("css selector", ".buttons button").click()
    file = page.folder / "job.toml"
    page.until(lambda: file.exists() and file.stat().st_size)
    saved = tomllib.loads(file.read_text(encoding="utf-8"))
    assert saved["structure"]["shells"][0]["thickness_nm"] == pytest.approx(1.3)
    assert after == solved(file, tmp_path / "out")
    said = page.script("return document.body.innerText")
    assert f"{after['e in core']} in the core" in said  # the pair's carriers are refined further: no two answers
    assert page.complaints() == []


def test_a_position_that_cannot_be_is_said(page):
    field = 'document.querySelector(".slider input[type=number]")'
    page.script(f"const f = {field}; f.value = -1; f.dispatchEvent(new Event('change'))")
    page.wait("document.querySelector('[role=alert]')")
    said = page.script("return document.querySelector('[role=alert]').innerText")
    assert re.search(r"edge_nm.*-1", said), said
    reset(page)
    assert not page.script("return document.querySelector('[role=alert]')")
    assert page.script(f"return {field}.value") == "6"
    assert page.complaints() == []


def test_only_who_knows_the_address_is_answered(address, chromium):
    host, port = re.match(r"http://([\d.]+):(\d+)/", address).groups()
    assert host == "127.0.0.1"
    if sys.platform.startswith("linux"):
        with open("/proc/net/tcp") as listing, open("/proc/net/tcp6") as listing6:
            ours = [line.split()[1] for line in (*listing, *listing6) if f":{int(port):04X} " in line.split(" rem")[0]]
            ours = [place for place in ours if place.endswith(f":{int(port):04X}")]
        assert set(ours) == {f"0100007F:{int(port):04X}"}
    chromium.open(address.replace("secret=", "secret=x"))
    time.sleep(1.5)
    assert "meV" not in chromium.script("return document.body.innerText")
    chromium.complaints()  # it may complain here
