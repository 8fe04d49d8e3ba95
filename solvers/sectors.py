"""Lowest eigenpairs on nested boxes: a matrix-free operator, its separable preconditioner, one parity at a time.

With the 1-D stiffness K and mass M of box r alone (index r) and its coefficients relative to those of the box around,

    A = sum_r  da_x K_r x M_r x M_r + da_y M_r x K_r x M_r + da_z M_r x M_r x K_r + dv M_r x M_r x M_r,

a few small dense matrix products per box. It is applied in the eigenbasis of the 1-D BenDaniel-Duke operator along
each axis through the core: there the full mass matrix is the identity, the separable preconditioner
1/(lx + ly + lz - theta) is a pointwise division (R. E. Lynch, J. R. Rice, D. H. Thomas, Numer. Math. 6, 185 (1964)),
and the two parities of a symmetric axis fall apart into problems of half the size. Energies are taken from gradients
at Gauss points, where small elements lose no digits to cancellation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from .eigen import Eigenpairs
from .eigen.davidson import davidson
from .errors import NotConverged
from .line import Line
from .pointwise import Pointwise, half_of
from .tensor import BoxSpace, contract

Array = NDArray[np.float64]
Parities = tuple[int, int, int]  # along x, y, z: 0 even, 1 odd, ANY where the axis is not symmetric

ANY = -1
GUARDS = 1  # guard vectors beyond the states asked for in each sector and the probe of what lies above
BESIDE, BARRIER = 0.3, 0.7  # of the preconditioner, see `_Axis`: half the iterations where masses differ tenfold
RESTART = 6  # blocks of the eigensolver's basis
PROBE = 1e-2  # relative residual of the first state above those asked for: how sharply it is told


def lowest(
    space: BoxSpace,
    a: Array,
    v: Array,
    count: int,
    *,
    extra: Pointwise | None,
    tolerance: float,
    symmetry: bool,
    start: Array | None,
) -> Eigenpairs:
    """See `BoxSpace.lowest`; a has shape (regions, 3)."""
    if not 0 < count <= space.size:
        raise NotConverged(f"{count} states were asked of a space with {space.size} unknowns; raise the degree")
    axes = [_Axis(space, d, a[:, d], v, extra, symmetry) for d in range(3)]
    problem = _Problem(space, axes, _kinds(axes, extra), a, v, extra, tolerance, start)
    sectors = _enough(problem, count)
    values = np.concatenate([s.values for s in sectors])
    # twins have equal values: rounding keeps the order of their sectors
    pick = np.lexsort((np.arange(len(values)), np.round(values, 13)))[:count]
    labels = [s.label for s in sectors for _ in s.values]
    pairs = Eigenpairs(
        values=values[pick],
        vectors=np.concatenate([s.vectors for s in sectors], axis=1)[:, pick],
        residuals=np.concatenate([s.residuals for s in sectors])[pick],
        iterations=max(s.iterations for s in sectors),
        method="tensor product, Davidson",
        labels=tuple(labels[i] for i in pick),
    )
    if pairs.residuals.max() > tolerance:
        raise NotConverged(
            f"{int(np.sum(pairs.residuals <= tolerance))} of {count} states reached the tolerance {tolerance:.0e} "
            f"(worst residual {pairs.residuals.max():.1e}) on {space.size} unknowns; loosen the tolerance",
            found=pairs,
        )
    return pairs


class _Axis:
    """The 1-D eigenbasis of one axis, by parity, and every box's matrices in it."""

    def __init__(self, space: BoxSpace, axis: int, a: Array, v: Array, extra: Pointwise | None, symmetry: bool) -> None:
        line = space.lines[axis]
        ranges = [box[axis] for box in space.boxes]
        self.kind = (line.breaks.tobytes(), line.degrees, tuple(ranges), a.tobytes())
        factors = space.factors[axis]
        # in the corners of lx + ly + lz potentials count three times: a well must not, and of a barrier a part will do;
        # and a in the core is right for low states only, while what lies beside it in the shells has the shells' a
        softened = np.append(a[:-1] ** (1 - BESIDE) * a[-1] ** BESIDE, a[-1])
        barriers = BARRIER * np.maximum(v, 0.0)
        operator = sum(da * k + dv * m for da, dv, (k, m) in zip(_relative(softened), _relative(barriers), factors))
        if extra is not None:
            operator = operator + extra.line(axis)
        self.mass = factors[-1][1]
        even = _mirrored(line, ranges) and (extra is None or extra.mirrored(axis))
        self.parities = (0, 1) if symmetry and line.size > 1 and even else (ANY,)
        self.turns = len(line.degrees) % 2 == 0  # the middle is the end of an element, where an odd function may turn
        self.values: dict[int, Array] = {}
        self.basis: dict[int, Array] = {}
        self.boxes: dict[int, list[_Side]] = {}
        for parity in self.parities:
            fold = _fold(line.size, parity)
            values, vectors = eigh(fold.T @ operator @ fold, fold.T @ self.mass @ fold)
            basis = fold @ vectors
            self.values[parity], self.basis[parity] = values, basis
            whole = _Side(np.eye(len(values)), basis.T @ factors[-1][0] @ basis, np.eye(len(values)))
            self.boxes[parity] = [*(_side(basis, fold, *factor) for factor in factors[:-1]), whole]


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """One side of a box, for one parity: its nodes' values from the 1-D eigenbasis, and its matrices on these nodes."""

    nodes: Array  # (box nodes, n)
    stiffness: Array  # (box nodes, box nodes)
    mass: Array


