"""More states of electron and hole than were asked for: for pairs that expand in them, and to be counted."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from exciton.carriers import Carriers, problems_for
from exciton.resolve import Resolved
from solvers.adapt import Problem
from solvers.distributed import DistributedSpace
from solvers.eigen import Eigenpairs
from solvers.functions import FunctionSpace
from solvers.pointwise import Potential
from solvers.sectors import Levels, Start, lowest
from solvers.space import Space
from solvers.tensor import BoxSpace

Array = NDArray[np.float64]

ROUGH = 1e-3  # residual of states on a poorer space, from which others start: half the iterations
WIDER = 1e-5  # residual of states beyond those asked for, which enter their energies squared


def wider(
    resolved: Resolved,
    carriers: Carriers,
    counts: tuple[int, int],
    fields: Sequence[Potential | None] = (None, None),
) -> tuple[Eigenpairs, Eigenpairs]:
    """More states of electron and hole on the space that they have, which is not refined for them.

    Parameters
    ----------
    counts
        How many of electron and hole; fewer where the space is smaller.
    fields
        Potentials beside the band edges, eV: on nested boxes only.
    """
    space = carriers.space
    problems = problems_for(resolved, space, counts)
    if isinstance(space, BoxSpace):
        poorer = _poorer(carriers)

        def levels(p: Problem, field: Potential | None) -> Levels:
            rough = _on_boxes(resolved, poorer, p, field, ROUGH)
            return _on_boxes(resolved, space, p, field, WIDER, [rough])

        first, second = (levels(p, field).pairs(p.count) for p, field in zip(problems, fields))
    else:
        first, second = (_on_mesh(resolved, space, p, WIDER) for p in problems)
    return first, second


def roughly(
    resolved: Resolved,
    carriers: Carriers,
    counts: tuple[int, int],
    fields: Sequence[Potential | None] = (None, None),
) -> tuple[Array, Array]:
    """Energies of still more states, (count,) eV each, on the poorer space where there is one: to be counted.

    The parameters are those of `wider`.
    """
    space = carriers.space
    problems = problems_for(resolved, space, counts)
    if isinstance(space, BoxSpace):
        poorer = _poorer(carriers)
        first, second = (_on_boxes(resolved, poorer, p, field, ROUGH).values for p, field in zip(problems, fields))
    else:
        first, second = (_on_mesh(resolved, space, p, ROUGH).values for p in problems)
    return first, second


def _poorer(carriers: Carriers) -> BoxSpace:
    poorer = min(carriers.space, carriers.other_space, key=lambda each: each.size)
    assert isinstance(poorer, BoxSpace)
    return poorer


def _on_boxes(
    resolved: Resolved, on: BoxSpace, p: Problem, field: Potential | None, tolerance: float, start: Start = ()
) -> Levels:
    symmetry = resolved.solver.symmetry == "auto"
    problem = on.problem(p.diffusion, p.potential, extra=field, tolerance=tolerance, symmetry=symmetry)
    return lowest(problem, min(p.count, on.size), start)


def _on_mesh(resolved: Resolved, on: FunctionSpace, p: Problem, tolerance: float) -> Eigenpairs:
    assert isinstance(on, Space | DistributedSpace)
    return on.lowest(p.diffusion, p.potential, p.count, tolerance=tolerance, backend=resolved.solver.wanted)
