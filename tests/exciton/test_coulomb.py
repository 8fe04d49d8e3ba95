"""Coulomb integrals against Gaussians, the hard-walled cube, and one another."""

import jobs
import numpy as np
import pytest
from scipy.special import erf

from exciton.carriers import bound_states, ground
from exciton.coulomb import attraction, mean_inverse_distance
from exciton.pair.orbitals import sample
from exciton.units import COULOMB
from solvers.grid import Grid
from solvers.waves import Waves

CUBE = 3.0477870  # <1/r> of two ground states in a hard-walled cube, times its edge


def gaussian(axes, width, centre):
    squares = [np.exp(-((x - c) ** 2) / (2 * width**2)) / np.sqrt(2 * np.pi * width**2) for x, c in zip(axes, centre)]
    return np.einsum("a,b,c->abc", *squares)


def sampled(resolved, waves):
    found = bound_states(resolved)
    return sample(resolved, found.space, [ground(found.electron), ground(found.hole)], waves)


@pytest.mark.parametrize("points", [(48, 48, 48), (40, 51, 64)])
@pytest.mark.parametrize("distance", [0.0, 2.0])
def test_gaussians(points, distance):
    """erf(d / sqrt(2 (s1^2 + s2^2))) / d: spectral accuracy, whatever the shape of the grid, odd and even."""
    step = 0.3
    axes = [step * (np.arange(n) - (n - 1) / 2) for n in points]
    ends = np.array([[-step * n / 2 for n in points], [step * n / 2 for n in points]])
    waves = Waves(Grid(tuple(axes), tuple(np.full(n, step) for n in points)), ends, 60)
    s1, s2 = 0.7, 0.9
    centres = (0.0, 0.0, -distance / 2), (0.0, 0.0, distance / 2)
    first, second = waves.transform(np.array([gaussian(axes, s, c) for s, c in zip((s1, s2), centres)]))
    found = float((first * waves.coulomb()) @ second)
    width = np.sqrt(2 * (s1**2 + s2**2))
    truth = erf(distance / width) / distance if distance else 2 / (np.sqrt(np.pi) * width)
    assert found == pytest.approx(truth, rel=1e-7)


@pytest.mark.parametrize("accuracy", [{"energy_meV": 1e-3}, {"element": "hexahedron", "degree": 5, "size_nm": 3.0}])
def test_hard_walled_cube(accuracy):
    """On boxes and, sampled on a grid, on a mesh."""
    resolved = jobs.resolved(6.0, accuracy=accuracy, carriers={"states": 1})
    pull = attraction(sampled(resolved, 48), 5.0)
    rel = 1e-5
    assert pull.energy == pytest.approx(-CUBE * COULOMB / 5.0 / 6.0, rel=rel)
    assert abs(pull.energy + CUBE * COULOMB / 30.0) <= pull.error + 1e-5 * abs(pull.energy)


def test_kinks_at_interfaces_cost_nothing_on_boxes():
    """Masses that differ by 20 make a kink in psi: the integral is as sharp as elsewhere, and its error holds."""
    resolved = jobs.resolved(
        3.0, (("B", 0.7),), 2.0, accuracy={"energy_meV": 2.0}, carriers={"states": 1}, materials={"B": {"hole_mass": 2}}
    )
    fine = sampled(resolved, 96)
    values = [mean_inverse_distance(fine.with_waves(n)) for n in (36, 64, 96)]
    assert values[0] == pytest.approx(values[2], rel=1e-5)
    assert values[1] == pytest.approx(values[2], rel=1e-6)


def test_boxes_and_meshes_agree():
    """A cuboid with a shell, off centre: two programs for the densities, one integral, within the errors of both."""
    values, errors = [], []
    for accuracy in ({"energy_meV": 0.5}, {"element": "hexahedron", "degree": 3, "size_nm": 2.0}):
        resolved = jobs.resolved((4.0, 3.0, 3.5), (("B", 1.0),), 0.0, (0.3, 0.0, 0.0), accuracy=accuracy)
        pull = attraction(sampled(resolved, 48), 5.0)
        values.append(pull.energy)
        errors.append(pull.error)
    assert values[0] == pytest.approx(values[1], abs=sum(errors) + 2e-3 * abs(values[0]))
    assert errors[0] < 1e-5 * abs(values[0])
    assert errors[1] < 2e-2 * abs(values[0])
