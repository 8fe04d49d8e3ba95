"""Error bars of levels against the truth, on random boxes: ``python tests/benchmarks/error_bars.py --count 30``

Each structure is solved to the tolerance by `solvers.hp`, and once more on lines graded by rule, with no regard to
any estimate, and much finer. Printed for each: the largest true error and the least ratio of estimate to true error.
"""

import argparse
import time

import numpy as np

from exciton.carriers import operator
from meshes.shapes import Cuboid, Structure
from solvers import hp
from solvers.line import graded
from solvers.tensor import nested

STATES = 6
LAYERS, DEGREE = 5, 9  # of the reference


def drawn(rng):
    """A cube or cuboid of 3 to 20 nm in a shell or barrier of 0.2 to 5 nm, masses 0.05 to 2, barriers -0.3 to 3 eV."""
    size = rng.uniform(3, 20)
    edges = size * (rng.uniform(0.6, 1.4, 3) if rng.random() < 0.3 else np.ones(3))
    thickness = float(rng.uniform(0.2, 5))
    shift = (float(rng.uniform(-0.6, 0.6) * thickness), 0.0, 0.0) if rng.random() < 0.2 else (0.0, 0.0, 0.0)
    structure = Structure(Cuboid(tuple(map(float, edges))), (("shell_1", thickness),), shift)
    masses = np.exp(rng.uniform(np.log(0.05), np.log(2), 2))
    return structure, operator(np.repeat(masses[:, None], 3, axis=1), np.array([0.0, rng.uniform(-0.3, 3)]), STATES)


def compared(structure, problem, tolerance):
    """Largest true error and estimate in meV, least ratio of the two where the error counts, and seconds of CPU."""
    start = time.process_time()
    found = hp.adapt(structure, [problem], tolerance * 1e-3)
    seconds = time.process_time() - start
    lines = [graded(hp.interfaces(structure, axis), LAYERS, DEGREE) for axis in range(3)]
    fine = nested(structure, (lines[0], lines[1], lines[2]))
    truth = fine.lowest(problem.diffusion, problem.potential, STATES, tolerance=1e-7)
    error = 1e3 * (found.pairs[0].values - truth.values)
    estimate = 1e3 * found.errors[0]
    counts = np.abs(error) > 1e-3 * tolerance
    ratio = float((estimate / np.abs(error))[counts].min()) if counts.any() else np.inf
    return float(np.abs(error).max()), float(estimate.max()), ratio, seconds


def main():
    parser = argparse.ArgumentParser(description="error estimates against the truth on random boxes")
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--tolerance", type=float, default=0.001, help="meV")
    parser.add_argument("--seed", type=int, default=11)
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    rows = []
    for number in range(asked.count):
        rows.append(compared(*drawn(rng), asked.tolerance))
        print("{:3d}  error {:.1e} meV  estimate {:.1e}  least ratio {:6.2f}  {:.1f} s".format(number, *rows[-1]))
    error, _, ratio, seconds = np.array(rows).T
    print(f"largest error {error.max():.1e} meV, least ratio {ratio.min():.2f}, slowest {seconds.max():.1f} s of CPU")


if __name__ == "__main__":
    main()
