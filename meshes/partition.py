"""A mesh in parts, one for each rank: cut along a space-filling curve, or made in parts from the beginning.

The curve is Hilbert's (J. K. Lawder and P. J. H. King, SIGMOD Rec. 30(1), 19 (2001), for the table-free form):
consecutive pieces of it are compact, balanced to one cell, and need no graph.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from meshes.boxes import breakpoints, grid_mesh
from meshes.errors import MeshError
from meshes.mesh import Mesh
from meshes.reference import Floats, Ints
from meshes.shapes import Structure

BITS = 16  # of each coordinate on the curve


@dataclass(frozen=True, eq=False)
class Part:
    """The cells of one rank."""

    mesh: Mesh  # these cells alone, with the points that they use; its regions are those of the whole mesh
    points: Ints  # (points of `mesh`,) their numbers in the whole mesh, ascending
    cells: Ints  # (cells of `mesh`,) likewise


def whole(mesh: Mesh) -> Part:
    """The mesh as the only part of itself."""
    return Part(mesh, np.arange(len(mesh.points)), np.arange(len(mesh.cells)))


def part(mesh: Mesh, owners: Ints, rank: int) -> Part:
    """The cells that belong to `rank`."""
    mine = np.flatnonzero(owners == rank)
    points, local = np.unique(mesh.cells[mine], return_inverse=True)
    cells = local.reshape(len(mine), mesh.cells.shape[1])
    return Part(Mesh(mesh.points[points], cells, mesh.cell, mesh.order, mesh.regions, mesh.tags[mine]), points, mine)


def partition(mesh: Mesh, parts: int) -> Ints:
    """(cells,) the part of each cell: pieces of equal length of a Hilbert curve through their centres."""
    owners = np.empty(len(mesh.cells), dtype=np.int64)
    order = np.argsort(hilbert(mesh.points[mesh.vertices].mean(axis=1)), kind="stable")
    owners[order] = np.arange(len(order)) * parts // max(len(order), 1)
    return owners


def hilbert(points: Floats) -> Ints:
    """(n,) the place of each point (n, 3) on a Hilbert curve that fills their bounding cube.

    J. Skilling, AIP Conf. Proc. 707, 381 (2004): the coordinates are turned into the transposed Hilbert integer by
    exclusive-ors, for all points at once.
    """
    low = points.min(axis=0, initial=np.inf) if len(points) else np.zeros(3)
    width = float((points.max(axis=0) - low).max()) if len(points) else 1.0
    scale = ((1 << BITS) - 1) / (width or 1.0)
    x = ((points - low) * scale).astype(np.int64).T.copy()
    bit = 1 << (BITS - 1)
    while bit > 1:
        below = bit - 1
        for axis in range(3):
            turned = (x[axis] & bit) != 0
            x[0] = np.where(turned, x[0] ^ below, x[0])
            swap = np.where(turned, 0, (x[0] ^ x[axis]) & below)
            x[0] ^= swap
            x[axis] ^= swap
        bit >>= 1
    x[1] ^= x[0]
    x[2] ^= x[1]
    flip = np.zeros_like(x[2])
    bit = 1 << (BITS - 1)
    while bit > 1:
        flip = np.where((x[2] & bit) != 0, flip ^ (bit - 1), flip)
        bit >>= 1
    x ^= flip
    key = np.zeros_like(x[0])
    for bit in range(BITS - 1, -1, -1):
        for axis in range(3):
            key = (key << 1) | ((x[axis] >> bit) & 1)
    return key


def box_part(
    structure: Structure, size: float, parts: int, rank: int, *, layers: int = 0, factor: float = 0.15
) -> Part:
    """The part `rank` of `box_mesh`, made without the rest: the grid is cut into blocks with little surface.

    Parameters
    ----------
    size, layers, factor
        As in `box_mesh`. Points and cells have the numbers that they have there.

    Raises
    ------
    MeshError
        As `box_mesh`; or there are more parts than the grid can be cut into.
    """
    rows = [breakpoints(structure, axis, size, layers=layers, factor=factor) for axis in range(3)]
    counts = [len(row) - 1 for row in rows]
    blocks = _blocks(counts, parts)
    place = np.unravel_index(rank, blocks)
    first = [counts[d] * int(place[d]) // blocks[d] for d in range(3)]
    last = [counts[d] * (int(place[d]) + 1) // blocks[d] for d in range(3)]
    mesh = grid_mesh(structure, [row[a : b + 1] for row, a, b in zip(rows, first, last)])
    points = _numbers([len(row) for row in rows], first, [b + 1 for b in last])
    return Part(mesh, points, _numbers(counts, first, last))


def _blocks(counts: list[int], parts: int) -> tuple[int, int, int]:
    """How many blocks along each axis: of all products that give `parts`, the one with the least surface."""
    best, least = None, np.inf
    for x in (d for d in range(1, parts + 1) if parts % d == 0):
        for y in (d for d in range(1, parts // x + 1) if parts // x % d == 0):
            blocks = (x, y, parts // x // y)
            if all(b <= n for b, n in zip(blocks, counts)):
                width = [n / b for n, b in zip(counts, blocks)]
                surface = width[0] * width[1] + width[1] * width[2] + width[0] * width[2]
                if surface < least:
                    best, least = blocks, surface
    if best is None:
        raise MeshError(f"a grid of {counts[0]} x {counts[1]} x {counts[2]} cells cannot be cut into {parts} blocks")
    return best


def _numbers(counts: list[int], first: list[int], last: list[int]) -> Ints:
    """Numbers of the entries of a block in a grid with these counts, first axis fastest, ascending."""
    x, y, z = (np.arange(a, b) for a, b in zip(first, last))
    numbers: Ints = (x + counts[0] * (y[:, None] + counts[1] * z[:, None, None])).ravel()
    return numbers
