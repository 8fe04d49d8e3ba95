"""Small meshes of every kind of cell, for the tests of this room."""

import numpy as np
import pytest

from meshes.boxes import box_mesh
from meshes.mesh import Mesh
from meshes.reference import reference, renumbering, tabulate
from meshes.shapes import Cuboid, Structure

# the six tetrahedra of a cube about its diagonal from corner 0 to corner 7, corners numbered as in a reference cell
_SIX = np.array([[0, 1, 3, 7], [0, 3, 2, 7], [0, 2, 6, 7], [0, 6, 4, 7], [0, 4, 5, 7], [0, 5, 1, 7]])


def _six_tetrahedra(mesh: Mesh) -> Mesh:
    cells = mesh.cells[:, _SIX].reshape(-1, 4)
    return Mesh(mesh.points, cells, "tetrahedron", 1, mesh.regions, np.repeat(mesh.tags, 6))


def _second_order(mesh: Mesh) -> Mesh:
    at_nodes = tabulate(mesh.cell, 1, reference(mesh.cell, 2).nodes)[0]
    nodes = np.einsum("qk,ckd->cqd", at_nodes, mesh.points[mesh.cells]).reshape(-1, 3)
    _, first, cells = np.unique(nodes.round(9), axis=0, return_index=True, return_inverse=True)
    return Mesh(nodes[first], cells.reshape(len(mesh.cells), -1), mesh.cell, 2, mesh.regions, mesh.tags)


@pytest.fixture
def structure() -> Structure:
    return Structure(Cuboid((4, 5, 6)), (("inner shell", 1.0), ("not there", 0), ("ligands", 2)), (0.25, 0, -0.5))


@pytest.fixture(params=["hexahedron", "hexahedron27", "tetra", "tetra10"])
def mesh(request, structure) -> Mesh:
    boxes = box_mesh(structure, 2.5)
    straight = boxes if request.param.startswith("hexa") else _six_tetrahedra(boxes)
    return _second_order(straight) if request.param in ("hexahedron27", "tetra10") else straight


@pytest.fixture
def six_tetrahedra():
    """A function: every hexahedron of a tensor grid cut into six tetrahedra that fit together."""
    return _six_tetrahedra


@pytest.fixture
def second_order():
    """A function: the same straight cells with geometry nodes of order 2."""
    return _second_order


@pytest.fixture
def mirrored():
    """A function: the same cell as seen in a mirror, that is with its nodes numbered inside out."""

    def of(cell: str, order: int) -> np.ndarray:
        nodes = reference(cell, order).nodes
        return renumbering(nodes, nodes[:, [1, 0, 2]])

    return of
