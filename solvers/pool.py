"""Tasks dealt to processes of this machine, without MPI; results come in the order of completion.

Each process is started afresh (no lock of ours is copied in a locked state) and computes on one thread: for the many
small products of a point on nested boxes two processes are twice as fast as one with two threads.
"""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context, parent_process
from threading import Thread, current_thread, main_thread
from typing import TypeVar

from . import threads
from .errors import SolverError

S = TypeVar("S")
T = TypeVar("T")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pool(processes: int, tasks: Sequence[S], work: Callable[[S], T]) -> Iterator[tuple[int, T]]:
    """Deal tasks to processes; one process is this one.

    Parameters
    ----------
    work
        ``work(task)``; it, the tasks and what it returns must pickle.

    Yields
    ------
    tuple
        The number of a task and its result, in the order of completion.

    Raises
    ------
    SolverError
        A process died, as by lack of memory.
    """
    if processes <= 1 or len(tasks) <= 1:
        for number, task in enumerate(tasks):
            yield number, work(task)
        return
    _ignore_broken_pipes()
    others = set(active_children())
    count = min(processes, len(tasks))
    with threads.one(), ProcessPoolExecutor(count, get_context("spawn"), initializer=_leave_with_parent) as executor:
        futures = {executor.submit(work, task): number for number, task in enumerate(tasks)}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool as error:
            raise SolverError(
                f"one of {processes} processes died, perhaps for lack of memory: ask for fewer (--processes)"
            ) from error
        except BaseException:  # interrupted, or a bug: what is being computed is of no use any more
            executor.shutdown(wait=False, cancel_futures=True)
            for child in set(active_children()) - others:
                child.terminate()
            raise


def _ignore_broken_pipes() -> None:
    """As Python does from its start; gmsh and PETSc make them deadly: a process that dies would take this one along."""
    if hasattr(signal, "SIGPIPE") and current_thread() is main_thread():
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def _leave_with_parent() -> None:
    """In each process: Ctrl-C is for the one that deals the tasks, and where that is killed all end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
        os._exit(1)

    Thread(target=wait, daemon=True).start()
