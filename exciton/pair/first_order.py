"""The pair in first order: the two carriers as they are, and the expectation value of their attraction."""

from exciton.carriers import Carriers, ground
from exciton.coulomb import attraction, mean_inverse_distance
from exciton.pair.orbitals import Sample, sample, samples
from exciton.pair.pair import Pair
from exciton.resolve import Resolved
from exciton.states import overlap_squared
from exciton.units import COULOMB

SHARE = 0.3  # of the tolerance that the integral may take


def first_order(resolved: Resolved, carriers: Carriers) -> Pair:
    """Both ground levels plus their mutual attraction in the core's permittivity, everywhere."""
    return first_order_in(resolved, carriers)[0]


def first_order_in(resolved: Resolved, carriers: Carriers) -> tuple[Pair, Sample]:
    """The pair, and the orbitals on the grid that was fine enough for it."""
    permittivity = resolved.core.permittivity
    assert permittivity is not None  # the job was checked for it
    electron, hole = carriers.electron, carriers.hole
    for orbitals in samples(resolved, carriers.space, [ground(electron), ground(hole)]):
        pull = attraction(orbitals, permittivity)
        if 1e3 * pull.error <= SHARE * resolved.accuracy.pair_meV:
            break
    terms = {"electron": float(electron.energies[0]), "hole": float(hole.energies[0]), "attraction": pull.energy}
    other = sample(resolved, carriers.other_space, carriers.other, orbitals.waves.count)
    moved = COULOMB / permittivity * abs(mean_inverse_distance(orbitals) - mean_inverse_distance(other)) / carriers.told
    error = float(electron.errors[0] + hole.errors[0]) + pull.error + moved
    shape = float(electron.probability_errors[0] + hole.probability_errors[0])
    overlap = overlap_squared(carriers.space, electron, hole)
    return Pair("first-order", terms, error, overlap, min(1.0, shape)), orbitals
