"""The correlated pair: products of carrier states times functions of the electron-hole distance.

    Psi(r_e, r_h) = sum_ij [ c_ij + d_ij F(s) + g_ij exp(-kappa s) ] e_i(r_e) h_j(r_h)
                    + e_0 h_0 sum_k b_k exp(-kappa_k s),   s = |r_e - r_h|

F is the best combination of the exponentials for the ground product alone: it holds the cusp that products of orbitals
lack, so that few of them are needed. Because the orbitals are eigenfunctions, all derivatives of orbitals drop out of
the Hamiltonian: integrated by parts, for u = exp(-kappa s), v = exp(-lambda s),

    <e_i h_j u| H_e |e_i' h_j' v> = (kappa E_i' + lambda E_i)/(kappa + lambda) <u v> + <a_e(r_e) u' v'> + ...,

with a = hbar^2/2m of the electron where it is; the hole's alike. Eigenfunctions in a field U will do as well: then
E_i - U(r) takes the place of E_i. What remains are integrals of transition densities with functions of the distance.
The space grows with the orbitals and the exponentials; energies only fall.
"""

from copy import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from exciton.pair.integrals import Densities, Integrals, Ints, Products, Table
from exciton.units import COULOMB
from solvers.parity import Parities
from solvers.waves import Waves

Array = NDArray[np.float64]

GROUND = Products(np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64))  # e_0 h_0
DEPENDENT = 1e-10  # directions of the basis with a smaller share of the norm are left out


@dataclass(frozen=True, eq=False)
class Radial:
    """Functions of the distance: combinations of ``exp(-kappa s)``."""

    ranges: Array  # (k,) kappa, 1/nm; the first is 0: the constant
    coefficients: Array  # (functions, k)
    s: Array  # (r,) nm, the radii

    @cached_property
    def values(self) -> Array:
        """(functions, r)."""
        return np.asarray(self.coefficients @ np.exp(-np.outer(self.ranges, self.s)))

    @cached_property
    def slopes(self) -> Array:
        """(functions, r) derivative with respect to s."""
        return np.asarray((-self.coefficients * self.ranges) @ np.exp(-np.outer(self.ranges, self.s)))

    @property
    def at_contact(self) -> Array:
        """(functions,) values at s = 0."""
        return np.asarray(self.coefficients.sum(axis=1))

    def shared(self, u: int, v: int) -> Array:
        """(r,) ``- int_s^inf u' v``: the weight of the energy of v's product; with u and v exchanged it adds to u v."""
        total = self.ranges[:, None] + self.ranges
        weight = np.where(total > 0, self.ranges[:, None] / np.where(total > 0, total, 1.0), 0.5)
        weight = weight * np.outer(self.coefficients[u], self.coefficients[v])
        powers = np.exp(-np.outer(self.ranges, self.s))
        return np.asarray(np.einsum("kl,kr,lr->r", weight, powers, powers))


@dataclass(frozen=True, eq=False)
class PairStates:
    """Lowest pair states of one symmetry."""

    energies: Array  # (n,) eV, from the core's gap, ascending
    contacts: Array  # (n,) int Psi(r, r) d3r
    products: Products
    projections: Array  # (n, products) <e_i h_j | Psi>
    groups: tuple[tuple[int, Products], ...]  # the basis: functions of the distance with their products
    vectors: Array  # (basis, n)

    @property
    def enhancements(self) -> Array:
        """(n,) |int Psi(r, r) d3r|^2."""
        return np.asarray(self.contacts**2)

    def amplitudes(self, electrons: int, holes: int) -> Array:
        """(n, electrons, holes) `projections`, as matrices."""
        matrices = np.zeros((len(self.energies), electrons, holes))
        matrices[:, self.products.electron, self.products.hole] = self.projections
        return matrices


