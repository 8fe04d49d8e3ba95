"""Where regions meet: points on the interfaces of a mesh and on its outer surface, with their normals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from meshes.arrays import inverted
from meshes.mesh import Mesh
from meshes.reference import Floats, Ints, tabulate

MOST = 24  # points along the edge of a facet


class Interfaces(NamedTuple):
    """Points that lie so densely on all interfaces that the nearest one tells the distance."""

    points: Floats  # (n, 3) nm
    normals: Floats  # (n, 3) unit vectors, of either sense
    sides: Ints  # (n, 2) the regions on both sides; the second is -1 on the outer surface


def interfaces(mesh: Mesh, spacing: float) -> Interfaces:
    """Points about `spacing` nm apart on all facets between different regions, and on those of the outer surface."""
    facets = mesh.facets
    tags = np.where(facets.cells < 0, -1, mesh.tags[facets.cells])
    wanted = np.flatnonzero(tags[:, 0] != tags[:, 1])
    corners = mesh.points[facets.vertices[wanted]]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    count = np.clip(np.ceil(longest / spacing), 1, MOST).astype(int)
    found = [
        _on_facets(mesh, facets.cells[some, 0], int(local), int(n), tags[some])
        for local, n in np.unique(np.stack([facets.local[wanted, 0], count], axis=1), axis=0)
        for some in [wanted[(facets.local[wanted, 0] == local) & (count == n)]]
    ]
    return Interfaces(*(np.concatenate(each) for each in zip(*found)))


def _on_facets(mesh: Mesh, cells: Ints, local: int, count: int, tags: Ints) -> Interfaces:
    """On one facet of each of these cells, points that divide its edges by `count`."""
    corners = mesh.reference.nodes[mesh.reference.facets[local]]
    origin, first, second = corners[0], corners[1] - corners[0], corners[-1] - corners[0]
    a, b = (i.ravel() / count for i in np.meshgrid(np.arange(count + 1), np.arange(count + 1)))
    inside = a + b <= 1 + 1e-9 if len(corners) == 3 else np.ones(len(a), dtype=bool)
    reference = origin + a[inside, None] * first + b[inside, None] * second
    shape, gradients = tabulate(mesh.cell, mesh.order, reference)
    nodes = mesh.points[mesh.cells[cells]]
    points = np.einsum("qk,ckx->cqx", shape, nodes)
    inverse = inverted(np.einsum("dqk,ckx->cqxd", gradients, nodes))[0]
    normals = np.einsum("cqdx,d->cqx", inverse, np.cross(first, second))
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    sides = np.repeat(tags, len(reference), axis=0)
    return Interfaces(points.reshape(-1, 3), normals.reshape(-1, 3), sides)
