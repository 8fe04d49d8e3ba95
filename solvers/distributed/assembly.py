"""PETSc matrices from every rank's own cells: the pattern once, then element matrices, without loops over cells.

What a rank computes for rows of others travels to their owners: the pattern here, the values inside PETSc.
"""

from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array

from .. import assembly, petsc
from ..element import Array, Ints
from ..errors import SolverError
from ..parallel import exchange, size
from ..petsc import Matrix
from ..space import Space
from .numbering import Numbering

BYTES = 16e6  # of element matrices held at a time


def stiffness(space: Space, numbering: Numbering, diffusion: Array, potential: Array, like: Matrix) -> Matrix:
    """As `assembly.stiffness`, over all ranks; `like` is an empty matrix from `pattern`, which is filled."""
    a = np.broadcast_to(diffusion.reshape(len(diffusion), -1), (len(diffusion), 3))
    tags = space.mesh.tags
    local = lambda cells: assembly._stiffness(space, cells, a[tags[cells]], potential[tags[cells]])  # noqa: E731
    return _filled(space, numbering, local, like)


def mass(space: Space, numbering: Numbering, like: Matrix) -> Matrix:
    """As `assembly.mass`, over all ranks; `like` is an empty matrix from `pattern`, which is filled."""
    return _filled(space, numbering, lambda cells: assembly._mass(space, cells, np.ones(len(cells))), like)


def pattern(space: Space, numbering: Numbering) -> Matrix:
    """A matrix of zeros that couples all unknowns which share a cell.

    Raises
    ------
    SolverError
        This rank's rows have more entries than PETSc's integers can count.
    """
    PETSc = petsc.load()
    kind = PETSc.IntType
    unknowns, local = space.unknowns, len(numbering.numbers)
    # an extra column for the nodes without unknown, cut off again
    incidence = csr_array(
        (
            np.ones(unknowns.size, dtype=np.int8),
            np.where(unknowns < 0, local, unknowns).ravel().astype(np.int32),
            np.arange(0, unknowns.size + 1, unknowns.shape[1], dtype=np.int32),
        ),
        shape=(len(unknowns), local + 1),
    )[:, :local]
    coupled = (incidence.T.tocsr() @ incidence).tocsr()
    rows = _gathered(coupled, numbering)
    if rows.nnz > np.iinfo(kind).max:
        raise SolverError(f"{rows.nnz} entries on one rank are too many for this PETSc's integers: use more ranks")
    rows.sort_indices()
    if size(numbering.comm) == 1:
        return _sharing(rows.indptr.astype(kind, copy=False), rows.indices.astype(kind, copy=False))
    mat = PETSc.Mat().create(comm=numbering.comm)
    mat.setSizes(((rows.shape[0], numbering.size),) * 2)
    mat.setType(PETSc.Mat.Type.AIJ)
    mat.setPreallocationCSR((rows.indptr.astype(kind, copy=False), rows.indices.astype(kind, copy=False), None))
    return Matrix(mat)


def empty(like: Matrix) -> Matrix:
    """Another matrix of zeros with the same pattern; on one process they share it."""
    return _sharing(*like.pattern) if like.pattern else Matrix(like.mat.duplicate())


def _sharing(starts: Ints, columns: Ints) -> Matrix:
    """A matrix of zeros on one process that uses these arrays for its pattern."""
    PETSc = petsc.load()
    arrays = (starts, columns, np.zeros(len(columns)))
    shape = (len(starts) - 1,) * 2
    return Matrix(PETSc.Mat().createAIJWithArrays(shape, arrays, comm=PETSc.COMM_SELF), arrays)


def _gathered(coupled: csr_array, numbering: Numbering) -> csr_array:
    """The owned rows of a local pattern, with global columns, and what other ranks know of them."""
    count = numbering.size
    owned = coupled[numbering.owned] if len(numbering.owned) < coupled.shape[0] else coupled
    if size(numbering.comm) == 1:
        return owned
    rows = csr_array((owned.data, numbering.numbers[owned.indices], owned.indptr), shape=(owned.shape[0], count))
    ghosts, _ = numbering._ghosts
    others = coupled[ghosts].tocoo()
    pairs = np.stack([numbering.numbers[ghosts][others.row], numbering.numbers[others.col]], axis=1)
    cut = np.searchsorted(pairs[:, 0], numbering.ranges[1:-1])  # ghosts come in the order of their numbers
    heard = np.concatenate(exchange(numbering.comm, np.split(pairs, cut)))
    more = csr_array(
        (np.ones(len(heard), dtype=np.int8), (heard[:, 0] - numbering.first, heard[:, 1])), shape=rows.shape
    )
    return (rows + more).tocsr()


def _filled(space: Space, numbering: Numbering, local: Callable[[Ints], Array], like: Matrix) -> Matrix:
    """Add up the element matrices ``local(cells)``, some cells at a time."""
    PETSc = petsc.load()
    mat = like.mat
    mat.setOption(PETSc.Mat.Option.NEW_NONZERO_LOCATION_ERR, True)
    k = space.element.size
    step = max(1, int(BYTES / (8 * k * k)))
    numbers = np.append(numbering.numbers, -1).astype(PETSc.IntType)  # PETSc leaves out what has a negative number
    for first in range(0, len(space.mesh.cells), step):
        cells = np.arange(first, min(first + step, len(space.mesh.cells)))
        dofs = numbers[space.unknowns[cells]]
        mat.setValuesRCV(dofs, dofs, np.ascontiguousarray(local(cells)).reshape(len(cells), -1), addv=True)
    mat.assemble()
    mat.setOption(PETSc.Mat.Option.SYMMETRIC, True)
    return like


def prolongation(fine: Space, to: Numbering, coarse: Space, of: Numbering) -> Matrix:
    """Values at the unknowns of `fine` of the functions of `coarse`, on the same mesh and of a lower degree."""
    PETSc = petsc.load()
    kind = PETSc.IntType
    cell = np.empty(len(to.numbers), dtype=np.int64)
    node = np.empty(len(to.numbers), dtype=np.int64)
    for place in range(fine.element.size):
        here = np.flatnonzero(fine.unknowns[:, place] >= 0)
        cell[fine.unknowns[here, place]], node[fine.unknowns[here, place]] = here, place
    cell, node = cell[to.owned], node[to.owned]
    values = coarse.element.values(fine.element.nodes)[node]
    columns = np.append(of.numbers, -1)[coarse.unknowns[cell]]
    kept = (columns >= 0) & (np.abs(values) > 1e-12)
    rows = csr_array(
        (values[kept], columns[kept], np.append(0, np.cumsum(kept.sum(axis=1)))), shape=(len(to.owned), of.size)
    )
    rows.sort_indices()
    mat = PETSc.Mat().createAIJ(
        ((len(to.owned), to.size), (len(of.owned), of.size)),
        csr=(rows.indptr.astype(kind), rows.indices.astype(kind), rows.data),
        comm=petsc.communicator(to.comm),
    )
    return Matrix(mat)
