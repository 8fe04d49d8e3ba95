"""Spaces on meshes with mirror planes, whose eigenpairs are found on one side of them, one parity at a time.

A function that is even about a plane has no flux through it, one that is odd vanishes there. So the lowest states of
each sector of parities come from the same matrices of the part, without the unknowns on those planes about which
the sector is odd; mirrored, they are functions of the whole space.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import permutations, product

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from meshes.mirror import Folded
from meshes.reference import renumbering

from . import assembly
from .eigen import Eigenpairs, lowest
from .element import Array, Ints
from .errors import NotConverged
from .parity import ANY, Parities, label
from .space import PETSC_PAYS, Space, face_closure

Order = tuple[int, int, int]  # of the axes

SYMMETRIC = 1e-9  # relative: nodes that near are each other's images
CLOSE = 1e-6  # relative: a level that near to the highest one asked for may stand for it
ROUGH = 1e-4  # residual of states that only tell which sectors matter
PURE = 1e-12  # share of a function below which it has nothing of a parity
DIRECT = 30_000  # unknowns up to which a part is factorised: at high degree with few cells little is filled in
HIGH = 4  # the degree from which on that is so


@dataclass(frozen=True, eq=False)
class MirroredSpace(Space):
    """A `Space` on the whole of a folded mesh, which is its `mesh`; see `mirrored`."""

    folded: Folded | None = None

    # -- one side of the planes ----------------------------------------------------------------------------------

    @cached_property
    def _facing(self) -> tuple[Space, NDArray[np.bool_]]:
        """The space on one side of the planes, and which of its nodes lie on each of them, (nodes of the part, 3)."""
        assert self.folded is not None
        bare = Space(self.folded.mesh, self.degree)
        facets, closure = bare.mesh.facets, face_closure(bare.element)
        boundary = facets.boundary
        sides = (bare.mesh.points[facets.vertices[boundary]] == 0).all(axis=1) & np.array(self.folded.planes)
        flags = np.zeros((bare.node_count, 4), dtype=bool)
        for axis, here in enumerate([*sides.T, ~sides.any(axis=1)]):
            some = boundary[here]
            flags[bare.nodes[facets.cells[some, 0, None], closure[facets.local[some, 0]]], axis] = True
        return Space(bare.mesh, self.degree, flags[:, 3]), flags[:, :3]

    @property
    def part(self) -> Space:
        """The space on one side of the planes; its functions are free on them."""
        return self._facing[0]

    @property
    def at_once(self) -> int:
        """Number of unknowns of the largest eigenproblem: those of the part."""
        return self.part.size

    @cached_property
    def sectors(self) -> list[Parities]:
        """All choices of parities."""
        assert self.folded is not None
        return list(product(*((0, 1) if plane else (ANY,) for plane in self.folded.planes)))  # type: ignore[arg-type]

    @cached_property
    def quadratic(self) -> "MirroredSpace":
        """The space of degree 2 on the same mesh, where it is cheap to see which sectors matter."""
        return replace(self, degree=2)

    @cached_property
    def turns(self) -> dict[Order, Ints]:
        """The exchanges of axes that turn the part into itself, cell by cell: where each unknown goes.

        With the order of the axes, ``u[where]`` is the function ``u(x[order])``.
        """
        from scipy.spatial import KDTree

        part = self.part
        tree, extent = KDTree(part.coordinates), float(np.ptp(part.coordinates, axis=0).max())
        cells, found = _cells(part, np.arange(part.node_count)), dict[Order, Ints]()
        for x, y, z in permutations(range(3)):
            away, where = tree.query(part.coordinates[:, [x, y, z]])
            if away.max() < SYMMETRIC * extent and np.array_equal(_cells(part, where), cells):
                place = np.full(part.node_count, -1)
                place[part.free] = np.arange(part.size)
                found[x, y, z] = place[where[part.free]]
        return found

    def kept(self, parities: Parities) -> Ints:
        """The unknowns of the part that a sector has."""
        part, on = self._facing
        return np.flatnonzero(~on[part.free][:, [p == 1 for p in parities]].any(axis=1))

    @cached_property
    def pieces(self) -> list[tuple[csr_array, csr_array]]:
        """The stiffness and mass matrices of the part, region by region, with coefficients of 1."""
        return assembly.by_region(self.part)

    def matrices(self, a: Array, v: Array) -> tuple[csr_array, csr_array]:
        """Stiffness, with a of shape (regions,) or (regions, 3) and V, (regions,), and mass on the part."""
        if a.ndim == 1 or np.all(a == a[:, :1]):
            stiffness = sum(c * k + w * m for c, w, (k, m) in zip(a.reshape(len(a), -1)[:, 0], v.tolist(), self.pieces))
        else:
            stiffness = assembly.stiffness(self.part, a, v)
        return csr_array(stiffness), csr_array(sum(m for _, m in self.pieces))

    # -- between part and whole ----------------------------------------------------------------------------------

    @cached_property
    def places(self) -> Ints:
        """(images, nodes of the part) the node of the whole space in each image of a node."""
        assert self.folded is not None
        nodes = self.element.nodes
        mirrored = renumbering(nodes, nodes[:, [1, 0, 2]])
        places = np.empty((len(self.folded.images), self.part.node_count), dtype=np.int64)
        for image, cells in enumerate(self.nodes.reshape(len(places), -1, self.element.size)):
            places[image, self.part.nodes[:, self.folded.order(image, mirrored)]] = cells
        return places

    def _signs(self, parities: Parities) -> Array:
        """(images,) what each image of a function of these parities is multiplied by."""
        assert self.folded is not None
        return np.asarray(np.where(self.folded.images & (np.array(parities) == 1), -1.0, 1.0).prod(axis=1))

    def unfolded(self, u: Array, parities: Parities) -> Array:
        """(size, count) functions of the whole from those of the part, (size of the part, count), of the same norm."""
        whole = np.empty((self.node_count, u.shape[1]))
        nodal = self.part.full(u) / np.sqrt(len(self.places))
        for here, sign in zip(self.places, self._signs(parities)):
            whole[here] = sign * nodal
        return np.asarray(whole[self.free])

    def _folded(self, u: Array) -> Iterator[tuple[Ints, Array]]:
        """For each sector the columns of u that have a share in it, and these shares as functions of the part."""
        images = self.full(u)[self.places]
        least = PURE * np.abs(images).max(axis=(0, 1))
        for parities in self.sectors:
            nodal = np.tensordot(self._signs(parities), images, axes=1) / np.sqrt(len(images))
            some = np.flatnonzero(np.abs(nodal).max(axis=0) > least)
            yield some, nodal[self.part.free][:, some]

    def gram(self, u: Array, v: Array | None = None) -> Array:
        """(regions, i, j): the integral of u_i v_j over each region; u and v of shape (size, count)."""
        result = np.zeros((len(self.regions), u.shape[1], u.shape[1] if v is None else v.shape[1]))
        for (i, left), (j, right) in zip(self._folded(u), self._folded(u if v is None else v)):
            if len(i) and len(j):
                result[:, i[:, None], j] += self.part.gram(left, None if v is None else right)
        return result

    def quartic(self, u: Array) -> Array:
        """(count,): the integral of u_i^4."""
        shares = list(self._folded(u))
        mixed = np.bincount(np.concatenate([some for some, _ in shares]), minlength=u.shape[1]) > 1
        result = np.zeros(u.shape[1])
        for some, part in shares:
            pure = ~mixed[some]
            if pure.any():
                result[some[pure]] = self.part.quartic(part[:, pure]) / len(self.places)
        if mixed.any():
            result[mixed] = super().quartic(u[:, mixed])
        return result

    def roughness(self, u: Array, diffusion: Array) -> Array:
        """(cells of the part, count): see `Space.roughness`."""
        result = np.zeros((len(self.part.mesh.cells), u.shape[1]))
        for some, part in self._folded(u):
            if len(some):
                result[:, some] += self.part.roughness(part, diffusion)
        return result

    # -- values --------------------------------------------------------------------------------------------------

    def on_grid(self, u: Array, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Array:
        """(count, len(x), len(y), len(z)) values on the grid of these ascending coordinates; zero outside."""
        rows, places, signs = self._beside(x, y, z)
        shares = list(self._folded(u))
        found = self.part.on_grid(np.hstack([part for _, part in shares]), *rows) / np.sqrt(len(self.places))
        result = np.zeros((u.shape[1], *(len(place) for place in places)))
        first = 0
        for parities, (some, _) in zip(self.sectors, shares):
            values = found[first : first + len(some)][np.ix_(np.arange(len(some)), *places)]
            for axis, parity in enumerate(parities):
                if parity == 1:
                    values *= np.expand_dims(signs[axis], tuple(d for d in range(3) if d != axis))
            result[some] += values
            first += len(some)
        return result

    def region_on_grid(self, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Ints:
        """(len(x), len(y), len(z)) number of the region around each point of a grid; -1 outside."""
        rows, places, _ = self._beside(x, y, z)
        return self.part.region_on_grid(*rows)[np.ix_(*places)]

    def _beside(self, *axes: ArrayLike) -> tuple[list[Array], list[Ints], list[Array]]:
        """Coordinates on one side of the planes, the one that each given one is or mirrors, and the sides of these."""
        assert self.folded is not None
        rows, places, signs = [], [], []
        for axis, plane in zip(axes, self.folded.planes):
            given = np.asarray(axis, dtype=float)
            row, place = np.unique(np.abs(given) if plane else given, return_inverse=True)
            # images that differ by rounding alone are one
            new = np.append(True, np.diff(row) > 1e-12 * np.abs(row).max(initial=0.0))[: len(row)]
            rows.append(row[new])
            places.append((np.cumsum(new) - 1)[place.ravel()])
            signs.append(np.sign(given))
        return rows, places, signs

    # -- eigenpairs ----------------------------------------------------------------------------------------------

    def lowest(
        self,
        diffusion: ArrayLike,
        potential: ArrayLike,
        count: int,
        *,
        tolerance: float = 1e-7,
        backend: str = "auto",
    ) -> Eigenpairs:
        """See `Space.lowest`; the labels are the parities of the states along x, y and z."""
        if not 0 < count <= self.size:
            raise NotConverged(f"{count} states were asked of a space with {self.size} unknowns; raise the degree")
        a, v = np.asarray(diffusion, dtype=float), np.asarray(potential, dtype=float)
        if backend == "auto" and self.part.size > PETSC_PAYS and self._large_for_petsc():
            backend = "petsc"
        found = _Sectors(self, a, v, tolerance, backend).lowest(count)
        several = list(found.values())
        values = np.concatenate([pairs.values for pairs in several])
        pick = np.argsort(values, kind="stable")[:count]
        labels = [label(parities) for parities, pairs in found.items() for _ in pairs.values]
        vectors = np.empty((self.size, count), order="F")
        first = 0
        for parities, pairs in found.items():
            chosen = np.flatnonzero((pick >= first) & (pick < first + len(pairs.values)))
            vectors[:, chosen] = self.unfolded(pairs.vectors[:, pick[chosen] - first], parities)
            first += len(pairs.values)
        return Eigenpairs(
            values[pick],
            vectors,
            np.concatenate([pairs.residuals for pairs in several])[pick],
            max(pairs.iterations for pairs in several),
            f"{several[0].method}, by parity",
            tuple(labels[i] for i in pick),
            all(pairs.counted for pairs in several),
        )


def _cells(space: Space, where: Ints) -> Ints:
    """(cells, 5) of each cell the images of its vertices, ascending, and its region, in an order of their own."""
    rows = np.column_stack([np.sort(where[space.nodes[:, : space.mesh.reference.corners]], axis=1), space.mesh.tags])
    return np.asarray(rows[np.lexsort(rows.T)])


def mirrored(folded: Folded, degree: int) -> MirroredSpace:
    """The space of this degree on the whole mesh."""
    return MirroredSpace(folded.whole, degree, folded=folded)


class _Sectors:
    """The eigenproblems of the part, one for each choice of parities; vectors have the unknowns of the part."""

    def __init__(self, space: MirroredSpace, a: Array, v: Array, tolerance: float, backend: str) -> None:
        self.space, self.a, self.v = space, a, v
        self.stiffness, self.mass = space.matrices(a, v)
        self.floor, self.tolerance, self.backend = float(v.min()), tolerance, backend
        self.found: dict[Parities, Eigenpairs] = {}

    @cached_property
    def turns(self) -> dict[Order, Ints]:
        """Those exchanges of axes that leave the operator as it is."""
        same = (order for order in self.space.turns if self.a.ndim == 1 or np.array_equal(self.a[:, order], self.a))
        return {order: self.space.turns[order] for order in same}

    @cached_property
    def low_order(self) -> csr_array:
        return assembly.low_order(self.space.part, self.a, self.v - self.floor)

    def lowest(self, count: int) -> dict[Parities, Eigenpairs]:
        """As many states of each sector as it takes for its next level to lie at or above the merged `count`-th."""
        for parities, number in self.expected(count).items():
            self.found[parities] = self.solve(parities, number)
        while True:
            values = np.sort(np.concatenate([np.empty(0), *(pairs.values for pairs in self.found.values())]))
            top = values[count - 1] - CLOSE * (values[count - 1] - self.floor) if len(values) >= count else np.inf
            bounds = {parities: self.next_level(parities) for parities in self.space.sectors}
            first = min(bounds, key=lambda parities: bounds[parities])
            if bounds[first] >= top:
                return self.found
            known = len(self.found[first].values) if first in self.found else 0
            number = known + max(1, known // 2) if self.found else 1 + count // 6
            self.found[first] = self.solve(first, min(number, len(self.space.kept(first))))

    def expected(self, count: int) -> dict[Parities, int]:
        """How many of the lowest `count` states quadratic functions put in each sector, and one more without nodes."""
        coarse = self.space.quadratic
        if self.space.degree < HIGH or coarse.part.size < 2 * count:
            return {}
        found = _Sectors(coarse, self.a, self.v, ROUGH, "scipy").lowest(count)
        sectors = [parities for parities, pairs in found.items() for _ in pairs.values]
        lowest = np.argsort(np.concatenate([pairs.values for pairs in found.values()]))[:count]
        numbers = Counter([sectors[i] for i in lowest])
        numbers[self.space.sectors[0]] += 1
        return {p: min(n, len(self.space.kept(p))) for p, n in numbers.items()}

    def next_level(self, parities: Parities) -> float:
        """A lower bound of the level above those found in a sector.

        What vanishes on a plane is among what is free there: the k-th odd level is not below the k-th even one.
        """
        here = self.found.get(parities)
        k = 0 if here is None else len(here.values)
        if k == len(self.space.kept(parities)):
            return np.inf
        least = -np.inf if here is None else float(here.values[-1])
        for axis, parity in enumerate(parities):
            if parity == 1:
                x, y, z = (0 if axis == d else p for d, p in enumerate(parities))
                parent = self.found.get((x, y, z))
                if parent is None or len(parent.values) <= k:
                    least = max(least, self.next_level((x, y, z)))
                else:
                    least = max(least, float(parent.values[k]))
        return least

    def solve(self, parities: Parities, count: int) -> Eigenpairs:
        """The lowest of a sector: of one that an exchange of axes makes of another, that one's."""
        for order, where in self.turns.items():
            twin = self.found.get((parities[order[0]], parities[order[1]], parities[order[2]]))
            if twin is not None and len(twin.values) >= count:
                return replace(twin, vectors=twin.vectors[where])
        kept = self.space.kept(parities)
        stiffness, mass = (matrix[kept][:, kept] for matrix in (self.stiffness, self.mass))
        pairs = lowest(
            stiffness,
            mass,
            count,
            floor=self.floor,
            tolerance=self.tolerance,
            backend=self.backend,
            low_order=lambda: self.low_order[kept][:, kept],
            direct=DIRECT if self.space.degree >= HIGH else None,
        )
        vectors = np.zeros((self.stiffness.shape[0], count))
        vectors[kept] = pairs.vectors
        return replace(pairs, vectors=vectors)
