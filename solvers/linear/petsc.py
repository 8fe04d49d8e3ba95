"""The PETSc backend: conjugate gradients with algebraic multigrid, set up once; the user's options win."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from .. import petsc
from ..eigen.cycles import configure
from ..errors import SolverError
from ..matrix import Matrix
from .contract import Array, Options

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Solve = Callable[[Array], tuple[Array, int]]


def prepare(matrix: "csr_array | Matrix", options: Options) -> tuple[Solve, str]:
    """The solver of one matrix, and its name."""
    PETSc = petsc.load()
    own = matrix if isinstance(matrix, Matrix) else Matrix.from_csr(matrix)
    sparse = own if options.low_order is None else Matrix.from_csr(options.low_order())
    ksp = PETSc.KSP().create(comm=own.mat.getComm())
    ksp.setOptionsPrefix(petsc.PREFIX)
    ksp.setOperators(own.mat, sparse.mat)
    ksp.setType("cg")
    ksp.setNormType(PETSc.KSP.NormType.UNPRECONDITIONED)
    ksp.setTolerances(rtol=0.5 * options.tolerance, atol=0.0, max_it=options.iterations)
    configure(ksp.getPC())
    ksp.setFromOptions()
    ksp.setUp()
    x, b = own.mat.createVecRight(), own.mat.createVecLeft()
    kept = (own, sparse)  # their values must outlive the solver

    def run(right: Array) -> tuple[Array, int]:
        assert kept
        result, steps = np.empty_like(right, order="F"), 0
        for column in range(right.shape[1]):
            b.setArray(right[:, column])
            try:
                ksp.solve(b, x)
            except PETSc.Error as error:
                raise SolverError(f"PETSc's {ksp.getType()} failed: {str(error).splitlines()[-1]}") from None
            result[:, column] = x.getArray(readonly=True)
            steps = max(steps, ksp.getIterationNumber())
        return result, steps

    return run, f"petsc: {ksp.getType()}, {ksp.getPC().getType()}"
