"""What a job may say and hardly means: sizes in angstrom, barriers in meV."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from exciton.job import Job
    from exciton.sweep import Point

LARGE = 60.0  # nm, of a core: beyond this nothing is confined
THICK = 20.0  # nm, of a layer
HIGH = 20.0  # eV, of a barrier


class Doubt(NamedTuple):
    """A value that is large in its unit, and would not be in another."""

    key: str
    value: float
    other: str
    factor: float  # of the other unit

    def __str__(self) -> str:
        return f"{self.key} = {self.value:g}: is that {self.other}? then write {self.value * self.factor:g}"


def doubts(points: "Sequence[Point]") -> list[str]:
    """A line for the user about each of them, at the point where it is largest."""
    worst: dict[str, Doubt] = {}
    for doubt in (each for point in points for each in _of(point.job)):
        if doubt.key not in worst or abs(doubt.value) > abs(worst[doubt.key].value):
            worst[doubt.key] = doubt
    return [str(doubt) for doubt in worst.values()]


def _of(job: "Job") -> Iterator[Doubt]:
    structure = job.structure
    core = {} if structure.core is None else structure.core.model_dump(exclude={"material"}, exclude_none=True)
    for key, value in core.items():
        size = max(value) if isinstance(value, tuple) else value
        if size > LARGE:
            yield Doubt(f"structure.core.{key}", size, "angstrom", 0.1)
    layers = {f"shells[{number}]": shell for number, shell in enumerate(structure.shells)}
    if structure.surroundings is not None:
        layers["surroundings"] = structure.surroundings
    for name, layer in layers.items():
        if layer.thickness_nm > THICK:
            yield Doubt(f"structure.{name}.thickness_nm", layer.thickness_nm, "angstrom", 0.1)
    for material, barriers in job.alignment.items():
        for key, value in barriers.model_dump(exclude_none=True).items():
            if abs(value) > HIGH:
                yield Doubt(f"alignment.{material}.{key}", value, "meV", 1e-3)
