"""Image charges: what a permittivity that varies in space adds to the interaction of two carriers, and to one alone.

The interaction of two unit charges is ``W = e^2/(4 pi eps0 eps_core |r - r'|) + image part``. The image part comes from
a Poisson problem of its own, with the source ``div((eps - eps_core) grad phi_core)``, so that nothing large cancels.
Energies eV, lengths nm.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from exciton.dielectric import Dielectric
from exciton.meshed import meshed_error
from exciton.open_space import Resolution, problem
from exciton.resolve import Resolved
from exciton.self_energy import MESH_FINE, MOST, ROUND_COARSE, USUAL, refinable, self_energy
from exciton.units import COULOMB
from exciton.voxels import Voxels
from solvers.grid import Grid
from solvers.poisson import Field, Poisson

Array = NDArray[np.float64]

INTERACTION = 4 * np.pi * COULOMB  # eV nm: e^2 / eps0
FINE = Resolution(degree=4, finest=1.5, growth=2.5, largest=1.5)
COARSE = Resolution(degree=3, finest=1.5, growth=2.5, largest=1.5)
BROADER = 1.25  # interface width, and its inverse, for the derivative


@dataclass(frozen=True, eq=False)
class Images:
    """Image potentials and self-energies on a grid.

    Parameters
    ----------
    dielectric
        The permittivity of the structure.
    grid
        On which densities and potentials are values.
    elements
        Interface width in which elements are measured, nm; None: that of the interfaces.
    detail
        Of the self-energies (see `exciton.self_energy`).
    """

    dielectric: Dielectric
    grid: Grid
    elements: float | None = None
    detail: int = USUAL

    @classmethod
    def of(cls, resolved: Resolved, grid: Grid) -> "Images":
        """Those of a point of a job.

        Raises
        ------
        JobError
            A region or the medium has no permittivity.
        """
        return cls(Dielectric.of(resolved), grid)

    # -- interaction of two charges --------------------------------------------------------------------------------

    def potential(self, density: Array) -> Array:
        """Image potentials of densities, eV: positive where a like charge is repelled.

        Parameters
        ----------
        density
            (count, nx, ny, nz) in nm^-3.

        Returns
        -------
        Array
            (count, nx, ny, nz): ``int [W(r, r') - e^2/(4 pi eps0 eps_core |r - r'|)] density(r') d3r'``.

        Raises
        ------
        NotConverged
            The permittivities are too far apart for the linear solver.
        """
        return self._potential(self._fine, density)

    def potential_change(self, density: Array) -> Array:
        """What `potential` has gained on coarser elements, eV: its expectation value estimates the error."""
        return self.potential(density) - self._potential(self._coarse, density)

    def by_permittivity(self, first: Array, second: Array) -> dict[str, float]:
        """Derivatives of ``int int first W second`` (W the whole interaction) by the permittivity of each region, eV.

        Parameters
        ----------
        first, second
            (nx, ny, nz) densities, nm^-3.

        Returns
        -------
        dict
            For each region that is there and for "medium": minus the integral of the product of both fields there,
            ``-(e^2/eps0) int share_i grad phi . grad phi'``, phi the potentials of unit permittivity of vacuum.
        """
        poisson = self._fine
        core, image = self._fields(poisson, np.stack([first, second]))
        whole = core + image
        shares = self.dielectric.shares(*poisson.nodes)
        inside = [poisson.form(whole, share)[0, 1] for share in shares]
        inside[-1] += poisson.beyond() * whole.monopole.prod()
        return {name: float(-INTERACTION * value) for name, value in zip(self.dielectric.names, inside)}

    def _potential(self, poisson: Poisson, density: Array) -> Array:
        _, image = self._fields(poisson, density)
        return INTERACTION * image.on_grid(*self.grid.points)

    def _fields(self, poisson: Poisson, density: Array) -> tuple[Field, Field]:
        """The potential in the core's permittivity, and what the true one adds to it; without e / eps0."""
        load = poisson.charges(self.grid.points, density * self.grid.volumes)
        core = poisson.uniform(load, self.dielectric.core)
        return core, poisson.solve(load, core)

    @cached_property
    def _fine(self) -> Poisson:
        return problem(self.dielectric, FINE, width=self.elements)

    @cached_property
    def _coarse(self) -> Poisson:
        return problem(self.dielectric, COARSE, width=self.elements)

    # -- one charge ------------------------------------------------------------------------------------------------

    def self_energy(self) -> Array:
        """(nx, ny, nz) Sigma in eV: ``1/2 lim [W(r, r') - e^2/(4 pi eps0 sqrt(eps(r) eps(r')) |r - r'|)]``.

        Raises
        ------
        NotConverged
            The permittivities are too far apart for the linear solver.
        """
        return self._self_energy

    def self_energy_change(self) -> Array:
        """What `self_energy` has gained on a coarser representation: its expectation value estimates the error.

        In a mesh the sum of what several such changes make, see `meshed_error`.
        """
        if isinstance(self.dielectric.geometry, Voxels):
            return meshed_error(self.dielectric, self.grid, MESH_FINE, ROUND_COARSE)
        return self._self_energy - self.rough_self_energy

    @cached_property
    def self_energies(self) -> tuple[Array, ...]:
        """`self_energy` in this detail, in less, and so on, eV."""
        less = (self_energy(self.dielectric, self.grid, detail=n) for n in reversed(range(self.detail - 1)))
        return self._self_energy, self.rough_self_energy, *less

    @cached_property
    def rough_self_energy(self) -> Array:
        """`self_energy` on the coarser representation: enough for how it changes with the interface width."""
        return self_energy(self.dielectric, self.grid, detail=self.detail - 1, width=self.elements)

    @cached_property
    def _self_energy(self) -> Array:
        return self_energy(self.dielectric, self.grid, detail=self.detail, width=self.elements)

    @property
    def refined(self) -> "Images | None":
        """The same with self-energies in more detail; None where there is no more."""
        more = refinable(self.dielectric) and self.detail < MOST
        return replace(self, detail=self.detail + 1) if more else None

    # -- the interface ---------------------------------------------------------------------------------------------

    @cached_property
    def neighbours(self) -> tuple["Images", "Images"]:
        """The same with interfaces narrower and broader by the factor `BROADER`, on the same elements.

        Elements that follow the width would move the energies by more than the width does.
        """
        width = self.dielectric.width
        narrower, broader = (
            Images(self.dielectric.with_width(each), self.grid, width) for each in (width / BROADER, width * BROADER)
        )
        return narrower, broader
