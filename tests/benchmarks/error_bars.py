"""Error bars of levels against the truth, on random boxes: ``python tests/benchmarks/error_bars.py --count 100``

Each structure is solved to the tolerance by `solvers.hp`, and on two much finer spaces: one that contains the answer's,
with every element of a degree two higher and a thin one more at every interface, and one graded by rule, which owes
nothing to the answer. Levels of either are upper bounds, so the lower ones are the truth. Printed for each structure:
the largest true error, the largest estimate, the least ratio of the two, the largest where the error exceeds a tenth
of the tolerance, seconds of CPU, unknowns of the answer and of the finer spaces.

A box is drawn from the seed and its own number: ``--first`` goes on where another run ended. ``--general`` draws boxes
of one or two layers, whose masses differ along the axes, with cores shifted along two of them or none.
"""

import argparse
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from exciton.carriers import operator
from meshes.shapes import Cuboid, Structure
from solvers import hp
from solvers.adapt import Problem
from solvers.errors import NotAffordable
from solvers.line import FACTOR, Line, graded
from solvers.tensor import BoxSpace, nested

STATES = 6
LAYERS, DEGREE = {1: 4, 2: 1}, 6  # of the space graded by rule: of elements at each interface, by layers of the box
RESIDUAL = 1e-5  # enters the energy squared
NOISE = 1e-3  # of the tolerance: smaller errors are the reference's


def drawn(seed: int, number: int) -> tuple[Structure, Problem]:
    """A cube or cuboid of 3 to 20 nm in a shell or barrier of 0.2 to 5 nm, masses 0.05 to 2, barriers -0.3 to 3 eV."""
    rng = np.random.default_rng([seed, number])
    size = rng.uniform(3, 20)
    edges = size * (rng.uniform(0.6, 1.4, 3) if rng.random() < 0.3 else np.ones(3))
    thickness = float(rng.uniform(0.2, 5))
    shift = (float(rng.uniform(-0.6, 0.6) * thickness), 0.0, 0.0) if rng.random() < 0.2 else (0.0, 0.0, 0.0)
    structure = Structure(Cuboid(tuple(map(float, edges))), (("shell_1", thickness),), shift)
    masses = np.exp(rng.uniform(np.log(0.05), np.log(2), 2))
    return structure, operator(np.repeat(masses[:, None], 3, axis=1), np.array([0.0, rng.uniform(-0.3, 3)]), STATES)


def drawn_general(seed: int, number: int) -> tuple[Structure, Problem]:
    """The same ranges; half of them have two layers, half unequal edges, masses of each axis, cores shifted twice."""
    rng = np.random.default_rng([seed, number, 2])
    two, cuboid, tensor, shifted = rng.random(4) < 0.5
    size = rng.uniform(3, 20)
    edges = size * (rng.uniform(0.6, 1.4, 3) if cuboid else np.ones(3))
    thickness = rng.uniform(0.2, 5, 1 + two)
    x, y = rng.uniform(-0.6, 0.6, 2) * thickness[0] * shifted
    layers = tuple((f"shell_{n + 1}", float(t)) for n, t in enumerate(thickness))
    structure = Structure(Cuboid(tuple(map(float, edges))), layers, (float(x), float(y), 0.0))
    masses = np.exp(rng.uniform(np.log(0.05), np.log(2), (1 + len(layers), 3 if tensor else 1))) * np.ones(3)
    barriers = rng.uniform(-0.3, 3, len(layers))
    return structure, operator(masses, np.array([0.0, *barriers]), STATES)


def enriched(line: Line, planes: Sequence[float]) -> Line:
    """Two degrees more in every element, and a thin element more on each side of every interface."""
    breaks, degrees = [line.breaks[0]], []
    for a, b, degree in zip(line.breaks[:-1], line.breaks[1:], line.degrees):
        cuts = [a + (b - a) * FACTOR] if a in planes[1:-1] else []
        cuts = [b - (b - a) * FACTOR] if b in planes[1:-1] else cuts
        breaks += [*cuts, b]
        degrees += [degree + 2] * (1 + len(cuts))
    return Line(np.array(breaks), tuple(degrees))


