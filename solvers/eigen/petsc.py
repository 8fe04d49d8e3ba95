"""The PETSc/SLEPc backend: small problems by shift-invert and a count, large ones by block Davidson and multigrid.

SLEPc's own solvers (Krylov-Schur, generalised and Jacobi-Davidson, LOBPCG) run where the user's options name one:
``-eps_type gd -pc_type gamg``. All of them work on matrices distributed over ranks. Krylov-Schur may lose copies of a
degenerate level without a word, so it is believed only where inertia has counted the states; where the count fails it
is followed by block Davidson, which keeps them.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import petsc
from ..errors import NotConverged, SolverError
from ..matrix import Array, Matrix
from ..parallel import Comm, from_first, total
from .contract import Options
from .cycles import Algebraic, Cycle, configure
from .davidson import davidson

if TYPE_CHECKING:
    from scipy.sparse import csr_array

DIRECT_LIMIT = 3_000  # unknowns up to which a factorisation is faster (docs/performance.md)
INERTIA_LIMIT = 30_000  # unknowns up to which a factorisation is affordable as a check
GUARDS = 2  # at least; the block is filled up
COLUMNS = 4  # to a multiple of this
ATTEMPTS = 3
WORKSPACE = (100, 400, 1600)  # per cent that MUMPS may use above its estimate: raised where it is not enough

Result = tuple[Array, Array, int, str]


def solve(stiffness: "csr_array", mass: "csr_array", count: int, options: Options) -> Result:
    """Values, M-orthonormal vectors, iterations and the name of the method; on one process."""
    petsc.load()
    size = stiffness.shape[0]
    if size <= max(200, 5 * count):
        from .scipy import solve as dense

        return dense(stiffness, mass, count, options)
    from .scipy import _least

    shifted = stiffness - options.floor * mass if options.floor else stiffness
    k, m = Matrix.from_csr(shifted), Matrix.from_csr(mass)
    low_order = options.low_order

    def prepare() -> Cycle:
        sparse = k if low_order is None else Matrix.from_csr(low_order())
        return Cycle(k, Algebraic(sparse), None)

    values, vectors, steps, method = iterate(
        k, m, count, prepare, None, least=_least(mass), tolerance=options.tolerance, iterations=options.iterations
    )
    return values + options.floor, vectors, steps, method


def iterate(
    k: Matrix,
    m: Matrix,
    count: int,
    prepare: Callable[[], Cycle],
    comm: Comm,
    *,
    least: float,
    tolerance: float,
    iterations: int,
    start: Callable[[], Array | None] = lambda: None,
) -> Result:
    """The `count` lowest pairs of ``K x = E M x``, K and M positive definite, by the method that suits the size.

    Parameters
    ----------
    prepare
        Makes the preconditioner; called only by methods that use one.
    least
        A lower bound of the eigenvalues of M relative to its diagonal.
    start
        Makes this rank's rows of vectors to begin with, or None; called after `prepare`.
    """
    chosen = petsc.load().Options(petsc.PREFIX).getString("eps_type", "")
    if chosen:
        return _named(k, m, count, chosen, comm, least, tolerance, iterations)
    if k.shape[0] > DIRECT_LIMIT or not petsc.has("mumps"):
        cycle = prepare()
        found = _davidson(k, m, count, cycle, comm, least, tolerance, iterations, start())
        return *found, f"petsc: Davidson, {cycle.name}"
    try:
        values, vectors, steps, method = _slepc(k, m, count, "krylovschur", tolerance, iterations)
        values = from_first(comm, values)
        top = values[-1] * (1 - 1e-6)
        if np.sum(values < top) == negative(k, m, top):
            return values, vectors, steps, method
    except NotConverged:
        pass
    found = _davidson(k, m, count, Direct(k), comm, least, tolerance, iterations, None)
    return *found, "petsc: Davidson, shift-invert"


def _named(
    k: Matrix, m: Matrix, count: int, kind: str, comm: Comm, least: float, tolerance: float, iterations: int
) -> Result:
    """One of SLEPc's solvers, whose measures of convergence differ: asked for more until it is enough for ours."""
    weight = 1.0 / (m.diagonal() * least)[:, None]
    asked, steps = tolerance * np.sqrt(least * _smallest(comm, m.diagonal())), 0
    for _ in range(ATTEMPTS):
        values, vectors, more, method = _slepc(k, m, count, kind, asked, 100 * iterations)
        steps += more
        image = m @ vectors
        residual = k @ vectors - image * values
        norms = total(comm, np.stack([(weight * residual**2).sum(axis=0), (vectors * image).sum(axis=0)]))
        worst = float(np.max(np.sqrt(norms[0] / norms[1]) / np.abs(values)))
        if worst <= tolerance:
            break
        asked *= 0.3 * tolerance / worst
    return values, vectors, steps, method


