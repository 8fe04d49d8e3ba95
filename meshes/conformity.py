"""What makes a mesh good: the checks, each with a reason that a person understands.

A mesh that passes can be computed on: its cells have positive volume everywhere, fit facet to facet (curved nodes
included) without cracks or hanging nodes, and fill each region with the volume that it should have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from meshes.arrays import group_rows, scaled
from meshes.errors import MeshError
from meshes.reference import Floats, Ints, probes

if TYPE_CHECKING:
    from meshes.mesh import Mesh

Flags = NDArray[np.bool_]

FLATTEST = 1e-10  # smallest scaled Jacobian; a layer of 1e-6 nm in a particle of 20 nm has about 1e-7


def check(mesh: Mesh, volumes: Mapping[str, float] | None = None, *, tolerance: float = 1e-12) -> None:
    """Refuse a mesh that must not be used.

    Parameters
    ----------
    volumes
        What the volume of each region should be, nm^3; None: not compared. For part of a particle (an octant), the
        volumes of that part.
    tolerance
        Relative, of each volume, besides what rounding of the coordinates costs; on curved shapes give what the
        geometry can reach.

    Raises
    ------
    MeshError
        With the reason.
    """
    _check_numbers(mesh)
    _check_points(mesh)
    _check_orientation(mesh)
    _check_fit(mesh)
    _check_cracks(mesh)
    if volumes is not None:
        _check_volumes(mesh, volumes, tolerance)


def _check_numbers(mesh: Mesh) -> None:
    if len(mesh.cells) == 0:
        raise MeshError("the mesh has no cells")
    lost: Flags = np.any(~np.isfinite(mesh.points), axis=1)
    if lost.any():
        raise MeshError(f"{_count(lost, 'point')} with a coordinate that is no number")
    if mesh.cells.min() < 0 or mesh.cells.max() >= len(mesh.points):
        raise MeshError(f"cells refer to points {mesh.cells.min()} to {mesh.cells.max()} of {len(mesh.points)}")
    if mesh.tags.min() < 0 or mesh.tags.max() >= len(mesh.regions):
        raise MeshError(f"tags run from {mesh.tags.min()} to {mesh.tags.max()}, but the regions are {mesh.regions}")
    empty = [name for tag, name in enumerate(mesh.regions) if not np.any(mesh.tags == tag)]
    if empty:
        raise MeshError(f"no cell lies in region {' and '.join(map(repr, empty))}")


def _check_points(mesh: Mesh) -> None:
    from scipy.spatial import cKDTree

    unused: Flags = np.bincount(mesh.cells.ravel(), minlength=len(mesh.points)) == 0
    if unused.any():
        raise MeshError(f"{_count(unused, 'point')} that no cell uses")
    nearest, partner = cKDTree(mesh.points).query(mesh.points, k=2)
    twice = nearest[:, 1] <= 1e-10 * np.ptp(mesh.points, axis=0).max()
    if twice.any():
        one = int(twice.argmax())
        raise MeshError(
            f"{_count(twice, 'point')} in the place of another one, at {_place(mesh.points[one])} nm "
            f"({one} and {next(p for p in partner[one] if p != one)}): "
            "the mesh is cut open there; merge coincident nodes before it is written"
        )


def _check_orientation(mesh: Mesh) -> None:
    worst = np.concatenate([scaled(j).min(axis=1) for j in mesh.jacobians(probes(mesh.cell, mesh.order))])
    bad = worst < FLATTEST
    if bad.any():
        cell = int(worst.argmin())
        raise MeshError(
            f"{_count(bad, 'cell')} turned inside out, folded or flat, worst near "
            f"{_place(mesh.points[mesh.cells[cell]].mean(axis=0))} nm (scaled Jacobian {worst[cell]:.1e})"
        )


def _check_fit(mesh: Mesh) -> None:
    """Neighbours see the same facet, from opposite sides, with the same nodes on it and on its edges."""
    facets = mesh.facets  # refuses facets with more than two cells
    inner = np.flatnonzero(facets.cells[:, 1] >= 0)
    (here, there), (left, right) = facets.cells[inner].T, facets.local[inner].T
    corners = mesh.reference.facets
    same_turn = _turn(mesh.cells[here[:, None], corners[left]]) == _turn(mesh.cells[there[:, None], corners[right]])
    if same_turn.any():
        one = inner[int(same_turn.argmax())]
        raise MeshError(
            f"{_count(same_turn, 'facet')} with both cells on the same side, one at "
            f"{_place(mesh.points[facets.vertices[one]].mean(axis=0))} nm: cells overlap"
        )
    if mesh.order == 1:
        return
    nodes = mesh.reference.facet_nodes
    differ = np.any(
        np.sort(mesh.cells[here[:, None], nodes[left]]) != np.sort(mesh.cells[there[:, None], nodes[right]]), axis=1
    )
    ends = mesh.cells[:, mesh.reference.edge_nodes].reshape(-1, mesh.reference.edge_nodes.shape[1])
    split = len(group_rows(np.sort(ends, axis=1))[1]) != len(mesh.edges)
    if differ.any() or split:
        raise MeshError("neighbouring cells share vertices but not the curved nodes between them: the mesh is torn")


def _turn(cycles: Ints) -> Ints:
    """Sense of rotation of vertex cycles (n, 3 or 4), whichever vertex they start at: 1 or 0; shape (n,)."""
    rows, start = np.arange(len(cycles)), cycles.argmin(axis=1)
    size = cycles.shape[1]
    following: Ints = (cycles[rows, (start + 1) % size] < cycles[rows, (start - 1) % size]).astype(np.int64)
    return following


def _check_cracks(mesh: Mesh) -> None:
    """Boundary facets must not face each other: where they do, nodes hang, or two surface meshes do not match.

    For each facet, the centres of other boundary facets that lie on it (just outside, within 2 % of its radius, and
    inside its outline) and look the opposite way.
    """
    from scipy.spatial import cKDTree

    corners = mesh.points[mesh.facets.vertices[mesh.facets.boundary]]
    centres = corners.mean(axis=1)
    radius = np.linalg.norm(corners - centres[:, None], axis=2).max(axis=1)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    tree = cKDTree(centres)
    for start in range(0, len(centres), 4096):
        part = np.arange(start, min(start + 4096, len(centres)))
        near = tree.query_ball_point(centres[part], radius[part])
        facet = np.repeat(part, [len(found) for found in near])
        other = np.concatenate(near).astype(np.int64)
        facing = np.einsum("ij,ij->i", normals[facet], normals[other]) < -0.9
        facet, other = facet[facing], other[facing]
        height = np.einsum("ij,ij->i", centres[other] - centres[facet], normals[facet]) / radius[facet]
        on = (height > -1e-6) & (height < 0.02) & _inside(corners[facet], normals[facet], centres[other])
        if on.any():
            raise MeshError(
                f"the mesh has a crack at {_place(centres[other[on][0]])} nm: cells lie face to face there without "
                "sharing their nodes (a hanging node, or two surface meshes that do not match)"
            )


def _inside(corners: Floats, normals: Floats, points: Floats) -> Flags:
    """Whether each point (n, 3) projects into its polygon (n, 3 or 4, 3) with the given normal; shape (n,)."""
    along = np.roll(corners, -1, axis=1) - corners
    inward = np.cross(normals[:, None], along)
    result: Flags = np.all(np.einsum("ijk,ijk->ij", points[:, None] - corners, inward) > 0, axis=1)
    return result


def _check_volumes(mesh: Mesh, volumes: Mapping[str, float], tolerance: float) -> None:
    if set(volumes) != set(mesh.regions):
        raise MeshError(f"the mesh has regions {list(mesh.regions)}, but should have {list(volumes)}")
    rounding = 16 * np.finfo(float).eps * float(np.ptp(mesh.points, axis=0).prod())
    for name, found in mesh.volumes().items():
        wanted = volumes[name]
        if abs(found - wanted) > tolerance * wanted + rounding:
            raise MeshError(
                f"region {name!r} has a volume of {found:.12g} nm^3 where {wanted:.12g} nm^3 are right "
                f"(off by {abs(found / wanted - 1):.1e}, allowed {tolerance:.1e}): cells are missing, overlap, or have "
                "the wrong region"
            )


def _count(bad: Flags, noun: str) -> str:
    """How many, and the first of them."""
    number = int(np.count_nonzero(bad))
    return f"{number} {noun}{'s' if number > 1 else ''} (first: {int(bad.argmax())})"


def _place(point: Floats) -> str:
    return "(" + ", ".join(f"{x:.4g}" for x in point) + ")"
