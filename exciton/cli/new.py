"""``exciton new``: an annotated job to start from."""

import argparse
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

from exciton.errors import JobError

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

STARTER = "starter"
MEASURED = {"zns-on-cspbbr3": "teku2025.toml"}  # what a job is compared with, to be written beside it


def add(commands: "Commands") -> None:
    p = commands.add_parser(
        "new", help="write an annotated starter job", description=f"Starter jobs: {', '.join(examples())}."
    )
    p.add_argument("-o", "--out", type=Path, metavar="JOB.toml", help="file to write (default: print it)")
    p.add_argument("--example", metavar="NAME", default=STARTER, help="which one (default: %(default)s)")
    p.set_defaults(command=new_command)


def new_command(args: argparse.Namespace) -> int:
    text = example(args.example)
    if args.out is None:
        print(text, end="")
        return 0
    from exciton.fields import write_text

    if args.out.exists():
        raise JobError(f"{args.out}: is there already, and is never overwritten; choose another name")
    if not args.out.parent.is_dir():
        raise JobError(f"{args.out}: cannot be written: there is no folder {args.out.parent}")
    try:
        write_text(args.out, text)
        beside = _write_measured(args.example, args.out.parent)
    except OSError as error:
        raise JobError(f"{args.out}: cannot be written: {error.strerror or error}") from error
    print(f"{args.out}{beside} written; next: exciton check {args.out}")
    return 0


def _write_measured(name: str, folder: Path) -> str:
    """The measured points that an example names, unless a file of this name is there."""
    if name not in MEASURED or (file := folder / MEASURED[name]).exists():
        return ""
    from exciton.fields import write_text

    write_text(file, (_folder() / MEASURED[name]).read_text(encoding="utf-8"))
    return f" and {file}"


def examples() -> tuple[str, ...]:
    """Names of the packaged jobs, the starter first."""
    files = (entry.name for entry in _folder().iterdir() if entry.name not in MEASURED.values())
    names = (name.removesuffix(".toml") for name in files if name.endswith(".toml"))
    return tuple(sorted(names, key=lambda name: (name != STARTER, name)))


def example(name: str) -> str:
    """Text of a packaged job.

    Raises
    ------
    JobError
        There is none of this name; the message lists those that there are.
    """
    if name not in examples():
        raise JobError(f"no example {name!r}; there are {', '.join(examples())}")
    return (_folder() / f"{name}.toml").read_text(encoding="utf-8")


def _folder() -> Traversable:
    return files("exciton.cli") / "examples"
