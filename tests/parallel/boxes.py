"""What the tests of nested boxes over ranks compute, on any number of ranks: prints one JSON object on rank 0."""

import json
import sys

import grids
import numpy as np

from solvers import parallel, petsc
from solvers.tensor import BoxSpace

TOLERANCE = 1e-8
CASES = {  # structure, diffusion, potential, states
    "cube": (grids.nested((4.0, 4.0, 4.0), (1.0,)), (1.0, 0.4), (0.0, 3.0), 9),
    "cuboid": (
        grids.nested((4.0, 3.0, 5.0), (0.5, 1.0)),
        ((1.0, 2.0, 0.5), (0.3,) * 3, (2.0,) * 3),
        (1.0, 3.0, 6.0),
        4,
    ),
    "shifted": (grids.nested((4.0, 4.0, 4.0), (1.0,), (0.3, 0.0, -0.5)), (1.0, 0.4), (0.0, 3.0), 4),
    # Krylov-Schur loses one of its levels without a word
    "deep in the shell": (grids.nested((4.0, 4.0, 4.0), (1.0,)), (1.0, 5.0), (0.0, -20.0), 6),
}
METHODS = ("gd", "krylovschur")


def space(name: str) -> BoxSpace:
    structure = CASES[name][0]
    rows = []
    for axis in range(3):
        ends = [c[axis] + sign * s.extent[axis] / 2 for s, c in zip(structure.boundaries, structure.centres)
                for sign in (-1, 1)]  # fmt: skip
        rows.append(np.unique(np.append(ends, structure.centres[0][axis])))
    return grids.box_space(structure, rows, 3)


def tilted(x, y, z):
    """A potential that no box and no mirror plane has."""
    return 0.3 * x + 0.1 * y * z + np.cos(z)


def solved(name: str, comm=None, *, backend: str = "petsc", symmetry: bool = True, extra=None) -> dict[str, object]:
    boxes, (_, a, v, count) = space(name), CASES[name]
    pairs = boxes.lowest(a, v, count, extra=extra, tolerance=TOLERANCE, symmetry=symmetry, backend=backend, comm=comm)
    return {
        "values": pairs.values.tolist(),
        "residual": float(pairs.residuals.max()),
        "norm": float(np.abs(boxes.gram(pairs.vectors).sum(axis=0) - np.eye(count)).max()),
        "probability": np.sort(boxes.gram(pairs.vectors[:, :1])[:, 0, 0]).tolist(),
        "labels": pairs.labels,
        "method": pairs.method,
    }


def everything(comm=None, methods=METHODS) -> dict[str, dict[str, object]]:
    results = {name: solved(name, comm) for name in CASES}
    results["whole"] = solved("cube", comm, symmetry=False)
    results["tilted"] = solved("cube", comm, extra=tilted)
    results["small"] = solved("cube", comm, backend="auto")
    for kind in methods:
        with petsc.options(f"-eps_type {kind}"):
            results[kind] = solved("deep in the shell", comm)
    return results


def main() -> None:
    comm = parallel.world()
    results = everything(comm)
    every = [results] if comm is None else comm.gather(results)
    if every:
        print(json.dumps({"results": results, "alike": all(other == results for other in every)}))


if __name__ == "__main__":
    sys.exit(main())