def _side(basis: Array, fold: Array, stiffness: Array, mass: Array) -> _Side:
    """Restrict to the nodes of the box; of mirror images one is kept, and both are counted."""
    k, m = fold.T @ stiffness @ fold, fold.T @ mass @ fold
    rows = np.flatnonzero(m.any(axis=0))
    here = np.ix_(rows, rows)
    return _Side((fold.T @ basis)[rows], k[here], m[here])


def _relative(coefficients: Array) -> Array:
    """Each region's coefficient less that of the region around it."""
    outer: Array = np.concatenate([coefficients[1:], np.zeros_like(coefficients[:1])])
    return coefficients - outer


def _mirrored(line: Line, ranges: Sequence[tuple[int, int]]) -> bool:
    """Whether elements and boxes are the same seen from both ends."""
    return line.mirrored and all(first == len(line.degrees) - last for first, last in ranges)


def _fold(n: int, parity: int) -> Array:
    """(n, m) orthonormal basis of the even or odd vectors under reversal; ANY: of all."""
    if parity == ANY:
        return np.eye(n)
    half = n // 2
    fold = np.zeros((n, n - half if parity == 0 else half))
    i = np.arange(half)
    fold[i, i] = np.sqrt(0.5)
    fold[n - 1 - i, i] = np.sqrt(0.5) * (1 if parity == 0 else -1)
    if parity == 0 and n % 2:
        fold[half, half] = 1.0
    return fold


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    space: BoxSpace
    axes: Sequence[_Axis]
    kinds: Sequence[int]  # for each axis, the first axis that it can change places with
    a: Array  # (regions, 3)
    v: Array  # (regions,)
    extra: Pointwise | None
    tolerance: float
    start: Array | None

    @property
    def floor(self) -> float:
        """A lower bound of the spectrum."""
        return float(self.v.min()) + (0.0 if self.extra is None else self.extra.lowest)

    @property
    def sectors(self) -> list[Parities]:
        x, y, z = (axis.parities for axis in self.axes)
        return list(product(x, y, z))


@dataclass(frozen=True, slots=True, eq=False)
class _Sector:
    """The lowest states of one parity sector."""

    parities: Parities
    values: Array
    vectors: Array  # (size, n) in the nodal basis of the whole space
    residuals: Array
    iterations: int
    above: float  # a lower estimate of the next level; infinite where these are all that there are

    @property
    def label(self) -> str:
        return "".join({0: "e", 1: "o", ANY: "."}[p] for p in self.parities)


