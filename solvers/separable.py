"""The operator on nested boxes, matrix-free, and its separable preconditioner, for one parity along each axis.

With the 1-D stiffness K and mass M of box r alone (index r) and its coefficients relative to those of the box around,

    A = sum_r  da_x K_r x M_r x M_r + da_y M_r x K_r x M_r + da_z M_r x M_r x K_r + dv M_r x M_r x M_r,

a few small dense matrix products per box: in the eigenbasis of its own K_r and M_r each term is diagonal, so that only
the way there and back is left. It is applied in the eigenbasis of the 1-D BenDaniel-Duke operator along
each axis through the core: there the full mass matrix is the identity, the separable preconditioner
1/(lx + ly + lz - theta) is a pointwise division (R. E. Lynch, J. R. Rice, D. H. Thomas, Numer. Math. 6, 185 (1964)),
and the two parities of a symmetric axis fall apart into problems of half the size. Energies are taken from gradients
at Gauss points, where small elements lose no digits to cancellation.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, solve_triangular

from .eigen.davidson import ITERATIONS, Ritz, davidson
from .line import Line
from .parallel import Comm, from_first
from .parity import ANY, EVEN, ODD, Parities, fold
from .pointwise import Pointwise, half_of
from .tensor import BoxSpace, contract

Array = NDArray[np.float64]

BESIDE, BARRIER = 0.3, 0.7  # of the preconditioner, see `Axis`: half the iterations where masses differ tenfold
RESTART = 6  # blocks of the eigensolver's basis


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Levels of one operator on one space, to a relative residual."""

    space: BoxSpace
    axes: "Sequence[Axis]"
    kinds: Sequence[int]  # for each axis, the first axis that it can change places with
    a: Array  # (regions, 3)
    v: Array  # (regions,)
    extra: Pointwise | None
    tolerance: float
    comm: Comm
    shared: bool  # by the ranks of `comm`; otherwise each solves it alone

    @classmethod
    def of(
        cls,
        space: BoxSpace,
        a: Array,
        v: Array,
        extra: Pointwise | None,
        tolerance: float,
        *,
        symmetry: bool,
        comm: Comm = None,
        shared: bool = False,
    ) -> "Problem":
        """The problem with a of shape (regions, 3), by parity where that is wanted and there."""
        axes: list[Axis] = []
        for d, line in enumerate(space.lines):
            same = (
                o for o in range(d) if extra is None and space.lines[o] is line and np.array_equal(a[:, o], a[:, d])
            )
            alike = next((o for o in same if all(box[o] == box[d] for box in space.boxes)), None)
            axes.append(Axis(space, d, a[:, d], v, extra, symmetry) if alike is None else axes[alike])
        if shared:
            axes = from_first(comm, axes)  # one basis for all
        return cls(space, axes, _kinds(axes, extra), a, v, extra, tolerance, comm, shared)

    @property
    def floor(self) -> float:
        """A lower bound of the spectrum."""
        return float(self.v.min()) + (0.0 if self.extra is None else self.extra.lowest)

    @property
    def sectors(self) -> list[Parities]:
        x, y, z = (axis.parities for axis in self.axes)
        return list(product(x, y, z))


