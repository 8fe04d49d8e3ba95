"""The mesh itself: volumes, facets, edges, sizes, quality."""

import numpy as np
import pytest

from meshes.boxes import box_mesh
from meshes.errors import MeshError
from meshes.mesh import Mesh
from meshes.reference import reference
from meshes.shapes import Cuboid, Structure


def reference_mesh(cell, order):
    nodes = reference(cell, order).nodes
    return Mesh(nodes, np.arange(len(nodes))[None], cell, order, ("core",), np.zeros(1, int))


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(("cell", "volume"), [("tetrahedron", 1 / 6), ("hexahedron", 1)])
def test_a_reference_cell(cell, volume, order):
    mesh = reference_mesh(cell, order)
    assert mesh.volumes() == {"core": pytest.approx(volume, rel=1e-14)}
    assert mesh.distortion() == pytest.approx(1)
    assert mesh.sizes()[0] == pytest.approx(2**0.5 if cell == "tetrahedron" else 3**0.5)
    facets = mesh.points[mesh.facets.vertices]
    normals = np.cross(facets[:, 1] - facets[:, 0], facets[:, 2] - facets[:, 0])
    outwards = facets.mean(axis=1) - mesh.points[mesh.vertices[0]].mean(axis=0)
    assert np.all(np.sum(normals * outwards, axis=1) > 0)


def test_euler(mesh):
    """A ball: vertices - edges + facets - cells = 1; each facet has the cells that it says."""
    vertices = len(np.unique(mesh.vertices))
    assert vertices - len(mesh.edges) + len(mesh.facets.cells) - len(mesh.cells) == 1
    for side in (0, 1):
        known = mesh.facets.cells[:, side] >= 0
        cells, local = mesh.facets.cells[known, side], mesh.facets.local[known, side]
        again = mesh.cells[cells[:, None], mesh.reference.facets[local]]
        assert np.array_equal(np.sort(again, axis=1), np.sort(mesh.facets.vertices[known], axis=1))


def test_divergence_theorem(mesh, structure):
    """The flux of x/3 through the boundary is the volume (flat facets)."""
    corners = mesh.points[mesh.facets.vertices[mesh.facets.boundary]]
    fans = corners.shape[1] - 2
    flux = sum(np.linalg.det(corners[:, [0, k + 1, k + 2]]).sum() / 6 for k in range(fans))
    assert flux == pytest.approx(structure.particle.volume, rel=1e-12)


def test_volumes_of_a_curved_cell_are_exact():
    """One face of the unit hexahedron bulges as a paraboloid 4 t (1 - t) in both directions: volume 1 + h 4/9."""
    mesh = reference_mesh("hexahedron", 2)
    points, height = mesh.points.copy(), 0.3
    top = np.all(np.abs(points - [0.5, 0.5, 1]) < 1e-12, axis=1)
    points[top, 2] += height
    bulging = Mesh(points, mesh.cells, "hexahedron", 2, mesh.regions, mesh.tags)
    assert bulging.volumes()["core"] == pytest.approx(1 + height * 4 / 9, rel=1e-14)
    assert 0 < bulging.distortion()[0] < 1


def test_quality_of_regular_and_flat_cells(six_tetrahedra):
    regular = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], float)
    mesh = Mesh(regular, [[0, 1, 2, 3]], "tetrahedron", 1, ("core",), [0])
    assert abs(mesh.quality()[0]) == pytest.approx(1)
    flat = regular * [1, 1, 1e-3]
    assert 0 < abs(Mesh(flat, [[0, 1, 2, 3]], "tetrahedron", 1, ("core",), [0]).quality()[0]) < 0.03
    boxes = box_mesh(Structure(Cuboid((1, 1, 1)), (("a", 1e-3),)), 1)
    assert boxes.quality() == pytest.approx(1)
    assert 0 < six_tetrahedra(boxes).quality().max() < 0.8


def test_arrays_are_frozen_and_the_callers_are_not():
    points = np.array(reference("tetrahedron", 1).nodes)
    mesh = Mesh(points, [[0, 1, 2, 3]], "tetrahedron", 1, ["core"], [0])
    with pytest.raises(ValueError, match="read-only"):
        mesh.points[0, 0] = 1
    points[0, 0] = 0
    assert mesh.regions == ("core",)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"cell": "wedge"}, "wedge"),
        ({"order": 3}, "order 3"),
        ({"points": np.zeros((4, 2))}, "shape"),
        ({"cells": [[0, 1, 2]]}, "nodes"),
        ({"cells": [[0.0, 1.0, 2.0, 3.0]]}, "integers"),
        ({"tags": [0, 0]}, "tags"),
        ({"regions": ("a", "a")}, "same name"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, reason):
    good = {
        "points": np.eye(4, 3),
        "cells": [[0, 1, 2, 3]],
        "cell": "tetrahedron",
        "order": 1,
        "regions": ("core",),
        "tags": [0],
    }
    with pytest.raises(MeshError, match=reason):
        Mesh(**{**good, **change})
