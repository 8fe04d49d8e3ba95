"""What a job gives: one plain entry per sweep point, and how it is written (JSON, CSV) and shown."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any

from exciton.digits import with_error
from exciton.pictures.style import parameter_label
from exciton.showing import Shows

if TYPE_CHECKING:
    import pandas

SCHEMA = 1
LIGHT = (  # keys of a point that belong to its lifetime
    "radiative_lifetime_ns",
    "radiative_lifetime_error_ns",
    "radiative_lifetime_0K_ns",
    "mean_field_lifetime_ns",
    "mean_enhancement",
    "local_field",
)


@dataclass(frozen=True, slots=True)
class Result(Shows):
    """The points of a job, in the order of its sweep, as they stand in ``result.json``."""

    title: str
    points: tuple[dict[str, Any], ...]
    assumptions: tuple[str, ...] = ()
    failed: tuple[dict[str, Any], ...] = ()  # parameters and the error of each point that could not be solved
    versions: Mapping[str, str] = field(default_factory=dict)
    materials: Mapping[str, str] = field(default_factory=dict)  # of each region
    measured: Mapping[str, Any] = field(default_factory=dict)  # source, label and points that the job compares with
    job: str = ""  # digest of the job that this is the result of
    path: Path | None = field(default=None, compare=False)  # its folder, where it has one

    def as_json(self, entries: Sequence[str] | None = None) -> str:
        """The result file; `entries` are the points as `entry_json` gives them, where they are at hand."""
        content = {
            "schema": SCHEMA,
            "title": self.title,
            "job": self.job,
            "versions": dict(self.versions),
            "materials": dict(self.materials),
            "assumptions": list(self.assumptions),
            **({"measured": dict(self.measured)} if self.measured else {}),
            "failed": list(self.failed),
        }
        frame = json.dumps(content, indent=1, allow_nan=False)
        points = ",\n".join(map(entry_json, self.points) if entries is None else entries)
        return frame.removesuffix("\n}") + f',\n "points": [\n{points}\n ]\n}}\n'

    @classmethod
    def from_json(cls, text: str) -> "Result":
        """Read a result file.

        Raises
        ------
        ValueError
            It is no result file of this schema.
        """
        content = json.loads(text)
        if not isinstance(content, dict) or content.get("schema") != SCHEMA or "points" not in content:
            raise ValueError(f"not a result file of schema {SCHEMA}")
        return cls(
            title=content["title"],
            points=tuple(content["points"]),
            assumptions=tuple(content["assumptions"]),
            failed=tuple(content.get("failed", ())),
            versions=content["versions"],
            materials=content.get("materials", {}),
            measured=content.get("measured", {}),
            job=content.get("job", ""),
        )

    def rows(self) -> list[dict[str, Any]]:
        """One flat row per point; the column names carry the units."""
        return [dict(_row(point)) for point in self.points]

    def as_csv(self) -> str:
        """`rows` as a table; a column that a point does not have is empty there."""
        rows = self.rows()
        columns = list(dict.fromkeys(name for row in rows for name in row))
        text = StringIO()
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()

    def table(self) -> str:
        """The table that ``exciton solve`` prints; digits in brackets are the error in units of the last digit."""
        return "\n".join(plain_table(*headings(self.points, self.materials)))

    def write(self, folder: str | Path) -> None:
        """``result.json`` and ``table.csv``; `exciton.solve(job, folder=...)` writes fields and figures besides."""
        from exciton.fields import write_text

        write_text(Path(folder) / "result.json", self.as_json())
        write_text(Path(folder) / "table.csv", self.as_csv())

    def to_pandas(self) -> "pandas.DataFrame":
        """`rows` as a data frame.

        Raises
        ------
        ComponentMissing
            pandas is not installed.
        """
        from exciton.errors import ComponentMissing

        try:
            import pandas
        except ImportError:
            raise ComponentMissing(
                "pandas is not installed here: install exciton-fem with its extra [pandas]"
            ) from None
        return pandas.DataFrame(self.rows())


def entry_json(point: Mapping[str, Any]) -> str:
    """One point as it stands in the result file."""
    return indent(json.dumps(point, indent=1, allow_nan=False), "  ")


def plain_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of a table in plain columns, right-justified."""
    widths = [max(map(len, column)) for column in zip(heads, *rows)]
    for line in (heads, *rows):
        yield "  ".join(cell.rjust(width) for cell, width in zip(line, widths)).rstrip()


def _row(point: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from point["parameters"].items()
    yield "alignment_type", point["alignment"]["type"]
    yield "type_by_states", point["alignment"]["type_by_states"]
    for carrier in ("electron", "hole"):
        states = point[carrier]
        yield f"{carrier}_meV", states["energies_meV"][0]
        yield f"{carrier}_error_meV", states["error_meV"][0]
        for region, share in states["probability"][0].items():
            yield f"{carrier}_in_{region}", share
    yield "overlap_squared", point["overlap_squared"]
    yield "gap_eV", point["gap_eV"]
    if "exciton" in point:
        pair = point["exciton"]
        yield "pair_meV", pair["energy_meV"]
        yield "pair_error_meV", pair["error_meV"]
        yield from ((f"{name}_term_meV", value) for name, value in pair["terms_meV"].items())
        yield "enhancement", pair["enhancement"]
        yield "enhancement_error", pair["enhancement_error"]
    yield "emission_eV", point["emission_eV"]
    yield "emission_nm", point["emission_nm"]
    yield from ((name, point[name]) for name in LIGHT if name in point)
    yield "unknowns", point["cost"]["dofs"]
    yield "seconds", point["cost"]["seconds"]


def headings(points: Sequence[Mapping[str, Any]], materials: Mapping[str, str]) -> tuple[list[str], list[list[str]]]:
    """The terminal's table: headings and cells, one row per point; `materials` of the regions name the parameters."""
    names = list(points[0]["parameters"]) if points else []
    heads = [parameter_label(name, materials) for name in names]
    heads += ["electron meV", "hole meV", "e in core", "h in core", "type", "pair - gap meV", "emission eV", "nm"]
    lives = {"lifetime ns": "radiative_lifetime_ns", "mean-field lifetime ns": "mean_field_lifetime_ns"}
    shown = {head: key for head, key in lives.items() if any(key in point for point in points)}
    heads += shown
    return heads, [[*_cells(point, names), *(_life(point, key) for key in shown.values())] for point in points]


def _life(point: Mapping[str, Any], key: str) -> str:
    if key not in point:
        return "-"
    error = point.get("radiative_lifetime_error_ns") if key == "radiative_lifetime_ns" else None
    return f"{point[key]:.3g}" if error is None else with_error(point[key], error)


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _cells(point: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    def level(carrier: str) -> str:
        return with_error(point[carrier]["energies_meV"][0], point[carrier]["error_meV"][0])

    def inside(carrier: str) -> str:
        share = next(iter(point[carrier]["probability"][0].values()))
        return f"{100 * share:.2f} %"

    pair = point.get("exciton")
    return [
        *(_shown(point["parameters"][name]) for name in names),
        level("electron"),
        level("hole"),
        inside("electron"),
        inside("hole"),
        point["alignment"]["type_by_states"],
        "-" if pair is None else with_error(pair["energy_meV"], pair["error_meV"]),
        f"{point['emission_eV']:.4f}",
        f"{point['emission_nm']:.2f}",
    ]
