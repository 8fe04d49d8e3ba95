"""From a job file to a checked `Job`: TOML, the values that the command line sets, errors that name the file."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from exciton import keypath
from exciton.errors import JobError
from exciton.job import Job, StructureTable
from exciton.keypath import shown
from exciton.measured import read_measured
from exciton.overrides import override
from exciton.sweep import points

# Lists that a job need not spell out, so that `--set structure.core_shift_nm[0]=1` works without one.
DEFAULTS = {"structure": {"core_shift_nm": StructureTable.model_fields["core_shift_nm"].default}}


def read_job(file: str | Path, overrides: Iterable[tuple[str, Any]] = ()) -> Job:
    """Read and check a job file, every point of its sweeps included.

    `overrides` are paths and values that replace what the file says (``--set`` on the command line), in this order.

    Raises
    ------
    JobError
        One line: the file, the key, what was found and what is allowed.
    """
    file = Path(file)
    try:
        tables = _read_toml(file)
        named = [(keypath.parse(path), value) for path, value in overrides]
        for path, value in named:
            override(tables, path, value, DEFAULTS)
        job = Job(**_with_absolute_files(tables, file))
        for path, _ in named:
            _refuse_swept(job, path)
        points(job)
        _check_compare(job)
    except JobError as error:
        raise JobError(" ".join(f"{file}: {error}".split())) from error
    return job


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise JobError(f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise JobError(f"no text: byte {error.start} is not UTF-8; a job file is written in TOML") from error
    except ValueError as error:
        raise JobError(f"no name of a file: {error}") from error
    try:
        return tomllib.loads(text.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        raise JobError(f"no TOML: {' '.join(str(error).split())}{_hint(text, str(error))}") from error
    except (ValueError, RecursionError) as error:
        raise JobError(f"no TOML that can be read: {shown(str(error))}") from error


def _hint(text: str, error: str) -> str:
    """What may be wrong with the line that is no TOML: what people write there most."""
    number = re.search(r"at line (\d+)", error)
    line = text.splitlines()[int(number[1]) - 1] if number else ""
    if comma := re.search(r"=\s*([-+]?\d+),(\d+)", line):
        return f"; a decimal comma? write {comma[1]}.{comma[2]}"
    if (word := re.search(r"=\s*([A-Za-z][\w-]*)", line)) and word[1] not in ("true", "false", "inf", "nan"):
        return f'; words want quotes: "{word[1]}"'
    if line.count("{") > line.count("}"):
        return "; { ... } ends on the line on which it begins"
    return ""


def _with_absolute_files(tables: dict[str, Any], file: Path) -> dict[str, Any]:
    """Other files are named relative to the job file; after reading they can be found from anywhere."""
    for name in ("structure", "compare"):
        table = tables.get(name)
        if isinstance(table, dict) and isinstance(table.get("file"), str) and table["file"]:
            table["file"] = str(file.resolve().parent / table["file"])
    return tables


def _check_compare(job: Job) -> None:
    """Measured points can be read, and lie on an axis of this job."""
    if job.compare is None:
        return
    measured = read_measured(job.compare.file)
    swept = {keypath.parse(sweep.parameter) for sweep in job.sweep}
    named = {keypath.parse(key) for point in measured.point for key in point.parameters}
    if not swept & named:
        has = ", ".join(keypath.written(path) for path in sorted(swept, key=keypath.written)) or "nothing"
        raise JobError(
            f"compare.file: its points lie along {', '.join(sorted(map(keypath.written, named)))}, and this job sweeps "
            f"{has}: there is no axis to draw them on"
        )


def _refuse_swept(job: Job, path: keypath.Path) -> None:
    """A sweep would replace the value that was set, without a word."""
    for index, sweep in enumerate(job.sweep):
        if keypath.parse(sweep.parameter) == path:
            name = keypath.written(path)
            raise JobError(f"--set {name}: the job sweeps it; set sweep[{index}].values=[...] instead")
