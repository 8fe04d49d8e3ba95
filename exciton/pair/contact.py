"""The contact ``int Psi(r, r) d3r`` of a pair, from all of Psi instead of where electron and hole meet.

An energy hardly depends on what a pair does where they meet, so that a variational Psi is worst there. But the exact
one obeys ``<G| H - E |Psi> = 0`` for every G that vanishes on the walls, singular ones too. Of

    G = g(r_e, r_h) exp(-kappa s)/s,   s = |r_e - r_h|,   4 pi [a_e(r) + a_h(r)] g(r, r) = 1,   a = hbar^2/2m,

``<G| H`` holds ``int Psi(r, r)``, as -div grad 1/s = 4 pi delta. So ``int Psi(r, r) - <G| H - E |Psi>``, which is the
contact of the exact Psi, depends on Psi all over the particle, and converges as smooth expectation values do [1]_.
The weak form never needs the delta: -grad 1/s can be integrated.

References
----------
.. [1] J. Hiller, J. Sucher, G. Feinberg, Phys. Rev. A 18, 2399 (1978), for densities at a nucleus.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.special import exp1

from exciton.pair.geminals import Geminals, PairStates
from exciton.pair.integrals import Densities, Table
from exciton.pair.orbitals import Orbitals, Sample
from exciton.units import COULOMB
from solvers.parity import ANY

Array = NDArray[np.float64]
Factor = tuple[Array, Array]  # (nx, ny, nz) a function of one carrier, and what its Hamiltonian makes of it

DEPENDENT = 1e-4  # directions of a fit with a smaller share are left out


@dataclass(frozen=True, eq=False)
class Probe:
    """``G = alpha(r_e) beta(r_h) exp(-kappa s)/s``."""

    geminals: Geminals
    factors: tuple[Factor, Factor]  # of electron and hole
    parity: NDArray[np.int64]  # (3,) of either

    @classmethod
    def of(cls, geminals: Geminals, states: PairStates, around: Sample | None = None) -> "Probe":
        """The G that best has its value at contact where electron and hole of the first state meet.

        Parameters
        ----------
        around
            Orbitals on the grid of the pair's own that alpha and beta consist of; those of the pair by default.
        """
        own = geminals.integrals.sample
        around = own if around is None else around
        carriers = own.electron, own.hole
        a = 4 * np.pi * sum(np.mean(np.stack(np.broadcast_arrays(*c.diffusion)), axis=0) for c in carriers)
        meet = np.abs(_at_contact(geminals, states)) * np.einsum("a,b,c->abc", *own.grid.weights)
        fits = []
        for first, other in ((around.electron, around.hole), (around.hole, around.electron)):
            alike = np.flatnonzero(np.all(other.parities == first.parities[0], axis=1))
            lowest, many = first.some(np.zeros(1, dtype=np.int64)), other.some(alike)
            z, misfit = _fitted((a * lowest.values * many.values).reshape(len(many), -1), meet.ravel())
            pair = _factor(np.ones(1), lowest), _factor(z, many)
            fits.append((misfit, pair if first is around.electron else pair[::-1], first.parities[0]))
        _, (electron, hole), parity = min(fits, key=lambda fit: fit[0])
        return cls(geminals, (electron, hole), parity)

    def improved(self, states: PairStates) -> PairStates:
        """The same states with their contacts from all of Psi; dark ones of another parity as they are."""
        sample, first = self.geminals.integrals.sample, states.products
        if np.any(sample.electron.parities[first.electron[0]] != sample.hole.parities[first.hole[0]]):
            return states
        contacts, start = states.contacts, 0
        for v, products in states.groups:
            vectors = states.vectors[start : start + len(products.electron)]
            start += len(vectors)
            levels = sample.electron.energies[products.electron] + sample.hole.energies[products.hole]
            product, shared, interaction = (
                each.values[each.start[0, products.electron] + each.column[0, products.hole]]
                for each in self._tables(v)
            )
            contacts = contacts - (interaction + shared * levels) @ vectors + states.energies * (product @ vectors)
        return replace(states, contacts=contacts)

    @property
    def _kappa(self) -> float:
        """1/nm: of a function of medium range; what follows hardly depends on it."""
        return float(self.geminals.ranges[len(self.geminals.ranges) // 2])

    def _tables(self, v: int) -> tuple[Table, Table, Table]:
        """Integrals of G with products times v: of both, of what goes with the energy of the products, of the rest.

        As in `Geminals`, with exp(-kappa s)/s in the place of u, and without energies of alpha and beta.
        """
        if v not in self._known:
            radial, waves, mirrors = self.geminals.radial, self.geminals.integrals.sample.waves, self._mirrors
            s, kappa = radial.s, self._kappa
            steep = np.exp(-kappa * s) / s
            slopes = -steep * (kappa + 1 / s) * radial.slopes[v]
            product = steep * radial.values[v]
            own = sum(c * k * exp1((kappa + k) * s) for c, k in zip(radial.coefficients[v], radial.ranges))
            attraction = -COULOMB / self.geminals.permittivity * product / s

            def table(values: Array, *which: str, axis: int = -1) -> Table:
                kernel = waves.kernel(values, mirrors) if axis < 0 else waves.directed(values, axis, mirrors)
                return Table.of(kernel, *(each[name] for each, name in zip(self._densities, which)))

            rest = table(attraction, "", "") + table(own, "H", "") + table(own, "", "H")
            for number, each in enumerate(self._densities):
                for name in each:
                    which = (name, "") if number == 0 else ("", name)
                    if name.startswith("a"):
                        rest = rest + table(slopes, *which, axis=int(name[1:]))
                    elif name == "U":
                        rest = rest + table(own - product, *which)
            self._known[v] = table(product, "", ""), table(product - own, "", ""), rest
        return self._known[v]

    @cached_property
    def _known(self) -> dict[int, tuple[Table, Table, Table]]:
        return {}

    @property
    def _mirrors(self) -> tuple[int, int, int]:
        return self.geminals.integrals.sample.mirrors

    @cached_property
    def _densities(self) -> tuple[dict[str, Densities], dict[str, Densities]]:
        """Products of alpha or beta with the carrier's orbitals, by what they are weighted with."""
        sample = self.geminals.integrals.sample
        found = []
        for orbitals, (function, image) in zip((sample.electron, sample.hole), self.factors):
            weights = {"": function, "H": image}
            alike = len(orbitals.diffusion) == 1
            weights |= {f"a{-1 if alike else axis}": a * function for axis, a in enumerate(orbitals.diffusion)}
            if orbitals.field is not None:
                weights["U"] = orbitals.field * function
            found.append({name: self._beside(orbitals, values) for name, values in weights.items()})
        return found[0], found[1]

    def _beside(self, orbitals: Orbitals, function: Array) -> Densities:
        """The products of a function on the grid with all orbitals."""
        waves, p = self.geminals.integrals.sample.waves, orbitals.parities
        parity = np.where(p == ANY, ANY, (p + self.parity) % 2)
        index, classes = np.zeros((1, len(p)), dtype=np.int64), {}
        for each in np.unique(parity, axis=0):
            members = np.flatnonzero(np.all(parity == each, axis=1))
            index[0, members] = np.arange(len(members))
            name = (int(each[0]), int(each[1]), int(each[2]))
            classes[name] = np.concatenate(
                [waves.transform(function * orbitals.values[i : i + 1], name) for i in members]
            )
        return Densities(classes, index, parity[None])


