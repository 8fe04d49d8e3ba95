"""The correlated pair in the hard-walled cube: limits, bounds, symmetries, and a second method."""

from dataclasses import replace

import hard_cube
import numpy as np
import pytest
from hard_cube import EVEN, MASSES, pair, ranges

from exciton.pair.correlated import sector
from exciton.pair.geminals import GROUND, Geminals
from exciton.pair.integrals import Integrals
from exciton.units import COULOMB, HBAR2_2M0


def first_order(edge, masses=MASSES):
    kinetic = 3 * HBAR2_2M0 * (np.pi / edge) ** 2 * sum(1 / m for m in masses)
    return kinetic - 3.0477870 * COULOMB / hard_cube.PERMITTIVITY / edge


def test_strong_confinement():
    """Second-order perturbation theory: correlation -0.284 Ry, enhancement 1 + 0.595 L/a_B, as L/a_B goes to 0."""
    rydberg, radius = hard_cube.units(MASSES)
    energy, contact = [], []
    for share in (0.05, 0.1):
        edge = share * radius
        _, found = pair(edge, 19)
        energy.append((found.energies[0] - first_order(edge)) / rydberg)
        contact.append((found.enhancements[0] - 1) / share)
    assert 2 * energy[0] - energy[1] == pytest.approx(-0.284, abs=0.004)
    assert 2 * contact[0] - contact[1] == pytest.approx(0.595, rel=0.03)


def test_weak_confinement():
    """-Ry and the centre of mass in a box: 3 pi^2 hbar^2 / 2 M (L - 2 d)^2, one dead layer d for three sizes."""
    rydberg, radius = hard_cube.units(MASSES)
    layers = []
    for edge in (18.0, 20.0, 22.0):
        _, found = pair(edge, 19)
        effective = np.sqrt(3 * np.pi**2 * HBAR2_2M0 / sum(MASSES) / (found.energies[0] + rydberg))
        layers.append((edge - effective) / 2)
    assert 0 < layers[-1] < radius
    assert np.ptp(layers) < 0.1 * np.mean(layers)
    assert abs(layers[2] - layers[1]) <= abs(layers[1] - layers[0]) + 0.01


@pytest.mark.parametrize("masses", [MASSES, (0.134, 0.128)])
def test_energies_fall_as_the_space_grows(masses):
    """Min-max: more orbitals, more exponentials, never lower than the largest space."""
    energies = [pair(10.0, most, masses)[1].energies[0] for most in (3, 6, 9, 11, 14)]
    assert np.all(np.diff(energies) < 0)
    fewer, more = (pair(10.0, 6, masses, count=n)[1].energies[0] for n in (3, 6))
    assert more < fewer
    assert energies[0] < first_order(10.0, masses)


def test_configuration_interaction_agrees():
    """Products of orbitals alone miss the cusp: their error falls as 1/N; extrapolated, they meet the geminals."""
    edge = 8.0
    energies, sizes = [], []
    for most in (14, 19, 27):
        sample = hard_cube.sampled(edge, MASSES, most)
        integrals = Integrals(sample)
        products = sector(sample, EVEN, len(sample.electron), len(sample.hole))
        table = integrals.table(1 / sample.waves.radii)
        level = sample.electron.energies[products.electron] + sample.hole.energies[products.hole]
        matrix = np.diag(level) - COULOMB / hard_cube.PERMITTIVITY * table.between(products, products)
        energies.append(np.linalg.eigvalsh(matrix)[0])
        sizes.append(len(sample.electron))
    slope, limit = np.polyfit(1 / np.array(sizes[1:]), energies[1:], 1)
    _, found = pair(edge, 19)
    correlation = first_order(edge) - found.energies[0]
    assert found.energies[0] < energies[-1] < energies[0]
    assert limit == pytest.approx(found.energies[0], abs=0.06 * correlation)
    assert energies[-1] - found.energies[0] > 0.05 * correlation  # without the cusp 48 orbitals are not enough
    assert slope > 0


def test_parity_changes_nothing():
    """Half the points and one symmetry class, or all points and no symmetry at all."""
    with_, without = (pair(10.0, 6, halves=halves, waves=20, points=28)[1] for halves in (True, False))
    assert without.energies[0] == pytest.approx(with_.energies[0], abs=1e-9)
    assert without.enhancements[0] == pytest.approx(with_.enhancements[0], rel=1e-6)


def test_a_mass_given_in_each_point_and_along_each_axis():
    """The same mass as one number, as a field, and as three of either."""
    sample = hard_cube.sampled(10.0, (0.2, 0.3), 6)
    values = []
    for kind in ("number", "field", "axes", "field along axes"):
        electron = sample.electron
        a = electron.diffusion[0]
        if "field" in kind:
            a = np.full(sample.grid.shape, float(a))
        electron = replace(electron, diffusion=(a,) * (3 if "axes" in kind else 1))
        own = replace(sample, electron=electron)
        geminals = Geminals(Integrals(own), 7.3, ranges(10.0))
        products = sector(own, EVEN, len(own.electron), len(own.hole))
        values.append(geminals.states(products, 1, ground=True).energies[0])
    assert values[1:] == pytest.approx([values[0]] * 3, abs=1e-8)


def test_a_heavy_axis_weighs():
    """A mass that is larger along z, where it is the curvature of F that changes, lowers the energy."""
    sample = hard_cube.sampled(10.0, MASSES, 3)
    a = sample.electron.diffusion[0]
    energies = []
    for factor in (1.0, 0.5):
        own = replace(sample, electron=replace(sample.electron, diffusion=(a, a, factor * a)))
        energies.append(Geminals(Integrals(own), 7.3, ranges(10.0)).states(GROUND, 1, ground=True).energies[0])
    assert energies[1] < energies[0] - 1e-3


def test_a_field_is_taken_away_again():
    """Orbitals in a constant field, which moves their energies and nothing else: the pair does not notice."""
    sample = hard_cube.sampled(10.0, MASSES, 6)
    energies = []
    for depth in (0.0, 0.3):
        electron, hole = (
            replace(each, energies=each.energies + sign * depth, field=np.full(sample.grid.shape, sign * depth))
            for each, sign in ((sample.electron, -1.0), (sample.hole, 0.5))
        )
        own = replace(sample, electron=electron, hole=hole)
        products = sector(own, EVEN, len(electron), len(hole))
        found = Geminals(Integrals(own), 7.3, ranges(10.0)).states(products, 1, ground=True)
        energies.append((found.energies[0], found.enhancements[0]))
    assert energies[1] == pytest.approx(energies[0], rel=1e-6)


def test_scaling():
    """E(s L, m / s, eps) = E(L, m, eps) / s: lengths by s, energies by 1/s."""
    small, large = (pair(edge, 6, tuple(m / s for m in MASSES))[1] for edge, s in ((8.0, 1.0), (16.0, 2.0)))
    assert large.energies[0] == pytest.approx(small.energies[0] / 2, rel=1e-6)
    assert large.enhancements[0] == pytest.approx(small.enhancements[0], rel=1e-5)


def test_the_function_is_what_the_state_is():
    """Its norm is 1, its expectation value of x_e x_h positive: electron and hole keep together."""
    geminals, found = pair(14.2, 9)
    sample = geminals.integrals.sample
    function = geminals.function(found)
    densities = geminals.integrals.densities
    assert function.expectation(sample.waves, sample.mirrors, *densities) == pytest.approx(1, abs=1e-9)
    assert geminals.integrals.overlaps == pytest.approx(np.eye(len(sample.electron)), abs=1e-9)
    assert 0.7 < np.sum(found.projections**2) < 1
    assert GROUND.electron[0] == 0
