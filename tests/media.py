"""Media for Poisson's equation: a uniform one, and a dielectric ball with a soft surface."""

import numpy as np
from scipy.special import ndtr

from solvers.poisson import Halves, Poisson, outward

PLANES = [-3.0, 3.0]
INSIDE, OUTSIDE = 6.0, 2.0


def uniform(x, y, z):
    return np.ones((len(x), len(y), len(z)))


def ball(x, y, z, width=0.5):
    """A dielectric ball of radius 3 with a soft surface."""
    r = np.sqrt(x[:, None, None] ** 2 + y[:, None] ** 2 + z**2)
    return OUTSIDE + (INSIDE - OUTSIDE) * ndtr((3 - r) / width)


def problem(permittivity, degree=5, reach=60.0, mirrored=True, finest=1.0, **options):
    breaks = outward(PLANES, finest, reach)
    axis = Halves.of(breaks, [degree] * (len(breaks) - 1), mirrored)
    return Poisson((axis, axis, axis), permittivity, **options)
