"""The operator on nested boxes over many ranks, for block Davidson or, as a shell matrix, for SLEPc's eigensolvers.

Functions are given by their coefficients in the 1-D eigenbases (`solvers.separable`), an array (nx, ny, nz) of which
every rank has a slab of the first index: what the separable preconditioner divides is its own. Along y and z a rank
contracts alone. Along x it multiplies what it has by its columns of the x matrices, and the parts are summed where
their rows belong: for each box and application a rank sends as many numbers as a box has nodes, each of which has taken
4 nx multiplications, shared by the ranks. A hundred ranks would still wait less than they compute.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import petsc
from ..eigen.davidson import ITERATIONS, Ritz, davidson
from ..eigen.petsc import _slepc
from ..parallel import Comm, rank, size, summed_on, total

Array = NDArray[np.float64]


class Slabs:
    """``A u`` for this rank's slab.

    Parameters
    ----------
    whole
        Of the whole domain: along each axis a matrix, (n, n).
    inner
        For each box, and a potential that is not constant in them: for each axis a change of basis, (m, n), and what is
        diagonal there, (mx, my, mz).
    separable
        (nx, ny, nz) what the preconditioner has for A.
    """

    def __init__(
        self,
        whole: Sequence[Array],
        inner: Sequence[tuple[Sequence[Array], Array]],
        separable: Array,
        comm: Comm,
    ) -> None:
        self.comm, self.shape = comm, separable.shape
        self._cuts = _cuts(self.shape[0], comm)
        me = rank(comm)
        mine = slice(self._cuts[me], self._cuts[me + 1])
        self.separable = np.ascontiguousarray(separable[mine])
        kx, *self._across = whole
        self._along = kx[:, mine]
        self._inner = []
        for (x, y, z), local in inner:
            cuts = _cuts(len(x), comm)
            here = slice(cuts[me], cuts[me + 1])
            back = np.ascontiguousarray(x[here].T)
            self._inner.append(((x[:, mine], y, z), cuts, np.ascontiguousarray(local[here]), back))

    @property
    def rows(self) -> slice:
        """Which of all coefficients, in one row, are this rank's."""
        across = self.shape[1] * self.shape[2]
        first = int(self._cuts[rank(self.comm)]) * across
        return slice(first, first + self.separable.size)

    def apply(self, block: Array) -> Array:
        """(rows, b) from (rows, b); all ranks call this."""
        u = np.ascontiguousarray(block.T).reshape(block.shape[1], *self.separable.shape)
        ky, kz = self._across
        result: Array = ky @ u + u @ kz
        result += self._mixed(self._along, u, self._cuts)
        for (x, y, z), cuts, local, back in self._inner:
            inside = self._mixed(x, y @ (u @ z.T), cuts)
            inside *= local
            result += y.T @ (self._mixed(back, inside, self._cuts) @ z)
        return result.reshape(len(u), self.separable.size).T

    def _mixed(self, matrix: Array, u: Array, cuts: NDArray[np.int64]) -> Array:
        """This rank's rows, by `cuts`, of the product along x; each rank has the columns for its own part of u."""
        across = u.shape[2:]
        flat, mine = u.reshape(len(u), u.shape[1], across[0] * across[1]), u
        for owner in range(size(self.comm)):
            part = summed_on(self.comm, owner, matrix[cuts[owner] : cuts[owner + 1]] @ flat)
            mine = part if owner == rank(self.comm) else mine
        return mine.reshape(len(u), mine.shape[1], *across)

    def gathered(self, block: Array) -> Array:
        """(unknowns, b) of all ranks, from (rows, b)."""
        return block if size(self.comm) == 1 else np.concatenate(self.comm.allgather(np.ascontiguousarray(block)))


def _cuts(count: int, comm: Comm) -> NDArray[np.int64]:
    return np.linspace(0, count, size(comm) + 1).round().astype(np.int64)


def search(
    slabs: Slabs,
    precondition: Callable[[Array, Array], Array],
    start: Array,
    tolerance: Array,
    *,
    floor: float,
    restart: int,
    iterations: int = ITERATIONS,
) -> tuple[Ritz, str]:
    """As many of the lowest pairs of A as there are tolerances; vectors of all ranks' rows, and the method's name.

    By block Davidson. Where the expert's options name one of SLEPc's solvers, that one comes first, for the states with
    the least tolerance; Davidson goes on from them and from `start`, for the others and for what SLEPc has lost.
    Energies and residuals are those of the vectors, taken anew from the operator.

    Parameters
    ----------
    precondition
        ``(R, theta) -> T`` on this rank's rows.
    start
        (rows, block) of this rank.
    """
    comm, method, steps = slabs.comm, "Davidson", 0
    kind = petsc.load().Options(petsc.PREFIX).getString("eps_type", "") if petsc.available() else ""
    if kind:
        sharp = float(tolerance.min())
        found, steps = _by_slepc(slabs, kind, start, int(np.sum(tolerance == sharp)), sharp, floor, iterations)
        start, method = np.hstack([found, start]), f"SLEPc {kind}"
    ritz = davidson(
        slabs.apply,
        precondition,
        start,
        len(tolerance),
        floor=floor,
        restart=restart,
        tolerance=tolerance,
        iterations=iterations,
        comm=comm,
    )
    image = slabs.apply(ritz.vectors)
    values = total(comm, np.einsum("di,di->i", ritz.vectors, image))
    norms = total(comm, np.square(image - ritz.vectors * values).sum(axis=0))
    residuals = np.sqrt(norms) / np.maximum(np.abs(values - floor), np.finfo(float).tiny)
    method += f", {size(comm)} ranks" if size(comm) > 1 else ""
    return Ritz(values, slabs.gathered(ritz.vectors), residuals, steps + ritz.iterations, ritz.applications), method


def _by_slepc(
    slabs: Slabs, kind: str, start: Array, count: int, tolerance: float, floor: float, iterations: int
) -> tuple[Array, int]:
    """Vectors (rows, count) and iterations of one of SLEPc's eigensolvers, on a shell matrix."""
    shell = _Shell(slabs, floor)
    try:
        _, vectors, steps, _ = _slepc(shell, None, count, kind, tolerance, 100 * iterations, shell.inverse, start)
    finally:
        shell.mat.destroy()
    petsc.forget(slabs.comm)
    return vectors, steps


class _Shell:
    """``A - floor`` as a PETSc matrix that is never formed, and its separable inverse as a preconditioner."""

    def __init__(self, slabs: Slabs, floor: float) -> None:
        PETSc = petsc.load()
        self._slabs, self._floor = slabs, floor
        self.rows, unknowns = slabs.separable.size, int(np.prod(slabs.shape))
        self.shape = (unknowns, unknowns)
        self.mat = PETSc.Mat().createPython(((self.rows, unknowns),) * 2, self, comm=petsc.communicator(slabs.comm))
        self.mat.setOption(PETSc.Mat.Option.SYMMETRIC, True)
        self.mat.setUp()
        diagonal = slabs.separable.ravel() - floor
        self.inverse = _Inverse(np.maximum(diagonal, 0.1 * float(np.median(diagonal)) if len(diagonal) else 0.0))

    def mult(self, _: Any, x: Any, y: Any) -> None:
        u = x.getArray(readonly=True)[:, None]
        y.setArray((self._slabs.apply(u) - self._floor * u)[:, 0])


class _Inverse:
    """Division by the separable operator."""

    def __init__(self, diagonal: Array) -> None:
        self._diagonal = diagonal

    def apply(self, _: Any, x: Any, y: Any) -> None:
        y.setArray(x.getArray(readonly=True) / self._diagonal)
