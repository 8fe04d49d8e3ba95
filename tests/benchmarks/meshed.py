"""Self-energies in meshes against those of the shapes they fill: ``python tests/benchmarks/meshed.py``

A carrier's ground state that reaches 0.35 nm beyond the core of a ball (spherical waves) or a cube (samples);
interfaces of 0.59 nm. None of these particles was used where the method or its error were chosen.
"""

import resource
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from exciton.dielectric import Dielectric
from exciton.images import Images
from exciton.voxels import Voxels
from meshes.generate import tetrahedra
from meshes.shapes import Cuboid, Sphere, Structure
from solvers.grid import Grid

TAIL = 0.35  # nm
CELLS = {Sphere: 1.2, Cuboid: 1.7}  # nm
PARTICLES = (
    (Structure(Sphere(5.0), (("shell", 1.0),)), (9.0, 4.0, 2.0)),
    (Structure(Sphere(6.0)), (6.2, 2.0)),
    (Structure(Sphere(3.6), (("shell", 0.5),)), (4.0, 9.0, 2.3)),
    (Structure(Cuboid((6.0,) * 3)), (7.3, 2.13)),
)


def seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def bump(structure, points=19):
    """A uniform grid over the particle, and the density on it."""
    half = structure.core.extent[0] / 2 + TAIL
    x = (half + 0.2) * ((2 * np.arange(points) + 1) / points - 1)
    grid = Grid((x,) * 3, (np.full(points, x[1] - x[0]),) * 3)
    if isinstance(structure.core, Sphere):
        r = np.sqrt(x[:, None, None] ** 2 + x[:, None] ** 2 + x**2)
        density = np.where(r < half, np.sinc(r / half) ** 2, 0.0)
    else:
        row = np.where(np.abs(x) < half, np.cos(np.pi * x / (2 * half)) ** 2, 0.0)
        density = np.einsum("a,b,c->abc", row, row, row)
    return grid, density / grid.integral(density)


def main():
    print("core nm  layers nm  permittivities         mesh meV           shape meV  error/bar  CPU s")
    for structure, permittivities in PARTICLES:
        shape = Dielectric((*structure.regions, "medium"), permittivities, permittivities[0], structure)
        grid, density = bump(structure)
        start = seconds()
        mesh = tetrahedra(structure, CELLS[type(structure.core)])
        meshed = Images(replace(shape, geometry=Voxels.of(mesh, shape.spread)), grid)
        sigma = meshed.self_energy(), meshed.self_energy_change()
        found, bar = (1e3 * float(grid.integral(density * each)) for each in sigma)
        used = seconds() - start
        true = 1e3 * float(grid.integral(density * Images(shape, grid).self_energy()))
        layers = ", ".join(f"{t:g}" for _, t in structure.layers) or "-"
        print(
            f"{type(structure.core).__name__:6s} {structure.core.extent[0]:g}  {layers:5s} {permittivities!s:18s} "
            f"{found:8.2f} +- {bar:5.2f} ({100 * bar / abs(found):.1f} %)  {true:8.2f}  "
            f"{abs(found - true) / bar:6.2f}  {used:6.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