@dataclass(frozen=True, eq=False)
class Geminals:
    """The explicitly correlated pair problem in given orbitals.

    Parameters
    ----------
    permittivity
        Relative, of the attraction: that of the core, everywhere.
    ranges
        (k,) kappa of the exponentials, 1/nm, without the constant.
    dependent
        Directions of the basis with a smaller share of the norm are left out: of eigenfunctions that are known to few
        digits, more.
    richer
        Whether a flatter exponential, too, comes with every product.
    """

    integrals: Integrals
    permittivity: float
    ranges: Array
    dependent: float = DEPENDENT
    richer: bool = False

    @cached_property
    def radial(self) -> Radial:
        """The constant, the exponentials, and as the last one F."""
        ranges = np.concatenate([[0.0], self.ranges])
        s = self.integrals.sample.waves.radii
        alone = Radial(ranges, np.eye(len(ranges)), s)
        overlap, energy = self._ground_block(alone)
        _, best = solve(overlap, energy, 1, self.dependent)
        return Radial(ranges, np.concatenate([alone.coefficients, best.T]), s)

    def without(self, dependent: float) -> "Geminals":
        """The same functions and integrals, where directions of a smaller share are left out."""
        _ = self.radial, self._tables  # made once for both
        other = copy(self)
        object.__setattr__(other, "dependent", dependent)
        return other

    # -- pair states -----------------------------------------------------------------------------------------------

    @property
    def everywhere(self) -> tuple[int, ...]:
        """The functions of the distance with every product: the constant, an exponential of medium range or two, F."""
        medium = (len(self.ranges) + 2) // 2
        return 0, *((medium - 2,) if self.richer else ()), medium, len(self.radial.coefficients) - 1

    def states(
        self,
        products: Products,
        count: int,
        *,
        ground: bool,
        functions: tuple[int, ...] | None = None,
    ) -> PairStates:
        """The lowest states of one symmetry.

        Parameters
        ----------
        products
            All e_i h_j of that symmetry that take part.
        ground
            Whether e_0 h_0 is among them: it then comes with every exponential.
        functions
            What comes with each of the others: `everywhere`, or fewer.
        """
        groups = self._basis(products, ground, functions or self.everywhere)
        size = sum(len(each.electron) for _, each in groups)
        overlap, energy = np.zeros((size, size)), np.zeros((size, size))
        ends = np.cumsum([0, *(len(each.electron) for _, each in groups)])
        for a, (u, rows) in enumerate(groups):
            for b, (v, columns) in enumerate(groups[a:], start=a):
                here = slice(ends[a], ends[a + 1]), slice(ends[b], ends[b + 1])
                overlap[here], energy[here] = self._block(u, v, rows, columns, ground=rows is GROUND)
                overlap[here[::-1]], energy[here[::-1]] = overlap[here].T, energy[here].T
        energies, vectors = solve(overlap, energy, count, self.dependent)
        at_contact = np.concatenate(
            [self.radial.at_contact[u] * self.integrals.overlaps[p.electron, p.hole] for u, p in groups]
        )
        constants = [np.arange(ends[a], ends[a + 1]) for a, (u, _) in enumerate(groups) if u == 0]
        order = [p for u, p in groups if u == 0]
        plain = Products(*(np.concatenate(rows) for rows in zip(*order)))
        projections = (overlap[np.concatenate(constants)] @ vectors).T
        return PairStates(energies, vectors.T @ at_contact, plain, projections, tuple(groups), vectors)

    def function(self, states: PairStates, number: int = 0) -> "PairFunction":
        """One of the states: e_0 h_0 times a function of its own, all others times those that are `everywhere`."""
        c, start = states.vectors[:, number], 0
        own = np.zeros(self.radial.coefficients.shape[1])
        rows = np.zeros((len(self.everywhere), len(states.products.electron)))
        others = (states.products.electron > 0) | (states.products.hole > 0)
        for u, products in states.groups:
            here = c[start : start + len(products.electron)]
            start += len(here)
            if products is GROUND:
                own += here[0] * self.radial.coefficients[u]
            else:
                rows[self.everywhere.index(u), others] = here
        first = np.where(others, 0.0, 1.0)
        functions = np.stack([own, *self.radial.coefficients[list(self.everywhere)]])
        return PairFunction(self.radial.ranges, functions, states.products, np.stack([first, *rows]))

    def _basis(self, products: Products, ground: bool, functions: tuple[int, ...]) -> list[tuple[int, Products]]:
        """(function of the distance, products): all with some functions, e_0 h_0 with each exponential."""
        if not ground:
            return [(u, products) for u in functions]
        others = (products.electron > 0) | (products.hole > 0)
        rest = Products(products.electron[others], products.hole[others])
        groups = [(u, GROUND) for u in range(len(self.radial.coefficients) - 1)]
        return [*groups, *((u, rest) for u in functions)] if len(rest.electron) else groups

    def _block(self, u: int, v: int, rows: Products, columns: Products, *, ground: bool) -> tuple[Array, Array]:
        """Overlap and Hamiltonian between products times u and products times v; `ground`: the rows are e_0 h_0."""
        if (u, v, ground) not in self._tables:
            self._tables[u, v, ground] = self._tabulated(u, v, ground)
        product, shared, interaction = (table.between(rows, columns) for table in self._tables[u, v, ground])
        sample = self.integrals.sample
        of_rows, of_columns = (
            sample.electron.energies[p.electron] + sample.hole.energies[p.hole] for p in (rows, columns)
        )
        return product, interaction + shared * of_columns + (product - shared) * of_rows[:, None]

    @cached_property
    def _tables(self) -> dict[tuple[int, int, bool], tuple[Table, Table, Table]]:
        return {}

    def _tabulated(self, u: int, v: int, ground: bool) -> tuple[Table, Table, Table]:
        """Integrals of u v, of its part that goes with the energy of v's product, and of attraction and slopes."""
        radial, integrals = self.radial, self.integrals
        product = radial.values[u] * radial.values[v]
        attraction = -COULOMB / self.permittivity * product / radial.s
        return (
            integrals.table(product, ground=ground),
            integrals.table(radial.shared(u, v), ground=ground),
            integrals.energy_table(attraction, radial.slopes[u] * radial.slopes[v], product, ground=ground),
        )

    def _ground_block(self, radial: Radial) -> tuple[Array, Array]:
        """Overlap and Hamiltonian of e_0 h_0 times each function of the distance."""
        n = len(radial.coefficients)
        overlap, energy = np.zeros((n, n)), np.zeros((n, n))
        level = self.integrals.sample.electron.energies[0] + self.integrals.sample.hole.energies[0]
        for u in range(n):
            for v in range(u + 1):
                product = radial.values[u] * radial.values[v]
                attraction = -COULOMB / self.permittivity * product / radial.s
                slopes = radial.slopes[u] * radial.slopes[v]
                overlap[u, v] = self.integrals.table(product, ground=True).between(GROUND, GROUND)[0, 0]
                table = self.integrals.energy_table(attraction, slopes, product, ground=True)
                energy[u, v] = table.between(GROUND, GROUND)[0, 0] + level * overlap[u, v]
                overlap[v, u], energy[v, u] = overlap[u, v], energy[u, v]
        return overlap, energy


