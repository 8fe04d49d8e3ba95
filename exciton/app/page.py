"""The page: sliders on the left; numbers, levels and surfaces on the right, which follow them.

trame keeps the variables of page and program the same; the page itself is plain HTML, and its surfaces are drawn by
the viewer of the reports. It answers on the loopback interface only, to whoever knows the secret in its address: no
other page in the user's browser does.
"""

import asyncio
import base64
import html
import os
import secrets
import string
import webbrowser
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from exciton.app import work
from exciton.app.controls import Slider, moved, sliders, values
from exciton.errors import ComponentMissing, JobError
from exciton.job import Job

HOST = "127.0.0.1"
PATIENCE = 0.3  # seconds without a move of a slider until the pair is begun
_AT_ONCE = ("electron meV", "hole meV", "e in core", "h in core", "type")  # what does not wait for the pair
_BEHIND = ("pair - gap meV", "emission eV", "nm")
_WAITING = "…"
_WEB = Path(__file__).parents[1] / "pictures" / "web"
_SLIDER = (
    '<label class="slider">{label}<span><input type="number" step="any" v-model.lazy.number="{name}"> {unit}</span>'
    '<input type="range" min="{low:g}" max="{high:g}" step="{step:g}" v-model.number="{name}" data-key="{key}">'
    "</label>"
)


