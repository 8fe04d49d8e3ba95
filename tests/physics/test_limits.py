"""Finite elements against exact answers, bounds, symmetries and sum rules; rates are those that theory promises.

Everything is in the solvers' own terms, ``-div(a grad psi) + V psi = E psi``; only the reference problem at the end
is in nm and eV.
"""

from math import pi

import exact
import grids
import numpy as np
import pytest
from rates import fitted_rate, refined

from exciton.units import HBAR2_2M0
from meshes import Cuboid, Sphere, Structure, box_mesh, breakpoints
from solvers.line import Line, graded
from solvers.space import Space
from solvers.tensor import BoxSpace

CELLS = ("hexahedron", "tetrahedron")


# -- hard boxes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "degree", "cells"),
    [
        ("hexahedron", 1, (4, 8, 12)),
        ("hexahedron", 2, (3, 4, 6)),
        ("hexahedron", 3, (2, 3, 4)),
        ("hexahedron", 4, (2, 3, 4)),
        ("tetrahedron", 1, (6, 9, 12)),
        ("tetrahedron", 2, (4, 6, 8)),
        ("tetrahedron", 3, (3, 4, 6)),
        ("tetrahedron", 4, (2, 3, 4)),
    ],
)
def test_hard_box_converges_with_twice_the_degree(cell, degree, cells, backend):
    """Ground level of a cube: the error falls as h^(2 p), and is never negative (min-max)."""
    truth = exact.hard_box((1, 1, 1), 1.0, 1)

    def error(h):
        return Space(grids.cube(cell, round(1 / h)), degree).lowest([1.0], [0.0], 1, backend=backend).values / truth - 1

    h, errors = refined([1 / n for n in cells], error)
    assert np.all(errors > 0)
    assert fitted_rate(h, errors[:, 0]) == pytest.approx(2 * degree, abs=0.4)


@pytest.mark.parametrize("cell", CELLS)
def test_hard_box_converges_exponentially_with_the_degree(cell):
    """A smooth state: every further degree gains a larger factor, down to rounding."""
    truth = exact.hard_box((1, 1, 1), 1.0, 1)[0]
    mesh = grids.cube(cell, 1)
    degrees = np.arange(4, 9)
    errors = [Space(mesh, int(p)).lowest([1.0], [0.0], 1, tolerance=1e-8).values[0] / truth - 1 for p in degrees]
    assert np.all(np.diff(errors) < 1e-12)
    if cell == "hexahedron":  # the ground state is even: an odd degree adds nothing
        assert errors[2] < errors[0] / 1000
        assert errors[4] < errors[2] / 1000
        assert -1e-13 < errors[4] < 1e-11
    else:
        assert errors[-1] < errors[0] / 300
        assert fitted_rate(degrees[-2:], errors[-2:]) < fitted_rate(degrees[:2], errors[:2])  # no fixed power


def test_boxes_converge_exponentially_with_the_degree():
    truth = exact.hard_box((2, 3, 4), 1.0, 5)
    structure = Structure(Cuboid((2.0, 3.0, 4.0)))
    rows = [breakpoints(structure, d, 2.0) for d in range(3)]
    spaces = [grids.box_space(structure, rows, p) for p in (3, 5, 7, 9)]
    errors = np.array([space.lowest([1.0], [0.0], 5, tolerance=1e-10).values / truth - 1 for space in spaces])
    assert np.all(errors > -1e-12)
    assert np.all(errors[1:3] < errors[:2] / 30)
    assert errors[-1].max() < 1e-8


@pytest.mark.parametrize("cell", CELLS)
def test_hard_cuboid_with_an_anisotropic_mass(cell, backend):
    """a_d (n_d pi / L_d)^2, degenerate by accident (a_x / L_x^2 = a_y / L_y^2) and not."""
    edges, a = (2.0, 1.0, 1.5), (4.0, 1.0, 0.7)
    rows = [np.linspace(0, edge, n + 1) for edge, n in zip(edges, (2, 2, 3))]
    mesh = grids.bricks(*rows)
    mesh = mesh if cell == "hexahedron" else grids.kuhn(mesh)
    levels = Space(mesh, 6).lowest([a], [0.5], 5, backend=backend).values
    truth = exact.hard_box(edges, a, 5) + 0.5
    np.testing.assert_allclose(levels, truth, rtol={"hexahedron": 1e-6, "tetrahedron": 3e-4}[cell])
    assert truth[4] == pytest.approx(truth[3], rel=1e-12)


