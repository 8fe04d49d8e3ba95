"""A mesh written in parts is the mesh written whole."""

import grids
import numpy as np
import pytest

from meshes import Cuboid, MeshError, Structure
from meshes.files import read_mesh, write_mesh
from meshes.partition import box_part, part, partition
from meshes.pieces import write_pieces

DOT = Structure(Cuboid((2.0, 2.0, 2.0)), (("shell & co", 1.0),))


def together(path, parts):
    """What several ranks do, one after the other: all but the first give their arrays away."""
    given = [[] for _ in parts]
    for number, mesh in enumerate(parts[1:], 1):

        def keep(array, to=given[number]):
            to.append(array)
            return iter(())

        write_pieces(path, mesh, *data(mesh), keep, first=False)
    waiting = [iter(arrays) for arrays in given[1:]]

    def turns(array):
        yield array
        for arrays in waiting:
            yield next(arrays)

    write_pieces(path, parts[0], *data(parts[0]), turns, first=True)


def data(mesh):
    return {"x": mesh.points[:, 0], "r": mesh.points}, {"material": mesh.tags.astype(np.int32)}


@pytest.mark.parametrize("cell", ["hexahedron", "tetrahedron"])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("suffix", [".vtu", ".xdmf"])
def test_parts_make_the_whole(tmp_path, cell, count, suffix):
    import meshio

    parts = [box_part(DOT, 0.5, count, rank).mesh for rank in range(count)]
    if cell == "tetrahedron":
        parts = [grids.kuhn(mesh) for mesh in parts]
    file = tmp_path / f"parts{suffix}"
    together(file, parts)
    found = meshio.read(file)
    np.testing.assert_allclose(found.point_data["x"], found.points[:, 0], atol=0)
    np.testing.assert_allclose(found.point_data["r"], found.points, atol=0)
    (block,) = found.cells
    assert len(block.data) == sum(len(mesh.cells) for mesh in parts)
    np.testing.assert_array_equal(found.cell_data["material"][0], np.concatenate([mesh.tags for mesh in parts]))
    whole = tmp_path / f"whole{suffix}"
    write_mesh(whole, parts[0])
    if count == 1:
        again = meshio.read(whole)
        np.testing.assert_array_equal(again.cells[0].data, block.data)
        np.testing.assert_array_equal(again.points, found.points)


def test_vtk_reads_it(tmp_path):
    pyvista = pytest.importorskip("pyvista")
    mesh = grids.cube("tetrahedron", 3, 2.0)
    owners = partition(mesh, 2)
    file = tmp_path / "parts.vtu"
    together(file, [part(mesh, owners, rank).mesh for rank in range(2)])
    assert pyvista.read(file).volume == pytest.approx(8.0, rel=1e-9)


def test_vtk_reads_xdmf_too(tmp_path):
    vtk = pytest.importorskip("vtkmodules.vtkIOXdmf2")
    mesh = grids.cube("tetrahedron", 3, 2.0)
    owners = partition(mesh, 2)
    file = tmp_path / "parts.xdmf"
    together(file, [part(mesh, owners, rank).mesh for rank in range(2)])
    reader = vtk.vtkXdmfReader()
    reader.SetFileName(str(file))
    reader.Update()
    grid = reader.GetOutputDataObject(0)
    assert grid.GetNumberOfCells() == len(mesh.cells)
    assert grid.GetPointData().GetArray("r").GetNumberOfComponents() == 3
    assert grid.GetPointData().GetArray("x").GetRange() == pytest.approx(
        (mesh.points[:, 0].min(), mesh.points[:, 0].max())
    )


@pytest.mark.parametrize("suffix", [".vtu", ".xdmf"])
def test_names_of_regions_are_kept(tmp_path, suffix):
    file = tmp_path / f"one{suffix}"
    mesh = box_part(DOT, 0.5, 1, 0).mesh
    write_pieces(file, mesh, {}, {"region": mesh.tags.astype(np.int32)}, lambda array: iter([array]), first=True)
    assert read_mesh(file).volumes() == pytest.approx(mesh.volumes())


def test_a_folder_that_is_not_there(tmp_path):
    mesh = box_part(DOT, 0.5, 1, 0).mesh
    with pytest.raises(MeshError, match="cannot write"):
        write_pieces(tmp_path / "no" / "a.vtu", mesh, {}, {}, lambda array: iter([array]), first=True)
