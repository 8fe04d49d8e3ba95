"""The accuracy that a job asks for is the accuracy that it gets: error estimates against far finer solutions.

The reference on boxes is independent of the refinement: lines graded a priori, two layers at every interface, degree 7.
"""

import exact
import jobs
import numpy as np
import pytest
from conftest import missing

from exciton.carriers import _by_name, _problems, bound_states
from exciton.units import HBAR2_2M0
from meshes import MesherMissing
from meshes.boxes import box_mesh
from solvers import hp
from solvers.line import graded
from solvers.space import Space
from solvers.tensor import nested

ASKED = 1e-4  # eV
SIX = {"carriers": {"states": 6}, "accuracy": {"energy_meV": 0.1}, "exciton": {"level": "none"}}


def masses(electron, hole):
    return {"electron_mass": electron, "hole_mass": hole}


def barriers(electron, hole):
    return {"electron_barrier_eV": electron, "hole_barrier_eV": hole}


CASES = {  # the hardest of 200 random jobs, and one of each kind
    "strong contrast": jobs.tables(
        (9.0, 7.0, 7.8),
        around=0.85,
        materials={"A": masses(0.08, 1.52), "L": masses(1.55, 0.29)},
        alignment={"L": barriers(2.22, 0.69)},
        **SIX,
    ),
    "thin shell": jobs.tables(
        11.3,
        (("B", 0.2),),
        materials={"A": masses(0.07, 1.8), "B": masses(2.0, 0.05)},
        alignment={"B": barriers(3, 1)},
        **SIX,
    ),
    "charge in the shell": jobs.tables(
        5.0, (("B", 2.0),), materials={"B": masses(0.5, 1.0)}, alignment={"B": barriers(-0.3, -0.1)}, **SIX
    ),
    "shifted": jobs.tables((4.0, 4.0, 5.0), (("B", 1.0),), 0.0, (0.0, 0.0, 0.7), **SIX),
    "small": jobs.tables(3.0, around=1.5, alignment={"L": barriers(0.9, 2.8)}, **SIX),
    "bare": jobs.tables((20.0, 3.0, 7.0), **SIX),
}


@pytest.fixture(scope="module", params=list(CASES))
def solved(request):
    resolved = jobs.points(jobs.exciton.Job(**CASES[request.param]))[0].resolved
    regions = _by_name([region for region in resolved.regions if region.there])
    return resolved, bound_states(resolved), _problems(resolved.geometry.regions, regions, 6)


def test_every_level_of_a_cube_is_as_accurate_as_asked(solved):
    """Within 0.1 meV of the truth, no estimate below a third of the error or above what was asked, no state missing."""
    resolved, found, problems = solved
    planes = [hp.interfaces(resolved.geometry, axis) for axis in range(3)]
    fine = nested(resolved.geometry, tuple(graded(p, 2 if len(p) > 2 else 0, 7 if len(p) > 2 else 14) for p in planes))
    for states, problem in zip((found.electron, found.hole), problems):
        truth = fine.lowest(problem.diffusion, problem.potential, 6, tolerance=1e-5).values
        off = states.energies - truth
        assert off.max() < ASKED
        assert off.min() > -2e-6  # neither is exact
        assert states.errors.max() <= ASKED
        assert np.all(states.errors >= off / 3 - 1e-8)


def test_no_level_lies_above_that_of_a_counted_solution(solved):
    """On a mesh every level is above the true one, and a factorisation counts them: a lost one would show."""
    resolved, found, problems = solved
    mesh = box_mesh(resolved.geometry, float(np.max(resolved.geometry.extent)) / 4)
    space = Space(mesh, 2)
    for states, problem in zip((found.electron, found.hole), problems):
        above = space.lowest(problem.diffusion, problem.potential, 6).values
        assert np.all(states.energies <= above + ASKED)


@pytest.mark.parametrize("asked", [1e-4, 1e-5])
def test_core_shell_sphere(asked):
    """0.1 and 0.01 meV through the whole job, against the radial transcendental roots, l = 0 and 1."""
    barrier = -0.3, 0.8
    structure = {"shape": "sphere", "core": {"material": "A", "diameter_nm": 5.0}}
    settings = {"carriers": {"states": 4}, "accuracy": {"energy_meV": 1e3 * asked}}
    resolved = jobs.resolved(structure=structure, shells=(("B", 0.8),), alignment={"B": barriers(*barrier)}, **settings)
    try:
        found = bound_states(resolved)
    except MesherMissing as error:
        missing(error)
    for states, m, v in zip((found.electron, found.hole), ((0.13, 0.3), (0.2, 0.6)), barrier):
        truth = exact.core_shell(2.5, 3.3, (HBAR2_2M0 / m[0], HBAR2_2M0 / m[1]), (0.0, v), 4)
        off = np.abs(states.energies - truth)
        assert off.max() < asked
        assert states.errors.max() <= asked
        assert np.all(states.errors >= off)
        assert states.labels[0] == "eee"
        assert set(states.labels[1:]) == {"oee", "eoe", "eeo"}


