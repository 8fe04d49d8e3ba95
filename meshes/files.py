"""Meshes in files: VTU, XDMF and MSH, through meshio, with the names of the regions.

Files are written atomically: a reader finds the old file or the new one, never half of one. What is read is checked
before it is handed over. Coordinates in nm.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import warnings
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import ArrayLike

from meshes.conformity import check
from meshes.errors import MeshError
from meshes.mesh import Mesh
from meshes.reference import Floats, Ints, reference, renumbering

FORMATS = {".vtu": "vtu", ".xdmf": "xdmf", ".msh": "gmsh22"}  # plain .msh would be ANSYS'
KINDS = {
    "tetra": ("tetrahedron", 1),
    "tetra10": ("tetrahedron", 2),
    "hexahedron": ("hexahedron", 1),
    "hexahedron27": ("hexahedron", 2),
}
PREFIX = "region:"  # of the field data that carry the names in VTU files


def write_mesh(
    path: str | Path,
    mesh: Mesh,
    point_data: Mapping[str, ArrayLike] | None = None,
    cell_data: Mapping[str, ArrayLike] | None = None,
) -> None:
    """Write a mesh to `path`, whose ending says how: .vtu, .xdmf (with its .h5 beside it) or .msh.

    Parameters
    ----------
    point_data
        Arrays of shape (points,) or (points, components), by name.
    cell_data
        Arrays of shape (cells,) or (cells, components), by name; the region is added to them.

    Raises
    ------
    MeshError
        An unknown ending, an array of the wrong length, a mesh of order 3 or more, or a file that cannot be written.
    """
    import meshio

    path = Path(path)
    if path.suffix not in FORMATS:
        raise MeshError(f"cannot write {path.name}: the ending of a mesh file must be one of {', '.join(FORMATS)}")
    in_gmsh = path.suffix == ".msh"  # where tag 0 means no region
    if in_gmsh and any('"' in name for name in mesh.regions):
        raise MeshError(f"cannot write {path.name}: names of regions must not have quotation marks in MSH files")
    tags = mesh.tags + in_gmsh
    cells = {"gmsh:physical": tags, "gmsh:geometrical": tags} if in_gmsh else {"region": tags}
    columns = {**_arrays(cell_data, len(mesh.cells), "cell"), **cells}
    kind = next((name for name, value in KINDS.items() if value == (mesh.cell, mesh.order)), None)
    if kind is None:
        raise MeshError(f"cannot write {path.name}: cells of order {mesh.order} are not written, only of order 1 and 2")
    order = renumbering(vtk_nodes(mesh.cell, mesh.order), mesh.reference.nodes)
    content = meshio.Mesh(
        mesh.points,
        [(kind, mesh.cells[:, order])],
        point_data=_arrays(point_data, len(mesh.points), "point"),
        cell_data={name: [column.astype(np.int32) if name in cells else column] for name, column in columns.items()},
        field_data={name: np.array([tag + 1, 3]) for tag, name in enumerate(mesh.regions)} if in_gmsh else {},
    )
    try:
        with TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
            _put(content, path, Path(folder), mesh.regions)
    except OSError as error:
        raise MeshError(f"cannot write {path}: {error.strerror or error}") from error


def read_mesh(path: str | Path) -> Mesh:
    """The three-dimensional cells of a mesh file, with its physical names as regions.

    Cells of lower dimension and points that no cell uses are left out; inverted cells are turned right.

    Raises
    ------
    MeshError
        The file is not there or is no mesh; it has no three-dimensional cells, several kinds of them, or a kind other
        than tetrahedra and hexahedra of order 1 or 2 (27 nodes); a cell has no physical name; `check` refuses it.
    """
    path = Path(path)
    content = _load(path)
    blocks = [index for index, block in enumerate(content.cells) if _dimension(block) == 3 and len(block.data)]
    if not blocks:
        raise MeshError(f"{path.name} has no three-dimensional cells")
    kinds = sorted({content.cells[index].type for index in blocks})
    if len(kinds) > 1 or kinds[0] not in KINDS:
        raise MeshError(f"{path.name} has cells of kind {', '.join(kinds)}; allowed is one of {', '.join(KINDS)}")
    cell, order = KINDS[kinds[0]]
    numbering = renumbering(reference(cell, order).nodes, vtk_nodes(cell, order))
    nodes = np.vstack([content.cells[index].data for index in blocks])[:, numbering].astype(np.int64)
    points = np.asarray(content.points, float)
    if nodes.min() < 0 or nodes.max() >= len(points):
        raise MeshError(f"{path.name} has cells with points that are not in the file")
    regions, tags = _regions(path, content, blocks)
    used, cells = np.unique(nodes, return_inverse=True)
    mesh = Mesh(points[used], cells.reshape(nodes.shape), cell, order, regions, tags)
    inverted = mesh.cell_volumes() < 0
    if inverted.any():
        turned = np.where(inverted[:, None], mesh.cells[:, mesh.reference.mirrored], mesh.cells)
        mesh = replace(mesh, cells=turned)
    try:
        check(mesh)
    except MeshError as error:
        raise MeshError(f"{path.name} cannot be used: {error}") from None
    return mesh


def _load(path: Path) -> Any:
    """What meshio reads, its printing and its exits turned into one sentence."""
    import meshio

    if not path.is_file():
        raise MeshError(f"there is no mesh file {path}")
    said = io.StringIO()
    try:
        with redirect_stdout(said), redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return meshio.read(path, file_format="gmsh" if path.suffix == ".msh" else None)
    except (Exception, SystemExit) as error:  # a broken file makes meshio raise anything at all
        reason = said.getvalue().strip() or ("" if isinstance(error, SystemExit) else str(error))
        if "cell data" in reason and path.suffix == ".msh":
            reason = "some cells belong to no physical group; give every volume one, and save only physical groups"
        reason = " ".join(reason.split()) or "meshio gives no reason"
        raise MeshError(f"{path.name} cannot be read as a mesh: {reason}") from None


def _dimension(block: Any) -> int:
    return 3 if block.type.startswith("polyhedron") else int(block.dim)


def _regions(path: Path, content: Any, blocks: list[int]) -> tuple[tuple[str, ...], Ints]:
    """Names of the regions that have cells, by ascending tag in the file, and the index of each cell among them."""
    column = next((content.cell_data[key] for key in ("gmsh:physical", "region") if key in content.cell_data), None)
    names = {}
    for key, value in content.field_data.items():
        entry = np.ravel(value)
        if key.startswith(PREFIX) and len(entry) == 1:
            names[int(entry[0])] = key.removeprefix(PREFIX)
        elif len(entry) == 2 and entry[1] == 3:
            names[int(entry[0])] = key
    if column is None or not names:
        raise MeshError(f"{path.name} has no physical names: name the volumes, and say what material each is made of")
    tags = np.concatenate([np.ravel(column[index]) for index in blocks]).astype(np.int64)
    nameless = ~np.isin(tags, list(names))
    if nameless.any():
        raise MeshError(f"{path.name} has {np.count_nonzero(nameless)} cells without a physical name")
    found, index = np.unique(tags, return_inverse=True)
    return tuple(names[tag] for tag in found.tolist()), index.astype(np.int64)


def _arrays(data: Mapping[str, ArrayLike] | None, length: int, noun: str) -> dict[str, np.ndarray[Any, Any]]:
    arrays = {name: np.asarray(values) for name, values in (data or {}).items()}
    for name, values in arrays.items():
        if values.ndim not in (1, 2) or len(values) != length or values.dtype.kind not in "fiu":
            raise MeshError(f"{noun} data {name!r} must be real, one row for each of {length} {noun}s: {values.shape}")
    return arrays


def _put(content: Any, path: Path, folder: Path, regions: tuple[str, ...]) -> None:
    """Write into the folder, add the names, and move into place; heavy data before the file that refers to them."""
    import meshio

    if path.suffix != ".xdmf":
        draft = folder / path.name
        meshio.write(draft, content, file_format=FORMATS[path.suffix])
        if path.suffix == ".vtu":
            rows = "".join(
                f'<DataArray type="Int32" Name={quoteattr(PREFIX + name)} NumberOfTuples="1" format="ascii">{tag}'
                "</DataArray>\n"
                for tag, name in enumerate(regions)
            )
            _insert(draft, "<UnstructuredGrid>", f"\n<FieldData>\n{rows}</FieldData>")
        os.replace(draft, path)
        return

    # the heavy file is named after what it holds, so that an older .xdmf never finds newer numbers
    draft = folder / f"{path.stem.replace(':', '_')}-{_digest(content)}.xdmf"
    meshio.write(draft, content, file_format="xdmf")
    rows = "".join(f'<map key={quoteattr(name)} dim="3">{tag}</map>' for tag, name in enumerate(regions))
    information = f'<Information Name="regions" Value="{len(regions)}">{escape(f"<main>{rows}</main>")}</Information>'
    _insert(draft, '<Grid Name="Grid">', information)
    heavy = path.parent / draft.with_suffix(".h5").name
    os.replace(draft.with_suffix(".h5"), heavy)
    os.replace(draft, path)
    older = re.compile(re.escape(heavy.name[: -len("0123456789ab.h5")]) + r"[0-9a-f]{12}\.h5")
    for file in path.parent.glob("*.h5"):
        if older.fullmatch(file.name) and file != heavy:
            file.unlink()


def _insert(file: Path, mark: str, text: str) -> None:
    """Insert text behind the first occurrence of the mark."""
    before, found, after = file.read_bytes().partition(mark.encode())
    assert found
    file.write_bytes(before + found + text.encode() + after)


def _digest(content: Any) -> str:
    digest = hashlib.sha256()
    named = [("points", content.points), *content.point_data.items()]
    named += [(block.type, block.data) for block in content.cells]
    named += [(name, column) for name, columns in content.cell_data.items() for column in columns]
    for name, array in named:
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:12]


def vtk_nodes(cell: str, order: int) -> Floats:
    """Reference coordinates (k, 3) of the nodes in the order of VTK, which is meshio's too."""
    if cell == "tetrahedron":
        corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float)
        edges = [[0, 1], [1, 2], [2, 0], [0, 3], [1, 3], [2, 3]]
        faces: list[list[int]] = []
    else:
        square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
        corners = np.vstack([np.column_stack([square, np.full(4, z)]) for z in (0.0, 1.0)])
        ring = [[0, 1], [1, 2], [2, 3], [3, 0]]
        edges = ring + [[a + 4, b + 4] for a, b in ring] + [[a, a + 4] for a in range(4)]
        faces = [[0, 3, 4, 7], [1, 2, 5, 6], [0, 1, 4, 5], [2, 3, 6, 7], [0, 1, 2, 3], [4, 5, 6, 7], list(range(8))]
    if order == 1:
        return corners
    return np.vstack([corners, *(corners[part].mean(axis=0) for part in edges + faces)])
