"""A job and what comes of it: the whole chain on one screen.

job -> sweep points -> resolved numbers -> states of both carriers -> pair -> emission -> one entry of the result
"""

import resource
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any, NamedTuple

import numpy as np

from exciton import alignment
from exciton.carriers import Carriers, bound_states
from exciton.digits import rounded_up
from exciton.emission import Light, wavelength
from exciton.job import Job
from exciton.lifetime import radiative
from exciton.local_field import local_field
from exciton.measured import read_measured
from exciton.pair.conditional import PairDensity, pair_density
from exciton.pair.levels import PairSolution, solve_pair, with_mismatch
from exciton.resolve import Resolved
from exciton.result import Result
from exciton.spectrum import Spectrum, spectrum
from exciton.states import States, overlap_squared
from exciton.sweep import Point, points
from exciton.verify import verified
from solvers.errors import SolverError, TooCoarse
from solvers.hp import Memory
from solvers.parallel import Comm, from_first, highest, size

MOVED = 0.05  # share of a carrier that the attraction must move from region to region to be mentioned
PART = 0.15  # of the tolerance of the pair energy that a level may take
TIGHTER = (1.0, 0.2, 0.04)  # shares of the tolerance that are tried until the pair energy holds its own


class Solved(NamedTuple):
    """One point, solved: its entry of the result, and the states behind it."""

    point: Point
    entry: dict[str, Any]
    carriers: Carriers
    spectrum: Spectrum | None = None  # of correlated pair states
    pair: PairDensity | None = None  # of the correlated ground pair


def solve(job: Job, progress: Callable[[int, int], None] | None = None, *, folder: str | Path | None = None) -> Result:
    """Solve every point of a job, in memory, or into a folder as ``exciton solve`` does.

    Parameters
    ----------
    progress
        Called with the number of points done and of all points.
    folder
        Where the result goes, with the fields and figures that the job asks for; finished points in it are kept.

    Raises
    ------
    JobError
        The job cannot be; nothing was computed.
    SolverError
        A point could not be solved.
    """
    todo = points(job)
    if folder is not None:
        from exciton.folder import solve_into

        return solve_into(Path(folder), job, todo, progress)
    entries, memory = [], Memory()
    for number, point in enumerate(todo):
        entries.append(solve_point(point, memory=memory).entry)
        if progress is not None:
            progress(number + 1, len(todo))
    return empty_result(job, todo, points=tuple(entries))


