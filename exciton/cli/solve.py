"""``exciton solve``: one job file in, a table on the terminal and a folder of results out."""

import argparse
import sys
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from exciton.folder import Fields, Folder
    from exciton.job import Job
    from exciton.result import Result
    from exciton.sweep import Point
    from solvers.errors import SolverError
    from solvers.hp import Memory
    from solvers.parallel import Comm

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add(commands: "Commands") -> None:
    p = commands.add_parser("solve", help="solve one job file and write its results")
    p.add_argument("job", type=Path, help="job file (TOML)")
    p.add_argument("-o", "--out", type=Path, metavar="DIR", help="result folder (default: named after the job)")
    p.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE", help="replace one value of the job"
    )
    p.add_argument("--backend", choices=("scipy", "petsc"), help="linear algebra (default: the job's)")
    p.add_argument(
        "--processes",
        type=_positive,
        metavar="N",
        help="points solved at once, without MPI (default: one for each core, where small points are many)",
    )
    p.add_argument("--overwrite", action="store_true", help="replace another job's result in the folder")
    p.add_argument("--quiet", action="store_true", help="no progress and no table")
    p.set_defaults(command=solve_command)


def solve_command(args: argparse.Namespace) -> int:
    """Every rank runs this; rank 0 keeps the folder and speaks."""
    from exciton.cli.doubts import doubts
    from exciton.errors import JobError
    from exciton.folder import Fields, Folder
    from exciton.overrides import parse_override
    from exciton.reader import read_job
    from exciton.sweep import points
    from solvers import parallel

    comm = parallel.world()
    overrides = [parse_override(text) for text in args.overrides]
    if args.backend:
        overrides.append(("solver.backend", args.backend))
    job = read_job(args.job, overrides)
    todo = points(job)
    _require_backend(todo, parallel.size(comm))
    if parallel.rank(comm) == 0 and not args.quiet:
        for line in doubts(todo):
            print(f"exciton: {line}", file=sys.stderr)
    path = args.out or args.job.with_suffix("")
    folder: Folder | None = None
    with parallel.together(comm):
        if parallel.rank(comm) == 0:
            folder = Folder(path, job, todo, overwrite=args.overwrite, source=args.job)
    waiting = parallel.from_first(comm, folder.waiting if folder else [])
    try:
        failed = _run(folder, waiting, Fields.of(path, job, todo), comm, args.processes, quiet=args.quiet)
        with parallel.together(comm):
            if folder is not None:
                _finish(folder, job, todo, len(todo) - len(waiting), quiet=args.quiet)
    except OSError as error:  # a full disc, say, and points that are finished are whole
        raise JobError(f"{path}: cannot be written: {error.strerror or error}; finished points are kept") from error
    return parallel.from_first(comm, 1 if failed else 0)


def _require_backend(todo: "Sequence[Point]", ranks: int) -> None:
    """What is asked for must be there before anything is computed; several ranks ask for petsc."""
    backends = {point.resolved.solver.wanted for point in todo}
    if "petsc" in backends or (ranks > 1 and "auto" in backends):
        from solvers import petsc

        petsc.load()


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed: 1 or more")
    return int(text)


def _run(
    folder: "Folder | None",
    waiting: "Sequence[Point]",
    fields: "Fields",
    comm: "Comm",
    processes: int | None,
    *,
    quiet: bool,
) -> int:
    """Solve what is waiting, each point on a team of ranks or in a process; returns how many failed, on rank 0."""
    from exciton.cli.cost import seconds
    from exciton.cli.first import where
    from exciton.cli.progress import progress
    from exciton.workflow import ranks_per_point
    from solvers.errors import SolverError
    from solvers.farm import farm
    from solvers.parallel import size
    from solvers.pool import pool

    outcomes: Iterator[tuple[int, dict[str, Any] | SolverError]]
    if size(comm) == 1:
        outcomes = pool(processes or _processes(waiting), waiting, partial(_solved, fields))
    else:
        teams = ranks_per_point(waiting, size(comm))
        outcomes = farm(comm, teams, len(waiting), lambda team, number: _solved(fields, waiting[number], team))
    failed = 0
    expected = sum(seconds(point.resolved) for point in waiting)
    with progress(len(waiting), quiet=quiet or folder is None, ranks=size(comm), seconds=expected) as step:
        try:
            for number, outcome in outcomes:
                assert folder is not None
                point = waiting[number]
                solved = not isinstance(outcome, SolverError)
                if isinstance(outcome, SolverError):
                    folder.fail(point, outcome)
                    failed += 1
                else:
                    folder.add(outcome)
                step(where(point.parameters), solved)
        finally:
            if folder is not None:
                folder.flush()
    return failed


def _processes(waiting: "Sequence[Point]") -> int:
    """One for each core, if starting them pays: a process takes as long to start as four small points to be solved."""
    from exciton.carriers import on_boxes
    from solvers.pool import cores

    small = all(on_boxes(point.resolved) for point in waiting)
    return max(1, min(cores(), len(waiting) // 4)) if small else 1


def _solved(fields: "Fields", point: "Point", team: "Comm" = None) -> "dict[str, Any] | SolverError":
    """Solve a point and write its files; what failed is returned, since it must travel."""
    from exciton.workflow import solve_point
    from solvers.errors import SolverError
    from solvers.parallel import all_here

    try:
        solved = solve_point(point, team, _memory())
    except SolverError as error:
        if not all_here(team):  # the others wait in a call that will never end
            raise
        return SolverError(str(error))
    fields.write(solved, team)
    return solved.entry


@cache
def _memory() -> "Memory":
    """Of this process: what its next point has in common with the last is not solved again."""
    from solvers.hp import Memory

    return Memory()


def _finish(folder: "Folder", job: "Job", todo: "Sequence[Point]", kept: int, *, quiet: bool) -> None:
    """Figures, the table, and what failed."""
    from exciton.cli.first import where

    result = folder.result
    if job.output.figures and result.points:
        from exciton.pictures.gallery import draw

        for line in draw(folder.path, result, todo):
            print(f"exciton: {line}", file=sys.stderr)
    if not quiet:
        _print(result, folder, kept)
    for entry in result.failed:
        print(f"exciton: failed: {where(entry['parameters'])}: {entry['error']}", file=sys.stderr)


def _print(result: "Result", folder: "Folder", kept: int) -> None:
    from exciton.cli.first import where
    from exciton.cli.tables import print_table
    from exciton.result import headings

    if result.points:
        print_table(result.title, *headings(result.points, result.materials))
    for point in result.points:
        for flag in point.get("flags", ()):
            print(f"note: {where(point['parameters'])}: {flag}")
    if kept:
        print(f"{kept} of {len(result.points) + len(result.failed)} points were finished before and kept")
    print(f"results in {folder.path}/")
