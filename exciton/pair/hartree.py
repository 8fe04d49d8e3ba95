"""The level `hartree`: each carrier in the attraction of the other's density, until both agree.

    [ H_e - e^2/(4 pi eps0 eps) int |psi_h(r')|^2 / |r - r'| ] psi_e = E psi_e,   and the hole's alike

An uncorrelated product, the best one: it lowers the energy below first order, by less than correlation does, and leaves
the overlap where it was. Solved among the lowest carrier states, of which more are taken until the gain is settled.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from exciton.carriers import Carriers
from exciton.pair.first_order import first_order_in
from exciton.pair.integrals import Integrals
from exciton.pair.orbitals import Sample, sample
from exciton.pair.pair import Pair
from exciton.resolve import Resolved
from exciton.units import COULOMB
from exciton.wider import wider
from solvers.eigen import Eigenpairs
from solvers.errors import NotConverged, SolverError
from solvers.parallel import agreed

Array = NDArray[np.float64]

SIZES = (1, 10, 17, 26, 48, 72)  # carrier states that are combined
DAMPING = 0.5  # share of the new density in each step
STEPS = 200
SETTLED = 1e-9  # eV: change of the energy in the last step
SAFETY = 2.0  # of what the last enlargements changed
FALL = 4  # least factor from one to the next: one size may well hold no new state of the ground state's symmetry


class Field(NamedTuple):
    """The self-consistent product."""

    energy: float  # eV, of both carriers and their attraction
    electron: Array  # coefficients in the carrier's states
    hole: Array
    overlap: float


def hartree(resolved: Resolved, carriers: Carriers) -> tuple[Pair, tuple[Eigenpairs, Eigenpairs], Array]:
    """The best product of one electron's and one hole's function.

    Returns
    -------
    tuple
        The pair; carrier states; (electron's, hole's) amplitudes of the product in them.

    Raises
    ------
    SolverError
        The gain over first order is not settled to ``accuracy.pair_meV`` with the largest number of states.
    NotConverged
        The iteration does not settle.
    """
    first, orbitals = first_order_in(resolved, carriers)
    assert resolved.core.permittivity is not None
    steps: list[Field] = []
    for size in SIZES:
        pairs = wider(resolved, carriers, (size + 1, size + 1))
        more = sample(resolved, carriers.space, pairs, orbitals.waves.count)
        here = more.first(more.electron.complete(size), more.hole.complete(size))
        found = self_consistent(here, resolved.core.permittivity)
        steps.append(found)
        change, moved = _left([s.energy for s in steps]), _left([s.overlap**2 for s in steps])
        change = agreed(carriers.space, change)
        if 1e3 * (change + first.error) <= resolved.accuracy.pair_meV:
            break
    else:
        if 1e3 * change > resolved.accuracy.pair_meV:
            raise SolverError(
                f"accuracy.pair_meV = {resolved.accuracy.pair_meV:g} was asked for, {1e3 * change:.2g} meV was reached "
                f"by self-consistency in {SIZES[-1]} states of each carrier; ask for less"
            )
    terms = {**first.terms, "relaxation": found.energy - first.energy}
    pair = Pair("hartree", terms, first.error + change, found.overlap**2, min(1.0, first.enhancement_error + moved))
    return pair, pairs, np.outer(found.electron, found.hole)


def _left(values: list[float]) -> float:
    """What the enlargements say of the next ones: the last change, or a share of that before; not told by the first."""
    if len(values) < 3:
        return np.inf
    before, last = np.abs(np.diff(values[-3:]))
    return float(SAFETY * max(last, before / FALL))


def self_consistent(orbitals: Sample, permittivity: float) -> Field:
    """Iterate the two equations among those orbitals that have the parity of the lowest, with damped densities."""
    kept = [
        np.flatnonzero(np.all(each.parities == each.parities[0], axis=1)) for each in (orbitals.electron, orbitals.hole)
    ]
    integrals = Integrals(replace(orbitals, electron=orbitals.electron.some(kept[0]), hole=orbitals.hole.some(kept[1])))
    own = integrals.sample.electron.energies, integrals.sample.hole.energies
    attraction = integrals.table(1 / orbitals.waves.radii).matrix
    densities = [_density(np.eye(len(e))[0]) for e in own]
    before = np.inf
    for _ in range(STEPS):
        fields = _fields(attraction, densities, permittivity)
        lowest = [np.linalg.eigh(np.diag(e) + field) for e, field in zip(own, fields)]
        functions = [vectors[:, 0] for _, vectors in lowest]
        new = [_density(c) for c in functions]
        pull = float(np.sum(new[0] * _fields(attraction, new, permittivity)[0]))
        energy = sum(float(c @ (e * c)) for c, e in zip(functions, own)) + pull
        if abs(energy - before) < SETTLED:
            overlap = float(functions[0] @ integrals.overlaps @ functions[1])
            electron, hole = (
                _spread(c, where, len(each))
                for c, where, each in zip(functions, kept, (orbitals.electron, orbitals.hole))
            )
            return Field(energy, electron, hole, overlap)
        before = energy
        densities = [DAMPING * n + (1 - DAMPING) * d for n, d in zip(new, densities)]
    raise NotConverged(
        f"the self-consistent pair has not settled after {STEPS} steps (last energy {1e3 * before:.4f} meV); "
        'use level = "correlated"'
    )


def _spread(c: Array, where: NDArray[np.int64], count: int) -> Array:
    full = np.zeros(count)
    full[where] = c
    return full


def _density(c: Array) -> Array:
    return np.outer(c, c)


def _fields(integrals: Array, densities: list[Array], permittivity: float) -> tuple[Array, Array]:
    """Matrices of the potential that each carrier feels, eV; densities are matrices in the orbitals."""
    electron, hole = densities
    factor = -COULOMB / permittivity
    on_electron = factor * (integrals @ hole.ravel()).reshape(electron.shape)
    on_hole = factor * (electron.ravel() @ integrals).reshape(hole.shape)
    return on_electron, on_hole
