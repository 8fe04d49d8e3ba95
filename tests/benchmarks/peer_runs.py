"""One run of one method in its own process, for `peers`: JSON in, JSON out. Needs nothing of ours for the peers."""

import json
import resource
import sys
from collections.abc import Callable
from itertools import permutations
from time import process_time
from typing import Any

HBAR2_2M0 = 0.0380998212  # eV nm^2
CORE, SHELL, STATES = 14.2, 2.15, 6  # nm
CASES = {  # masses and barrier, core and shell; hard wall outside
    "electron": ((0.134, 0.28), 0.6),
    "hole": ((0.128, 0.61), 0.9),
}
# the parities of the six lowest levels of a cube, each with its twins, and how many states of it they hold
SECTORS = (((0, 0, 0), 1), ((1, 0, 0), 1), ((1, 1, 0), 1))
Found = tuple[list[float], int]  # the six levels in eV, and the number of unknowns


def coefficients(case: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """hbar^2/2m and V, in core and shell."""
    masses, barrier = CASES[case]
    return (HBAR2_2M0 / masses[0], HBAR2_2M0 / masses[1]), (0.0, barrier)


def merged(solve: Callable[[tuple[int, ...], int], tuple[list[float], int]]) -> Found:
    """The levels of a cube from an eighth of it, one parity at a time."""
    values, unknowns = [], 0
    for parities, count in SECTORS:
        found, size = solve(parities, count)
        values += [value for value in found[:count] for _ in set(permutations(parities))]
        unknowns = max(unknowns, size)
    return sorted(values)[:STATES], unknowns


# -- ours ------------------------------------------------------------------------------------------------------------


def _ours(case: str) -> tuple[Any, Any]:
    import numpy as np

    from meshes import Cuboid, Structure
    from solvers.adapt import Problem

    a, v = coefficients(case)
    structure = Structure(Cuboid((CORE,) * 3), (("shell", SHELL),))
    return structure, Problem(np.repeat(np.array(a)[:, None], 3, axis=1), np.array(v), STATES)


def reference(case: str) -> Callable[[], Found]:
    """Lines graded a priori, four layers at each interface, degree 8: another space than any that `hp.adapt` makes."""
    from solvers.hp import interfaces
    from solvers.line import graded
    from solvers.tensor import nested

    structure, problem = _ours(case)
    line = graded(interfaces(structure, 0), 4, 8)
    space = nested(structure, (line, line, line))

    def run() -> Found:
        pairs = space.lowest(problem.diffusion, problem.potential, STATES, tolerance=1e-5)
        return pairs.values.tolist(), space.size

    return run


def tensor(case: str, tolerance: float) -> Callable[[], Found]:
    from solvers import hp, sectors  # noqa: F401

    structure, problem = _ours(case)

    def run() -> Found:
        solved = hp.adapt(structure, [problem], tolerance)
        return solved.pairs[0].values.tolist(), solved.space.size

    hp.adapt(structure, [problem], 1e-2)  # imports and tables of reference elements
    return run


def hexahedra(case: str, degree: int, size: float, backend: str) -> Callable[[], Found]:
    from meshes.boxes import box_mesh
    from solvers.space import Space

    structure, problem = _ours(case)
    mesh = box_mesh(structure, size)
    Space(box_mesh(structure, 20.0), 1).lowest(problem.diffusion, problem.potential, 1, backend=backend)  # imports

    def run() -> Found:
        space = Space(mesh, degree)
        pairs = space.lowest(problem.diffusion, problem.potential, STATES, tolerance=1e-5, backend=backend)
        return pairs.values.tolist(), space.size

    return run


# -- peers -----------------------------------------------------------------------------------------------------------


def ngsolve(case: str, degree: int, size: float, solver: str) -> Callable[[], Found]:
    """An octant of tetrahedra that fit the interface; LOBPCG, with a sparse Cholesky factorisation or with BDDC.

    Its ArnoldiSolver is left out: it takes complex matrices only, at twice the cost.
    """
    import ngsolve as ng
    from netgen.occ import Box, Glue, OCCGeometry, Pnt
    from ngsolve.eigenvalues import LOBPCG

    half, whole = CORE / 2, CORE / 2 + SHELL
    core, outer = (Box(Pnt(0, 0, 0), Pnt(end, end, end)) for end in (half, whole))
    shell = outer - core
    core.mat("core")
    shell.mat("shell")
    shape = Glue([core, shell])
    for face in shape.faces:
        centre = face.center
        face.name = "inside"
        for axis, x in zip("xyz", (centre.x, centre.y, centre.z)):
            if abs(x) < 1e-9:
                face.name = axis
            elif abs(x - whole) < 1e-9:
                face.name = "wall"
    mesh = ng.Mesh(OCCGeometry(shape).GenerateMesh(maxh=size))
    ng.SetNumThreads(1)
    a, v = (mesh.MaterialCF({"core": c[0], "shell": c[1]}) for c in coefficients(case))

    def sector(parities: tuple[int, ...], count: int) -> tuple[list[float], int]:
        odd = [axis for axis, parity in zip("xyz", parities) if parity]
        space = ng.H1(mesh, order=degree, dirichlet="|".join(["wall", *odd]))
        u, w = space.TnT()
        stiffness = ng.BilinearForm(a * ng.grad(u) * ng.grad(w) * ng.dx + v * u * w * ng.dx, symmetric=True)
        mass = ng.BilinearForm(u * w * ng.dx, symmetric=True)
        bddc = ng.Preconditioner(stiffness, "bddc") if solver == "bddc" else None
        stiffness.Assemble()
        mass.Assemble()
        inverse = bddc.mat if bddc else stiffness.mat.Inverse(space.FreeDofs(), inverse="sparsecholesky")
        iterations = 15 if bddc else 8
        values, _ = LOBPCG(stiffness.mat, mass.mat, inverse, num=count + 2, maxit=iterations, printrates=False)
        return sorted(float(value) for value in values), sum(space.FreeDofs())

    return lambda: merged(sector)


def scikit_fem(case: str, cells: int) -> Callable[[], Found]:
    """Q2 on an octant, graded linearly towards the interface; SciPy's eigsh with SuperLU."""
    import numpy as np
    from scipy.sparse.linalg import eigsh
    from skfem import Basis, BilinearForm, ElementHex2, MeshHex, condense
    from skfem.helpers import dot, grad

    half, whole = CORE / 2, CORE / 2 + SHELL
    t = np.linspace(0, 1, cells + 1)
    row = np.concatenate([half * (1 - (1 - t) ** 2), half + (whole - half) * t[1:] ** 2])
    mesh = MeshHex.init_tensor(row, row, row)
    (a1, a2), (v1, v2) = coefficients(case)

    @BilinearForm
    def energy(u: Any, w: Any, d: Any) -> Any:
        inside = np.all(d.x < half, axis=0)
        return np.where(inside, a1, a2) * dot(grad(u), grad(w)) + np.where(inside, v1, v2) * u * w

    @BilinearForm
    def product(u: Any, w: Any, _: Any) -> Any:
        return u * w

    def sector(parities: tuple[int, ...], count: int) -> tuple[list[float], int]:
        basis = Basis(mesh, ElementHex2())
        stiffness, mass = energy.assemble(basis), product.assemble(basis)
        fixed = np.any(np.abs(basis.doflocs - whole) < 1e-9, axis=0)
        for axis, parity in enumerate(parities):
            if parity:
                fixed |= np.abs(basis.doflocs[axis]) < 1e-9
        k, m, *_ = condense(stiffness, mass, D=np.flatnonzero(fixed))
        values = eigsh(k, count, m, sigma=0.0, return_eigenvectors=False)
        return sorted(values.tolist()), k.shape[0]

    return lambda: merged(sector)


def seven_point(case: str, points: int) -> Callable[[], Found]:
    """The whole cube on a uniform grid, harmonic means of a between neighbours; SciPy's eigsh with SuperLU."""
    import numpy as np
    from scipy.sparse import csc_array, diags_array, eye_array, kron
    from scipy.sparse.linalg import eigsh

    (a1, a2), (v1, v2) = coefficients(case)
    whole = CORE + 2 * SHELL

    def run() -> Found:
        h = whole / (points + 1)
        x = h * np.arange(1, points + 1) - whole / 2
        inside = np.abs(x) < CORE / 2
        core = inside[:, None, None] & inside[:, None] & inside
        a, v = np.where(core, a1, a2), np.where(core, v1, v2)
        matrix = diags_array(v.ravel())
        forward = diags_array([np.ones(points), -np.ones(points)], offsets=[0, -1], shape=(points + 1, points))
        for axis in range(3):
            widths = [(1, 1) if d == axis else (0, 0) for d in range(3)]
            padded = np.pad(a, widths, mode="edge")
            left, right = np.take(padded, range(points + 1), axis), np.take(padded, range(1, points + 2), axis)
            parts = [forward if d == axis else eye_array(points) for d in range(3)]
            slope = kron(kron(parts[0], parts[1]), parts[2])
            matrix = matrix + slope.T @ diags_array((2 / (1 / left + 1 / right)).ravel() / h**2) @ slope
        values = eigsh(csc_array(matrix), STATES, sigma=0.0, return_eigenvectors=False)
        return sorted(values.tolist()), points**3

    return run


RUNS: dict[str, Callable[..., Callable[[], Found]]] = {
    "reference": reference,
    "tensor": tensor,
    "hexahedra, scipy": lambda case, **k: hexahedra(case, backend="scipy", **k),
    "hexahedra, petsc": lambda case, **k: hexahedra(case, backend="petsc", **k),
    "ngsolve": ngsolve,
    "scikit-fem": scikit_fem,
    "7-point": seven_point,
}


def peak() -> float:
    """Memory of this process at its peak so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    method, case, settings = json.loads(sys.argv[1])
    run = RUNS[method](case, **settings)
    idle, start = peak(), process_time()
    values, unknowns = run()
    print(json.dumps({"values": values, "unknowns": unknowns, "cpu": process_time() - start, "memory": peak() - idle}))
