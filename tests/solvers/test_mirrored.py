"""Spaces solved on one side of their mirror planes: the states of the whole, each with its parities."""

import exact
import grids
import numpy as np
import pytest

from meshes.mirror import Folded
from solvers import mirrored as module
from solvers.eigen import lowest
from solvers.errors import NotConverged
from solvers.mirrored import mirrored
from solvers.space import Space

EDGES = (1.0, 1.1, 1.3)
PARITY = {0: "e", 1: "o"}


def eighth(cell: str, n: int = 2, planes=(True, True, True)) -> Folded:
    """Bricks or tetrahedra of a box about the origin, with an inner half of another region where x is small."""
    rows = [np.linspace(0 if p else -e / 2, e / 2, (1 if p else 2) * n + 1) for p, e in zip(planes, EDGES)]
    mesh = grids.bricks(*rows)
    mesh = mesh if cell == "hexahedron" else grids.kuhn(mesh)
    mesh = grids.painted(mesh, ("core", "shell_1"), lambda c: (np.abs(c[:, 0]) > 0.25).astype(int))
    return Folded(mesh, planes)


@pytest.mark.parametrize(("cell", "degree"), [("hexahedron", 4), ("tetrahedron", 6)])
def test_levels_and_parities_of_a_box(cell, degree):
    """A hard-walled box: the n-th sine along an axis is even for odd n; no state is missing, none comes twice."""
    count = 11
    pairs = mirrored(eighth(cell, 1 if degree > 4 else 2), degree).lowest([1.0, 1.0], [0.0, 0.0], count)
    n = np.stack(np.meshgrid(*[np.arange(1, 7)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    levels = np.pi**2 * (n**2 / np.square(EDGES)).sum(axis=1)
    order = np.argsort(levels)[:count]
    np.testing.assert_allclose(pairs.values, levels[order], rtol=2e-3)
    assert pairs.values[0] == pytest.approx(exact.hard_box(EDGES, 1.0, 1)[0], rel=1e-5)
    assert list(pairs.labels) == ["".join(PARITY[(k - 1) % 2] for k in row) for row in n[order]]
    assert pairs.counted


@pytest.mark.parametrize("cell", ["hexahedron", "tetrahedron"])
@pytest.mark.parametrize("planes", [(True, True, True), (False, True, False)])
@pytest.mark.parametrize("a", [[1.0, 0.3], [[1.0, 2.0, 0.5], [0.3, 0.3, 0.4]]])
def test_the_same_as_on_the_whole(cell, planes, a, backend):
    """Values, functions, integrals and the labels, against the plain space on the whole mesh."""
    space = mirrored(eighth(cell, 1, planes), 4)
    plain = Space(space.mesh, 4)
    pairs = space.lowest(a, [0.0, 20.0], 6, tolerance=1e-9, backend=backend)
    whole = plain.lowest(a, [0.0, 20.0], 6, tolerance=1e-9)
    np.testing.assert_allclose(pairs.values, whole.values, rtol=1e-12)
    mass = plain.gram(pairs.vectors).sum(axis=0)
    np.testing.assert_allclose(mass, np.eye(6), atol=1e-9)
    overlap = plain.gram(whole.vectors, pairs.vectors).sum(axis=0)
    np.testing.assert_allclose(np.abs(np.linalg.svd(overlap)[1]), 1, atol=1e-6)
    row = np.array([-0.2, 0.2])
    values = space.on_grid(pairs.vectors, row, row, row)
    for axis, plane in enumerate(planes):
        for state, label in zip(values, pairs.labels):
            if not plane:
                assert label[axis] == "."
                continue
            sign = {"e": 1, "o": -1}[label[axis]]
            np.testing.assert_allclose(np.flip(state, axis), sign * state, atol=1e-9)


@pytest.mark.parametrize("planes", [(True, True, True), (True, False, False)])
def test_integrals_of_any_functions(planes, rng):
    """Functions with and without parity, integrated on the part, are what the whole mesh gives."""
    space = mirrored(eighth("tetrahedron", 1, planes), 3)
    plain = Space(space.mesh, 3)
    pure = space.lowest([1.0, 0.3], [0.0, 20.0], 3).vectors
    u = np.hstack([pure, rng.standard_normal((space.size, 2)), np.zeros((space.size, 1))])
    v = rng.standard_normal((space.size, 2))
    np.testing.assert_allclose(space.gram(u), plain.gram(u), atol=1e-12)
    np.testing.assert_allclose(space.gram(u, v), plain.gram(u, v), atol=1e-12)
    np.testing.assert_allclose(space.quartic(u), plain.quartic(u), rtol=1e-10)
    rows = np.linspace(-0.6, 0.45, 5), np.array([-0.3, 0.0, 0.3]), np.array([0.1])
    np.testing.assert_allclose(space.on_grid(u, *rows), plain.on_grid(u, *rows), atol=1e-12)
    assert (space.region_on_grid(*rows) == plain.region_on_grid(*rows)).all()


def test_more_than_there_are():
    space = mirrored(eighth("tetrahedron", 1), 2)
    assert len(space.lowest([1.0, 1.0], [0.0, 0.0], space.size).values) == space.size
    with pytest.raises(NotConverged, match="raise the degree"):
        space.lowest([1.0, 1.0], [0.0, 0.0], space.size + 1)


def twins(diffusion, where=lambda c: (np.abs(c).max(axis=1) > 0.25).astype(int)):
    """Eleven states of an eighth of a cube whose cells an exchange of axes turns into each other; sectors solved."""
    row = np.array([0.0, 0.25, 0.5])
    mesh = grids.painted(grids.kuhn(grids.bricks(row, row, row)), ("core", "shell_1"), where)
    space, solved = mirrored(Folded(mesh, (True,) * 3), 3), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "lowest", lambda *a, **k: solved.append(a[2]) or lowest(*a, **k))
        return space, space.lowest(diffusion, [0.0, 20.0], 11, tolerance=1e-10), len(solved)


def test_twin_sectors_are_solved_once():
    """Sectors that an exchange of axes makes of each other have the same levels, and functions of the whole space."""
    space, pairs, solved = twins([1.0, 0.3])
    assert len(space.turns) == 6
    assert len(set(pairs.labels)) == 8
    assert solved < 8
    for one, other in (("oee", "eoe"), ("oee", "eeo"), ("ooe", "eoo"), ("ooe", "oeo")):
        levels = [pairs.values[[label == each for label in pairs.labels]] for each in (one, other)]
        assert len(levels[0]) > 0
        assert np.array_equal(*levels)
    plain = Space(space.mesh, 3)
    whole = plain.lowest([1.0, 0.3], [0.0, 20.0], 11, tolerance=1e-10)
    np.testing.assert_allclose(pairs.values, whole.values, rtol=1e-11)
    overlap = plain.gram(whole.vectors, pairs.vectors).sum(axis=0)
    np.testing.assert_allclose(np.linalg.svd(overlap)[1], 1, atol=1e-6)
    row = np.array([0.1, 0.2, 0.35])
    values = space.on_grid(pairs.vectors, *[np.concatenate([-row[::-1], row])] * 3)
    for state, label in zip(values, pairs.labels):
        for axis in range(3):
            np.testing.assert_allclose(np.flip(state, axis), {"e": 1, "o": -1}[label[axis]] * state, atol=1e-9)


def test_no_twins_without_the_symmetry():
    """Where one axis differs, by its mass or by where regions are, only the other two are exchanged."""
    heavy = [[1.0, 1.0, 0.5], [0.3, 0.3, 0.3]]
    for diffusion, where, turns in (
        (heavy, lambda c: (np.abs(c).max(axis=1) > 0.25).astype(int), 6),
        ([1.0, 0.3], lambda c: (np.abs(c[:, 2]) > 0.25).astype(int), 2),
    ):
        space, pairs, _ = twins(diffusion, where)
        assert len(space.turns) == turns
        plain = Space(space.mesh, 3).lowest(diffusion, [0.0, 20.0], 11, tolerance=1e-10)
        np.testing.assert_allclose(pairs.values, plain.values, rtol=1e-11)
        first = {each: pairs.values[pairs.labels.index(each)] for each in ("oee", "eoe", "eeo")}
        assert first["oee"] == first["eoe"] != pytest.approx(first["eeo"], rel=1e-3)