class App:
    """One page and its job.

    Raises
    ------
    JobError
        The job sweeps a parameter.
    ComponentMissing
        trame or PyVista is not installed.
    """

    def __init__(self, job: Job) -> None:
        try:
            from trame.app import get_server
        except ImportError as error:
            raise ComponentMissing(
                "the page needs trame, which is not installed: install exciton-fem with its extra [app]"
            ) from error
        from exciton.pictures.rendering import require_library

        require_library()
        self._job, self._moved = job, dict[str, float]()
        self._sliders = sliders(job)
        self._changed = asyncio.Event()
        self._behind: tuple[str, ...] = _BEHIND  # headings of what the pair has brought last
        self._standing = dict[str, float]()  # what we know the sliders' variables to be
        self._server = get_server("exciton", client_type="vue3")
        self._state = self._server.state
        self._build()

    def run(self, port: int, *, browser: bool) -> None:
        """Answer until interrupted.

        Parameters
        ----------
        port
            Of the loopback interface; 0 takes any that is free.

        Raises
        ------
        JobError
            The port is in use.
        """
        secret = secrets.token_urlsafe(24)
        os.environ["TRAME_ARGS"] = f"--host {HOST} --port {port} --authKey {secret} --server"  # it reads ours else
        self._fast, self._slow = work.Worker(work.carriers), work.Worker(work.pair, courtesy=work.COURTESY)

        def ready(**_: Any) -> None:
            at = f"{HOST}:{self._server.port}"
            address = f"http://{at}/?secret={secret}&sessionURL=ws://{at}/ws"  # named, it need not be looked for
            print(f"{address}\nCtrl-C ends it", flush=True)
            if browser:
                webbrowser.open(address)

        self._server.controller.on_server_ready.add(ready)
        self._server.controller.on_server_ready.add_task(self._follow)
        try:
            self._server.start(open_browser=False, show_connection_info=False, disable_logging=True)
        except OSError as error:
            raise JobError(f"--port {port}: {error.strerror or error}; name another, or none") from error
        finally:
            self._fast.stop()
            self._slow.stop()

    # -- what follows the sliders ----------------------------------------------------------------------------------

    async def _follow(self, **_: Any) -> None:
        """Answer the newest position of the sliders, again and again; a position in between may be left out."""
        self._changed.set()
        while True:
            await self._changed.wait()
            self._changed.clear()
            self._slow.restart()
            try:
                job = moved(self._job, self._moved)
                profile = await self._carriers(job)
                if not await self._moves(PATIENCE):
                    await self._pair(job, profile)
            except (JobError, work.Failed) as error:
                self._show(problem=str(error), working="")

    async def _carriers(self, job: Job) -> str:
        """Levels and surfaces; returns the profile along the axis."""
        self._show(working="carriers")
        parts = self._fast.ask(job)
        entry, profile, materials = await anext(parts)
        self._table(entry, materials, waiting=job.exciton.level != "none")
        self._show(problem="", captions=_captions(entry))
        self._stand(job)
        levels, scene = await asyncio.gather(asyncio.to_thread(_levels, entry, profile, materials), anext(parts))
        self._show(levels=levels, scene=scene)
        await anext(parts, None)  # nothing: it is done
        return str(profile)

    async def _pair(self, job: Job, profile: str) -> None:
        """The pair, unless a slider moves before it is there; its carriers are refined further than those before."""
        if job.exciton.level != "none":
            self._show(working="pair")
            asking = asyncio.ensure_future(_all(self._slow.ask(job)))
            moving = asyncio.ensure_future(self._changed.wait())
            await asyncio.wait((asking, moving), return_when=asyncio.FIRST_COMPLETED)
            moving.cancel()
            if not asking.done():
                return
            [(entry, materials)] = asking.result()
            self._table(entry, materials, waiting=False)
            levels = await asyncio.to_thread(_levels, entry, profile, materials)
            self._show(captions=_captions(entry), levels=levels)
        self._show(working="", answers=self._state.answers + 1)

    async def _moves(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def _table(self, entry: Mapping[str, Any], materials: Mapping[str, str], *, waiting: bool) -> None:
        from exciton.result import headings

        heads, [cells] = headings([entry], materials)
        known = dict(zip(heads, cells))
        if waiting:
            known = {head: known[head] for head in _AT_ONCE} | dict.fromkeys(self._behind, _WAITING)
        else:
            self._behind = tuple(head for head in heads if head not in _AT_ONCE)
        rows = [{"name": name, "value": value, "waiting": value == _WAITING} for name, value in known.items()]
        self._show(rows=rows, flags=list(entry.get("flags", ())))

    def _show(self, **state: Any) -> None:
        self._state.update(state)
        self._state.flush()

    # -- the sliders -----------------------------------------------------------------------------------------------

    def _stand(self, job: Job) -> None:
        """Put the sliders that nobody has moved where their numbers are: what follows from the others follows."""
        found = values(job)
        free = [s for s in self._sliders if s.key not in self._moved and s.key in found]
        where = {s.name: float(f"{found[s.key]:.6g}") for s in free}
        self._standing |= where
        self._show(**where)

    def _slid(self, **state: Any) -> None:
        """A variable of a slider has changed, by the page or by us."""
        for slider in self._sliders:
            now = state[slider.name]
            if isinstance(now, int | float) and now != self._standing[slider.name]:
                self._moved[slider.key] = self._standing[slider.name] = now
                self._changed.set()

    def _reset(self) -> None:
        self._moved.clear()
        self._stand(self._job)
        self._changed.set()

    def _file(self) -> str:
        """The job as it stands, as a job file."""
        from exciton.completed import to_toml

        return to_toml(moved(self._job, self._moved))

    # -- the page --------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        from trame.ui.html import DivLayout

        server, state = self._server, self._state
        scripts, styles = (["exciton/viewer.js", "exciton/app.js"], ["exciton/viewer.css", "exciton/app.css"])
        server.enable_module({"serve": {"exciton": str(_WEB)}, "scripts": scripts, "styles": styles})
        state.trame__title = self._job.title or "exciton"
        state.trame__favicon = None
        state.update({"title": self._job.title, "sliders": [_plain(slider) for slider in self._sliders]})
        state.update({"rows": [], "flags": [], "problem": "", "working": "carriers", "levels": "", "scene": None})
        state.answers = 0
        state.captions = {"electron": "", "hole": ""}
        self._stand(self._job)
        state.change(*(slider.name for slider in self._sliders))(self._slid)
        server.trigger("job_file")(self._file)
        server.trigger("reset")(self._reset)
        with DivLayout(server) as layout:
            layout.root.add_child(_template(self._sliders))


def _template(sliders: Sequence[Slider]) -> str:
    """The page in Vue's language; every slider is a variable of its own."""
    page = string.Template((_WEB / "app.html").read_text(encoding="utf-8"))
    drawn = "\n".join(_SLIDER.format(**{k: _safe(v) for k, v in _plain(slider).items()}) for slider in sliders)
    return page.substitute(sliders=drawn)


def _safe(value: Any) -> Any:
    return html.escape(value) if isinstance(value, str) else value


def _plain(slider: Slider) -> dict[str, Any]:
    return {"name": slider.name, **asdict(slider)}


def _captions(entry: Mapping[str, Any]) -> dict[str, str]:
    from exciton.pictures.page import in_core

    return {carrier: in_core(entry, carrier, 0) for carrier in ("electron", "hole")}


def _levels(entry: Mapping[str, Any], profile: str, materials: Mapping[str, str]) -> str:
    """The level diagram as the address of a picture."""
    from exciton.pictures.bands import bands_svg
    from exciton.pictures.profile import parse_axis

    svg = bands_svg(parse_axis(profile), entry, entry["gap_eV"], materials)
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")


async def _all(parts: AsyncIterator[Any]) -> list[Any]:
    return [part async for part in parts]
