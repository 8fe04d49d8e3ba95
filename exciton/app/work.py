"""What the page has computed, in two processes beside it: the carriers at once, the pair behind them.

A process can be stopped in the middle, which a thread cannot: a pair that takes seconds is given up when a slider
moves. Nothing here knows the page.
"""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from exciton.errors import JobError
from exciton.job import Job
from solvers.errors import SolverError

Task = Callable[[Any], Iterator[Any]]

INTERVALS = 22  # of the grid on which the page's surfaces are drawn; files have more
COURTESY = 10  # of the process that must not slow the other down


def carriers(job: Job | None) -> Iterator[Any]:
    """The entry of the result without a pair and the profile along the axis; then the surfaces."""
    from exciton.fields import drawn, profile
    from exciton.pictures.page import Page
    from exciton.pictures.scene import Dot, present
    from exciton.pictures.viewer import scene
    from exciton.sweep import points
    from exciton.workflow import solve_point

    if job is None:  # to import all that is needed before it is needed
        return
    tables = {key: table for key, table in job.raw.items() if key not in ("exciton", "emission")}
    [point] = points(Job(**tables, exciton={"level": "none"}))
    solved = solve_point(point)
    yield solved.entry, profile(point.resolved, solved.carriers), _materials(point)
    mesh, points_data, cell_data = drawn(point.resolved, solved.carriers, INTERVALS)
    dot = Dot.of(mesh, points_data, cell_data, present(solved.entry))
    yield dict(scene([dot], Page(("",), [solved.entry])).content)


def pair(job: Job | None) -> Iterator[Any]:
    """The entry of the result, as the command line gives it."""
    from exciton.sweep import points
    from exciton.workflow import solve_point

    if job is None:
        return
    [point] = points(job)
    entry = solve_point(point).entry
    yield entry, _materials(point)


def _materials(point: Any) -> dict[str, str]:
    return {region.name: region.material for region in point.resolved.regions}


class Failed(Exception):
    """The job cannot be, or could not be solved; the message is for the user."""


class Worker:
    """A process that does one task after the other."""

    def __init__(self, task: Task, *, courtesy: int = 0) -> None:
        self._task, self._courtesy, self._busy = task, courtesy, False
        self._start()

    async def ask(self, job: Job) -> AsyncIterator[Any]:
        """What the task yields for a job, as it comes, to its end; what is left of it before that is lost by `restart`.

        Raises
        ------
        Failed
            The job cannot be, or could not be solved.
        """
        line, self._busy = self._line, True
        try:
            line.send(job)
            while True:
                kind, content = await asyncio.to_thread(line.recv)
                if kind == "part":
                    yield content
                    continue
                self._busy = False
                if kind == "failed":
                    raise Failed(content)
                return
        except (EOFError, OSError):
            if line is self._line:  # not by us
                self._start()
                raise Failed("the computation broke off; the terminal says why") from None

    def restart(self) -> None:
        """Give up what is being done."""
        if self._busy:
            self.stop()
            self._start()

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.join()

    def _start(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._line, other = spawn.Pipe()
        self._process = spawn.Process(target=_serve, args=(self._task, self._courtesy, other), daemon=True)
        self._process.start()
        other.close()
        self._busy = False


def _serve(task: Task, courtesy: int, line: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the page, which ends us
    os.nice(courtesy)
    list(task(None))
    while True:
        try:
            job = line.recv()
        except EOFError:
            return
        try:
            for part in task(job):
                line.send(("part", part))
        except (JobError, SolverError) as error:
            line.send(("failed", " ".join(str(error).split())))
        else:
            line.send(("done", None))
