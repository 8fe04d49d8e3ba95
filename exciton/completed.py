"""The resolved job as a job file: the database's numbers and all defaults filled in, what follows from them noted.

`to_toml` writes a file that runs again with identical results; `Completed.paths` are the parameters that a sweep may
name. Derived values (a gap that follows from an exciton line, barriers of the affinity rule) are comments in the file:
written as keys they would no longer follow.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import tomli_w

from exciton import keypath
from exciton.alignment import band_gap
from exciton.errors import JobError
from exciton.facts import GIVEN, Facts, facts
from exciton.job import SOLID_KEYS, Job, MaterialTable
from exciton.keypath import Path
from exciton.resolve import line_up, medium_of, resolve
from exciton.roles import materials_by_role

NO_PARAMETERS = ("schema", "title", "sweep", "compare", "output")  # tables and keys that change no physics


@dataclass(frozen=True)
class Completed:
    """A job with everything visible. `tables` are its keys, `origins` says where some of them come from."""

    tables: Mapping[str, Any]
    origins: Mapping[Path, str]
    derived: Mapping[Path, tuple[Any, str]]  # value and reason of what follows from the keys; None: not known

    @cached_property
    def paths(self) -> frozenset[Path]:
        """Everything that a sweep may name."""
        visible = {key: table for key, table in self.tables.items() if key not in NO_PARAMETERS}
        return frozenset(keypath.leaves(visible)) | frozenset(self.derived)


def completed(job: Job) -> Completed:
    """Merge the job with the database, for all materials of all its points.

    Raises
    ------
    JobError
        A material is neither in the database nor in the job.
    """
    tables = keypath.plain(job.model_dump(by_alias=True, exclude_none=True))
    if job.accuracy.by_hand:
        del tables["accuracy"]["energy_meV"]
    if job.structure.shape == "mesh":  # these say nothing there, and may not be given
        for key in SOLID_KEYS:
            tables["structure"].pop(key, None)
    if not job.sweep:
        del tables["sweep"]
    roles = materials_by_role(job)
    known = {name: facts(job, name) for names in roles.values() for name in names}
    origins: dict[Path, str] = {}
    derived: dict[Path, tuple[Any, str]] = {}
    for name, material in known.items():
        tables["materials"][name] = {}
        for key, number in material.numbers.items():
            if key in MaterialTable.model_fields:
                tables["materials"][name][key] = keypath.plain(number.value)
                origins["materials", name, key] = "" if number.source == GIVEN else number.origin
        derived |= _derived_of_material(material)
    core = known[next(iter(roles["core"]))]
    for name in roles["layer"]:
        derived |= _derived_of_alignment(job, core, known[name])
    medium = medium_of(job.structure)
    if job.structure.medium is None:
        derived["structure", "medium"] = (medium, "not given")
    derived |= _derived_of_light(job, core, known.get(medium) or facts(job, medium))
    return Completed(tables, origins, derived)


def to_toml(job: Job) -> str:
    """The job as TOML with every default and every number of the database visible; it resolves to the same points."""
    whole = completed(job)
    lines = ["# A resolved job. Lines behind # follow from the others, at the job as it stands without its sweeps."]
    top = {key: value for key, value in whole.tables.items() if not _is_table(value)}
    lines += [*_table((), top, whole)]
    for key, value in whole.tables.items():
        if key in ("materials", "alignment"):
            names = dict.fromkeys([*value, *(path[1] for path in whole.derived if path[0] == key)])
            for name in names:
                lines += ["", *_table((key, str(name)), value.get(name, {}), whole)]
        elif key == "sweep":
            for sweep in value:
                lines += ["", "[[sweep]]", *_table((), sweep, whole)]
        elif _is_table(value):
            lines += ["", *_table((key,), value, whole)]
    return "\n".join(lines) + "\n"


def _derived_of_material(material: Facts) -> Iterator[tuple[Path, tuple[Any, str]]]:
    gap = band_gap(material.values)
    masses = [f"{carrier}_mass" for carrier in ("electron", "hole") if f"{carrier}_mass_xyz" not in material.numbers]
    for key in ("gap_eV", "exciton_line_eV", *masses, "permittivity", "electron_affinity_eV"):
        if key not in material.numbers:
            follows = key == "gap_eV" and gap is not None
            yield ("materials", material.name, key), (gap.value, gap.origin) if follows and gap else (None, "")


def _derived_of_alignment(job: Job, core: Facts, other: Facts) -> Iterator[tuple[Path, tuple[Any, str]]]:
    given = job.alignment.get(other.name)
    try:
        found = line_up(job, core, other)
    except JobError:  # said where the point is resolved: a sweep may yet give what is missing here
        found = None
    for carrier in ("electron", "hole"):
        key = f"{carrier}_barrier_eV"
        if given is None or getattr(given, key) is None:
            value = (None, "") if found is None else (getattr(found, carrier), found.origin)
            yield ("alignment", other.name, key), value


def _derived_of_light(job: Job, core: Facts, medium: Facts) -> Iterator[tuple[Path, tuple[Any, str]]]:
    emission = job.emission
    try:
        resolved = resolve(job.model_copy(update={"sweep": ()}))
    except JobError:  # said where the point is resolved: a sweep may yet give what is missing here
        resolved = None
    if job.exciton.polarisation is None:
        value = None if resolved is None else resolved.exciton.polarisation
        yield ("exciton", "polarisation"), (value, "where there is a pair and all permittivities are known")
    if emission.lifetime is None:
        value = None if resolved is None else resolved.kane_energy is not None
        yield ("emission", "lifetime"), (value, "where there is a pair and the core's Kane energy is known")
    if emission.kane_energy_eV is None:
        yield ("emission", "kane_energy_eV"), (core.number("kane_energy_eV"), f"of {core.name}")
    if emission.refractive_index is None:
        yield ("emission", "refractive_index"), (medium.number("refractive_index"), f"of {medium.name}")


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(one, Mapping) for one in value))


def _table(path: Path, table: Mapping[str, Any], whole: Completed) -> Iterator[str]:
    if path:
        yield f"[{keypath.written(path)}]"
    for key, value in table.items():
        origin = whole.origins.get((*path, key), "")
        yield f"{_key(key)} = {_value(value)}" + (f"  # {_comment(origin)}" if origin else "")
    for derived, (value, reason) in whole.derived.items():
        if derived[:-1] == path and value is not None:
            rounded = f"{value:.6g}" if isinstance(value, float) else _value(value)
            yield f"# {derived[-1]} = {rounded}  ({_comment(reason)})"


def _key(key: str) -> str:
    return keypath.written((key,))


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_value(entry)}" for key, entry in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(entry) for entry in value) + "]"
    return tomli_w.dumps({"x": value}).removeprefix("x = ").rstrip("\n")


def _comment(text: str) -> str:
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
