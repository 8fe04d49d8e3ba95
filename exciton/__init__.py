"""Electron, hole and exciton in core/shell nanocrystals: a finite-element effective-mass solver.

    job = exciton.read_job("job.toml")
    result = exciton.solve(job)

Public names are loaded when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exciton.job import Job as Job
    from exciton.reader import read_job as read_job
    from exciton.result import Result as Result
    from exciton.saved import read_result as read_result
    from exciton.workflow import solve as solve

    __version__: str

_HOME = {"Job": "job", "read_job": "reader", "Result": "result", "read_result": "saved", "solve": "workflow"}

__all__ = ["Job", "Result", "read_job", "read_result", "solve"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            value: Any = version("exciton-fem")
        except PackageNotFoundError:  # a checkout that was never installed
            value = "0+unknown"
    elif name in _HOME:
        value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
