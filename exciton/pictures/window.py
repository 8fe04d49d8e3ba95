"""The scene in a window of its own, to be turned with the mouse."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from exciton.errors import ComponentMissing
from exciton.pictures import rendering, style
from exciton.pictures.camera import look
from exciton.pictures.page import Page, enclosed
from exciton.pictures.scene import Dot, add_density, add_particle, common_reach, dress


def require_display() -> None:
    """Nothing where a window can be opened.

    Raises
    ------
    ComponentMissing
        There is no display.
    """
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise ComponentMissing("no display to open a window on: use --screenshot FILE.png or --html FILE.html")


def show(dots: Sequence[Dot], page: Page, title: str) -> None:
    """Open a window with all panels, which turn together, and wait until it is closed.

    Raises
    ------
    ComponentMissing
        There is no display, or rendering does not work here.
    """
    require_display()
    rendering.require()
    import pyvista

    rows, columns = len(page.carriers), len(dots)
    plotter = pyvista.Plotter(shape=(rows, columns), window_size=(420 * columns, 420 * rows), title=title, border=False)
    try:
        for row, carrier in enumerate(page.carriers):
            for column, dot in enumerate(dots):
                plotter.subplot(row, column)
                add_particle(plotter, dot)
                add_density(plotter, dot, f"{carrier}_{page.state}", style.CARRIERS[carrier], page.shares)
                plotter.add_text(f"{carrier}\n{page.labels[column]}", font_size=9, color=style.CARRIERS[carrier])
                look(plotter, common_reach(dots))
        dress(plotter)
        plotter.add_text(f"{enclosed(page.shares)} of the charge", position="lower_right", font_size=8, color=style.INK)
        plotter.link_views()
        plotter.show(auto_close=True)
    finally:
        plotter.close()
