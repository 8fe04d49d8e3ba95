"""``exciton view``: 3D pictures of a result, on screen or to a file."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exciton.pictures.page import Page
    from exciton.pictures.scene import Dot
    from exciton.saved import Shown

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

KINDS = {"screenshot": (".png",), "html": (".html", ".htm"), "movie": (".gif", ".mp4")}
SLICES = (".png", ".pdf", ".svg")


def add(commands: "Commands") -> None:
    p = commands.add_parser(
        "view",
        help="3D pictures of a result, on screen or to a file",
        description="Surfaces that enclose shares of each carrier's charge, all points side by side on one scale. "
        "Without the name of a file a window opens.",
    )
    p.add_argument("folder", type=Path, metavar="DIR", help="result folder")
    p.add_argument("--screenshot", type=Path, metavar="FILE", help="write a picture (.png)")
    p.add_argument("--html", type=Path, metavar="FILE", help="write a page that turns with the mouse, needs no network")
    p.add_argument("--movie", type=Path, metavar="FILE", help="write a film (.gif, or .mp4 with imageio-ffmpeg)")
    p.add_argument("--of", choices=("orbit", "sweep"), default="orbit", help="what the film shows (default: orbit)")
    p.add_argument(
        "--point", type=int, nargs="+", metavar="N", help="numbers of sweep points, from 0 (default: all, at most 6)"
    )
    p.add_argument(
        "--scene",
        choices=("states", "pair"),
        default="states",
        help="each carrier alone (default), or the correlated pair: where it is with its partner held at a place",
    )
    p.add_argument("--state", type=int, default=0, metavar="N", help="0: the ground state (default), 1: the next ...")
    p.add_argument("--carrier", choices=("electron", "hole", "both"), default="both")
    p.add_argument(
        "--share", type=float, nargs="+", default=[50.0, 90.0], metavar="PERCENT", help="of the charge (default: 50 90)"
    )
    p.add_argument(
        "--slice",
        choices=("x", "y", "z"),
        nargs="?",
        const="z",
        help="screenshot of a cut through the core's centre across this axis (default: z); also .pdf, .svg",
    )
    p.set_defaults(command=view_command)


def view_command(args: argparse.Namespace) -> int:
    from exciton.errors import JobError
    from exciton.saved import Saved, require_fields

    _check(args)
    saved = Saved.read(args.folder)
    chosen = saved.points if args.movie and args.of == "sweep" and not args.point else saved.chosen(args.point)
    if args.scene == "states":
        require_fields(chosen)
    try:
        dots, page = _read(chosen, args)
        _draw(args, dots, page, saved.result.title)
    except ValueError as error:  # a state that is not there, or a file that holds no fields of ours
        raise error if isinstance(error, JobError) else JobError(f"{args.folder}: {error}") from error
    except OSError as error:
        file = args.html or args.movie or args.screenshot or error.filename or args.folder
        raise JobError(f"{file}: cannot be written: {error.strerror or error}") from error
    if len(chosen) < len(saved.points) and not args.point:
        print(f"exciton: {len(chosen)} of {len(saved.points)} points shown; choose with --point", file=sys.stderr)
    return 0


def _check(args: argparse.Namespace) -> None:
    """All that can be refused before anything is read."""
    from exciton.errors import JobError

    for option, kinds in KINDS.items():
        file: Path | None = getattr(args, option)
        allowed = SLICES if option == "screenshot" and args.slice else kinds
        if file is not None and file.suffix.lower() not in allowed:
            raise JobError(f"--{option} {file}: name a file that ends in {' or '.join(allowed)}")
    if args.slice and (args.screenshot is None or args.html or args.movie):
        raise JobError("--slice is drawn by --screenshot FILE alone")
    if any(not 0 < share < 100 for share in args.share):
        raise JobError(
            f"--share {' '.join(f'{s:g}' for s in args.share)}: allowed are shares between 0 and 100 percent"
        )
    if args.state < 0:
        raise JobError(f"--state {args.state}: 0 is the ground state")
    if args.state and args.scene == "pair":
        raise JobError(f"--state {args.state}: the pair that is shown is the ground pair")
    if args.movie:
        from exciton.pictures import movie

        movie.require(args.movie.suffix.lower())
    if not (args.screenshot or args.html or args.movie):
        from exciton.pictures.window import require_display

        require_display()


def _read(chosen: "Sequence[Shown]", args: argparse.Namespace) -> "tuple[list[Dot], Page]":
    from exciton.pictures.page import Page
    from exciton.pictures.scene import Dot, present

    carriers = ("electron", "hole") if args.carrier == "both" else (args.carrier,)
    shares = tuple(sorted({share / 100 for share in args.share}))
    if args.scene == "pair":
        from exciton.pictures.partners import partner_views

        return partner_views(chosen, carriers, shares)
    dots = [Dot.read(point.vtu, present(point.entry)) for point in chosen]
    page = Page(tuple(p.label for p in chosen), [p.entry for p in chosen], carriers, shares, args.state)
    for dot in dots:
        for carrier in carriers:
            dot.psi(f"{carrier}_{args.state}")
    return dots, page


def _draw(args: argparse.Namespace, dots: "Sequence[Dot]", page: "Page", title: str) -> None:
    from exciton.pictures import rendering
    from exciton.pictures.scene import panels

    if args.slice:
        from exciton.pictures.slices import draw_slices

        _written(draw_slices(dots, page, args.screenshot, args.slice))
        return
    if args.screenshot:
        rendering.require()
        _written(page.save(*panels(dots, page, 640), args.screenshot))
    if args.html:
        from exciton.pictures.style import replacing
        from exciton.pictures.viewer import viewer

        with replacing(args.html) as stream:
            stream.write(viewer(dots, page, title).encode("utf-8"))
        _written(args.html)
    if args.movie:
        from exciton.pictures import movie

        frames = movie.orbit(dots, page) if args.of == "orbit" else movie.along_sweep(dots, page)
        _written(movie.write(args.movie, frames, 0.12 if args.of == "orbit" else 1.2))
    if not (args.screenshot or args.html or args.movie):
        from exciton.pictures.window import show

        show(dots, page, title or "exciton")


def _written(file: Path) -> None:
    print(file)