def block_size(count: int, size: int) -> int:
    """How many vectors to iterate on for `count` states."""
    return min(-(-(count + GUARDS) // COLUMNS) * COLUMNS, size)


def _smallest(comm: Comm, values: Array) -> float:
    least = float(values.min(initial=np.inf))
    return least if comm is None else min(comm.allgather(least))


def _davidson(
    k: Matrix,
    m: Matrix,
    count: int,
    inverse: Callable[[Array], Array],
    comm: Comm,
    least: float,
    tolerance: float,
    iterations: int,
    start: Array | None,
    columns: int | None = None,
) -> tuple[Array, Array, int]:
    if start is None:
        noise = np.random.default_rng([20, comm.Get_rank() if comm is not None else 0])
        start = noise.standard_normal((k.rows, columns or block_size(count, k.shape[0])))
        start = inverse(m @ inverse(m @ start))
    scale = 1.0 / (m.diagonal() * least)
    with petsc.recycled():
        ritz = davidson(
            lambda x: k @ x,
            lambda r, _: inverse(r),
            start,
            count,
            mass=lambda x: m @ x,
            dual_norm=lambda r: np.sqrt(total(comm, np.einsum("d,di,di->i", scale, r, r))),
            tolerance=tolerance,
            iterations=iterations,
            comm=comm,
        )
    return ritz.values[:count], ritz.vectors[:, :count], ritz.iterations


def _slepc(
    k: Any,
    m: Matrix | None,
    count: int,
    kind: str,
    tolerance: float,
    iterations: int,
    inverse: Any = None,
    start: Array | None = None,
) -> Result:
    """One of SLEPc's eigensolvers; options of the user under our prefix have the last word.

    Parameters
    ----------
    k, m
        Whatever has `mat`, `rows` and `shape` as a `Matrix` has; m None: the identity.
    inverse
        The context of a preconditioner that is written in Python; None: one that PETSc has.
    start
        This rank's rows of vectors to begin with.
    """
    from slepc4py import SLEPc

    eps = SLEPc.EPS().create(comm=k.mat.getComm())
    eps.setOptionsPrefix(petsc.PREFIX)
    eps.setOperators(k.mat, None if m is None else m.mat)
    eps.setProblemType(SLEPc.EPS.ProblemType.HEP if m is None else SLEPc.EPS.ProblemType.GHEP)
    eps.setType(kind)
    eps.setTolerances(tolerance, iterations)
    eps.setConvergenceTest(SLEPc.EPS.Conv.REL)
    spectral, block = eps.getST(), block_size(count, k.shape[0])
    options = petsc.load().Options(petsc.PREFIX)
    if kind in ("krylovschur", "arnoldi", "lanczos", "subspace"):
        eps.setDimensions(count, min(max(2 * count, count + 15), k.shape[0]))
        eps.setTarget(0.0)
        eps.setWhichEigenpairs(SLEPc.EPS.Which.TARGET_MAGNITUDE)
        spectral.setType(SLEPc.ST.Type.SINVERT)
        _direct_or_iterative(spectral.getKSP(), tolerance, inverse)
        method = f"petsc: SLEPc {kind}, shift-invert"
    else:
        eps.setWhichEigenpairs(SLEPc.EPS.Which.SMALLEST_REAL)
        spectral.setType(SLEPc.ST.Type.PRECOND)
        if kind != "jd":  # which solves its correction equation
            spectral.getKSP().setType("preonly")
        if inverse is None:
            spectral.getKSP().getPC().setOptionsPrefix(petsc.PREFIX)
            configure(spectral.getKSP().getPC(), options.getString("pc_type", "") or None)
        else:
            _written(spectral.getKSP().getPC(), inverse)
        eps.setDimensions(count, min(4 * block, k.shape[0]))
        if kind == "lobpcg":
            eps.setLOBPCGBlockSize(block)
            eps.setDimensions(count, min(3 * block, k.shape[0]))  # with less it fails
        elif kind in ("gd", "jd"):
            (eps.setGDBlockSize if kind == "gd" else eps.setJDBlockSize)(min(count, 4))
        method = f"petsc: SLEPc {kind}"
    eps.setFromOptions()
    if start is not None:
        eps.setInitialSpace([_vector(k, column) for column in start.T])
    try:
        return *_solved(eps, k, count), method
    finally:
        eps.destroy()


def _solved(eps: Any, k: Matrix, count: int) -> tuple[Array, Array, int]:
    """Run it, with more work space for MUMPS each time that it asks for it."""
    PETSc = petsc.load()
    for space in WORKSPACE:
        PETSc.Options(petsc.PREFIX).setValue("mat_mumps_icntl_14", space)
        try:
            eps.solve()
            break
        except PETSc.Error as error:
            if space == WORKSPACE[-1] or not _out_of_workspace(eps):
                raise SolverError(f"SLEPc's {eps.getType()} failed ({error}): try another -eps_type or none") from None
            eps.getST().reset()
        finally:
            PETSc.Options(petsc.PREFIX).delValue("mat_mumps_icntl_14")
    found = min(eps.getConverged(), count)
    if found < count:
        raise NotConverged(
            f"SLEPc's {eps.getType()} found {found} of {count} eigenpairs in {eps.getIterationNumber()} iterations; "
            "raise the iterations, or try another -eps_type or none"
        )
    vectors, x = np.empty((k.rows, count), order="F"), k.mat.createVecRight()
    values = np.empty(count)
    for i in range(count):
        values[i] = eps.getEigenpair(i, x).real
        vectors[:, i] = x.getArray(readonly=True)
    order = np.argsort(values, kind="stable")
    return values[order], vectors[:, order], eps.getIterationNumber()


def _out_of_workspace(eps: Any) -> bool:
    """Whether it was MUMPS that gave up for want of work space, INFOG(1) = -9 (-8: of integers)."""
    try:
        return eps.getST().getKSP().getPC().getFactorMatrix().getMumpsInfog(1) in (-8, -9)
    except petsc.load().Error:
        return False


def _written(pc: Any, context: Any) -> None:
    """Make a PETSc preconditioner one that is written in Python."""
    pc.setType("python")
    pc.setPythonContext(context)


def _vector(k: Any, values: Array) -> Any:
    vector = k.mat.createVecRight()
    vector.setArray(values)
    return vector


def _direct_or_iterative(ksp: Any, tolerance: float, inverse: Any) -> None:
    """Inner solves: a factorisation by MUMPS, or conjugate gradients with algebraic multigrid or with `inverse`."""
    pc = ksp.getPC()
    if inverse is not None:
        ksp.setType("cg")
        ksp.setTolerances(rtol=0.1 * tolerance)
        _written(pc, inverse)
        return
    if petsc.has("mumps"):
        ksp.setType("preonly")
        pc.setType("cholesky")
        pc.setFactorSolverType("mumps")
        return
    ksp.setType("cg")
    ksp.setTolerances(rtol=0.1 * tolerance)
    configure(pc)


class Direct:
    """A factorisation of a symmetric matrix by MUMPS, set up once, acting on blocks."""

    def __init__(self, matrix: Matrix) -> None:
        PETSc = petsc.load()
        self._mat = matrix.mat
        for space in WORKSPACE:
            pc = PETSc.PC().create(comm=matrix.mat.getComm())
            pc.setOperators(matrix.mat)
            pc.setType("cholesky")
            pc.setFactorSolverType("mumps")
            pc.setFactorSetUpSolverType()
            self.factor = pc.getFactorMatrix()
            self.factor.setMumpsIcntl(14, space)
            self.factor.setMumpsIcntl(13, 1)  # the last block is factorised on one rank: the inertia is then complete
            self.factor.setMumpsIcntl(24, 1)  # null pivots are counted, not an end
            pc.setUp()
            self._pc = pc
            if self.factor.getMumpsInfog(1) not in (-8, -9):
                break
        if self.factor.getMumpsInfog(1) < 0:
            raise SolverError(
                f"MUMPS could not factorise {matrix.shape[0]} unknowns (INFOG(1) = {self.factor.getMumpsInfog(1)}, "
                f"INFOG(2) = {self.factor.getMumpsInfog(2)}): use more ranks, or an iterative method"
            )
        self._vectors = (matrix.mat.createVecRight(), matrix.mat.createVecLeft())

    def __call__(self, right: Array) -> Array:
        x, y = self._vectors
        result = np.empty_like(right, order="F")
        for column in range(right.shape[1]):
            x.setArray(right[:, column])
            self._pc.apply(x, y)
            result[:, column] = y.getArray(readonly=True)
        return result


def negative(k: Matrix, m: Matrix, shift: float) -> int:
    """How many eigenvalues of ``K x = E M x`` lie below `shift`: the negative pivots of ``K - shift M``."""
    shifted = Matrix((k.local - shift * m.local).tocsr(), k.halo, k.size, symmetric=True)
    return int(Direct(shifted).factor.getInertia()[0])


def count_below(stiffness: "csr_array", mass: "csr_array", shift: float, doubt: float) -> int | None:
    """As `contract.count_below`, by MUMPS; None where PETSc has none."""
    petsc.load()
    if not petsc.has("mumps"):
        return None
    shifted = (stiffness - shift * mass).tocsr()
    direct = Direct(Matrix.from_csr(shifted, symmetric=True))
    scale = 1.0 / np.sqrt(mass.diagonal())
    probe = np.random.default_rng(7).standard_normal(shifted.shape[0]) / scale
    x = direct(probe[:, None])[:, 0]
    if not np.linalg.norm(scale * (shifted @ x - probe)) <= doubt * np.linalg.norm(scale * (mass @ x)):
        return None
    return int(direct.factor.getInertia()[0])
