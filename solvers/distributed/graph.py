"""Cells to ranks by cutting the graph of neighbouring cells, where PETSc has a library for that.

PT-Scotch (C. Chevalier and F. Pellegrini, Parallel Comput. 34, 318 (2008)) or ParMETIS (G. Karypis and V. Kumar, SIAM
J. Sci. Comput. 20, 359 (1998)), through PETSc's DMPlex. On unstructured meshes they leave a third to a half less
surface between the ranks than a space-filling curve does, which needs neither (docs/performance.md).
"""

import numpy as np

from meshes.mesh import Mesh

from .. import petsc
from ..element import Ints
from ..parallel import Comm

LIBRARIES = ("ptscotch", "parmetis")


def library() -> str | None:
    """The one that is used here."""
    return next((name for name in LIBRARIES if petsc.has(name)), None) if petsc.available() else None


def cut(mesh: Mesh | None, comm: Comm) -> Ints | None:
    """(cells,) the rank of each cell of the mesh that rank 0 has; all ranks call this.

    None on the other ranks; on all of them where there is no library, or where a rank would have no cells.
    """
    name = library()
    if name is None:
        return None
    PETSc = petsc.load()
    vertices, points = np.empty((0, 4), dtype=PETSc.IntType), np.empty((0, 3))
    if mesh is not None:
        used, inverse = np.unique(mesh.vertices, return_inverse=True)
        vertices, points = inverse.reshape(mesh.vertices.shape).astype(PETSc.IntType), mesh.points[used]
    corners = comm.bcast(vertices.shape[1], root=0)
    plex = PETSc.DMPlex().createFromCellList(3, vertices.reshape(-1, corners), points, interpolate=False, comm=comm)
    plex.getPartitioner().setType(name)
    came = plex.distribute(overlap=0)  # which point of which rank each point here was before
    first, end = plex.getHeightStratum(0)
    _, here, before = came.getGraph()
    before = before.reshape(-1, 2)
    here = np.arange(len(before)) if here is None else here
    mine = before[(here >= first) & (here < end), 1]
    came.destroy()
    plex.destroy()
    parts = comm.gather(mine, root=0)
    if mesh is None:
        return None
    owners = np.repeat(np.arange(len(parts)), [len(part) for part in parts])[np.argsort(np.concatenate(parts))]
    return owners if all(len(part) for part in parts) else None
