"""PETSc and SLEPc: whether they are here, how they are started, and matrices that act on blocks of vectors.

petsc4py and slepc4py are imported inside functions, here and in the files that solve with them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import BackendMissing, SolverError
from .options import parse
from .parallel import Comm

Array = NDArray[np.float64]

PREFIX = "exciton_"
HOW = "run .ci/petsc in the project's folder, or see docs/install-hpc.md"
COLUMNS = 4  # of a block that PETSc's product takes in one pass over the matrix


@cache
def load() -> Any:
    """The module petsc4py.PETSc, started.

    Raises
    ------
    BackendMissing
        It is not installed, does not load, or computes in other than real double precision.
    """
    try:
        import petsc4py

        petsc4py.init([])
        from petsc4py import PETSc
        from slepc4py import SLEPc
    except (ImportError, RuntimeError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BackendMissing(f"the petsc backend needs petsc4py and slepc4py ({reason}): {HOW}") from None
    assert SLEPc is not None
    _return_memory()
    if np.dtype(PETSc.ScalarType) != np.float64:
        raise BackendMissing(f"this PETSc computes in {np.dtype(PETSc.ScalarType)}, not in real doubles: {HOW}")
    return PETSc


def _return_memory() -> None:
    """Let freed memory go back to the system: Open MPI tells malloc to keep all of it, to please its network cards."""
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return  # another C library than GNU's
    mmap_max, mmap_threshold, trim_threshold = -4, -3, -1
    mallopt(mmap_max, 65536)
    mallopt(mmap_threshold, 32 << 20)  # smaller blocks are kept for the next one of their kind
    mallopt(trim_threshold, 128 << 20)


def available() -> bool:
    """Whether the petsc backend can run here."""
    try:
        load()
    except BackendMissing:
        return False
    return True


def describe() -> dict[str, str]:
    """What there is, for people: versions of PETSc, SLEPc, their bindings and MPI, and the external solvers.

    Raises
    ------
    BackendMissing
        As `load`.
    """
    PETSc = load()
    import petsc4py
    from mpi4py import MPI
    from slepc4py import SLEPc

    packages = ("mumps", "superlu_dist", "hypre", "ml", "ptscotch", "parmetis", "suitesparse", "hdf5")
    return {
        "PETSc": ".".join(map(str, PETSc.Sys.getVersion())),
        "SLEPc": ".".join(map(str, SLEPc.Sys.getVersion())),
        "petsc4py": petsc4py.__version__,
        "integers": f"{8 * np.dtype(PETSc.IntType).itemsize} bit",
        "MPI": MPI.Get_library_version().split(",")[0].strip().split("\n")[0].rstrip("\x00"),
        "external solvers": ", ".join(name for name in packages if has(name)) or "none",
    }


def has(package: str) -> bool:
    """Whether PETSc was built with an external package."""
    return bool(load().Sys.hasExternalPackage(package))


def communicator(comm: Comm) -> Any:
    """PETSc's communicator: that of one process for None."""
    return load().COMM_SELF if comm is None else comm


@contextmanager
def options(text: str) -> Iterator[None]:
    """Put the expert's options, "-eps_type gd -pc_type hypre", into PETSc's database under our prefix for a while.

    Raises
    ------
    ValueError
        The text is not a list of options.
    """
    try:
        pairs = [(PREFIX + name.removeprefix(PREFIX), value) for name, value in parse(text)]
    except ValueError as error:
        raise ValueError(f"petsc_options: {error}") from None
    if not pairs:
        yield
        return
    database = load().Options()
    for name, value in pairs:
        database.setValue(name, value)
    try:
        yield
    finally:
        for name, _ in pairs:
            database.delValue(name)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """A stage of PETSc's own profile (``-log_view``), whose wall clock is kept in `seconds` too; where PETSc runs."""
    if load.cache_info().currsize == 0:
        yield
        return
    log = _stage(name)
    log.push()
    start = perf_counter()
    try:
        yield
    finally:
        _SECONDS[name] = _SECONDS.get(name, 0.0) + perf_counter() - start
        log.pop()


@cache
def _stage(name: str) -> Any:
    return load().Log.Stage(name)


_SECONDS: dict[str, float] = {}


def seconds() -> dict[str, float]:
    """Wall clock of every stage of this process so far."""
    return dict(_SECONDS)


class Matrix:
    """A PETSc matrix that acts on this rank's rows of a block of vectors, ``matrix @ block``."""

    def __init__(self, mat: Any, arrays: tuple[Any, Any, Any] | None = None) -> None:
        self.mat = mat
        self._arrays = arrays  # that PETSc uses and does not own
        self._work: tuple[Any, Any] | None = None
        self._vectors: tuple[Any, Any] | None = None

    @classmethod
    def from_csr(cls, matrix: Any) -> "Matrix":
        """The same matrix on one process, sharing the values of a scipy CSR matrix."""
        PETSc = load()
        matrix = matrix.tocsr()
        matrix.sort_indices()
        kind = PETSc.IntType
        if matrix.nnz > np.iinfo(kind).max:
            bits = 8 * np.dtype(kind).itemsize
            raise SolverError(f"{matrix.nnz} entries are too many for a PETSc with {bits}-bit integers")
        arrays = (matrix.indptr.astype(kind, copy=False), matrix.indices.astype(kind, copy=False), matrix.data)
        return cls(PETSc.Mat().createAIJWithArrays(matrix.shape, arrays, comm=PETSc.COMM_SELF), arrays)

    @property
    def pattern(self) -> tuple[Any, Any] | None:
        """Row starts and columns, where they are at hand."""
        return None if self._arrays is None else self._arrays[:2]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns over all ranks."""
        rows, columns = self.mat.getSize()
        return int(rows), int(columns)

    @property
    def rows(self) -> int:
        """Rows of this rank."""
        return int(self.mat.getLocalSize()[0])

    def diagonal(self) -> Array:
        """This rank's part of the diagonal."""
        return np.array(self.mat.getDiagonal().getArray())

    def transposed(self) -> "Matrix":
        """The transpose, as a matrix of its own."""
        return Matrix(self.mat.transpose(out=load().Mat()))

    def __matmul__(self, block: Array) -> Array:
        """The product with this rank's rows of a vector or of a block, in Fortran order."""
        if block.ndim == 1:
            return self._single(block)
        result = np.empty((self.rows, block.shape[1]), order="F")
        first = 0
        while first < block.shape[1]:
            left = block.shape[1] - first
            if left == 1:
                result[:, first] = self._single(block[:, first])
                break
            width = min(COLUMNS, left)
            source, product = self._dense()
            values = source.getDenseArray()
            values[:, :width] = block[:, first : first + width]
            values[:, width:] = 0.0
            source.assemble()
            self.mat.matMult(source, result=product)
            result[:, first : first + width] = product.getDenseArray()[:, :width]
            first += width
        return result

    def _single(self, vector: Array) -> Array:
        if self._vectors is None:
            self._vectors = (self.mat.createVecRight(), self.mat.createVecLeft())
        x, y = self._vectors
        x.setArray(vector)
        self.mat.mult(x, y)
        return np.array(y.getArray(readonly=True))

    def _dense(self) -> tuple[Any, Any]:
        if self._work is None:
            PETSc = load()
            columns = self.mat.getSizes()[1]
            source = PETSc.Mat().createDense((columns, (None, COLUMNS)), comm=self.mat.getComm())
            source.setUp()
            source.assemble()
            self._work = (source, self.mat.matMult(source))
        return self._work
