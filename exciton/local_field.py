"""How much of a light field outside gets to where electron and hole meet.

A field that is uniform far away, of a wavelength much longer than the particle, solves div(eps grad phi) = 0. The pair
radiates as the dipole ``int Psi(r, r) F(r) d3r`` would that has the whole field, F(r) being the field along its axis
over that far away. In a sphere F = 3 eps_out/(eps_in + 2 eps_out) everywhere.
"""

import numpy as np
from numpy.typing import NDArray

from exciton.carriers import Carriers
from exciton.dielectric import Dielectric
from exciton.images import FINE
from exciton.open_space import problem
from exciton.pair.levels import PairSolution
from exciton.pair.meeting import meeting_grid
from exciton.resolve import Resolved
from solvers.grid import Grid
from solvers.poisson import Field, Load, Part, Poisson

Array = NDArray[np.float64]

STEP = 0.02  # nm: of the differences that stand for the gradient


def local_field(resolved: Resolved, carriers: Carriers, solution: PairSolution) -> float:
    """|F|^2 where the carriers meet, the mean over the three axes."""
    grid = meeting_grid(resolved, carriers.space)
    electron, hole = (
        carriers.space.on_grid(each.vectors[:, :n], *grid.points)
        for each, n in zip(solution.states, solution.amplitudes.shape)
    )
    contact = np.einsum("ij,iabc,jabc->abc", solution.amplitudes, electron, hole, optimize=True)
    fields = [field_along(Dielectric.of(resolved), grid, axis) for axis in range(3)]
    shares = [float(grid.integral(contact * field) / grid.integral(contact)) for field in fields]
    return float(np.mean(np.square(shares)))


def field_along(dielectric: Dielectric, grid: Grid, axis: int) -> Array:
    """(nx, ny, nz) component along an axis of the field on a grid, over the uniform one far away that is along it."""
    poisson = problem(dielectric, FINE)
    outside = _uniform(poisson, axis)
    added = poisson.solve(Load(1, {p: Part(part.which, 0 * part.values) for p, part in outside.parts.items()},
                               np.zeros(1)), outside)  # fmt: skip
    ahead, behind = (
        added.on_grid(*(x + sign * STEP if d == axis else x for d, x in enumerate(grid.points)))[0] for sign in (1, -1)
    )
    return np.asarray(1.0 - (ahead - behind) / (2 * STEP))


def _uniform(poisson: Poisson, axis: int) -> Field:
    """The potential -x of a unit field along x (or y, or z), at the nodes."""
    parities = tuple((1 if d == axis else 0) if line.mirrored else -1 for d, line in enumerate(poisson.axes))
    shape = [1, 1, 1]
    shape[axis] = -1
    coordinate = (poisson.nodes[axis] - poisson.axes[axis].middle).reshape(shape)
    values = -np.broadcast_to(coordinate, [len(row) for row in poisson.nodes])[None]
    return Field(poisson.axes, 1, {parities: Part(np.zeros(1, dtype=np.int64), values)}, np.zeros(1), np.zeros(1), 0)  # type: ignore[dict-item]
