"""The command line under mpiexec: one voice, and an error on one rank ends all of them.

Only ``exciton solve`` works on several ranks; of any other command rank 0 runs the only copy.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout


def run(arguments: Sequence[str], rank: int) -> int:
    """Run one command on this rank of several; returns its exit status, the same on all of them."""
    if rank > 0 and list(arguments[:1]) != ["solve"]:
        return 0
    if rank == 0:
        return _run(arguments, rank)
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        return _run(arguments, rank)


def _run(arguments: Sequence[str], rank: int) -> int:
    from exciton.cli import _line, _parser, _status
    from solvers import parallel
    from solvers.errors import BackendMissing

    try:
        if rank == 0:
            args = _parser(arguments).parse_args(arguments)
        else:
            with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):  # rank 0 says what is wrong
                args = _parser(arguments).parse_args(arguments)
        status: int = args.command(args)
        sys.stdout.flush()
    except Exception as error:
        known = _status(error)
        message = "".join(traceback.format_exception(error)).rstrip() if known is None else _line(str(error))
        if list(arguments[:1]) != ["solve"]:
            print(message, file=sys.stderr)
            return known or 1
        try:
            comm = parallel.world()
        except BackendMissing:  # on all ranks alike
            if rank == 0:
                print(message, file=sys.stderr)
            return known or 1
        return parallel.ending(comm, known or 1, message)
    return status
