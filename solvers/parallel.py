"""Ranks: who there is, sums over them, who speaks, and errors that reach all of them.

A communicator is one of mpi4py, or None where there is one process; every function here takes either, so that what is
written once runs on one rank and on many. Only the command line asks for `world`: below it the communicator is
passed. mpi4py is imported in the functions that need it.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .errors import BackendMissing
from .launcher import launched

Comm = Any  # mpi4py.MPI.Intracomm, or None
T = TypeVar("T")

MIXERS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5)  # odd, of random bits
TURN = 32020  # a tag
GRACE = 3.0  # seconds that a failing rank waits for the others to fail as well, before it ends them


def world() -> Comm:
    """The communicator of all ranks, or None for one process.

    Raises
    ------
    BackendMissing
        Several ranks were started and there is no mpi4py, or it belongs to another MPI than the launcher: then every
        rank would believe that it is alone, and copies would race each other.
    """
    ranks, _ = launched()
    if ranks == 1:
        return None
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise BackendMissing(
            f"{ranks} ranks were started, but there is no mpi4py here ({error}); run one process, or .ci/petsc"
        ) from None
    comm = MPI.COMM_WORLD
    if comm.Get_size() != ranks:
        raise BackendMissing(
            f"the launcher started {ranks} ranks, but mpi4py sees {comm.Get_size()}: it was built for another MPI "
            f"({MPI.Get_library_version().split(',')[0].strip()}); use the launcher of that one"
        )
    return comm


def rank(comm: Comm) -> int:
    """This rank's number, from 0."""
    return 0 if comm is None else int(comm.Get_rank())


def size(comm: Comm) -> int:
    """How many ranks there are."""
    return 1 if comm is None else int(comm.Get_size())


def say(comm: Comm, text: str) -> None:
    """Print a line, on rank 0 only."""
    if rank(comm) == 0:
        print(text, flush=True)


# -- data that moves ---------------------------------------------------------------------------------------------------


def total(comm: Comm, values: NDArray[Any]) -> NDArray[Any]:
    """The sum over the ranks, the same bits on each of them."""
    if size(comm) == 1:
        return values
    result = np.array(values, order="C")
    comm.Bcast(summed_on(comm, 0, result), root=0)
    return result


def summed_on(comm: Comm, root: int, values: NDArray[Any]) -> NDArray[Any]:
    """On one rank the sum over all of them, in place; on the others the values as they are; in C order."""
    if size(comm) == 1:
        return values
    from mpi4py import MPI

    here = rank(comm) == root
    comm.Reduce(MPI.IN_PLACE if here else values, values if here else None, root=root)
    return values


def from_first(comm: Comm, value: T) -> T:
    """What rank 0 has, on all ranks."""
    return value if size(comm) == 1 else comm.bcast(value, root=0)


def agreed(space: object, value: T) -> T:
    """The same, of the ranks that a space is distributed over, if it is.

    What each of them has computed for itself may differ in the last digit, between processors of different kinds; where
    that decides on what follows, one would wait for the others in a call that they never make.
    """
    return from_first(getattr(space, "comm", None), value)


def highest(comm: Comm, values: NDArray[Any]) -> NDArray[Any]:
    """The maximum over the ranks, entry by entry."""
    return values if size(comm) == 1 else np.max(comm.allgather(values), axis=0)


