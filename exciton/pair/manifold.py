"""All pair states that temperature can reach, bright and dark, and how fast they emit on average.

The correlated problem is solved for every total parity. Products of orbitals beyond those that take part are counted in
the partition function as pairs that feel the mean attraction and do not emit: dark pairs decide the average as much as
bright ones, and there are many more of them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from exciton.pair.correlated import Ground, parity_of_ground, sector
from exciton.units import COULOMB, KB

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Manifold:
    """Pair states of all symmetries, by energy."""

    energies: Array  # (n,) eV, from the core's gap, ascending
    enhancements: Array  # (n,) |int Psi(r, r) d3r|^2; 0 for a dark state
    beyond: Array  # (m,) eV: energies of the products that take no part, in the mean attraction
    size: tuple[int, int] = (0, 0)  # orbitals of electron and hole that take part
    shift: float = 0.0  # eV: the mean attraction, and what the mismatch adds on an average

    def with_levels(self, levels: tuple[Array, Array]) -> "Manifold":
        """The same states, the products that take no part made of other levels of electron and hole, eV."""
        pairs = levels[0][:, None] + levels[1]
        pairs[: self.size[0], : self.size[1]] = np.inf
        return replace(self, beyond=np.sort(pairs[np.isfinite(pairs)] + self.shift))

    def partition(self, temperature: float) -> float:
        """Sum of Boltzmann factors over the lowest state's, all pairs included."""
        return float(self.weights(temperature).sum() + self._factors(self.beyond, temperature).sum())

    def weights(self, temperature: float) -> Array:
        """(n,) Boltzmann factors over that of the lowest state; at 0 K of that alone."""
        return self._factors(self.energies, temperature)

    def mean_enhancement(self, temperature: float) -> float:
        """Boltzmann average of the enhancement."""
        return float(self.weights(temperature) @ self.enhancements) / self.partition(temperature)

    def mean_strength(self, gap: float, temperature: float) -> float:
        """Boltzmann average of photon energy times enhancement, eV."""
        strengths = (gap + self.energies) * self.enhancements
        return float(self.weights(temperature) @ strengths) / self.partition(temperature)

    def share_beyond(self, temperature: float) -> float:
        """Of the partition function: pairs that were counted and not solved for."""
        return float(self._factors(self.beyond, temperature).sum()) / self.partition(temperature)

    def _factors(self, energies: Array, temperature: float) -> Array:
        above = energies - self.energies[0]
        if temperature == 0:
            return (above <= 0).astype(float)
        return np.asarray(np.exp(-np.maximum(above, 0.0) / (KB * temperature)))


def manifold(
    ground: Ground,
    levels: tuple[Array, Array],
    electrons: int,
    holes: int,
    mismatch: Callable[[Array], Array] | None = None,
) -> Manifold:
    """Pair states made of the lowest `electrons` and `holes` orbitals.

    Parameters
    ----------
    levels
        Energies of electron and hole in eV, as many as temperature can reach.
    mismatch
        What the dielectric mismatch adds to states with given amplitudes (n, electrons, holes), eV.
    """
    geminals = ground.geminals
    orbitals = geminals.integrals.sample
    own = parity_of_ground(orbitals)
    energies, enhancements, added = [], [], []
    for parity in product(*((-1,) if p < 0 else (0, 1) for p in own)):
        products = sector(orbitals, np.array(parity), electrons, holes)
        count = len(products.electron)  # of three times as many functions: those above only complete the lowest
        if count:
            found = geminals.states(products, count, ground=bool(np.all(parity == own)))
            if ground.probe is not None:
                found = ground.probe.improved(found)
            more = np.zeros(count) if mismatch is None else mismatch(found.amplitudes(electrons, holes))
            added.append(more)
            energies.append(found.energies + more)
            enhancements.append(found.enhancements)
    merged = np.concatenate(energies)
    order = np.argsort(merged, kind="stable")
    shift = mean_attraction(ground, electrons, holes) + float(np.concatenate(added).mean())
    states = merged[order], np.concatenate(enhancements)[order]
    return Manifold(*states, np.empty(0), (electrons, holes), shift).with_levels(levels)


def mean_attraction(ground: Ground, electrons: int, holes: int) -> float:
    """Of the products of the lowest orbitals, eV: the average expectation value, less that of the orbitals' fields."""
    geminals = ground.geminals
    s = geminals.radial.s
    table = geminals.integrals.energy_table(-COULOMB / geminals.permittivity / s, np.zeros_like(s), np.ones_like(s))
    i, j = np.arange(electrons), np.arange(holes)
    return float(table.values[table.start[i, i][:, None] + table.column[j, j]].mean())
