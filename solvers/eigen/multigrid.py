"""Algebraic multigrid V-cycles on blocks of vectors.

pyamg builds the hierarchy (smoothed aggregation: P. Vanek, J. Mandel, M. Brezina, Computing 56, 179 (1996)) on a
sparse low-order matrix; the finest level smooths with the true one. Smoothing is by Chebyshev polynomials (M. Adams,
M. Brezina, J. Hu, R. Tuminaro, J. Comput. Phys. 188, 593 (2003)), all columns of a block at once.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..parallel import Comm, total

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from ..matrix import Matrix

Array = NDArray[np.float64]


class Multigrid:
    """One V-cycle: a symmetric positive definite approximation of the inverse of `matrix`.

    Parameters
    ----------
    matrix
        Symmetric positive definite.
    sparse
        A sparser matrix of the same unknowns, spectrally equivalent, on which the hierarchy is built; or `matrix`.
    degree
        Of the smoothing polynomial.
    """

    def __init__(self, matrix: "csr_array", sparse: "csr_array", degree: int = 3) -> None:
        import pyamg
        from scipy.sparse import csr_matrix

        hierarchy = pyamg.smoothed_aggregation_solver(
            csr_matrix(sparse), strength=("symmetric", {"theta": 0.0}), max_coarse=400, improve_candidates=None
        )
        levels = [level.A for level in hierarchy.levels]
        if sparse is not matrix:
            levels[0] = matrix
        self._down = [level.R.tocsr() for level in hierarchy.levels[:-1]]
        self._up = [level.P.tocsr() for level in hierarchy.levels[:-1]]
        self._levels = levels
        self._smooth = [Chebyshev(a.tocsr(), degree) for a in levels[:-1]]
        self._coarse = np.linalg.pinv(levels[-1].toarray(), hermitian=True)

    def __call__(self, right: Array) -> Array:
        """Approximate solution for every column of `right`, shape (dofs, b)."""
        return self._cycle(0, right)

    def _cycle(self, level: int, right: Array) -> Array:
        if level == len(self._smooth):
            return np.asarray(self._coarse @ right)
        matrix, smooth = self._levels[level], self._smooth[level]
        x = smooth(right)
        x += self._up[level] @ self._cycle(level + 1, self._down[level] @ (right - matrix @ x))
        return x + smooth(right - matrix @ x)


class Chebyshev:
    """A polynomial in D^-1 A that damps the upper part of the spectrum; symmetric, without inner products.

    The matrix is one of scipy's, or a `matrix.Matrix` over the ranks of `comm`, of which every rank has its rows.
    """

    def __init__(self, matrix: "csr_array | Matrix", degree: int, share: float = 0.15, comm: Comm = None) -> None:
        self._matrix, self._degree = matrix, degree
        self._weight = 1.0 / matrix.diagonal()[:, None]
        top = 1.05 * _largest(matrix, self._weight, comm)
        self._middle, self._radius = top * (1 + share) / 2, top * (1 - share) / 2
        self._weight /= self._middle

    def __call__(self, right: Array) -> Array:
        sigma = self._middle / self._radius
        rho = 1 / sigma
        step = self._weight * right
        x = step if self._degree == 1 else step.copy()
        for _ in range(self._degree - 1):
            new = 1 / (2 * sigma - rho)
            step = new * rho * step + 2 * new * sigma * (self._weight * (right - self._matrix @ x))
            rho = new
            x += step
        return x


def _largest(matrix: "csr_array | Matrix", weight: Array, comm: Comm = None, steps: int = 12) -> float:
    """The largest eigenvalue of D^-1 A, by Lanczos on D^-1/2 A D^-1/2; a little low after few steps."""
    root = np.sqrt(weight[:, 0])
    v = np.random.default_rng(5).standard_normal(len(root))

    def dot(a: Array, b: Array) -> float:
        return float(total(comm, np.array(a @ b)))

    v /= np.sqrt(dot(v, v))
    before, beta = np.zeros_like(v), 0.0
    diagonal, off = [], []
    for _ in range(min(steps, int(total(comm, np.array(len(root)))))):
        w = root * (matrix @ (root * v)) - beta * before
        diagonal.append(dot(v, w))
        w -= diagonal[-1] * v
        beta = float(np.sqrt(dot(w, w)))
        off.append(beta)
        if beta < 1e-12:
            break
        before, v = v, w / beta
    tridiagonal = np.diag(diagonal) + np.diag(off[: len(diagonal) - 1], 1) + np.diag(off[: len(diagonal) - 1], -1)
    return float(np.linalg.eigvalsh(tridiagonal)[-1]) + min(beta, 0.1 * abs(diagonal[0]))
