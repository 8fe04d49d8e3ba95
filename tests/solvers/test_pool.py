"""Tasks dealt to processes without MPI: results, errors, and a process that dies."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from solvers.errors import SolverError
from solvers.pool import cores, pool

ROOT = Path(__file__).parents[2]


def square(x):
    return x * x, os.getpid(), os.environ["OMP_NUM_THREADS"]


def refuse(x):
    if x == 1:
        raise SolverError("no")
    return x


def die(_):
    os._exit(9)


def report(folder):
    (Path(folder) / f"{os.getpid()}.pid").touch()
    time.sleep(600)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def test_every_task_once_in_other_processes(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    found = dict(pool(2, [3, 4, 5, 6], square))
    assert [found[i][0] for i in range(4)] == [9, 16, 25, 36]
    assert os.getpid() not in {pid for _, pid, _ in found.values()}
    assert {threads for _, _, threads in found.values()} == {"1"}
    assert os.environ["OMP_NUM_THREADS"] == "7"


def test_one_process_is_this_one(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert list(pool(1, [3, 4], square)) == [(0, (9, os.getpid(), "7")), (1, (16, os.getpid(), "7"))]
    assert cores() >= 1


def test_errors_travel():
    with pytest.raises(SolverError, match="no"):
        list(pool(2, [0, 1, 2], refuse))


def test_a_process_that_dies_is_an_error_of_the_solve():
    with pytest.raises(SolverError, match=r"one of 2 processes died.*--processes"):
        list(pool(2, [0, 1, 2], die))


PIPES = """
import signal
from solvers import petsc
from solvers.pool import pool

if __name__ == "__main__":
    petsc.load()
    list(pool(2, [1, 2], abs))
    signal.raise_signal(signal.SIGPIPE)
    print("alive")
"""


def test_a_broken_pipe_is_not_deadly_with_petsc(tmp_path):
    """Whose handler, like gmsh's, would end this process where another one dies."""
    script = tmp_path / "pipes.py"
    script.write_text(PIPES)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, str(script)], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr


def test_processes_end_with_the_one_that_deals(tmp_path):
    """Killed outright, it leaves nobody behind."""
    program = (
        "import os, time\n"
        "from functools import partial\n"
        "from solvers.pool import pool\n"
        "from test_pool import report\n"
        "if __name__ == '__main__':\n"
        f"    list(pool(2, [{str(tmp_path)!r}] * 2, report))\n"
    )
    (tmp_path / "deal.py").write_text(program)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "solvers")])}
    dealer = subprocess.Popen([sys.executable, tmp_path / "deal.py"], env=env)
    deadline = time.monotonic() + 60
    while len(pids := [int(f.stem) for f in tmp_path.glob("*.pid")]) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    dealer.kill()
    dealer.wait()
    assert len(pids) == 2
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, pids))
