"""A pair at the level that a job asks for, with the dielectric mismatch where that is asked for, and where it is."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from exciton.carriers import Carriers, ground
from exciton.pair.correlated import Ground, correlated
from exciton.pair.first_order import first_order
from exciton.pair.hartree import hartree
from exciton.pair.mismatch import Mismatch
from exciton.pair.pair import Pair
from exciton.pair.polarised import Polarisation
from exciton.resolve import Resolved
from solvers.eigen import Eigenpairs

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PairSolution:
    """The ground pair with all that was found on the way."""

    pair: Pair
    states: tuple[Eigenpairs, Eigenpairs]  # of electron and hole, on the carriers' space
    amplitudes: Array  # (n_e, n_h) of the pair in products of the first of these states
    correlated: Ground | None = None
    polarisation: Polarisation | None = None
    mismatch: Mismatch | None = None

    def densities(self) -> tuple[Array, Array]:
        """(n, n) density matrices of electron and hole in their states, of trace 1."""
        c = self.amplitudes / np.linalg.norm(self.amplitudes)
        return c @ c.T, c.T @ c

    def probability(self, carriers: Carriers) -> tuple[dict[str, float], dict[str, float]]:
        """Of electron and hole in each region of the job, in the pair; 0 where a layer has no thickness."""
        space = carriers.space
        blocks = []
        for density, states in zip(self.densities(), self.states):
            gram = space.gram(states.vectors[:, : len(density)])
            share = np.einsum("rij,ij->r", gram, density) / np.einsum("rij,ij->", gram, density)
            found = dict(zip(space.regions, map(float, share)))
            blocks.append({name: found.get(name, 0.0) for name in carriers.electron.probability[0]})
        return blocks[0], blocks[1]


def solve_pair(resolved: Resolved, carriers: Carriers) -> PairSolution:
    """The ground pair at the job's level, in the core's permittivity everywhere.

    Raises
    ------
    SolverError
        A tolerance is out of reach; the message says what was reached.
    """
    level = resolved.exciton.level
    if level == "first-order":
        states = ground(carriers.electron), ground(carriers.hole)
        return PairSolution(first_order(resolved, carriers), states, np.ones((1, 1)))
    if level == "hartree":
        return PairSolution(*hartree(resolved, carriers))
    pair, found = correlated(resolved, carriers)
    return PairSolution(pair, found.pairs, found.amplitudes, found)


def with_mismatch(resolved: Resolved, carriers: Carriers, solution: PairSolution) -> PairSolution:
    """The same with images in its attraction and both self-energies; their error joins that of the pair.

    What that error comes from is refined until ``accuracy.pair_meV`` holds, or cannot hold that way.
    """
    better: Polarisation | None = Polarisation.of(resolved, carriers, solution.states, solution.amplitudes)
    found, accuracy = solution.correlated, resolved.accuracy
    function = None if found is None else found.geminals.function(found.states)
    allowed = np.inf if accuracy.by_hand else 1e-3 * accuracy.pair_meV - solution.pair.error
    while better is not None:
        polarisation = better
        if found is None or function is None:
            mismatch = polarisation.of_state(solution.amplitudes)
        else:
            mismatch = polarisation.of_function(function, found.geminals.integrals.sample, solution.amplitudes)
        better = None if mismatch.error <= allowed else polarisation.refined(mismatch, allowed)
    return replace(solution, pair=polarised(solution.pair, mismatch), polarisation=polarisation, mismatch=mismatch)


def polarised(pair: Pair, mismatch: Mismatch) -> Pair:
    """A pair in one permittivity with what the mismatch adds, term by term."""
    terms = dict(pair.terms)
    terms["attraction"] += mismatch.attraction
    rest = {"hartree": "relaxation", "correlated": "correlation"}.get(pair.level)
    if rest is not None:
        terms[rest] += mismatch.correlation
    terms |= {"polarisation_electron": mismatch.electron, "polarisation_hole": mismatch.hole}
    return replace(pair, terms=terms, error=pair.error + mismatch.error)
