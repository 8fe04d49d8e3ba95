"""``exciton app``: a page in the browser with sliders; levels, surfaces and numbers follow them."""

import argparse
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

QUICK = {"accuracy.energy_meV": 2.0, "carriers.states": 1}  # of the starter: an answer within half a second


def add(commands: "Commands") -> None:
    p = commands.add_parser(
        "app",
        help="a page in the browser with sliders for one structure",
        description="A page on this machine alone: sliders for sizes, barriers, masses and permittivities; levels, "
        "surfaces and numbers follow, then the pair. Without a job file it starts with `exciton new`'s, made quick.",
    )
    p.add_argument("job", type=Path, nargs="?", help="job file (TOML); of a sweep, the first point")
    p.add_argument("--port", type=int, default=0, metavar="N", help="of the loopback interface (default: any free one)")
    p.add_argument("--no-browser", action="store_true", help="only print the address")
    p.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE", help="replace one value of the job"
    )
    p.set_defaults(command=app_command)


def app_command(args: argparse.Namespace) -> int:
    from exciton.app.page import App
    from exciton.cli.first import first
    from exciton.errors import JobError
    from exciton.overrides import parse_override
    from exciton.reader import read_job
    from exciton.sweep import points

    if not 0 <= args.port < 65536:
        raise JobError(f"--port {args.port}: allowed are 0 to 65535")
    overrides: list[tuple[str, Any]] = [parse_override(text) for text in args.overrides]
    starter = Path(str(files("exciton.cli") / "examples" / "starter.toml"))
    job = read_job(args.job or starter, overrides if args.job else [*QUICK.items(), *overrides])
    if job.sweep:  # points along it are what measured ones could be compared with
        job = first(points(job)).job.model_copy(update={"compare": None})
    App(job).run(args.port, browser=not args.no_browser)
    return 0
