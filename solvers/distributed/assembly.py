"""Sparse matrices from every rank's own cells: the pattern once, then element matrices, without loops over cells.

PETSc adds up the entries of this rank's cells; what belongs to rows of others travels to their owners afterwards.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .. import assembly, petsc
from ..element import Array, Ints
from ..halo import Halo
from ..matrix import Matrix
from ..parallel import exchange, size
from ..space import Space
from .numbering import Numbering

BYTES = 6e6  # of element matrices held at a time


def stiffness(space: Space, pattern: "Pattern", diffusion: Array, potential: Array) -> Matrix:
    """As `assembly.stiffness`, over all ranks."""
    a = np.broadcast_to(diffusion.reshape(len(diffusion), -1), (len(diffusion), 3))
    tags = space.mesh.tags
    local = lambda cells: assembly._stiffness(space, cells, a[tags[cells]], potential[tags[cells]])  # noqa: E731
    return pattern.filled(space, local)


def mass(space: Space, pattern: "Pattern") -> Matrix:
    """As `assembly.mass`, over all ranks."""
    return pattern.filled(space, lambda cells: assembly._mass(space, cells, np.ones(len(cells))))


@dataclass(frozen=True, eq=False)
class Pattern:
    """Which unknowns share a cell: this rank's rows and, below them, what its cells add to rows of others.

    Every matrix of this pattern uses these arrays.
    """

    halo: Halo  # of the columns
    starts: NDArray[np.int32]  # (rows and those below + 1,) of each row
    columns: NDArray[np.int32]  # ascending in each row
    row: NDArray[np.int32]  # (local unknowns,) which row is theirs
    column: NDArray[np.int32]  # (local unknowns,) and which column
    told: tuple[Ints, ...]  # for each rank: which entries are for its rows
    heard: Ints  # which of ours the entries from other ranks are for, rank after rank

    @classmethod
    def of(cls, space: Space, numbering: Numbering) -> "Pattern":
        """That of a space; all ranks call this.

        Raises
        ------
        SolverError
            This rank's rows have more entries than PETSc's integers can count.
        """
        near, comm = numbering.halo, numbering.comm  # `near` has the ghosts of this rank's cells
        row = near.column(numbering.numbers).astype(np.int32)
        coupled = _coupled(space.unknowns, row)
        if size(comm) == 1:
            petsc.countable(coupled.nnz)
            none = np.empty(0, dtype=np.int64)
            return cls(near, coupled.indptr, coupled.indices, row, row, (none,), none)
        below = coupled[near.rows :].tocoo()
        pairs = np.stack([near.numbers[below.row], near.number(below.col)], axis=1)
        pairs = pairs[np.lexsort(pairs.T[::-1])]
        cut = np.searchsorted(pairs[:, 0], numbering.ranges[1:-1])
        heard = np.concatenate(exchange(comm, np.split(pairs, cut)))
        first, end = near.first, near.first + near.rows
        needed = np.concatenate([near.numbers, heard[:, 1]])
        halo = Halo.of(comm, numbering.ranges, np.unique(needed[(needed < first) | (needed >= end)]))
        column = halo.column(near.number(slice(None))).astype(np.int32)
        shape = (near.columns, halo.columns)
        own = csr_array((coupled.data, column[coupled.indices], coupled.indptr), shape=shape)
        del coupled
        rows, columns = heard[:, 0] - first, halo.column(heard[:, 1])
        more = csr_array(
            (np.ones(len(heard), dtype=np.int16), (rows.astype(np.int32), columns.astype(np.int32))), shape=shape
        )
        whole = (own + more).tocsr()
        del own
        petsc.countable(whole.nnz)
        told = np.split(_at(whole, near.column(pairs[:, 0]), halo.column(pairs[:, 1])), cut)
        return cls(halo, whole.indptr, whole.indices, row, column[row], tuple(told), _at(whole, rows, columns))

    def filled(self, space: Space, local: Callable[[Ints], Array]) -> Matrix:
        """Add up the element matrices ``local(cells)``, some cells at a time."""
        PETSc = petsc.load()
        kind, k = PETSc.IntType, space.element.size
        values = np.zeros(len(self.columns))
        arrays = (self.starts.astype(kind, copy=False), self.columns.astype(kind, copy=False), values)
        shape = (len(self.starts) - 1, self.halo.columns)
        mat = PETSc.Mat().createAIJWithArrays(shape, arrays, comm=PETSc.COMM_SELF)
        mat.setOption(PETSc.Mat.Option.NEW_NONZERO_LOCATION_ERR, True)
        step = max(1, int(BYTES / (8 * k * k)))
        row, column = (
            np.append(place, -1).astype(kind) for place in (self.row, self.column)
        )  # PETSc skips negative ones
        for first in range(0, len(space.mesh.cells), step):
            cells = np.arange(first, min(first + step, len(space.mesh.cells)))
            unknowns = space.unknowns[cells]
            mat.setValuesRCV(row[unknowns], column[unknowns], local(cells).reshape(len(cells), -1), addv=True)
        mat.assemble()
        mat.destroy()
        if size(self.halo.comm) > 1:
            received = exchange(self.halo.comm, [values[entries] for entries in self.told])
            np.add.at(values, self.heard, np.concatenate(received))
        rows = self.halo.rows
        starts, end = self.starts[: rows + 1], int(self.starts[rows])
        matrix = csr_array((values[:end], self.columns[:end], starts), shape=(rows, self.halo.columns))
        return Matrix(matrix, self.halo, symmetric=True)


def _coupled(unknowns: Ints, place: NDArray[np.int32]) -> csr_array:
    """(places, places) how many cells two unknowns share; sorted."""
    count = len(place)
    # an extra column for the nodes without unknown, cut off again
    incidence = csr_array(
        (
            np.ones(unknowns.size, dtype=np.int16),
            np.append(place, np.int32(count))[unknowns].ravel(),
            np.arange(0, unknowns.size + 1, unknowns.shape[1], dtype=np.int32),
        ),
        shape=(len(unknowns), count + 1),
    )[:, :count]
    coupled = (incidence.T.tocsr() @ incidence).tocsr()
    coupled.sort_indices()
    return coupled


def _at(pattern: csr_array, rows: Ints, columns: Ints) -> Ints:
    """Which entry of a sorted pattern stands at each of these rows and columns."""
    involved = np.unique(rows)
    starts = pattern.indptr[involved].astype(np.int64)
    counts = pattern.indptr[involved + 1] - starts
    ends = np.cumsum(counts)
    entries = np.repeat(starts - ends + counts, counts) + np.arange(counts.sum())
    names = np.repeat(involved, counts) * pattern.shape[1] + pattern.indices[entries]
    return entries[np.searchsorted(names, rows * pattern.shape[1] + columns)]


def prolongation(fine: Space, to: Numbering, coarse: Space, of: Numbering) -> Matrix:
    """Values at the unknowns of `fine` of the functions of `coarse`, on the same mesh and of a lower degree."""
    cell = np.empty(len(to.numbers), dtype=np.int64)
    node = np.empty(len(to.numbers), dtype=np.int64)
    for place in range(fine.element.size):
        here = np.flatnonzero(fine.unknowns[:, place] >= 0)
        cell[fine.unknowns[here, place]], node[fine.unknowns[here, place]] = here, place
    cell, node = cell[to.owned], node[to.owned]
    values = coarse.element.values(fine.element.nodes)[node]
    columns = np.append(of.halo.column(of.numbers), -1)[coarse.unknowns[cell]]
    kept = (columns >= 0) & (np.abs(values) > 1e-12)
    rows = csr_array(
        (values[kept], columns[kept].astype(np.int32), np.append(0, np.cumsum(kept.sum(axis=1))).astype(np.int32)),
        shape=(len(to.owned), of.halo.columns),
    )
    rows.sort_indices()
    return Matrix(rows, of.halo, to.size)
