"""What is written of the wavefunctions: 3D fields for ParaView, and their profile along the x axis as a table."""

import csv
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from exciton.carriers import Carriers
from exciton.resolve import Region, Resolved
from meshes.boxes import box_mesh, breakpoints
from meshes.files import write_mesh
from meshes.mesh import Mesh
from meshes.pieces import write_pieces
from meshes.shapes import Structure
from solvers.distributed import DistributedSpace
from solvers.functions import FunctionSpace
from solvers.parallel import Comm, highest, in_turn, rank
from solvers.space import Space
from solvers.tensor import BoxSpace

if TYPE_CHECKING:
    from exciton.pair.conditional import Conditional

Array = NDArray[np.float64]

INTERVALS = 44  # of the drawing grid along the longest axis
CELLS = 400_000  # that a mesh of few large curved cells is drawn with, at most, unless it has more already
FINEST = 10  # parts into which an edge of such a cell is cut, at most
SAMPLES = 601  # of the profile


def write_fields(
    path: Path,
    resolved: Resolved,
    carriers: Carriers,
    comm: Comm = None,
    pair: "Mapping[str, Conditional] | None" = None,
) -> None:
    """Every state and the model's coefficients on linear cells, as the ending of `path` says: .vtu or .xdmf.

    Point data ``electron_0``, ``hole_0``, ... in nm^-3/2, and what is to be seen of a `pair` alike; cell data
    ``region`` and ``material`` (indices), band edges in eV, masses along x and permittivity. The cells are a refined
    linear copy: high-order states are sampled at its points. Over several ranks, each of which calls
    this, their parts come to the first one after the other.
    """
    space = carriers.space
    if isinstance(space, DistributedSpace):
        mesh, points, cells = drawn(resolved, carriers, pair=pair)
        write_pieces(path, mesh, points, cells, lambda part: in_turn(space.comm, part), first=rank(comm) == 0)
    elif rank(comm) == 0:
        write_mesh(path, *drawn(resolved, carriers, pair=pair))


def drawn(
    resolved: Resolved,
    carriers: Carriers,
    intervals: int = INTERVALS,
    pair: "Mapping[str, Conditional] | None" = None,
) -> tuple[Mesh, dict[str, Array], dict[str, NDArray[np.generic]]]:
    """A mesh of linear cells, or this rank's part of it, with the point data and cell data that are written.

    `intervals` is how many cells of a nested box are along its longest axis; other meshes keep their cells.
    """
    mesh, sample = _drawing(resolved, carriers, intervals)
    point_data = {
        f"{carrier}_{i}": column
        for carrier, states in (("electron", carriers.electron), ("hole", carriers.hole))
        for i, column in enumerate(sample(states.psi).T)
    }
    for name, each in (pair or {}).items():
        distance = np.linalg.norm(mesh.points - each.place, axis=1)
        point_data[name] = each.amplitude(distance, sample(each.vectors).T)
    return mesh, point_data, _cell_data(mesh, resolved)


def _drawing(resolved: Resolved, carriers: Carriers, intervals: int) -> tuple[Mesh, Callable[[Array], Array]]:
    """A mesh of linear cells, and what samples functions at its points, (points, count)."""
    space, geometry = carriers.space, resolved.geometry
    if isinstance(space, DistributedSpace) or (isinstance(space, Space) and space.mesh.order < 3):
        return space.linear(), space.full
    if isinstance(space, Space):  # few large cells: flat parts of them would show
        degree = max(space.degree, min(FINEST, int((CELLS / len(space.mesh.cells)) ** (1 / 3))))
        finer = Space(space.mesh, degree)
        return finer.linear(), lambda psi: space.at_nodes(psi, finer)
    assert isinstance(space, BoxSpace)
    assert isinstance(geometry, Structure)
    size = float(np.max(geometry.extent)) / intervals
    mesh = box_mesh(geometry, size)
    axes = [breakpoints(geometry, axis, size) for axis in range(3)]

    def sample(psi: Array) -> Array:
        values = space.on_grid(psi, *axes)
        # the mesh counts x fastest
        return values.transpose(3, 2, 1, 0).reshape(-1, psi.shape[1])

    return mesh, sample


