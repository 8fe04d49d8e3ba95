"""Columns of tetrahedra around a core, and where the curved nodes go."""

import numpy as np
import pytest

from meshes.conformity import check
from meshes.layers import wrap
from meshes.shapes import Sphere, Structure

# an octahedron, cut into four about the chord from its lowest to its highest point
CORNERS = np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0], [0, 0, -1], [0, 0, 1]], float)
QUARTERS = np.array([[0, 1, 4, 5], [1, 2, 4, 5], [2, 3, 4, 5], [3, 0, 4, 5]])


def test_a_chord_through_the_core_stays_straight():
    """Both its ends lie on the sphere, but it is no edge of the surface."""
    mesh = wrap(Structure(Sphere(2)), CORNERS, QUARTERS, [], 2)
    radii = np.linalg.norm(mesh.points, axis=1)
    assert np.sort(radii) == pytest.approx([0.0] + [1.0] * 18)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("shift", [(0, 0, 0), (0.1, 0, -0.05)])
def test_columns_of_tetrahedra(order, shift):
    """Eight triangles make eight columns; each sublayer of a column is three tetrahedra, of equal share at order 1."""
    structure = Structure(Sphere(2), (("a", 0.5), ("gone", 0), ("b", 1)), shift)
    cuts = np.array([0, 0.25, 1]), np.array([0, 0.5, 1])
    mesh = wrap(structure, CORNERS, QUARTERS, cuts, order)
    check(mesh)
    assert np.bincount(mesh.tags).tolist() == [4, 48, 48]
    volumes = mesh.volumes()
    ratio = volumes["core"] / structure.volumes["core"]  # the same for all regions: they are scaled copies
    assert ratio == pytest.approx({1: 1 / np.pi, 2: 0.9}[order], abs=1e-12 if order == 1 else 0.06)
    assert {name: volumes[name] / structure.volumes[name] for name in volumes} == pytest.approx(
        dict.fromkeys(volumes, ratio), rel=1e-12
    )
