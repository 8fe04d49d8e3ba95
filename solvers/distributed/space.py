"""A Lagrange space over many ranks, with the interface of `Space`.

Functions are arrays of shape (rows, count): the values at the free nodes that this rank owns. Integrals, energies and
values on grids are summed over the ranks and the same on each of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from meshes.mesh import Mesh
from meshes.partition import Part

from .. import petsc
from ..eigen import Eigenpairs
from ..element import Array, Element, Ints, element, quadrature
from ..errors import BackendMissing
from ..parallel import Comm, from_first, highest, total
from ..space import Space
from .numbering import Numbering, number, outer_nodes


@dataclass(frozen=True, eq=False)
class DistributedSpace:
    """Continuous piecewise polynomials on a mesh of which every rank has a part; they vanish on its outer surface.

    Parameters
    ----------
    part
        This rank's cells.
    degree
        Polynomial degree, at least 1.
    comm
        The ranks; None: this process alone.
    """

    part: Part
    degree: int
    comm: Comm = None

    @cached_property
    def _surface(self) -> tuple[Space, Ints, Ints]:
        """The space on this rank's cells, with the nodes that vanish; its surface's nodes and their names."""
        bare = Space(self.part.mesh, self.degree)
        outer, surface, names = outer_nodes(bare, self.part.points, self.comm)
        space = Space(self.part.mesh, self.degree, outer)
        space.__dict__["nodes"] = bare.nodes
        return space, surface, names

    @property
    def local(self) -> Space:
        """The space on this rank's cells; its unknowns are those owned, and the ghosts."""
        return self._surface[0]

    @cached_property
    def numbering(self) -> Numbering:
        return number(*self._surface, self.comm)

    @property
    def mesh(self) -> Mesh:
        """This rank's cells."""
        return self.part.mesh

    @property
    def element(self) -> Element:
        return self.local.element

    @property
    def regions(self) -> tuple[str, ...]:
        return self.part.mesh.regions

    @property
    def size(self) -> int:
        """Number of unknowns over all ranks."""
        return self.numbering.size

    @property
    def at_once(self) -> int:
        """Number of unknowns of the largest eigenproblem."""
        return self.size

    @property
    def rows(self) -> int:
        """Number of unknowns that this rank owns."""
        return len(self.numbering.owned)

    @cached_property
    def coordinates(self) -> Array:
        """(rows, 3) where the owned unknowns are."""
        return self.local.coordinates[self.local.free[self.numbering.owned]]

    def full(self, u: Array) -> Array:
        """(nodes of this rank's cells, count) nodal values; those that others own, and the zeros, are put in."""
        return self.local.full(self.numbering.spread(u))

    # -- integrals and values ------------------------------------------------------------------------------------

    def gram(self, u: Array, v: Array | None = None) -> Array:
        """(regions, i, j): the integral of u_i v_j over each region."""
        spread = self.numbering.spread
        return total(self.comm, self.local.gram(spread(u), None if v is None else spread(v)))

    def weighted(self, u: Array, weight: Callable[[Array], Array], degree: int = 0) -> Array:
        """(i, j): the integral of w u_i u_j, see `Space.weighted`."""
        return total(self.comm, self.local.weighted(self.numbering.spread(u), weight, degree))

    def quartic(self, u: Array) -> Array:
        """(count,): the integral of u_i^4."""
        return total(self.comm, self.local.quartic(self.numbering.spread(u)))

    def on_grid(self, u: Array, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Array:
        """(count, len(x), len(y), len(z)) values on the grid of these ascending coordinates; zero outside."""
        from ..sampling import on_grid

        nodal = self.full(u)
        # points on the faces between ranks are found by each of them: the last column says how often
        nodal = np.hstack([nodal, np.ones((len(nodal), 1))])
        values = on_grid(self.local, nodal, *(np.asarray(c, dtype=float) for c in (x, y, z)))
        values = total(self.comm, values)
        return values[:-1] / np.maximum(values[-1], 1.0)

    def region_on_grid(self, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Ints:
        """(len(x), len(y), len(z)) number of the region around each point of a grid; -1 outside."""
        return highest(self.comm, self.local.region_on_grid(x, y, z))

    def linear(self) -> Mesh:
        """The mesh of the nodes of this rank's cells; its nodal values are those of `full`."""
        return self.local.linear()

    # -- eigenpairs ----------------------------------------------------------------------------------------------

    def lowest(
        self,
        diffusion: ArrayLike,
        potential: ArrayLike,
        count: int,
        *,
        tolerance: float = 1e-7,
        backend: str = "petsc",
        iterations: int = 200,
        start: Array | None = None,
    ) -> Eigenpairs:
        """As `Space.lowest`, on all ranks together.

        Parameters
        ----------
        backend
            "petsc" or "auto", which is the same here.
        start
            This rank's rows of functions to begin with; None: those of degree 1 on the same mesh.

        Returns
        -------
        Eigenpairs
            The vectors hold this rank's rows.

        Raises
        ------
        NotConverged
            A pair missed the tolerance, or a state is missing; raised on all ranks.
        BackendMissing
            There is no PETSc here, or another backend was asked for.
        """
        from .eigen import lowest

        if backend not in ("auto", "petsc"):
            raise BackendMissing(f"the backend {backend!r} works on one rank; over several it is petsc")
        petsc.load()
        a, v = np.asarray(diffusion, dtype=float), np.asarray(potential, dtype=float)
        pairs = lowest(self, a, v, count, tolerance=tolerance, iterations=iterations, start=start)
        petsc.forget(self.comm)
        return pairs

    @cached_property
    def mass_bound(self) -> float:
        """A lower bound of the mass matrix relative to its diagonal, from its element matrices.

        A. J. Wathen, IMA J. Numer. Anal. 7, 449 (1987): that of the reference cell; where the Jacobian varies within
        cells, times its smallest ratio.
        """
        from scipy.linalg import eigh

        reference = element(self.mesh.cell, self.degree)
        points, weights = quadrature(self.mesh.cell, 2 * self.degree)
        values = reference.values(points)
        matrix = (values.T * weights) @ values
        least = float(eigh(matrix, np.diag(np.diag(matrix)), eigvals_only=True)[0])
        ratio = float(self.mesh.distortion().min(initial=1.0))
        ratios = [ratio] if self.comm is None else self.comm.allgather(ratio)
        return from_first(self.comm, least) * min(ratios)
