"""Values that other ranks own, fetched from them: one message to and from every neighbour.

Unknowns are numbered so that every rank owns a contiguous range. Here a rank's *columns* are the unknowns that it owns
and, behind them, those of others that it needs (the ghosts), in the order of their numbers.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .parallel import Comm, exchange, rank

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

TAG = 32030
CHUNK = 4096  # rows that are turned from columns into rows at a time: they stay in the cache


@dataclass(frozen=True, eq=False)
class Halo:
    """Who has the ghosts of this rank, and which of its own values the others want."""

    comm: Comm
    first: int  # number of the first unknown owned
    rows: int  # how many are owned
    numbers: Ints  # (ghosts,) ascending
    size: int  # unknowns over all ranks
    owners: tuple[tuple[int, slice], ...]  # rank, and which ghosts are its own
    wanted: tuple[tuple[int, Ints], ...]  # rank, and the owned ones that are its ghosts

    @classmethod
    def of(cls, comm: Comm, ranges: Ints, numbers: Ints) -> "Halo":
        """The halo for these ghosts, in ascending order; all ranks call this.

        Parameters
        ----------
        ranges
            (ranks + 1,) the numbers where each rank's range begins, and the end.
        """
        first, end = int(ranges[rank(comm)]), int(ranges[rank(comm) + 1])
        cut = np.searchsorted(numbers, ranges)
        heard = exchange(comm, np.split(numbers, cut[1:-1]))
        return cls(
            comm,
            first,
            end - first,
            numbers,
            int(ranges[-1]),
            tuple((r, slice(cut[r], cut[r + 1])) for r in range(len(ranges) - 1) if cut[r] < cut[r + 1]),
            tuple((r, rows - first) for r, rows in enumerate(heard) if len(rows)),
        )

    @property
    def columns(self) -> int:
        """Owned ones and ghosts."""
        return self.rows + len(self.numbers)

    def number(self, columns: NDArray[Any] | slice) -> Ints:
        """The numbers of these columns."""
        return np.concatenate([np.arange(self.first, self.first + self.rows), self.numbers])[columns]

    def column(self, numbers: Ints) -> Ints:
        """The columns of unknowns, owned or ghosts, from their numbers."""
        own = (numbers >= self.first) & (numbers < self.first + self.rows)
        return np.where(own, numbers - self.first, self.rows + np.searchsorted(self.numbers, numbers))

    def extended(self, u: Array) -> Array:
        """(columns, count) in C order, from (rows, count); without ghosts `u` itself where it is in C order."""
        if not self.owners and not self.wanted:
            return by_rows(u)
        result = np.empty((self.columns, u.shape[1]))
        by_rows(u, result)
        ghosts = result[self.rows :]
        messages = [self.comm.Irecv(ghosts[here], source=r, tag=TAG) for r, here in self.owners]
        messages += [self.comm.Isend(np.ascontiguousarray(u[rows]), dest=r, tag=TAG) for r, rows in self.wanted]
        _wait(messages)
        return result

    def collected(self, values: Array) -> Array:
        """The transpose of `extended`: (rows, count), to which what others have for their ghosts is added."""
        if not self.owners and not self.wanted:
            return values
        ghosts = np.ascontiguousarray(values[self.rows :])
        heard = [np.empty((len(rows), values.shape[1])) for _, rows in self.wanted]
        messages = [self.comm.Irecv(part, source=r, tag=TAG) for part, (r, _) in zip(heard, self.wanted)]
        messages += [self.comm.Isend(ghosts[here], dest=r, tag=TAG) for r, here in self.owners]
        _wait(messages)
        result = values[: self.rows]
        for part, (_, rows) in zip(heard, self.wanted):
            result[rows] += part
        return result


def _wait(messages: list[Any]) -> None:
    from mpi4py import MPI

    MPI.Request.Waitall(messages)


def by_rows(u: Array, result: Array | None = None) -> Array:
    """The same in C order: in the first rows of `result`; without one, `u` itself where it is so already."""
    if result is None:
        if u.flags.c_contiguous:
            return u
        result = np.empty(u.shape)
    for first in range(0, len(u), CHUNK):
        end = min(first + CHUNK, len(u))
        result[first:end] = u[first:end]
    return result


def by_columns(u: Array) -> Array:
    """The same in Fortran order: `u` itself where it is."""
    if u.flags.f_contiguous:
        return u
    result = np.empty(u.shape, order="F")
    for first in range(0, len(u), CHUNK):
        result[first : first + CHUNK] = u[first : first + CHUNK]
    return result
