"""Block Davidson with guard vectors and thick restart, for ``A x = E M x`` given as actions on blocks.

The matrices are never seen: `apply`, `mass` and `precondition` act on blocks of shape ``(dofs, b)``.
Blocks are kept in Fortran order, so that an operator that prefers rows gets ``X.T`` for nothing.
References: E. R. Davidson, J. Comput. Phys. 17, 87 (1975); A. Stathopoulos and Y. Saad, ETNA 7, 163 (1998).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dgemm

from ..parallel import Comm, from_first, total

Array = NDArray[np.float64]
Action = Callable[[Array], Array]

ROWS = 100_000  # of a basis that are combined at a time, in place
ITERATIONS = 200  # at most
ROUNDING = 1e-12  # share of its norm that is left of a column that lies in the basis
PASSES = 3  # of Gram and Schmidt, at most
KEPT = 0.5  # share of every column's norm: a pass that leaves more has left nothing of the basis in it
INDEPENDENT = 1e-5  # a block whose overlap is better conditioned than this is orthonormal after one pass


@dataclass(frozen=True, slots=True)
class Ritz:
    """What the iteration stands at: converged or not, the caller judges."""

    values: Array  # (block,) ascending
    vectors: Array  # (dofs, block), M-orthonormal
    residuals: Array  # (block,) |A x - E M x| in the dual norm over |E - floor|
    iterations: int
    applications: int  # of A, vectors counted one by one


def davidson(
    apply: Action,
    precondition: Callable[[Array, Array], Array],
    start: Array,
    count: int,
    *,
    mass: Action | None = None,
    dual_norm: Callable[[Array], Array] | None = None,
    floor: float = 0.0,
    tolerance: float | Array = 1e-7,
    iterations: int = ITERATIONS,
    restart: int = 4,
    enough: Callable[[Sequence[Array]], bool] | None = None,
    comm: Comm = None,
) -> Ritz:
    """Iterate until the lowest `count` pairs have residuals below `tolerance`, or `iterations` are used up.

    A tolerance for each of the `count` lets the last, say, be told only roughly.

    Parameters
    ----------
    apply, mass
        Actions of A (symmetric) and M (positive definite; None: the identity) on a block.
    precondition
        ``(R, theta) -> T``: an approximate inverse of ``A - theta M`` on each column of R.
    start
        (dofs, block) with block >= count; the columns beyond `count` are guard vectors: they are improved with
        the rest and keep the last wanted level from converging to a higher one.
    dual_norm
        Norm of residual columns, M^-1 or an upper bound of it; None: the Euclidean norm (M = identity).
    floor
        A lower bound of the spectrum; residuals are relative to ``|E - floor|``.
    restart
        The basis is compressed when it holds more than ``restart`` blocks.
    enough
        Says of the values of all iterations so far, each (block,), whether to end there, converged or not.
    comm
        The ranks over which the rows of all blocks are distributed; `dual_norm` sums over them itself. Small dense
        problems are the first rank's: others, of another kind, might turn degenerate vectors differently.
    """
    norm = dual_norm or (lambda block: _norms(comm, block))
    block = min(start.shape[1], int(total(comm, np.array(start.shape[0]))))
    allowed = np.full(block, np.max(tolerance))  # guard vectors need no more than the roughest of the wanted
    allowed[:count] = tolerance
    basis = _Basis(apply, mass, start.shape[0], (restart + 1) * block, comm)
    basis.extend(np.array(start, order="F"))
    previous: Array | None = None
    history: list[Array] = []
    for iteration in range(1, iterations + 1):
        values, rotation = from_first(comm, np.linalg.eigh(basis.projected))  # the signs are the library's choice
        values, rotation = values[:block], rotation[:, :block]
        residual = basis.residual(values, rotation)
        scale = np.maximum(np.abs(values - floor), np.finfo(float).tiny)
        errors = norm(residual) / scale
        history.append(values)
        if np.all(errors[:count] <= tolerance) or iteration == iterations or (enough is not None and enough(history)):
            break
        active = errors > allowed[: len(errors)]  # a start may have dependent columns
        residual = residual[:, active]
        correction = np.asfortranarray(precondition(residual, values[active]))
        del residual  # blocks are large: none is kept longer than it is used
        if basis.size + correction.shape[1] > restart * block:
            basis.compress(from_first(comm, _thick(rotation, previous)))
            previous = None
        else:
            previous = rotation
        if not basis.extend(correction):
            # an exact inverse of A - theta M turns residuals into the vectors that they belong to, which are there
            turned = basis.vectors(np.eye(basis.size, block) if previous is None else rotation)
            if not basis.extend(np.asfortranarray(precondition(turned, values))):
                break  # nothing is left to gain in this precision
        del correction
        if previous is not None:
            grown = basis.size - previous.shape[0]
            previous = np.vstack([previous, np.zeros((grown, previous.shape[1]))])
    return Ritz(values, basis.vectors(rotation), errors, iteration, basis.applications)


def _combined(block: Array, coefficients: Array) -> Array:
    """The product, in Fortran order as the block."""
    result = np.empty((len(block), coefficients.shape[1]), order="F")
    _add(result, block, coefficients, keep=0.0)
    return result


def _add(to: Array, block: Array, coefficients: Array, *, times: float = 1.0, keep: float = 1.0) -> None:
    """``to = keep to + times block @ coefficients`` in place, all of it in one pass; in Fortran order."""
    if to.size:
        done = dgemm(times, block, coefficients, keep, to, overwrite_c=True)
        assert np.shares_memory(done, to)


def _norms(comm: Comm, block: Array) -> Array:
    """Euclidean norms of the columns."""
    return np.sqrt(total(comm, np.einsum("di,di->i", block, block)))


def _thick(rotation: Array, previous: Array | None) -> Array:
    """Coordinates that survive a restart: the Ritz vectors and the directions in which they last moved."""
    if previous is None:
        return rotation
    both, _ = np.linalg.qr(np.hstack([rotation, previous]))
    return np.asarray(both)


class _Basis:
    """An M-orthonormal basis V with A V, M V and V' A V, grown block by block."""

    def __init__(self, apply: Action, mass: Action | None, dofs: int, capacity: int, comm: Comm) -> None:
        self._apply, self._mass, self._comm = apply, mass, comm
        self._v = np.empty((dofs, capacity), order="F")
        self._av = np.empty((dofs, capacity), order="F")
        self._mv = self._v if mass is None else np.empty((dofs, capacity), order="F")
        self.projected: Array = np.empty((0, 0))
        self.size = 0
        self.applications = 0

    def extend(self, block: Array) -> int:
        """Orthonormalise `block`, in place, against the basis and append what is left; returns how many columns."""
        known, images = self._v[:, : self.size], self._mv[:, : self.size]
        size = left = _norms(self._comm, block)
        for _ in range(PASSES if self.size else 0):  # what they leave of the basis would grow from block to block
            before = left
            _add(block, known, self._dot(images, block), times=-1.0)
            left = _norms(self._comm, block)
            if np.all(left > KEPT * before):
                break
        there = left <= ROUNDING * size
        if np.all(there):
            return 0
        if np.any(there):
            block = np.asfortranarray(block[:, ~there])
        for attempt in range(2):
            image = block if self._mass is None else self._mass(block)
            overlap = self._dot(block, image)
            size = np.sqrt(overlap.diagonal())
            values, axes = from_first(self._comm, np.linalg.eigh(overlap / np.outer(size, size)))
            keep = values > 1e-14 * values[-1]
            turn = axes[:, keep] / np.outer(size, np.sqrt(values[keep]))
            if attempt == 1 or np.all(values > INDEPENDENT * values[-1]):
                break
            block = _combined(block, turn)
            _add(block, known, self._dot(images, block), times=-1.0)
        columns = turn.shape[1]
        new = slice(self.size, self.size + columns)
        if columns == 0 or new.stop > self._v.shape[1]:
            return 0
        _add(self._v[:, new], block, turn, keep=0.0)
        if self._mass is not None:
            _add(self._mv[:, new], image, turn, keep=0.0)
        del block, image
        self._av[:, new] = self._apply(self._v[:, new])
        cross = self._dot(self._v[:, : new.stop], self._av[:, new])
        grown = np.empty((new.stop, new.stop))
        grown[: self.size, : self.size] = self.projected
        grown[:, new] = cross
        grown[new, :] = cross.T
        corner = cross[new]
        grown[new, new] = (corner + corner.T) / 2
        self.projected, self.size = grown, new.stop
        self.applications += columns
        return columns

    def _dot(self, left: Array, right: Array) -> Array:
        return total(self._comm, left.T @ right)

    def residual(self, values: Array, rotation: Array) -> Array:
        """A x - E M x for the combinations x of the basis with these coordinates."""
        residual = _combined(self._av[:, : self.size], rotation)
        _add(residual, self._mv[:, : self.size], rotation * values, times=-1.0)
        return residual

    def vectors(self, rotation: Array) -> Array:
        """The combinations themselves."""
        return _combined(self._v[:, : self.size], rotation)

    def compress(self, rotation: Array) -> None:
        kept = rotation.shape[1]
        for array in (self._v, self._av) if self._mass is None else (self._v, self._av, self._mv):
            for first in range(0, len(array), ROWS):
                rows = array[first : first + ROWS, : self.size]
                rows[:, :kept] = _combined(rows, rotation)
        projected = rotation.T @ self.projected @ rotation
        self.projected, self.size = (projected + projected.T) / 2, kept
