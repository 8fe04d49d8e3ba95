"""Mesh files: what is written comes back, and what cannot be used is refused in a sentence."""

import os
from dataclasses import replace
from pathlib import Path

import meshio
import numpy as np
import pytest

from meshes.errors import MeshError
from meshes.files import read_mesh, write_mesh
from meshes.mesh import Mesh
from meshes.reference import reference

ENDINGS = ["vtu", "xdmf", "msh"]


def everything(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("ending", ENDINGS)
def test_round_trip(mesh, ending, tmp_path):
    path = tmp_path / f"a dot.v2.{ending}"
    psi, gradient = np.sin(mesh.points @ [1.0, 2.0, 3.0]), mesh.points * 2
    edge = np.linspace(0, 1, len(mesh.cells))
    write_mesh(path, mesh, {"electron_0": psi, "gradient": gradient}, {"band edge": edge})
    again = read_mesh(path)
    assert again.regions == mesh.regions
    assert (again.cell, again.order) == (mesh.cell, mesh.order)
    assert np.array_equal(again.tags, mesh.tags)
    assert np.array_equal(again.points[again.cells], mesh.points[mesh.cells])  # to the last bit
    content = meshio.read(path, file_format="gmsh" if ending == "msh" else None)
    assert np.array_equal(content.point_data["electron_0"], psi)
    assert np.array_equal(content.point_data["gradient"], gradient)
    assert np.array_equal(content.cell_data["band edge"][0], edge)


@pytest.mark.parametrize("ending", ["vtu", "xdmf"])
def test_names_with_special_characters(mesh, ending, tmp_path):
    names = ('<core> & "co"', "Hülle 2", "a'b")
    write_mesh(tmp_path / f"dot.{ending}", replace(mesh, regions=names))
    assert read_mesh(tmp_path / f"dot.{ending}").regions == names


def test_vtk_reads_the_same_cells(mesh, tmp_path):
    """VTK's own shape functions, at its own parametric coordinates, give the same points: the node order is right."""
    pyvista = pytest.importorskip("pyvista")
    write_mesh(tmp_path / "dot.vtu", mesh)
    grid = pyvista.read(tmp_path / "dot.vtu")
    assert grid.n_cells == len(mesh.cells)
    for number in range(0, grid.n_cells, 7):
        cell = grid.GetCell(number)
        nodes = cell.GetNumberOfPoints()
        parameters = np.array([cell.GetParametricCoords()[i] for i in range(3 * nodes)]).reshape(nodes, 3)
        corners = [int(np.flatnonzero(np.all(parameters == corner, axis=1))[0]) for corner in np.eye(4, 3, -1)]
        points = np.array([cell.GetPoints().GetPoint(i) for i in range(nodes)])
        origin, frame = points[corners[0]], points[corners[1:]] - points[corners[0]]
        assert points == pytest.approx(origin + parameters @ frame, abs=1e-12)
        assert np.linalg.det(frame) > 0


def test_gmsh_reads_the_same_cells(mesh, tmp_path, structure):
    gmsh = pytest.importorskip("gmsh")
    write_mesh(tmp_path / "dot.msh", mesh)
    gmsh.initialize(readConfigFiles=False, interruptible=False)
    try:
        gmsh.option.setNumber("General.Terminal", 0)
        gmsh.open(str(tmp_path / "dot.msh"))
        names = [gmsh.model.getPhysicalName(dim, tag) for dim, tag in gmsh.model.getPhysicalGroups(3)]
        cells = np.concatenate(gmsh.model.mesh.getElements(3)[1])
        quality = gmsh.model.mesh.getElementQualities(cells, "minSJ")
        volume = gmsh.model.mesh.getElementQualities(cells, "volume").sum()
    finally:
        gmsh.finalize()
    assert tuple(names) == mesh.regions
    assert min(quality) > 0.1  # curved nodes at wrong places would fold the cells
    assert volume == pytest.approx(structure.particle.volume)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("version", [2.2, 4.1])
def test_a_file_from_gmsh(order, version, tmp_path):
    """Surfaces, lines and their names are left aside, and so are points that only they use."""
    gmsh = pytest.importorskip("gmsh")
    gmsh.initialize(readConfigFiles=False, interruptible=False)
    try:
        gmsh.option.setNumber("General.Terminal", 0)
        gmsh.option.setNumber("Mesh.MshFileVersion", version)
        inner, outer = gmsh.model.occ.addBox(-1, -1, -1, 2, 2, 2), gmsh.model.occ.addBox(-2, -2, -2, 4, 4, 4)
        gmsh.model.occ.addPoint(5, 5, 5)
        gmsh.model.occ.fragment([(3, outer)], [(3, inner)])
        gmsh.model.occ.synchronize()
        volumes = sorted(tag for _, tag in gmsh.model.getEntities(3))
        by_size = sorted(volumes, key=lambda tag: gmsh.model.occ.getMass(3, tag))
        gmsh.model.addPhysicalGroup(3, by_size[:1], 7, "core")
        gmsh.model.addPhysicalGroup(3, by_size[1:], 3, "ligand shell")
        gmsh.model.addPhysicalGroup(2, [tag for _, tag in gmsh.model.getEntities(2)], 3, "walls")
        gmsh.model.addPhysicalGroup(0, [tag for _, tag in gmsh.model.getEntities(0)], 1, "corners")
        gmsh.model.mesh.generate(3)
        gmsh.model.mesh.setOrder(order)
        gmsh.write(str(tmp_path / "dot.msh"))
    finally:
        gmsh.finalize()
    mesh = read_mesh(tmp_path / "dot.msh")
    assert (mesh.cell, mesh.order) == ("tetrahedron", order)
    assert mesh.volumes() == {"ligand shell": pytest.approx(56), "core": pytest.approx(8)}
    assert np.abs(mesh.points).max() == 2


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_half_written(mesh, ending, tmp_path, monkeypatch):
    """A failure on the way leaves the old file, readable, and nothing else."""
    path = tmp_path / f"dot.{ending}"
    write_mesh(path, mesh)
    before = everything(tmp_path)

    def broken(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(MeshError, match="No space left"):
        write_mesh(path, mesh, {"u": np.ones(len(mesh.points))})
    assert everything(tmp_path) == before
    monkeypatch.undo()
    write_mesh(path, mesh, {"u": np.ones(len(mesh.points))})
    assert len(everything(tmp_path)) == len(before)  # the heavy data of the older .xdmf are gone
    read_mesh(path)


def test_an_xdmf_file_never_finds_the_data_of_another(mesh, tmp_path, monkeypatch):
    """Killed between the two files: the old .xdmf still refers to the old numbers."""
    path = tmp_path / "dot.xdmf"
    write_mesh(path, mesh, {"u": np.zeros(len(mesh.points))})
    move = os.replace

    def until_the_light_file(source, target):
        if str(target).endswith(".xdmf"):
            raise OSError(5, "killed")
        move(source, target)

    monkeypatch.setattr(os, "replace", until_the_light_file)
    with pytest.raises(MeshError):
        write_mesh(path, mesh, {"u": np.ones(len(mesh.points))})
    assert not meshio.read(path).point_data["u"].any()


def test_writing_is_refused(mesh, tmp_path):
    (tmp_path / "file").touch()
    for path, data, reason in [
        ("dot.stl", {}, "ending"),
        ("dot", {}, "ending"),
        ("nowhere/dot.vtu", {}, "cannot write"),
        ("file/dot.vtu", {}, "cannot write"),
        ("dot.vtu", {"u": np.zeros(3)}, "one row for each"),
        ("dot.vtu", {"u": np.zeros(len(mesh.points), complex)}, "real"),
    ]:
        with pytest.raises(MeshError, match=reason):
            write_mesh(tmp_path / path, mesh, data)
    with pytest.raises(MeshError, match="quotation"):
        write_mesh(tmp_path / "dot.msh", replace(mesh, regions=('"', "a", "b")))
    cubic = Mesh(reference("tetrahedron", 3).nodes, [list(range(20))], "tetrahedron", 3, ("core",), [0])
    with pytest.raises(MeshError, match="order 3 are not written"):
        write_mesh(tmp_path / "dot.vtu", cubic)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


TETRA = np.array([[0, 1, 2, 3]])
POINTS = np.vstack([np.zeros(3), np.eye(3), [[1, 1, 1], [2, 2, 2]]])
NAMES = {"core": np.array([1, 3])}


def foreign(path, cells, *, tags=1, names=NAMES, points=POINTS):
    """A file that another program could have written."""
    blocks = [np.full(len(block), tags) for _, block in cells]
    data = {"gmsh:physical": blocks, "gmsh:geometrical": blocks} if tags is not None else {}
    content = meshio.Mesh(points, cells, cell_data=data, field_data=names)
    meshio.write(path, content, file_format="gmsh22")
    return path


def test_inverted_cells_are_turned_right(tmp_path):
    mesh = read_mesh(foreign(tmp_path / "dot.msh", [("tetra", TETRA[:, [1, 0, 2, 3]])]))
    assert mesh.volumes() == {"core": pytest.approx(1 / 6)}
    assert len(mesh.points) == 4


@pytest.mark.parametrize(
    ("cells", "options", "reason"),
    [
        ([("triangle", TETRA[:, :3])], {}, "no three-dimensional cells"),
        ([("tetra", TETRA), ("pyramid", np.array([[0, 1, 2, 3, 4]]))], {}, "pyramid, tetra"),
        ([("wedge", np.array([[0, 1, 2, 3, 4, 5]]))], {}, "wedge"),
        ([("tetra", TETRA)], {"names": {}}, "no physical names"),
        ([("tetra", TETRA)], {"names": {"wall": np.array([1, 2])}}, "no physical names"),
        ([("tetra", TETRA)], {"tags": 2}, "without a physical name"),
        ([("tetra", TETRA)], {"tags": 0}, "without a physical name"),
        ([("tetra", np.array([[0, 1, 2, 2]]))], {}, "flat"),
        ([("tetra", np.array([[0, 1, 2, 3], [0, 1, 2, 3]]))], {}, "overlap"),
        ([("tetra", TETRA)], {"points": np.where(POINTS == 1, np.nan, POINTS)}, "no number"),
    ],
)
def test_files_that_cannot_be_used_are_refused(cells, options, reason, tmp_path):
    with pytest.raises(MeshError, match=reason) as error:
        read_mesh(foreign(tmp_path / "dot.msh", cells, **options))
    assert "dot.msh" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("ending", [*ENDINGS, "stl", "nothing", "inp"])
@pytest.mark.parametrize("content", [b"", b"hello\n", b"\x00\xff\xfe" * 99, b"<VTKFile/>", b"$MeshFormat\n4.1 0 8\n"])
def test_what_is_no_mesh_is_refused_quietly(ending, content, tmp_path, capsys):
    path = tmp_path / f"dot.{ending}"
    path.write_bytes(content)
    with pytest.raises(MeshError, match=r"dot\.") as error:
        read_mesh(path)
    assert "\n" not in str(error.value)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_cut_short_is_refused(mesh, ending, tmp_path):
    path = tmp_path / f"dot.{ending}"
    write_mesh(path, mesh)
    heavy = next(iter(tmp_path.glob("*.h5")), path)
    whole = heavy.read_bytes()
    for part in (0.3, 0.6, 0.9):
        heavy.write_bytes(whole[: int(part * len(whole))])
        with pytest.raises(MeshError):
            read_mesh(path)


def test_no_file(tmp_path):
    for path in (tmp_path / "dot.msh", tmp_path, Path("")):
        with pytest.raises(MeshError, match="there is no mesh file"):
            read_mesh(path)
