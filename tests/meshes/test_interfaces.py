"""Points on interfaces: they lie on them, know their sides, and are as dense as asked."""

import numpy as np
import pytest

from meshes.boxes import box_mesh
from meshes.generate import tetrahedra
from meshes.interfaces import interfaces
from meshes.shapes import Cuboid, Sphere, Structure


def test_a_box_in_a_box():
    found = interfaces(box_mesh(Structure(Cuboid((2.0, 2.0, 2.0)), (("shell", 0.5),)), 1.0), 0.3)
    height = np.abs(found.points).max(axis=1)
    inner = np.sort(found.sides, axis=1)[:, 0] == 0
    assert height[inner] == pytest.approx(1.0)
    assert height[~inner] == pytest.approx(1.5)
    assert set(map(tuple, found.sides[~inner])) == {(1, -1)}
    along = np.abs(np.einsum("nx,nx->n", found.points, found.normals))
    assert along == pytest.approx(height)
    assert np.abs(found.normals).max(axis=1) == pytest.approx(1.0)


def test_a_ball():
    """On the sphere to what quadratic facets can do, with radial normals, nowhere further apart than asked."""
    mesh = tetrahedra(Structure(Sphere(4.0)), 1.0)
    points, normals, sides = interfaces(mesh, 0.25)
    assert np.linalg.norm(points, axis=1) == pytest.approx(2.0, rel=5e-3)
    assert np.abs(np.einsum("nx,nx->n", points, normals)) == pytest.approx(2.0, rel=2e-2)
    assert np.all(sides == (0, -1))
    some = np.random.default_rng(1).normal(size=(300, 3))
    some *= 2 / np.linalg.norm(some, axis=1, keepdims=True)
    assert np.linalg.norm(points[None] - some[:, None], axis=2).min(axis=1).max() < 0.25
