"""What every eigensolver promises, and the checks that hold it to that."""

from collections.abc import Callable
from dataclasses import dataclass, replace
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
INERTIA_LIMIT = 12_000  # unknowns up to which an indefinite factorisation is affordable as a check
ORTHONORMALITY = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Eigenpairs:
    """The lowest eigenpairs, checked."""

    values: Array  # (count,) ascending
    vectors: Array  # (dofs, count), M-orthonormal columns
    residuals: Array  # (count,) |K x - E M x| in the M^-1 norm, or an upper bound, over |E - floor|
    iterations: int
    method: str  # which backend and algorithm ran
    labels: tuple[str, ...] = ()  # parity of each state along x, y, z ("e" even, "o" odd), where solved by parity
    counted: bool = False  # a count of eigenvalues below proved that none is missing

    def first(self, count: int) -> "Eigenpairs":
        """The lowest of these."""
        return replace(
            self,
            values=self.values[:count],
            vectors=self.vectors[:, :count],
            residuals=self.residuals[:count],
            labels=self.labels[:count],
        )


@dataclass(frozen=True, slots=True)
class Options:
    """What `lowest` hands to a backend."""

    floor: float
    tolerance: float
    iterations: int
    low_order: "Callable[[], csr_array] | None"  # a sparser matrix, spectrally equivalent to K - floor M, for multigrid
    direct: int | None = None  # unknowns up to which to factorise, where the caller knows better than the backend


def lowest(
    stiffness: "csr_array",
    mass: "csr_array",
    count: int,
    *,
    floor: float = 0.0,
    tolerance: float = 1e-7,
    iterations: int = 200,
    backend: str = "auto",
    low_order: "Callable[[], csr_array] | None" = None,
    direct: int | None = None,
) -> Eigenpairs:
    """The `count` lowest eigenpairs of ``K x = E M x``.

    Parameters
    ----------
    stiffness, mass
        K and M, shape (dofs, dofs), symmetric; K - floor M and M positive definite.
    count
        How many, lowest first; the members of a degenerate level are counted one by one.
    floor
        A lower bound of the spectrum; residuals are relative to ``|E - floor|``.
    backend
        "auto" or one of `BACKENDS`.
    low_order
        Makes a sparser matrix of the same unknowns, spectrally equivalent to K - floor M: multigrid is set up on it.
    direct
        Unknowns up to which the scipy backend factorises, where the caller knows better.

    Raises
    ------
    ValueError
        `count` is less than 1.
    NotConverged
        Fewer pairs than asked for reached `tolerance`, or a count of the eigenvalues below the highest one shows that
        one is missing; the pairs that did are in ``found``.
    BackendMissing
        The backend is not installed.
    """
    size = stiffness.shape[0]
    if count < 1:
        raise ValueError(f"at least one eigenpair must be asked for, not {count}")
    if count > size:
        raise NotConverged(f"{count} eigenpairs were asked of a problem with {size} unknowns; refine the mesh")
    solve = _backend(backend)
    options = Options(floor, tolerance, iterations, low_order, direct)
    values, vectors, steps, method = solve(stiffness, mass, count, options)
    pairs = checked(stiffness, mass, values, vectors, floor=floor, steps=steps, method=method)
    accept(pairs, tolerance, iterations)
    counter, limit = _counter(backend)
    if size > limit:
        return pairs
    return _counted(stiffness, mass, pairs, floor, counter)


def accept(pairs: Eigenpairs, tolerance: float, iterations: int) -> None:
    """Refuse what misses the tolerance."""
    good = pairs.residuals <= tolerance
    if np.all(good):
        return
    found = replace(pairs, values=pairs.values[good], vectors=pairs.vectors[:, good], residuals=pairs.residuals[good])
    raise NotConverged(
        f"{good.sum()} of {len(good)} eigenpairs reached the tolerance {tolerance:.0e} after {pairs.iterations} "
        f"iterations (worst residual {pairs.residuals.max():.1e}); raise the iterations (now {iterations}) or loosen "
        "the tolerance",
        found=found,
    )


def _backend(name: str):  # type: ignore[no-untyped-def]
    if name in ("auto", "scipy"):
        from .scipy import solve

        return solve
    if name == "petsc":
        from ..petsc import load
        from .petsc import solve

        load()
        return solve
    raise BackendMissing(f"there is no eigensolver backend {name!r}; there are: auto, {', '.join(BACKENDS)}")


def _counter(name: str):  # type: ignore[no-untyped-def]
    """How a backend counts the eigenvalues below, and up to how many unknowns it can afford to."""
    if name == "petsc":
        from .petsc import INERTIA_LIMIT as limit
        from .petsc import count_below as counter

        return counter, limit
    return count_below, INERTIA_LIMIT


