"""Progress on stderr: a bar with the time left on a terminal; elsewhere, and over several ranks, a line a point."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count

from exciton.cli.cost import forecast

Step = Callable[[str, bool], None]  # called with a word about each point that is over, and whether it is solved


@contextmanager
def progress(total: int, *, quiet: bool, ranks: int = 1, seconds: float = 0.0) -> Iterator[Step]:
    """Yields a function to call as each point is over.

    Until the first one is, the time left is what is left of `seconds` of CPU, that may be expected for all of them.
    """
    if quiet or total == 0:
        yield lambda *_: None
        return
    if ranks > 1 or not sys.stderr.isatty():  # mpiexec and batch systems make no terminal, and logs want no bar
        yield _lines(total, seconds)
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

        def step(what: str, solved: bool) -> None:
            bar.update(task, advance=1, description=f"{'done' if solved else 'failed'}: {what}")

        yield step


def _lines(total: int, seconds: float) -> Step:
    begun, over = time.monotonic(), count(1)
    points = f"{total} point{'s' if total > 1 else ''}"
    print(f"solving {points}, {forecast(seconds)}", file=sys.stderr, flush=True)

    def step(what: str, solved: bool) -> None:
        after = f"after {time.monotonic() - begun:.0f} s"
        print(f"{next(over)} of {total} {'done' if solved else 'failed'} {after}: {what}", file=sys.stderr, flush=True)

    return step
