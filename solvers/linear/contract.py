"""What every linear solver promises, and the check that holds it to that."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import BackendMissing, NotConverged
from ..parallel import Comm, total

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from ..matrix import Matrix

Array = NDArray[np.float64]

BACKENDS = ("scipy", "petsc")


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Checked solutions."""

    vectors: Array  # shape of the right-hand sides
    residuals: Array  # (count,) |b - A x| over |b|, recomputed; 0 for b = 0
    iterations: int
    method: str


@dataclass(frozen=True, slots=True)
class Options:
    """What `Solver` hands to a backend."""

    tolerance: float
    iterations: int
    low_order: "Callable[[], csr_array] | None"  # a sparser matrix, spectrally equivalent to A, for multigrid
    comm: Comm


class Solver:
    """Solves ``A x = b`` for one A and any number of b.

    Parameters
    ----------
    matrix
        Symmetric positive definite, shape (dofs, dofs); or a distributed `matrix.Matrix`, of which every rank of `comm`
        has its rows.
    tolerance
        Of the residual, relative to the right-hand side, in the Euclidean norm.
    backend
        "auto" or one of `BACKENDS`; "auto" takes PETSc for a distributed matrix.
    low_order
        Makes a sparser matrix of the same unknowns, spectrally equivalent to A: multigrid is set up on it.

    Raises
    ------
    BackendMissing
        The backend is not installed.
    """

    def __init__(
        self,
        matrix: "csr_array | Matrix",
        *,
        tolerance: float = 1e-10,
        iterations: int = 500,
        backend: str = "auto",
        low_order: "Callable[[], csr_array] | None" = None,
        comm: Comm = None,
    ) -> None:
        self._matrix, self._tolerance, self._iterations, self._comm = matrix, tolerance, iterations, comm
        distributed = not hasattr(matrix, "tocsr")
        prepare = _backend("petsc" if distributed and backend == "auto" else backend)
        self._solve, self.method = prepare(matrix, Options(tolerance, iterations, low_order, comm))

    def __call__(self, right: Array) -> Solution:
        """Solve for right-hand sides of shape (dofs,) or (dofs, count).

        Raises
        ------
        NotConverged
            A residual missed the tolerance; the solutions, such as they are, are in ``found``.
        """
        block = right.reshape(len(right), -1)
        norms = self._norms(block)
        vectors, steps = self._solve(block)
        missing = self._norms(block - self._matrix @ vectors)
        residuals = np.where(norms > 0, missing / np.where(norms > 0, norms, 1.0), missing)
        solution = Solution(vectors.reshape(right.shape), residuals, steps, self.method)
        if not np.all(residuals <= self._tolerance):
            raise NotConverged(
                f"{np.sum(residuals <= self._tolerance)} of {len(residuals)} solutions reached the tolerance "
                f"{self._tolerance:.0e} after {steps} iterations (worst residual {np.max(residuals):.1e}); raise the "
                f"iterations (now {self._iterations}) or loosen the tolerance",
                found=solution,
            )
        return solution

    def _norms(self, block: Array) -> Array:
        return np.sqrt(total(self._comm, np.einsum("di,di->i", block, block)))


def solve(
    matrix: "csr_array | Matrix",
    right: Array,
    *,
    tolerance: float = 1e-10,
    iterations: int = 500,
    backend: str = "auto",
    low_order: "Callable[[], csr_array] | None" = None,
    comm: Comm = None,
) -> Solution:
    """Solve ``A x = b`` once; as `Solver`, which keeps the set-up for more."""
    solver = Solver(matrix, tolerance=tolerance, iterations=iterations, backend=backend, low_order=low_order, comm=comm)
    return solver(right)


def _backend(name: str):  # type: ignore[no-untyped-def]
    if name in ("auto", "scipy"):
        from .scipy import prepare

        return prepare
    if name == "petsc":
        from ..petsc import load
        from .petsc import prepare

        load()
        return prepare
    raise BackendMissing(f"there is no linear backend {name!r}; there are: auto, {', '.join(BACKENDS)}")
