"""The pair in first order: the two carriers as they are, and the expectation value of their attraction."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exciton.carriers import Carriers
from exciton.coulomb import COARSER, attraction, mean_inverse_distance
from exciton.states import overlap_squared
from exciton.units import COULOMB

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pair:
    """The lowest pair state at one level of theory."""

    level: str
    terms: dict[str, float]  # eV, by name; they add up to the energy
    error: float  # eV
    enhancement: float  # |int Psi(r, r) d3r|^2
    enhancement_error: float

    @property
    def energy(self) -> float:
        """eV, from the core's gap, kinetic energy included."""
        return sum(self.terms.values())

    def as_json(self) -> dict[str, Any]:
        """The ``exciton`` object of the result file (units in the keys)."""
        return {
            "level": self.level,
            "energy_meV": 1e3 * self.energy,
            "error_meV": 1e3 * self.error,
            "terms_meV": {name: 1e3 * term for name, term in self.terms.items()},
            "enhancement": self.enhancement,
            "enhancement_error": self.enhancement_error,
        }


def first_order(carriers: Carriers, extent: Array, permittivity: float) -> Pair:
    """Both ground levels plus their mutual attraction in a uniform permittivity.

    Parameters
    ----------
    extent
        (2, 3) corners of a box around the particle, nm.
    permittivity
        Relative, everywhere.
    """
    electron, hole = carriers.electron, carriers.hole
    pull = attraction(carriers.space, extent, electron.psi[:, 0], hole.psi[:, 0], permittivity)
    terms = {"electron": float(electron.energies[0]), "hole": float(hole.energies[0]), "attraction": pull.energy}
    # what the coarser states' attraction differs by bounds the error that is left in the densities
    space, before_electron, before_hole = carriers.coarse
    before, now = (
        mean_inverse_distance(where, extent, *psi, COARSER)
        for where, psi in (
            (space, (before_electron, before_hole)),
            (carriers.space, (electron.psi[:, 0], hole.psi[:, 0])),
        )
    )
    moved = 0.5 * COULOMB / permittivity * abs(now - before)
    error = float(electron.errors[0] + hole.errors[0]) + pull.error + moved
    shape = float(electron.probability_errors[0] + hole.probability_errors[0])
    overlap = overlap_squared(carriers.space, electron, hole)
    return Pair("first-order", terms, error, overlap, min(1.0, shape))
