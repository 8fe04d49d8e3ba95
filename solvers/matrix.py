"""Sparse matrices over many ranks that act on blocks of vectors; PETSc's form of them where a PETSc solver wants it.

Every rank has its rows. Products are SciPy's, on blocks in C order: what belongs to one unknown lies side by side, and
each entry of the matrix is read once for all vectors, which is faster than PETSc's product with a dense matrix
(docs/performance.md). Matrices that share their pattern share it on any number of ranks.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from . import petsc
from .halo import Halo, by_columns, by_rows

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Matrix:
    """``matrix @ block`` on this rank's rows of the block."""

    local: csr_array  # this rank's rows; its columns are those of `halo`
    halo: Halo | None = None  # None: one process
    size: int | None = None  # rows over all ranks; None: as many as columns
    symmetric: bool = False

    @classmethod
    def from_csr(cls, matrix: Any, *, symmetric: bool = False) -> "Matrix":
        """The same matrix on one process, sharing the values of a scipy matrix in CSR form."""
        matrix = matrix.tocsr()
        matrix.sort_indices()
        return cls(matrix, None, matrix.shape[0], symmetric)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns over all ranks."""
        columns = self.local.shape[1] if self.halo is None else self.halo.size
        return (columns if self.size is None else self.size), columns

    @property
    def rows(self) -> int:
        """Rows of this rank."""
        return int(self.local.shape[0])

    def diagonal(self) -> Array:
        """This rank's part of the diagonal."""
        return np.asarray(self.local.diagonal())

    def __matmul__(self, block: Array) -> Array:
        """The product with this rank's rows of a vector or of a block, in the order of the block."""
        if block.ndim == 1:
            return (self @ block[:, None])[:, 0]
        wide = by_rows(block) if self.halo is None else self.halo.extended(block)
        result = self.local @ wide
        return result if block.flags.c_contiguous else by_columns(result)

    def adjoint(self, block: Array) -> Array:
        """The product of the transpose with a block."""
        result = self.local.T @ by_rows(block)
        result = result if self.halo is None else self.halo.collected(result)
        return result if block.flags.c_contiguous else by_columns(result)

    @cached_property
    def mat(self) -> Any:
        """The same as a PETSc matrix; on one process it uses the arrays of `local`.

        Raises
        ------
        SolverError
            This rank's rows have more entries than PETSc's integers can count.
        """
        PETSc = petsc.load()
        kind, local = PETSc.IntType, self.local
        petsc.countable(local.nnz)
        if self.halo is None or self.halo.comm is None:
            self.__dict__["_arrays"] = arrays = (  # that PETSc uses and does not own
                local.indptr.astype(kind, copy=False), local.indices.astype(kind, copy=False), local.data,
            )  # fmt: skip
            mat = PETSc.Mat().createAIJWithArrays(local.shape, arrays, comm=PETSc.COMM_SELF)
        else:
            halo = self.halo
            rows = csr_array(
                (local.data.copy(), halo.number(local.indices), local.indptr), shape=(self.rows, halo.size)
            )
            rows.sort_indices()  # in place
            mat = PETSc.Mat().createAIJ(
                ((self.rows, self.shape[0]), (halo.rows, halo.size)),
                csr=(rows.indptr.astype(kind, copy=False), rows.indices.astype(kind), rows.data),
                comm=halo.comm,
            )
        if self.symmetric:
            mat.setOption(PETSc.Mat.Option.SYMMETRIC, True)
        return mat