@dataclass(frozen=True, slots=True, eq=False)
class PairFunction:
    """``Psi = sum_u u(s) sum_p c_up e_i h_j``, products p = (i, j)."""

    ranges: Array  # (k,) of the exponentials
    functions: Array  # (functions, k)
    products: Products
    coefficients: Array  # (functions, products)

    def expectation(self, waves: Waves, mirrors: Parities, electron: Densities, hole: Densities) -> float:
        """<Psi| alpha(r_e) beta(r_h) |Psi>, of densities that are weighted with alpha and beta."""
        values = Radial(self.ranges, self.functions, waves.radii).values
        total = 0.0
        for u, left in enumerate(self.coefficients):
            for v, right in enumerate(self.coefficients[: u + 1]):
                rows, columns = np.flatnonzero(left), np.flatnonzero(right)
                if len(rows) and len(columns):
                    table = Table.of(waves.kernel(values[u] * values[v], mirrors), electron, hole)
                    block = table.between(self._some(rows), self._some(columns))
                    total += (1 if u == v else 2) * float(left[rows] @ block @ right[columns])
        return total

    def _some(self, which: Ints) -> Products:
        return Products(self.products.electron[which], self.products.hole[which])


def solve(overlap: Array, energy: Array, count: int, dependent: float = DEPENDENT) -> tuple[Array, Array]:
    """Lowest eigenpairs of a pencil whose basis may be nearly dependent; vectors (basis, count), normalised."""
    scale = 1 / np.sqrt(np.diag(overlap))
    share, directions = eigh(overlap * scale * scale[:, None])
    kept = share > dependent * share[-1]
    basis = scale[:, None] * directions[:, kept] / np.sqrt(share[kept])
    values, vectors = eigh(basis.T @ energy @ basis)
    return values[:count], basis @ vectors[:, :count]
