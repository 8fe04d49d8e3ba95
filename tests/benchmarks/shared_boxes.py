"""When ranks gain from sharing a solution on nested boxes: processor time on one rank and, of both together, on two.

    python tests/benchmarks/shared_boxes.py

The problem: a cube of 4 in a shell of 1 (diffusion 1 and 0.4, potential 0 and 3), six states to a relative residual of
1e-7, by parity, on spaces of rising degree graded towards the interfaces.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter, process_time

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "parallel")]

SPACES = ((1, 7), (2, 8), (2, 11), (3, 12))  # layers at each interface, degree


def measure() -> None:
    """All spaces on the ranks that there are; rank 0 prints a row for each."""
    import numpy as np

    from meshes import Cuboid, Structure
    from solvers import parallel
    from solvers.hp import interfaces
    from solvers.line import graded
    from solvers.tensor import nested

    comm = parallel.world()
    structure = Structure(Cuboid((4.0, 4.0, 4.0)), (("shell", 1.0),))
    for layers, degree in SPACES:
        boxes = nested(structure, (graded(interfaces(structure, 0), layers, degree),) * 3)
        parallel.total(comm, np.zeros(1))
        wall, cpu = perf_counter(), process_time()
        backend = "petsc" if parallel.size(comm) > 1 else "scipy"
        pairs = boxes.lowest((1.0, 0.4), (0.0, 3.0), 6, tolerance=1e-7, backend=backend, comm=comm)
        seconds = float(parallel.total(comm, np.array(process_time() - cpu)))
        row = [boxes.size, parallel.size(comm), seconds, perf_counter() - wall, pairs.iterations, pairs.values.tolist()]
        parallel.say(comm, json.dumps(row))


def main() -> None:
    from launch import ENVIRONMENT

    print("| unknowns | ranks | CPU s | wall s | iterations |\n|---|---|---|---|---|")
    for ranks in (1, 2):
        words = [sys.executable, __file__, "--one"]
        words = words if ranks == 1 else ["mpiexec", "-n", str(ranks), *words]
        done = subprocess.run(
            words, env=os.environ | ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
        )
        for line in done.stdout.splitlines():
            unknowns, _, cpu, wall, iterations, _ = json.loads(line)
            print(f"| {unknowns:,} | {ranks} | {cpu:.2f} | {wall:.2f} | {iterations} |", flush=True)


if __name__ == "__main__":
    measure() if "--one" in sys.argv else main()
