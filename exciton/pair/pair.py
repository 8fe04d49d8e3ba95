"""The lowest pair state as every level of theory gives it: terms that add up, an error, how often the carriers meet."""

from dataclasses import dataclass
from typing import Any


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
