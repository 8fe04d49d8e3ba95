"""Sparse matrices from every rank's own cells, without loops over cells.

What a rank's cells add to rows of others travels to their owners, who then know their rows and their columns.
"""

import numpy as np
from scipy.sparse import csr_array

from .. import petsc
from ..assembly import Elements, is_affine, summed
from ..element import Array, Ints
from ..halo import Halo
from ..matrix import Matrix
from ..parallel import exchange, size
from ..space import Space
from .numbering import Numbering


def matrices(space: Space, numbering: Numbering, diffusion: Array, potential: Array) -> tuple[Matrix, Matrix]:
    """As `assembly.stiffness` and `assembly.mass`, over all ranks, each of which calls this; they share their pattern.

    Raises
    ------
    SolverError
        This rank's rows have more entries than PETSc's integers can count.
    """
    if is_affine(space.mesh):
        parts, halo = _rows(space, numbering, Elements.of(space, diffusion, potential + 1j))
    else:  # one after the other: every cell has tables of its own
        first, halo = _rows(space, numbering, Elements.of(space, diffusion, potential))
        second, _ = _rows(space, numbering, Elements.of(space, None, np.ones(len(potential))))
        parts = *first, csr_array((second[0].data, first[0].indices, first[0].indptr), shape=first[0].shape)
    k, m = (Matrix(part, halo, symmetric=True) for part in parts)
    petsc.countable(k.local.nnz)
    return k, m


def _rows(space: Space, numbering: Numbering, elements: Elements) -> tuple[tuple[csr_array, ...], Halo]:
    """This rank's rows of the sum of all ranks' element matrices, as `summed` has them, and their columns."""
    near, comm = numbering.halo, numbering.comm  # `near` has the ghosts of this rank's cells
    row = np.append(near.column(numbering.numbers), -1).astype(np.int32)[space.unknowns]
    if size(comm) == 1:
        return summed(elements, row, row, 0, (near.rows, near.columns)), near
    parts = summed(elements, row, row, near.rows, (near.columns - near.rows, near.columns))
    below = sum(factor * part for factor, part in zip((1, 1j), parts)).tocoo()
    numbers = np.stack([near.numbers[below.row], near.number(below.col)], axis=1)
    order = np.argsort(numbers[:, 0], kind="stable")
    cut = np.searchsorted(numbers[order, 0], numbering.ranges[1:-1])
    heard = np.concatenate(exchange(comm, np.split(numbers[order], cut)))
    values = np.concatenate(exchange(comm, np.split(below.data[order], cut)))
    halo = _wider(near, numbering.ranges, heard[:, 1])
    column = np.append(halo.column(numbering.numbers), -1).astype(np.int32)[space.unknowns]
    places = heard[:, 0] - near.first, halo.column(heard[:, 1])
    more = csr_array((values, places), shape=(near.rows, halo.columns))
    return summed(elements, row, column, 0, more.shape, more), halo


def _wider(near: Halo, ranges: Ints, numbers: Ints) -> Halo:
    """The halo that has the columns with these numbers as well."""
    mine = (numbers >= near.first) & (numbers < near.first + near.rows)
    return Halo.of(near.comm, ranges, np.union1d(near.numbers, numbers[~mine]))


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
