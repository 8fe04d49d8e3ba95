"""The states of one carrier: energies, wavefunctions, where they are and how far they spread."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.eigen import Eigenpairs
from solvers.functions import FunctionSpace
from solvers.parallel import largest

Array = NDArray[np.float64]

ROUNDING = 1e-12  # of a probability


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """The lowest states of one carrier; a degenerate level's members one by one."""

    energies: Array  # (count,) eV, from the carrier's band edge in the core, ascending
    errors: Array  # (count,) eV, estimated discretisation error of each energy
    residuals: Array  # (count,) relative, in the M^-1 norm
    psi: Array  # (unknowns, count) nm^-3/2, normalised to 1
    probability: tuple[dict[str, float], ...]  # of each state, in each region of the job; adds up to 1
    probability_errors: Array  # (count,) estimated error of the core probability, or of the largest
    participation: Array  # (count,) nm^3: 1 / int |psi|^4
    labels: tuple[str, ...]  # parity along x, y, z, where the states were solved by parity

    @classmethod
    def of(
        cls,
        space: FunctionSpace,
        pairs: Eigenpairs,
        errors: Array,
        regions: Sequence[str],
        other_space: FunctionSpace,
        other: Eigenpairs,
        told: float,
    ) -> "States":
        """From eigenpairs; `regions` names all regions of the job, those without volume included.

        What the probabilities differ by from those on another space is the share `told` of their error, at least.
        """
        squared = _squared(space, pairs.vectors)
        share = squared / squared.sum(axis=0)
        psi = _signed(space, pairs.vectors / np.sqrt(squared.sum(axis=0)))
        index = {name: number for number, name in enumerate(space.regions)}
        probability = tuple(
            {name: float(share[index[name], i]) if name in index else 0.0 for name in regions}
            for i in range(psi.shape[1])
        )
        beside = _squared(other_space, other.vectors)
        moved = np.abs(share - beside / beside.sum(axis=0)).max(axis=0)
        return cls(
            energies=pairs.values,
            errors=errors,
            residuals=pairs.residuals,
            psi=psi,
            probability=probability,
            probability_errors=moved / told + ROUNDING,
            participation=1.0 / space.quartic(psi),
            labels=pairs.labels,
        )

    def as_json(self) -> dict[str, Any]:
        """The part of the result file that belongs to one carrier (units in the keys)."""
        block: dict[str, Any] = {
            "energies_meV": (1e3 * self.energies).tolist(),
            "error_meV": (1e3 * self.errors).tolist(),
            "residuals": self.residuals.tolist(),
            "probability": list(self.probability),
            "probability_error": self.probability_errors.tolist(),
            "participation_nm3": self.participation.tolist(),
        }
        if self.labels:
            block["parity"] = list(self.labels)
        return block


def _squared(space: FunctionSpace, psi: Array) -> Array:
    """(regions, count) integral of the square of each function over each region."""
    return np.einsum("rii->ri", space.gram(psi))


def _signed(space: FunctionSpace, psi: Array) -> Array:
    """Choose the sign of each column so that its largest entry is positive: runs are repeatable."""
    return np.asarray(psi * np.sign(largest(getattr(space, "comm", None), psi)))


def overlap_squared(space: FunctionSpace, electron: States, hole: States) -> float:
    """|int psi_e psi_h|^2 of the two ground states."""
    gram = space.gram(electron.psi[:, :1], hole.psi[:, :1]).sum(axis=0)
    return float(gram[0, 0] ** 2)