def _cell_data(mesh: Mesh, resolved: Resolved) -> dict[str, NDArray[np.generic]]:
    regions = [_region(resolved, name) for name in mesh.regions]
    materials = list(dict.fromkeys(region.material for region in resolved.regions))
    per_region = {
        "electron_band_edge_eV": [r.electron_barrier for r in regions],
        "hole_band_edge_eV": [r.hole_barrier for r in regions],
        "electron_mass": [r.electron_mass[0] for r in regions],
        "hole_mass": [r.hole_mass[0] for r in regions],
        "permittivity": [np.nan if r.permittivity is None else r.permittivity for r in regions],
    }
    data: dict[str, NDArray[np.generic]] = {name: np.array(values)[mesh.tags] for name, values in per_region.items()}
    data["material"] = np.array([materials.index(r.material) for r in regions], dtype=np.int32)[mesh.tags]
    data["region"] = mesh.tags.astype(np.int32)
    return data


def _region(resolved: Resolved, name: str) -> Region:
    return next(region for region in resolved.regions if region.name == name)


def extent(resolved: Resolved, carriers: Carriers) -> Array:
    """(2, 3) corners of the box around the particle, nm."""
    return box_around(resolved, carriers.space)


def box_around(resolved: Resolved, space: FunctionSpace) -> Array:
    """(2, 3) corners of the box around all of a space, nm."""
    if isinstance(resolved.geometry, Structure):
        half = resolved.geometry.extent / 2
        return np.array([-half, half])
    assert isinstance(space, Space | DistributedSpace)
    comm = getattr(space, "comm", None)
    points = space.mesh.points
    return np.array([-highest(comm, -points.min(axis=0)), highest(comm, points.max(axis=0))])


def write_profile(path: Path, resolved: Resolved, carriers: Carriers, comm: Comm = None) -> None:
    """`profile` as a file. Every rank of `comm` calls this, the first one writes."""
    text = profile(resolved, carriers)
    if rank(comm) == 0:
        write_text(path, text)


def profile(resolved: Resolved, carriers: Carriers) -> str:
    """Band edges and |psi|^2 along the x axis through the core's centre, as CSV with units in the column names."""
    low, high = extent(resolved, carriers)
    x = np.linspace(low[0], high[0], SAMPLES)
    geometry = resolved.geometry
    if isinstance(geometry, Structure):
        centre = geometry.centres[0]
        ends = np.array(
            [c[0] + sign * s.extent[0] / 2 for s, c in zip(geometry.boundaries, geometry.centres) for sign in (-1, 1)]
        )
        nudge = 1e-9 * (high[0] - low[0])  # both sides of every interface
        x = np.unique(np.concatenate([x, ends - nudge, ends + nudge]).clip(low[0], high[0]))
        tags = geometry.region_at(np.stack([x, np.full_like(x, centre[1]), np.full_like(x, centre[2])], axis=1))
    else:
        assert isinstance(carriers.space, Space | DistributedSpace)
        centre = (low + high) / 2
        tags = carriers.space.region_on_grid(x, centre[1:2], centre[2:3])[:, 0, 0]
    x, tags = x[tags >= 0], tags[tags >= 0]
    names = [carriers.space.regions[tag] for tag in tags]
    columns: dict[str, Sequence[object]] = {"x_nm": [f"{value:.9g}" for value in x], "region": names}
    regions = [_region(resolved, name) for name in names]
    columns["electron_band_edge_eV"] = [f"{r.electron_barrier:.9g}" for r in regions]
    columns["hole_band_edge_eV"] = [f"{r.hole_barrier:.9g}" for r in regions]
    for carrier, states in (("electron", carriers.electron), ("hole", carriers.hole)):
        values = carriers.space.on_grid(states.psi, x, centre[1:2], centre[2:3])[:, :, 0, 0]
        for i, row in enumerate(values):
            columns[f"{carrier}_{i}_nm-3"] = [f"{value:.9g}" for value in row**2]
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values()))
    return text.getvalue()


def write_text(path: Path, text: str) -> None:
    """Write a file in one step: it is there whole, or as it was before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
