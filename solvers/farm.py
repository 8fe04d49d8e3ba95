"""Tasks dealt to teams of ranks as they become free; results come to rank 0 in the order of completion.

Rank 0 deals from its main thread and works in another, so that no rank idles: two ranks are twice as fast as one. Where
MPI cannot be called from several threads, rank 0 deals only.
"""

from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from threading import Thread
from time import sleep
from typing import Any, TypeVar

from .parallel import Comm, rank, size

T = TypeVar("T")

ASK, DEAL = 32002, 32003  # tags
PAUSE = 0.002  # seconds between looks at who is asking


def farm(comm: Comm, ranks_per_task: int, tasks: int, work: Callable[[Comm, int], T]) -> Iterator[tuple[int, T]]:
    """Deal tasks to teams of `ranks_per_task` ranks (the last may be smaller).

    Parameters
    ----------
    work
        ``work(team, task)``, called on all ranks of a team, with None for a team of one; what its first rank returns
        (it must pickle) is the result. It must not raise on one rank of a team alone.

    Yields
    ------
    tuple
        On rank 0 the task and its result, in the order of completion; on the others nothing.
    """
    if ranks_per_task < 1:
        raise ValueError(f"a team has at least one rank, not {ranks_per_task}")
    ranks, me = size(comm), rank(comm)
    if ranks_per_task >= ranks:
        for task in range(tasks):
            result = work(comm, task)
            if me == 0:
                yield task, result
        return
    from mpi4py import MPI

    alone = 0 if MPI.Query_thread() == MPI.THREAD_MULTIPLE else 1  # whether rank 0 only deals
    team = comm.Split((me - alone) // ranks_per_task if me >= alone else MPI.UNDEFINED, me)
    if me > 0:
        _serve(team, lambda done: _asked(comm, done), work)
        team.Free()
        return
    heads = range(alone, ranks, ranks_per_task)
    yield from _deal(comm, None if alone else team, heads, tasks, work)


def _asked(comm: Comm, done: Any) -> Any:
    comm.send(done, dest=0, tag=ASK)
    return comm.recv(source=0, tag=DEAL)


def _serve(team: Comm, ask: Callable[[Any], Any], work: Callable[[Comm, int], Any]) -> None:
    """Take tasks, and bring what came of each with the next question, until there are no more."""
    done: tuple[int, Any] | None = None
    while True:
        task = team.bcast(ask(done) if team.Get_rank() == 0 else None, root=0)
        if task is None:
            return
        done = (task, work(team if team.Get_size() > 1 else None, task))


def _deal(comm: Comm, team: Comm, heads: range, tasks: int, work: Callable[[Comm, int], T]) -> Iterator[tuple[int, T]]:
    """What rank 0 does: answer whoever asks, its own thread included, and pass on what they bring."""
    from mpi4py import MPI

    asked: SimpleQueue[Any] = SimpleQueue()
    answers: SimpleQueue[int | None] = SimpleQueue()

    def ask(done: Any) -> Any:
        asked.put(done)
        return answers.get()

    def serve() -> None:
        try:
            _serve(team, ask, work)
        except BaseException as error:  # brought to the main thread
            asked.put(error)

    thread = Thread(target=serve, daemon=True)
    if team is not None:
        thread.start()
    waiting, following, status = len(heads), 0, MPI.Status()
    while waiting:
        source, done = 0, None
        try:
            done = asked.get_nowait()
        except Empty:
            if not comm.iprobe(source=MPI.ANY_SOURCE, tag=ASK, status=status):
                sleep(PAUSE)
                continue
            source = status.Get_source()
            done = comm.recv(source=source, tag=ASK)
        if isinstance(done, BaseException):
            raise done
        task = following if following < tasks else None
        following += 1
        waiting -= task is None
        if source == 0:
            answers.put(task)
        else:
            comm.send(task, dest=source, tag=DEAL)
        if done is not None:
            yield done
    if team is not None:
        thread.join()  # it has its last answer, but hands it on to its team: freed under its feet, MPI crashes
        team.Free()
