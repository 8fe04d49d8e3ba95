"""Solutions of ``A x = b``, A symmetric positive definite: the contract.

A backend is a function ``(A, options) -> solve``: the set-up, reused for every right-hand side. `Solver` chooses one,
recomputes every residual itself and refuses what misses the tolerance. Nothing here knows physics or units.
"""

from .contract import BACKENDS, Solution, Solver, solve

__all__ = ["BACKENDS", "Solution", "Solver", "solve"]