@pytest.mark.parametrize("shift", [None, (0.1, 0.0, 0.0)])
def test_mirror_planes_change_nothing(shift):
    """By parity and without: the same levels and probabilities, labels only by parity."""
    structure = {"shape": "sphere", "core": {"material": "A", "diameter_nm": 4.0}}
    both = []
    for symmetry in ("auto", "none"):
        resolved = jobs.resolved(
            structure=structure,
            shells=(("B", 1.0),),
            shift=shift,
            accuracy={"energy_meV": 20.0},
            carriers={"states": 4},
            solver={"symmetry": symmetry},
        )
        try:
            both.append(bound_states(resolved))
        except MesherMissing as error:
            missing(error)
    by_parity, plain = both
    for one, other in ((by_parity.electron, plain.electron), (by_parity.hole, plain.hole)):
        np.testing.assert_allclose(one.energies, other.energies, rtol=1e-6)
        assert one.probability[0] == pytest.approx(other.probability[0], abs=1e-6)
        assert one.participation[0] == pytest.approx(other.participation[0], rel=1e-4)
        assert other.labels == ()
        assert one.labels[0] == ("eee" if shift is None else ".ee")


def test_rounded_cube_is_consistent():
    """Two accuracies differ by no more than the two errors; and the level lies between those of two cubes."""
    structure = {"shape": "rounded-cube", "core": {"material": "A", "edge_nm": 5.0, "radius_nm": 1.0}}
    found = []
    for energy in (1.0, 0.2):
        try:
            found.append(
                bound_states(
                    jobs.resolved(structure=structure, accuracy={"energy_meV": energy}, carriers={"states": 4})
                )
            )
        except MesherMissing as error:
            missing(error)
    rough, fine = (f.electron for f in found)
    assert np.all(np.abs(rough.energies - fine.energies) <= rough.errors + fine.errors)
    assert fine.errors.max() <= 2e-4
    cubes = [exact.hard_box((edge,) * 3, HBAR2_2M0 / 0.13, 1)[0] for edge in (5.0, 5.0 - 2 * (1 - 1 / 3**0.5))]
    assert cubes[0] < fine.energies[0] < cubes[1]


@pytest.mark.parametrize("ending", [".msh", ".vtu"])
def test_a_mesh_from_a_file_equals_the_generated_one(ending, tmp_path):
    """Written, read and solved by hand and to an accuracy: the numbers of the job that made it."""
    hand = {"element": "tetrahedron", "degree": 3, "size_nm": 2.0}
    shape = {"structure": {"shape": "sphere", "core": {"material": "A", "diameter_nm": 4.0}}, "shells": (("B", 1.0),)}
    from exciton.carriers import mesh_by_hand
    from meshes.files import write_mesh

    made = jobs.resolved(**shape, accuracy=hand)
    try:
        write_mesh(tmp_path / f"dot{ending}", mesh_by_hand(made))
    except MesherMissing as error:
        missing(error)
    regions = {"core": "A", "shell_1": "B"}
    structure = {"shape": "mesh", "file": str(tmp_path / f"dot{ending}"), "core_region": "core", "regions": regions}
    one, other = bound_states(made), bound_states(jobs.resolved(structure=structure, accuracy=hand))
    np.testing.assert_allclose(other.electron.energies, one.electron.energies, rtol=1e-8)
    assert other.hole.probability[0] == pytest.approx(one.hole.probability[0], abs=1e-7)
    finer = bound_states(jobs.resolved(structure=structure, accuracy={"energy_meV": 5.0})).electron
    assert np.all(np.abs(finer.energies - one.electron.energies) <= finer.errors + one.electron.errors)


def test_hexahedra_tetrahedra_and_boxes_agree():
    """One job, three discretisations, each within its own error of the others."""
    accuracies = (
        {"energy_meV": 0.5},
        {"element": "hexahedron", "degree": 3, "size_nm": 1.0},
        {"element": "tetrahedron", "degree": 3, "size_nm": 1.5},
    )
    try:
        found = [bound_states(jobs.resolved(3.0, (("B", 1.0),), accuracy=a)).electron for a in accuracies]
    except MesherMissing as error:
        missing(error)
    boxes = found[0]
    for other in found[1:]:
        assert np.all(np.abs(other.energies - boxes.energies) <= other.errors + boxes.errors)
        assert np.all(other.energies > boxes.energies - boxes.errors)
        assert other.probability[0] == pytest.approx(boxes.probability[0], abs=5e-3)
