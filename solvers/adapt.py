"""Accuracy on demand on meshes: degree and size, until every eigenvalue holds its tolerance.

The error has two sources: the degree, measured by what the next one changes on the same mesh, and the geometry, whose
facets of order 6 leave an error of order h^8 in volumes and eigenvalues, measured by the volumes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from meshes.mesh import Mesh
from meshes.mirror import Folded
from meshes.partition import Part
from meshes.refine import bisected

from .distributed import DistributedSpace
from .eigen import Eigenpairs
from .errors import OutOfReach
from .functions import FunctionSpace
from .mirrored import mirrored
from .parallel import Comm
from .pointwise import Potential
from .space import Space

Array = NDArray[np.float64]
Cells = Mesh | Folded | Part  # a mesh, or one side of its mirror planes; over several ranks, this rank's part of it
MeshSpace = Space | DistributedSpace

GAIN = 0.5  # what is left, at most, of the drop of an energy from one degree to the next where all surfaces are smooth
SHARP = 2.0  # where there may be edges, at which states are singular: the error falls with the degree at least so fast
GEOMETRY = 8  # order in h of the eigenvalues' error on facets of order 6
SAFETY = 2.0
EVEN = 0.1  # what is left, at most, of a drop by degree once the next degree adds nothing by symmetry
LOWEST, HIGHEST = 2, 7  # degrees that are tried on one mesh
RESUMED = (
    4  # the degree from which on cells are cut instead, where the last drop was more than `SLOW` of the one before
)
SLOW, SHARE = 0.35, 0.8  # those cells are cut that have this share of the roughness
FINER = 0.6  # where cells cannot be cut, all are made so much smaller
LIMIT = 400_000  # unknowns


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """One operator ``-div(a grad u) + (V + W) u`` whose lowest states are wanted."""

    diffusion: Array  # (regions, 3): a along x, y, z, > 0
    potential: Array  # (regions,): V
    count: int
    extra: Potential | None = None  # W(x, y, z), see `BoxSpace.lowest`; on nested boxes only


@dataclass(frozen=True, eq=False)
class Solved:
    """The states of some problems on one space, with error estimates."""

    space: FunctionSpace
    pairs: tuple[Eigenpairs, ...]
    errors: tuple[Array, ...]  # (count,) estimated error of each eigenvalue, per problem
    other_space: FunctionSpace  # a poorer or a richer one, with its states: what differs tells the error of the rest
    beside: Callable[[], tuple[Eigenpairs, ...]]  # makes these states
    steps: int
    told: float = 1.0  # which share of an error that difference is, at least

    @cached_property
    def other(self) -> tuple[Eigenpairs, ...]:
        """The states on the other space."""
        return self.beside()


def space_on(cells: Cells, degree: int, comm: Comm = None) -> MeshSpace:
    """The space on a mesh, by parity on a folded one, or over all ranks of `comm` on their parts of one."""
    if isinstance(cells, Folded):
        return mirrored(cells, degree)
    if isinstance(cells, Part):
        return DistributedSpace(cells, degree, comm)
    return Space(cells, degree)


def fixed(space: MeshSpace, problems: Sequence[Problem], *, backend: str = "auto") -> Solved:
    """Solve on a given space; the error is estimated from other degrees on the same mesh.

    The estimate is the whole drop from the degree below; where that has too few unknowns for the states, twice the drop
    to the degree above. On hexahedra a function that is even or odd about the middle of every cell, as the states of
    few large cells can be, gains nothing from one degree: there a share of the drop before that counts too.
    """
    pairs = _solve(space, problems, backend)
    count = max(problem.count for problem in problems)
    below = [replace(space, degree=d) for d in range(space.degree - 1, max(space.degree - 3, 0), -1)]
    below = [other for other in below if other.size >= count]
    above = [replace(space, degree=space.degree + 1)]
    other = (below or above)[0]
    second = _solve(other, problems, backend)
    errors = [(1.0 if below else SAFETY) * np.abs(p.values - s.values) for p, s in zip(pairs, second)]
    if space.mesh.cell == "hexahedron" and space.degree > 2 and below:
        third = _solve((below[1:] or above)[0], problems, backend)
        drops = (
            EVEN * np.abs(s.values - t.values) if below[1:] else SAFETY * np.abs(p.values - t.values)
            for p, s, t in zip(pairs, second, third)
        )
        errors = [np.maximum(error, drop) for error, drop in zip(errors, drops)]
    return Solved(space, pairs, tuple(errors), other, partial(tuple, second), 1)


def adapt(
    mesh_of: Callable[[float], tuple[Cells, float]],
    size: float,
    problems: Sequence[Problem],
    tolerance: float,
    *,
    smooth: bool = False,
    backend: str = "auto",
    comm: Comm = None,
) -> Solved:
    """Refine a curved mesh until its shape is right, then raise the degree until every error is below `tolerance`.

    Where the degree gains little, at singular edges, or is high already, cells are cut in which the states are rough,
    and degrees tried again.

    Parameters
    ----------
    mesh_of
        Makes the mesh of a given size (with `comm`, this rank's part of it), and says by which share of its volume a
        body of the structure differs from the true one, at most; 0 where the mesh cannot or need not be finer.
    size
        Of the first mesh; infinite where there is no other.
    tolerance
        Of the eigenvalues, absolute, in their unit.
    smooth
        No surface between regions has an edge.

    Raises
    ------
    OutOfReach
        The tolerance would take more than `LIMIT` unknowns; the message says what was reached.
    NotConverged
        An eigensolver failed.
    """
    residual = float(np.clip(1e-2 * np.sqrt(tolerance), 1e-7, 1e-4))  # enters the energy squared
    reached = np.inf

    def solve(degree: int) -> Pair:
        space = space_on(mesh, degree, comm)
        if space.at_once > LIMIT:
            raise OutOfReach(tolerance, reached, LIMIT)
        return space, _solve(space, problems, backend, residual)

    mesh, defect = mesh_of(size)
    low = solve(LOWEST)
    while (shape := max(float(g.max()) for g in _by_shape(problems, low[1], defect))) > 0.4 * tolerance:
        size /= 1.1 * (shape / (0.4 * tolerance)) ** (1 / GEOMETRY)
        mesh, defect = mesh_of(size)
        low = solve(LOWEST)
    degree, steps, slow, before = LOWEST, 0, 0.0, np.inf
    while True:
        degree, steps = degree + 1, steps + 1
        high = solve(degree)
        drops = [np.abs(c.values - f.values) for c, f in zip(low[1], high[1])]
        drop = max(float(d.max()) for d in drops)
        ratio = min(drop / max(before, 1e-300), 0.9)  # 0 on the first step on a mesh
        slow = ratio or slow
        gain = GAIN if smooth else 1 / ((degree / (degree - 1)) ** SHARP - 1)
        gain = max(gain, slow / (1 - slow))  # a geometric series, where that is more
        errors = tuple(gain * d + g for d, g in zip(drops, _by_shape(problems, high[1], defect)))
        worst = max(float(e.max()) for e in errors)
        reached = min(reached, worst)
        if worst <= tolerance:
            return Solved(high[0], high[1], errors, low[0], partial(tuple, low[1]), steps)
        if degree < HIGHEST and not (degree > RESUMED and ratio > SLOW):
            low, before = high, drop
            continue
        finer = _finer(mesh, high, problems)
        if finer is None and np.isfinite(size):
            size *= FINER
            finer, defect = mesh_of(size)
        if finer is None:
            raise OutOfReach(tolerance, reached, LIMIT)
        mesh, degree, before = finer, min(degree, RESUMED) - 1, np.inf
        low = solve(degree)


def _finer(cells: Cells, solved: "Pair", problems: Sequence[Problem]) -> Cells | None:
    """Those cells cut that make up most of the roughness (W. Doerfler, SIAM J. Numer. Anal. 33, 1106 (1996)).

    None for cells that cannot be cut: hexahedra, and parts of meshes over several ranks.
    """
    space, pairs = solved
    if isinstance(cells, Part) or not isinstance(space, Space) or space.mesh.cell != "tetrahedron":
        return None
    rough = np.sum([space.roughness(e.vectors, p.diffusion).sum(axis=1) for p, e in zip(problems, pairs)], axis=0)
    order = np.argsort(-rough)
    share = np.cumsum(rough[order]) / rough.sum()
    marked = np.zeros(len(rough), dtype=bool)
    marked[order[: 1 + int(np.searchsorted(share, SHARE))]] = True
    return cells.bisected(marked) if isinstance(cells, Folded) else bisected(cells, marked)


def _by_shape(problems: Sequence[Problem], pairs: Sequence[Eigenpairs], defect: float) -> list[Array]:
    """What the facets cost: a ball whose volume is short by a share s has levels higher by 2 s / 3 of themselves.

    So it is for any body under a uniform dilation, E ~ L^-2 (J. Hadamard's formula); for interfaces inside it is a
    bound. Twice that is quoted.
    """
    return [SAFETY * 2 / 3 * defect * np.abs(e.values - p.potential.min()) for p, e in zip(problems, pairs)]


Pair = tuple[MeshSpace, tuple[Eigenpairs, ...]]


def _solve(
    space: MeshSpace, problems: Sequence[Problem], backend: str, tolerance: float = 1e-7
) -> tuple[Eigenpairs, ...]:
    if any(problem.extra is not None for problem in problems):
        raise ValueError("on meshes a potential is constant in each region: `extra` is for nested boxes")
    return tuple(
        space.lowest(p.diffusion, p.potential, p.count, tolerance=tolerance, backend=backend) for p in problems
    )
