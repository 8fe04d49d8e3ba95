"""What the mismatch does to the pair: nothing without one, nearly nothing after cancellation, the same by every way."""

from dataclasses import replace

import jobs
import numpy as np
import pytest

from exciton.carriers import bound_states
from exciton.dielectric import Dielectric
from exciton.images import Images
from exciton.pair.levels import solve_pair, with_mismatch
from exciton.pair.meeting import meeting_grid
from exciton.pair.mismatch import Mismatch
from exciton.pair.polarised import DEGREE, HIGHEST, LOWER, Polarisation
from meshes.shapes import Cuboid, Structure
from solvers.grid import Grid

EDGE = 8.0


def polarisation(permittivities=(7.3, 2.1), most=2, weights=None):
    """Of a cube with hard walls, its lowest states products of cosines and sines."""
    node, weight = np.polynomial.legendre.leggauss(14)
    grid = Grid((EDGE / 2 * node,) * 3, (EDGE / 2 * weight,) * 3)
    x = grid.points[0]
    one, two = (np.sqrt(2 / EDGE) * f(n * np.pi * x / EDGE) for n, f in ((1, np.cos), (2, np.sin)))
    states = [np.einsum("a,b,c->abc", *rows) for rows in ((one, one, one), (two, one, one), (one, two, one))[:most]]
    dielectric = Dielectric(("core", "medium"), permittivities, permittivities[0], Structure(Cuboid((EDGE,) * 3)))
    c = np.zeros((most, most))
    c[0, 0] = 1.0
    orbitals = np.array(states)
    return Polarisation(Images(dielectric, grid), orbitals, orbitals, c if weights is None else weights)


def test_one_permittivity_has_no_mismatch():
    found = polarisation((5.0, 5.0)).of_state(np.diag([1.0, 0.3]))
    assert [found.electron, found.hole, found.attraction, found.correlation] == pytest.approx([0] * 4, abs=1e-9)
    assert found.error < 1e-8


def test_the_images_nearly_cancel_the_self_energies():
    """Both of tens of meV, unlike in sign; the sum a fraction; all reversed in a medium of higher permittivity."""
    bare = np.ones((1, 1))
    for permittivities, sign in (((7.3, 2.1), 1), ((2.1, 7.3), -1)):
        found = polarisation(permittivities, most=1)
        electron, hole = found.self_energies(bare)
        attraction = found.attraction(bare, 0)
        assert electron == pytest.approx(hole)
        assert sign * electron > 0.01
        assert sign * attraction < -0.02
        assert 0 < sign * (electron + hole + attraction) < 0.7 * abs(attraction)


def test_polynomials_are_exact_for_the_bare_product():
    """-<W_image> through them is that of the potential itself, whatever the degree."""
    found = polarisation()
    bare = np.zeros((2, 2))
    bare[0, 0] = 1.0
    for degree in (0, 1, DEGREE):
        assert found.attraction(bare, degree) == pytest.approx(found._bare_attraction, rel=1e-9)


def test_polynomials_converge_for_other_products():
    """A mixture of the ground pair and a polarised one, against the potential of its transition densities."""
    found = polarisation()
    c = np.array([[np.cos(0.4), 0.0], [0.0, np.sin(0.4)]])
    e, potential = found.electron, found.images.potential
    direct = 0.0
    for i in range(2):
        for j in range(2):
            image = potential((e[i] * e[j])[None])[0]
            direct -= c[i, i] * c[j, j] * float(found.images.grid.integral(e[i] * e[j] * image))
    off = [abs(found.attraction(c, degree) - direct) for degree in (1, 2, DEGREE)]
    assert off[2] < 2e-3 * abs(direct)
    assert off[2] < off[1] < off[0]
    assert abs(replace(found, degree=HIGHEST).attraction(c, HIGHEST) - direct) < 0.7 * off[2]


def test_modes_that_symmetry_makes_equal():
    """In a cube ten modes up to degree 2 are five: s twice, p three times, d twice (e) and three times (t2)."""
    found = polarisation(most=1)
    modes = list(found.interaction.modes(LOWER))
    distinct = list(replace(found, cubic=True).interaction.distinct_modes(LOWER))
    assert sorted((count, sum(mode.odd)) for count, mode in distinct) == [(1, 0), (1, 0), (2, 0), (3, 1), (3, 2)]
    assert sum(count * mode.strength for count, mode in distinct) == pytest.approx(sum(m.strength for m in modes))
    assert [count for count, _ in found.interaction.distinct_modes(LOWER)] == [1] * len(modes)


