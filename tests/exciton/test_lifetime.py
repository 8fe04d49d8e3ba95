"""From the pair to a lifetime: the golden rule, mean field by its name only, and the correlated average."""

import jobs
import numpy as np
import pytest

from exciton import lifetime
from exciton.emission import Light, wavelength
from exciton.units import KB

LIGHT = {"lifetime": True, "kane_energy_eV": 20.0, "refractive_index": 1.505, "local_field": 0.4}
CORE = {"A": {"electron_mass": 0.252, "hole_mass": 0.252, "permittivity": 7.3, "gap_eV": 2.42}}


def lit(level, edge=14.2, *, temperature=300.0, **emission):
    return jobs.solve(
        edge,
        materials=CORE,
        exciton={"level": level, "polarisation": False},
        carriers={"states": 1},
        emission={**LIGHT, "temperature_K": temperature, **emission},
    )


def test_the_golden_rule_by_hand():
    """1/tau = f (4/9) n |F|^2 E_P omega K / (137.036 m0 c^2): 4.9 ns for K = 1 at 2.4 eV, inverse in each factor."""
    light = Light(20.0, 1.505, 0.4, 0.75)
    omega = 2.4 / 6.582119569e-7  # 1/ns
    by_hand = 0.75 * 4 / 9 * 1.505 * 0.4 * 20.0 / 510998.95 / 137.035999 * omega
    assert light.rate(2.4, 1.0) == pytest.approx(by_hand, rel=1e-6)
    assert light.lifetime(2.4, 2.0) == pytest.approx(light.lifetime(2.4, 1.0) / 2)
    assert Light(40.0, 1.505, 0.2, 0.75).rate(2.4, 1.0) == pytest.approx(light.rate(2.4, 1.0))


def test_without_correlation_the_lifetime_is_called_mean_field():
    """An uncorrelated 14.2 nm cube at 300 K: 38 ns, all levels of a box summed; never as `radiative_lifetime_ns`."""
    point = lit("first-order")
    assert point["mean_field_lifetime_ns"] == pytest.approx(38, abs=1)
    assert not [key for key in point if key.startswith("radiative_lifetime")]
    n = np.arange(1, 60)
    unit = point["electron"]["energies_meV"][0] / 3e3
    one, both = (np.exp(-k * unit * n**2 / (KB * 300)).sum() ** 3 for k in (1, 2))
    exact = Light(20.0, 1.505, 0.4, 0.75).lifetime(point["emission_eV"], both / one**2)
    assert point["mean_field_lifetime_ns"] == pytest.approx(exact, rel=0.02)


def test_hartree_has_no_lifetime_either():
    cold = lit("hartree", temperature=0.0)
    assert not [key for key in cold if key.startswith("radiative_lifetime")]
    expected = Light(20.0, 1.505, 0.4, 0.75).lifetime(cold["emission_eV"], 1.0)
    assert cold["mean_field_lifetime_ns"] == pytest.approx(expected, rel=1e-6)


@pytest.fixture(scope="module")
def warm():
    return lit("correlated")


def test_the_correlated_lifetime(warm):
    """Shorter than mean field by the factor of the mean enhancement; at 0 K shorter by the ground pair's own."""
    assert "mean_field_lifetime_ns" not in warm
    light = Light(20.0, 1.505, 0.4, 0.75)
    own = light.lifetime(warm["emission_eV"], warm["exciton"]["enhancement"])
    assert warm["radiative_lifetime_0K_ns"] == pytest.approx(own, rel=1e-9)
    # photons of excited pairs carry a few kT more of 2.4 eV
    mean = light.lifetime(warm["emission_eV"], warm["mean_enhancement"])
    assert 0.95 < warm["radiative_lifetime_ns"] / mean < 1
    assert warm["radiative_lifetime_ns"] > 4 * warm["radiative_lifetime_0K_ns"]
    assert 0 < warm["radiative_lifetime_error_ns"] < 0.1 * warm["radiative_lifetime_ns"]
    assert 0 < warm["pairs_not_solved_for"] < 0.2


def test_what_levels_are_continued_from_is_in_the_error(warm, monkeypatch):
    """From 18 levels Weyl's law misses the number of pairs by 4 %: the error knows, and more levels mend it."""
    monkeypatch.setattr(lifetime, "UNCORRELATED", 18)
    few = lit("correlated")
    off = abs(few["radiative_lifetime_ns"] - warm["radiative_lifetime_ns"])
    assert off > 0.01 * warm["radiative_lifetime_ns"]
    assert off < few["radiative_lifetime_error_ns"]
    monkeypatch.setattr(lifetime, "FEWER", 1.0)
    assert lit("correlated")["radiative_lifetime_error_ns"] < 0.9 * few["radiative_lifetime_error_ns"]


def test_cold_pairs_are_ground_pairs(warm):
    """At 0 K and at 4 K the average is the ground pair's; with temperature the lifetime rises."""
    zero, four, hundred = (lit("correlated", temperature=t) for t in (0.0, 4.0, 100.0))
    assert zero["radiative_lifetime_ns"] == pytest.approx(zero["radiative_lifetime_0K_ns"], rel=1e-6)
    lifetimes = [p["radiative_lifetime_ns"] for p in (zero, four, hundred, warm)]
    assert lifetimes == sorted(lifetimes)
    assert lifetimes[1] < 1.3 * lifetimes[0]


def test_what_is_given_enters_as_it_should(warm):
    """Half the bright fraction and twice the field: nothing; the refractive index: inversely."""
    other = lit("correlated", bright_fraction=0.375, local_field=0.8)
    assert other["radiative_lifetime_ns"] == pytest.approx(warm["radiative_lifetime_ns"], rel=1e-9)
    denser = lit("correlated", refractive_index=3.01)
    assert denser["radiative_lifetime_ns"] == pytest.approx(warm["radiative_lifetime_ns"] / 2, rel=1e-9)


def test_a_photon_has_a_positive_energy():
    assert wavelength(2.4) == pytest.approx(516.6, abs=0.05)
    with pytest.raises(ValueError, match="positive"):
        wavelength(0.0)
