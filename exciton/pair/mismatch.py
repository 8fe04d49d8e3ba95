"""The energies that the dielectric mismatch adds to a pair, with their errors by part."""

from collections.abc import Iterable
from dataclasses import dataclass

SELF_ENERGIES, POLYNOMIALS = "self-energies", "polynomials"  # parts of the error that can be refined
PART = 0.25  # of the error that is allowed: what takes more is refined


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Energies that the mismatch adds, eV, with the errors of their sum."""

    electron: float  # self-energy
    hole: float
    attraction: float  # of the images, for the uncorrelated pair of the bare carriers
    correlation: float  # what the images' attraction differs by in the pair's own state
    errors: dict[str, float]  # by what they come from
    sensitivity: float  # eV/nm: derivative of the sum, for the bare carriers, with respect to the interface width

    @property
    def total(self) -> float:
        return self.electron + self.hole + self.attraction + self.correlation

    @property
    def error(self) -> float:
        """All in all, eV."""
        return sum(self.errors.values())

    def wanting(self, parts: Iterable[str], allowed: float) -> list[str]:
        """Which of the `parts` that can be refined must be, for an error of `allowed`, eV; none if that is no use.

        Those that take much of it; where none does, any that would do without another.
        """
        better = list(parts)
        stays = sum(error for name, error in self.errors.items() if name not in better)
        if stays >= allowed:
            return []
        large = [name for name in better if self.errors[name] > PART * allowed]
        return large or [name for name in better if self.error - self.errors[name] < allowed][:1]
