"""Measured points to lay over a sweep: one TOML file, the source of its numbers first.

source = "A. Author, Journal 1, 2 (2025), doi ..."
label = "Author 2025"                       # in the legends

[[point]]
name = "no shell"
parameters = { "structure.shells[0].thickness_nm" = 0.0 }
emission_nm = 507.0
lifetime_ns = 12.2
quantum_yield = 0.75
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, Strict, ValidationError, model_validator

from exciton import keypath
from exciton.errors import JobError
from exciton.job import Table
from exciton.job_errors import fault, one_line

Positive = Annotated[float, Field(gt=0, le=1e9)]
Error = Annotated[float, Field(ge=0, le=1e9)]
LIGHT = 0.05, 20.0  # eV: photons that a semiconductor may emit
Words = Annotated[str, Field(min_length=1, max_length=1000)]


class MeasuredPoint(Table):
    """One sample. Errors are one standard deviation, and left out where none is known."""

    name: Words = Field(description="for people")
    parameters: Mapping[Words, float | str] = Field(description="where it lies on the axes: paths of the job")
    parameter_errors: Mapping[Words, Error] = Field(default_factory=dict, description="of some of these")
    emission_eV: Positive | None = Field(default=None, description="peak of the emission")
    emission_nm: Positive | None = Field(default=None, description="peak of the emission, instead")
    emission_error_eV: Error | None = Field(default=None, description="of the peak")
    lifetime_ns: Positive | None = Field(default=None, description="of the luminescence, all channels together")
    lifetime_error_ns: Error | None = Field(default=None, description="of the lifetime")
    quantum_yield: Annotated[float, Field(gt=0, le=1)] | None = Field(default=None, description="of the luminescence")
    note: str = Field(default="", description="for people")

    @model_validator(mode="after")
    def _one_peak(self) -> Self:
        if self.emission_eV is not None and self.emission_nm is not None:
            raise fault(("emission_nm",), "given beside emission_eV; give one of the two")
        self._refuse_other_unit()
        for key in self.parameters:
            try:
                keypath.parse(key)
            except JobError as error:
                raise fault(("parameters", key), str(error)) from None
        return self

    def _refuse_other_unit(self) -> None:
        """An energy among wavelengths, or the reverse."""
        from exciton.units import HC

        for key, value, other, unit in (
            ("emission_nm", self.emission_nm, "emission_eV", "eV"),
            ("emission_eV", self.emission_eV, "emission_nm", "nm"),
        ):
            energy = value if key == "emission_eV" or value is None else HC / value
            if value is not None and energy is not None and not LIGHT[0] <= energy <= LIGHT[1]:
                raise fault((key,), f"found {value:g}, which is {HC / value:.3g} {unit}; did you mean {other}?")


class Measured(Table):
    """A file of them."""

    source: Words = Field(description="where the numbers stand")
    label: Annotated[str, Field(min_length=1, max_length=40)] = Field(description="in the legends of figures")
    point: Annotated[tuple[MeasuredPoint, ...], Strict(False), Field(min_length=1)] = Field(description="the samples")

    def as_json(self) -> dict[str, Any]:
        """Plain values, for ``result.json``; every peak in eV."""
        from exciton.units import HC

        content = self.model_dump(exclude_none=True, exclude_defaults=True)
        points = []
        for point in content.pop("point"):
            if "emission_nm" in point:
                point["emission_eV"] = HC / point.pop("emission_nm")
            points.append(keypath.plain(point))
        return {**content, "points": points}


def read_measured(file: str | Path) -> Measured:
    """Read and check a file of measured points.

    Raises
    ------
    JobError
        One line: the file, the key, what was found and what is allowed.
    """
    file = Path(file)
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8-sig"))
        return Measured(**tables)
    except OSError as error:
        raise JobError(f"{file}: cannot be read: {error.strerror or error}") from error
    except ValidationError as error:
        raise JobError(f"{file}: {one_line(error, Measured)}") from error
    except (ValueError, RecursionError) as error:
        raise JobError(f"{file}: no TOML: {' '.join(str(error).split())}") from error
