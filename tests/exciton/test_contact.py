"""The contact of a pair from all of its function: the truth stays what it is, poor cusps count less."""

import numpy as np
import pytest
from hard_cube import pair

from exciton.pair.contact import Probe


@pytest.mark.parametrize("masses", [(0.252, 0.252), (0.1, 0.4)])
def test_of_a_good_function_it_is_the_same(masses):
    """17 orbitals, three functions of the distance with each: both contacts to 0.1 %."""
    geminals, states = pair(10.0, 14, masses)
    improved = Probe.of(geminals, states).improved(states)
    assert improved.contacts == pytest.approx(states.contacts, rel=1e-3)
    assert improved.contacts != pytest.approx(states.contacts, rel=1e-6)


def test_a_function_without_a_cusp():
    """Products alone meet far too rarely, and converge slowly; the more there are the more of that comes back."""
    missing = []
    for most in (9, 14, 19):
        geminals, best = pair(10.0, most)
        without = geminals.states(best.products, 1, ground=False, functions=(0,))
        improved = Probe.of(geminals, without).improved(without)
        truth, *found = (abs(float(each.contacts[0])) for each in (best, without, improved))
        missing.append(truth - np.array(found))
    plain, improved = np.transpose(missing)
    assert np.all((improved > 0) & (improved < 0.65 * plain))
    assert improved[0] / improved[-1] > 1.3 * plain[0] / plain[-1] > 1.3
