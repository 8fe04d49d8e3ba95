"""PETSc and SLEPc: whether they are here, how they are started, what they are told and what they remember.

petsc4py and slepc4py are imported inside functions, here and in the files that solve with them.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from time import perf_counter, process_time
from typing import Any

import numpy as np

from .errors import BackendMissing, SolverError
from .options import parse
from .parallel import Comm

PREFIX = "exciton_"
HOW = "run .ci/petsc in the project's folder, or see docs/install-hpc.md"


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
    _set_malloc(mmap_max=65536, trim_threshold=128 << 20)


@contextmanager
def recycled() -> Iterator[None]:
    """Keep freed memory for a while: an iteration asks for the same large blocks again and again.

    Each of them would come from the system as pages of zeros: a tenth of a solve at 1e6 unknowns.
    """
    _set_malloc(mmap_max=0, trim_threshold=2**31 - 1)
    try:
        yield
    finally:
        _return_memory()


def _set_malloc(*, mmap_max: int, trim_threshold: int) -> None:
    """Tell GNU's malloc how many blocks may come from the system directly and when freed ones go back, now for one."""
    import ctypes

    mmap_threshold = 32 << 20  # smaller blocks are kept for the next one of their kind
    with suppress(OSError, AttributeError):  # another C library
        library = ctypes.CDLL(None)
        for option, value in ((-4, mmap_max), (-3, mmap_threshold), (-1, trim_threshold)):
            library.mallopt(option, value)
        library.malloc_trim(0)


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


def countable(entries: int) -> None:
    """Refuse more matrix entries on one rank than PETSc's integers can count.

    Raises
    ------
    SolverError
        There are too many.
    """
    kind = load().IntType
    if entries > np.iinfo(kind).max:
        bits = 8 * np.dtype(kind).itemsize
        raise SolverError(f"{entries} entries on one rank are too many for a PETSc with {bits}-bit integers")


def forget(comm: Comm) -> None:
    """Destroy what no rank holds any longer; all ranks call this.

    Over several ranks PETSc's objects outlive Python's, which each rank lets go of when it likes, until all ranks meet.
    """
    PETSc = load()
    if comm is not None and hasattr(PETSc, "garbage_cleanup"):
        PETSc.garbage_cleanup(comm)


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
    """A stage of PETSc's own profile (``-log_view``), whose clocks are kept in `seconds` too; where PETSc runs."""
    if load.cache_info().currsize == 0:
        yield
        return
    log = _stage(name)
    log.push()
    wall, cpu = perf_counter(), process_time()
    try:
        yield
    finally:
        before = _SECONDS.get(name, (0.0, 0.0))
        _SECONDS[name] = (before[0] + perf_counter() - wall, before[1] + process_time() - cpu)
        log.pop()


@cache
def _stage(name: str) -> Any:
    return load().Log.Stage(name)


_SECONDS: dict[str, tuple[float, float]] = {}


def seconds() -> dict[str, tuple[float, float]]:
    """Wall clock and processor time of every stage of this process so far."""
    return dict(_SECONDS)