def _enough(problem: _Problem, count: int) -> list[_Sector]:
    """As many states of each sector as it takes for its next level to lie at or above the merged `count`-th."""
    found: dict[Parities, _Sector] = {}

    def solve(parities: Parities, number: int) -> None:
        twin = next((s for s in found.values() if len(s.values) >= number and _are_twins(problem, s, parities)), None)
        found[parities] = _exchanged(problem, twin, parities) if twin else _solve(problem, parities, number)

    for parities, number in _expected(problem, count).items():
        if number > 0:
            solve(parities, number)
    while True:
        values = np.sort(np.concatenate([s.values for s in found.values()]))
        top = values[count - 1] - 1e-12 * abs(values[-1]) if len(values) >= count else np.inf
        more = next((p for p in problem.sectors if _next_level(problem, found, p) < top), None)
        if more is None:
            return list(found.values())
        solve(more, len(found[more].values) + 1 if more in found else 1)


def _next_level(problem: _Problem, found: Mapping[Parities, _Sector], parities: Parities) -> float:
    """A lower estimate of the level above those found in a sector.

    What is odd along an axis is, turned over on one side, even and in the space too: the k-th odd level is not below
    the k-th even one (R. Courant and D. Hilbert, Methods of Mathematical Physics, chapter VI).
    """
    here = found.get(parities)
    k = 0 if here is None else len(here.values)
    least = -np.inf if here is None else max(here.above, here.values[-1])
    for d, parity in enumerate(parities):
        if parity != 1 or not problem.axes[d].turns:
            continue
        x, y, z = (0 if axis == d else p for axis, p in enumerate(parities))
        parent = found.get((x, y, z))
        if parent is None:
            least = max(least, _next_level(problem, found, (x, y, z))) if k == 0 else least
        elif len(parent.values) >= k:
            least = max(least, parent.values[k] if len(parent.values) > k else parent.above)
    return float(least)


def _expected(problem: _Problem, count: int) -> dict[Parities, int]:
    """How many of the lowest `count` states the separable operator puts in each sector."""
    sums = []
    for parities in problem.sectors:
        x, y, z = (axis.values[p][: count + 1] for axis, p in zip(problem.axes, parities))
        sums += [(value, parities) for value in np.sort((x[:, None, None] + y[:, None] + z).ravel())[:count]]
    lowest = [parities for _, parities in sorted(sums)[:count]]
    return {parities: lowest.count(parities) for parities in problem.sectors}


def _solve(problem: _Problem, parities: Parities, count: int) -> _Sector:
    """Block Davidson in the 1-D eigenbases of one parity per axis."""
    space, axes = problem.space, problem.axes
    bases = [axis.basis[p] for axis, p in zip(axes, parities)]
    lx, ly, lz = (axis.values[p] for axis, p in zip(axes, parities))
    separable = lx[:, None, None] + ly[:, None] + lz
    shift = 0.0 if problem.extra is None else problem.extra.shift
    shape, size = separable.shape, separable.size
    count = min(count, size)
    boxes = [[axis.boxes[p][r] for axis, p in zip(axes, parities)] for r in range(len(space.boxes))]
    da, dv = _relative(problem.a), _relative(problem.v)

    if problem.extra is not None:
        tables, local = problem.extra.between(bases, [p != ANY for p in parities])

    def apply(block: Array) -> Array:
        u = np.ascontiguousarray(block.T).reshape(-1, *shape)
        total = _everywhere([box.stiffness for box in boxes[-1]], da[-1], dv[-1], u)
        for box, a, v in zip(boxes[:-1], da, dv):
            inside = contract(u, *(side.nodes for side in box))
            total += contract(_inside(box, a, v, inside), *(side.nodes.T for side in box))
        if problem.extra is not None:
            total += contract(contract(u, *tables) * local, *(table.T for table in tables))
        return total.reshape(len(u), -1).T

    floor = problem.floor
    diagonal = separable.ravel() + shift

    def precondition(residual: Array, theta: Array) -> Array:
        gap = diagonal - theta[:, None]
        for row, least in zip(gap, 0.1 * np.abs(theta - min(floor, 0.0)) + 1e-12):
            near = np.flatnonzero(np.abs(row) < least)
            row[near] = np.copysign(least, row[near])
        return (residual.T / gap).T

    probed = min(count + 1, size)
    ritz = davidson(
        apply,
        precondition,
        _start(problem, parities, separable, probed),
        probed,
        floor=floor,
        restart=RESTART,
        tolerance=np.array([problem.tolerance] * count + [max(PROBE, problem.tolerance)] * (probed - count)),
    )
    above = np.inf
    if probed > count:
        above = float(ritz.values[count] - ritz.residuals[count] * abs(ritz.values[count] - floor))
    values, states = ritz.values[:count], ritz.vectors[:, :count]
    if np.finfo(float).eps * separable.max() > problem.tolerance**2 * np.abs(values - floor).min():
        # strong grading: the operator's rounding, eps times its norm, is seen in the energies
        values, turn = eigh(*_forms(problem, parities, states))
        states = states @ turn
    vectors = contract(states.T.reshape(count, *shape), *bases).reshape(count, -1).T
    return _Sector(parities, values, vectors, ritz.residuals[:count], ritz.iterations, above)