# -- bounds -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("potential", [(0.0, 3.0), (0.0, -5.0)])
def test_levels_fall_with_degree_and_refinement(cell, potential):
    """Min-max on nested spaces, with jumps of both coefficients: every single level, at every single step."""
    structure = grids.nested((4.0, 4.0, 4.0), (1.0,))

    def levels(size, degree):
        mesh = box_mesh(structure, size)
        return Space(mesh if cell == "hexahedron" else grids.kuhn(mesh), degree).lowest((1.0, 0.3), potential, 6).values

    ladder = [levels(*step) for step in ((4.0, 2), (2.0, 2), (1.0, 2), (1.0, 3))]  # 4 -> 2 -> 1: cells are halved
    ladder += [levels(2.0, p) for p in (2, 3, 4)]
    for coarse, fine in ((0, 1), (1, 2), (2, 3), (4, 5), (5, 6)):
        assert np.all(ladder[fine] <= ladder[coarse] * (1 + 1e-10 * np.sign(ladder[coarse])))
    assert np.all(ladder[3] < ladder[0])


@pytest.mark.parametrize("barrier", [0.0, 3.0, -3.0])
def test_a_thicker_outer_shell_never_raises_a_level(barrier):
    """Functions on the smaller particle, continued by zero, are functions on the larger one."""
    levels = []
    for thickness in (0.0, 0.25, 0.5, 1.0, 2.0):
        structure = grids.nested((4.0, 4.0, 4.0), (thickness,))
        row = np.array([0.0, 2.0, *(2 + t for t in (0.25, 0.5, 1.0, 2.0) if t <= thickness)])
        row = np.concatenate([-row[:0:-1], row])
        boxes = grids.box_space(structure, [row] * 3, 4)
        n = len(structure.regions)
        levels.append(boxes.lowest((1.0, 0.4)[:n], (0.0, barrier)[:n], 6).values)
    assert np.all(np.diff(levels, axis=0) < 1e-9)
    assert levels[-1][0] < levels[0][0]


@pytest.mark.parametrize("kind", ["space", "boxes"])
def test_scalings(kind):
    """E(s a, s V) = s E(a, V), and E is the same for lengths times s with a times s^2."""

    def levels(length, a, v):
        structure = grids.nested((4.0 * length,) * 3, (length,))
        mesh = box_mesh(structure, 2.0 * length)
        space = Space(mesh, 3)
        if kind == "boxes":
            space = grids.box_space(structure, [breakpoints(structure, d, 2.0 * length) for d in range(3)], 3)
        return space.lowest(a, v, 5, tolerance=1e-9).values

    a, v = np.array([1.0, 0.4]), np.array([0.0, 3.0])
    plain = levels(1.0, a, v)
    np.testing.assert_allclose(levels(1.0, 7 * a, 7 * v), 7 * plain, rtol=1e-10)
    np.testing.assert_allclose(levels(2.5, 6.25 * a, v), plain, rtol=1e-10)
    np.testing.assert_allclose(levels(1.0, a, v - 1.5), plain - 1.5, rtol=1e-9)


def test_turning_the_particle_changes_nothing():
    """Edges and axes of the mass renamed together."""
    a = np.array([[1.0, 2.0, 0.5], [0.4, 0.4, 0.9]])
    levels = []
    for order in ([0, 1, 2], [1, 2, 0], [2, 1, 0]):
        structure = grids.nested(np.array([4.0, 3.0, 5.0])[order], (1.0,), np.array([0.5, 0.0, -0.25])[order])
        rows = [breakpoints(structure, d, 2.0) for d in range(3)]
        levels.append(grids.box_space(structure, rows, 4).lowest(a[:, order], (0.0, 3.0), 5, tolerance=1e-9).values)
    np.testing.assert_allclose(levels[1:], [levels[0]] * 2, rtol=1e-10)


