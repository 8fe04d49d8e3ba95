"""The diagonal of a Green's function, without the singularity that it has in the local uniform medium.

``-div(eps grad G(., r)) = delta(. - r)`` in all space; wanted is the limit for r' -> r of

    H(r) = lim [G(r', r) - 1/(4 pi sqrt(eps(r') eps(r)) |r' - r|)].

The discrete Green's functions of eps and of the uniform medium are both taken on one space: where eps hardly varies
over an element, their singularities cancel. Where it does, near an interface, the same difference for an eps that is a
function of one coordinate alone, whose problem separates and needs no iteration, has the same error: it is a control.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from .collocation import SpectralLine
from .errors import NotConverged
from .parity import ODD, Parities
from .poisson import Poisson

Array = NDArray[np.float64]

TOLERANCE = 0.1  # of the potentials: the energy functional of a point charge has the square of their error
CHUNK = 8  # point charges at a time


def regular_part(poisson: Poisson, points: Array, local: Array, *, tolerance: float = TOLERANCE) -> Array:
    """(count,) H at points (count, 3), at which eps has the values `local`.

    The functional ``2 v(r) - int eps |grad v|^2`` is stationary at v = G, so that a few iterations are enough.

    Raises
    ------
    NotConverged
        eps varies too much for the linear solver.
    """
    total = np.zeros(len(points))
    whole = 2.0 ** sum(axis.mirrored for axis in poisson.axes)
    root = np.sqrt(poisson.permittivity)
    for parities, some, tables in _charges(poisson, points):
        load = np.einsum("ia,ib,ic->iabc", *tables) / whole
        here = np.sqrt(local[some])[:, None, None, None]
        uniform = poisson.inverse(parities, load)
        if ODD not in parities:
            uniform += poisson.far
        v = uniform / (here * root)
        if ODD not in parities:
            v += (1 / poisson.outside - 1 / (here * np.sqrt(poisson.outside))) * poisson.far
        right = (load - poisson.apply(parities, v)) * poisson.inside(parities)
        more, left, steps = poisson.conjugate_gradients(parities, right, tolerance)
        if steps >= poisson.iterations:
            raise NotConverged(f"point charges missed the tolerance {tolerance:g} after {steps} iterations")
        # what is left is orthogonal to the iterates, but not to the start
        slack = whole * np.einsum("iabc,iabc->i", left * poisson.inside(parities), v)
        total[some] += _at(v + more, tables) + slack - _at(uniform, tables) / local[some]
    return total


def regular_part_of_slab(poisson: Poisson, points: Array, local: Array, axis: int, row: Array) -> Array:
    """The same for an eps that is a function of one coordinate: `row`, its values at the nodes of that axis."""
    total = np.zeros(len(points))
    whole = 2.0 ** sum(a.mirrored for a in poisson.axes)
    for parities, some, tables in _charges(poisson, points):
        values, squares, plain = [], [], []
        lines = [a[p] for a, p in zip(poisson.axes, parities)]
        for d, (line, table) in enumerate(zip(lines, tables)):
            eigenvalues, basis = _weighted(line, row) if d == axis else line.eigenbasis
            values.append(eigenvalues)
            squares.append((table @ basis) ** 2)
            plain.append((table @ line.eigenbasis[1]) ** 2)
        slab = _sum(squares, values)
        uniform = _sum(plain, [line.eigenbasis[0] for line in lines]) / local[some]
        total[some] += (slab - uniform) / whole
        if ODD not in parities:
            far = _at(np.broadcast_to(poisson.far, (len(some), *poisson.far.shape)), tables)
            total[some] += far * (1 / poisson.outside - 1 / local[some])
    return total


def _charges(poisson: Poisson, points: Array) -> Iterator[tuple[Parities, NDArray[np.int64], list[Array]]]:
    """Parity by parity, the points whose charge has a part of that parity, and their tables."""
    for parities in poisson.sectors:
        tables = [axis[p].tabulate(c) for axis, p, c in zip(poisson.axes, parities, points.T)]
        some = np.flatnonzero(np.all([np.abs(t).max(axis=1) > 0 for t in tables], axis=0))
        for part in np.array_split(some, -(-len(some) // CHUNK)) if len(some) else []:
            yield parities, part, [t[part] for t in tables]


def _at(u: Array, tables: list[Array]) -> Array:
    """(count,) each function at its own point."""
    x, y, z = tables
    flat = np.matmul(u, z[:, None, :, None])[..., 0]
    return np.asarray(np.einsum("ia,iab,ib->i", x, flat, y))


def _sum(squares: list[Array], values: list[Array]) -> Array:
    """sum_abc sx_a sy_b sz_c / (lx_a + ly_b + lz_c) for each point."""
    x, y, z = values
    kernel = 1.0 / (x[:, None, None] + y[:, None] + z)
    first = squares[0] @ kernel.reshape(len(x), -1)
    return np.asarray(np.einsum("ibc,ib,ic->i", first.reshape(-1, len(y), len(z)), squares[1], squares[2]))


def _weighted(line: SpectralLine, row: Array) -> tuple[Array, Array]:
    """Eigenpairs of ``-(c u')' = lambda c u``, normalised with c."""
    inside = line.free > 0
    slopes = line.slopes[:, inside]
    stiffness = (slopes.T * (line.point_weights * row[line.owners])) @ slopes
    root = np.sqrt((line.weights * row)[inside])
    values, vectors = eigh(stiffness / np.outer(root, root))
    basis = np.zeros((len(line.nodes), len(values)))
    basis[inside] = vectors / root[:, None]
    return values, basis
