"""The result folder: every file written in one step, every point as soon as it is done, finished points kept.

result.json  table.csv  job.toml  compare.toml  fields/*.vtu (or .xdmf)  fields/*_axis.csv  spectra/*.csv  figures/
"""

import hashlib
import json
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from exciton.completed import to_toml
from exciton.cubes import write_cubes
from exciton.errors import JobError
from exciton.fields import write_fields, write_profile, write_text
from exciton.job import Compare, Job, Output
from exciton.result import Result, entry_json
from exciton.sparing import Sparing
from exciton.sweep import Point
from exciton.workflow import Solved, empty_result, solve_point
from solvers import petsc
from solvers.hp import Memory
from solvers.parallel import Comm, rank

OURS = ("result.json", "table.csv", "job.toml", "compare.toml", "fields", "figures", "spectra", "report.html")
DRAFTS = (  # of a run that was killed
    ".writing-*",
    *(f".{name}-*" for name in ("result.json", "table.csv", "job.toml", "compare.toml", "point_*")),
    *(f".*.{kind}.*" for kind in ("png", "svg", "pdf")),
)


@dataclass(frozen=True, slots=True)
class Fields:
    """The files of single points, each written by the ranks that have solved it."""

    path: Path  # of the result folder
    output: Output
    order: Mapping[str, int]  # number in the sweep, by key

    @classmethod
    def of(cls, path: Path, job: Job, todo: Sequence[Point]) -> "Fields":
        """Where the points of a job go."""
        order = {point.resolved.key: number for number, point in reversed(list(enumerate(todo)))}
        return cls(path, job.output, order)

    def name(self, key: str) -> str:
        """File name of a point: its number in the sweep."""
        return f"point_{self.order[key]:03d}"

    def write(self, solved: Solved, comm: Comm = None) -> None:
        """What is asked for of one point; every rank of `comm` calls this, the first one writes."""
        name, resolved = self.path / "fields" / self.name(solved.entry["key"]), solved.point.resolved
        with petsc.stage("output"):
            if self.output.fields or self.output.figures:
                write_profile(name.with_name(f"{name.name}_axis.csv"), resolved, solved.carriers, comm)
            if self.output.fields:
                file = name.with_name(f"{name.name}.{self.output.fields_as}")
                pair = None if solved.pair is None else solved.pair.fields()
                write_fields(file, resolved, solved.carriers, comm, pair)
            if solved.pair is not None and (self.output.fields or self.output.figures) and rank(comm) == 0:
                write_text(name.with_name(f"{name.name}_distance.csv"), solved.pair.distances.as_csv())
            if solved.spectrum is not None and rank(comm) == 0:
                file = self.path / "spectra" / f"{self.name(solved.entry['key'])}.csv"
                write_text(file, solved.spectrum.as_csv())
            if self.output.cube:
                write_cubes(name, resolved, solved.carriers, comm)