def test_a_core_shifted_either_way():
    """Mirror images have the same levels; towards the hard wall the barrier grows thin and the ground level rises."""
    levels = []
    for shift in (0.0, 0.6, -0.6):
        structure = grids.nested((4.0, 4.0, 4.0), (1.0,), (0.0, shift, 0.0))
        rows = [breakpoints(structure, d, 1.0) for d in range(3)]
        levels.append(grids.box_space(structure, rows, 5).lowest((1.0, 1.0), (0.0, 2.0), 4, tolerance=1e-9).values)
    np.testing.assert_allclose(levels[1], levels[2], rtol=1e-9)
    assert levels[1][0] > levels[0][0] * 1.001


# -- wells with jumps ---------------------------------------------------------------------------------------------

SLABS = {  # break points across x, diffusion (layers,) or (layers, 3), potential
    "barriers": ([0.0, 1.0, 3.0, 4.0], [0.4, 1.0, 0.4], [3.0, 0.0, 3.0]),
    "well in the shell": ([0.0, 1.0, 3.0, 4.0], [0.4, 1.0, 0.4], [-4.0, 0.0, -4.0]),
    "two shells": ([0.0, 0.7, 1.2, 3.0, 3.5, 4.2], [2.0, 0.3, 1.0, 0.3, 2.0], [5.0, 1.0, 0.0, 1.0, 5.0]),
    "shifted": ([0.0, 0.4, 2.4, 4.0], [0.4, 1.0, 0.4], [3.0, 0.0, 3.0]),
    "tensor": ([0.0, 1.0, 3.0, 4.0], [[0.4, 1.0, 0.2], [1.0, 0.5, 2.0], [0.4, 1.0, 0.2]], [3.0, 0.0, 3.0]),
}
WIDTHS = (3.0, 2.0)


@pytest.mark.parametrize("name", list(SLABS))
def test_slabs_on_boxes(name):
    """Jumps of mass and potential across planes: smooth between them, so that p-refinement reaches the exact levels."""
    breaks, a, v = (np.array(x) for x in SLABS[name])
    layers = (len(v) + 1) // 2
    middle = len(v) // 2
    rows = [breaks, np.array([0, WIDTHS[0]]), np.array([0, WIDTHS[1]])]
    lines = tuple(Line(row, (12,) * (len(row) - 1)) for row in rows)
    boxes = tuple(((middle - r, middle + 1 + r), (0, 1), (0, 1)) for r in range(layers))
    space = BoxSpace(lines, boxes, tuple(f"r{r}" for r in range(layers)))
    found = space.lowest(a[middle:], v[middle:], 8, tolerance=1e-9)
    np.testing.assert_allclose(found.values, exact.slab(breaks, WIDTHS, a, v, 8), rtol=1e-9)
    np.testing.assert_allclose(space.gram(found.vectors).sum(axis=0), np.eye(8), atol=1e-9)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("name", list(SLABS))
def test_slabs_on_meshes(cell, name):
    """Every layer a region of its own, with faces on the interfaces; from above, and to the accuracy of degree 5."""
    breaks, a, v = (np.array(x) for x in SLABS[name])
    mesh = grids.bricks(breaks, np.linspace(0, WIDTHS[0], 3), np.linspace(0, WIDTHS[1], 2))
    mesh = grids.painted(mesh, [f"layer {i}" for i in range(len(v))], lambda c: np.searchsorted(breaks, c[:, 0]) - 1)
    mesh = mesh if cell == "hexahedron" else grids.kuhn(mesh)
    errors = Space(mesh, 5).lowest(a, v, 4).values - exact.slab(breaks, WIDTHS, a, v, 4)
    assert np.all(errors > -1e-9)
    assert errors.max() < {"hexahedron": 3e-3, "tetrahedron": 0.1}[cell]
    better = Space(mesh, 7).lowest(a, v, 4).values - exact.slab(breaks, WIDTHS, a, v, 4)
    assert better.max() < errors.max() / 8


@pytest.mark.parametrize("degree", [2, 3])
def test_separable_well_converges_as_if_nothing_jumped(degree, backend):
    """V(x) + V(y) + V(z), one mass: second derivatives jump on faces only, so the rate is that of smooth functions."""
    truth = exact.separable_well(2.0, 1.0, 1.0, 4.0, 4)

    def error(h):
        row = np.linspace(-2, 2, round(4 / h) + 1)
        mesh = grids.painted(
            grids.bricks(row, row, row), ("r0", "r1", "r2", "r3"), lambda c: (np.abs(c) > 1).sum(axis=1)
        )
        return Space(mesh, degree).lowest([1.0] * 4, 4.0 * np.arange(4), 4, backend=backend).values - truth

    h, errors = refined({2: (1.0, 0.5, 1 / 3), 3: (1.0, 0.5)}[degree], error)
    assert np.all(errors > 0)
    assert fitted_rate(h[-2:], errors[-2:, 0]) == pytest.approx(2 * degree, abs=0.6)


