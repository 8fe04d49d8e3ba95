"""Spectra: areas, Boltzmann factors, sizes of an ensemble, and a table that says its units."""

import csv
import io
from dataclasses import replace

import jobs
import numpy as np
import pytest

from exciton.errors import JobError
from exciton.pair.manifold import Manifold
from exciton.spectrum import spectrum
from exciton.units import KB

STATES = Manifold(np.array([-0.01, 0.03, 0.05]), np.array([10.0, 0.0, 6.0]), np.array([0.4]))


def curves(**emission):
    shape = {"level": "first-order", "polarisation": False}
    resolved = jobs.resolved(
        6.0, emission={"temperature_K": 300.0, "linewidth_meV": 20.0, **emission}, exciton=shape,
        accuracy={"energy_meV": 1.0, "pair_meV": 5.0}, carriers={"states": 1},
    )  # fmt: skip
    return resolved, spectrum(resolved, STATES)


def test_absorption_has_the_strength_of_all_lines():
    """Unit areas times K_i, wherever the lines are; a dark state leaves no trace."""
    _, found = curves()
    assert np.trapezoid(np.nan_to_num(found.absorption), found.energy) == pytest.approx(16.0, rel=1e-4)
    assert found.emission.max() == pytest.approx(1.0)


def test_absorption_ends_where_lines_are_missing():
    """A line where the products begin that were not solved for adds a hundredth of itself to what is told, no more."""
    missing = 0.1
    resolved, _ = curves()
    known = spectrum(resolved, replace(STATES, beyond=np.array([missing])))
    more = Manifold(np.append(STATES.energies, missing), np.append(STATES.enhancements, 16.0), STATES.beyond)
    whole = spectrum(resolved, more)
    told = np.isfinite(known.absorption)
    assert known.energy[told].max() == pytest.approx(resolved.gap + missing - 0.020, abs=1e-3)
    true = np.interp(known.energy[told], whole.energy, np.nan_to_num(whole.absorption))
    peak = 16.0 / (0.020 / np.sqrt(8 * np.log(2)) * np.sqrt(2 * np.pi))
    assert np.max(true - known.absorption[told]) == pytest.approx(peak / 16, rel=0.1)
    assert np.all(np.isfinite(known.emission))


def test_emission_is_weighted_by_boltzmann():
    """Two bright lines 60 meV apart: their emission is as photon energy, K and exp(-E/kT) have it."""
    resolved, found = curves(linewidth_meV=5.0)
    lines = resolved.gap + STATES.energies
    first, last = (np.interp(lines[i], found.energy, found.emission) for i in (0, 2))
    expected = 0.6 * lines[2] / lines[0] * np.exp(-0.06 / (KB * 300.0))
    assert last / first == pytest.approx(expected, rel=0.02)
    cold = curves(temperature_K=0.0, linewidth_meV=5.0)[1]
    assert np.interp(lines[2], cold.energy, cold.emission) < 1e-6


def test_an_ensemble_is_broader_and_shifts():
    """Cubes that differ by 0.5 nm: variances add, small cubes lie bluer than large ones lie redder."""
    _, found = curves(core_spread_nm=0.5, linewidth_meV=20.0, temperature_K=0.0)
    mean, variance = [], []
    for curve in (found.emission, found.emission_ensemble):
        weight = curve / curve.sum()
        mean.append(float(found.energy @ weight))
        variance.append(float((found.energy - mean[-1]) ** 2 @ weight))
    assert variance[1] > 1.5 * variance[0]
    assert mean[1] > mean[0]
    assert np.trapezoid(np.nan_to_num(found.absorption_ensemble), found.energy) <= 16.0 * (1 + 1e-6)


def test_the_table_names_its_units():
    _, found = curves()
    rows = list(csv.DictReader(io.StringIO(found.as_csv())))
    assert list(rows[0]) == ["energy_eV", "wavelength_nm", "absorption", "emission"]
    assert float(rows[0]["energy_eV"]) * float(rows[0]["wavelength_nm"]) == pytest.approx(1239.842, rel=1e-5)


def test_a_shell_cannot_vary_by_more_than_it_is_thick():
    with pytest.raises(JobError, match="shell_spread_nm"):
        curves(shell_spread_nm=0.5)
