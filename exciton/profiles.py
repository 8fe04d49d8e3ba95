"""Self-energy of a charge in layers whose permittivity depends on one coordinate: planes, and concentric spheres.

Along the layers the potential of a point charge is a sum of waves, plane or spherical. Across them each wave obeys an
ordinary differential equation, and is 1 / (Y + Y') at the charge, with the admittances Y, flux over potential, of both
sides. An admittance passes through a uniform layer by a reflection; a smooth step is cut into thin layers. What is left
beyond the shortest wave follows from the next term of an expansion for short waves.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from exciton.units import COULOMB

Array = NDArray[np.float64]
Row = Callable[[Array], Array]

THIN = 1 / 48  # thickness of a layer within a step, in the step's standard deviations
TAILS = 5.0  # how far a step reaches, in the same
SHORTEST = 12.0  # wave number up to which is summed, over the same
WAVES = 96
SINGLE = 24  # spherical waves that are summed one by one; then the sum is an integral


def planar(permittivity: Row, planes: Sequence[float], spread: float, *, thin: float = THIN) -> Row:
    """Self-energy in eV as a function of the coordinate x in nm across plane layers.

    ``Sigma(x) = (e^2 / 4 pi eps0) / 2 * int_0^inf [2 k g(k; x, x) - 1 / eps(x)] dk`` with
    ``-(eps g')' + eps k^2 g = delta(x - x')``.

    Parameters
    ----------
    permittivity
        A smooth function of x, constant away from the planes.
    planes
        Where its steps are, nm, ascending.
    spread
        Their standard deviation, nm.
    thin
        Thickness of a layer within a step, in its standard deviations; the error falls with the square.
    """
    edges = _edges(planes, spread, thin, -np.inf)
    x, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    eps = permittivity(x)
    top = SHORTEST / spread
    node, weight = _gauss(WAVES)
    k, weight = top * node**3, 3 * top * node**2 * weight
    decay = np.exp(-2 * np.outer(half, k))
    left = _admittances(eps, k, k, decay, decay)
    right = _admittances(eps[::-1], k, k, decay[::-1], decay[::-1])[::-1]
    waves = (2 * k / (left + right) - 1 / eps[:, None]) @ weight
    step = thin * spread
    root = [np.sqrt(permittivity(x + shift)) for shift in (-step, 0.0, step)]
    curvature = (root[0] - 2 * root[1] + root[2]) / step**2
    return CubicSpline(x, COULOMB / 2 * (waves - curvature / (root[1] * 2 * eps * top)))


def spherical(permittivity: Row, radii: Sequence[float], spread: float, *, thin: float = THIN) -> Row:
    """Self-energy in eV as a function of the distance r in nm from the centre of concentric spherical layers.

    ``Sigma(r) = (e^2 / 4 pi eps0) / 2 * sum_l [(2 l + 1) g_l(r, r) - 1 / (eps(r) r)]`` with
    ``-(r^2 eps g_l')' + l (l + 1) eps g_l = delta(r - r')``. Parameters as of `planar`, of the radial coordinate.
    """
    edges = _edges(radii, spread, thin, 0.0)
    r = (edges[1:] + edges[:-1]) / 2
    eps = permittivity(r)
    top = SHORTEST / spread * (radii[-1] + TAILS * spread)
    node, weight = _gauss(WAVES)
    l = np.concatenate([np.arange(SINGLE), SINGLE - 0.5 + (top - SINGLE) * node**2])
    weight = np.concatenate([np.ones(SINGLE), 2 * (top - SINGLE) * node * weight])
    inner = np.exp(np.outer(np.log(edges[:-1] / r), 2 * l + 1))
    outer = np.exp(np.outer(np.log(r / edges[1:]), 2 * l + 1))
    within = _admittances(eps, l, l + 1, inner, outer)
    beyond = _admittances(eps[::-1], l + 1, l, outer[::-1], inner[::-1])[::-1]
    waves = ((2 * l + 1) / (within + beyond) - 1 / eps[:, None]) @ weight / r
    step = thin * spread
    root = [np.sqrt(permittivity(np.abs(r + shift))) for shift in (-step, 0.0, step)]
    curvature = (root[0] - 2 * root[1] + root[2]) / step**2 + (root[2] - root[0]) / (step * r)
    profile = CubicSpline(r, COULOMB / 2 * (waves - curvature * r / (root[1] * 2 * eps * top)))
    return lambda x: profile(np.maximum(x, r[0]))


def _admittances(eps: Array, grows: Array, falls: Array, first: Array, second: Array) -> Array:
    """(layers, waves) admittance seen backwards from the middle of each layer.

    Parameters
    ----------
    eps
        (layers,) permittivities.
    grows, falls
        (waves,) logarithmic slopes of the two solutions in a layer, on the way forwards.
    first, second
        (layers, waves) ratio of the falling and the growing one, over the first and the second half of each layer.
    """
    seen = np.empty((len(eps), len(grows)))
    admittance = eps[0] * grows
    for i, e in enumerate(eps):
        share = (e * grows - admittance) / (e * falls + admittance) * first[i]
        seen[i] = e * (grows - falls * share) / (1 + share)
        share *= second[i]
        admittance = e * (grows - falls * share) / (1 + share)
    return seen


def _edges(planes: Sequence[float], spread: float, share: float, least: float) -> Array:
    """Ends of thin layers through all steps, and of growing ones between and beyond them."""
    thin = share * spread
    steps = [np.arange(p - TAILS * spread, p + TAILS * spread + thin, thin) for p in planes]
    edges = np.unique(np.concatenate(steps))
    edges = edges[np.concatenate([[True], np.diff(edges) > 0.1 * thin])]
    edges = edges[edges > least + thin]
    away = spread * np.cumsum(0.25 * 1.15 ** np.arange(60))
    between = [
        [a + away[away < (b - a) / 2], b - away[away < (b - a) / 2]]
        for a, b in zip(edges[:-1], edges[1:])
        if b - a > 2 * spread
    ]
    low, high = edges[0] - away, edges[-1] + away
    low = low[low > least + thin]
    if np.isfinite(least):
        low = np.append(low, least + thin)
    return np.unique(np.concatenate([edges, low, high, *(row for pair in between for row in pair)]))


def _gauss(points: int) -> tuple[Array, Array]:
    """Gauss-Legendre points and weights on [0, 1]."""
    node, weight = np.polynomial.legendre.leggauss(points)
    return (node + 1) / 2, weight / 2
