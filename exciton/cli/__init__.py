"""The command line: one module per subcommand, each with a parser and one function that returns an exit status.

Exit status: 0 done, 1 a solve that failed, 2 bad input or a missing component, 130 interrupted. Our own errors are
one line on stderr; a bug keeps its traceback. Only the module of the command that is run is imported.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import NoReturn

from solvers import threads
from solvers.launcher import launched

COMMANDS = ("solve", "new", "check", "materials", "mesh", "view", "report", "app", "doctor")  # in the order of --help


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status. argparse leaves by itself for --help and for its own errors (2)."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    threads.one_by_default()
    ranks, rank = launched()
    if ranks > 1:
        from exciton.cli.ranks import run

        return run(arguments, rank)
    try:
        args = _parser(arguments).parse_args(arguments)
        status: int = args.command(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _say("interrupted", 130)
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        known = _status(error)
        if known is None:
            raise
        return _say(str(error), known)
    return status


class Parser(argparse.ArgumentParser):
    """One that says what is wrong in one line, as everything else here does."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, _line(f"{message} (see {self.prog} --help)") + "\n")


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    from exciton import __version__

    parser = Parser(
        prog="exciton",
        description="Electron, hole and exciton in core/shell nanocrystals, from a job file to numbers and pictures.",
        epilog="Start with: exciton new -o job.toml; exciton solve job.toml",
    )
    parser.add_argument("--version", action="version", version=f"exciton-fem {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    wanted = arguments[:1] if arguments and arguments[0] in COMMANDS else COMMANDS
    for name in wanted:
        if find_spec(f"{__name__}.{name}") is not None:
            import_module(f"{__name__}.{name}").add(commands)
    return parser


def _status(error: Exception) -> int | None:
    """Exit status of our own errors; None for a bug."""
    from exciton.errors import ComponentMissing, JobError
    from meshes.errors import MesherMissing, MeshError
    from solvers.errors import BackendMissing, SolverError

    if isinstance(error, SolverError):
        return 1
    if isinstance(error, (JobError, ComponentMissing, MeshError, MesherMissing, BackendMissing)):
        return 2
    return None


def _say(text: str, status: int) -> int:
    print(_line(text), file=sys.stderr)
    return status


def _line(text: str) -> str:
    return f"exciton: {' '.join(text.split())}"
