"""What is known about a material of a job: the database, overridden by the job's own numbers, each with its origin."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from exciton.errors import JobError
from exciton.job import Job
from exciton.materials import lookup
from exciton.materials import names as database_names
from exciton.overrides import RIVALS

Triple = tuple[float, float, float]

GIVEN = "given in the job"


@dataclass(frozen=True, slots=True)
class Number:
    """One number, in the unit of its key, with the range of the literature where it comes from the database."""

    value: float | Triple
    low: float | None = None
    high: float | None = None
    source: str = GIVEN
    verified: bool = True

    @property
    def origin(self) -> str:
        """Spread, source and warning in one line."""
        spread = "" if self.low is None or self.low == self.high else f"{self.low:g} ... {self.high:g}, "
        warning = "" if self.verified else " [not verified]"
        return " ".join(f"{spread}{self.source}{warning}".split())

    def __str__(self) -> str:
        return f"{_text(self.value)}, {self.origin}"


@dataclass(frozen=True, slots=True)
class Facts:
    """All numbers of one material by key; `values` is what `exciton.alignment` reads."""

    name: str
    numbers: Mapping[str, Number] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, float | Triple]:
        """Value by key."""
        return {key: number.value for key, number in self.numbers.items()}

    @property
    def affinity_spread(self) -> tuple[float, float] | None:
        """Range of the electron affinity in eV, where it is the database's."""
        affinity = self.numbers.get("electron_affinity_eV")
        if affinity is None or affinity.low is None or affinity.high is None:
            return None
        return affinity.low, affinity.high

    def permittivity(self) -> float | None:
        """Relative permittivity, where it is known."""
        number = self.numbers.get("permittivity")
        return None if number is None else _scalar(number.value)

    def number(self, key: str) -> float | None:
        """A scalar by its key, where it is known."""
        number = self.numbers.get(key)
        return None if number is None else _scalar(number.value)

    def mass(self, carrier: str) -> Triple:
        """Effective mass of ``electron`` or ``hole`` along x, y, z.

        Raises
        ------
        JobError
            It is not known.
        """
        for key in (f"{carrier}_mass_xyz", f"{carrier}_mass"):
            if key in self.numbers:
                value = self.numbers[key].value
                return value if isinstance(value, tuple) else (value, value, value)
        raise missing(self.name, f"{carrier}_mass")


def facts(job: Job, name: str) -> Facts:
    """The database's numbers of a material with the job's on top.

    A number of the job that is the database's, as in the resolved job of a result, keeps its source and its spread.

    Raises
    ------
    JobError
        Neither the database nor the job knows the material.
    """
    table = job.materials.get(name)
    given = {} if table is None else table.model_dump(exclude_none=True)
    numbers: dict[str, Number] = {}
    if table is None or name in database_names():
        for key, q in lookup(name).quantities.items():
            if not any(rival in given for rival in RIVALS.get(key, ())):  # they say the same thing in another way
                numbers[key] = Number(q.value, q.low, q.high, q.source, q.verified)
    for key, value in given.items():
        known = numbers.get(key)
        if known is not None and known.value == value:
            numbers[key] = replace(known, source=f"{GIVEN}, as in the database: {known.source}")
        else:
            numbers[key] = Number(value)
    return Facts(name, numbers)


def missing(name: str, *keys: str) -> JobError:
    """The error of a material that lacks a number."""
    return JobError(
        f"materials.{name}: {' or '.join(keys)} is missing; neither the job nor the database gives it for {name}"
    )


def _scalar(value: float | Triple) -> float:
    if isinstance(value, tuple):
        raise TypeError(f"{value} where one number was expected")
    return value


def _text(value: float | Triple) -> str:
    return f"({', '.join(f'{v:g}' for v in value)})" if isinstance(value, tuple) else f"{value:g}"
