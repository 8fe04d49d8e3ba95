"""``-div(eps grad u) = f`` in all space, eps any function that is constant far away.

Tensor products of spectral lines that go far beyond all charge, their elements growing geometrically. On the boundary
stands the leading term of what is beyond: the field of the total charge, exact at infinity. What is left out falls off
with the third power of the boundary's distance. eps enters by its values at the nodes, so that one implementation
serves every shape. Conjugate gradients are preconditioned by the inverse of the Laplacian, which separates (R. E.
Lynch, J. R. Rice, D. H. Thomas, Numer. Math. 6, 185 (1964)): the number of iterations depends on the contrast of eps,
not on the mesh. Along axes with a mirror plane the two parities are solved by themselves, each on one half.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from .collocation import SpectralLine
from .errors import NotConverged
from .parity import ANY, EVEN, ODD, Parities
from .tensor import contract

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Triple = tuple[Array, Array, Array]
Coefficient = Callable[[Array, Array, Array], Array]  # of three rows of coordinates: values on their products

TINY = np.finfo(float).tiny
NOTHING = 1e-13  # of the largest load: a sector that has less has none


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What some of several functions have of one parity: values at the nodes (or loads there)."""

    which: Ints  # of the functions
    values: Array  # (len(which), nx, ny, nz)


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """Right-hand sides, ``int f v`` for the functions v of each parity."""

    count: int
    parts: dict[Parities, Part]
    charge: Array  # (count,) int f


@dataclass(frozen=True, eq=False)
class Field:
    """Potentials, by parity."""

    lines: "tuple[Halves, Halves, Halves]"
    count: int
    parts: dict[Parities, Part]
    monopole: Array  # (count,) on the boundary the potential is that over 4 pi r
    residuals: Array  # (count,) of the solve
    iterations: int

    def on_grid(self, x: Array, y: Array, z: Array) -> Array:
        """(count, len(x), len(y), len(z)) values on the products of coordinates."""
        total = np.zeros((self.count, len(x), len(y), len(z)))
        for parities, part in self.parts.items():
            tables = (h[p].tabulate(c) for h, p, c in zip(self.lines, parities, (x, y, z)))
            total[part.which] += contract(part.values, *tables)
        return total

    def each_at(self, points: Array) -> Array:
        """(count,) value of each potential at a point of its own; points (count, 3)."""
        total = np.zeros(self.count)
        for parities, part in self.parts.items():
            x, y, z = (h[p].tabulate(c) for h, p, c in zip(self.lines, parities, points[part.which].T))
            total[part.which] += np.einsum("iabc,ia,ib,ic->i", part.values, x, y, z, optimize=True)
        return total

    def __add__(self, other: "Field") -> "Field":
        parts = dict(self.parts)
        for parities, part in other.parts.items():
            if parities in parts:
                mine = parts[parities]
                both = np.zeros((self.count, *part.values.shape[1:]))
                both[mine.which] += mine.values
                both[part.which] += part.values
                part = Part(np.union1d(mine.which, part.which), both[np.union1d(mine.which, part.which)])
            parts[parities] = part
        residuals = np.maximum(self.residuals, other.residuals)
        iterations = max(self.iterations, other.iterations)
        return Field(self.lines, self.count, parts, self.monopole + other.monopole, residuals, iterations)


@dataclass(frozen=True, slots=True, eq=False)
class Halves:
    """The lines of one axis: one, or an even and an odd one on the right half."""

    lines: dict[int, SpectralLine]

    @classmethod
    def of(cls, breaks: Array, degrees: Sequence[int], mirrored: bool) -> "Halves":
        """From the elements of the whole axis; a mirrored one must have a break point in its middle.

        Raises
        ------
        ValueError
            The elements of a mirrored axis are not the same from both ends.
        """
        breaks, degrees = np.asarray(breaks, dtype=float), tuple(degrees)
        if not mirrored:
            return cls({ANY: SpectralLine(breaks, degrees)})
        half = len(degrees) // 2
        same = np.allclose(breaks + breaks[::-1], breaks[0] + breaks[-1], rtol=0, atol=1e-12 * np.ptp(breaks))
        if len(degrees) % 2 or degrees != degrees[::-1] or not same:
            raise ValueError("the elements of a mirrored axis must be the same from both ends, with a break between")
        right = breaks[half:], degrees[half:]
        return cls({parity: SpectralLine(*right, parity) for parity in (EVEN, ODD)})

    def __getitem__(self, parity: int) -> SpectralLine:
        return self.lines[parity]

    @property
    def mirrored(self) -> bool:
        """Whether parities are kept apart."""
        return ANY not in self.lines

    @property
    def first(self) -> SpectralLine:
        """One of the lines: nodes and weights are the same for both parities."""
        return next(iter(self.lines.values()))

    @property
    def images(self) -> Array:
        """Coordinates of all nodes; on a mirrored axis those of the right half, then their mirror images."""
        nodes = self.first.nodes
        return np.concatenate([nodes, 2 * nodes[0] - nodes]) if self.mirrored else nodes

    @property
    def middle(self) -> float:
        """Of the whole axis."""
        nodes = self.first.nodes
        return float(nodes[0] if self.mirrored else (nodes[0] + nodes[-1]) / 2)


