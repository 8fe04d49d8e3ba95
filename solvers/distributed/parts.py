"""Meshes that one rank has made or read, handed out in parts."""

from collections.abc import Callable

from meshes.mesh import Mesh
from meshes.partition import Part, part, partition

from ..parallel import Comm, rank, size, together
from .graph import cut

TAG = 32010


def dealt(make: Callable[[], Mesh], comm: Comm) -> Part:
    """This rank's part of a mesh that rank 0 makes; after that no rank holds the whole.

    It is cut where its graph of neighbouring cells can be, otherwise along a space-filling curve.

    Raises
    ------
    MeshError, MesherMissing
        As `make`, on all ranks.
    """
    mine: Part | None = None
    mesh: Mesh | None = None
    with together(comm):
        if rank(comm) == 0:
            mesh = make()
    owners = cut(mesh, comm) if size(comm) > 1 else None
    if mesh is None:
        return comm.recv(source=0, tag=TAG)
    if owners is None:
        owners = partition(mesh, size(comm))
    for other in range(size(comm)):
        piece = part(mesh, owners, other)
        if other == 0:
            mine = piece
        else:
            comm.send(piece, dest=other, tag=TAG)
    assert mine is not None
    return mine