class Operator:
    """A and its separable preconditioner in the 1-D eigenbases of one parity per axis."""

    def __init__(self, problem: Problem, parities: Parities) -> None:
        axes = problem.axes
        self.problem, self.parities = problem, parities
        self.bases = [axis.basis[p] for axis, p in zip(axes, parities)]
        lx, ly, lz = (axis.values[p] for axis, p in zip(axes, parities))
        self.separable = lx[:, None, None] + ly[:, None] + lz
        da, dv = _relative(problem.a), _relative(problem.v)
        x, y, z = (a * axis.stiffness[p] for a, axis, p in zip(da[-1], axes, parities))
        self._whole = x + dv[-1] * np.eye(len(x)), y, z
        self._inner: list[tuple[Sequence[Array], Array]] = []
        for r, (a, v) in enumerate(zip(da[:-1], dv)):
            sides = [axis.boxes[p][r] for axis, p in zip(axes, parities)]
            x, y, z = (c * side.stiffness for c, side in zip(a, sides))
            self._inner.append(([side.inside for side in sides], x[:, None, None] + y[:, None] + (z + v)))
        self._shift = 0.0 if problem.extra is None else problem.extra.shift
        if problem.extra is not None:
            self._inner.append(problem.extra.between(self.bases, [p != ANY for p in parities]))

    def apply(self, block: Array) -> Array:
        u = np.ascontiguousarray(block.T).reshape(-1, *self.separable.shape)
        kx, ky, kz = self._whole
        flat = (len(u), u.shape[1], -1)
        total = (kx @ u.reshape(flat)).reshape(u.shape)
        total += ky @ u
        total += u @ kz
        for tables, local in self._inner:
            inside = contract(u, *tables)
            inside *= local
            total += contract(inside, *(table.T for table in tables))
        return total.reshape(len(u), -1).T

    def precondition(self, residual: Array, theta: Array) -> Array:
        return self._divided(self.separable, residual, theta)

    def _divided(self, separable: Array, residual: Array, theta: Array) -> Array:
        gap = separable.ravel() + (self._shift - theta)[:, None]
        least = 0.1 * np.abs(theta - min(self.problem.floor, 0.0)) + 1e-12
        for row, bound in zip(gap, least):
            near = np.flatnonzero(np.abs(row) < bound)
            row[near] = np.copysign(bound, row[near])
        return np.divide(residual.T, gap, out=gap).T

    def carried(self, other: BoxSpace, functions: Array) -> Array:
        """(size, any) coefficients of functions of these parities on another space over the same box, given folded."""
        tables = [axis.from_folded(p, line) for axis, p, line in zip(self.problem.axes, self.parities, other.lines)]
        count, shape = functions.shape[1], [table.shape[1] for table in tables]
        parts = contract(np.ascontiguousarray(functions.T).reshape(count, *shape), *tables)
        return parts.reshape(count, self.separable.size).T

    def look(self, start: Array, enough: Callable[[Sequence[Array]], bool]) -> Ritz:
        """What comes of a start until the energies of all iterations so far are enough; alone, whoever shares."""
        never, floor = np.zeros(start.shape[1]), self.problem.floor
        apply, divide = self.apply, self.precondition
        return davidson(apply, divide, start, len(never), floor=floor, tolerance=never, restart=RESTART, enough=enough)

    def search(self, start: Array, tolerance: Array, iterations: int = ITERATIONS) -> tuple[Ritz, str]:
        """As many states as there are tolerances, and the method: block Davidson, or what the expert asks for."""
        floor = self.problem.floor
        if not self.problem.shared:
            ritz = davidson(
                self.apply,
                self.precondition,
                start,
                len(tolerance),
                floor=floor,
                restart=RESTART,
                tolerance=tolerance,
                iterations=iterations,
            )
            return ritz, "Davidson"
        from .distributed.tensor import Slabs, search

        slabs = Slabs(self._whole, self._inner, self.separable + self._shift, self.problem.comm)
        mine = slabs.separable - self._shift
        divided = partial(self._divided, mine)
        return search(slabs, divided, start[slabs.rows], tolerance, floor=floor, restart=RESTART, iterations=iterations)

    def states(self, ritz: Ritz, count: int) -> tuple[Array, Array]:
        """Energies of the lowest, which have lost no digits, and all that was found, folded, on the space's nodes."""
        values, vectors = ritz.values[:count], ritz.vectors
        least = np.abs(values - self.problem.floor).min()
        if np.finfo(float).eps * np.sqrt(self.separable.max() * least) > self.problem.tolerance**2 * least:
            # strong grading: the rounding of small elements' stiffness is seen in the energies
            values, turn = eigh(*_forms(self.problem, self.parities, vectors[:, :count]))
            vectors = np.hstack([vectors[:, :count] @ turn, vectors[:, count:]])
        sides = [axis.vectors[p] for axis, p in zip(self.problem.axes, self.parities)]
        nodal = contract(np.ascontiguousarray(vectors.T).reshape(-1, *self.separable.shape), *sides)
        return values, nodal.reshape(vectors.shape[::-1]).T


def _forms(problem: Problem, parities: Parities, states: Array) -> tuple[Array, Array]:
    """The matrices of A and of the scalar product between states of a sector, from gradients at Gauss points."""
    rules = [line.quadrature(1) for line in problem.space.lines]
    bases = [axis.basis[p] for axis, p in zip(problem.axes, parities)]
    cuts = [half_of(rule, basis, half=p != ANY) for rule, basis, p in zip(rules, bases, parities)]
    weights = np.einsum("a,b,c->abc", *(cut.weights for cut in cuts))
    region = problem.space.region_at([cut.elements for cut in cuts])
    local = problem.v[region]
    if problem.extra is not None:
        local = local + problem.extra.values[tuple(slice(len(cut.points)) for cut in cuts)]
    u = np.ascontiguousarray(states.T).reshape(-1, *(basis.shape[1] for basis in bases))

    def between(one: Array, weight: Array) -> Array:
        return (one * weight).reshape(len(one), -1) @ one.reshape(len(one), -1).T

    value = contract(u, *(cut.values for cut in cuts))
    energy = between(value, weights * local)
    for d in range(3):
        slope = contract(u, *(cut.slopes if axis == d else cut.values for axis, cut in enumerate(cuts)))
        energy += between(slope, weights * problem.a[region, d])
    return energy, between(value, weights)


