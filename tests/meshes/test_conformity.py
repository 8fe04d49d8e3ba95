"""Every way in which a mesh is broken is found, and named."""

from dataclasses import replace

import numpy as np
import pytest

from meshes.boxes import box_mesh
from meshes.conformity import check
from meshes.errors import MeshError
from meshes.mesh import Mesh
from meshes.shapes import Cuboid, Structure


def changed(array, index, value):
    array = np.array(array)
    array[index] = value
    return array


def test_good_meshes_pass(mesh, structure):
    check(mesh)
    check(mesh, structure.volumes, tolerance=1e-9)


def test_swapped_vertices(mesh):
    cells = mesh.cells.copy()
    cells[3, [0, 1]] = cells[3, [1, 0]]
    with pytest.raises(MeshError, match=r"1 cell \(first: 3\) turned inside out"):
        check(replace(mesh, cells=cells))


def test_mirrored_cell(mesh, mirrored):
    cells = mesh.cells.copy()
    cells[5] = cells[5, mirrored(mesh.cell, mesh.order)]
    with pytest.raises(MeshError, match=r"\(first: 5\) turned inside out"):
        check(replace(mesh, cells=cells))


def test_deleted_cell(mesh, structure):
    less = replace(mesh, cells=mesh.cells[1:], tags=mesh.tags[1:])
    used, cells = np.unique(less.cells, return_inverse=True)
    less = replace(less, points=mesh.points[used], cells=cells.reshape(less.cells.shape))
    with pytest.raises(MeshError, match=r"'ligands' has a volume of .* are missing"):
        check(less, structure.volumes, tolerance=1e-9)


def test_wrong_tag(mesh, structure):
    with pytest.raises(MeshError, match="wrong region"):
        check(replace(mesh, tags=changed(mesh.tags, 0, 1)), structure.volumes, tolerance=1e-9)
    with pytest.raises(MeshError, match="tags run from"):
        check(replace(mesh, tags=changed(mesh.tags, 0, 3)))
    with pytest.raises(MeshError, match="no cell lies in region 'core'"):
        check(replace(mesh, tags=np.maximum(mesh.tags, 1)))
    with pytest.raises(MeshError, match="should have"):
        check(mesh, {"core": 1.0})


def test_unused_and_lost_points(mesh):
    with pytest.raises(MeshError, match="that no cell uses"):
        check(replace(mesh, points=np.vstack([mesh.points, [[0, 0, 0.123]]])))
    with pytest.raises(MeshError, match="no number"):
        check(replace(mesh, points=changed(mesh.points, (4, 1), np.nan)))
    with pytest.raises(MeshError, match="cells refer to points"):
        check(replace(mesh, cells=changed(mesh.cells, (0, 0), len(mesh.points))))
    with pytest.raises(MeshError, match="no cells"):
        check(replace(mesh, cells=mesh.cells[:0], tags=mesh.tags[:0]))


def test_a_cut_along_an_interface(mesh):
    """The core has points of its own, in the place of its neighbours'."""
    shared = np.intersect1d(mesh.cells[mesh.tags == 0], mesh.cells[mesh.tags > 0])
    own = np.arange(len(mesh.points))
    own[shared] = len(mesh.points) + np.arange(len(shared))
    cells = np.where((mesh.tags == 0)[:, None], own[mesh.cells], mesh.cells)
    with pytest.raises(MeshError, match="in the place of another one"):
        check(replace(mesh, points=np.vstack([mesh.points, mesh.points[shared]]), cells=cells))


def test_a_cell_that_is_there_twice(mesh):
    with pytest.raises(MeshError, match="overlap"):
        check(replace(mesh, cells=np.vstack([mesh.cells, mesh.cells[-1:]]), tags=np.append(mesh.tags, mesh.tags[-1])))


