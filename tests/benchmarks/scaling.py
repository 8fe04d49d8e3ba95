"""How time, iterations and memory of the petsc backend grow with the unknowns, on one rank and on two.

    python tests/benchmarks/scaling.py                     # the whole table, as Markdown; half an hour
    python tests/benchmarks/scaling.py --sizes 1e5 --cells hexahedra-2 --ranks 1 2
    python tests/benchmarks/scaling.py --peer --sizes 1e5  # block Davidson and pyamg on one process

The problem: electron in a cube of 14.2 nm in a shell of 2.15 nm (m = 0.134 and 0.28, barrier 0.6 eV), the six lowest
states to a relative residual of 1e-7. Each run has a process of its own. Seconds are wall clock; CPU seconds, and those
of the stages, are processor time of all ranks together, those of the system included, which are told apart as well;
counts are exact; memory is the peak of each rank above what it holds idle, before there is a mesh, without the pages of
libraries.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from time import perf_counter, process_time

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "parallel")]

CELLS = ("hexahedra-2", "hexahedra-3", "tetrahedra-2")
SIZES = (1e5, 3e5, 1e6, 3e6)
CORE, SHELL, STATES, TOLERANCE = 14.2, 2.15, 6, 1e-7
HBAR2_2M0 = 0.0380998  # eV nm^2; here it only sets the scale
DIFFUSION, POTENTIAL = [HBAR2_2M0 / 0.134, HBAR2_2M0 / 0.28], [0.0, 0.6]


def problem(cells: str, unknowns: float, ranks: int, rank: int):
    """This rank's part of a mesh with about so many unknowns, and the degree."""
    import grids
    import numpy as np

    from meshes import Cuboid, Structure
    from meshes.partition import Part, box_part

    kind, degree = cells.split("-")
    structure = Structure(Cuboid((CORE,) * 3), (("shell", SHELL),))
    along = round((unknowns ** (1 / 3) + 1) / int(degree))
    piece = box_part(structure, 1.0001 * (CORE + 2 * SHELL) / along, ranks, rank)
    if kind == "tetrahedra":
        six = (6 * piece.cells[:, None] + np.arange(6)).ravel()
        piece = Part(grids.kuhn(piece.mesh), piece.points, six)
    return piece, int(degree)


def memory() -> float:
    """Peak memory of this process so far, MB, without pages of files: libraries, which ranks share."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    of_files = int(fields["RssFile"].split()[0])
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - of_files) * 1024 / 1e6


def system() -> float:
    """Seconds of processor time that the system took for this process, most of them for fresh pages."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_stime


def distributed(cells: str, unknowns: float) -> None:
    """One run on the ranks that there are; rank 0 prints it."""
    import basix  # noqa: F401
    import scipy.linalg
    import scipy.sparse.linalg  # noqa: F401

    from solvers import parallel, petsc
    from solvers.distributed import DistributedSpace

    comm = parallel.world()
    petsc.load()
    parallel.total(comm, __import__("numpy").zeros(1))
    idle, start, cpu, fresh = memory(), perf_counter(), process_time(), system()
    with petsc.stage("mesh"):
        piece, degree = problem(cells, unknowns, parallel.size(comm), parallel.rank(comm))
        space = DistributedSpace(piece, degree, comm)
        size = space.size
    pairs = space.lowest(DIFFUSION, POTENTIAL, STATES, tolerance=TOLERANCE)
    row = {
        "cells": cells, "unknowns": size, "ranks": parallel.size(comm), "seconds": perf_counter() - start,
        "cpu": process_time() - cpu, "system": system() - fresh, "stages": petsc.seconds(),
        "iterations": pairs.iterations,
        "residual": float(pairs.residuals.max()), "MB": memory() - idle, "idle": idle,
        "values": pairs.values.tolist(), "method": pairs.method,
    }  # fmt: skip
    rows = [row] if comm is None else comm.gather(row)
    if rows:
        row |= {"MB": max(r["MB"] for r in rows), **{key: sum(r[key] for r in rows) for key in ("cpu", "system")}}
        row["stages"] = {name: [max(r["stages"][name][0] for r in rows), sum(r["stages"][name][1] for r in rows)]
                         for name in row["stages"]}  # fmt: skip
        print("row", json.dumps(row), flush=True)


def peer(cells: str, unknowns: float) -> None:
    """The same by the embedded backend: block Davidson with pyamg on one process."""
    import basix  # noqa: F401
    import numpy as np
    import pyamg  # noqa: F401
    import scipy.sparse.linalg  # noqa: F401

    from solvers.space import Space

    idle, start, cpu, fresh = memory(), perf_counter(), process_time(), system()
    piece, degree = problem(cells, unknowns, 1, 0)
    pairs = Space(piece.mesh, degree).lowest(DIFFUSION, POTENTIAL, STATES, tolerance=TOLERANCE, backend="scipy")
    row = {
        "cells": cells, "unknowns": len(pairs.vectors), "ranks": 1, "seconds": perf_counter() - start,
        "cpu": process_time() - cpu, "system": system() - fresh, "iterations": pairs.iterations,
        "residual": float(np.max(pairs.residuals)), "MB": memory() - idle, "values": pairs.values.tolist(),
        "method": pairs.method,
    }  # fmt: skip
    print("row", json.dumps(row), flush=True)


def run(cells: str, unknowns: float, ranks: int, how: str) -> dict[str, object]:
    """One row, in processes of its own."""
    from launch import ENVIRONMENT

    words = [sys.executable, __file__, "--one", how, "--cells", cells, "--sizes", str(unknowns)]
    if ranks > 1:
        words = ["mpiexec", "-n", str(ranks), *words]
    done = subprocess.run(
        words, env=os.environ | ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=3600
    )
    found = [line[4:] for line in done.stdout.splitlines() if line.startswith("row ")]
    if not found:
        sys.exit(f"{' '.join(words)} failed:\n{done.stdout}\n{done.stderr}")
    return json.loads(found[0])


HEAD = (
    "| cells, degree | unknowns | ranks | s | CPU s | system s | mesh | assemble | set up | solve | iterations "
    "| MB a rank | kB/unknown | method |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def line(row: dict) -> str:
    clocks = [row["stages"][name][1] if "stages" in row else None for name in ("mesh", "assemble", "set up", "solve")]
    if clocks[2] is not None:
        clocks[3] -= clocks[2]  # it is set up within the solve
    stages = " | ".join("" if clock is None else f"{clock:.1f}" for clock in clocks)
    each = row["MB"] * row["ranks"] * 1e3 / row["unknowns"]
    times = " | ".join(f"{row[name]:.1f}" for name in ("seconds", "cpu", "system"))
    return (
        f"| {row['cells']} | {row['unknowns']:,} | {row['ranks']} | {times} | {stages} "
        f"| {row['iterations']} | {row['MB']:.0f} | {each:.2f} | {row['method']} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", default=CELLS, choices=CELLS)
    parser.add_argument("--sizes", nargs="+", type=float, default=SIZES)
    parser.add_argument("--ranks", nargs="+", type=int, default=(1, 2))
    parser.add_argument("--peer", action="store_true", help="block Davidson and pyamg on one process instead")
    parser.add_argument("--one", choices=("distributed", "peer"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        (peer if args.one == "peer" else distributed)(args.cells[0], args.sizes[0])
        return
    print(HEAD, flush=True)
    for cells in args.cells:
        for size in args.sizes:
            for ranks in (1,) if args.peer else args.ranks:
                print(line(run(cells, size, ranks, "peer" if args.peer else "distributed")), flush=True)


if __name__ == "__main__":
    main()
