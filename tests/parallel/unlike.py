"""What ranks of different kinds compute together: rank 1 turns eigenvectors, and chooses, in its own way.

Processors of other kinds make BLAS and LAPACK take other ways, whose results differ in the last digit, and so in signs
and in what degenerate vectors are turned to. Here rank 1 does worse: prints one JSON object on rank 0.
"""

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import boxes
import numpy as np
import program
import scipy.linalg
from mpi4py import MPI

from exciton import Job, workflow
from exciton.pair import correlated
from exciton.sweep import points
from meshes.partition import box_part
from solvers import hp, parallel, separable
from solvers.adapt import Problem
from solvers.distributed import DistributedSpace
from solvers.eigen import petsc

JOB = {
    "schema": 1,
    "structure": {"shape": "cube", "core": {"material": "CsPbBr3", "edge_nm": 6.0}},
    "exciton": {"level": "first-order", "polarisation": False},
    "emission": {"lifetime": False},
}
TOLERANCE = 1e-3


def turned(eigh):
    """Another sign for every second eigenvector, and another last digit."""

    def other(*matrices, **how):
        values, vectors = eigh(*matrices, **how)
        return values * (1 - 1e-15), vectors * (1 - 2 * (np.arange(len(values)) % 2))

    return other


def be_different() -> None:
    np.linalg.eigh = turned(np.linalg.eigh)
    separable.eigh = turned(scipy.linalg.eigh)
    lacks, pair = hp.lacks, workflow.solve_pair
    hp.lacks = lambda *how: [1 / (lack + 1e-30) for lack in lacks(*how)]

    def doubtful(*how):
        solution = pair(*how)
        return replace(solution, pair=replace(solution.pair, error=1.0))

    workflow.solve_pair = doubtful


def orbitals(comm, resolved) -> tuple[int, ...]:
    """How many orbitals a correlated pair takes on a mesh over ranks, whose errors are as every rank likes."""
    lacks = np.eye(2) * (1.0 if parallel.rank(comm) != 1 else 1e-9)

    def in_space(*how):
        at = how[-1]
        if comm is not None:
            comm.barrier()  # as the orbitals are solved for
        enough = at[0] == correlated.FIRST + 2 or parallel.rank(comm) == 1
        return SimpleNamespace(
            states=SimpleNamespace(enhancements=[1.0], energies=[0.1]), error=np.zeros(2) if enough else np.ones(2),
            lacks=lacks, rest=np.zeros(2), sizes=[at], bare_attraction=0.0, doubt=0.0,
        )  # fmt: skip

    correlated._in_space, correlated.relaxing = in_space, lambda *_: (None, None)
    states = SimpleNamespace(errors=[0.0], energies=[0.05])
    carriers = SimpleNamespace(space=SimpleNamespace(comm=comm), electron=states, hole=states)
    return correlated.correlated(resolved, carriers)[1].sizes[-1]


def main() -> None:
    comm = parallel.world()
    ranks, me = parallel.size(comm), parallel.rank(comm)
    if me == 1:
        be_different()
    petsc.DIRECT_LIMIT = 0
    space = DistributedSpace(box_part(program.DOT, program.SIZE, ranks, me), 2, comm)
    results = {"mesh": space.lowest(program.MASS, program.EDGE, 5).values.tolist()}
    results["boxes"] = boxes.solved("cube", comm, backend="petsc")["values"]
    structure, a, v, count = boxes.CASES["shifted"]
    problem = Problem(np.repeat(np.array(a)[:, None], 3, axis=1), np.array(v), count)
    found = hp.adapt(structure, [problem], TOLERANCE, backend="petsc", comm=comm)
    results["adapted"], results["unknowns"] = found.pairs[0].values.tolist(), found.space.size
    (point,) = points(Job.model_validate(JOB))
    results["pair"] = workflow.solve_point(point, comm).entry["exciton"]["energy_meV"]
    every = (comm or MPI.COMM_SELF).allgather(orbitals(comm, point.resolved))
    results["orbitals"] = every[0]
    assert len(set(every)) == 1
    parallel.say(comm, json.dumps(results))


if __name__ == "__main__":
    sys.exit(main())
