"""Curved shapes: cost and error of the levels, and error bars on random balls: ``python tests/benchmarks/curved.py``

A ball of 10 nm and a cube of 10 nm with edges rounded by 2 nm, CsPbBr3 in 1 nm of ZnS, four states of each carrier, are
solved to 0.1 and 0.01 meV; balls are compared with the roots of their radial equation. Then random balls in a shell.
"""

import argparse
import resource
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

import exact
import jobs

from exciton.carriers import bound_states
from exciton.job import Job
from exciton.units import HBAR2_2M0

SHAPES = {
    "sphere": {"material": "CsPbBr3", "diameter_nm": 10.0},
    "rounded-cube": {"material": "CsPbBr3", "edge_nm": 10.0, "radius_nm": 2.0},
}


def seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def solved(job):
    """Carriers, the point's numbers, and seconds of CPU."""
    resolved = jobs.points(job)[0].resolved
    start = seconds()
    return bound_states(resolved), resolved, seconds() - start


def errors(found, resolved):
    """Largest true error and estimate in meV of a ball's levels, and the least ratio of the two."""
    inner, shell = resolved.regions
    radii = [shape.radius for shape in resolved.geometry.boundaries]
    rows = []
    for name, states in (("electron", found.electron), ("hole", found.hole)):
        diffusion = [HBAR2_2M0 / getattr(r, f"{name}_mass")[0] for r in (inner, shell)]
        edges = [getattr(r, f"{name}_barrier") for r in (inner, shell)]
        truth = exact.core_shell(*radii, tuple(diffusion), tuple(edges), len(states.energies))
        off = 1e3 * np.abs(states.energies - truth)
        rows.append((off.max(), 1e3 * states.errors.max(), (1e3 * states.errors / off).min()))
    off, estimate, ratio = np.array(rows).T
    return off.max(), estimate.max(), ratio.min()


def drawn(rng, energy):
    """A ball of 2 to 14 nm in a shell of 0.2 to 4 nm, masses 0.06 to 1.5, barriers -0.3 to 2.5 eV, 1 to 9 states."""
    masses = [float(rng.uniform(*r)) for r in ((0.06, 0.5), (0.1, 1.5)) for _ in range(2)]
    return Job(
        **jobs.tables(
            structure={"shape": "sphere", "core": {"material": "A", "diameter_nm": float(rng.uniform(2, 14))}},
            shells=(("B", float(rng.choice([0.2, 0.5, 1.0, 2.0, 4.0]))),),
            materials={
                "A": {"electron_mass": masses[0], "hole_mass": masses[2]},
                "B": {"electron_mass": masses[1], "hole_mass": masses[3]},
            },
            alignment={
                "B": {
                    "electron_barrier_eV": float(rng.choice([-0.3, 0.3, 1.0, 2.5])),
                    "hole_barrier_eV": float(rng.choice([0.1, 0.8, 2.5])),
                }
            },
            carriers={"states": int(rng.choice([1, 4, 6, 9]))},
            accuracy={"energy_meV": energy},
            exciton={"level": "none"},
        )
    )


def main():
    parser = argparse.ArgumentParser(description="cost and error of levels in curved shapes")
    parser.add_argument("--symmetry", default="auto", choices=["auto", "none"])
    parser.add_argument("--count", type=int, default=0, help="random balls")
    parser.add_argument("--seed", type=int, default=3)
    asked = parser.parse_args()
    print("shape         asked meV  CPU s  unknowns  at once  degree  estimate meV  true error meV  MiB")
    for shape, core in () if asked.count else SHAPES.items():
        for energy in (0.1, 0.01):
            shell = {"material": "ZnS", "thickness_nm": 1.0}
            job = Job(
                schema=1,
                structure={"shape": shape, "core": core, "shells": [shell]},
                exciton={"level": "none"},
                accuracy={"energy_meV": energy},
                solver={"symmetry": asked.symmetry},
            )
            found, resolved, used = solved(job)
            space, estimate = found.space, 1e3 * max(found.electron.errors.max(), found.hole.errors.max())
            true = f"{errors(found, resolved)[0]:.1e}" if shape == "sphere" else "-"
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{shape:13s} {energy:9g} {used:6.2f} {space.size:9d} {space.at_once:8d} {space.degree:7d} "
                f"{estimate:13.1e} {true:>15s} {memory:4.0f}"
            )
    rng = np.random.default_rng(asked.seed)
    rows = []
    for number in range(asked.count):
        energy = float(rng.choice([0.1, 0.01]))
        found, resolved, used = solved(drawn(rng, energy))
        rows.append((*errors(found, resolved), used, energy))
        print(
            "{:3d}  error {:.1e} meV  estimate {:.1e}  least ratio {:6.2f}  {:.1f} s  asked {}".format(
                number, *rows[-1]
            )
        )
    if rows:
        off, _, ratio, used, energy = np.array(rows).T
        print(
            f"largest error {(off / energy).max():.2f} of what was asked, least ratio {ratio.min():.2f}, "
            f"slowest {used.max():.1f} s of CPU, median {np.median(used):.1f}"
        )


if __name__ == "__main__":
    main()
