"""``exciton report``: one self-contained HTML page of a result."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add(commands: "Commands") -> None:
    p = commands.add_parser("report", help="one self-contained HTML page of a result, to mail or to print")
    p.add_argument("folder", type=Path, metavar="DIR", help="result folder")
    p.add_argument("-o", "--out", type=Path, metavar="FILE", help="page to write (default: DIR/report.html)")
    p.set_defaults(command=report_command)


def report_command(args: argparse.Namespace) -> int:
    from exciton.errors import JobError
    from exciton.pictures.report import report
    from exciton.pictures.style import replacing
    from exciton.saved import Saved

    out: Path = args.out or args.folder / "report.html"
    if out.suffix.lower() not in (".html", ".htm"):
        raise JobError(f"{out}: name a file that ends in .html")
    page = report(Saved.read(args.folder))
    try:
        with replacing(out) as stream:
            stream.write(page.encode("utf-8"))
    except OSError as error:
        raise JobError(f"{out}: cannot be written: {error.strerror or error}") from error
    print(out)
    return 0