class Poisson:
    """Solves ``-div(eps grad u) = f`` for one eps and any number of f.

    Parameters
    ----------
    axes
        Lines along x, y and z; eps must have the mirror planes that they have.
    permittivity
        eps > 0, as a function of three rows of coordinates, of which it returns the values on their products.
    tolerance
        Of the residual relative to the right-hand side, both in the norm of the inverse Laplacian: the relative error
        of the gradient, up to the contrast of eps.
    iterations
        At most.
    """

    def __init__(
        self,
        axes: tuple[Halves, Halves, Halves],
        permittivity: Coefficient,
        *,
        tolerance: float = 1e-5,
        iterations: int = 200,
    ) -> None:
        self.axes, self._tolerance, self.iterations = axes, tolerance, iterations
        self._first = tuple(axis.first for axis in axes)
        self.permittivity = permittivity(*self.nodes)
        self.outside = float(self.permittivity[-1, -1, -1])
        self._coefficients = self._at_points(self.permittivity)

    @property
    def nodes(self) -> Triple:
        """Coordinates of the nodes, of a mirrored axis those of its right half."""
        x, y, z = (line.nodes for line in self._first)
        return x, y, z

    @property
    def unknowns(self) -> int:
        """Of one sector."""
        return int(np.prod([len(row) for row in self.nodes]))

    @property
    def sectors(self) -> list[Parities]:
        x, y, z = (tuple(axis.lines) for axis in self.axes)
        return list(product(x, y, z))

    @property
    def _even(self) -> Parities:
        x, y, z = (EVEN if axis.mirrored else ANY for axis in self.axes)
        return x, y, z

    # -- right-hand sides ----------------------------------------------------------------------------------------

    def charges(self, points: Triple, strengths: Array) -> Load:
        """Point charges on the products of three rows of coordinates; strengths (count, nx, ny, nz).

        A density is that: its values times the weights of a quadrature.
        """
        parts = {}
        for parities in self.sectors:
            tables = [axis[p].tabulate(c) for axis, p, c in zip(self.axes, parities, points)]
            share = np.prod([0.5 if axis.mirrored else 1.0 for axis in self.axes])
            parts[parities] = share * contract(strengths, *(t.T for t in tables))
        return self._load(parts, strengths.sum(axis=(1, 2, 3)))

    def density(self, values: Array) -> Load:
        """From values on the products of the `images` of each axis; shape (count, nx, ny, nz)."""
        count = len(values)
        folds = []
        for axis in self.axes:
            n = len(axis.first.nodes)
            eye = np.eye(n)
            folds.append(
                {p: np.hstack([eye, eye if p == EVEN else -eye]) / 2 if axis.mirrored else eye for p in axis.lines}
            )
        weights = np.einsum("a,b,c->abc", *(line.weights for line in self._first))
        parts = {p: weights * contract(values, *(f[q] for f, q in zip(folds, p))) for p in self.sectors}
        even = self._even
        whole = 2.0 ** sum(axis.mirrored for axis in self.axes)
        return self._load(parts, whole * parts[even].reshape(count, -1).sum(axis=1))

    def _load(self, parts: dict[Parities, Array], charge: Array) -> Load:
        sizes = {p: np.abs(values).max(axis=(1, 2, 3)) for p, values in parts.items()}
        least = NOTHING * np.max(list(sizes.values()), axis=0)
        some = {p: np.flatnonzero(sizes[p] > least) for p in parts}
        return Load(len(charge), {p: Part(some[p], v[some[p]]) for p, v in parts.items() if len(some[p])}, charge)

    # -- solutions -----------------------------------------------------------------------------------------------

    def uniform(self, load: Load, permittivity: float) -> Field:
        """The potentials in one permittivity everywhere, without iteration."""
        parts = {}
        monopole = load.charge / permittivity
        for parities, part in load.parts.items():
            values = self.inverse(parities, part.values) / permittivity
            if ODD not in parities:
                values += monopole[part.which, None, None, None] * self.far
            parts[parities] = Part(part.which, values)
        return Field(self.axes, load.count, parts, monopole, np.zeros(load.count), 0)

    def solve(self, load: Load, known: Field | None = None) -> Field:
        """The potentials; or what they have beyond those that are `known`, computed as such: nothing cancels.

        Raises
        ------
        NotConverged
            A residual missed the tolerance; the potentials, such as they are, are in ``found``.
        """
        parts, residuals, steps = {}, np.zeros(load.count), 0
        monopole = load.charge / self.outside - (0.0 if known is None else known.monopole)
        for parities, part in load.parts.items():
            right = part.values
            if known is not None:
                before = known.parts[parities]
                assert np.array_equal(before.which, part.which)
                right = right - self.apply(parities, before.values)
            start = np.zeros_like(right)
            if ODD not in parities:
                start += monopole[part.which, None, None, None] * self.far
                right = right - self.apply(parities, start)
            values, _, step = self.conjugate_gradients(parities, right, self._tolerance)
            missing, whole = (self._norm(parities, r) for r in (right - self.apply(parities, values), right))
            parts[parities] = Part(part.which, start + values)
            residuals[part.which] = np.maximum(residuals[part.which], missing / np.maximum(whole, TINY))
            steps = max(steps, step)
        field = Field(self.axes, load.count, parts, monopole, residuals, steps)
        if not np.all(residuals <= self._tolerance):
            raise NotConverged(
                f"{np.sum(residuals <= self._tolerance)} of {load.count} potentials reached the tolerance "
                f"{self._tolerance:.0e} after {steps} iterations (worst residual {np.max(residuals):.1e}); "
                f"its coefficient, {self.permittivity.min():.3g} to {self.permittivity.max():.3g}, may vary too much",
                found=field,
            )
        return field

    def form(self, fields: Field, coefficient: Array) -> Array:
        """(count, count) ``int c grad u_i . grad u_j``, c at the `nodes`."""
        total = np.zeros((fields.count, fields.count))
        at_points = self._at_points(coefficient)
        whole = 2.0 ** sum(axis.mirrored for axis in self.axes)
        for parities, part in fields.parts.items():
            image = self.apply(parities, part.values, at_points)
            total[np.ix_(part.which, part.which)] += whole * np.einsum("iabc,jabc->ij", image, part.values)
        return total

    def beyond(self) -> float:
        """``int grad u . grad u`` beyond the boundary, of u = 1 / 4 pi r."""
        node, weight = np.polynomial.legendre.leggauss(40)
        half = [line.nodes[-1] - axis.middle for line, axis in zip(self._first, self.axes)]
        total = 0.0
        for d in range(3):
            far, a, b = half[d], *(h for k, h in enumerate(half) if k != d)
            square = far**2 + (a * node[:, None]) ** 2 + (b * node) ** 2
            total += 2 * far * a * b * float(weight @ (square**-2.0) @ weight)
        return total / (4 * np.pi) ** 2

    # -- operators -----------------------------------------------------------------------------------------------

    def _at_points(self, coefficient: Array) -> tuple[Array, Array, Array]:
        """A coefficient times the weights at the points of each axis' derivatives."""
        found = []
        for d, line in enumerate(self._first):
            weights = [line.point_weights if d == k else other.weights for k, other in enumerate(self._first)]
            found.append(np.take(coefficient, line.owners, axis=d) * np.einsum("a,b,c->abc", *weights))
        return found[0], found[1], found[2]

    def apply(self, parities: Parities, u: Array, at_points: Triple | None = None) -> Array:
        """``int eps grad u . grad v`` for all nodes' functions v."""
        cx, cy, cz = self._coefficients if at_points is None else at_points
        dx, dy, dz = (axis[p].slopes for axis, p in zip(self.axes, parities))
        total = np.empty_like(u)
        for one, image in zip(u, total):
            flat = dx.T @ (cx.reshape(len(dx), -1) * (dx @ one.reshape(len(one), -1)))
            image[:] = flat.reshape(one.shape)
            image += dy.T @ (cy * (dy @ one))
            image += (cz * (one @ dz.T)) @ dz
        return total

    def inside(self, parities: Parities) -> Array:
        """(nx, ny, nz) 1 at the unknowns, 0 at the other nodes."""
        return np.asarray(np.einsum("a,b,c->abc", *(axis[p].free for axis, p in zip(self.axes, parities))))

    def inverse(self, parities: Parities, load: Array) -> Array:
        """The inverse of the Laplacian, zero on the boundary."""
        (lx, x), (ly, y), (lz, z) = (axis[p].eigenbasis for axis, p in zip(self.axes, parities))
        inside = contract(load, x.T, y.T, z.T) / (lx[:, None, None] + ly[:, None] + lz)
        return contract(inside, x, y, z)

    @cached_property
    def far(self) -> Array:
        """1 / (4 pi r) on the boundary, harmonic within; of even functions."""
        parities = self._even
        x, y, z = (row - axis.middle for row, axis in zip(self.nodes, self.axes))
        free = self.inside(parities)
        distance = np.sqrt(x[:, None, None] ** 2 + y[:, None] ** 2 + z**2)
        edge = np.where(free > 0, 0.0, 1.0 / (4 * np.pi * np.where(free > 0, 1.0, distance)))
        ones = self._at_points(np.ones_like(free))
        return edge - self.inverse(parities, self.apply(parities, edge[None], ones))[0]

    def conjugate_gradients(self, parities: Parities, right: Array, tolerance: float) -> tuple[Array, Array, int]:
        """All right-hand sides at once, each with its own step lengths; solutions, what is left, iterations."""
        x, r = np.zeros_like(right), right.copy()
        z = self.inverse(parities, r)
        direction, old = z, _dot(r, z)
        first = np.sqrt(old)
        step = 0
        while step < self.iterations and not np.all(np.sqrt(old) <= 0.5 * tolerance * first):
            image = self.apply(parities, direction)
            length = (old / np.maximum(_dot(direction, image), TINY))[:, None, None, None]
            x += length * direction
            r -= length * image
            z = self.inverse(parities, r)
            new = _dot(r, z)
            direction = z + direction * (new / np.maximum(old, TINY))[:, None, None, None]
            old = new
            step += 1
        return x, r, step

    def _norm(self, parities: Parities, load: Array) -> Array:
        """(count,) of right-hand sides, that of the inverse Laplacian."""
        return np.sqrt(np.maximum(_dot(load, self.inverse(parities, load)), 0.0))


