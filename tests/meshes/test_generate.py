"""Tetrahedra through gmsh: faces on every interface, curved nodes on the true surface, and the rates that follow."""

import sys
from itertools import permutations
from math import pi

import numpy as np
import pytest
from scipy.spatial import KDTree

from meshes.conformity import check
from meshes.errors import MesherMissing, MeshError
from meshes.generate import tetrahedra
from meshes.mirror import Folded
from meshes.reference import tabulate
from meshes.shapes import Cuboid, RoundedCube, Sphere, Structure

gmsh = pytest.importorskip("gmsh")

SPHERE = Structure(Sphere(8), (("shell_1", 2.0),))
CASES = {
    "bare sphere": Structure(Sphere(3)),
    "sphere": SPHERE,
    "two layers, one not there": Structure(Sphere(6), (("a", 0.5), ("b", 0), ("c", 2))),
    "small core": Structure(Sphere(2), (("a", 5.0),)),
    "thin shell": Structure(Sphere(14), (("a", 0.2),)),
    "shifted sphere": Structure(Sphere(8), (("a", 2), ("b", 1)), (1, 1, -1)),
    "rounded cube": Structure(RoundedCube(14.2, 2), (("shell_1", 0.55),)),
    "hardly flat": Structure(RoundedCube(8, 3.9), (("a", 0.5),)),
    "almost a sphere": Structure(RoundedCube(8, 3.9999), (("a", 0.5),)),
    "rounded to a sphere": Structure(RoundedCube(8, 4), (("a", 0.5),)),
    "shifted rounded cube": Structure(RoundedCube(8, 2), (("a", 1),), (0.5, 0.5, 0)),
    "cube": Structure(Cuboid((14.2, 14.2, 14.2)), (("a", 0.55), ("b", 2))),
    "shifted cuboid": Structure(Cuboid((4, 5, 6)), (("a", 1), ("b", 0.05)), (0.9, -0.5, 0)),
}


@pytest.mark.parametrize("name", CASES)
def test_every_shape_is_meshed(name):
    structure = CASES[name]
    mesh = tetrahedra(structure, 3.0)
    assert mesh.order == (1 if isinstance(structure.core, Cuboid) else 2)
    assert mesh.regions == structure.regions
    check(mesh, structure.volumes, tolerance=1e-12 if mesh.order == 1 else 0.02)
    assert mesh.distortion().min() > 0.02
    assert len(mesh.cells) < 8000
    at_centre = tabulate(mesh.cell, mesh.order, np.full((1, 3), 0.25))[0]
    centres = np.einsum("qk,ckd->cd", at_centre, mesh.points[mesh.cells])
    assert (structure.region_at(centres) == mesh.tags).all()


def distance(shape, points):
    """From the surface of a sphere or a rounded cube, positive outside; the points lie near the surface."""
    flat = shape.flat / 2 if isinstance(shape, RoundedCube) else 0.0
    return np.linalg.norm(np.maximum(np.abs(points) - flat, 0), axis=1) - shape.radius


@pytest.mark.parametrize(
    ("name", "order"),
    [("shifted sphere", 2), ("shifted sphere", 5), ("rounded cube", 2), ("shifted rounded cube", 2)],
)
def test_interfaces_are_made_of_facets_with_all_nodes_on_the_surface(name, order):
    structure = CASES[name]
    mesh = tetrahedra(structure, 2.0, order=order)
    facets = mesh.facets
    tags = np.append(mesh.tags, len(mesh.regions))[facets.cells]  # -1, outside, is the last
    for index, (shape, centre) in enumerate(zip(structure.boundaries, structure.centres)):
        on = np.flatnonzero((tags.min(axis=1) == index) & (tags.max(axis=1) == index + 1))
        nodes = mesh.cells[facets.cells[on, 0][:, None], mesh.reference.facet_nodes[facets.local[on, 0]]]
        assert np.abs(distance(shape, mesh.points[np.unique(nodes)] - centre)).max() < 1e-13
        assert len(on) >= 100
    assert not np.any((tags.max(axis=1) - tags.min(axis=1)) > 1)


