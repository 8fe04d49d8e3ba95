"""How many threads BLAS may use: one, unless the user says otherwise.

Our products of matrices are small. Two threads gain little on two idle cores; where another program keeps one of them
busy they wait for each other, and a job takes four times as long.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

NAMES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def one_by_default() -> None:
    """For this process, before NumPy is loaded, and for those that it starts; nothing if one of the names is set."""
    if "numpy" not in sys.modules and not any(name in os.environ for name in NAMES):
        os.environ["OMP_NUM_THREADS"] = "1"


@contextmanager
def one() -> Iterator[None]:
    """For the processes that start inside."""
    before = {name: os.environ.get(name) for name in NAMES}
    os.environ.update(dict.fromkeys(NAMES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