def _dot(u: Array, v: Array) -> Array:
    return np.asarray(np.einsum("iabc,iabc->i", u, v))


def outward(
    planes: Sequence[float], finest: float, reach: float, *, largest: float = np.inf, growth: float = 2.5
) -> Array:
    """(n,) break points: at every plane, with elements that grow by `growth` from `finest` there, out to `reach`.

    Parameters
    ----------
    planes
        Ascending; the middle of the first and last is a break point too.
    largest
        Length of an element between the outermost planes, at most.
    reach
        Distance of the ends from the middle, at least.
    """
    middle = (planes[0] + planes[-1]) / 2
    inner = sorted({*planes, middle})
    breaks = [inner[0]]
    for a, b in zip(inner[:-1], inner[1:]):
        lengths = _lengths(b - a, finest, largest, growth, from_left=a in planes, from_right=b in planes)
        breaks += [*(a + np.cumsum(lengths)[:-1]), b]
    ends, length = [inner[-1]], finest
    while ends[-1] - middle < reach:
        ends.append(ends[-1] + length)
        length *= growth
    ends = ends[1:]
    return np.array([*(2 * middle - e for e in reversed(ends)), *breaks, *ends])


def _lengths(whole: float, finest: float, largest: float, growth: float, *, from_left: bool, from_right: bool) -> Array:
    """Lengths of elements that fill a gap and grow from its ends."""
    left, right = [], []
    room = whole
    a = b = finest
    while room > 0:
        if from_left and (a <= b or not from_right):
            left.append(min(a, largest))
            room -= left[-1]
            a *= growth
        elif from_right:
            right.append(min(b, largest))
            room -= right[-1]
            b *= growth
        else:
            n = max(1, int(np.ceil(whole / largest)))
            return np.full(n, whole / n)
    lengths = np.array([*left, *reversed(right)])
    return np.asarray(lengths * (whole / lengths.sum()))