@pytest.mark.parametrize(("order", "rate"), [(1, 2), (2, 4), (3, 4), (4, 6)])
@pytest.mark.parametrize("core", [Sphere(8), RoundedCube(8, 3)])
def test_volumes_converge(core, order, rate):
    """The surface lies h^(order + 1) beside the true one, but odd powers cancel on cylinders and spheres.

    A chord errs by h^2, always inwards. A parabola through the middle of an arc of constant curvature has, by symmetry,
    no error of third order: what is left is h^4, in the shell as in the core, and inwards too. Likewise at order 4.
    """
    structure = Structure(core, (("shell", 1.0),))
    sizes = [2.4, 1.6, 1.1, 0.8]
    errors = []
    for size in sizes:
        found = tetrahedra(structure, size, order=order, planes=(True, True, False)).volumes()
        errors.append([1 - 4 * found[name] / volume for name, volume in structure.volumes.items()])
    errors = np.array(errors) * (1 if order < 3 else -1)
    assert errors.min() > 0
    slopes = np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    assert slopes == pytest.approx(rate, abs=0.45)
    assert errors[-1].max() < {1: 0.02, 2: 2e-5, 3: 2e-5, 4: 4e-8}[order]


@pytest.mark.parametrize("name", ["sphere", "hardly flat", "rounded to a sphere", "shifted rounded cube"])
def test_one_side_of_mirror_planes_makes_the_whole(name):
    """An eighth, or what the shift leaves, ends at the planes exactly; its images fit together to a good mesh."""
    structure = CASES[name]
    part = tetrahedra(structure, 4.0, order=4, planes=structure.mirror)
    whole = Folded(part, structure.mirror).whole
    check(whole, structure.volumes, tolerance=2e-4)
    assert len(whole.cells) == 2 ** sum(structure.mirror) * len(part.cells)
    for axis in np.flatnonzero(structure.mirror):
        assert part.points[:, axis].min() == 0
        turned = whole.points * np.where(np.arange(3) == axis, -1, 1)
        assert set(map(tuple, turned + 0.0)) == set(map(tuple, whole.points + 0.0))


@pytest.mark.parametrize("name", ["sphere", "rounded cube"])
def test_an_eighth_has_the_symmetry_of_its_shape(name):
    """Exchanging axes turns the cells into each other, curved nodes and layers included."""
    mesh = tetrahedra(CASES[name], 4.0, order=4, planes=(True, True, True))
    cells = mesh.points[mesh.cells].mean(axis=1)
    for order in permutations(range(3)):
        for points, tags in ((mesh.points, None), (cells, mesh.tags)):
            away, image = KDTree(points).query(points[:, order])
            assert away.max() < 1e-12 * points.max()
            assert tags is None or (tags[image] == tags).all()


def test_what_is_on_the_wrong_side_or_has_no_such_plane():
    part = tetrahedra(Structure(Sphere(8)), 4.0, planes=(True, False, False))
    with pytest.raises(MeshError, match="positive side"):
        Folded(part, (True, True, False))
    with pytest.raises(MeshError, match="mirror planes"):
        tetrahedra(CASES["shifted rounded cube"], 2.0, planes=(True, False, True))


def test_size_and_turn_are_kept():
    """Edges stay near the size wanted, also far out where columns have widened; curved parts have enough cells."""
    for size in (2.0, 1.0):
        mesh = tetrahedra(CASES["small core"], size)
        assert mesh.sizes().max() < 2 * size
    coarse = tetrahedra(Structure(Sphere(8)), 100, turn=12)
    corners = coarse.points[coarse.facets.vertices[coarse.facets.boundary]]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
    assert longest.mean() < 1.1 * 4 * 2 * pi / 12


def test_a_thin_shell_costs_no_more_than_a_thick_one():
    thick, thin, thinnest = (tetrahedra(Structure(Sphere(14), (("a", t),)), 2.0) for t in (1.0, 0.2, 1e-3))
    assert len(thinnest.cells) < 1.1 * len(thin.cells) < 1.5 * len(thick.cells)


