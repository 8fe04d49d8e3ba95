"""``exciton materials [NAME]``: the material database on the terminal, every number with its spread and its source."""

import argparse
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from exciton import materials
from exciton.materials import KEYS, Material

if TYPE_CHECKING:
    from rich.table import Table

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_COLUMNS = ("quantity", "value", "spread", "unit", "status", "source")


def add(commands: "Commands") -> None:
    p = commands.add_parser("materials", help="print the material database: every number, its spread and its source")
    p.add_argument("name", nargs="?", metavar="NAME", help="one material (default: all of them)")
    p.set_defaults(command=materials_command)


def materials_command(args: argparse.Namespace) -> int:
    chosen = [materials.lookup(name) for name in ([args.name] if args.name else materials.names())]
    if sys.stdout.isatty():
        _print_tables(chosen)
    else:
        print("\n\n".join(_plain(material) for material in chosen))
    return 0


def _rows(material: Material) -> list[tuple[str, ...]]:
    """One row of `_COLUMNS` per number; a note follows its source."""
    return [
        (
            key,
            f"{q.value:g}",
            f"{q.low:g} ... {q.high:g}" if q.low < q.high else "-",
            KEYS[key].unit or "-",
            "verified" if q.verified else "unverified",
            f"{q.source} [{q.note}]" if q.note else q.source,
        )
        for key, q in material.quantities.items()
    ]


def _heading(material: Material) -> str:
    return f"{material.name}: {material.title} ({material.kind})"


def _plain(material: Material) -> str:
    """Aligned columns without colour, borders or line breaks inside a row, for pipes and files."""
    rows = [_COLUMNS, *_rows(material)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join((_heading(material), *lines))


def _print_tables(chosen: Iterable[Material]) -> None:
    from rich.console import Console

    console = Console()
    for material in chosen:
        console.print(_table(material), markup=False)


def _table(material: Material) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(_heading(material), style="bold"), title_justify="left", box=SIMPLE_HEAD)
    for column in _COLUMNS:
        table.add_column(column, justify="right" if column in ("value", "spread") else "left")
    for row in _rows(material):
        style = "" if row[_COLUMNS.index("status")] == "verified" else "yellow"
        table.add_row(*(Text(cell, style=style) for cell in row))
    return table