def test_two_cells_folded_onto_the_same_side():
    """Two good tetrahedra on the same side of the face that they share."""
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0.1, 0.1, 0.5]])
    folded = Mesh(points, [[0, 1, 2, 3], [0, 1, 2, 4]], "tetrahedron", 1, ("core",), [0, 0])
    with pytest.raises(MeshError, match="both cells on the same side"):
        check(folded)


def test_a_moved_node_between_curved_cells(structure, six_tetrahedra, second_order):
    """A middle node that one of its cells does not share tears the mesh open there, and nowhere else."""
    mesh = second_order(six_tetrahedra(box_mesh(structure, 2.5)))
    node = mesh.cells[40, 4]
    points = np.vstack([mesh.points, mesh.points[node] + 0.01])
    with pytest.raises(MeshError, match="torn"):
        check(replace(mesh, points=points, cells=changed(mesh.cells, (40, 4), len(mesh.points))))


def test_a_hanging_node_in_hexahedra():
    """One of two boxes is cut in two, its neighbour is not."""
    x, y, z = np.meshgrid([0.0, 1.0, 2.0], [0.0, 0.6, 1.0], [0.0, 1.0], indexing="ij")
    points = np.column_stack([x.ravel(), y.ravel(), z.ravel()])

    def box(i, j):
        return [
            int(np.flatnonzero(np.all(points == corner, axis=1))[0])
            for corner in [[a, b, c] for c in (0, 1) for b in j for a in i]
        ]

    whole = [box((0, 1), (0, 0.6)), box((0, 1), (0.6, 1)), box((1, 2), (0, 0.6)), box((1, 2), (0.6, 1))]
    check(Mesh(points, whole, "hexahedron", 1, ("core",), np.zeros(4, int)), {"core": 2.0})
    cells = np.array([*whole[:2], box((1, 2), (0, 1))])
    used, cells = np.unique(cells, return_inverse=True)
    hanging = Mesh(points[used], cells.reshape(3, 8), "hexahedron", 1, ("core",), np.zeros(3, int))
    assert hanging.volumes() == {"core": pytest.approx(2.0)}  # the volumes alone do not tell
    with pytest.raises(MeshError, match=r"crack at .* hanging node"):
        check(hanging, {"core": 2.0})


def test_a_hanging_node_in_tetrahedra(six_tetrahedra):
    """One tetrahedron of a cube is cut in two across an edge that its neighbours keep whole."""
    six = six_tetrahedra(box_mesh(Structure(Cuboid((1, 1, 1))), 1))
    a, b, c, d = six.cells[0]
    points = np.vstack([six.points, six.points[[a, d]].mean(axis=0)])
    new = len(six.points)
    cells = np.vstack([six.cells[1:], [[a, b, c, new], [new, b, c, d]]])
    hanging = Mesh(points, cells, "tetrahedron", 1, ("core",), np.zeros(7, int))
    with pytest.raises(MeshError, match="crack"):
        check(hanging, {"core": 1.0})


def test_two_grids_that_do_not_match():
    """Two blocks whose surface meshes differ: no point in common but the corners of the face."""
    lower = box_mesh(Structure(Cuboid((2, 2, 2))), 1)
    upper = box_mesh(Structure(Cuboid((2, 2, 2))), 0.7)
    both = Mesh(
        np.vstack([lower.points, upper.points * 0.9 + [0, 0, 1.9]]),
        np.vstack([lower.cells, upper.cells + len(lower.points)]),
        "hexahedron",
        1,
        ("core",),
        np.zeros(len(lower.cells) + len(upper.cells), int),
    )
    with pytest.raises(MeshError, match="crack"):
        check(both)
    check(replace(both, points=both.points + (np.arange(len(both.points)) >= len(lower.points))[:, None] * [0, 0, 1]))


def test_a_thin_plate_is_no_crack():
    """Top and bottom of a layer face away from each other, however close they are."""
    check(box_mesh(Structure(Cuboid((10, 10, 1e-3))), 10))
