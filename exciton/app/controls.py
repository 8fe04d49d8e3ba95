"""The sliders of a job: which of its numbers they move, between which ends, and the job that they make.

A number that nobody has moved stays as the job has it: what follows from others (a barrier of the affinity rule from
the gap, the gap from the masses) goes on following.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from exciton import keypath
from exciton.completed import Completed, completed
from exciton.errors import JobError
from exciton.job import Job
from exciton.keypath import Path
from exciton.overrides import override
from exciton.pictures.style import parameter_words


@dataclass(frozen=True, slots=True)
class Slider:
    """One number of the job."""

    key: str  # its path, as `--set` takes it
    label: str
    unit: str
    low: float
    high: float
    step: float

    @property
    def name(self) -> str:
        """Of the page's variable."""
        return "v_" + "".join(letter if letter.isalnum() else "_" for letter in self.key)


_SIZES = {  # of the core, by shape
    "cube": (("edge_nm",),),
    "rounded-cube": (("edge_nm",),),
    "sphere": (("diameter_nm",),),
    "cuboid": (("edges_nm", 0), ("edges_nm", 1), ("edges_nm", 2)),
}
_ENDS: Mapping[str, tuple[float, float, float]] = {  # by the last word of the path: low, high, step
    "core": (2.0, 30.0, 0.1),
    "thickness_nm": (0.0, 6.0, 0.05),
    "barrier_eV": (-0.5, 2.0, 0.01),
    "mass": (0.02, 2.0, 0.002),
    "permittivity": (1.0, 30.0, 0.1),
}


def sliders(job: Job) -> tuple[Slider, ...]:
    """Sizes, barriers, masses and permittivities of a job without sweeps, in the order of the page.

    Raises
    ------
    JobError
        The job sweeps a parameter: there is one job to a page.
    """
    if job.sweep:
        raise JobError("the page shows one structure, and this job sweeps; take its [[sweep]] tables away")
    whole = completed(job)
    structure = job.structure
    regions = {"core": structure.core.material} if structure.core is not None else {}
    regions |= {f"shell_{number}": shell.material for number, shell in enumerate(structure.shells, start=1)}
    found = _values(whole)
    return tuple(
        _slider(keypath.written(path), kind, float(found[path]), regions)
        for path, kind in _paths(job)
        if _number(found.get(path))
    )


def values(job: Job) -> dict[str, float]:
    """What the sliders stand at, by key: as given, from the database, or as it follows from the others."""
    found = _values(completed(job))
    return {keypath.written(path): float(found[path]) for path, _ in _paths(job) if _number(found.get(path))}


def moved(job: Job, by: Mapping[str, float]) -> Job:
    """The job with some of its numbers set.

    Raises
    ------
    JobError
        It cannot be.
    """
    tables, whole = job.raw, completed(job).tables
    for key, value in by.items():
        override(tables, keypath.parse(key), value, whole)
    return Job(**tables)


def _paths(job: Job) -> Iterator[tuple[Path, str]]:
    structure = job.structure
    for place in _SIZES.get(structure.shape, ()):
        yield ("structure", "core", *place), "core"
    for number, _ in enumerate(structure.shells):
        yield ("structure", "shells", number, "thickness_nm"), "thickness_nm"
    layers = list(dict.fromkeys(shell.material for shell in structure.shells))
    if not layers and structure.surroundings is not None:
        layers = [structure.surroundings.material]
    for material in layers:
        for carrier in ("electron", "hole"):
            yield ("alignment", material, f"{carrier}_barrier_eV"), "barrier_eV"
    core = [] if structure.core is None else [structure.core.material]
    for material in dict.fromkeys([*core, *layers]):
        for carrier in ("electron", "hole"):
            yield ("materials", material, f"{carrier}_mass"), "mass"
    for material in dict.fromkeys([*core, *(layers if job.exciton.polarisation is not False else ())]):
        yield ("materials", material, "permittivity"), "permittivity"


def _slider(key: str, kind: str, value: float, regions: Mapping[str, str]) -> Slider:
    low, high, step = _ENDS[kind]
    label, unit = parameter_words(key, regions)
    return Slider(key, label, unit, min(low, value), max(high, value), step)


def _values(whole: Completed) -> dict[Path, Any]:
    given: dict[Path, Any] = {}
    for path in keypath.leaves(whole.tables):
        node: Any = whole.tables
        for step in path:
            node = node[step]
        given[path] = node
    return given | {path: value for path, (value, _) in whole.derived.items()}


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
