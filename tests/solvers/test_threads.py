"""BLAS has one thread, unless the user says otherwise or it is too late."""

import os
import subprocess
import sys

import pytest

from solvers import threads

CODE = """{before}
import os
from solvers import threads
threads.one_by_default()
print(os.environ.get(threads.NAMES[0]))"""


@pytest.mark.parametrize(
    ("before", "given", "found"),
    [
        ("pass", {}, "1"),
        ("pass", {"OMP_NUM_THREADS": "3"}, "3"),
        ("pass", {"MKL_NUM_THREADS": "3"}, "None"),
        ("import numpy", {}, "None"),
    ],
)
def test_one_by_default(before, given, found):
    environment = {name: value for name, value in os.environ.items() if name not in threads.NAMES}
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(before=before)],
        env={**environment, **given}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == [found]


def test_the_command_line_has_one():
    environment = {name: value for name, value in os.environ.items() if name not in threads.NAMES}
    code = "from exciton.cli import main; main(['materials']); import os; print(os.environ['OMP_NUM_THREADS'])"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "1"