class Axis:
    """The 1-D eigenbasis of one axis, by parity, and every box's matrices in it."""

    def __init__(self, space: BoxSpace, axis: int, a: Array, v: Array, extra: Pointwise | None, symmetry: bool) -> None:
        line = space.lines[axis]
        ranges = [box[axis] for box in space.boxes]
        self.kind = (line.breaks.tobytes(), line.degrees, tuple(ranges), a.tobytes())
        factors, gradients = space.factors[axis], [line.gradients(*ends) for ends in ranges]
        # in the corners of lx + ly + lz potentials count three times: a well must not, and of a barrier a part will do;
        # and a in the core is right for low states only, while what lies beside it in the shells has the shells' a
        softened = np.append(a[:-1] ** (1 - BESIDE) * a[-1] ** BESIDE, a[-1])
        barriers = BARRIER * np.maximum(v, 0.0)
        operator = sum(da * k + dv * m for da, dv, (k, m) in zip(_relative(softened), _relative(barriers), factors))
        if extra is not None:
            operator = operator + extra.line(axis)
        self.line, self.mass = line, factors[-1][1]
        even = space.mirrored[axis] and (extra is None or extra.mirrored(axis))
        self.parities = (EVEN, ODD) if symmetry and line.size > 1 and even else (ANY,)
        self.turns = len(line.degrees) % 2 == 0  # the middle is the end of an element, where an odd function may turn
        self._tables: dict[tuple[int, int], tuple[Line, Array]] = {}  # with the line, whose id stays its own
        self.values: dict[int, Array] = {}
        self.vectors: dict[int, Array] = {}  # folded
        self.basis: dict[int, Array] = {}
        self.stiffness: dict[int, Array] = {}  # of the whole line
        self.boxes: dict[int, list[Side]] = {}  # all but the outermost
        for parity in self.parities:
            side = fold(line.size, parity)
            values, vectors = eigh(side.T @ operator @ side, side.T @ self.mass @ side)
            basis = side @ vectors
            self.values[parity], self.vectors[parity], self.basis[parity] = values, vectors, basis
            slopes = gradients[-1] @ basis
            self.stiffness[parity] = slopes.T @ slopes
            self.boxes[parity] = [_side(vectors, side, g, m) for g, (_, m) in zip(gradients[:-1], factors[:-1])]

    def from_folded(self, parity: int, other: Line) -> Array:
        """(n, m) coefficients of a function of this parity on another line, given folded."""
        key = id(other), parity
        if key not in self._tables:
            here = other.tabulate(self.line.nodes[1:-1]) @ fold(other.size, parity)
            self._tables[key] = other, self.basis[parity].T @ (self.mass @ here)
        return self._tables[key][1]


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One side of a box, for one parity: its own eigenbasis, where the mass is the identity, from the axis's."""

    inside: Array  # (m, n)
    stiffness: Array  # (m,) diagonal


def _side(vectors: Array, side: Array, gradients: Array, mass: Array) -> Side:
    """From the gradients and the mass matrix of a box on the nodes of the line; `vectors` are the axis's basis, folded.

    The eigenvalues of the stiffness are the squares of the gradients' singular values in an orthonormal basis: low ones
    keep the digits that, beside elements a million times smaller than others, the stiffness itself has lost.
    """
    m = side.T @ mass @ side
    rows = np.flatnonzero(m.any(axis=0))
    here = m[np.ix_(rows, rows)]
    lower = np.linalg.cholesky(here)
    own, values, _ = np.linalg.svd(
        solve_triangular(lower, (gradients @ side[:, rows]).T, lower=True), full_matrices=False
    )
    return Side(own.T @ lower.T @ vectors[rows], values**2)


def _relative(coefficients: Array) -> Array:
    """Each region's coefficient less that of the region around it."""
    outer: Array = np.concatenate([coefficients[1:], np.zeros_like(coefficients[:1])])
    return coefficients - outer


def _kinds(axes: "Sequence[Axis]", extra: Pointwise | None) -> list[int]:
    def alike(one: int, other: int) -> bool:
        if axes[one].kind != axes[other].kind:
            return False
        return one == other or extra is None or extra.exchangeable(one, other)

    return [next(one for one in range(d + 1) if alike(one, d)) for d in range(len(axes))]