def test_the_bare_cube_in_ligands():
    """14.2 nm, m = 0.252, ligands of 2.13 in toluene: of +59 and -53 meV some +6 are left to the correlated pair."""
    resolved = jobs.resolved(
        structure={"shape": "cube", "core": {"material": "A", "edge_nm": 14.2}, "medium": "toluene"},
        around=2.0,
        materials={"A": {"electron_mass": 0.252, "hole_mass": 0.252, "permittivity": 7.3}, "L": {"permittivity": 2.13}},
        alignment={"L": {"electron_barrier_eV": 3.0, "hole_barrier_eV": 3.0}},
        exciton={"level": "correlated", "polarisation": True},
        emission={"lifetime": False},
    )
    carriers = bound_states(resolved)
    plain = solve_pair(resolved, carriers)
    solution = with_mismatch(resolved, carriers, plain)
    found = solution.mismatch
    assert found.electron == pytest.approx(found.hole, rel=1e-6)
    assert found.electron + found.hole > 0.05 > -0.04 > found.attraction + found.correlation
    assert found.correlation < 0  # correlated carriers are nearer to one another, and to each other's image
    assert found.total == pytest.approx(6.3e-3, abs=0.5e-3)
    assert solution.pair.energy == pytest.approx(plain.pair.energy + found.total)
    assert found.error < 0.3e-3
    assert abs(found.sensitivity) < 1e-3


@pytest.fixture(scope="module")
def in_ligands():
    """A first-order pair of which a third of the electron lies beyond the core's faces."""
    resolved = jobs.resolved(
        edge=5.0,
        shells=(("B", 1.5),),
        materials={"A": {"permittivity": 7.0}, "B": {"electron_mass": 0.13, "permittivity": 4.0}},
        alignment={"B": {"electron_barrier_eV": 0.0, "hole_barrier_eV": 0.8}},
        structure={"shape": "cube", "core": {"material": "A", "edge_nm": 5.0}, "medium": "toluene"},
        exciton={"level": "first-order", "polarisation": True},
    )
    carriers = bound_states(resolved)
    return resolved, carriers, solve_pair(resolved, carriers)


def asked_for(in_ligands, tolerance):
    """The solution to ``accuracy.pair_meV``."""
    resolved, carriers, plain = in_ligands
    accuracy = resolved.accuracy.model_copy(update={"pair_meV": tolerance})
    return with_mismatch(replace(resolved, accuracy=accuracy), carriers, plain)


def test_the_mismatch_is_refined_until_the_tolerance_holds(in_ligands):
    """What is asked for is reached, by the part that lacks it; and the coarser answer was within its error."""
    loose = asked_for(in_ligands, 10.0)
    assert loose.polarisation.images.detail == 1
    wanted = 0.6e3 * loose.mismatch.error + 1e3 * in_ligands[2].pair.error
    tight = asked_for(in_ligands, wanted)
    assert tight.polarisation.images.detail > 1
    assert tight.polarisation.degree == DEGREE  # exact for one product
    assert 1e3 * tight.pair.error <= wanted < 1e3 * loose.pair.error
    assert 1e-6 < abs(tight.mismatch.total - loose.mismatch.total) < loose.mismatch.error


def test_what_cannot_be_reached_is_not_tried(in_ligands):
    """The images' potentials are what they are: where they alone are worse than what is allowed, nothing is refined."""
    found = asked_for(in_ligands, 1e-3)
    assert found.polarisation.images.detail == 1
    assert found.mismatch.errors["potentials"] > 1e-6


def test_which_parts_are_refined():
    """Those that take more than a quarter; else one that would do; none where what stays is too much by itself."""
    found = Mismatch(0, 0, 0, 0, {"self-energies": 0.08, "polynomials": 0.02, "grid": 0.03}, 0)
    assert found.wanting(["self-energies", "polynomials"], 0.1) == ["self-energies"]
    assert found.wanting(["polynomials"], 0.12) == ["polynomials"]
    assert found.wanting(["polynomials"], 0.11) == found.wanting(["self-energies", "polynomials"], 0.03) == []