def finer(structure: Structure, space: BoxSpace) -> list[BoxSpace]:
    """The space that contains the answer's, and the one by rule."""
    planes = [hp.interfaces(structure, axis) for axis in range(3)]
    x, y, z = (enriched(line, p) for line, p in zip(space.lines, planes))
    u, v, w = (graded(p, LAYERS[len(structure.layers)], DEGREE) for p in planes)
    return [nested(structure, (x, y, z)), nested(structure, (u, v, w))]


class Row(NamedTuple):
    """What one structure shows, in meV."""

    errors: np.ndarray
    estimates: np.ndarray
    seconds: float
    sizes: tuple[int, ...]

    def ratios(self, least: float) -> np.ndarray:
        """Estimate over true error, of those states whose error is above `least`."""
        counts = self.errors > least
        return self.estimates[counts] / self.errors[counts]


def compared(structure: Structure, problem: Problem, tolerance: float) -> Row:
    """Solve to the tolerance, in meV, and on the finer spaces."""
    start = time.process_time()
    found = hp.adapt(structure, [problem], tolerance * 1e-3)
    seconds = time.process_time() - start
    assert isinstance(found.space, BoxSpace)
    spaces = finer(structure, found.space)
    starts = [(found.space, found.pairs[0].vectors), None]
    levels = [
        s.lowest(problem.diffusion, problem.potential, STATES, tolerance=RESIDUAL, start=start).values
        for s, start in zip(spaces, starts)
    ]
    errors = 1e3 * (found.pairs[0].values - np.min(levels, axis=0))
    return Row(errors, 1e3 * found.errors[0], seconds, (found.space.size, *(s.size for s in spaces)))


def told(row: Row, tolerance: float) -> str:
    """A row of the table."""
    least, most = row.ratios(NOISE * tolerance).min(initial=np.inf), row.ratios(0.1 * tolerance).max(initial=0.0)
    return (
        f"error {row.errors.max():.1e}  estimate {row.estimates.max():.1e} meV  ratio {least:7.2f} to {most:5.2f}  "
        f"{row.seconds:6.2f} s  {row.sizes}"
    )


def summary(rows: Sequence[Row], tolerance: float) -> str:
    """What all of them show."""
    ratios = np.concatenate([row.ratios(NOISE * tolerance) for row in rows])
    above = np.concatenate([row.ratios(0.1 * tolerance) for row in rows])
    seconds = [row.seconds for row in rows]
    return (
        f"{len(rows)} boxes, {len(ratios)} states with an error above {NOISE * tolerance:.0e} meV:\n"
        f"largest true error {max(row.errors.max() for row in rows):.1e} meV, "
        f"largest estimate {max(row.estimates.max() for row in rows):.1e} of {tolerance:g} asked for\n"
        f"estimate at least the true error in {np.mean(ratios >= 1):.1%}; least ratio {ratios.min():.2f}, "
        f"median {np.median(ratios):.1f}\n"
        f"largest ratio where the error exceeds a tenth of the tolerance ({len(above)} states): "
        f"{above.max(initial=0.0):.1f}\n"
        f"CPU: median {np.median(seconds):.2f} s, 95 % below {np.quantile(seconds, 0.95):.2f}, "
        f"slowest {max(seconds):.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="error estimates against the truth on random boxes")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--tolerance", type=float, default=0.001, help="meV")
    parser.add_argument("--seed", type=int, default=41)
    parser.add_argument("--general", action="store_true", help="two layers, masses along the axes, two shifts")
    asked = parser.parse_args()
    rows, refused = [], 0
    for number in range(asked.first, asked.first + asked.count):
        try:
            box = (drawn_general if asked.general else drawn)(asked.seed, number)
            rows.append(compared(*box, asked.tolerance))
            print(f"{number:3d}  {told(rows[-1], asked.tolerance)}", flush=True)
        except NotAffordable as refusal:
            refused += 1
            print(f"{number:3d}  {refusal}", flush=True)
    print(summary(rows, asked.tolerance) + f"\nnot affordable: {refused}")


if __name__ == "__main__":
    main()
