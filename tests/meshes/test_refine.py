"""Bisection: conforming, of the same volume and shape, small where it was asked for and as before elsewhere."""

import grids
import numpy as np
import pytest

from meshes.conformity import check
from meshes.errors import MeshError
from meshes.refine import bisected


@pytest.mark.parametrize("make", [lambda: grids.cube("tetrahedron", 3), lambda: grids.ball(2)])
def test_a_corner_is_refined_again_and_again(make):
    """Six times towards one point: conforming all the while, of good shape, and what is far away is hardly cut."""
    mesh = make()
    volumes, quality, corner = mesh.volumes(), mesh.quality().min(), mesh.points[0]
    far = np.linalg.norm(mesh.points[mesh.vertices].mean(axis=1) - corner, axis=1)
    before = set(map(tuple, np.round(mesh.points[mesh.vertices].mean(axis=1)[far >= np.quantile(far, 0.8)], 9)))
    counts = []
    for _ in range(6):
        near = np.linalg.norm(mesh.points[mesh.vertices] - corner, axis=2).min(axis=1) < 1e-12
        finer = bisected(mesh, near)
        assert finer.order == mesh.order
        check(finer, volumes, tolerance=1e-12)
        assert finer.quality().min() > 0.3 * quality
        mesh = finer
        counts.append(len(mesh.cells))
    sizes = mesh.sizes()
    assert sizes.max() > 20 * sizes.min()
    growth = np.diff(counts)
    assert growth[-1] < 1.3 * growth.mean()  # every step adds the same number: the wave of cuts stays near
    after = set(map(tuple, np.round(mesh.points[mesh.vertices].mean(axis=1), 9)))
    assert len(before & after) > 0.5 * len(before)


def test_regions_and_cells_that_nobody_marked_stay(rng):
    mesh = grids.painted(grids.cube("tetrahedron", 3), ("core", "shell_1"), lambda c: (c[:, 0] > 0.34).astype(int))
    same = bisected(mesh, np.zeros(len(mesh.cells), dtype=bool))
    assert len(same.cells) == len(mesh.cells)
    finer = bisected(mesh, rng.random(len(mesh.cells)) < 0.1)
    check(finer, mesh.volumes(), tolerance=1e-12)
    assert np.all((finer.points[finer.vertices].mean(axis=1)[:, 0] > 1 / 3) == finer.tags)
    all_ = bisected(mesh, np.ones(len(mesh.cells), dtype=bool))
    assert len(all_.cells) == 8 * len(mesh.cells)
    assert all_.sizes().max() == pytest.approx(mesh.sizes().max() / 2, rel=0.3)


def test_only_tetrahedra():
    with pytest.raises(MeshError, match="hexahedron"):
        bisected(grids.cube("hexahedron", 2), np.ones(8, dtype=bool))