def test_the_grid_is_in_the_error(in_ligands):
    """Against one of twice as many points along each axis."""
    resolved, carriers, _ = in_ligands
    own = asked_for(in_ligands, 10.0)
    grid = meeting_grid(resolved, carriers.space, 0.25, 16)
    electron, hole = (
        carriers.space.on_grid(each.psi[:, :1], *grid.points) for each in (carriers.electron, carriers.hole)
    )
    fine = Polarisation(Images.of(resolved, grid), electron, hole, np.ones((1, 1)))
    off = np.subtract(fine.self_energies(np.ones((1, 1))), (own.mismatch.electron, own.mismatch.hole))
    off = abs(off).sum() + abs(fine._bare_attraction - own.mismatch.attraction)
    assert 1e-8 < off < own.mismatch.errors["grid"] < 0.5e-3


def test_higher_polynomials_where_they_are_what_lacks():
    """Where they take more than a part of what is allowed, and nothing else does."""
    weights = np.array([[np.cos(0.4), 0.0], [0.0, np.sin(0.4)]])
    found = polarisation(weights=weights)
    before = found.of_state(weights)
    alone = replace(before, errors={"self-energies": 0.0, "polynomials": before.errors["polynomials"]})
    better = found.refined(alone, 0.9 * alone.error)
    assert better.images is found.images
    after = better.of_state(weights)
    assert after.errors["polynomials"] < before.errors["polynomials"]
    assert abs(after.correlation - before.correlation) < 2 * before.errors["polynomials"]


def test_self_energies_on_elements(in_ball):
    """In a ball they are integrals along the radius; a uniform grid misses kinks of the density at the interface."""
    resolved, carriers, found = in_ball
    node, weight = np.polynomial.legendre.leggauss(60)
    r, w = (np.concatenate([1.25 + 1.25 * node, 2.9 + 0.4 * node]), np.concatenate([1.25 * weight, 0.4 * weight]))
    line = Grid((r, np.zeros(1), np.zeros(1)), (w, np.ones(1), np.ones(1)))
    density = carriers.space.on_grid(carriers.electron.psi[:, :1], *line.points)[0, :, 0, 0] ** 2
    sigma = Images.of(resolved, line).self_energy()[:, 0, 0]
    volume = 4 * np.pi * r**2 * w
    assert volume @ density == pytest.approx(1.0, abs=1e-4)
    exact = volume @ (density * sigma) / (volume @ density)
    on_grid = found.polarisation._self_energies_on_grid[0].item()
    off = abs(found.mismatch.electron - exact)
    assert off < 0.5 * abs(on_grid - exact)
    assert off < 2e-5


def test_images_on_a_uniform_grid_hold_their_error(in_ball):
    """The attraction against a grid of 1.5 times as many points along each axis."""
    resolved, carriers, found = in_ball
    grid = meeting_grid(resolved, carriers.space, 0.19)
    electron = carriers.space.on_grid(carriers.electron.psi[:, :1], *grid.points)
    electron /= np.sqrt(grid.integral(electron**2))
    fine = Polarisation(Images.of(resolved, grid), electron, electron, np.ones((1, 1)))
    off = abs(fine._bare_attraction - found.mismatch.attraction)
    sparse = found.polarisation.sparser._bare_attraction
    assert 1e-7 < off < found.mismatch.errors["grid"] < 0.1e-3
    assert found.mismatch.errors["grid"] > abs(found.mismatch.attraction - sparse) > 1e-7


@pytest.fixture(scope="module")
def in_ball():
    """A first-order pair of like carriers in a ball of 5 nm in ligands, where it falls off within 0.06 nm."""
    resolved = jobs.resolved(
        structure={"shape": "sphere", "core": {"material": "A", "diameter_nm": 5.0}, "medium": "toluene"},
        around=0.8,
        materials={"A": {"electron_mass": 0.13, "hole_mass": 0.13, "permittivity": 7.3}, "L": {"permittivity": 2.13}},
        alignment={"L": {"electron_barrier_eV": 3.0, "hole_barrier_eV": 3.0}},
        exciton={"level": "first-order", "polarisation": True},
        carriers={"states": 1},
    )
    carriers = bound_states(resolved)
    return resolved, carriers, with_mismatch(resolved, carriers, solve_pair(resolved, carriers))
