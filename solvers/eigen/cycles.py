"""Multigrid cycles on PETSc matrices: smoothing on blocks of vectors, a coarse problem, algebraic multigrid below.

The coarse problem is either that of degree 1 on the same mesh (p-multigrid: E. M. Ronquist and A. T. Patera, J. Sci.
Comput. 2, 389 (1987)) or a sparser matrix of the same unknowns. It is solved by one cycle of PETSc's algebraic
multigrid or hypre's; only this part goes column by column.
"""

from typing import Any

import numpy as np

from .. import petsc
from ..halo import by_columns, by_rows
from ..matrix import Array, Matrix
from ..parallel import Comm
from .multigrid import Chebyshev

DEGREE = 1  # of the smoothing polynomial
SHARE = 0.5  # it damps the eigenvalues above this share of the largest


class Algebraic:
    """One cycle of algebraic multigrid, set up once, applied to every column; the user's options have the last word."""

    def __init__(self, matrix: Matrix, kind: str | None = None) -> None:
        PETSc = petsc.load()
        self._pc = PETSc.PC().create(comm=matrix.mat.getComm())
        self._pc.setOptionsPrefix(petsc.PREFIX)
        self._pc.setOperators(matrix.mat)
        configure(self._pc, kind)
        self._pc.setFromOptions()
        self._pc.setUp()
        self._vectors = (matrix.mat.createVecRight(), matrix.mat.createVecLeft())
        self.name = str(self._pc.getType())

    def __call__(self, right: Array) -> Array:
        x, y = self._vectors
        result = np.empty_like(right, order="F")
        for column in range(right.shape[1]):
            x.setArray(right[:, column])
            self._pc.apply(x, y)
            result[:, column] = y.getArray(readonly=True)
        return result


def configure(pc: Any, kind: str | None = None) -> None:
    """Make a PETSc preconditioner algebraic multigrid: "gamg", "hypre", or None for the better one that is there."""
    kind = kind or ("hypre" if petsc.has("hypre") else "gamg")
    pc.setType(kind)
    options = petsc.load().Options(pc.getOptionsPrefix())
    settings = {
        "gamg": {
            "pc_gamg_type": "agg",
            "pc_gamg_agg_nsmooths": 1,
            "pc_gamg_threshold": 0.0,
            "mg_levels_ksp_type": "chebyshev",
            "mg_levels_pc_type": "jacobi",
            "mg_levels_ksp_max_it": 2,
        },
        "hypre": {
            "pc_hypre_type": "boomeramg",
            "pc_hypre_boomeramg_strong_threshold": 0.5,
            "pc_hypre_boomeramg_coarsen_type": "HMIS",
            "pc_hypre_boomeramg_interp_type": "ext+i",
            "pc_hypre_boomeramg_P_max": 4,
            "pc_hypre_boomeramg_agg_nl": 0,
            # forward on the way down, backward on the way up: symmetric, and half the work of symmetric sweeps
            "pc_hypre_boomeramg_relax_type_down": "l1-Gauss-Seidel",
            "pc_hypre_boomeramg_relax_type_up": "backward-l1-Gauss-Seidel",
        },
    }
    for name, value in settings.get(kind, {}).items():
        if not options.hasName(name):
            options.setValue(name, value)


class Cycle:
    """One symmetric cycle: smooth, correct on the coarse problem, smooth.

    Parameters
    ----------
    matrix
        Symmetric positive definite.
    coarse
        An approximate inverse of the coarse matrix, acting on blocks.
    up
        From coarse to fine; None where both have the same unknowns.
    """

    def __init__(self, matrix: Matrix, coarse: Algebraic, comm: Comm, up: Matrix | None = None) -> None:
        self._matrix, self._coarse, self._up = matrix, coarse, up
        self._smooth = Chebyshev(matrix, DEGREE, SHARE, comm)
        self.name = f"{'p-multigrid' if up is not None else 'multigrid'} over {coarse.name}"

    def __call__(self, right: Array) -> Array:
        rows = by_rows(right)  # as the products want it
        x = self._smooth(rows)
        defect = self._defect(rows, x)
        if self._up is None:
            x += self._coarse(defect)
        else:
            defect = self._coarse(self._up.adjoint(defect))
            x += self._up @ by_rows(defect)
        del defect
        x += self._smooth(self._defect(rows, x))
        return x if right.flags.c_contiguous else by_columns(x)

    def _defect(self, right: Array, x: Array) -> Array:
        image = self._matrix @ x
        return np.subtract(right, image, out=image)
