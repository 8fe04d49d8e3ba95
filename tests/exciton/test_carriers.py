"""Levels through the job interface: exact answers, sum rules, scalings, and what is given by hand."""

import exact
import jobs
import numpy as np
import pytest

from exciton.carriers import bound_states, operator
from exciton.units import HBAR2_2M0

WALL = {"accuracy": {"energy_meV": 0.1}, "carriers": {"states": 6}}


def states(*args, **kwargs):
    return bound_states(jobs.resolved(*args, **kwargs))


@pytest.mark.parametrize(("edge", "energy"), [(5.0, 0.1), (14.2, 0.1), (3.0, 1.0), (5.0, 1e-3)])
def test_bare_cube_in_a_hard_wall(edge, energy):
    """E = (hbar pi)^2 / (2 m L^2) (n_x^2 + n_y^2 + n_z^2), never below, within the error given and that asked for."""
    found = states(edge, accuracy={"energy_meV": energy}, carriers={"states": 7})
    for carrier, mass in ((found.electron, 0.13), (found.hole, 0.2)):
        truth = exact.hard_box((edge,) * 3, HBAR2_2M0 / mass, 7)
        off = carrier.energies - truth
        assert np.all(off > -1e-10)
        assert np.all(off <= 3 * carrier.errors + 1e-10)
        assert carrier.errors.max() <= 1e-3 * energy
        assert off.max() <= 1e-3 * energy
    assert found.electron.energies[0] == pytest.approx(3 * HBAR2_2M0 * (np.pi / edge) ** 2 / 0.13, abs=1e-3 * energy)


def test_anisotropic_mass_in_a_cuboid():
    """a_d (n_d pi / L_d)^2 along each axis by itself."""
    core = {"electron_mass_xyz": [0.1, 0.2, 0.5], "hole_mass_xyz": [0.3, 0.3, 0.7]}
    base = {"gap_eV": 2.4, "permittivity": 5.0}
    tables = jobs.tables((4.0, 5.0, 3.0), **WALL)
    tables["materials"] = {"A": {**base, **core}}
    found = bound_states(jobs.points(jobs.exciton.Job(**tables))[0].resolved)
    for carrier, masses in ((found.electron, core["electron_mass_xyz"]), (found.hole, core["hole_mass_xyz"])):
        truth = exact.hard_box((4.0, 5.0, 3.0), HBAR2_2M0 / np.array(masses), 6)
        np.testing.assert_allclose(carrier.energies, truth, atol=1e-4)


@pytest.mark.parametrize("element", ["hexahedron", "tetrahedron"])
def test_a_discretisation_by_hand_is_used_as_given(element):
    """Above the truth on every mesh, nearer to it with every degree; the quoted error holds the true one."""
    truth = exact.hard_box((4.0,) * 3, HBAR2_2M0 / 0.13, 3)
    errors = []
    for degree in (1, 2, 3):
        hand = {"element": element, "degree": degree, "size_nm": 1.0}
        found = states(accuracy=hand, carriers={"states": 3}).electron
        errors.append(found.energies - truth)
        assert np.all(errors[-1] > 0)
        assert np.all(found.errors > errors[-1] / 3)
    assert np.all(np.diff(errors, axis=0) < 0)
    assert errors[2].max() < errors[0].max() / 50


@pytest.mark.parametrize("element", ["hexahedron", "tetrahedron"])
@pytest.mark.parametrize("barrier", [0.5, -0.5])
def test_slope_with_the_barrier_is_the_probability(element, barrier):
    """Hellmann-Feynman on one discretisation: dE/dV_shell = probability in the shell, a degenerate group by its sum."""
    hand = {"element": element, "degree": 2, "size_nm": 2.0}
    step, levels = 1e-3, []

    def at(value):
        shell = {"B": {"electron_barrier_eV": value}}
        return states(4.0, (("B", 1.0),), accuracy=hand, carriers={"states": 4}, alignment=shell).electron

    levels = [at(barrier + s).energies for s in (step, -step)]
    slope = (levels[0] - levels[1]) / (2 * step)
    shell = np.array([p["shell_1"] for p in at(barrier).probability])
    # boxes have a threefold level; tetrahedra split it
    assert slope[0] == pytest.approx(shell[0], abs=1e-5)
    assert slope[1:].sum() == pytest.approx(shell[1:].sum(), abs=1e-4)


