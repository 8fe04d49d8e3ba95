"""Boxes: faces on every interface, graded cells, exact volumes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshes.boxes import box_mesh, breakpoints
from meshes.conformity import check
from meshes.errors import MeshError
from meshes.shapes import Cuboid, Sphere, Structure

CUBE = Structure(Cuboid((14.2, 14.2, 14.2)), (("shell_1", 0.55), ("shell_2", 0), ("ligands", 2.0)))


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(*[st.floats(1, 15)] * 3),
    st.lists(st.floats(0.01, 3), min_size=1, max_size=3),
    st.tuples(*[st.one_of(st.just(0.0), st.floats(-0.9, 0.9))] * 3),
    st.floats(2, 10),
    st.integers(0, 3),
)
def test_every_box_is_good(edges, thicknesses, shift, size, layers):
    structure = Structure(
        Cuboid(edges),
        tuple((f"shell_{i}", t) for i, t in enumerate(thicknesses)),
        tuple(part * thicknesses[0] for part in shift),
    )
    mesh = box_mesh(structure, size, layers=layers)
    check(mesh, structure.volumes)
    assert (structure.region_at(mesh.points[mesh.cells].mean(axis=1)) == mesh.tags).all()
    # the boundary is the surface of the particle and nothing else
    vertices = mesh.points[mesh.facets.vertices[mesh.facets.boundary]]
    depth = np.abs(np.abs(vertices) - structure.extent / 2)
    assert np.all((depth < 1e-12).all(axis=1).any(axis=1))


def test_all_planes_are_there_to_the_last_bit():
    structure = Structure(Cuboid((4, 5, 6)), (("a", 1), ("b", 0.3)), (0.1, 0, -0.7))
    points = breakpoints(structure, 0, 0.7, layers=2)
    assert {0.1 - 2.0, 0.1 + 2.0, -3.0, 3.0, -3.3, 3.3} <= set(points.tolist())
    assert np.diff(points).max() <= 0.7 * (1 + 1e-12)
    assert points[0] == -points[-1]


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_points_of_a_mirror_axis_are_symmetric_to_the_last_bit(layers):
    points = breakpoints(CUBE, 1, 0.9, layers=layers)
    assert np.array_equal(points, -points[::-1])
    half = breakpoints(CUBE, 1, 0.9, layers=layers, half=True)
    assert half[0] == 0
    assert {7.1, 7.65, 9.65} <= set(half.round(12).tolist())


def test_cells_shrink_geometrically_towards_interfaces_and_nowhere_else():
    """Distances to the interface at 7.1 nm follow the factor; the outer face and the mirror plane are not graded."""
    factor, layers = 0.2, 3
    points = breakpoints(CUBE, 0, 1.0, layers=layers, factor=factor, half=True)
    inside = (7.1 - points[points < 7.1])[::-1]
    ratios = inside[1 : layers + 1] / inside[:layers]
    assert ratios == pytest.approx(np.full(layers, 1 / factor))
    widths = np.diff(points)
    assert widths[0] == pytest.approx(widths[1])
    assert widths[-1] == pytest.approx(1.0)
    assert len(points) == len(breakpoints(CUBE, 0, 1.0, half=True)) + 1 + 4 * layers  # the shell needs two cells first


@pytest.mark.parametrize("mirror", [(True, True, True), (False, True, False)])
def test_the_part_beside_mirror_planes_has_its_share_of_the_volume(mirror):
    mesh = box_mesh(CUBE, 2.0, layers=2, mirror=mirror)
    check(mesh, {name: volume / 2 ** sum(mirror) for name, volume in CUBE.volumes.items()})
    assert [low == 0 for low in mesh.points.min(axis=0)] == list(mirror)


def test_a_bare_core_is_one_cell_if_so_wanted():
    mesh = box_mesh(Structure(Cuboid((2, 3, 4))), 10)
    assert mesh.cells.tolist() == [[0, 1, 2, 3, 4, 5, 6, 7]]
    check(mesh, {"core": 24})


def test_a_layer_thinner_than_an_atom_is_meshed_exactly():
    structure = Structure(Cuboid((14.2, 14.2, 14.2)), (("a", 1e-6), ("b", 1e-3)))
    check(box_mesh(structure, 3), structure.volumes)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: box_mesh(Structure(Sphere(4)), 1), "tetrahedra"),
        (lambda: box_mesh(CUBE, 0), "size"),
        (lambda: box_mesh(CUBE, np.nan), "size"),
        (lambda: box_mesh(CUBE, 1, layers=-1), "layers"),
        (lambda: box_mesh(CUBE, 1, layers=1, factor=1), "factor"),
        (lambda: box_mesh(CUBE, 1, layers=30), "fewer layers"),
        (
            lambda: box_mesh(Structure(Cuboid((1, 1, 1)), (("a", 1),), (0, 0.1, 0)), 1, mirror=(True, True, True)),
            "no mirror plane",
        ),
    ],
)
def test_impossible_wishes_are_refused(call, reason):
    with pytest.raises(MeshError, match=reason):
        call()
