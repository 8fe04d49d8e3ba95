"""Progress on stderr: a bar with the time left on a terminal, a line a point over several ranks, else nothing."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count


@contextmanager
def progress(total: int, *, quiet: bool, ranks: int = 1) -> Iterator[Callable[[str], None]]:
    """Yields a function that is called with a word about each point as it is done."""
    if quiet or total == 0:
        yield lambda _: None
        return
    if ranks > 1:  # mpiexec and batch systems make no terminal
        yield _lines(total)
        return
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left:"), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.description}"), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("solving", total=total)

        def step(what: str) -> None:
            bar.update(task, advance=1, description=f"done: {what}")

        yield step


def _lines(total: int) -> Callable[[str], None]:
    done = count(1)

    def step(what: str) -> None:
        print(f"{next(done)} of {total} done: {what}", file=sys.stderr, flush=True)

    return step
