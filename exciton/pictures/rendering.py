"""Can this machine draw in three dimensions? Asked once, in a process that may crash in our place.

VTK does not raise where a graphics library is missing: it takes the interpreter down with it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from importlib.util import find_spec

from exciton.errors import ComponentMissing

SYSTEM_PACKAGES = "libgl1 libegl1 libxrender1"

_NOT_INSTALLED = "3D pictures need PyVista, which is not installed: install exciton-fem with its extra [view]"
_TRIAL = """
import pyvista
plotter = pyvista.Plotter(off_screen=True, window_size=(64, 64))
plotter.add_mesh(pyvista.Sphere(), color="red")
image = plotter.screenshot(return_img=True)
raise SystemExit(0 if image.std() > 1 else "the rendered image is blank")
"""


def prepare() -> None:
    """Without a display VTK must not search for an X server; set before VTK is imported for the first time."""
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")


def require_library() -> None:
    """Nothing where PyVista is installed: surfaces can be computed, if not rendered.

    Raises
    ------
    ComponentMissing
        It is not; the message says what to install.
    """
    if find_spec("pyvista") is None:
        raise ComponentMissing(_NOT_INSTALLED)


@cache
def rendering_works() -> tuple[bool, str]:
    """Whether an off-screen picture comes out, tried in a subprocess; the sentence says what to do if not."""
    if find_spec("pyvista") is None:
        return False, _NOT_INSTALLED
    prepare()
    try:
        trial = subprocess.run(
            [sys.executable, "-c", _TRIAL], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return False, "3D pictures do not work here: a trial rendering did not end within two minutes"
    if trial.returncode == 0:
        return True, "off-screen rendering works"
    last = next((line for line in reversed(trial.stderr.splitlines()) if line.strip()), "").strip()
    how = f"crashed with signal {-trial.returncode}" if trial.returncode < 0 else f"failed ({last or 'no message'})"
    return False, (
        f"3D pictures do not work here: a trial rendering {how}, mostly for want of a graphics library; "
        f"on Debian or Ubuntu install it with `apt-get install {SYSTEM_PACKAGES}`"
    )


def require() -> None:
    """Nothing where rendering works.

    Raises
    ------
    ComponentMissing
        It does not; the message says what to install.
    """
    works, sentence = rendering_works()
    if not works:
        raise ComponentMissing(sentence)
