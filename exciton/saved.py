"""A finished result folder, read back for pictures and reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from exciton.errors import JobError
from exciton.pictures.figures import Files, few
from exciton.pictures.style import caption
from exciton.result import Result


@dataclass(frozen=True, slots=True)
class Shown:
    """One point of a result with its files."""

    number: int  # in the sweep, from 0, as in the names of its files
    entry: Mapping[str, Any]  # of the result
    label: str
    files: Files

    @property
    def vtu(self) -> Path:
        """Its 3D fields."""
        return self.files.vtu

    @property
    def axis(self) -> Path:
        """Its profile along the axis."""
        return self.files.axis


@dataclass(frozen=True, slots=True)
class Saved:
    """A folder that `exciton solve` has written."""

    path: Path
    result: Result
    points: tuple[Shown, ...]

    @classmethod
    def read(cls, path: Path) -> "Saved":
        """Read ``result.json``; the numbers of the points are those of ``job.toml``.

        Raises
        ------
        JobError
            The folder holds no result, or one without a single finished point.
        """
        file = path / "result.json"
        try:
            result = replace(Result.from_json(file.read_text(encoding="utf-8")), path=path)
        except OSError as error:
            raise JobError(f"{path}: holds no result ({file.name}: {error.strerror}); solve a job first") from error
        except (ValueError, KeyError) as error:
            raise JobError(f"{file}: is not a result of this program ({error})") from error
        if not result.points:
            raise JobError(f"{path}: no point of this result is finished; solve it again")
        numbers = _numbers(path / "job.toml", result)
        return cls(path, result, tuple(_shown(path, result, n, entry) for n, entry in zip(numbers, result.points)))

    def chosen(self, numbers: Sequence[int] | None) -> tuple[Shown, ...]:
        """The points of these numbers, in this order; by default all, or of many the first and the last.

        Raises
        ------
        JobError
            There is no such point.
        """
        if not numbers:
            return tuple(few(self.points))
        known = {point.number: point for point in self.points}
        for number in numbers:
            if number not in known:
                raise JobError(f"--point {number}: finished are {_ranges(sorted(known))}")
        return tuple(known[number] for number in dict.fromkeys(numbers))


def read_result(folder: str | Path) -> Result:
    """The result in a folder that ``exciton solve`` has written.

    Raises
    ------
    JobError
        The folder holds none, or one without a single finished point.
    """
    return Saved.read(Path(folder)).result


def require_fields(points: Sequence[Shown]) -> None:
    """Nothing where all points have their 3D fields.

    Raises
    ------
    JobError
        One has not.
    """
    for point in points:
        if not point.vtu.exists():
            raise JobError(
                f"{point.vtu}: is not there, and 3D pictures are drawn from it; solve the job with output.fields = true"
            )


def _shown(path: Path, result: Result, number: int, entry: Mapping[str, Any]) -> Shown:
    return Shown(number, entry, caption(entry["parameters"], result.materials), Files.of(path, number))


def _numbers(job: Path, result: Result) -> list[int]:
    """Where each point stands in the sweep: points that failed or are not done have a number, but no entry."""
    from exciton.reader import read_job
    from exciton.sweep import points

    try:
        todo = points(read_job(job))
    except JobError:  # by another version, or its mesh has moved: the order is all that is known
        return list(range(len(result.points)))
    keys = {point.resolved.key: number for number, point in reversed(list(enumerate(todo)))}
    values = {_values(point.parameters): number for number, point in reversed(list(enumerate(todo)))}
    return [
        keys.get(entry["key"], values.get(_values(entry["parameters"]), place))
        for place, entry in enumerate(result.points)
    ]


def _values(parameters: Mapping[str, Any]) -> str:
    return repr(sorted((name, value) for name, value in parameters.items()))


def _ranges(numbers: Sequence[int]) -> str:
    whole = len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1
    return f"{numbers[0]} to {numbers[-1]}" if whole else ", ".join(map(str, numbers))
