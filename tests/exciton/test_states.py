"""Where the states are, how far they spread, and how well that is known."""

import jobs
import numpy as np
import pytest

from exciton.carriers import bound_states
from exciton.states import overlap_squared


def test_hard_cube_has_the_participation_of_sines():
    """1 / int |psi|^4 = (2 L / 3)^3 for every product of sines."""
    found = bound_states(jobs.resolved(6.0, accuracy={"energy_meV": 1e-5}, carriers={"states": 1}))
    assert found.electron.participation[0] == pytest.approx((2 * 6.0 / 3) ** 3, rel=1e-5)


def test_probabilities_add_up_and_their_errors_hold():
    """Against a solution 25 times as accurate, degenerate states as a group."""
    structure = (4.0, (("B", 0.0), ("C", 0.8)), 1.0)
    rough, fine = (
        bound_states(jobs.resolved(*structure, carriers={"states": 4}, accuracy={"energy_meV": e})) for e in (5.0, 0.2)
    )
    for carrier in ("electron", "hole"):
        one, other = getattr(rough, carrier), getattr(fine, carrier)
        for p in one.probability:
            assert list(p) == ["core", "shell_1", "shell_2", "surroundings"]
            assert sum(p.values()) == pytest.approx(1, abs=1e-9)
            assert p["shell_1"] == 0.0
            assert min(p.values()) >= 0
        off = [abs(a["core"] - b["core"]) for a, b in zip(one.probability, other.probability)]
        assert off[0] <= 3 * one.probability_errors[0]
        np.testing.assert_allclose(one.energies[1:4], one.energies[1], rtol=1e-6)  # threefold


def test_states_are_normalised_and_their_signs_repeat():
    found = [bound_states(jobs.resolved(4.0, (("B", 1.0),), accuracy=jobs.QUICK)) for _ in range(2)]
    psi = found[0].electron.psi
    gram = found[0].space.gram(psi).sum(axis=0)
    np.testing.assert_allclose(gram, np.eye(4), atol=1e-7)
    assert np.all(psi[np.abs(psi).argmax(axis=0), range(4)] > 0)
    np.testing.assert_array_equal(psi, found[1].electron.psi)


def test_overlap():
    """1 for equal masses and barriers, less for unequal ones, and 1/2 or less once they sit apart."""
    same = {"A": {"electron_mass": 0.2}, "B": {"electron_mass": 0.6}}
    values = []
    for materials, barrier in ((same, 0.8), ({}, 0.8), ({}, -1.5)):
        shell = {"B": {"electron_barrier_eV": barrier}}
        found = bound_states(
            jobs.resolved(4.0, (("B", 1.0),), materials=materials, alignment=shell, accuracy=jobs.QUICK)
        )
        values.append(overlap_squared(found.space, found.electron, found.hole))
    assert values[0] == pytest.approx(1, abs=1e-9)
    assert values[0] > values[1] > values[2]
    assert values[2] < 0.5


def test_json_carries_units_and_parities():
    boxes = bound_states(jobs.resolved(4.0, carriers={"states": 4})).electron
    block = boxes.as_json()
    assert set(block) == {
        "energies_meV",
        "error_meV",
        "residuals",
        "probability",
        "probability_error",
        "participation_nm3",
        "parity",
    }
    assert block["energies_meV"] == pytest.approx(1e3 * boxes.energies)
    assert block["parity"][0] == "eee"
    assert sorted(block["parity"][1:4]) == ["eeo", "eoe", "oee"]
    assert max(block["residuals"]) < 1e-3
    by_hand = bound_states(jobs.resolved(4.0, (("B", 1.0),), accuracy=jobs.QUICK)).electron
    assert "parity" not in by_hand.as_json()
