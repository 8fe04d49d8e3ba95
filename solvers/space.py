"""Lagrange spaces on meshes: from a mesh and a degree to unknowns, values and integrals. No physics.

Functions are arrays of shape (size, count), one column each: the values at the free nodes. Nodes on the outer
surface of the mesh carry no unknown (psi = 0 there), except on mirror planes that are left free.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meshes.arrays import determinant
from meshes.mesh import Mesh
from meshes.partition import whole
from meshes.reference import tabulate

from . import assembly
from .eigen import Eigenpairs, lowest
from .element import Array, Element, Ints, element, orientations, quadrature

PETSC_PAYS = 30_000  # unknowns beyond which PETSc takes about half the time (docs/performance.md)
SMOOTH = 15  # degree up to which rules on tetrahedra are sparse
CHUNK = 200_000  # values (cells x points) held at a time


class Values(NamedTuple):
    """Values at the quadrature points of some cells."""

    cells: Ints  # (c,)
    weights: Array  # (c, q) quadrature weight times Jacobian
    basis: Array  # (q, nodes of the element)


@dataclass(frozen=True, eq=False)
class Space:
    """Continuous piecewise polynomials on a mesh.

    Parameters
    ----------
    mesh
        Hexahedra or tetrahedra; curved cells carry the polynomials of the reference cell (isoparametric or less).
    degree
        Polynomial degree, at least 1.
    dirichlet
        (node_count,) true at the nodes where functions vanish; None: those on the outer surface of the mesh.
    """

    mesh: Mesh
    degree: int
    dirichlet: NDArray[np.bool_] | None = None

    @cached_property
    def element(self) -> Element:
        return element(self.mesh.cell, self.degree)

    @property
    def regions(self) -> tuple[str, ...]:
        return self.mesh.regions

    # -- unknowns ------------------------------------------------------------------------------------------------

    @cached_property
    def nodes(self) -> Ints:
        """(cells, nodes of the element) number of every node, shared between cells; the mesh's vertices come first."""
        return _number(self.mesh, self.element)[0]

    @cached_property
    def node_count(self) -> int:
        return int(self.nodes.max()) + 1

    @cached_property
    def fixed(self) -> NDArray[np.bool_]:
        """(node_count,) true where functions vanish."""
        if self.dirichlet is not None:
            return self.dirichlet
        facets = self.mesh.facets
        boundary = facets.boundary
        fixed = np.zeros(self.node_count, dtype=bool)
        closure = face_closure(self.element)
        fixed[self.nodes[facets.cells[boundary, 0, None], closure[facets.local[boundary, 0]]]] = True
        return fixed

    @cached_property
    def free(self) -> Ints:
        """(size,) node of each unknown."""
        return np.flatnonzero(~self.fixed)

    @property
    def size(self) -> int:
        """Number of unknowns."""
        return len(self.free)

    @property
    def at_once(self) -> int:
        """Number of unknowns of the largest eigenproblem."""
        return self.size

    @cached_property
    def unknowns(self) -> Ints:
        """(cells, nodes of the element) unknown of every node, -1 where the function vanishes."""
        number = np.full(self.node_count, -1)
        number[self.free] = np.arange(len(self.free))
        return number[self.nodes]

    @cached_property
    def coordinates(self) -> Array:
        """(node_count, 3) where the nodes are."""
        shape = tabulate(self.mesh.cell, self.mesh.order, self.element.nodes)[0]
        points = np.empty((self.node_count, 3))
        points[self.nodes] = np.einsum("qk,ckx->cqx", shape, self.mesh.points[self.mesh.cells])
        return points

    def full(self, u: Array) -> Array:
        """(node_count, count) nodal values with the zeros of the outer surface put back."""
        values = np.zeros((self.node_count, u.shape[1]))
        values[self.free] = u
        return values

    def at_nodes(self, u: Array, other: "Space") -> Array:
        """(node_count of the other, count) values at the nodes of another space on the same mesh."""
        basis = self.element.values(other.element.nodes)
        values = np.empty((other.node_count, u.shape[1]))
        values[other.nodes] = np.einsum("ij,cjn->cin", basis, self.full(u)[self.nodes], optimize=True)
        return values

    # -- integrals and values ------------------------------------------------------------------------------------

    def quadrature(self, degree: int) -> Iterator[Values]:
        """Quadrature over all cells, a chunk at a time, exact for polynomials of `degree` on affine cells."""
        points, weights = quadrature(self.mesh.cell, degree)
        basis = self.element.values(points)
        gradients = tabulate(self.mesh.cell, self.mesh.order, points)[1]
        step = max(1, CHUNK // len(points))
        for first in range(0, len(self.mesh.cells), step):
            cells = np.arange(first, min(first + step, len(self.mesh.cells)))
            jacobian = np.einsum("dqk,ckx->cqxd", gradients, self.mesh.points[self.mesh.cells[cells]], optimize=True)
            yield Values(cells, np.abs(determinant(jacobian)) * weights, basis)

    def gram(self, u: Array, v: Array | None = None) -> Array:
        """(regions, i, j): the integral of u_i v_j over each region; u and v of shape (size, count)."""
        left = self.full(u)
        right = left if v is None else self.full(v)
        result = np.zeros((len(self.regions), u.shape[1], right.shape[1]))
        for part in self.quadrature(assembly.rule(self.mesh, self.degree)):
            a = part.basis @ left[self.nodes[part.cells]]
            b = a if v is None else part.basis @ right[self.nodes[part.cells]]
            weighted = a * part.weights[..., None]
            tags = self.mesh.tags[part.cells]
            for region in np.unique(tags):
                here = tags == region
                result[region] += np.tensordot(weighted[here], b[here], axes=([0, 1], [0, 1]))
        return result

    def weighted(self, u: Array, weight: Callable[[Array], Array], degree: int = 0) -> Array:
        """(i, j): the integral of w u_i u_j, by the rule of `gram` or one of a higher `degree`.

        Parameters
        ----------
        weight
            w, of shape (...) at points (..., 3).
        """
        mesh, rule = self.mesh, max(degree, assembly.rule(self.mesh, self.degree))
        shape = tabulate(mesh.cell, mesh.order, quadrature(mesh.cell, rule)[0])[0]
        full, result = self.full(u), np.zeros((u.shape[1], u.shape[1]))
        for part in self.quadrature(rule):
            w = weight(np.einsum("qk,ckx->cqx", shape, mesh.points[mesh.cells[part.cells]], optimize=True))
            values = part.basis @ full[self.nodes[part.cells]]
            result += np.tensordot(values * (w * part.weights)[..., None], values, axes=([0, 1], [0, 1]))
        return result

    def quartic(self, u: Array) -> Array:
        """(count,): the integral of u_i^4."""
        full = self.full(u)
        total = np.zeros(u.shape[1])
        rule = 4 * self.degree + 2 * (self.mesh.order - 1)
        if self.mesh.cell == "tetrahedron":  # a fourth power of high degree is smoother than it might be
            rule = min(rule, max(SMOOTH, assembly.rule(self.mesh, self.degree)))
        for part in self.quadrature(rule):
            values = part.basis @ full[self.nodes[part.cells]]
            total += np.einsum("cqi,cq->i", values**4, part.weights)
        return total

    def roughness(self, u: Array, diffusion: Array) -> Array:
        """(cells, count): the energy, int a |grad|^2, of what only the highest degree resolves of each function.

        That is a function less its interpolant one degree lower: small where it is smooth, and what is still missing
        is smaller yet; large in cells that are too wide for it.

        Parameters
        ----------
        diffusion
            a, shape (regions, 3).
        """
        own, lower = self.element, element(self.mesh.cell, self.degree - 1)
        rest = np.eye(own.size) - lower.values(own.nodes) @ own.values(lower.nodes)
        return assembly.energies(
            self, np.einsum("ij,cjn->cin", rest, self.full(u)[self.nodes], optimize=True), diffusion
        )

    def on_grid(self, u: Array, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Array:
        """(count, len(x), len(y), len(z)) values on the grid of these ascending coordinates; zero outside."""
        from .sampling import on_grid

        return on_grid(self, self.full(u), *(np.asarray(c, dtype=float) for c in (x, y, z)))

    def region_on_grid(self, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Ints:
        """(len(x), len(y), len(z)) number of the region around each point of a grid; -1 outside."""
        from .sampling import tags_on_grid

        return tags_on_grid(self.mesh, *(np.asarray(c, dtype=float) for c in (x, y, z)))

    def linear(self) -> Mesh:
        """The mesh of the nodes: every cell divided at its nodes, with straight sides; points are `coordinates`.

        Its nodal values are those of this space, so it serves to draw functions and, as the low-order refined
        operator, to precondition.
        """
        cells = self.nodes[:, self.element.subcells].reshape(-1, self.element.subcells.shape[1])
        tags = np.repeat(self.mesh.tags, len(self.element.subcells))
        return Mesh(self.coordinates, cells, self.mesh.cell, 1, self.mesh.regions, tags)

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
        """Lowest eigenpairs of ``-div(a grad u) + V u = E u`` with a and V constant in each region.

        Parameters
        ----------
        diffusion
            a > 0: one number per region, or shape (regions, 3) where it differs along the axes.
        potential
            V, one number per region.
        backend
            "auto", "scipy" or "petsc"; "auto" takes PETSc where it is installed and pays: beyond `PETSC_PAYS` unknowns.

        Raises
        ------
        NotConverged
            A pair missed the tolerance; what was found is in ``found``.
        """
        if self.dirichlet is None and (backend == "petsc" or (backend == "auto" and self._large_for_petsc())):
            from .distributed import DistributedSpace

            return DistributedSpace(whole(self.mesh), self.degree).lowest(
                diffusion, potential, count, tolerance=tolerance
            )
        v = np.asarray(potential, dtype=float)
        stiffness = assembly.stiffness(self, np.asarray(diffusion, dtype=float), v)
        mass = assembly.mass(self)
        return lowest(
            stiffness,
            mass,
            count,
            floor=float(v.min()),
            tolerance=tolerance,
            backend=backend,
            low_order=lambda: assembly.low_order(self, np.asarray(diffusion, dtype=float), v - v.min()),
        )

    def _large_for_petsc(self) -> bool:
        from . import petsc

        return self.size > PETSC_PAYS and petsc.available()


def _number(mesh: Mesh, element: Element) -> tuple[Ints, int]:
    """Give every node a number: vertices first, then those inside edges, faces and cells."""
    cells = mesh.vertices
    p = element.degree
    numbers = np.empty((len(cells), element.size), dtype=np.int64)
    vertex_dofs, edge_dofs, face_dofs, inner_dofs = element.entities
    used, local = np.unique(cells, return_inverse=True)
    cells = local.reshape(cells.shape)
    numbers[:, vertex_dofs[:, 0]] = cells
    total = len(used)
    if p == 1:
        return numbers, total

    edge_corners, face_corners = element.corners
    edge_flips, face_flips = element.flips
    ends = cells[:, edge_corners]
    low, high = ends.min(axis=2), ends.max(axis=2)
    _, edge = np.unique(low * len(used) + high, return_inverse=True)
    edge = edge.reshape(low.shape)
    turned = (ends[:, :, 0] > ends[:, :, 1]).astype(np.int64)
    numbers[:, edge_dofs] = total + edge[..., None] * (p - 1) + edge_flips[turned]
    total += (int(edge.max()) + 1) * (p - 1)

    inside = face_dofs.shape[1]
    if inside:
        corners = cells[:, face_corners]
        orders = orientations(element.cell)
        # the ordering of the corners that starts at the lowest vertex and goes on to its lower neighbour
        origin, side, other = (corners[..., orders[:, i]] for i in range(3))
        canonical = (origin == corners.min(axis=2, keepdims=True)) & (side < other)
        turn = np.argmax(canonical, axis=2)
        key = _face_keys(corners, len(used))
        _, face = np.unique(key, return_inverse=True)
        face = face.reshape(turn.shape)
        numbers[:, face_dofs] = total + face[..., None] * inside + face_flips[turn]
        total += (int(face.max()) + 1) * inside

    own = inner_dofs.shape[1]
    if own:
        numbers[:, inner_dofs[0]] = total + np.arange(len(cells))[:, None] * own + np.arange(own)
        total += len(cells) * own
    return numbers, total


def _face_keys(corners: Ints, vertices: int) -> Ints:
    """One integer per face: faces of a conforming mesh with three corners, or one diagonal, in common are the same."""
    if corners.shape[2] == 4:
        lowest = corners.argmin(axis=2)
        opposite = np.take_along_axis(corners, 3 - lowest[..., None], axis=2)[..., 0]
        return np.asarray(corners.min(axis=2) * vertices + opposite)
    ordered = np.sort(corners, axis=2)
    _, pair = np.unique(ordered[..., 0] * vertices + ordered[..., 1], return_inverse=True)
    return np.asarray(pair.reshape(ordered.shape[:2]) * vertices + ordered[..., 2])


def face_closure(element: Element) -> Ints:
    """(faces, n) all nodes on each face, edges and corners included."""
    lattice, p = element.lattice, element.degree
    rows = []
    for corners in element.corners[1]:
        a, b, c = lattice[element.entities[0][corners[:3], 0]]
        normal = np.cross(b - a, c - a)
        rows.append(np.flatnonzero((lattice - a) @ normal == 0))
    assert len({len(row) for row in rows}) == 1, p
    return np.array(rows)
