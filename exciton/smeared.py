"""Indicator functions of shapes, smeared by a Gaussian: the share of a shape around every point, exactly.

A box is a product of error functions, a ball has a closed form. A rounded cube is all points within its radius of a
cube: at each x its section is a rounded square, whose sections are intervals. So the share is an integral over two
angles, by Gauss's rule, which converges exponentially.
"""

from math import pi

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, ndtr

from meshes.shapes import Cuboid, RoundedCube, Shape, Sphere

Array = NDArray[np.float64]

NODES = 1.3  # of Gauss's rule, for each standard deviation along a quarter of a turn: 1e-9 of a share
FEWEST = 8


def smeared(shape: Shape, spread: float, x: Array, y: Array, z: Array) -> Array:
    """(nx, ny, nz) share of a shape around points, its indicator function convolved with a Gaussian.

    Parameters
    ----------
    spread
        Standard deviation of the Gaussian along each axis, nm.
    x, y, z
        (nx,), (ny,), (nz,) coordinates from the middle of the shape, nm; the points are their products.
    """
    if isinstance(shape, Cuboid):
        a, b, c = (_interval(row, edge / 2, spread) for row, edge in zip((x, y, z), shape.edges))
        return np.asarray(a[:, None, None] * b[:, None] * c)
    if isinstance(shape, Sphere):
        return _ball(shape.radius, spread, np.sqrt(x[:, None, None] ** 2 + y[:, None] ** 2 + z**2))
    return _rounded(shape, spread, x, y, z)


def _interval(x: Array, half: float | Array, spread: float) -> Array:
    """Share of ``[-half, half]``."""
    return np.asarray(ndtr((half - x) / spread) - ndtr((-half - x) / spread))


def _ball(radius: float, spread: float, r: Array) -> Array:
    near, far = (radius - r) / spread, (radius + r) / spread
    with np.errstate(under="ignore"):
        fall = np.exp(-(near**2) / 2) - np.exp(-(far**2) / 2)
    flat = 0.5 * (erf(near / np.sqrt(2)) + erf(far / np.sqrt(2)))
    small = np.maximum(r, 1e-6 * spread)  # fall vanishes with r
    return np.asarray(flat - spread / np.sqrt(2 * np.pi) * fall / small)


def _rounded(shape: RoundedCube, spread: float, x: Array, y: Array, z: Array) -> Array:
    """Sections at x = half + r sin t are rounded squares of radius r cos t, their sections intervals likewise."""
    half, radius = shape.flat / 2, shape.radius
    count = int(np.ceil(NODES * radius * pi / 2 / spread)) + FEWEST
    node, weight = np.polynomial.legendre.leggauss(count)
    angle, weight = pi / 4 * (node + 1), pi / 4 * weight
    falls = np.append(1.0, np.cos(angle))  # of the radius from section to section: first all those of the flat part

    def around(row: Array, radii: Array) -> Array:
        """(radii, sections, n) weights of the sections of each radius, and of their mirror images."""
        flat = np.broadcast_to(_interval(row, half, spread), (len(radii), 1, len(row)))
        place = half + np.multiply.outer(radii, np.sin(angle))[..., None]
        measure = np.multiply.outer(radii, np.cos(angle) * weight)[..., None] / (spread * np.sqrt(2 * pi))
        with np.errstate(under="ignore"):
            near = (np.exp(-(((row - side * place) / spread) ** 2) / 2) for side in (1, -1))
            return np.concatenate([flat, measure * sum(near)], axis=1)

    radii = radius * falls
    intervals = _interval(z, half + np.multiply.outer(radii, falls)[..., None], spread)
    squares = around(y, radii).transpose(0, 2, 1) @ intervals
    return np.tensordot(around(x, radii[:1])[0], squares, axes=(0, 0))
