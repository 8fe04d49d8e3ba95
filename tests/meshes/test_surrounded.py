"""Meshes inside a ball: what was there stays, the space around is filled, curved surfaces fit."""

import numpy as np
import pytest

from meshes.boxes import box_mesh
from meshes.errors import MeshError
from meshes.generate import tetrahedra
from meshes.shapes import Cuboid, RoundedCube, Sphere, Structure
from meshes.surrounded import surrounded

STRUCTURES = {
    "ball": Structure(Sphere(6.0)),
    "shifted": Structure(Sphere(4.0), (("shell", 1.0),), (0.4, 0.0, 0.0)),
    "cube": Structure(Cuboid((4.0, 5.0, 6.0)), (("shell", 0.5),)),
    "rounded": Structure(RoundedCube(6.0, 1.5)),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_the_ball_is_filled(name):
    mesh = tetrahedra(STRUCTURES[name], 1.2, order=2)
    radius = 1.4 * np.linalg.norm(mesh.points, axis=1).max()
    found = surrounded(mesh, "around", radius, 1.5)
    assert found.regions == (*mesh.regions, "around")
    assert sum(found.volumes().values()) == pytest.approx(4 / 3 * np.pi * radius**3, rel=1e-3)
    for region, volume in mesh.volumes().items():
        assert found.volumes()[region] == pytest.approx(volume, rel=1e-3)
    outside = found.facets.vertices[found.facets.boundary]
    assert np.linalg.norm(found.points[outside], axis=-1) == pytest.approx(radius)


def test_straight_cells_stay_as_they_are():
    mesh = tetrahedra(STRUCTURES["cube"], 2.0)
    found = surrounded(mesh, "around", 7.0, 3.0)
    assert mesh.order == 1
    assert found.points[found.cells[: len(mesh.cells), :4]] == pytest.approx(mesh.points[mesh.cells])
    assert found.volumes()["core"] == pytest.approx(120.0, rel=1e-12)


def test_what_cannot_be_surrounded():
    with pytest.raises(MeshError, match="not hexahedron"):
        surrounded(box_mesh(STRUCTURES["cube"], 2.0), "around", 9.0, 3.0)
    with pytest.raises(MeshError, match="reaches beyond the ball of radius 2 nm"):
        surrounded(tetrahedra(STRUCTURES["ball"], 2.0), "around", 2.0, 1.0)
