"""One table on stdout: ruled on a terminal, plain columns when piped."""

import sys
from collections.abc import Sequence

from solvers.launcher import launched


def print_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print headings and cells; every cell is text already."""
    if sys.stdout.isatty() and launched()[0] == 1:  # mpiexec shows ranks a terminal whether there is one or not
        from rich.console import Console
        from rich.table import Table

        table = Table(title=title or None, title_justify="left")
        for head in heads:
            table.add_column(head, justify="right")
        for row in rows:
            table.add_row(*row)
        Console().print(table)
        return
    from exciton.result import plain_table

    if title:
        print(title)
    for line in plain_table(heads, rows):
        print(line)