def _forms(problem: _Problem, parities: Parities, states: Array) -> tuple[Array, Array]:
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


def _everywhere(stiffness: Sequence[Array], a: Array, v: float, u: Array) -> Array:
    """The outermost box's part of A u, where all mass matrices are the identity."""
    kx, ky, kz = (c * k for c, k in zip(a, stiffness))
    flat = (len(u), u.shape[1], -1)
    return (kx @ u.reshape(flat)).reshape(u.shape) + ky @ u + u @ kz + v * u


def _inside(box: "Sequence[_Side]", a: Array, v: float, u: Array) -> Array:
    """An inner box's part of A u, from and to the values at its own nodes."""
    x, y, z = box
    flat = (len(u), u.shape[1], -1)
    uz = u @ z.mass
    yz = y.mass @ uz
    across = a[1] * (y.stiffness @ uz) + a[2] * (y.mass @ (u @ z.stiffness)) + v * yz
    total = x.mass @ across.reshape(flat) + a[0] * (x.stiffness @ yz.reshape(flat))
    return total.reshape(u.shape)


def _start(problem: _Problem, parities: Parities, separable: Array, count: int) -> Array:
    """The given functions' parts in this sector, then the lowest separable products, all with a touch of noise.

    The noise keeps every state reachable: none is orthogonal to the start by accident.
    """
    size = separable.size
    block = min(count + GUARDS, size)
    columns = []
    if problem.start is not None:
        duals = [(axis.basis[p].T @ axis.mass) for axis, p in zip(problem.axes, parities)]
        given = np.ascontiguousarray(problem.start.T).reshape(-1, *problem.space.shape)
        inside = contract(given, *duals).reshape(len(given), -1)
        share = np.linalg.norm(inside, axis=1)
        columns = list(inside[share > 0.5 * share.max(initial=1.0)][:block])
    first = np.argsort(separable, axis=None, kind="stable")[: block - len(columns)]
    start = np.zeros((size, block))
    start[first, np.arange(len(first))] = 1.0
    if columns:
        start[:, len(first) :] = np.array(columns).T
    rng = np.random.default_rng(20)
    noise = rng.standard_normal((size, block)) / (1.0 + (separable / separable.min()).reshape(-1, 1))
    start[:, : len(first)] += 0.05 * (noise / np.linalg.norm(noise, axis=0))[:, : len(first)]
    return start


def _kinds(axes: Sequence[_Axis], extra: Pointwise | None) -> list[int]:
    def alike(one: int, other: int) -> bool:
        if axes[one].kind != axes[other].kind:
            return False
        return one == other or extra is None or extra.exchangeable(one, other)

    return [next(one for one in range(d + 1) if alike(one, d)) for d in range(len(axes))]


def _are_twins(problem: _Problem, sector: _Sector, parities: Parities) -> bool:
    """Whether an exchange of axes that are alike turns the sector into that of `parities`."""
    kinds = problem.kinds
    return sector.parities != parities and sorted(zip(kinds, sector.parities)) == sorted(zip(kinds, parities))


def _exchanged(problem: _Problem, sector: _Sector, parities: Parities) -> _Sector:
    """The states of a twin sector, with the axes exchanged."""
    kinds, free, order = problem.kinds, list(range(3)), []
    for kind, parity in zip(kinds, parities):
        axis = next(i for i in free if sector.parities[i] == parity and kinds[i] == kind)
        free.remove(axis)
        order.append(1 + axis)
    blocks = sector.vectors.T.reshape(-1, *problem.space.shape).transpose(0, *order)
    vectors = np.ascontiguousarray(blocks).reshape(len(sector.values), -1).T
    return replace(sector, parities=parities, vectors=vectors)
