"""The embedded backend: block Davidson with algebraic multigrid; shift-invert by a direct factorisation when small."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .contract import Options
from .davidson import davidson

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Array = NDArray[np.float64]

DIRECT_LIMIT = 4_000  # unknowns up to which a factorisation beats multigrid
GUARDS = 3


def solve(stiffness: "csr_array", mass: "csr_array", count: int, options: Options) -> tuple[Array, Array, int, str]:
    """Values, M-orthonormal vectors, iterations and the name of the method."""
    size = stiffness.shape[0]
    if size <= max(200, 5 * count):
        from scipy.linalg import eigh

        values, vectors = eigh(stiffness.toarray(), mass.toarray(), subset_by_index=[0, count - 1])
        return values, vectors, 1, "scipy: dense"
    block = min(count + GUARDS, size)
    shifted = stiffness - options.floor * mass if options.floor else stiffness
    if size <= (DIRECT_LIMIT if options.direct is None else options.direct):
        from scipy.sparse.linalg import splu

        inverse = splu(shifted.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve
        method = "scipy: Davidson, shift-invert"
    else:
        from .multigrid import Multigrid

        coarse = shifted if options.low_order is None else options.low_order()
        inverse = Multigrid(shifted, coarse)
        method = "scipy: Davidson, multigrid"
    start = np.random.default_rng(20).standard_normal((size, block))
    start = inverse(mass @ inverse(mass @ start))
    scale = 1.0 / np.sqrt(mass.diagonal() * _least(mass))[:, None]
    ritz = davidson(
        lambda x: stiffness @ np.ascontiguousarray(x),
        lambda r, _: inverse(np.ascontiguousarray(r)),
        start,
        count,
        mass=lambda x: mass @ np.ascontiguousarray(x),
        dual_norm=lambda r: np.linalg.norm(scale * r, axis=0),
        floor=options.floor,
        tolerance=options.tolerance,
        iterations=options.iterations,
    )
    return ritz.values[:count], ritz.vectors[:, :count], ritz.iterations, method


def _least(mass: "csr_array") -> float:
    """A little less than the smallest eigenvalue of M relative to its diagonal, by Lanczos."""
    from scipy.sparse import dia_array
    from scipy.sparse.linalg import eigsh

    root = dia_array((1 / np.sqrt(mass.diagonal())[None], [0]), shape=mass.shape)
    scaled = (root @ mass @ root).tocsr()
    start = np.random.default_rng(3).standard_normal(mass.shape[0])
    values = eigsh(scaled, k=1, which="SA", v0=start, ncv=30, maxiter=1000, tol=0.05, return_eigenvectors=False)
    return 0.9 * float(values[0])
