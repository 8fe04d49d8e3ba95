"""All pair states of the hard-walled cube: sums over them, and what is left out of them."""

from dataclasses import replace
from itertools import product

import hard_cube
import numpy as np
import pytest

from exciton.emission import continued, mean_overlap
from exciton.pair.correlated import Ground, sector
from exciton.pair.geminals import Geminals
from exciton.pair.integrals import Integrals
from exciton.pair.manifold import Manifold, manifold
from exciton.units import COULOMB, HBAR2_2M0, KB

EDGE, MASSES = 14.2, (0.252, 0.252)
UNIT = HBAR2_2M0 / 0.252 * (np.pi / EDGE) ** 2


def ground_in(most, permittivity=hard_cube.PERMITTIVITY):
    sample = hard_cube.sampled(EDGE, MASSES, most, waves=20, points=30)
    size = (len(sample.electron), len(sample.hole))
    geminals = Geminals(Integrals(sample), permittivity, np.geomspace(0.4, 9.0, 6) / hard_cube.units(MASSES)[1])
    products = sector(sample, np.zeros(3, dtype=np.int64), *size)
    found = geminals.states(products, 1, ground=True)
    return Ground(geminals, (None, None), (size,), found, 0.0, np.zeros((2, 2)), np.zeros(2), np.zeros(2))


def levels(most):
    squares = sorted(sum(k * k for k in n) for n in product(range(1, 40), repeat=3))
    return UNIT * np.array([s for s in squares if s <= most], dtype=float)


@pytest.fixture(scope="module")
def two():
    """The manifolds of 17 and of 26 orbitals, beyond them all levels to some 14 kT."""
    beyond = (levels(60), levels(60))
    grounds = [ground_in(most) for most in (14, 19)]
    return grounds, [manifold(g, beyond, *g.sizes[-1]) for g in grounds]


def test_the_lowest_is_the_ground_pair(two):
    for ground, found in zip(*two):
        assert found.energies[0] == pytest.approx(ground.states.energies[0], abs=1e-10)
        assert found.mean_enhancement(0.0) == pytest.approx(ground.states.enhancements[0], rel=1e-6)
        assert found.mean_enhancement(1.0) == pytest.approx(found.mean_enhancement(0.0), rel=1e-6)
        assert np.all(np.diff(found.energies) >= 0)


def test_the_mean_converges_thanks_to_the_tail(two):
    """17 and 26 orbitals within 3 %; without what lies beyond them they are 4 times as far apart."""
    with_tail = [m.mean_enhancement(300.0) for m in two[1]]
    without = [replace(m, beyond=np.zeros(0)).mean_enhancement(300.0) for m in two[1]]
    near, far = (abs(a / b - 1) for a, b in (with_tail, without))
    assert near < 0.03
    assert far > 4 * near
    assert two[1][1].share_beyond(300.0) < two[1][0].share_beyond(300.0) < 0.5


def test_every_product_is_counted_once(two):
    """As many pairs as products, solved for or not; the partition function of high temperature counts them."""
    for ground, found in zip(*two):
        e, h = ground.sizes[-1]
        assert len(found.energies) == e * h
        assert len(found.energies) + len(found.beyond) == len(levels(60)) ** 2
        assert found.partition(1e9) == pytest.approx(len(levels(60)) ** 2, rel=1e-4)


def test_no_attraction_no_enhancement():
    """Huge permittivity: every energy is that of a product, and bright are those of equal functions, with 1."""
    ground = ground_in(9, permittivity=1e7)
    found = manifold(ground, (levels(9), levels(9)), *ground.sizes[-1])
    own = levels(9)
    lowest = np.sort((own[:, None] + own).ravel())[:16]
    assert found.energies[:16] == pytest.approx(lowest, abs=1e-6)
    # among degenerate pairs any mixture may be bright: only their sum counts
    assert found.enhancements.sum() == pytest.approx(len(own), rel=0.01)
    mean = mean_overlap((own, own), (own, own), np.eye(len(own)), 300.0)
    assert found.mean_enhancement(300.0) == pytest.approx(mean, rel=0.01)
    assert mean == pytest.approx(np.exp(-2 * own / (KB * 300)).sum() / np.exp(-own / (KB * 300)).sum() ** 2)


def test_attraction_gathers_light(two):
    """Correlation makes the pair meet more often on average too, by less than in the ground pair."""
    own = levels(60)
    uncorrelated = np.exp(-2 * own / (KB * 300)).sum() / np.exp(-own / (KB * 300)).sum() ** 2
    found = two[1][1]
    assert 5 * uncorrelated < found.mean_enhancement(300.0) < found.enhancements[0] / 3


def test_pairs_beyond_feel_the_mean_attraction(two):
    """Of uniform densities in a cube: 3.05/L for the ground pair, about 1.88/L for unstructured ones."""
    found = two[1][1]
    size = two[0][1].sizes[-1][0]
    pairs = levels(60)[:, None] + levels(60)
    pairs[:size, :size] = np.inf
    shift = found.beyond[0] - pairs.min()
    assert -3.05 < shift / (COULOMB / hard_cube.PERMITTIVITY / EDGE) < -1.88


def test_a_mean_is_a_mean():
    found = Manifold(np.array([0.0, 0.01, 0.03]), np.array([5.0, 0.0, 2.0]), np.array([0.05]))
    w = np.exp(-np.array([0.0, 0.01, 0.03, 0.05]) / (KB * 300))
    assert found.mean_enhancement(300.0) == pytest.approx((5 + 2 * w[2]) / w.sum())
    assert found.mean_strength(2.0, 300.0) == pytest.approx((10 + 2 * 2.03 * w[2]) / w.sum())
    assert found.share_beyond(300.0) == pytest.approx(w[3] / w.sum())


@pytest.mark.parametrize("edge", [10.0, 14.2, 18.5])
def test_levels_continued_by_weyl(edge):
    """48 levels of a box: its partition function at 300 K to 0.5 %, where the levels alone miss up to 4 %."""
    unit = UNIT * (EDGE / edge) ** 2
    exact = unit * np.sort([sum(k * k for k in n) for n in product(range(1, 40), repeat=3)])
    some = exact[:48]
    found = continued(some, 0.0, 300.0)
    assert np.array_equal(found[:48], some[: len(found)][:48])
    assert np.all(np.diff(found) >= -1e-12)
    alone, own, true = (np.exp(-(e - e[0]) / (KB * 300)).sum() for e in (some, found, exact))
    assert own == pytest.approx(true, rel=5e-3)
    assert abs(own - true) <= abs(alone - true)
    assert edge < 18 or alone < 0.97 * true