def largest(comm: Comm, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(count,) of each column the entry that is largest in size, over the rows of all ranks."""
    padded = np.vstack([values, np.zeros((1, values.shape[1]))])  # a rank may have no rows
    found = np.take_along_axis(padded, np.abs(padded).argmax(axis=0)[None], axis=0)
    if size(comm) > 1:
        found = np.vstack(comm.allgather(found))
        found = np.take_along_axis(found, np.abs(found).argmax(axis=0)[None], axis=0)
    return found[0]


def before(comm: Comm, count: int) -> tuple[int, int]:
    """The sum of `count` over the lower ranks, and over all."""
    if size(comm) == 1:
        return 0, count
    counts = comm.allgather(int(count))
    return sum(counts[: rank(comm)]), sum(counts)


def exchange(comm: Comm, parts: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Send ``parts[r]`` to rank r and return what every rank has sent here; arrays differ in their length only."""
    if size(comm) == 1:
        return [parts[0]]
    row = parts[0].shape[1:]
    width = int(np.prod(row))
    sent = np.array([len(part) for part in parts])
    received = np.array(comm.alltoall(sent.tolist()))
    out = np.ascontiguousarray(np.concatenate(parts))
    result = np.empty((int(received.sum()), *row), dtype=out.dtype)
    comm.Alltoallv((out, sent * width), (result, received * width))
    return np.split(result, np.cumsum(received)[:-1])


def meet(
    comm: Comm, keys: NDArray[np.int64], values: NDArray[np.int64], reductions: Sequence[np.ufunc]
) -> NDArray[np.int64]:
    """Bring together what the ranks say of the same thing, without any rank knowing all things.

    Parameters
    ----------
    keys
        (n, m) names of things; a name appears at most once on each rank.
    values
        (n, k) what this rank says of them.
    reductions
        k functions, such as ``np.minimum``, over the ranks that name the same thing.

    Returns
    -------
    NDArray
        (n, k) the reductions, for each of this rank's names.
    """
    if size(comm) == 1:
        return values
    mixed = keys.astype(np.uint64) @ np.array(MIXERS, dtype=np.uint64)[: keys.shape[1]]
    where = ((mixed >> np.uint64(33)) % np.uint64(size(comm))).astype(np.int64)
    order = np.argsort(where, kind="stable")
    cut = np.searchsorted(where[order], np.arange(1, size(comm)))
    heard = exchange(comm, np.split(np.hstack([keys, values])[order], cut))
    rows = np.concatenate(heard)
    names = rows[:, : keys.shape[1]]
    by_name = np.lexsort(names.T)
    rows = rows[by_name]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = np.any(np.diff(rows[:, : keys.shape[1]], axis=0) != 0, axis=1)
    first, group = np.flatnonzero(new), np.cumsum(new) - 1
    answer = np.empty((len(rows), values.shape[1]), dtype=np.int64)
    for column, reduction in enumerate(reductions):
        if len(rows):
            answer[by_name, column] = reduction.reduceat(rows[:, keys.shape[1] + column], first)[group]
    back = exchange(comm, np.split(answer, np.cumsum([len(part) for part in heard])[:-1]))
    result = np.empty_like(values)
    result[order] = np.concatenate(back)
    return result


def in_turn(comm: Comm, mine: T) -> Iterator[T]:
    """On rank 0 what every rank has, one after the other, so that no two are held at once; on the others nothing."""
    if rank(comm) > 0:
        comm.recv(source=0, tag=TURN)
        comm.send(mine, dest=0, tag=TURN)
        return
    yield mine
    for other in range(1, size(comm)):
        comm.send(None, dest=other, tag=TURN)
        yield comm.recv(source=other, tag=TURN)


# -- errors ------------------------------------------------------------------------------------------------------------


@contextmanager
def together(comm: Comm) -> Iterator[None]:
    """A stretch of work without collective calls: if it fails on one rank, the same error is raised on all.

    The ranks meet at the end of the stretch. The error raised is that of the lowest rank that failed.
    """
    failure: BaseException | None = None
    try:
        yield
    except Exception as error:
        failure = error
    if size(comm) > 1:
        failures = comm.allgather(_portable(failure))
        other = next((error for error in failures if error is not None), None)
        if failure is None or (other is not None and failures[rank(comm)] is not other):
            failure = other
    if failure is not None:
        raise failure


def _portable(error: BaseException | None) -> BaseException | None:
    """The error itself if it can be sent, or its text."""
    import pickle

    if error is None:
        return None
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def all_here(comm: Comm) -> bool:
    """Whether all ranks come to this point within a few seconds: asked by ranks that have failed, before they go on."""
    return size(comm) == 1 or len(_gathered(comm)) == size(comm)


def ending(comm: Comm, status: int, message: str) -> int:
    """End all ranks with one message: what the command line calls last on a rank that has failed.

    If all ranks fail alike, as they do on bad input, rank 0 speaks and each returns `status`. If some do not come
    within a few seconds they wait in a call that will never end: then the lowest rank that is here speaks, and ends
    them all.
    """
    here = _gathered(comm) if size(comm) > 1 else {0}
    if min(here) == rank(comm):
        print(message, file=sys.stderr, flush=True)
    if len(here) < size(comm):
        sleep(0.0 if min(here) == rank(comm) else GRACE)
        comm.Abort(status)
    return status


def _gathered(comm: Comm) -> set[int]:
    """The ranks that call this within the grace, by messages that no collective call of the others can meet."""
    from mpi4py import MPI

    me, ranks, tag, heard = rank(comm), size(comm), 32001, MPI.Status()
    sent = [comm.isend(True, dest=other, tag=tag) for other in range(ranks) if other != me]
    here, end = {me}, monotonic() + GRACE
    while len(here) < ranks and monotonic() < end:
        if comm.iprobe(source=MPI.ANY_SOURCE, tag=tag, status=heard):
            here.add(heard.Get_source())
            comm.recv(source=heard.Get_source(), tag=tag)
        else:
            sleep(0.01)
    del sent  # what has not been taken by now never will be
    return here
