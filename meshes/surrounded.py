"""A mesh inside a ball: the space between its outer surface and a sphere, filled with tetrahedra of a region more."""

from __future__ import annotations

import numpy as np

from meshes.conformity import check
from meshes.errors import MeshError
from meshes.generate import fill
from meshes.layers import righted
from meshes.mesh import Mesh
from meshes.reference import Floats, Ints, reference

FOLDED = 0.05  # smallest over largest Jacobian of a cell whose edges are bent less
ATTEMPTS = 12


def surrounded(mesh: Mesh, region: str, radius: float, size: float) -> Mesh:
    """Quadratic tetrahedra in a ball, first those of a mesh, in their order, then those between it and the sphere.

    Where neighbouring facets of a curved surface meet in a groove, there is a cell in it, with hardly any room between
    them: its edges are bent less, until it has some. A layer of `region` around the particle keeps that away from it.

    Parameters
    ----------
    mesh
        Tetrahedra of order 1 or 2, in one piece without holes, inside the sphere.
    region
        Name of the region between mesh and sphere; may be the last one of the mesh.
    radius
        Of the ball around the origin, nm.
    size
        Edges of triangles on the sphere, about, nm.

    Raises
    ------
    MesherMissing
        gmsh is not installed or cannot be loaded.
    MeshError
        Hexahedra, cells of a higher order, a mesh that does not fit into the ball, or no good cells around it.
    """
    from scipy.spatial import ConvexHull

    if mesh.cell != "tetrahedron" or mesh.order > 2:
        raise MeshError(f"tetrahedra of order 1 or 2 can be surrounded, not {mesh.cell} cells of order {mesh.order}")
    if np.linalg.norm(mesh.points, axis=1).max() >= radius:
        raise MeshError(f"the mesh reaches beyond the ball of radius {radius:g} nm")
    used, vertices = np.unique(mesh.vertices, return_inverse=True)
    vertices, first = vertices.reshape(-1, 4), len(used)
    hull = np.searchsorted(used, mesh.facets.vertices[mesh.facets.boundary])
    foot, triangles = np.unique(hull, return_inverse=True)
    sphere = radius * _even(max(60, int(16 * (radius / size) ** 2)))
    outer = ConvexHull(sphere).simplices.astype(np.int64)
    surfaces = np.vstack([mesh.points[used[foot]], sphere])
    points, cells = fill(surfaces, triangles.reshape(-1, 3), len(foot) + outer)
    number = np.concatenate([foot, first + np.arange(len(points) - len(foot))])
    every = np.vstack([mesh.points[used], points[len(foot) :]])
    regions = mesh.regions if mesh.regions[-1] == region else (*mesh.regions, region)
    tags = np.concatenate([mesh.tags, np.full(len(cells), len(regions) - 1)])
    around = righted(every, number[cells])
    linear = Mesh(every, np.vstack([vertices, around]), "tetrahedron", 1, regions, tags)
    found = _quadratic(linear, mesh, radius, first + outer)
    check(found)
    return found


def _even(count: int) -> Floats:
    """Points spread evenly over the unit sphere, on a spiral."""
    z = 1 - (2 * np.arange(count) + 1) / count
    angle = np.pi * (1 + np.sqrt(5)) * np.arange(count)
    r = np.sqrt(1 - z**2)
    return np.stack([r * np.cos(angle), r * np.sin(angle), z], axis=1)


def _quadratic(linear: Mesh, own: Mesh, radius: float, sphere: Ints) -> Mesh:
    """With nodes in the middle of all edges: of the mesh inside its own, on the sphere those on it."""
    quadratic = reference("tetrahedron", 2)
    middles = np.array([nodes[nodes >= 4][0] for nodes in quadratic.edge_nodes])
    ends = linear.cells[:, quadratic.edges]
    edges, index = np.unique(np.sort(ends.reshape(-1, 2), axis=1), axis=0, return_inverse=True)
    index = index.reshape(-1, 6)
    straight = linear.points[edges].mean(axis=1)
    places = straight.copy()
    rim = np.unique(np.sort(sphere[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
    outside = np.isin(edges @ [len(linear.points), 1], rim @ [len(linear.points), 1])
    places[outside] *= radius / np.linalg.norm(places[outside], axis=1, keepdims=True)
    if own.order == 2:
        places[index[: len(own.cells)]] = own.points[own.cells[:, middles]]
    nodes = np.empty((len(linear.cells), 10), dtype=np.int64)
    nodes[:, :4] = linear.cells
    nodes[:, middles] = len(linear.points) + index
    for _ in range(ATTEMPTS):
        points = np.vstack([linear.points, places])
        found = Mesh(points, nodes, "tetrahedron", 2, linear.regions, linear.tags)
        folded = np.flatnonzero(found.distortion() < FOLDED)
        folded = folded[folded >= len(own.cells)]
        if not len(folded):
            break
        bent = index[folded].ravel()
        places[bent] = (places[bent] + straight[bent]) / 2
    return found
