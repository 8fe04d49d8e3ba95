"""Progress on stderr: a bar with the time left on a terminal, a line a point over several ranks, else nothing."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count


@contextmanager
def progress(total: int, *, quiet: bool, ranks: int = 1, seconds: float = 0.0) -> Iterator[Callable[[str], None]]:
    """Yields a function that is called with a word about each point as it is done.

    Until the first one is, the time left is what is left of `seconds`, that may be expected for all of them.
    """
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
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Left(TimeRemainingColumn):
        def render(self, task: Task) -> Text:
            left = int(seconds - (task.elapsed or 0.0))
            if task.completed or left <= 0:
                return super().render(task)
            return Text(f"about {timedelta(seconds=left)}", style="progress.remaining")

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left:"), Left())
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
