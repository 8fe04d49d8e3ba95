"""Nested boxes: the tensor-product operator against the assembled one, with and without symmetry, state by state."""

import grids
import numpy as np
import pytest

from meshes import box_mesh
from solvers.errors import NotConverged
from solvers.line import graded
from solvers.space import Space
from solvers.tensor import BoxSpace

CASES = {  # structure, diffusion, potential
    "cube": (grids.nested((4.0, 4.0, 4.0), (1.0,)), (1.0, 0.4), (0.0, 3.0)),
    "cuboid": (grids.nested((4.0, 3.0, 5.0), (1.0,)), (1.0, 0.4), (0.0, 3.0)),
    "two shells": (grids.nested((4.0, 4.0, 4.0), (0.5, 1.0)), (1.0, 0.3, 2.0), (0.0, 2.0, 5.0)),
    "shifted": (grids.nested((4.0, 4.0, 4.0), (1.0,), (0.3, 0.0, -0.5)), (1.0, 0.4), (0.0, 3.0)),
    "in the shell": (grids.nested((4.0, 4.0, 4.0), (1.0,)), (1.0, 0.8), (0.0, -4.0)),
    "tensor": (grids.nested((4.0, 4.0, 4.0), (1.0,)), ((1.0, 2.0, 0.5), (0.4, 0.4, 0.9)), (0.0, 3.0)),
    "above zero": (grids.nested((4.0, 4.0, 4.0), (1.0,)), (1.0, 0.4), (2.0, 5.0)),
    # the separable guess of how many states each parity has is wrong in the next two
    "deep in the shell": (grids.nested((4.0, 4.0, 4.0), (1.0,)), (1.0, 5.0), (0.0, -20.0)),
    "repelled": (grids.nested((4.0, 3.0, 5.0), (1.0,)), (0.2, 2.0), (5.0, 0.0)),
    "core only": (grids.nested((4.0, 3.0, 5.0)), (0.7,), (0.0,)),
}
case = pytest.mark.parametrize("name", list(CASES))


def rows_of(mesh):
    return [np.unique(mesh.points[:, d].round(12)) for d in range(3)]


def both(name, degree=3, size=2.0):
    """The same discretisation twice: as boxes and as hexahedra."""
    structure = CASES[name][0]
    mesh = box_mesh(structure, size)
    return grids.box_space(structure, rows_of(mesh), degree), Space(mesh, degree)


def at_nodes(space, boxes, u):
    """Nodal values on `space` of functions of `boxes`."""
    axes = [np.unique(space.coordinates[:, d].round(9)) for d in range(3)]
    grid = boxes.on_grid(u, *axes)
    where = [np.searchsorted(axis, space.coordinates[:, d].round(9)) for d, axis in enumerate(axes)]
    return grid[:, where[0], where[1], where[2]].T[space.free]


@case
def test_equals_the_assembled_operator(name):
    """One discretisation, two programs: the same levels to 1e-9, the same probabilities, the same subspace."""
    _, a, v = CASES[name]
    boxes, space = both(name)
    assert boxes.size == space.size
    ours, theirs = boxes.lowest(a, v, 6, tolerance=1e-8), space.lowest(a, v, 6, tolerance=1e-8)
    np.testing.assert_allclose(ours.values, theirs.values, rtol=1e-9)
    x = at_nodes(space, boxes, ours.vectors)
    np.testing.assert_allclose(space.gram(x), boxes.gram(ours.vectors), atol=1e-9)
    np.testing.assert_allclose(space.quartic(x), boxes.quartic(ours.vectors), rtol=1e-8)


@case
def test_states_are_orthonormal_and_checked(name):
    """Twins made by exchanging axes included; residuals hold the tolerance; levels ascend."""
    _, a, v = CASES[name]
    boxes, _ = both(name)
    pairs = boxes.lowest(a, v, 11)
    gram = boxes.gram(pairs.vectors)
    np.testing.assert_allclose(gram.sum(axis=0), np.eye(11), atol=1e-9)
    assert np.all(np.diff(pairs.values) >= -1e-12)
    assert np.all(pairs.residuals <= 1e-7)
    assert pairs.vectors.shape == (boxes.size, 11)


@case
@pytest.mark.parametrize("count", [1, 2, 7])
def test_symmetry_is_only_a_short_cut(name, count):
    """Parity by parity or all at once: the same levels, however many are asked for."""
    _, a, v = CASES[name]
    boxes, _ = both(name)
    with_, without = (boxes.lowest(a, v, count, tolerance=1e-8, symmetry=s).values for s in (True, False))
    np.testing.assert_allclose(with_, without, rtol=1e-10)


@pytest.mark.parametrize("count", range(1, 15))
def test_no_copy_of_a_degenerate_level_is_lost(count):
    """A cube's levels come once, three and six times; every prefix of the list is a prefix of the whole."""
    _, a, v = CASES["cube"]
    boxes, _ = both("cube")
    whole = boxes.lowest(a, v, 20, symmetry=False, tolerance=1e-8).values
    np.testing.assert_allclose(boxes.lowest(a, v, count, tolerance=1e-8).values, whole[:count], rtol=1e-10)
    assert whole[1] == pytest.approx(whole[3], rel=1e-10)
    assert whole[4] > whole[3] * 1.01


