"""Nested boxes: tensor-product hp spaces, their functions and integrals.

All boxes share the axes, so a function is an array of values at the products of three rows of nodes, and every
integral over a box is a product of 1-D integrals. Behind the same names as `Space` has for meshes. The eigenproblem
is in `separable` and `sectors`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meshes.shapes import Structure

from .eigen import Eigenpairs
from .line import Line, Quadrature
from .parallel import Comm
from .parity import ANY, EVEN, ODD, Parities, fold, folded, folded_size
from .pointwise import Pointwise, Potential, half_of

if TYPE_CHECKING:
    from .separable import Problem

Array = NDArray[np.float64]
Range = tuple[int, int]


@dataclass(frozen=True, eq=False)
class BoxSpace:
    """Products of three `Line` spaces over nested boxes; psi = 0 on the faces of the outermost.

    Parameters
    ----------
    lines
        The spaces along x, y and z.
    boxes
        For each region, innermost first, the range of elements that its box spans along each axis; the region is its
        box without the box before it. The last box is the whole domain.
    regions
        Their names.
    """

    lines: tuple[Line, Line, Line]
    boxes: tuple[tuple[Range, Range, Range], ...]
    regions: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        x, y, z = (line.size for line in self.lines)
        return x, y, z

    @property
    def size(self) -> int:
        """Number of unknowns."""
        return int(np.prod(self.shape))

    @cached_property
    def factors(self) -> list[list[tuple[Array, Array]]]:
        """[axis][region]: stiffness and mass of the region's box along the axis."""
        return [[line.matrices(*box[axis]) for box in self.boxes] for axis, line in enumerate(self.lines)]

    # -- points ---------------------------------------------------------------------------------------------------

    def points(self) -> tuple[Array, Array, Array]:
        """Coordinates of the quadrature points along x, y and z; the points are their products."""
        x, y, z = (rule.points for rule in self._rules)
        return x, y, z

    def weights(self) -> tuple[Array, Array, Array]:
        """Weights of the quadrature points along x, y and z; that of a point is the product of three."""
        x, y, z = (rule.weights for rule in self._rules)
        return x, y, z

    def at_points(self, u: Array) -> Array:
        """(count, qx, qy, qz) values of functions at the quadrature points."""
        return contract(self._blocks(u), *(rule.values for rule in self._rules))

    @cached_property
    def _rules(self) -> list[Quadrature]:
        """Exact for the product of two functions and a polynomial of degree 3."""
        return [line.quadrature(1) for line in self.lines]

    # -- integrals and values ------------------------------------------------------------------------------------

    def gram(self, u: Array, v: Array | None = None) -> Array:
        """(regions, i, j): the integral of u_i v_j over each region; u and v of shape (size, count)."""
        one = self._by_parity(u)
        other = one if v is None else self._by_parity(v)
        boxes = np.zeros((len(self.boxes), u.shape[1], u.shape[1] if v is None else v.shape[1]))
        for parities in one.keys() & other.keys():
            (rows, left), (columns, right) = one[parities], other[parities]
            for r in range(len(self.boxes)):
                masses, spans = zip(*(self._mass(axis, r, parity) for axis, parity in enumerate(parities)))
                here = (slice(None), *spans)
                image = contract(np.ascontiguousarray(right[here]), *masses).reshape(len(right), -1)
                boxes[r][np.ix_(rows, columns)] += left[here].reshape(len(left), -1) @ image.T
        return np.diff(boxes, axis=0, prepend=0.0)

    def _by_parity(self, u: Array) -> "dict[Parities, tuple[NDArray[np.int64], Array]]":
        """What functions have of each parity: the numbers of those that have any, and their parts, folded."""
        parts = {(ANY, ANY, ANY): (np.arange(u.shape[1]), self._blocks(u))}
        for axis in np.flatnonzero(self.mirrored):
            split = {}
            for parities, (numbers, blocks) in parts.items():
                for parity in (EVEN, ODD):
                    x, y, z = (parity if d == axis else ANY for d in range(3))
                    part = folded(blocks, (x, y, z))
                    some = part.any(axis=(1, 2, 3))
                    if some.any():
                        x, y, z = (parity if d == axis else p for d, p in enumerate(parities))
                        split[x, y, z] = numbers[some], part[some]
            parts = split
        return parts

    @cached_property
    def mirrored(self) -> tuple[bool, bool, bool]:
        """Along which axes elements and boxes are the same seen from both ends."""
        x, y, z = (
            line.mirrored and all(box[axis][0] == len(line.degrees) - box[axis][1] for box in self.boxes)
            for axis, line in enumerate(self.lines)
        )
        return x, y, z

    def _mass(self, axis: int, region: int, parity: int) -> tuple[Array, slice]:
        """The mass matrix of a region's box along an axis between its nodes, folded, and which these are."""
        line, (first, last) = self.lines[axis], self.boxes[region][axis]
        mass, span = self.factors[axis][region][1], line.span(first, last)
        if parity == ANY:
            return mass[span, span], span
        side, span = fold(line.size, parity), slice(span.start, folded_size(line.size, parity))
        return side.T[span] @ mass @ side[:, span], span

    def quartic(self, u: Array) -> Array:
        """(count,): the integral of u_i^4."""
        rules = [line.quadrature(2) for line in self.lines]
        totals = []
        for block in self._blocks(u):
            halves = [line.mirrored and _has_parity(block, axis) for axis, line in enumerate(self.lines)]
            cuts = [half_of(rule, None, half=half) for rule, half in zip(rules, halves)]
            x, y, z = (cut.weights for cut in cuts)
            values = contract(block[None], *(cut.values for cut in cuts))[0]
            totals.append(float(x @ ((np.square(np.square(values)) @ z) @ y)))
        return np.array(totals)

    def on_grid(self, u: Array, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Array:
        """(count, len(x), len(y), len(z)) values on the grid of these coordinates; zero outside."""
        tables = (line.tabulate(np.asarray(c, dtype=float)) for line, c in zip(self.lines, (x, y, z)))
        return contract(self._blocks(u), *tables)

    def region_on_grid(self, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> NDArray[np.int64]:
        """(len(x), len(y), len(z)) number of the region around each point of a grid; -1 outside."""
        elements = []
        for line, c in zip(self.lines, (x, y, z)):
            at = np.searchsorted(line.breaks, np.asarray(c, dtype=float), side="right") - 1
            elements.append(np.where(at == len(line.degrees), -1, at))
        region = self.region_at(elements)
        outside = [e < 0 for e in elements]
        region[outside[0][:, None, None] | outside[1][:, None] | outside[2]] = -1
        return region

    def _blocks(self, u: Array) -> Array:
        return np.ascontiguousarray(u.T).reshape(-1, *self.shape)

    def region_at(self, elements: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
        """The region in which the products of these rows of elements lie, shape of the products."""
        region = np.full([len(e) for e in elements], len(self.boxes) - 1)
        for r in range(len(self.boxes) - 1, -1, -1):
            inside = [(e >= first) & (e < last) for e, (first, last) in zip(elements, self.boxes[r])]
            region[np.ix_(*inside)] = r
        return region

    # -- eigenpairs ----------------------------------------------------------------------------------------------

    def lowest(
        self,
        diffusion: ArrayLike,
        potential: ArrayLike,
        count: int,
        *,
        extra: Potential | ArrayLike | None = None,
        tolerance: float = 1e-7,
        symmetry: bool = True,
        start: "tuple[BoxSpace, Array] | None" = None,
        backend: str = "auto",
        comm: Comm = None,
    ) -> Eigenpairs:
        """Lowest eigenpairs of ``-div(a grad u) + (V + W) u = E u`` with a and V constant in each region.

        Parameters
        ----------
        diffusion
            a > 0: one number per region, or shape (regions, 3) where it differs along the axes.
        potential
            V, one number per region.
        count
            How many, lowest first, degenerate ones counted one by one.
        extra
            W: its values on the products of `points`, shape (qx, qy, qz), or a function of x, y, z that gives them (of
            arrays that broadcast: shapes (qx, 1, 1), (1, qy, 1), (1, 1, qz)).
        symmetry
            Solve each parity by itself along the axes about whose middle the problem is symmetric.
        start
            A space and functions of it to begin with, shape (its size, any), such as the states of a coarser one or of
            a neighbouring structure; they save iterations and change nothing else.
        backend
            "petsc": the ranks of `comm` share the work, and the expert's options may name one of SLEPc's eigensolvers;
            "auto": they share it where the space is large enough (`sectors.SHARED`); "scipy": they do not.
        comm
            The ranks, each of which calls this and gets the same pairs in full.

        Raises
        ------
        ValueError
            W does not fit the points, or is not finite.
        NotConverged
            A pair missed the tolerance; what was found is in ``found``.
        """
        from .sectors import Functions, lowest

        how = {"tolerance": tolerance, "symmetry": symmetry, "backend": backend, "comm": comm}
        problem = self.problem(diffusion, potential, extra=extra, **how)
        return lowest(problem, count, () if start is None else [Functions(*start)]).pairs(count)

    def problem(
        self,
        diffusion: ArrayLike,
        potential: ArrayLike,
        *,
        extra: Potential | ArrayLike | None = None,
        tolerance: float = 1e-7,
        symmetry: bool = True,
        backend: str = "auto",
        comm: Comm = None,
    ) -> "Problem":
        """The eigenproblem of `lowest`, for those who look at its levels by parity (`solvers.sectors`)."""
        from .sectors import problem_on

        a = np.asarray(diffusion, dtype=float)
        a = np.repeat(a[:, None], 3, axis=1) if a.ndim == 1 else a
        w = None if extra is None else Pointwise.of(self.lines, extra)
        v = np.asarray(potential, dtype=float)
        return problem_on(self, a, v, w, tolerance=tolerance, symmetry=symmetry, backend=backend, comm=comm)


def nested(structure: Structure, lines: tuple[Line, Line, Line]) -> BoxSpace:
    """The space over a structure of nested cuboids; every face of every box must be a break point of its line."""
    boxes = []
    for shape, centre in zip(structure.boundaries, structure.centres):
        ends = np.stack([centre - shape.extent / 2, centre + shape.extent / 2], axis=1)
        spans = [np.searchsorted((line.breaks[1:] + line.breaks[:-1]) / 2, pair) for line, pair in zip(lines, ends)]
        boxes.append(tuple((int(first), int(last)) for first, last in spans))
    return BoxSpace(lines, tuple(boxes), structure.regions)  # type: ignore[arg-type]


def _has_parity(block: Array, axis: int) -> bool:
    """Whether values change by no more than their sign when seen from the other end."""
    image, size = np.flip(block, axis), np.abs(block).max()
    return any(np.abs(block - sign * image).max() <= 1e-10 * size for sign in (1, -1))


def contract(u: Array, x: Array, y: Array, z: Array) -> Array:
    """Apply one matrix along each of the last three axes of u, shape (b, nx, ny, nz)."""
    u = y @ (u @ z.T)
    b, nx, ny, nz = u.shape
    return (x @ u.reshape(b, nx, ny * nz)).reshape(b, x.shape[0], ny, nz)
