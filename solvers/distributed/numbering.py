"""One numbering of the unknowns over all ranks, each of which knows its own cells only.

Nodes that ranks share lie on the surface of their parts. They are recognised by what they sit on (a vertex, an edge, a
face, named by the mesh's global point numbers), the lowest rank that has a node owns it, and unknowns are numbered
so that every rank owns a contiguous range.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..element import Array, Ints
from ..halo import Halo
from ..parallel import Comm, before, meet, rank, size
from ..space import Space, face_closure


@dataclass(frozen=True, eq=False)
class Numbering:
    """Where the unknowns of one rank's cells live.

    The rank's *local* unknowns are all free nodes of its cells, in the order of its local space; it owns some of
    them, other ranks the rest (the ghosts).
    """

    comm: Comm
    numbers: Ints  # (local unknowns,) global number of each
    owned: Ints  # (rows,) positions of the owned ones among them, in the order of their numbers
    first: int  # number of the first one owned
    size: int  # unknowns over all ranks

    @cached_property
    def ranges(self) -> Ints:
        """(ranks + 1,) the numbers where each rank's range begins, and the end."""
        if size(self.comm) == 1:
            return np.array([0, self.size])
        return np.array([*self.comm.allgather(self.first), self.size])

    @cached_property
    def ghosts(self) -> Ints:
        """Positions of the ghosts among the local unknowns, in the order of their numbers."""
        mine = np.zeros(len(self.numbers), dtype=bool)
        mine[self.owned] = True
        ghosts = np.flatnonzero(~mine)
        return ghosts[np.argsort(self.numbers[ghosts], kind="stable")]

    @cached_property
    def halo(self) -> Halo:
        """How the ghosts are fetched."""
        return Halo.of(self.comm, self.ranges, self.numbers[self.ghosts])

    def spread(self, u: Array) -> Array:
        """(local unknowns, count) values from those of the owned rows, (rows, count): the ghosts are fetched."""
        values = np.empty((len(self.numbers), u.shape[1]))
        values[np.concatenate([self.owned, self.ghosts])] = self.halo.extended(u)
        return values


def outer_nodes(space: Space, points: Ints, comm: Comm) -> tuple[NDArray[np.bool_], Ints, Ints]:
    """Which nodes of this rank's cells lie on the outer surface of the whole mesh, and which other ranks may have.

    Parameters
    ----------
    space
        The space on this rank's cells.
    points
        Global numbers of the points of its mesh, ascending.

    Returns
    -------
    tuple
        (node_count,) true on the outer surface; the nodes on the surface of this part; their names, (n, 4).
    """
    facets = space.mesh.facets
    boundary = facets.boundary
    corners = np.sort(points[facets.vertices[boundary]], axis=1)[:, :3]
    sides = meet(comm, corners, np.ones((len(boundary), 1), dtype=np.int64), (np.add,))[:, 0]
    on = space.nodes[facets.cells[boundary, 0, None], face_closure(space.element)[facets.local[boundary, 0]]]
    surface = np.unique(on)
    outer = np.zeros(space.node_count, dtype=bool)
    outer[on[sides == 1]] = True
    if size(comm) == 1:
        return outer, surface, np.empty((len(surface), 4), dtype=np.int64)
    names = _names(space, points, surface)
    outer[surface] = meet(comm, names, outer[surface, None].astype(np.int64), (np.maximum,))[:, 0] > 0
    return outer, surface, names


def number(space: Space, surface: Ints, names: Ints, comm: Comm) -> Numbering:
    """Number the unknowns; `surface` and `names` as from `outer_nodes`, `space` with all its fixed nodes known."""
    me = rank(comm)
    owner = np.full(space.node_count, me)
    owner[surface] = meet(comm, names, np.full((len(surface), 1), me), (np.minimum,))[:, 0]
    owned = np.flatnonzero(owner[space.free] == me)
    first, count = before(comm, len(owned))
    numbers = np.full(space.node_count, -1)
    numbers[space.free[owned]] = first + np.arange(len(owned))
    numbers[surface] = meet(comm, names, numbers[surface, None], (np.maximum,))[:, 0]
    return Numbering(comm, numbers[space.free], owned, first, count)


def _names(space: Space, points: Ints, surface: Ints) -> Ints:
    """(n, 4) what every rank calls these nodes: up to three points of the vertex, edge or face, and which one on it."""
    element, facets = space.element, space.mesh.facets
    cells = np.unique(facets.cells[facets.boundary, 0])
    nodes = space.nodes[cells]
    vertex_dofs, edge_dofs, face_dofs, _ = element.entities
    vertices = nodes[:, vertex_dofs[:, 0]]
    used = np.unique(space.mesh.vertices)  # the points behind the first numbers
    names = np.full((space.node_count, 4), -1, dtype=np.int64)
    names[vertices, 0], names[vertices, 3] = points[used[vertices]], 0
    total = len(used)
    for corners, dofs in zip(element.corners, (edge_dofs, face_dofs)):
        inside = dofs.shape[1]
        if inside == 0:
            continue
        name = np.sort(points[used[vertices[:, corners]]], axis=2)[:, :, :3]
        here = nodes[:, dofs]
        names[here, : name.shape[2]] = name[:, :, None]
        names[here, 3] = (here - total) % inside
        entities = (int(space.nodes[:, dofs].max()) + 1 - total) // inside
        total += entities * inside
    return names[surface]