@pytest.mark.parametrize("name", ["cube", "cuboid", "in the shell", "shifted"])
def test_labels_are_the_parities_of_the_states(name):
    """psi(-x) = +psi(x) for e, -psi(x) for o; a dot along an axis without mirror plane."""
    _, a, v = CASES[name]
    boxes, _ = both(name)
    pairs = boxes.lowest(a, v, 8)
    assert len(pairs.labels) == 8
    axis = np.linspace(-2.9, 2.9, 12)
    values = boxes.on_grid(pairs.vectors, axis, axis, axis)
    for label, psi in zip(pairs.labels, values):
        for d, parity in enumerate(label):
            assert (parity == ".") == (name == "shifted" and d != 1)
            if parity != ".":
                sign = {"e": 1, "o": -1}[parity]
                np.testing.assert_allclose(np.flip(psi, axis=d), sign * psi, atol=1e-6 * np.abs(psi).max())


def test_gram_quartic_and_values_of_random_functions(rng):
    """Whatever the function, not only for eigenstates; rows of unequal length and degree."""
    boxes, space = both("cuboid")
    u = rng.standard_normal((boxes.size, 2))
    x = at_nodes(space, boxes, u)
    np.testing.assert_allclose(boxes.gram(u), space.gram(x), rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(boxes.gram(u, u[:, :1])[:, :, 0], space.gram(x)[:, :, 0], rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(boxes.quartic(u), space.quartic(x), rtol=1e-7, atol=1e-7)
    axes = [np.linspace(-4, 4, n) for n in (9, 10, 11)]
    np.testing.assert_allclose(boxes.on_grid(u, *axes), space.on_grid(x, *axes), atol=1e-7)


def test_degrees_that_differ_from_element_to_element():
    """Mixed degrees hold what a uniform higher degree holds of them: levels lie between those of the two bounds."""
    structure, a, v = CASES["cube"]
    row = np.array([-3.0, -2.0, 0.0, 2.0, 3.0])
    mixed = [[2, 4, 4, 2], [3, 4, 4, 3], [2, 3, 4, 2]]
    low, between, high = (
        grids.box_space(structure, [row] * 3, degree).lowest(a, v, 4).values for degree in (2, mixed, 4)
    )
    assert np.all(low >= between - 1e-9)
    assert np.all(between >= high - 1e-9)
    assert low[0] > high[0]


def test_strong_grading_does_not_lose_digits():
    """Elements of 1e-3 of the edge beside others of half of it: refining raises no level, not by rounding either."""
    structure, a, v = CASES["cube"]
    levels = []
    for layers in (1, 2, 3):
        line = graded([-3.0, -2.0, 2.0, 3.0], layers, 6)
        n = len(line.degrees)
        inner = (int(np.argmin(abs(line.breaks + 2))), int(np.argmin(abs(line.breaks - 2))))
        boxes = BoxSpace((line,) * 3, ((inner,) * 3, ((0, n),) * 3), structure.regions)
        levels.append(boxes.lowest(a, v, 4, tolerance=1e-9).values)
    drops = -np.diff(np.array(levels), axis=0)
    assert np.all(drops > -1e-10 * levels[-1])
    assert np.all(drops[-1] < 2e-6)


def test_more_states_than_unknowns():
    structure, a, v = CASES["core only"]
    boxes = grids.box_space(structure, [np.array([-e / 2, e / 2]) for e in (4.0, 3.0, 5.0)], 2)
    assert boxes.size == 1
    assert boxes.lowest(a, v, 1).values.shape == (1,)
    with pytest.raises(NotConverged, match=r"2 states .* 1 unknowns; raise"):
        boxes.lowest(a, v, 2)


@case
def test_every_state_of_a_tiny_space(name):
    """All unknowns asked for: every sector is used up."""
    structure, a, v = CASES[name]
    rows = rows_of(box_mesh(structure, 10.0))
    boxes = grids.box_space(structure, rows, 2 if name == "core only" else 1)
    space = Space(box_mesh(structure, 10.0), 2 if name == "core only" else 1)
    count = boxes.size
    np.testing.assert_allclose(boxes.lowest(a, v, count).values, space.lowest(a, v, count).values, rtol=1e-9)


def test_a_tolerance_out_of_reach_is_an_error():
    """Not a warning, not silence: what was asked, what was found, what to change."""
    _, a, v = CASES["cube"]
    boxes, _ = both("cube")
    with pytest.raises(NotConverged) as caught:
        boxes.lowest(a, v, 4, tolerance=1e-18)
    assert "4" in str(caught.value)
    assert "1e-18" in str(caught.value)
    assert caught.value.found is not None