class Folder:
    """A folder that fills with the points of one job.

    Raises
    ------
    JobError
        The folder cannot be written, or holds another job's result, or files of the same names that are not ours,
        and `overwrite` is false; or it holds what this run reads, `source` being its job file.
    """

    def __init__(
        self, path: Path, job: Job, todo: Sequence[Point], *, overwrite: bool = False, source: Path | None = None
    ) -> None:
        self.path, self._job, self._todo = path, job, todo
        self._keys = [point.resolved.key for point in todo]
        self._writing = Sparing(self._write)
        self._fields = Fields.of(path, job, todo)
        self.finished: dict[str, dict[str, Any]] = {}  # entries by key
        self._failed: dict[str, dict[str, Any]] = {}
        self._texts: dict[int, str] = {}  # entries as they are written, by number in the sweep
        digest = _digest(job)
        self._result = replace(empty_result(job, todo), job=digest)
        try:
            if path.exists() and not path.is_dir():
                raise JobError(f"{path}: is a file; name a folder for the results with -o")
            self._refuse_inputs(source)
            held = self._held(overwrite)
            if held is not None and held.job != digest:
                if not overwrite:
                    raise JobError(
                        f"{path}: holds the result of another job, {held.title!r}; name another folder with -o, "
                        "or replace it with --overwrite"
                    )
                self._clear()
                held = None
            if held is not None:
                self.finished = {entry["key"]: entry for entry in held.points if self._complete(entry)}
            path.mkdir(parents=True, exist_ok=True)
            self._clear_drafts()
            self._writing.now()  # first the result: what is here without one is not ours
            _write_job(path, job)
        except OSError as error:
            raise JobError(f"{path}: cannot be written: {error.strerror or error}") from error

    @property
    def waiting(self) -> list[Point]:
        """Points that are not finished yet, in order."""
        return [point for key, point in zip(self._keys, self._todo) if key not in self.finished]

    def add(self, entry: dict[str, Any]) -> None:
        """Write the entry of a point, whose fields have been written: an entry is never without them.

        At once, or soon after where points are done faster than they can be written; the last one at once.
        """
        with self._writing.lock:
            self.finished[entry["key"]] = entry
            last = all(key in self.finished or key in self._failed for key in self._keys)
        if last:
            self._writing.now()
        else:
            self._writing.soon()

    def flush(self) -> None:
        """Write now what waits to be written."""
        self._writing.flush()

    def fail(self, point: Point, error: Exception) -> None:
        """List a point that could not be solved."""
        with self._writing.lock:
            self._failed[point.resolved.key] = {"parameters": dict(point.parameters), "error": str(error)}
        self._writing.now()

    @property
    def result(self) -> Result:
        """All that is finished, in the order of the sweep."""
        entries = [self._entry(number, key) for number, key in enumerate(self._keys) if key in self.finished]
        return replace(self._result, points=tuple(entries), failed=tuple(self._failed.values()))

    def _entry(self, number: int, key: str) -> dict[str, Any]:
        return {**self.finished[key], "parameters": dict(self._todo[number].parameters)}

    def _write(self) -> None:
        result = self.result
        for number, key in enumerate(self._keys):
            if key in self.finished and number not in self._texts:
                self._texts[number] = entry_json(self._entry(number, key))
        write_text(self.path / "result.json", result.as_json([self._texts[number] for number in sorted(self._texts)]))
        write_text(self.path / "table.csv", result.as_csv())

    def _refuse_inputs(self, source: Path | None) -> None:
        """What a run reads is never written over, nor taken away."""
        read = (source, self._job.structure.file, None if self._job.compare is None else self._job.compare.file)
        for file in (Path(file).resolve() for file in read if file is not None):
            if any(self.path.resolve() / name in (file, *file.parents) for name in OURS):
                raise JobError(
                    f"{self.path}: holds {file.name}, which this job is read from, and a result has a file of this "
                    f"name; name another folder with -o, such as {self.path / 'result'}"
                )

    def _held(self, overwrite: bool) -> Result | None:
        file = self.path / "result.json"
        if not file.exists():
            foreign = [name for name in OURS if (self.path / name).exists()]
            if foreign and not overwrite:
                raise JobError(
                    f"{self.path}: holds {' and '.join(foreign)}, but no result that it belongs to; name another "
                    "folder with -o, or write over it with --overwrite"
                )
            return None
        try:
            return Result.from_json(file.read_text(encoding="utf-8"))
        except (ValueError, KeyError) as error:
            raise JobError(f"{file}: is not a result of this program ({error}); name another folder with -o") from error

    def _complete(self, entry: dict[str, Any]) -> bool:
        """Whether an entry belongs to this sweep and has the files that are asked for."""
        if entry.get("key") not in self._fields.order:
            return False
        name, output = self._fields.name(entry["key"]), self._job.output
        wanted = [f"{name}.{output.fields_as}"] * output.fields
        wanted += [f"{name}_axis.csv"] * (output.fields or output.figures)
        if output.cube:
            counts = {carrier: len(entry[carrier]["energies_meV"]) for carrier in ("electron", "hole")}
            wanted += [f"{name}_{carrier}_{i}.cube" for carrier, count in counts.items() for i in range(count)]
        return all((self.path / "fields" / file).exists() for file in wanted)

    def _clear_drafts(self) -> None:
        for folder in (self.path, *(self.path / name for name in ("fields", "figures", "spectra"))):
            for draft in (draft for pattern in DRAFTS for draft in folder.glob(pattern)):
                if draft.is_dir():
                    shutil.rmtree(draft)
                else:
                    draft.unlink(missing_ok=True)

    def _clear(self) -> None:
        for name in OURS:
            target = self.path / name
            if target.is_dir():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)


def solve_into(
    path: Path, job: Job, todo: Sequence[Point], progress: Callable[[int, int], None] | None = None
) -> Result:
    """Solve the points of a job that are not finished in its folder, and draw what it asks for.

    Raises
    ------
    JobError
        The folder cannot be, or holds something else.
    SolverError
        A point could not be solved; those before it are kept.
    """
    folder, fields = Folder(path, job, todo), Fields.of(path, job, todo)
    memory = Memory()
    try:
        for point in folder.waiting:
            solved = solve_point(point, memory=memory)
            fields.write(solved)
            folder.add(solved.entry)
            if progress is not None:
                progress(len(todo) - len(folder.waiting), len(todo))
    finally:
        folder.flush()
    if job.output.figures:
        from exciton.pictures.gallery import draw

        for line in draw(path, folder.result, todo):
            warnings.warn(line, stacklevel=3)
    return replace(folder.result, path=path)


def _write_job(path: Path, job: Job) -> None:
    """The job with everything visible, and beside it the measured points: the folder can be moved."""
    if job.compare is None:
        (path / "compare.toml").unlink(missing_ok=True)
    else:
        write_text(path / "compare.toml", Path(job.compare.file).read_text(encoding="utf-8-sig"))
        job = job.model_copy(update={"compare": Compare(file="compare.toml")})
    write_text(path / "job.toml", to_toml(job))


def _digest(job: Job) -> str:
    """What makes two runs the same job: all that was given but title, output and what it is compared with."""
    given = {key: value for key, value in job.raw.items() if key not in ("title", "compare", "output")}
    solver = {key: value for key, value in given.pop("solver", {}).items() if key != "ranks_per_point"}
    if solver:  # who does it changes nothing
        given["solver"] = solver
    return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()
