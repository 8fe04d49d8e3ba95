"""``exciton check``: is this job sound, what does it assume, and what will it cost; nothing is solved."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exciton.job import Compare, Job
    from exciton.resolve import Region, Resolved
    from exciton.sweep import Point

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

Section = tuple[str, list[str]]  # heading, lines

_SHOWN = 12  # lines of one kind before the rest is counted only


def add(commands: "Commands") -> None:
    p = commands.add_parser("check", help="validate a job, print what it assumes and what it will cost")
    p.add_argument("job", type=Path, help="job file (TOML)")
    p.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE", help="replace one value of the job"
    )
    p.set_defaults(command=check_command)


def check_command(args: argparse.Namespace) -> int:
    from exciton.overrides import parse_override
    from exciton.reader import read_job
    from exciton.sweep import points

    job = read_job(args.job, [parse_override(text) for text in args.overrides])
    sections = list(_sections(args.job, job, points(job)))
    if sys.stdout.isatty():
        _print_rich(sections)
    else:
        print("\n\n".join("\n".join([heading, *(f"  {line}" for line in lines)]) for heading, lines in sections))
    return 0


def estimate(resolved: "Resolved") -> str:
    """What one point will cost, in words."""
    accuracy = resolved.accuracy
    if accuracy.by_hand:
        return f"{accuracy.element} elements of degree {accuracy.degree}, at most {accuracy.size_nm:g} nm, as given"
    from exciton.resolve import MeshFile
    from meshes.shapes import Cuboid

    if isinstance(resolved.geometry, MeshFile):
        cells = "the cells of the mesh file"
    else:
        cells = "hexahedra" if isinstance(resolved.geometry.core, Cuboid) else "tetrahedra"
    return f"{cells}, refined until every carrier level is known to {accuracy.energy_meV:g} meV"


def _sections(file: Path, job: "Job", points: "Sequence[Point]") -> Iterator[Section]:
    from exciton.cli.cost import forecast, seconds
    from exciton.cli.doubts import doubts

    count = f"{len(points)} point{'s' if len(points) > 1 else ''}"
    yield f"{file}: a valid job, {count}", [job.title] if job.title else []
    if doubtful := doubts(points):
        yield "Doubtful", doubtful
    first = points[0].resolved
    at = " (at the first point)" if len(points) > 1 else ""
    yield f"Regions{at}", _columns([_region_row(region) for region in first.regions])
    common = [line for line in first.assumptions if all(line in point.resolved.assumptions for point in points)]
    yield "Assumptions", common
    others = dict.fromkeys(line for point in points for line in point.resolved.assumptions if line not in common)
    if others:
        yield "Assumptions that change along the sweep", _shortened(list(others))
    if job.sweep:
        yield "Sweep", [f"{sweep.parameter}: {', '.join(map(str, sweep.values))}" for sweep in job.sweep]
    if job.compare is not None:
        yield "Compared with", _compared(job.compare, points)
    there = {sum(region.there for region in point.resolved.regions) for point in points}
    regions = f"{min(there)} to {max(there)}" if len(there) > 1 else f"{there.pop()}"
    discretisations = dict.fromkeys(estimate(point.resolved) for point in points)
    kinds: dict[str, list[float]] = {}  # seconds of the points of each
    for point in points:
        kinds.setdefault(_pair(point.resolved), []).append(seconds(point.resolved))
    pairs = [
        kind if len(kinds) == 1 else f"{kind}: {len(each)} of the points, {sum(each):.0f} s of CPU"
        for kind, each in kinds.items()
    ]
    cost = [f"{count} of {regions} regions, {first.carriers.states} states a carrier", *discretisations, *pairs]
    if any(point.resolved.exciton.level != "none" for point in points):
        cost.append(forecast(sum(map(sum, kinds.values()))))
    yield "Cost", cost


def _compared(compare: "Compare", points: "Sequence[Point]") -> list[str]:
    """What was measured, and which of it stands beside a computed point."""
    from exciton.measured import read_measured

    measured = read_measured(compare.file)
    lines = [f"{measured.source}: laid over the figures, changes no number and costs nothing"]
    for sample in measured.point:
        place = ", ".join(f"{name} = {value}" for name, value in sample.parameters.items())
        there = any(sample.parameters.items() <= point.parameters.items() for point in points)
        lines.append(f"{sample.name}: {place}{'' if there else ', where no point is computed'}")
    return _shortened(lines)


def _pair(resolved: "Resolved") -> str:
    level = resolved.exciton.level
    if level == "none":
        return "no pair"
    extras = ["dielectric mismatch"] * bool(resolved.exciton.polarisation)
    extras += ["lifetime"] * (resolved.kane_energy is not None)
    return f"pair: {', '.join([level, *extras])}"


def _region_row(region: "Region") -> tuple[str, ...]:
    if region.thickness is None:
        size = ""
    else:
        size = f"{region.thickness:g} nm" if region.there else "0 nm: not there"
    masses = f"m_e {_mass(region.electron_mass)}  m_h {_mass(region.hole_mass)}"
    barriers = f"V_e {region.electron_barrier:+.3f} eV  V_h {region.hole_barrier:+.3f} eV"
    return region.name, region.material, size, masses, barriers


def _mass(xyz: tuple[float, float, float]) -> str:
    return f"{xyz[0]:g}" if len(set(xyz)) == 1 else f"({', '.join(f'{m:g}' for m in xyz)})"


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def _shortened(lines: list[str]) -> list[str]:
    rest = len(lines) - _SHOWN
    return lines if rest <= 0 else [*lines[:_SHOWN], f"... and {rest} more"]


def _print_rich(sections: Sequence[Section]) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console()
    for heading, lines in sections:
        console.print(Text(heading, style="bold"))
        for line in lines:
            style = "yellow" if "[not verified]" in line else ""
            console.print(Padding(Text(line, style=style), (0, 0, 0, 2)))
        console.print()