# -- Hellmann-Feynman ---------------------------------------------------------------------------------------------

GROUP = slice(1, 4)  # the threefold level of a cube


@pytest.mark.parametrize("kind", ["hexahedron", "tetrahedron", "boxes"])
@pytest.mark.parametrize("potential", [(0.0, 3.0), (0.0, -3.0)])
def test_slope_of_a_level_is_the_probability(kind, potential):
    """dE/dV_shell = probability in the shell, on one fixed discretisation; degenerate levels by their sum."""
    structure = grids.nested((4.0, 4.0, 4.0), (1.0,))
    a, step = (1.0, 0.4), 1e-3
    if kind == "boxes":
        space = grids.box_space(structure, [breakpoints(structure, d, 2.0) for d in range(3)], 4)
    else:
        mesh = box_mesh(structure, 2.0)
        space = Space(mesh if kind == "hexahedron" else grids.kuhn(mesh), 3)
    plus, minus = (space.lowest(a, (0.0, potential[1] + s), 4, tolerance=1e-9).values for s in (step, -step))
    slope = (plus - minus) / (2 * step)
    pairs = space.lowest(a, potential, 4, tolerance=1e-9)
    probability = np.einsum("rii->ri", space.gram(pairs.vectors))
    np.testing.assert_allclose(probability.sum(axis=0), 1.0, atol=1e-10)
    assert slope[0] == pytest.approx(probability[1, 0], abs=1e-6)
    assert slope[GROUP].sum() == pytest.approx(probability[1, GROUP].sum(), abs=1e-5)
    if potential[1] < 0:
        assert probability[1, 0] > 0.7  # the charge sits in the shell


def test_slope_of_a_level_on_a_curved_mesh(meshed):
    mesh = meshed(Structure(Sphere(4.0), (("shell_1", 1.0),)), 3.0)
    space, a, step = Space(mesh, 3), (1.0, 0.4), 1e-3
    plus, minus = (space.lowest(a, (0.0, 3.0 + s), 1, tolerance=1e-9).values[0] for s in (step, -step))
    u = space.lowest(a, (0.0, 3.0), 1, tolerance=1e-9).vectors
    assert (plus - minus) / (2 * step) == pytest.approx(space.gram(u)[1, 0, 0], abs=1e-6)


# -- spheres ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("degree", "finest"), [(2, 3), (3, 2), (4, 2)])
def test_quadratic_geometry_caps_the_rate_at_four(degree, finest):
    """Hard-walled ball on quadratic tetrahedra: the error falls as h^4 for degrees 2, 3 and 4 alike.

    Hadamard: moving the wall outwards by dn changes a simple level by ``-int a (dpsi/dn)^2 dn``, first order in dn.
    Interpolating a surface x(s) by quadratics leaves third derivatives, so dn = O(h^3) in general. But the nodes are
    projections of chord midpoints, and |x|^2 = R^2 gives ``x . x_ijk = -(x_i . x_jk + ...)``, where the second
    derivatives x_jk of that projection are normal up to O(h): the cubic error is tangential, dn = O(h^4), of one sign
    (a parabola lies inside its arc). So the discretisation's h^(2 p) and the geometry's h^4 add up to h^min(2 p, 4).
    For the ground level dpsi/dn is constant, E ~ R^-2, and the geometry's part is 2/3 of the relative loss of volume:
    from degree 3 on, nothing else is left.
    """
    truth = exact.sphere(1.0, 1.0, 4)
    meshes = {0.5**k: grids.ball(k) for k in range(1, finest + 1)}
    h, errors = refined(meshes, lambda h: Space(meshes[h], degree).lowest([1.0], [0.0], 4).values / truth - 1)
    assert np.all(errors > 0)  # of a domain within the true one
    assert fitted_rate(h[-2:], errors[-2:, 0]) == pytest.approx(4, abs=0.5)
    loss = 1 - meshes[h[-1]].volumes()["core"] / (4 / 3 * pi)
    if degree > 2:
        assert errors[-1, 0] == pytest.approx(2 / 3 * loss, rel={3: 0.15, 4: 0.02}[degree])


