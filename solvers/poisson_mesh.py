"""``-div(eps grad u) = f`` in all space on the cells of a mesh: eps may jump from region to region, exactly there.

The mesh fills a ball; beyond it eps is constant and u is a sum of ``Y_lm r^-(l+1)``. On the sphere of radius R the flux
is then known from the values, ``-eps du/dr = eps/R sum_lm (l+1) u_lm Y_lm`` (J. B. Keller, D. Givoli, J. Comput. Phys.
82, 172 (1989), doi 10.1016/0021-9991(89)90041-7), which closes the weak form without an outer boundary. Harmonics up to
`harmonics` are taken as they are, all others as if l were one more: what is missing falls as (r/R)^(2 l), r the radius
of what is inside.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from meshes.mesh import Mesh
from meshes.reference import tabulate

from . import assembly
from .element import Array, Ints, quadrature
from .linear import Solver
from .sampling import located
from .space import Space, face_closure

Function = Callable[[Array], Array]  # of points (n, 3): values (n,)
Triple = tuple[Array, Array, Array]


@dataclass(frozen=True, slots=True, eq=False)
class Potentials:
    """Solutions, and how well they solve."""

    nodal: Array  # (nodes, count)
    residuals: Array  # (count,)
    iterations: int


class MeshPoisson:
    """Solves ``-div(eps grad u) = f`` for one eps and any number of f.

    Parameters
    ----------
    mesh
        Of a ball around the origin; its last region lies at the sphere and goes on to infinity.
    degree
        Of the elements.
    permittivity
        (regions,) eps > 0.
    smooth
        eps as a function of points instead, which is ``permittivity[-1]`` at the sphere and beyond.
    harmonics
        Largest l on the sphere that is exact.
    tolerance
        Of the residuals, relative.
    """

    def __init__(
        self,
        mesh: Mesh,
        degree: int,
        permittivity: Array,
        *,
        smooth: Function | None = None,
        harmonics: int = 8,
        tolerance: float = 1e-9,
    ) -> None:
        nodes = Space(mesh, degree).node_count
        self.space = Space(mesh, degree, np.zeros(nodes, dtype=bool))
        self.permittivity = np.asarray(permittivity, dtype=float)
        self._smooth, self._harmonics, self._tolerance = smooth, harmonics, tolerance
        corners = mesh.facets.vertices[mesh.facets.boundary]
        self.radius = float(np.linalg.norm(mesh.points[corners], axis=-1).mean())

    # -- right-hand sides ----------------------------------------------------------------------------------------

    def density(self, f: Function) -> Array:
        """(nodes, 1) ``int f v`` of an f that is smooth within cells."""
        space, rule = self.space, 2 * self.space.degree + 4
        shape = tabulate(space.mesh.cell, space.mesh.order, quadrature(space.mesh.cell, rule)[0])[0]
        total = np.zeros((space.node_count, 1))
        for part in space.quadrature(rule):
            x = np.einsum("qk,ckx->cqx", shape, space.mesh.points[space.mesh.cells[part.cells]])
            values = f(x.reshape(-1, 3)).reshape(x.shape[:2]) * part.weights
            np.add.at(total[:, 0], space.nodes[part.cells], values @ part.basis)
        return total

    def charges(self, points: Triple, strengths: Array) -> Array:
        """(nodes, count) point charges on the products of three rows of coordinates; strengths (count, nx, ny, nz).

        A density is that: its values times the weights of a quadrature.
        """
        space, flat = self.space, strengths.reshape(len(strengths), -1).T
        total, seen = np.zeros((space.node_count, len(strengths))), np.zeros(len(flat), dtype=bool)
        for owner, index, reference in located(space.mesh, points):
            _, first = np.unique(index, return_index=True)  # on a face, a point is in two cells
            new = first[~seen[index[first]]]
            seen[index[new]] = True
            values = space.element.values(reference[new])
            np.add.at(total, space.nodes[owner[new]], values[:, :, None] * flat[index[new], None, :])
        return total

    # -- solutions -----------------------------------------------------------------------------------------------

    def solve(self, load: Array) -> Potentials:
        """The potentials of right-hand sides (nodes, count).

        Raises
        ------
        NotConverged
            A residual missed the tolerance.
        """
        found = self._solver(load)
        return Potentials(found.vectors, found.residuals, found.iterations)

    def derivatives(self, first: Array, second: Array) -> Array:
        """(regions,) derivatives of ``int f u'`` by each permittivity, from the nodal values of u and u', (nodes,).

        Minus the integral of ``grad u . grad u'`` over each region, the last of which goes to infinity: the energy is
        stationary in the potentials.
        """
        inside = [-float(first @ (stiffness @ second)) for stiffness, _ in assembly.by_region(self.space)]
        inside[-1] -= float(first @ (self._beyond @ second))
        return np.array(inside)

    @cached_property
    def _solver(self) -> Solver:
        space, zero = self.space, np.zeros(len(self.permittivity))
        outside = float(self.permittivity[-1])
        if self._smooth is None:
            inside = assembly.stiffness(space, self.permittivity, zero)
        else:
            inside = assembly.stiffness_of(space, self._smooth)

        def low_order() -> csr_array:
            linear = Space(space.linear(), 1, space.fixed)
            robin = outside / self.radius * _surface_mass(linear)
            return csr_array(assembly.stiffness(linear, self.permittivity, zero) + robin)

        matrix = csr_array(inside + outside * self._beyond)
        return Solver(matrix, tolerance=self._tolerance, low_order=low_order)

    @cached_property
    def _beyond(self) -> csr_array:
        """``int grad u . grad v`` beyond the sphere, of the harmonic continuations."""
        others = self._harmonics + 2  # l + 1 of the first one that is not exact
        moments, l = _moments(self.space, self._harmonics)
        modes = csr_array(moments * np.sqrt(others - (l + 1)))
        return csr_array((others * _surface_mass(self.space) - modes @ modes.T) / self.radius)


def _on_surface(space: Space, rule: int) -> Iterator[tuple[Ints, Array, Array, Array]]:
    """For each kind of facet: nodes (f, k), values (q, k), points (f, q, 3) and weights (f, q) on the outer surface."""
    mesh, facets = space.mesh, space.mesh.facets
    closure = face_closure(space.element)
    flat, weights = quadrature("triangle", rule)
    for local in range(len(mesh.reference.facets)):
        some = facets.boundary[facets.local[facets.boundary, 0] == local]
        cells = facets.cells[some, 0]
        corners = mesh.reference.nodes[mesh.reference.facets[local]]
        sides = corners[1] - corners[0], corners[2] - corners[0]
        reference = corners[0] + flat[:, :1] * sides[0] + flat[:, 1:2] * sides[1]
        shape, gradients = tabulate(mesh.cell, mesh.order, reference)
        nodes = mesh.points[mesh.cells[cells]]
        jacobian = np.einsum("dqk,ckx->cqxd", gradients, nodes)
        tangents = [jacobian @ side for side in sides]
        area = np.linalg.norm(np.cross(*tangents), axis=-1)
        points = np.einsum("qk,ckx->cqx", shape, nodes)
        values = space.element.values(reference)[:, closure[local]]
        yield space.nodes[cells[:, None], closure[local]], values, points, area * weights


def _surface_mass(space: Space) -> csr_array:
    """(nodes, nodes) ``int u v`` over the outer surface."""
    total = csr_array((space.node_count, space.node_count))
    for nodes, values, _, weights in _on_surface(space, 2 * space.degree + 2):
        local = np.einsum("qi,cq,qj->cij", values, weights, values, optimize=True)
        rows, columns = np.broadcast_arrays(nodes[:, :, None], nodes[:, None, :])
        total = total + csr_array((local.ravel(), (rows.ravel(), columns.ravel())), shape=total.shape)
    return total


def _moments(space: Space, harmonics: int) -> tuple[Array, Ints]:
    """(nodes, modes) ``int u Y_lm`` over the outer surface, Y orthonormal there, and (modes,) l."""
    l = np.concatenate([np.full(2 * n + 1, n) for n in range(harmonics + 1)])
    total, gram = np.zeros((space.node_count, len(l))), np.zeros((len(l), len(l)))
    for nodes, values, points, weights in _on_surface(space, max(space.degree, harmonics) + harmonics + 2):
        modes = spherical_harmonics(points, harmonics)
        np.add.at(total, nodes, np.einsum("qi,cq,cqm->cim", values, weights, modes, optimize=True))
        gram += np.einsum("cqm,cq,cqn->mn", modes, weights, modes, optimize=True)
    size, vectors = np.linalg.eigh(gram)
    return total @ (vectors / np.sqrt(size)) @ vectors.T, l


def spherical_harmonics(points: Array, top: int) -> Array:
    """(..., (top + 1)^2) real Y_lm, orthonormal on the unit sphere, towards points (..., 3); l ascending."""
    x, y, z = np.moveaxis(points / np.linalg.norm(points, axis=-1, keepdims=True), -1, 0)
    around = np.stack([(x + 1j * y) ** m for m in range(top + 1)])
    found: dict[tuple[int, int], Array] = {}
    start = np.full(z.shape, np.sqrt(1 / (4 * np.pi)))
    for m in range(top + 1):
        start = start * np.sqrt((2 * m + 1) / (2 * m)) if m else start
        before, here = np.zeros_like(start), start
        for l in range(m, top + 1):
            for sign, part in ((m, around[m].real), (-m, around[m].imag)):
                found[l, sign] = here * part * (np.sqrt(2) if m else 1.0)
                if m == 0:
                    found[l, 0] = here
            a, b = ((k * k - m * m) / (4 * k * k - 1) for k in (l + 1, l))
            before, here = here, (z * here - np.sqrt(b) * before) / np.sqrt(a)
    return np.stack([found[l, m] for l in range(top + 1) for m in range(-l, l + 1)], axis=-1)