@pytest.mark.parametrize(("degree", "size"), [(2, 2.0), (3, 2.0), (4, 2.0), (5, 2.0), (5, 4.0), (6, 2.0)])
def test_even_states_of_large_cells_do_not_pass_for_exact(degree, size):
    """Half a sine in each half of a cube is even about its middle: an odd degree adds nothing to the even one below."""
    truth = exact.hard_box((4.0,) * 3, HBAR2_2M0 / 0.13, 4)
    hand = {"element": "hexahedron", "degree": degree, "size_nm": size}
    found = states(accuracy=hand, carriers={"states": 4}).electron
    assert np.all(found.errors > (found.energies - truth) / 3)


def test_lengths_times_s_and_masses_over_s_squared():
    """The same levels."""
    plain = states(4.0, (("B", 1.0),), 1.0, accuracy=jobs.QUICK)
    s = 2.5
    masses = {name: {key: jobs.MATERIALS[name][key] / s**2 for key in ("electron_mass", "hole_mass")} for name in "ABL"}
    hand = {**jobs.QUICK, "size_nm": s * jobs.QUICK["size_nm"]}
    other = states(4.0 * s, (("B", s),), s, accuracy=hand, materials=masses)
    np.testing.assert_allclose(other.electron.energies, plain.electron.energies, rtol=1e-8)
    np.testing.assert_allclose(other.hole.energies, plain.hole.energies, rtol=1e-8)
    assert other.hole.participation[0] == pytest.approx(s**3 * plain.hole.participation[0], rel=1e-5)


@pytest.mark.parametrize("name", ["B", "C"])
def test_a_thicker_outermost_shell_never_raises_a_level(name):
    """Inside a hard wall, to the errors given: functions on the smaller particle are functions on the larger one."""
    found = [states(4.0, ((name, t),), carriers={"states": 4}) for t in (0.0, 0.2, 0.5, 1.0)]
    for carrier in ("electron", "hole"):
        levels = np.array([getattr(f, carrier).energies for f in found])
        errors = np.array([getattr(f, carrier).errors for f in found])
        assert np.all(np.diff(levels, axis=0) <= errors[1:])
        assert levels[-1][0] < levels[0][0]


@pytest.mark.parametrize("shift", [None, (0.3, 0.0, -0.2)])
def test_symmetry_is_only_a_short_cut(shift):
    settings = {"carriers": {"states": 5}, "accuracy": {"energy_meV": 0.5}}
    with_, without = (
        states(4.0, (("B", 0.8),), 0.0, shift, solver={"symmetry": s}, **settings) for s in ("auto", "none")
    )
    for carrier in ("electron", "hole"):
        one, other = getattr(with_, carrier), getattr(without, carrier)
        assert np.all(np.abs(one.energies - other.energies) <= one.errors + other.errors)
    assert not any(c in "eo" for label in without.electron.labels for c in label)


def test_a_shell_of_no_thickness_is_not_there():
    """It changes nothing but the list of regions, in which it keeps its place."""
    without = states(4.0, (("B", 0.5),), accuracy=jobs.QUICK)
    with_ = states(4.0, (("C", 0.0), ("B", 0.5), ("C", 0.0)), accuracy=jobs.QUICK)
    np.testing.assert_allclose(with_.electron.energies, without.electron.energies, rtol=1e-12)
    for one, other in zip(with_.electron.probability, without.electron.probability):
        assert list(one) == ["core", "shell_1", "shell_2", "shell_3"]
        assert one["shell_1"] == one["shell_3"] == 0.0
        assert one["shell_2"] == pytest.approx(other["shell_1"], rel=1e-9)


def test_operator_refuses_what_cannot_be():
    problem = operator([[0.1, 0.2, 0.4], [1.0, 1.0, 1.0]], [0.0, 0.5], 3)
    np.testing.assert_allclose(problem.diffusion[0], HBAR2_2M0 / np.array([0.1, 0.2, 0.4]))
    with pytest.raises(ValueError, match="positive"):
        operator([[0.1, 0.0, 0.4]], [0.0], 1)
    with pytest.raises(ValueError, match="shape"):
        operator([[0.1, 0.1, 0.4]], [0.0, 0.0], 1)
