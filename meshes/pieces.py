"""One file of a mesh that nobody holds as a whole: array by array, and of each array part after part.

The file, VTU or XDMF, is that of `meshes.files.write_mesh`, for cells with straight sides; points on the surfaces
between parts occur in each of them.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from meshes.errors import MeshError
from meshes.files import PREFIX, vtk_nodes
from meshes.mesh import Mesh
from meshes.reference import renumbering

Array = NDArray[Any]
Turns = Callable[[Array], Iterator[Array]]
TYPES = {"tetrahedron": 10, "hexahedron": 12}  # VTK's numbers of the cells with straight sides


def write_pieces(
    path: Path,
    mesh: Mesh,
    point_data: Mapping[str, Array],
    cell_data: Mapping[str, Array],
    turns: Turns,
    *,
    first: bool,
) -> None:
    """Write this part of a mesh together with those of others, all of whom call this with arrays of the same names.

    The ending of `path` says how: .vtu, or .xdmf with its .h5 beside it.

    Parameters
    ----------
    mesh
        This part, linear; its regions are those of the whole mesh.
    turns
        Gives to the first of the parts the arrays of all of them in turn, and to the others nothing.
    first
        Whether this is that part: it writes.

    Raises
    ------
    MeshError
        The file cannot be written.
    """
    arrays = _arrays(mesh, point_data, cell_data, turns)
    if not first:
        for parts in arrays:
            for _ in parts:
                pass
        return
    try:
        with TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
            draft = Path(folder) / path.name
            if path.suffix == ".xdmf":
                _write_xdmf(draft, mesh.regions, arrays, list(point_data), list(cell_data))
                os.replace(draft.with_suffix(".h5"), path.with_suffix(".h5"))  # before the file that refers to it
            else:
                with draft.open("wb") as file:
                    _write(file, mesh.regions, arrays, list(point_data), list(cell_data))
            os.replace(draft, path)
    except OSError as error:
        raise MeshError(f"cannot write {path}: {error.strerror or error}") from error


def _arrays(
    mesh: Mesh, point_data: Mapping[str, Array], cell_data: Mapping[str, Array], turns: Turns
) -> Iterator[Iterator[Array]]:
    """The parts of every array, in the order of the file; how many points and cells each part has comes first."""
    yield turns(np.array([len(mesh.points), len(mesh.cells)]))
    order = renumbering(vtk_nodes(mesh.cell, 1), mesh.reference.nodes)
    yield turns(np.array([TYPES[mesh.cell]]))
    yield turns(mesh.points)
    yield turns(mesh.cells[:, order].astype(np.int64))
    for values in chain(point_data.values(), cell_data.values()):
        yield turns(np.ascontiguousarray(values))


def _write(
    file: IO[bytes],
    regions: tuple[str, ...],
    arrays: Iterator[Iterator[Array]],
    point_names: list[str],
    cell_names: list[str],
) -> None:
    counts = np.array(list(next(arrays)))
    kind = next(iter(list(next(arrays))))
    points, cells = counts.sum(axis=0).tolist()

    def put(text: str) -> None:
        file.write(text.encode())

    put('<?xml version="1.0"?>\n<VTKFile type="UnstructuredGrid" version="1.0" byte_order="LittleEndian" ')
    put('header_type="UInt64">\n<UnstructuredGrid>\n<FieldData>\n')
    for tag, name in enumerate(regions):
        put(f'<DataArray type="Int32" Name={quoteattr(PREFIX + name)} NumberOfTuples="1" format="ascii">{tag}')
        put("</DataArray>\n")
    put(f'</FieldData>\n<Piece NumberOfPoints="{points}" NumberOfCells="{cells}">\n<Points>\n')
    _array(file, "Points", points, next(arrays))
    put("</Points>\n<Cells>\n")
    before = np.append(0, np.cumsum(counts[:-1, 0]))
    shifted = (part + start for part, start in zip(next(arrays), before))
    nodes = {10: 4, 12: 8}[int(kind[0])]
    _array(file, "connectivity", cells * nodes, (part.ravel() for part in shifted))
    ends = np.append(0, np.cumsum(counts[:, 1]))
    offsets = (nodes * np.arange(a + 1, b + 1) for a, b in pairwise(ends))
    _array(file, "offsets", cells, offsets)
    _array(file, "types", cells, (np.full(n, kind[0], dtype=np.uint8) for n in counts[:, 1]))
    put("</Cells>\n<PointData>\n")
    for name in point_names:
        _array(file, name, points, next(arrays))
    put("</PointData>\n<CellData>\n")
    for name in cell_names:
        _array(file, name, cells, next(arrays))
    put("</CellData>\n</Piece>\n</UnstructuredGrid>\n</VTKFile>\n")


def _write_xdmf(
    file: Path,
    regions: tuple[str, ...],
    arrays: Iterator[Iterator[Array]],
    point_names: list[str],
    cell_names: list[str],
) -> None:
    """Light data in `file`, heavy data in the HDF5 file beside it, which grows part by part."""
    import h5py

    counts = np.array(list(next(arrays)))
    kind = int(next(iter(list(next(arrays))))[0])
    points, cells = counts.sum(axis=0).tolist()
    heavy = file.with_suffix(".h5")

    def item(name: str, rows: int, parts: Iterable[Array]) -> str:
        start = 0
        for part in parts:
            if start == 0:
                data = store.create_dataset(name, (rows, *part.shape[1:]), part.dtype)
            data[start : start + len(part)] = part
            start += len(part)
        word = {"f": "Float", "i": "Int", "u": "UInt"}[data.dtype.kind]
        shape = " ".join(map(str, data.shape))
        return (
            f'<DataItem DataType="{word}" Dimensions="{shape}" Format="HDF" Precision="{data.dtype.itemsize}">'
            f"{heavy.name}:/{name}</DataItem>"
        )

    rows = "".join(f'<map key={quoteattr(name)} dim="3">{tag}</map>' for tag, name in enumerate(regions))
    names = f'<Information Name="regions" Value="{len(regions)}">{escape(f"<main>{rows}</main>")}</Information>'
    with h5py.File(heavy, "w") as store:
        text = [f'<Xdmf Version="3.0"><Domain><Grid Name="Grid">{names}<Geometry GeometryType="XYZ">']
        text += [item("points", points, next(arrays)), "</Geometry>"]
        before = np.append(0, np.cumsum(counts[:-1, 0]))
        shifted = (part + start for part, start in zip(next(arrays), before))
        what, nodes = {10: ("Tetrahedron", 4), 12: ("Hexahedron", 8)}[kind]
        text.append(f'<Topology TopologyType="{what}" NumberOfElements="{cells}" NodesPerElement="{nodes}">')
        text += [item("cells", cells, shifted), "</Topology>"]
        for centre, count, members in (("Node", points, point_names), ("Cell", cells, cell_names)):
            for name in members:
                content = item(f"{centre}_{name}", count, next(arrays))
                form = "Scalar" if store[f"{centre}_{name}"].ndim == 1 else "Vector"
                text.append(f'<Attribute Name={quoteattr(name)} AttributeType="{form}" Center="{centre}">{content}')
                text.append("</Attribute>")
    file.write_text("".join(text) + "</Grid></Domain></Xdmf>\n", encoding="utf-8")


def _array(file: IO[bytes], name: str, rows: int, parts: Iterable[Array]) -> None:
    """One data array: its length, and its parts as they come, in base64, which takes three bytes at a time."""
    parts = iter(parts)
    head = next(parts)
    width = head.shape[1] if head.ndim == 2 else 1
    kind = {"f": "Float", "i": "Int", "u": "UInt"}[head.dtype.kind] + str(8 * head.dtype.itemsize)
    components = f' NumberOfComponents="{width}"' if head.ndim == 2 else ""
    file.write(f'<DataArray type="{kind}" Name={quoteattr(name)}{components} format="binary">'.encode())
    left = np.uint64(rows * width * head.dtype.itemsize).tobytes()
    for part in chain([head], parts):
        left += np.ascontiguousarray(part, dtype=head.dtype.newbyteorder("<")).tobytes()
        whole = len(left) // 3 * 3
        file.write(b64encode(left[:whole]))
        left = left[whole:]
    file.write(b64encode(left) + b"</DataArray>\n")
