"""Self-energy in plane layers at many points at once, each with layers of its own."""

import numpy as np
from numpy.typing import NDArray

from exciton.units import COULOMB

Array = NDArray[np.float64]

SHORTEST = 12.0  # wave number up to which is summed, over the standard deviation of a step
WAVES = 64


def layered(permittivity: Array, thickness: float, spread: float) -> Array:
    """(n,) Sigma in eV in the middle of layers of one thickness: as `exciton.profiles.planar`, of many rows at once.

    Parameters
    ----------
    permittivity
        (n, layers), an odd number of layers; the outermost go on for ever.
    thickness
        Of a layer, nm.
    spread
        Standard deviation of the steps, nm.
    """
    top = SHORTEST / spread
    node, weight = np.polynomial.legendre.leggauss(WAVES)
    node = (node + 1) / 2
    k, weight = top * node**3, 3 * top * node**2 * weight / 2
    middle = permittivity.shape[1] // 2
    near = permittivity[:, middle - 1 : middle + 2]
    here = near[:, 1]
    left = _admittance(permittivity[:, : middle + 1], k, thickness)
    right = _admittance(permittivity[:, : middle - 1 : -1], k, thickness)
    waves = (2 / (left + right) - 1 / here[:, None]) @ weight
    root = np.sqrt(near)
    curvature = (root[:, 0] - 2 * root[:, 1] + root[:, 2]) / thickness**2
    return np.asarray(COULOMB / 2 * (waves - curvature / (root[:, 1] * 2 * here * top)))


def _admittance(eps: Array, k: Array, thickness: float) -> Array:
    """(n, waves) flux over potential and wave number, seen backwards from the middle of the last layer."""
    whole, half = np.exp(-2 * k * thickness), np.exp(-k * thickness)
    seen = np.repeat(eps[:, :1], len(k), axis=1)
    last = eps.shape[1] - 1
    for i, e in enumerate(eps.T[:, :, None]):
        share = (e - seen) / (e + seen)
        share *= half if i == last else whole
        seen = e * (1 - share) / (1 + share)
    return seen
