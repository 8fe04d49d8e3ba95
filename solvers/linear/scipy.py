"""The embedded backend: a direct factorisation when small, conjugate gradients with algebraic multigrid when large."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from .contract import Array, Options

if TYPE_CHECKING:
    from scipy.sparse import csr_array

DIRECT_LIMIT = 4_000  # unknowns up to which a factorisation beats multigrid

Solve = Callable[[Array], tuple[Array, int]]


def prepare(matrix: "csr_array", options: Options) -> tuple[Solve, str]:
    """The solver of one matrix, and its name."""
    if matrix.shape[0] <= DIRECT_LIMIT:
        from scipy.sparse.linalg import splu

        factors = splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
        return lambda right: (factors.solve(right), 1), "scipy: factorisation"
    from ..eigen.multigrid import Multigrid

    inverse = Multigrid(matrix, matrix if options.low_order is None else options.low_order())
    return (
        lambda right: conjugate_gradients(matrix, inverse, right, options.tolerance, options.iterations),
        "scipy: conjugate gradients, multigrid",
    )


def conjugate_gradients(
    matrix: "csr_array", inverse: Callable[[Array], Array], right: Array, tolerance: float, iterations: int
) -> tuple[Array, int]:
    """All columns at once, each with its own step lengths: M. Hestenes and E. Stiefel, J. Res. NBS 49, 409 (1952)."""
    tiny = np.finfo(float).tiny
    x, r = np.zeros_like(right), right.copy()
    goal = 0.5 * tolerance * np.linalg.norm(right, axis=0)  # the recurrence drifts from the true residual
    z = inverse(r)
    direction, old = z, np.einsum("di,di->i", r, z)
    for step in range(iterations):
        if np.all(np.linalg.norm(r, axis=0) <= goal):
            return x, step
        image = matrix @ direction
        length = old / np.maximum(np.einsum("di,di->i", direction, image), tiny)
        x = x + length * direction
        r -= length * image
        z = inverse(r)
        new = np.einsum("di,di->i", r, z)
        direction = z + direction * (new / np.maximum(old, tiny))
        old = new
    return x, iterations
