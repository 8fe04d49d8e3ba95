"""Where all 3D pictures are seen from: one direction, in parallel, so that lengths may be compared and measured."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DIRECTION = (1.0, -1.75, 0.95)  # from which the camera looks at the particle; z is up
MARGIN = 1.04  # the view is larger than the particle's silhouette by this factor


def look(plotter: Any, reach: tuple[float, float], turned: float = 0.0) -> float:
    """Point the parallel camera at the origin so that `reach` (half width and height, nm) fills its view.

    `turned` is how far the camera has gone round the vertical axis, in radians.

    Returns the height of the view in nm.
    """
    wide, high = reach
    width, height = plotter.window_size
    scale = MARGIN * max(high, wide * height / width)
    camera = plotter.camera
    camera.parallel_projection = True
    camera.focal_point = (0, 0, 0)
    camera.position = tuple(20 * scale * _direction(turned))
    camera.up = (0, 0, 1)
    camera.parallel_scale = scale
    plotter.renderer.reset_camera_clipping_range()
    return float(2 * scale)


def screen_axes(turned: float = 0.0) -> tuple[Floats, Floats]:
    """The directions right and up of the picture, as unit vectors of space."""
    forward = -_direction(turned) / np.linalg.norm(DIRECTION)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    return right, np.cross(right, forward)


def angles() -> tuple[float, float]:
    """Azimuth and elevation of `DIRECTION`, radians."""
    x, y, z = DIRECTION
    return float(np.arctan2(y, x)), float(np.arctan2(z, np.hypot(x, y)))


def _direction(turned: float) -> Floats:
    x, y, z = DIRECTION
    cos, sin = np.cos(turned), np.sin(turned)
    return np.array([cos * x - sin * y, sin * x + cos * y, z])


def front(corner: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> list[float]:
    """The octant before the camera, as a box's bounds in nm; a hair wider, so that faces through its corner are in."""
    return [at + b for at, sign in zip(corner, np.sign(DIRECTION)) for b in sorted((-1e-6 * sign, 1e3 * sign))]