def checked(
    stiffness: "csr_array | Matrix",
    mass: "csr_array | Matrix",
    values: Array,
    vectors: Array,
    *,
    floor: float,
    steps: int,
    method: str,
    comm: Comm = None,
) -> Eigenpairs:
    """Recompute what a backend claims: M-orthonormal vectors, Rayleigh quotients and residuals.

    With a communicator the matrices are distributed, and every rank has its rows of the vectors.
    """
    image = mass @ vectors
    overlap = total(comm, vectors.T @ image)
    if np.abs(overlap - np.eye(len(values))).max() > ORTHONORMALITY:
        try:
            triangle = np.linalg.cholesky((overlap + overlap.T) / 2)
        except np.linalg.LinAlgError:
            raise NotConverged(
                f"{method} was asked for {len(values)} independent eigenvectors, but some of those it found depend on "
                "the others; ask for more states or change the backend"
            ) from None
        vectors = np.asarray(np.linalg.solve(triangle, vectors.T).T, dtype=float)
        image = mass @ vectors
    residual = stiffness @ vectors
    values = total(comm, np.einsum("di,di->i", vectors, residual))
    residual -= image * values
    scale = np.maximum(np.abs(values - floor), np.finfo(float).tiny)
    residuals = dual_norm(mass, residual, comm=comm) / scale
    order = np.argsort(values, kind="stable")
    return Eigenpairs(values[order], vectors[:, order], residuals[order], steps, method)


def dual_norm(
    mass: "csr_array | Matrix", residual: Array, *, steps: int = 60, accuracy: float = 0.01, comm: Comm = None
) -> Array:
    """(count,) the M^-1 norms of the columns of `residual`, by conjugate gradients to a relative `accuracy`.

    Conjugate gradients bound the norm from below, and the part that is still missing is bounded by the diagonal
    residual; the sum of both is returned.
    """
    weight = 1.0 / mass.diagonal()[:, None]
    r = residual.copy()
    z = weight * r
    direction = z.copy()
    old = total(comm, np.einsum("di,di->i", r, z))
    tiny = np.finfo(float).tiny
    found = np.zeros_like(old)
    for _ in range(steps):
        image = mass @ direction
        step = old / np.maximum(total(comm, np.einsum("di,di->i", direction, image)), tiny)
        found += step * old
        r -= step * image
        z = weight * r
        new = total(comm, np.einsum("di,di->i", r, z))
        if np.all(new <= (accuracy * np.sqrt(found)) ** 2):
            old = new
            break
        direction = z + direction * (new / np.maximum(old, tiny))
        old = new
    return np.sqrt(found) + np.sqrt(old)


def _counted(stiffness: "csr_array", mass: "csr_array", pairs: Eigenpairs, floor: float, counter) -> Eigenpairs:  # type: ignore[no-untyped-def]
    """Prove by Sylvester's law that no eigenvalue below the highest one found is missing."""
    top = pairs.values[-1]
    # just below the highest level, so that the copies of it beyond `count` do not matter
    width = max(1e-6, 10 * float(pairs.residuals.max())) * max(abs(top - floor), np.finfo(float).tiny)
    below = int(np.sum(pairs.values < top - width))
    counted = counter(stiffness, mass, top - width, 0.01 * width)
    if counted is None:
        return pairs
    if counted != below:
        raise NotConverged(
            f"{counted} eigenvalues lie below {top - width:.9g}, but only {below} were found: a state is missing; "
            "ask for more states or change the backend",
            found=pairs,
        )
    return replace(pairs, counted=True)


def count_below(stiffness: "csr_array", mass: "csr_array", shift: float, doubt: float) -> int | None:
    """How many eigenvalues of ``K x = E M x`` lie below `shift`, by Sylvester's law of inertia.

    ``K - shift M`` is factorised without leaving the diagonal, ``P A P' = L D L'``; the negative entries of D are
    counted. None if the factorisation had to leave the diagonal, or lost its digits: then it proves nothing. It lost
    them if it solves a system worse than that of a shift moved by `doubt`; no eigenvalue may lie so near to `shift`.
    """
    from scipy.sparse.linalg import splu

    shifted = (stiffness - shift * mass).tocsc()
    try:
        factors = splu(
            shifted, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True, "Equil": False}
        )
    except RuntimeError:
        return None
    if not np.array_equal(factors.perm_r, factors.perm_c):
        return None
    scale = 1.0 / np.sqrt(mass.diagonal())
    probe = np.random.default_rng(7).standard_normal(shifted.shape[0]) / scale
    x = factors.solve(probe)
    if not np.linalg.norm(scale * (shifted @ x - probe)) <= doubt * np.linalg.norm(scale * (mass @ x)):
        return None
    return int(np.sum(factors.U.diagonal() < 0))
