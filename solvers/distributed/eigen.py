"""The lowest eigenpairs on a distributed space: matrices, p-multigrid, a start from degree 1, and the checks."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .. import petsc
from ..eigen.contract import Eigenpairs, accept, checked
from ..eigen.cycles import Algebraic, Cycle
from ..eigen.petsc import INERTIA_LIMIT, block_size, iterate, negative
from ..element import Array
from ..errors import NotConverged
from ..matrix import Matrix
from . import assembly

if TYPE_CHECKING:
    from .space import DistributedSpace

ROUGH = 1e-2  # tolerance of the start: more of it does not survive the change of degree


def lowest(
    space: "DistributedSpace",
    diffusion: Array,
    potential: Array,
    count: int,
    *,
    tolerance: float,
    iterations: int,
    start: Array | None,
) -> Eigenpairs:
    """As `DistributedSpace.lowest`."""
    if count < 1:
        raise ValueError(f"at least one eigenpair must be asked for, not {count}")
    if count > space.size:
        raise NotConverged(f"{count} eigenpairs were asked of a problem with {space.size} unknowns; refine the mesh")
    floor = float(potential.min())
    with petsc.stage("assemble"):
        k, m = matrices(space, diffusion, potential - floor)
    coarse: _Coarse | None = None

    def prepare() -> Cycle:
        nonlocal coarse
        with petsc.stage("set up"):
            coarse = _Coarse(space, diffusion, potential - floor, k)
            return coarse.cycle

    with petsc.stage("solve"):
        values, vectors, steps, method = iterate(
            k,
            m,
            count,
            prepare,
            space.comm,
            least=space.mass_bound,
            tolerance=tolerance,
            iterations=iterations,
            start=(lambda: coarse.states(block_size(count, space.size))) if start is None else (lambda: start),  # type: ignore[union-attr]
        )
        pairs = checked(k, m, values, vectors, floor=0.0, steps=steps, method=method, comm=space.comm)
    accept(pairs, tolerance, iterations)
    pairs = _counted(k, m, pairs)
    return replace(pairs, values=pairs.values + floor)


def matrices(space: "DistributedSpace", diffusion: Array, potential: Array) -> tuple[Matrix, Matrix]:
    """Stiffness and mass, the potential included in the first."""
    return assembly.matrices(space.local, space.numbering, diffusion, potential)


class _Coarse:
    """The problem of degree 1 on the same mesh: the coarse level of the cycle, and where the iteration starts."""

    def __init__(self, space: "DistributedSpace", diffusion: Array, potential: Array, k: Matrix) -> None:
        self._space, self._fine = space, k
        low = replace(space, degree=1)
        if space.degree == 1 or low.size == 0:
            self.cycle = Cycle(k, Algebraic(k), space.comm)
            self._low = None
            return
        self._k, self._m = matrices(low, diffusion, potential)
        self._low, self._inverse = low, Algebraic(self._k)
        self._up = assembly.prolongation(space.local, space.numbering, low.local, low.numbering)
        self.cycle = Cycle(k, self._inverse, space.comm, self._up)

    def states(self, count: int) -> Array | None:
        """This rank's rows of the lowest functions of degree 1, roughly; None where there are too few."""
        from ..eigen.petsc import _davidson

        if self._low is None or self._low.size < 4 * count:
            return None
        low = self._low
        _, vectors, _ = _davidson(
            self._k, self._m, count, self._inverse, low.comm, low.mass_bound, ROUGH, 20, None, count
        )
        del self._m  # served its turn
        return self._up @ vectors


def _counted(k: Matrix, m: Matrix, pairs: Eigenpairs) -> Eigenpairs:
    """Prove by Sylvester's law that no state below the highest one found is missing, where that is affordable."""
    if k.shape[0] > INERTIA_LIMIT or not petsc.has("mumps"):
        return pairs
    width = max(1e-6, 10 * float(pairs.residuals.max())) * float(pairs.values[-1])
    top = float(pairs.values[-1]) - width
    below, counted = int(np.sum(pairs.values < top)), negative(k, m, top)
    if counted != below:
        raise NotConverged(
            f"{counted} eigenvalues lie below {top:.9g}, but only {below} were found: a state is missing; ask for more "
            "states",
            found=pairs,
        )
    return replace(pairs, counted=True)
