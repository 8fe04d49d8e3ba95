"""What a person sees on a real terminal: a ruled table, colours, a bar with the time left; nothing of it in a pipe."""

import os
import pty
import re
import select
import subprocess
import sys
import time

import jobs
import pytest

from exciton.completed import to_toml

pytestmark = pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals here")
ESCAPE = "\x1b["


@pytest.fixture
def job(tmp_path):
    settings = {"accuracy": {"energy_meV": 20.0}, "carriers": {"states": 1}, "exciton": {"level": "none"}}
    sweep = [{"parameter": "structure.core.edge_nm", "values": [4.0, 5.0, 6.0]}]
    file = tmp_path / "job.toml"
    file.write_text(to_toml(jobs.job(4.0, sweep=sweep, output=jobs.NO_FILES, title="A title", **settings)))
    return file


def on_a_terminal(*arguments):
    """Exit status and all that a terminal of 100 columns was sent."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
    for name in ("NO_COLOR", "CI", "GITHUB_ACTIONS", "FORCE_COLOR"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "exciton", *map(str, arguments)]
    run = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, close_fds=True)
    os.close(theirs)
    sent, end = b"", time.monotonic() + 120
    while time.monotonic() < end:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            sent += part
    os.close(ours)
    return run.wait(timeout=60), sent.decode("utf-8")


def test_a_terminal_has_a_table_and_progress(job, tmp_path):
    status, sent = on_a_terminal("solve", job, "-o", tmp_path / "out")
    assert status == 0
    assert ESCAPE in sent
    assert "A title" in sent
    assert re.search("[━│┃]", sent)  # ruled
    assert "left:" in sent
    assert re.search(r"[0-3]/3", sent)
    table = sent[sent.rindex("A title") :]
    assert "solving" not in table  # the bar has gone
    assert all(len(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line)) <= 100 for line in table.splitlines())


def test_a_long_solve_says_what_it_may_take(tmp_path):
    """Before its first point is done, by what such points have taken."""
    content = jobs.tables(4.0, exciton={"level": "correlated", "polarisation": False}, emission={"lifetime": False})
    status, sent = on_a_terminal("solve", jobs.write(tmp_path / "one.toml", content), "-o", tmp_path / "out")
    assert status == 0
    assert re.search(r"about 0:00:(10|09)", sent)


def test_quiet_is_quiet(job, tmp_path):
    status, sent = on_a_terminal("solve", job, "-o", tmp_path / "out", "--quiet")
    assert (status, sent) == (0, "")


def test_a_pipe_has_neither_colours_nor_a_bar(job, tmp_path):
    command = [sys.executable, "-m", "exciton", "solve", str(job), "-o", str(tmp_path / "out")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, "TERM": "xterm"})
    assert run.returncode == 0
    assert ESCAPE not in run.stdout + run.stderr
    assert len(run.stderr.splitlines()) == 4  # what begins, three points
    lines = run.stdout.splitlines()
    assert lines[0] == "A title"
    assert len(lines) == 6  # title, heads, three points, where the results are
    assert not re.search("[━│┃]", run.stdout)
