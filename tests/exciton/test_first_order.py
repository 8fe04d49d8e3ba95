"""The pair in first order: its terms, its error, and the exact answer of the hard-walled cube."""

import jobs
import numpy as np
import pytest

from exciton.carriers import bound_states, ground
from exciton.coulomb import attraction
from exciton.pair.first_order import first_order, first_order_in
from exciton.pair.orbitals import sample
from exciton.pair.pair import Pair
from exciton.units import COULOMB, HBAR2_2M0


def pair_of(*args, permittivity=5.0, **kwargs):
    materials = {"A": {"permittivity": permittivity}} | kwargs.pop("materials", {})
    resolved = jobs.resolved(*args, materials=materials, **kwargs)
    carriers = bound_states(resolved)
    return carriers, first_order(resolved, carriers)


@pytest.mark.parametrize(("edge", "permittivity"), [(4.0, 5.0), (10.0, 7.3)])
def test_hard_walled_cube(edge, permittivity):
    """Attraction -3.0477870 e^2 / (4 pi eps0 eps L), to 1e-5; kinetic energies of both; overlap 1."""
    _, pair = pair_of(edge, permittivity=permittivity, accuracy={"energy_meV": 1e-4}, carriers={"states": 1})
    assert pair.terms["attraction"] == pytest.approx(-3.0477870 * COULOMB / permittivity / edge, rel=1e-5)
    kinetic = 3 * HBAR2_2M0 * (np.pi / edge) ** 2
    assert pair.terms["electron"] + pair.terms["hole"] == pytest.approx(kinetic * (1 / 0.13 + 1 / 0.2), abs=2e-5)
    assert pair.enhancement == pytest.approx(1, abs=1e-6)


def test_terms_add_up_and_carry_units():
    pair = Pair("first-order", {"electron": 0.02, "hole": 0.01, "attraction": -0.05}, 1e-4, 0.9, 0.01)
    assert pair.energy == pytest.approx(-0.02)
    block = pair.as_json()
    assert block["energy_meV"] == pytest.approx(sum(block["terms_meV"].values()))
    assert block["energy_meV"] == pytest.approx(-20)
    assert block["error_meV"] == pytest.approx(0.1)
    assert set(block) == {"level", "energy_meV", "error_meV", "terms_meV", "enhancement", "enhancement_error"}


def test_attraction_scales_with_length_and_permittivity():
    """J(s L) = J(L) / s where the states keep their shape (a hard wall), J(s eps) = J(eps) / s."""
    hand = {"accuracy": {"energy_meV": 1.0}, "carriers": {"states": 1}}
    plain, longer, screened = (
        pair_of(edge, permittivity=eps, **hand)[1].terms["attraction"]
        for edge, eps in ((4.0, 5.0), (8.0, 5.0), (4.0, 10.0))
    )
    assert longer == pytest.approx(plain / 2, rel=1e-4)
    assert screened == pytest.approx(plain / 2, rel=1e-9)


@pytest.mark.parametrize("barrier", [0.4, -0.3])
def test_the_error_holds(barrier):
    """Against a solution far more accurate."""
    settings = {"alignment": {"B": {"electron_barrier_eV": barrier}}, "carriers": {"states": 1}}
    (_, rough), (_, fine) = (pair_of(4.0, (("B", 0.8),), accuracy={"energy_meV": e}, **settings) for e in (3.0, 0.02))
    assert abs(rough.energy - fine.energy) <= rough.error + fine.error
    assert abs(rough.enhancement - fine.enhancement) <= 3 * (rough.enhancement_error + fine.enhancement_error)
    assert fine.error < 1e-4
    assert 0 < fine.enhancement < 1


def test_a_small_particle_holds_the_default_accuracy():
    """180 meV of attraction and kinks at every interface: the pair is known to 0.2 meV without being asked."""
    point = jobs.solve(3.0, (("B", 0.5),), carriers={"states": 1})
    assert point["exciton"]["error_meV"] <= 0.2
    assert point["exciton"]["terms_meV"]["attraction"] < -150


@pytest.mark.parametrize(
    ("shape", "size", "most"),
    [("sphere", {"diameter_nm": 5.0}, 3e-4), ("rounded-cube", {"edge_nm": 5.0, "radius_nm": 0.8}, 3e-5)],
)
def test_the_grid_of_a_density_with_kinks(shape, size, most):
    """At a curved interface they lie between the points, and are in the error; flat faces have points of their own."""
    resolved = jobs.resolved(
        structure={"shape": shape, "core": {"material": "A", **size}},
        around=0.8,
        alignment={"L": {"electron_barrier_eV": 3.0, "hole_barrier_eV": 3.0}},
        accuracy={"energy_meV": 1.0, "pair_meV": 1.0},
        carriers={"states": 1},
    )
    carriers = bound_states(resolved)
    pair, orbitals = first_order_in(resolved, carriers)
    fine = sample(resolved, carriers.space, (ground(carriers.electron), ground(carriers.hole)), 40)
    found, finer = (attraction(each, 5.0) for each in (orbitals, fine))
    assert found.energy == pair.terms["attraction"]
    assert 1e-6 < abs(found.energy - finer.energy) < min(most, found.error + finer.error)