def test_flat_facets_cap_the_rate_at_two():
    """The same ball with straight sides: its surface is off by O(h^2), and no degree helps."""
    truth = exact.sphere(1.0, 1.0, 1)
    meshes = {0.5**k: grids.straight(grids.ball(k)) for k in (1, 2, 3)}
    h, errors = refined(meshes, lambda h: Space(meshes[h], 2).lowest([1.0], [0.0], 1).values / truth - 1)
    assert fitted_rate(h[-2:], errors[-2:, 0]) == pytest.approx(2, abs=0.25)
    loss = 1 - meshes[h[-1]].volumes()["core"] / (4 / 3 * pi)
    assert errors[-1, 0] == pytest.approx(2 / 3 * loss, rel=0.15)


@pytest.mark.parametrize(("potential", "groups"), [((0.0, 3.0), (1, 3, 5)), ((0.0, -3.0), (1, 3))])
def test_core_shell_sphere_meets_the_radial_roots(potential, groups, meshed):
    """Jumps of mass and potential on a curved interface: s, p and d levels, 1 + 3 + 5, at the rate of the geometry.

    One uniform refinement shows the rate h^4, and the extrapolation that it allows hits the transcendental roots.
    """
    a = (1.0, 0.4)
    count = sum(groups)
    truth = exact.core_shell(2.0, 3.0, a, potential, count)
    coarse = meshed(Structure(Sphere(4.0), (("shell_1", 1.0),)), 3.0)
    fine = grids.divided(coarse, [2.0, 3.0])
    one, two = (Space(mesh, 4).lowest(a, potential, count).values for mesh in (coarse, fine))
    assert np.all(two > truth)  # the domain lies within the true one
    assert np.all((two - truth) / (truth - min(potential)) < 4e-4)
    for first, size in zip(np.cumsum([0, *groups]), groups):
        group = slice(first, first + size)
        before, after = (one - truth)[group].mean(), (two - truth)[group].mean()
        assert np.log2(before / after) == pytest.approx(4, abs=0.5)
        assert abs(after + (two - one)[group].mean() / 15) < after / 3
        assert np.ptp(two[group]) < after  # the mesh splits a level by less than it errs


# -- the reference problem ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("masses", "barrier", "layers", "levels_eV"),
    [
        ((0.134, 0.28), 0.6, 1, [0.03208044, *[0.06419640] * 3, *[0.09611194] * 2]),
        ((0.128, 0.61), 0.9, 2, [0.03160526, *[0.06357769] * 3, *[0.09534066] * 2]),
    ],
    ids=["electron", "hole"],
)
def test_reference_cube_on_graded_boxes(masses, barrier, layers, levels_eV):
    """14.2 nm in a shell of 2.15 nm: six levels within 2e-7 eV of a finer space, and above it.

    The pinned levels are those of four graded layers and degree 9 (2.7 million unknowns), converged to 2e-9 eV.
    """
    inner, outer = 14.2 / 2, 14.2 / 2 + 2.15
    a, v = HBAR2_2M0 / np.array(masses), np.array([0.0, barrier])

    def levels(layers, degree):
        line = graded([-outer, -inner, inner, outer], layers, degree)
        faces = tuple(int(np.abs(line.breaks - face).argmin()) for face in (-inner, inner))
        whole = (0, len(line.degrees))
        space = BoxSpace((line,) * 3, ((faces,) * 3, (whole,) * 3), ("core", "shell_1"))
        return space.lowest(a, v, 6, tolerance=1e-8).values

    ladder = [levels(*step) for step in ((layers, 5), (layers, 6), (layers + 1, 7))]
    fine = ladder[-1]
    assert np.all(np.diff(ladder, axis=0) < 1e-10)
    assert np.abs(ladder[0] - fine).max() < 2e-6
    assert np.abs(ladder[1] - fine).max() < 2e-7
    np.testing.assert_allclose(fine, levels_eV, atol=5e-8)
    assert np.ptp(fine[1:4]) < 1e-9
    bare = exact.hard_box((14.2,) * 3, a[0], 6)
    assert np.all(fine < bare)
    assert fine[0] > exact.hard_box((14.2 + 2 * 2.15,) * 3, min(a), 1)[0]