def _factor(z: Array, orbitals: Orbitals) -> Factor:
    """A combination of eigenfunctions, (H + U) f = E f, and H times it."""
    field = 0.0 if orbitals.field is None else orbitals.field
    value, energy = (np.tensordot(each, orbitals.values, axes=1) for each in (z, z * orbitals.energies))
    return value, energy - field * value


def _at_contact(geminals: Geminals, states: PairStates) -> Array:
    """(nx, ny, nz) Psi(r, r) of the first state, nm^-3."""
    sample = geminals.integrals.sample
    matrix, start = np.zeros((len(sample.electron), len(sample.hole))), 0
    for u, products in states.groups:
        here = states.vectors[start : start + len(products.electron), 0]
        start += len(here)
        matrix[products.electron, products.hole] += geminals.radial.at_contact[u] * here
    total = np.zeros(sample.grid.shape)
    for electron, row in zip(sample.electron.values, matrix):
        if row.any():
            total += electron * np.tensordot(row, sample.hole.values, axes=1)
    return total


def _fitted(functions: Array, weights: Array) -> tuple[Array, float]:
    """Coefficients of the combination of functions (n, points) that is nearest to 1, and how far it is from that."""
    weighted = functions * weights
    share, directions = eigh(weighted @ functions.T)
    kept = share > DEPENDENT * share[-1]
    right = weighted.sum(axis=1)
    z = directions[:, kept] @ (directions[:, kept].T @ right / share[kept])
    return z, float(weights.sum() - z @ right)
