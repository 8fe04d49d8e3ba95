"""The attraction of two uncorrelated carriers in a uniform permittivity, through plane waves.

    J = - e^2/(4 pi eps0 eps) int int rho_e(r) rho_h(r') / |r - r'|

The kernel is cut off beyond the largest distance that occurs, which changes nothing (`solvers.waves`).
"""

from typing import NamedTuple

from exciton.pair.orbitals import Sample
from exciton.units import COULOMB


class Attraction(NamedTuple):
    """An interaction energy with the error of its integral, eV."""

    energy: float
    error: float


def attraction(sample: Sample, permittivity: float, electron: int = 0, hole: int = 0) -> Attraction:
    """Attraction of an electron and a hole in given orbitals.

    Parameters
    ----------
    permittivity
        Relative, everywhere.
    electron, hole
        Numbers of their orbitals.

    Returns
    -------
    Attraction
        Negative, in eV; the error is what a quarter of the waves contributes, which bounds that of the others, and what
        the grid has too much or too little of the charges: on meshes kinks lie between its points.
    """
    factor = COULOMB / permittivity
    fewer = sample.with_waves(3 * sample.waves.count // 4)
    fine, coarse = (mean_inverse_distance(each, electron, hole) for each in (sample, fewer))
    return Attraction(-factor * fine, factor * (abs(fine - coarse) + sum(sample.defects) * fine))


def mean_inverse_distance(sample: Sample, electron: int = 0, hole: int = 0) -> float:
    """<1/|r_e - r_h|> of two orbitals in 1/nm."""
    waves, even = sample.waves, sample.mirrors
    first, second = (
        waves.transform(carrier.values[number : number + 1] ** 2, even)[0]
        for carrier, number in ((sample.electron, electron), (sample.hole, hole))
    )
    return float((first * waves.coulomb(even)) @ second)
