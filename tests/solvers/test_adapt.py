"""Accuracy on demand on tetrahedra: by degree, by cutting cells where that gains little, and an estimate that holds."""

import exact
import grids
import numpy as np
import pytest
from conftest import missing

from meshes import Cuboid, MesherMissing, Sphere, Structure, tetrahedra
from meshes.conformity import check
from meshes.mirror import Folded
from solvers import adapt as module
from solvers import hp
from solvers.adapt import Problem, adapt
from solvers.errors import NotAffordable

ALL = (True, True, True)
BOX = Structure(Cuboid((8.0,) * 3), (("shell_1", 1.0),))


def problem(a, v, count):
    return Problem(np.repeat(np.asarray(a, float)[:, None], 3, axis=1), np.asarray(v, float), count)


@pytest.mark.parametrize("folded", [True, False])
def test_cells_at_singular_edges_are_cut(folded, monkeypatch):
    """A cube in a shell of ten times the mass: out of the reach of the degree alone, held against hp on boxes."""
    wanted = problem([0.3, 0.03], [0.0, 0.6], 1)
    truth = hp.adapt(BOX, [wanted], 1e-7).pairs[0].values
    row = np.array([0.0, 4.0, 5.0])
    mesh = grids.kuhn(grids.bricks(*[row if folded else np.append(-row[:0:-1], row)] * 3))
    mesh = grids.painted(mesh, BOX.regions, lambda c: (np.abs(c).max(axis=1) > 4).astype(int))
    cells = Folded(mesh, ALL) if folded else mesh
    tolerance = 5e-5 if folded else 1e-4
    monkeypatch.setattr(module, "HIGHEST", 5 if folded else 4)
    solved = adapt(lambda _: (cells, 0.0), np.inf, [wanted], tolerance)
    off = solved.pairs[0].values - truth
    assert 0 < off[0] <= solved.errors[0][0] <= tolerance
    finer = solved.space.mesh
    sizes, edges = finer.sizes(), np.abs(finer.points[finer.vertices]).min(axis=1)
    assert len(sizes) > 2 * len(mesh.cells)
    check(finer, BOX.volumes)
    assert sizes.max() > 1.9 * sizes[np.sort(edges, axis=1)[:, 1] == 4.0].min()
    monkeypatch.setattr(module, "_finer", lambda *_: None)
    with pytest.raises(NotAffordable):
        adapt(lambda _: (cells, 0.0), np.inf, [wanted], tolerance)


def test_curved_cells_are_cut_on_one_side_of_the_planes(monkeypatch):
    """Degree 3 at most: an eighth of a ball in a shell is cut, stays round, and its levels are as near as asked."""
    structure = Structure(Sphere(8.0), (("shell_1", 1.0),))
    try:
        mesh = tetrahedra(structure, 4.0, order=4, planes=ALL)
    except MesherMissing as error:
        missing(error)
    monkeypatch.setattr(module, "HIGHEST", 3)
    wanted = problem([0.3, 0.1], [0.0, 0.6], 4)
    solved = adapt(lambda _: (Folded(mesh, ALL), 0.0), np.inf, [wanted], 2e-4, smooth=True)
    assert solved.space.degree == 3
    assert len(solved.space.mesh.cells) > 8 * len(mesh.cells)
    check(solved.space.mesh, structure.volumes, tolerance=3e-4)
    off = solved.pairs[0].values - exact.core_shell(4.0, 5.0, (0.3, 0.1), (0.0, 0.6), 4)
    assert np.abs(off).max() <= 2e-4
    assert np.all(solved.errors[0] >= np.abs(off) - 1e-6)
    assert set(solved.pairs[0].labels) == {"eee", "oee", "eoe", "eeo"}


def test_roughness_is_what_the_highest_degree_resolves():
    """Nothing for a polynomial of lower degree; the energy of what is left of one of full degree."""
    from solvers.space import Space

    space = Space(grids.cube("tetrahedron", 2), 3)
    x, y, z = space.coordinates[space.free].T
    bubble = x * (1 - x) * y * (1 - y) * z * (1 - z)  # degree 6: rough everywhere
    rough = space.roughness(np.stack([bubble, 0 * x], axis=1), np.array([[2.0, 2.0, 2.0]]))
    assert rough.shape == (48, 2)
    assert rough[:, 0].min() > 0
    assert not rough[:, 1].any()
    half = space.roughness(bubble[:, None], np.array([[1.0, 1.0, 1.0]]))
    np.testing.assert_allclose(rough[:, :1], 2 * half, rtol=1e-12)
    inside = Space(grids.cube("tetrahedron", 1), 7)
    x, y, z = inside.coordinates[inside.free].T
    smooth = inside.roughness((x * (1 - x) * y * (1 - y) * z * (1 - z))[:, None], np.ones((1, 3)))
    assert smooth.max() < 1e-20
