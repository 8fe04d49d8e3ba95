"""Lowest eigenpairs of ``K x = E M x``, K symmetric, M symmetric positive definite: the contract.

A backend is a function ``(K, M, count, options) -> (values, vectors, iterations, method)``. `lowest` chooses one,
recomputes every residual and the M-orthonormality itself, counts the eigenvalues below where a factorisation is
affordable, and refuses what misses the tolerance, so that all backends keep the same promise. Nothing here knows
physics or units.
"""

from .contract import Eigenpairs, count_below, lowest

__all__ = ["Eigenpairs", "count_below", "lowest"]