def test_finer_at_the_interface_if_wanted():
    plain, fine = tetrahedra(SPHERE, 2.0), tetrahedra(SPHERE, 2.0, interface_size=0.8)
    assert len(fine.cells) > 2 * len(plain.cells)
    depth = 4 - np.linalg.norm(fine.points[fine.vertices].mean(axis=1), axis=1)
    sizes = fine.sizes()
    assert sizes[(depth > 0) & (depth < 0.4)].mean() < 0.7 * sizes[depth > 2].mean()


def test_layers_are_cut_towards_interfaces():
    structure = Structure(Sphere(8), (("a", 2.0), ("b", 2.0)))
    mesh = tetrahedra(structure, 2.0, layers=2, factor=0.1)
    radii = np.unique(np.linalg.norm(mesh.points[np.unique(mesh.vertices[mesh.tags > 0])], axis=1).round(6))
    assert radii == pytest.approx([4, 4.01, 4.1, 5, 5.9, 5.99, 6, 6.02, 6.2, 8])
    mesh = tetrahedra(structure, 2.0, layers=[0, 1], factor=0.1)
    radii = np.unique(np.linalg.norm(mesh.points[np.unique(mesh.vertices[mesh.tags > 0])], axis=1).round(6))
    assert radii == pytest.approx([4, 6, 6.2, 8])


def test_the_same_again_and_no_trace():
    """Deterministic; a session that the caller has open is left as it was."""
    first = tetrahedra(SPHERE, 2.0)
    assert not gmsh.isInitialized()
    gmsh.initialize(readConfigFiles=False, interruptible=False)
    try:
        gmsh.option.setNumber("General.Terminal", 0)
        gmsh.option.setNumber("Mesh.Algorithm3D", 10)
        gmsh.model.add("the caller's")
        gmsh.model.occ.addBox(0, 0, 0, 1, 1, 1)
        gmsh.model.occ.synchronize()
        gmsh.model.add("another")
        gmsh.model.setCurrent("the caller's")
        models = gmsh.model.list()
        second = tetrahedra(SPHERE, 2.0)
        assert gmsh.isInitialized()
        assert gmsh.model.getCurrent() == "the caller's"
        assert gmsh.model.list() == models
        assert gmsh.model.getEntities(3) == [(3, 1)]
        assert gmsh.option.getNumber("Mesh.Algorithm3D") == 10
    finally:
        gmsh.finalize()
    assert np.array_equal(first.points, second.points)
    assert np.array_equal(first.cells, second.cells)


def test_gmsh_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "gmsh", None)
    with pytest.raises(MesherMissing, match=r"exciton-fem\[gmsh\]"):
        tetrahedra(SPHERE, 2.0)


def test_a_core_that_all_but_touches_its_layer_is_meshed_or_refused():
    """One per cent of the layer is enough room; with a thousandth the facets would cross."""
    close, closer = ((part / 3**0.5,) * 3 for part in (0.99, 0.999))
    tetrahedra(Structure(Sphere(8), (("a", 1.0),), close), 4.0)
    with pytest.raises(MeshError, match=r"turned inside out.*smaller size"):
        tetrahedra(Structure(Sphere(8), (("a", 1.0),), closer), 4.0)


@pytest.mark.parametrize(
    "wish",
    [{"size": 0}, {"size": np.nan}, {"order": 7}, {"layers": -1}, {"layers": [1, 1]}, {"factor": 1}, {"turn": 3}],
)
def test_impossible_wishes_are_refused(wish):
    with pytest.raises(MeshError):
        tetrahedra(SPHERE, **{"size": 2.0, **wish})


def test_a_missing_system_library_is_named(monkeypatch, tmp_path):
    """gmsh's wheel brings no graphics library and cannot be imported without: one line with the packages to install."""
    (tmp_path / "gmsh.py").write_text("raise OSError('libGLU.so.1: cannot open shared object file')\n")
    monkeypatch.delitem(sys.modules, "gmsh")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MesherMissing, match=r"libGLU\.so\.1.*system packages libglu1-mesa libxrender1"):
        tetrahedra(Structure(Sphere(2.0)), 1.0)
