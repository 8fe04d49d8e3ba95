"""Sparse stiffness and mass matrices on a `Space`, vectorised over cells; coefficients are constant in each region.

Element matrices are added up a few rows of the sum at a time: a sparse matrix that says which rows of which element
matrices meet in which row of the sum, times those rows. A portion of them stays in the processor's cache.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from meshes.arrays import inverted
from meshes.mesh import Mesh
from meshes.reference import tabulate

from .element import Array, Ints, quadrature

if TYPE_CHECKING:
    from .space import Space

Numbers = NDArray[Any]  # real or complex
Places = NDArray[np.int32]

ENTRIES = 250_000  # of element matrices that are added up at a time
BYTES = 64e6  # of gradients on curved cells held at a time


def stiffness(space: "Space", diffusion: Array, potential: Array) -> csr_array:
    """The matrix of ``int grad u . a grad v + V u v`` on the unknowns of the space.

    Parameters
    ----------
    diffusion
        a, shape (regions,) or (regions, 3) for a diagonal tensor.
    potential
        V, shape (regions,).
    """
    return _on(space, Elements.of(space, diffusion, potential))


def stiffness_of(space: "Space", coefficient: Callable[[Array], Array]) -> csr_array:
    """The matrix of ``int a grad u . grad v``, a a smooth function of points (n, 3)."""
    mesh, every = space.mesh, np.arange(len(space.mesh.cells))
    shape = tabulate(mesh.cell, mesh.order, quadrature(mesh.cell, rule(mesh, space.degree))[0])[0]
    matrices = np.empty((len(every), space.element.size, space.element.size))
    for here, _, gradients, weights in _physical(space, every, every):
        points = np.einsum("qk,ckx->cqx", shape, mesh.points[mesh.cells[here]])
        factor = weights * coefficient(points.reshape(-1, 3)).reshape(weights.shape)
        left = gradients.reshape(len(here), -1, gradients.shape[-1])
        matrices[here] = left.transpose(0, 2, 1) @ (gradients * factor[:, :, None, None]).reshape(left.shape)
    return _on(space, Elements(None, matrices))


def mass(space: "Space", weight: Array | None = None) -> csr_array:
    """The matrix of ``int w u v``, w given per region, shape (regions,); None: 1 everywhere."""
    return _on(space, Elements.of(space, None, np.ones(len(space.regions)) if weight is None else weight))


def by_region(space: "Space") -> list[tuple[csr_array, csr_array]]:
    """The stiffness and the mass matrix of each region, with a and w of 1 there and 0 elsewhere."""
    ones = np.ones(len(space.regions))
    both = Elements.of(space, ones, 0 * ones), Elements.of(space, None, ones)
    place = space.unknowns.astype(np.int32)
    result = []
    for tag in range(len(space.regions)):
        here = space.mesh.tags == tag
        parts = (summed(e.some(here), place[here], place[here], 0, (space.size, space.size))[0] for e in both)
        stiffness, mass = parts
        result.append((stiffness, mass))
    return result


def energies(space: "Space", nodal: Array, diffusion: Array) -> Array:
    """(cells, count): ``int grad u . a grad u`` over each cell of functions given by nodes, (cells, k, count)."""
    result = np.empty((len(nodal), nodal.shape[2]))
    every = np.arange(len(nodal))
    for here, _, gradients, weights in _physical(space, every, every):
        slopes = gradients.reshape(len(here), -1, gradients.shape[-1]) @ nodal[here]
        factor = weights[:, :, None] * diffusion[space.mesh.tags[here]][:, None]
        result[here] = np.einsum("cqn,cqn,cq->cn", slopes, slopes, factor.reshape(len(here), -1), optimize=True)
    return result


def low_order(space: "Space", diffusion: Array, potential: Array) -> csr_array:
    """The degree-1 stiffness matrix on the mesh of the nodes, for the same unknowns in the same order.

    It is spectrally equivalent to the high-order one (S. A. Orszag, J. Comput. Phys. 37, 70 (1980)) and much
    sparser: multigrid is set up on it. On hexahedra the bounds do not depend on the degree; on tetrahedra the upper
    one grows, slowly up to degree 6 (about 8), then fast (34 at degree 8).
    """
    from .space import Space

    return stiffness(Space(space.linear(), 1, space.fixed), diffusion, potential)


def _on(space: "Space", elements: "Elements") -> csr_array:
    place = space.unknowns.astype(np.int32)
    return summed(elements, place, place, 0, (space.size, space.size))[0]


# -- sums of element matrices ------------------------------------------------------------------------------------------


def summed(
    elements: "Elements",
    row: Places,
    column: Places,
    first: int,
    shape: tuple[int, int],
    more: csr_array | None = None,
) -> tuple[csr_array, ...]:
    """Some rows of the sum of element matrices, sorted; where they are complex, its real and its imaginary part.

    The parts share their pattern.

    Parameters
    ----------
    row, column
        (cells, k) which row and which column each node of a cell belongs to; -1: none.
    first
        The first of the rows that are wanted.
    shape
        How many rows are wanted, and how many columns there are.
    more
        Of this shape and sorted: what is added.
    """
    k, rows = row.shape[1], shape[0]
    there = np.flatnonzero((row.ravel() >= first) & (row.ravel() < first + rows))
    target = row.ravel()[there] - first
    pairs = there[np.argsort(target, kind="stable")]  # of a cell and a node, as one number, row by row
    starts = np.append(0, np.cumsum(np.bincount(target, minlength=rows)))
    most = len(pairs) * k + (0 if more is None else more.nnz)
    complex_ = np.issubdtype(elements.tables.dtype, np.complexfloating)
    values = [np.empty(most) for _ in range(1 + complex_)]  # memory is taken once it is written to
    indices = np.empty(most, dtype=np.int32)
    ends, filled = np.zeros(rows + 1, dtype=np.int64), 0
    places = np.empty(max(len(row), shape[1] + 1), dtype=np.int32)
    for here in _portions(starts, max(1, ENTRIES // k)):
        chosen = pairs[starts[here.start] : starts[here.stop]]
        by_node = np.argsort((chosen % k).astype(np.int16), kind="stable")
        cells, nodes = np.divmod(chosen[by_node], k)
        entries = elements.rows(cells, nodes)
        # columns are numbered anew: a product of sparse matrices takes memory for each that there is
        near, of = _distinct(cells, places)  # of which there are fewer
        columns, where = _distinct(column[near].ravel(), places)
        where = where.reshape(-1, k)[of]
        if columns.min(initial=0) < 0:
            nowhere, diagonal = where == 0, where[np.arange(len(where)), nodes]
            where = np.where(nowhere, diagonal[:, None], where)  # zeros on the diagonal, which is there
            entries[nowhere] = 0.0
        meet = np.empty(len(chosen), dtype=np.int32)
        meet[by_node] = np.arange(len(chosen), dtype=np.int32)
        gather = _csr(np.ones(len(chosen)), meet, starts[here.start : here.stop + 1] - starts[here.start], len(chosen))
        part = gather @ _csr(entries.ravel(), where.ravel(), np.arange(0, where.size + 1, k), len(columns))
        part.sort_indices()
        part = _csr(part.data, columns[part.indices], part.indptr, shape[1])
        if more is not None:
            part = part + more[here]
        slot = slice(filled, filled + part.nnz)
        indices[slot] = part.indices
        for array, component in zip(values, (part.data.real, part.data.imag)):
            array[slot] = component
        ends[here.start + 1 : here.stop + 1] = filled + part.indptr[1:]
        filled = slot.stop
    for array in (*values, indices):
        array.resize(filled, refcheck=False)
    ends = ends.astype(np.int32 if filled < 2**31 else np.int64)
    return tuple(csr_array((array, indices, ends), shape=shape) for array in values)


def _distinct(numbers: NDArray[Any], places: Places) -> tuple[NDArray[Any], Places]:
    """The distinct ones of some numbers, ascending, and which of them each is; `places` is room for one more than all.

    Numbers are from -1 on.
    """
    order = np.arange(len(numbers), dtype=np.int32)
    places[numbers] = order
    distinct = np.sort(numbers[places[numbers] == order])
    places[distinct] = order[: len(distinct)]
    return distinct, places[numbers]


def _portions(starts: Ints, most: int) -> Iterator[slice]:
    """Rows in portions of about so many pairs."""
    cuts = np.searchsorted(starts, np.arange(most, starts[-1], most))
    ends = np.unique(np.concatenate([[0], cuts, [len(starts) - 1]]))
    yield from (slice(int(a), int(b)) for a, b in zip(ends[:-1], ends[1:]))


def _csr(data: Numbers, indices: Ints | Places, starts: Ints, columns: int) -> csr_array:
    return csr_array((data, indices, starts.astype(np.int32)), shape=(len(starts) - 1, columns))


# -- element matrices --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Elements:
    """The element matrices of ``int grad u . a grad v + V u v``; on affine cells combinations of a few tables.

    V may be complex. With V + i in place of V the sum has the mass matrix for its imaginary part: both for little more
    than the price of one, and of one pattern.
    """

    coefficients: Array | None  # (cells, tables); None: there is one table for each cell
    tables: Numbers  # (tables, k, k)

    @classmethod
    def of(cls, space: "Space", diffusion: Array | None, potential: Numbers) -> "Elements":
        """Those on a space; without `diffusion`, of the second term alone. Shapes as in `stiffness`."""
        tags = space.mesh.tags
        a = None if diffusion is None else np.broadcast_to(diffusion.reshape(len(diffusion), -1), (len(diffusion), 3))
        make = _affine if is_affine(space.mesh) else _curved
        return make(space, np.arange(len(tags)), None if a is None else a[tags], potential[tags])

    def some(self, cells: NDArray[np.bool_]) -> "Elements":
        """Those of some of the cells."""
        if self.coefficients is None:
            return Elements(None, self.tables[cells])
        return Elements(self.coefficients[cells], self.tables)

    def rows(self, cells: Ints, nodes: Ints) -> Numbers:
        """(n, k) these rows of the matrices of these cells; `nodes` ascending."""
        if self.coefficients is None:
            return np.asarray(self.tables[cells, nodes])
        values = np.empty((len(cells), self.tables.shape[2]), dtype=self.tables.dtype)
        reals, factors = values.view(np.float64), self.coefficients[cells]  # a complex number is two real ones
        ends = np.searchsorted(nodes, np.arange(len(self.tables[0]) + 1))
        for node in np.flatnonzero(np.diff(ends)):
            here, tables = slice(ends[node], ends[node + 1]), np.ascontiguousarray(self.tables[:, node])
            np.matmul(factors[here], tables.view(np.float64), out=reals[here])
        return values


def is_affine(mesh: Mesh) -> bool:
    """Whether all cells are images of the reference cell under affine maps, as tetrahedra and bricks are."""
    return (mesh.order == 1 or mesh.cell == "hexahedron") and bool(affine(mesh).all())


def affine(mesh: Mesh) -> NDArray[np.bool_]:
    """(cells,) which cells are images of the reference cell under affine maps."""
    if mesh.order == 1 and mesh.cell == "tetrahedron":
        return np.ones(len(mesh.cells), dtype=bool)
    nodes = mesh.reference.nodes
    corners = [int(np.abs(nodes - place).sum(axis=1).argmin()) for place in np.vstack([np.zeros(3), np.eye(3)])]
    x = mesh.points[mesh.cells]
    origin = x[:, corners[:1]]
    straight = origin + nodes @ (x[:, corners[1:]] - origin)
    return np.asarray(np.abs(x - straight).max(axis=(1, 2)) <= 1e-13 * np.abs(mesh.points).max())


def rule(mesh: Mesh, degree: int) -> int:
    """Degree of a quadrature rule for products of two functions of `degree`, or of their gradients.

    On affine cells 2 `degree` is exact. On curved tetrahedra 3 more keep the error far below that of the approximation,
    at any order of the geometry (P. G. Ciarlet, The Finite Element Method, section 4.3: 2 less would do for the rate);
    measured on balls, energies change by less than 1e-8 of themselves. Beyond 15, rules have three times the points.
    """
    if mesh.order == 1 and mesh.cell == "tetrahedron":
        return 2 * degree
    if mesh.cell == "hexahedron":
        return 2 * degree + 2 * mesh.order
    return 2 * degree + (3 if degree < 7 else 1)


def _jacobians(mesh: Mesh, cells: Ints, points: Array) -> Array:
    gradients = tabulate(mesh.cell, mesh.order, points)[1]
    return np.einsum("dqk,ckx->cqxd", gradients, mesh.points[mesh.cells[cells]], optimize=True)


def _affine(space: "Space", cells: Ints, a: Array | None, v: Numbers) -> Elements:
    """On affine cells; a (cells, 3), v (cells,)."""
    points, weights = quadrature(space.mesh.cell, 2 * space.degree)
    values, gradients = space.element.tabulate(points)
    inverse, volume = inverted(_jacobians(space.mesh, cells, points[:1])[:, 0])
    volume = np.abs(volume)
    mass = ((values.T * weights) @ values)[None]
    factors, tables = [v.real[:, None] * volume[:, None]], [mass.astype(v.dtype)]
    if np.iscomplexobj(v):
        factors, tables = [*factors, v.imag[:, None] * volume[:, None]], [mass, 1j * mass]
    if a is None:
        return Elements(np.hstack(factors), np.concatenate(tables))
    metric = np.einsum("cax,cx,cbx->cab", inverse, a, inverse) * volume[:, None, None]
    one, other = np.triu_indices(3)
    products = np.einsum("aqi,q,bqj->abij", gradients, weights, gradients, optimize=True)
    products = np.where((one == other)[:, None, None], 1.0, 2.0) / 2 * (products + products.swapaxes(0, 1))[one, other]
    return Elements(np.hstack([metric[:, one, other], *factors]), np.concatenate([products, *tables]))


def _curved(space: "Space", cells: Ints, a: Array | None, v: Numbers) -> Elements:
    """On any cells, those that are affine among them the quick way; a (cells, 3), v (cells,)."""
    k = space.element.size
    matrices = np.zeros((len(v), k, k), dtype=v.dtype)
    straight = affine(space.mesh)[cells]
    if straight.any():
        quick = _affine(space, cells[straight], None if a is None else a[straight], v[straight])
        assert quick.coefficients is not None
        matrices[straight] = np.tensordot(quick.coefficients, quick.tables, axes=1)
    bent = np.flatnonzero(~straight)
    for here, values, gradients, weights in _physical(space, cells, bent):
        products = (values[:, :, None] * values[:, None, :]).reshape(len(values), k * k)
        for component in ("real", "imag") if np.iscomplexobj(v) else ("real",):
            factor = getattr(v, component)[here]
            if factor.any():
                getattr(matrices, component)[here] = ((weights * factor[:, None]) @ products).reshape(-1, k, k)
        if a is not None:
            flux = gradients * (a[here][:, None, :, None] * weights[:, :, None, None])
            left = gradients.reshape(len(weights), -1, k)
            matrices.real[here] += left.transpose(0, 2, 1) @ flux.reshape(left.shape)
    return Elements(None, matrices)


def _physical(space: "Space", cells: Ints, some: Ints) -> Iterator[tuple[Ints, Array, Array, Array]]:
    """Chunks of curved cells, places among `cells`: values (q, k), physical gradients (c, q, 3, k), weights (c, q).

    The integrands are rational; see `rule` for the points.
    """
    mesh = space.mesh
    points, weights = quadrature(mesh.cell, rule(mesh, space.degree))
    values, gradients = space.element.tabulate(points)
    by_point = np.ascontiguousarray(gradients.transpose(1, 0, 2))
    step = max(1, int(BYTES / (24 * gradients.size)))
    for first in range(0, len(some), step):
        here = some[first : first + step]
        inverse, volume = inverted(_jacobians(mesh, cells[here], points))
        yield here, values, inverse.swapaxes(2, 3) @ by_point, np.abs(volume) * weights