def ranks_per_point(waiting: Sequence[Point], ranks: int) -> int:
    """How many ranks share a point: what the job says, or all of them divided by the points that wait.

    Points of the embedded backend take one.
    """
    shared = [p for p in waiting if p.resolved.solver.backend != "scipy"]
    if not shared:
        return 1
    return min(shared[0].resolved.solver.ranks_per_point or max(1, ranks // len(waiting)), ranks)


def solve_point(point: Point, comm: Comm = None, memory: Memory | None = None) -> Solved:
    """Carriers, pair and emission of one point (the entry's keys carry their units).

    With a communicator all of its ranks call this and share the work; each returns the same entry, and its part of
    the states. What is the same as at the point before it is recalled from a memory.
    """
    start = time.perf_counter()
    resolved = point.resolved
    with petsc_options(resolved):
        carriers, solution = _carriers_and_pair(resolved, comm, memory)
        pair = None if solution is None else pair_density(resolved, carriers, solution)
        light, curves = ({}, None) if solution is None else _light(resolved, carriers, solution, comm)
    entry: dict[str, Any] = {
        "key": resolved.key,
        "parameters": dict(point.parameters),
        "alignment": _alignment(resolved, carriers),
        "electron": carriers.electron.as_json(),
        "hole": carriers.hole.as_json(),
        "overlap_squared": overlap_squared(carriers.space, carriers.electron, carriers.hole),
        "gap_eV": resolved.gap,
        "gap_origin": resolved.gap_origin,
    }
    pair_energy = float(carriers.electron.energies[0] + carriers.hole.energies[0])
    if solution is not None:
        entry["exciton"] = _exciton(carriers, solution, pair)
        if resolved.exciton.verify and solution.mismatch is not None:
            entry["exciton"]["verified"] = verified(resolved, carriers, solution.mismatch)
        pair_energy = solution.pair.energy
    emission = resolved.gap + pair_energy
    if emission <= 0:
        raise SolverError(f"the pair lies {-emission:.3f} eV below the valence band: no photon; check gap and barriers")
    entry |= {"emission_eV": emission, "emission_nm": wavelength(emission), **light}
    flags = [*_flags(resolved, carriers), *_pulled(entry), *_missed(resolved, solution)]
    if flags:
        entry["flags"] = flags
    entry["cost"] = {
        "dofs": carriers.unknowns,
        "seconds": time.perf_counter() - start,
        "ranks": size(comm),
        "peak_memory_MiB": float(highest(comm, np.array(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))),
        "method": carriers.method,
    }
    return Solved(point, entry, carriers, curves, pair)


@contextmanager
def petsc_options(resolved: Resolved) -> Iterator[None]:
    """The expert's options, while a point is solved."""
    text = resolved.solver.petsc_options
    if not text.strip():
        yield
        return
    from solvers import petsc

    with petsc.options(text):
        yield


def _carriers_and_pair(resolved: Resolved, comm: Comm, memory: Memory | None) -> tuple[Carriers, PairSolution | None]:
    """The carriers, refined beyond ``accuracy.energy_meV`` where the pair energy needs that to hold ``pair_meV``."""
    accuracy = resolved.accuracy
    if resolved.exciton.level == "none":
        return bound_states(resolved, comm, memory), None
    wanted = min(accuracy.energy_meV, PART * accuracy.pair_meV)
    for share in TIGHTER:
        tighter = accuracy.model_copy(update={"energy_meV": share * wanted})
        carriers = bound_states(replace(resolved, accuracy=tighter), comm, memory)
        try:
            solution = solve_pair(resolved, carriers)
        except TooCoarse:
            if accuracy.by_hand or share == TIGHTER[-1]:
                raise
            continue
        error = from_first(comm, solution.pair.error)  # on nested boxes each rank has its own
        if accuracy.by_hand or 1e3 * error <= accuracy.pair_meV:
            if resolved.exciton.polarisation:
                solution = with_mismatch(resolved, carriers, solution)
            return carriers, solution
    raise SolverError(
        f"accuracy.pair_meV = {accuracy.pair_meV:g} was asked for, {1e3 * error:.2g} meV was reached with levels "
        f"to {TIGHTER[-1] * wanted:g} meV; ask for less"
    )


def _exciton(carriers: Carriers, solution: PairSolution, pair: PairDensity | None) -> dict[str, Any]:
    """The pair with what the mismatch does to it and where it is."""
    block = solution.pair.as_json()
    if solution.mismatch is not None:
        block["interface_sensitivity_meV_per_nm"] = 1e3 * solution.mismatch.sensitivity
    if pair is not None:
        block["mean_distance_nm"] = pair.distances.mean(pair.distances.correlated)
        block["uncorrelated_distance_nm"] = pair.distances.mean(pair.distances.uncorrelated)
        block["partner_places_nm"] = pair.places.tolist()
    electron, hole = solution.probability(carriers)
    return block | {"electron_probability": electron, "hole_probability": hole}


def _light(
    resolved: Resolved, carriers: Carriers, solution: PairSolution, comm: Comm
) -> tuple[dict[str, Any], Spectrum | None]:
    """Lifetimes, where they are wanted, and the spectra of correlated pair states."""
    emission = resolved.emission
    if resolved.kane_energy is None or resolved.refractive_index is None:
        return {}, None
    given = emission.local_field
    field = local_field(resolved, carriers, solution) if given == "computed" else float(given)
    light = Light(resolved.kane_energy, resolved.refractive_index, field, emission.bright_fraction)
    keys, states = radiative(resolved, carriers, solution, light, emission.temperature_K)
    curves = None if states is None else spectrum(resolved, states, comm)
    return keys | {"local_field": field}, curves


def _alignment(resolved: Resolved, carriers: Carriers) -> dict[str, Any]:
    """The type by where the states are, and by the inputs: the lowest barrier to either carrier in any shell.

    Shells of no thickness count where no other is there; without shells, what lies around the core.
    """
    core = resolved.core_region
    by_states = alignment.type_by_states(carriers.electron.probability[0][core], carriers.hole.probability[0][core])
    materials = {
        name: {"electron_barrier_eV": electron, "hole_barrier_eV": hole}
        for name, (electron, hole) in resolved.barriers.items()
    }
    shells = [r for r in resolved.regions if r.name not in (core, "surroundings")]
    beside = [r for r in shells if r.there] or shells or [r for r in resolved.regions if r.name != core]
    block: dict[str, Any] = {"type_by_states": by_states, "materials": materials}
    if beside:
        lowest = [min(getattr(region, name) for region in beside) for name in ("electron_barrier", "hole_barrier")]
        block["type"] = alignment.alignment_type(*lowest)
    else:
        block["type"] = "I"  # a hard wall keeps both carriers in
    return block


def _flags(resolved: Resolved, carriers: Carriers) -> Iterator[str]:
    """What a reader must know before using a state, and what to change in the job."""
    outside = next((r for r in resolved.regions if r.name == "surroundings" and r.there), None)
    if outside is None:
        return
    pairs: Mapping[str, tuple[States, float]] = {
        "electron": (carriers.electron, outside.electron_barrier),
        "hole": (carriers.hole, outside.hole_barrier),
    }
    for carrier, (states, barrier) in pairs.items():
        above = [i for i, energy in enumerate(states.energies) if energy > barrier]
        for i in above:
            remedy = (
                f"carriers.states = {above[0]} leaves it out"
                if above[0]
                else f"nothing confines this {carrier}: correct alignment.{outside.material}.{carrier}_barrier_eV"
            )
            yield (
                f"{carrier}_{i}: at {1e3 * states.energies[i]:.1f} meV it lies above the barrier of the surroundings "
                f"({1e3 * barrier:.0f} meV): it belongs to the box, not to the dot; {remedy}"
            )


def _pulled(entry: Mapping[str, Any]) -> Iterator[str]:
    """Where the attraction moves a carrier so far that its single-particle density misleads."""
    for carrier in ("electron", "hole"):
        pair = entry.get("exciton", {}).get(f"{carrier}_probability")
        if pair is None:
            continue
        alone = entry[carrier]["probability"][0]
        region = max(pair, key=lambda name: abs(pair[name] - alone[name]))
        if abs(pair[region] - alone[region]) > MOVED:
            yield (
                f"{carrier}: {100 * alone[region]:.0f} % in {region} alone, {100 * pair[region]:.0f} % in the pair: "
                f"the attraction changes the single-particle picture; go by exciton.{carrier}_probability in the result"
            )


def _missed(resolved: Resolved, solution: PairSolution | None) -> Iterator[str]:
    """Where the mismatch's own error takes the pair energy beyond its tolerance."""
    if solution is not None and solution.mismatch is not None:
        error, own = 1e3 * solution.pair.error, 1e3 * solution.mismatch.error
        most = max(solution.mismatch.errors.items(), key=lambda each: each[1])[0]
        if error > resolved.accuracy.pair_meV and not resolved.accuracy.by_hand:
            yield (
                f"the pair energy is known to {error:.2g} meV, accuracy.pair_meV = {resolved.accuracy.pair_meV:g}: the "
                f"self-energies and images take {own:.2g} meV, most by {most}; its error bar says so, and "
                f"accuracy.pair_meV = {rounded_up(error)} would hold"
            )


def common_assumptions(todo: Sequence[Point]) -> tuple[str, ...]:
    """The assumption sheet: the lines of all points, each once, in order."""
    return tuple(dict.fromkeys(line for point in todo for line in point.resolved.assumptions))


def empty_result(job: Job, todo: Sequence[Point], **filled: Any) -> Result:
    """All of a result but its points."""
    materials = {region.name: region.material for region in todo[0].resolved.regions}
    frame: dict[str, Any] = {"points": (), "assumptions": common_assumptions(todo)}
    if job.compare is not None:
        frame["measured"] = read_measured(job.compare.file).as_json()
    return Result(job.title, **{**frame, **filled}, versions=versions(), materials=materials)


def versions() -> dict[str, str]:
    """Of this program and of what the numbers rest on; the bindings of PETSc and SLEPc count as these do."""
    from exciton import __version__

    found = {"exciton-fem": __version__, "Python": python_version()}
    for name in ("numpy", "scipy", "fenics-basix", "pyamg", "gmsh", "petsc4py", "slepc4py", "mpi4py"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
