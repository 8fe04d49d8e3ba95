"""From the pair to the light: colour, radiative rate, lifetime.

    1/tau = f (4/9) alpha n |F|^2 E_P < (hbar omega_i / m0 c^2) K_i / hbar >_T

with the fine-structure constant alpha, the medium's index n, the local field F, the Kane energy E_P of the core, the
share f of bright spin states, and for each pair state its photon energy and K_i = |int Psi_i(r, r) d3r|^2. It is
Fermi's golden rule, 4 alpha n omega |p|^2 / (3 m0^2 c^2), with |p|^2 = m0 E_P / 3 of a triplet of j = 1/2 bands (M. A.
Becker et al., Nature 553, 189 (2018), doi 10.1038/nature25147). The average is Boltzmann's over all pair states, dark
ones included.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exciton.units import ELECTRON_REST, FINE_STRUCTURE, HBAR_NS, HC, KB

Array = NDArray[np.float64]

REACH = 14.0  # kT above the lowest level up to which levels are continued


@dataclass(frozen=True, slots=True)
class Light:
    """What turns the enhancement of a pair into a rate."""

    kane_energy: float  # eV
    refractive_index: float  # of the medium
    local_field: float  # |F|^2
    bright_fraction: float

    def rate(self, photon: float, enhancement: float) -> float:
        """Radiative rate in 1/ns of a pair with a photon energy in eV."""
        strength = self.bright_fraction * (4 / 9) * FINE_STRUCTURE * self.refractive_index * self.local_field
        return strength * self.kane_energy * photon / ELECTRON_REST * enhancement / HBAR_NS

    def lifetime(self, photon: float, enhancement: float) -> float:
        """Radiative lifetime in ns."""
        return 1 / self.rate(photon, enhancement)


def wavelength(energy: float) -> float:
    """Vacuum wavelength in nm of a photon of `energy` eV.

    Raises
    ------
    ValueError
        The energy is not positive: there is no such photon.
    """
    if energy <= 0:
        raise ValueError(f"a photon energy must be positive; found {energy:g} eV")
    return HC / energy


def continued(levels: Array, floor: float, temperature: float) -> Array:
    """Levels up to some 14 kT above the lowest, those that were not computed by Weyl's law.

    The number of levels below E is ``A (E - floor)^(3/2) - B (E - floor)``, volume and surface (H. Weyl, Math. Ann. 71,
    441 (1912)), fitted to those that are there.

    Parameters
    ----------
    levels
        (n,) eV, ascending, complete.
    floor
        The band edge where the carrier is, eV.
    """
    from scipy.optimize import nnls  # slow to import, and only lifetimes come here

    top = levels[0] + REACH * KB * temperature
    if levels[-1] >= top or len(levels) < 4:
        return levels[levels <= top] if levels[-1] >= top else levels
    energy = levels - floor
    number = np.arange(len(levels)) + 0.5
    (volume, surface), _ = nnls(np.stack([energy**1.5, -energy], axis=1), number)
    fine = np.linspace(levels[-1], top, 2000) - floor
    counted = volume * fine**1.5 - surface * fine
    counted += len(levels) - counted[0]
    numbers = np.arange(len(levels), int(counted[-1])) + 0.5
    return np.concatenate([levels, floor + np.interp(numbers, np.maximum.accumulate(counted), fine)])


def mean_overlap(
    levels: tuple[Array, Array], beyond: tuple[Array, Array], overlaps: Array, temperature: float
) -> float:
    """Boltzmann average of |int e_i h_j|^2 over uncorrelated pairs.

    Parameters
    ----------
    levels
        Of electron and hole, eV, as many as `overlaps` (n_e, n_h) has.
    beyond
        The same, continued.
    """
    if temperature == 0:
        return float(overlaps[0, 0] ** 2)
    factors = [np.exp(-(e - e[0]) / (KB * temperature)) for e in levels]
    partition = np.prod([np.exp(-(e - e[0]) / (KB * temperature)).sum() for e in beyond])
    return float(factors[0] @ overlaps**2 @ factors[1] / partition)
