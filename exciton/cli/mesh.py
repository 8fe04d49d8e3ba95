"""``exciton mesh``: the mesh of a job alone, for ParaView or gmsh."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exciton.resolve import Resolved
    from meshes.mesh import Mesh

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add(commands: "Commands") -> None:
    p = commands.add_parser("mesh", help="write the mesh of a job, for ParaView or gmsh")
    p.add_argument("job", type=Path, help="job file (TOML); of a sweep, the first point")
    p.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="mesh file: .vtu, .xdmf or .msh")
    p.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE", help="replace one value of the job"
    )
    p.set_defaults(command=mesh_command)


def mesh_command(args: argparse.Namespace) -> int:
    from exciton.cli.first import first
    from exciton.errors import JobError
    from exciton.overrides import parse_override
    from exciton.reader import read_job
    from exciton.sweep import points
    from meshes.files import write_mesh

    job = read_job(args.job, [parse_override(text) for text in args.overrides])
    resolved = first(points(job)).resolved
    mesh = _mesh(resolved)
    try:
        write_mesh(args.out, mesh)
    except OSError as error:
        raise JobError(f"{args.out}: cannot be written: {error.strerror or error}") from error
    volumes = ", ".join(f"{name} {volume:.6g} nm^3" for name, volume in mesh.volumes().items())
    print(
        f"{args.out}: {len(mesh.cells)} cells ({mesh.cell}, order {mesh.order}), {len(mesh.points)} points; {volumes}"
    )
    return 0


def _mesh(resolved: "Resolved") -> "Mesh":
    """The mesh given by hand; else the box grid on which pictures are drawn, or the first mesh of the refinement."""
    import numpy as np

    from exciton.carriers import FIRST_SIZE, mesh_by_hand
    from exciton.fields import INTERVALS
    from exciton.resolve import MeshFile
    from meshes.boxes import box_mesh
    from meshes.files import read_mesh
    from meshes.generate import tetrahedra
    from meshes.shapes import Cuboid

    geometry = resolved.geometry
    if isinstance(geometry, MeshFile):
        return read_mesh(geometry.path)
    if resolved.accuracy.by_hand:
        return mesh_by_hand(resolved)
    if isinstance(geometry.core, Cuboid):
        return box_mesh(geometry, float(np.max(geometry.extent)) / INTERVALS)
    return tetrahedra(geometry, float(np.max(geometry.extent)) * FIRST_SIZE)
