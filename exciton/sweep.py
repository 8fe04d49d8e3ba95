"""The points of a job: every combination of its swept values, each one a checked job of its own.

Swept values are set in the job as the user wrote it, before the database is merged in: a swept gap moves the
barriers that follow from it, a swept mass leaves the bulk exciton line where it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from exciton import keypath
from exciton.completed import NO_PARAMETERS, Completed, completed
from exciton.errors import JobError
from exciton.job import Job, Sweep, Value
from exciton.keypath import Path, shown, written
from exciton.overrides import override
from exciton.resolve import Resolved, resolve
from exciton.roles import refuse_unknown, refuse_unused

LIMIT = 100_000  # points of one job

Setting = tuple[Path, Value]


@dataclass(frozen=True, slots=True)
class Point:
    """One combination of swept values: its job, without sweeps, and what that resolves to."""

    parameters: Mapping[str, Value]
    job: Job
    resolved: Resolved


def points(job: Job) -> tuple[Point, ...]:
    """All points of a job in the order of the result; one, without parameters, where nothing is swept.

    Raises
    ------
    JobError
        A sweep cannot be, or one of its points cannot; nothing has been computed by then.
    """
    paths = [_path(index, sweep) for index, sweep in enumerate(job.sweep)]
    refuse_unknown(job)
    refuse_unused(job)
    if not job.sweep:
        return (Point({}, job, resolve(job)),)
    whole = completed(job)
    for index, path in enumerate(paths):
        _refuse_unknown(index, path, whole)
        _refuse_overlap(index, paths)
    axes = _axes(job.sweep, paths)
    count = prod(len(axis) for axis in axes)
    if count > LIMIT:
        raise JobError(f"sweep: {count} points, allowed: at most {LIMIT}")
    rows = product(*axes)
    return tuple(
        _point(job, number, [one for row in chosen for one in row], whole) for number, chosen in enumerate(rows)
    )


def _path(index: int, sweep: Sweep) -> Path:
    try:
        return keypath.parse(sweep.parameter)
    except JobError as error:
        raise JobError(f"sweep[{index}].parameter: {error}") from error


def _refuse_unknown(index: int, path: Path, whole: Completed) -> None:
    where, found = f"sweep[{index}].parameter", shown(written(path))
    if path[0] in NO_PARAMETERS:
        raise JobError(f"{where}: found {found}, which changes no physics and cannot be swept")
    if path in whole.paths:
        return
    known = sorted(written(each) for each in whole.paths)
    inside = [each for each in known if each.startswith((f"{written(path)}.", f"{written(path)}["))]
    if inside:
        raise JobError(f"{where}: {found} is a table; sweep one of its keys: {', '.join(inside[:8])}")
    near = keypath.nearest(written(path), known, cutoff=0.3)
    hint = f"; did you mean {near}?" if near else ""
    raise JobError(f"{where}: found {found}, allowed: a path of the resolved job{hint}")


def _refuse_overlap(index: int, paths: Sequence[Path]) -> None:
    """The same parameter twice, or a list and one of its entries."""
    for other in range(index):
        depth = min(len(paths[index]), len(paths[other]))
        if paths[index][:depth] == paths[other][:depth]:
            raise JobError(f"sweep[{index}].parameter: {shown(written(paths[index]))} is set by sweep[{other}] already")


def _axes(sweeps: Sequence[Sweep], paths: Sequence[Path]) -> list[list[tuple[Setting, ...]]]:
    """One axis per table, or per word of `zip`, in the order of its first table; an axis is a list of settings."""
    members: dict[object, list[int]] = {}
    for index, sweep in enumerate(sweeps):
        members.setdefault(index if sweep.zip is None else sweep.zip, []).append(index)
    axes = []
    for name, indices in members.items():
        first = indices[0]
        if isinstance(name, str) and len(indices) == 1:
            others = [word for word in members if isinstance(word, str) and word != name]
            hint = f"; the other words are {', '.join(map(shown, others))}" if others else ""
            raise JobError(f"sweep[{first}].zip: {shown(name)} stands in one table only; allowed: two or more{hint}")
        for index in indices[1:]:
            here, there = len(sweeps[index].values), len(sweeps[first].values)
            if here != there:
                raise JobError(
                    f"sweep[{index}].values: found {here} values, but zip = {shown(name)} puts them beside the "
                    f"{there} of sweep[{first}]"
                )
        columns = [[(paths[index], value) for value in sweeps[index].values] for index in indices]
        axes.append(list(zip(*columns)))
    return axes


def _point(job: Job, number: int, settings: Sequence[Setting], whole: Completed) -> Point:
    tables: dict[str, Any] = job.raw
    del tables["sweep"]
    parameters = {written(path): value for path, value in settings}
    try:
        for path, value in settings:
            override(tables, path, keypath.plain(value), whole.tables)
        single = Job(**tables)
        return Point(parameters, single, resolve(single))
    except JobError as error:
        label = ", ".join(f"{name} = {shown(value)}" for name, value in parameters.items())
        raise JobError(f"{error} (at sweep point {number + 1}: {label})") from error
