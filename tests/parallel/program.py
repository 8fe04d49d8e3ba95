"""What the parallel suite computes, on any number of ranks: prints one JSON object on rank 0."""

import json
import sys

import grids
import numpy as np

from meshes import Cuboid, Structure, box_mesh
from meshes.partition import box_part, hilbert, part, partition
from solvers import farm, linear, parallel, petsc
from solvers.distributed import DistributedSpace
from solvers.distributed.assembly import prolongation
from solvers.distributed.eigen import matrices
from solvers.eigen import petsc as backend

DOT = Structure(Cuboid((4.0, 4.0, 4.0)), (("shell", 1.0),))
SHIFTED = Structure(Cuboid((3.0, 4.0, 4.0)), (("shell", 1.0),), core_shift=(0.3, 0.0, 0.0))
SIZE = 1.0  # of the cells, nm
MASS, EDGE = [0.3, 0.1], [0.0, 0.6]
GRID = np.linspace(-2.9, 2.9, 6)


def cases(comm):
    """Name, part, degree."""
    me, ranks = parallel.rank(comm), parallel.size(comm)
    for name, structure, size, degree in (("boxes", DOT, SIZE, 2), ("shifted", SHIFTED, SIZE, 3)):
        yield name, box_part(structure, size, ranks, me), degree
    cube = box_mesh(DOT, SIZE)
    yield "curve", part(cube, partition(cube, ranks), me), 2
    scattered = np.random.default_rng(1).integers(0, ranks, len(cube.cells))
    yield "scattered", part(cube, scattered, me), 2
    for degree in (1, 2, 3, 4):
        mesh = grids.painted(grids.cube("tetrahedron", 4), ("core", "shell"), lambda c: (c[:, 0] > 0.5).astype(int))
        yield f"tetrahedra {degree}", part(mesh, partition(mesh, ranks), me), degree


def solved(space):
    """Energies and integrals of one space."""
    pairs = space.lowest(MASS, EDGE, 5, tolerance=1e-8)
    ground = pairs.vectors[:, :1]
    grid = np.abs(space.on_grid(ground, GRID, GRID, GRID)[0])
    return {
        "size": space.size,
        "values": pairs.values.tolist(),
        "residual": float(pairs.residuals.max()),
        "probability": space.gram(ground)[:, 0, 0].tolist(),
        "norm": np.trace(space.gram(pairs.vectors).sum(axis=0)),
        "quartic": space.quartic(ground).tolist(),
        "grid": grid.ravel().tolist(),
        "method": pairs.method,
        "counted": pairs.counted,
    }


def matrix_facts(space, k, m):
    """What must be the same on any number of ranks, or nothing."""
    comm, u = space.comm, np.cos(space.coordinates)
    x, y = k.mat.createVecRight(), k.mat.createVecLeft()
    x.setArray(u[:, 0])
    k.mat.mult(x, y)
    low = DistributedSpace(space.part, 1, comm)
    up = prolongation(space.local, space.numbering, low.local, low.numbering)
    there, back = up @ np.sin(low.coordinates), up.adjoint(u)
    return {
        "entries": [float(parallel.total(comm, np.array((a.local.data**2).sum()))) for a in (k, m)],
        "shape": [*k.shape, *up.shape],
        "shared": np.shares_memory(k.local.indices, m.local.indices),
        "petsc": float(parallel.total(comm, np.array(np.abs(y.getArray() - (k @ u)[:, 0]).max(initial=0.0)))),
        "adjoint": float(parallel.total(comm, np.array((there * u).sum() - (np.sin(low.coordinates) * back).sum()))),
        "product": float(parallel.total(comm, np.array((there * u).sum()))),
    }


def main() -> None:
    comm = parallel.world()
    results = {"ranks": parallel.size(comm)}
    for name, piece, degree in cases(comm):
        space = DistributedSpace(piece, degree, comm)
        results[name] = solved(space)
        results[name]["rows"] = int(parallel.total(comm, np.array(space.rows)))
        results[name]["cells"] = int(parallel.total(comm, np.array(len(piece.mesh.cells))))

    space = DistributedSpace(box_part(DOT, SIZE, parallel.size(comm), parallel.rank(comm)), 2, comm)
    backend.DIRECT_LIMIT = 0
    results["multigrid"] = solved(space)
    for kind in ("krylovschur", "gd", "jd", "lobpcg"):
        with petsc.options(f"-eps_type {kind}"):
            results[kind] = solved(space)
    with petsc.options("-pc_type gamg"):
        results["gamg"] = solved(space)

    k, m = matrices(space, np.array(MASS), np.array(EDGE))
    results["matrices"] = matrix_facts(space, k, m)
    right = k @ np.sin(space.coordinates)
    answer = linear.solve(k, right, comm=comm)
    wrong = np.abs(answer.vectors - np.sin(space.coordinates)).max()
    results["linear"] = float(parallel.total(comm, np.array(wrong)))

    dealt = list(farm.farm(comm, 1, 7, lambda _, task: task**2))
    results["farm"] = sorted(dealt)
    results["hilbert"] = len(hilbert(np.zeros((0, 3))))
    parallel.say(comm, json.dumps(results))


if __name__ == "__main__":
    sys.exit(main())
