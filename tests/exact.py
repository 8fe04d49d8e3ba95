"""Exact levels of ``-div(a grad psi) + V psi = E psi`` with psi = 0 on the outer surface, a and V constant by region.

Lengths, a and V in any consistent units: there is no physics here. Roots by `scipy.optimize.brentq`; `test_exact.py`
holds every function against an independent one.
"""

from itertools import count as naturals
from itertools import product
from math import atan2, cosh, exp, pi, sinh, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import spherical_in, spherical_jn, spherical_kn, spherical_yn

Array = NDArray[np.float64]


def lowest(sums: list[float], count: int) -> Array:
    """The `count` lowest of a list, ascending."""
    return np.sort(np.array(sums))[:count]


def hard_box(edges: ArrayLike, diffusion: ArrayLike, count: int) -> Array:
    """Box with these edges (3,), one a or one along each axis: ``sum_d a_d (n_d pi / L_d)^2``; shape (count,)."""
    unit = np.broadcast_to(np.asarray(diffusion, float), 3) * (pi / np.asarray(edges, float)) ** 2
    return lowest([float(unit @ np.square(n)) for n in product(range(1, count + 1), repeat=3)], count)


def line(breaks: ArrayLike, diffusion: ArrayLike, potential: ArrayLike, count: int) -> Array:
    """Levels of ``-(a u')' + V u = E u`` on a line with hard ends; u and a u' continuous; shape (count,).

    Parameters
    ----------
    breaks
        (intervals + 1,) ascending; `diffusion` and `potential`, (intervals,), hold between them.

    Notes
    -----
    The Pruefer angle, ``tan(angle) ~ u / (a u')``, is 0 at the left end and n pi at the right end for the n-th level,
    and grows with E: every root is bracketed, none is missed.
    """
    widths = np.diff(np.asarray(breaks, float)).tolist()
    a, v = np.asarray(diffusion, float).tolist(), np.asarray(potential, float).tolist()
    length = sum(widths)

    def angle(energy: float) -> float:
        total, last = 0.0, 1.0
        for width, aa, vv in zip(widths, a, v):
            k = sqrt(max(abs(energy - vv) / aa, 1e-300))
            total = _turned(total, np.diag([k * aa / last, 1.0]))  # the angle is measured with k a u against a u'
            last = k * aa
            if energy >= vv:
                total += k * width
            else:
                x = min(k * width, 300.0)
                total = _turned(total, np.array([[cosh(x), sinh(x)], [sinh(x), cosh(x)]]))
        return total

    top = max(v) + max(a) * ((count + 1) * pi / min(widths)) ** 2
    bottom = min(v)
    assert length > 0
    targets = pi * np.arange(1, count + 1)
    return np.array([brentq(lambda e, t=t: angle(e) - t, bottom, top, xtol=1e-14, rtol=1e-14) for t in targets])


def _turned(angle: float, matrix: Array) -> float:
    """The angle of a vector after a positive definite matrix, which turns it by less than a quarter."""
    s, c = matrix @ np.array([np.sin(angle), np.cos(angle)])
    change = (atan2(s, c) - angle + pi) % (2 * pi) - pi
    return angle + change


def separable_well(edge: float, margin: float, diffusion: float, barrier: float, count: int) -> Array:
    """V(x) + V(y) + V(z), each 0 over `edge` and `barrier` over `margin` on both sides, one a: sums of 1-D levels."""
    breaks = np.cumsum([0.0, margin, edge, margin])
    levels = line(breaks, [diffusion] * 3, [barrier, 0.0, barrier], count)
    return lowest([float(sum(levels[i] for i in n)) for n in product(range(count), repeat=3)], count)


def slab(
    breaks: ArrayLike, widths: tuple[float, float], diffusion: ArrayLike, potential: ArrayLike, count: int
) -> Array:
    """Layers across x in a hard box: a 3-D problem with jumps of a tensor a that reduces to a line without error.

    Sines along y and z put ``a_y (n pi / Ly)^2 + a_z (m pi / Lz)^2`` of each layer on top of its V.

    Parameters
    ----------
    widths
        Ly, Lz.
    diffusion
        (layers,) or (layers, 3).
    """
    a = np.asarray(diffusion, float)
    a = np.repeat(a[:, None], 3, axis=1) if a.ndim == 1 else a
    found: list[float] = []
    for n, m in product(range(1, count + 1), repeat=2):
        lift = a[:, 1] * (n * pi / widths[0]) ** 2 + a[:, 2] * (m * pi / widths[1]) ** 2
        if len(found) < count or (np.asarray(potential) + lift).min() < sorted(found)[count - 1]:
            found += line(breaks, a[:, 0], np.asarray(potential, float) + lift, count).tolist()
    return lowest(found, count)


def sphere(radius: float, diffusion: float, count: int) -> Array:
    """Ball with a hard wall: ``a (z / R)^2`` with z the zeros of j_l, each 2 l + 1 times."""
    return core_shell(radius / 2, radius, (diffusion, diffusion), (0.0, 0.0), count)


def core_shell(
    inner: float, outer: float, diffusion: tuple[float, float], potential: tuple[float, float], count: int
) -> Array:
    """Ball of radius `inner` in a concentric shell with a hard wall at `outer`, levels 2 l + 1 times; (count,)."""
    found: list[float] = []
    for l in naturals():
        levels = radial(l, inner, outer, diffusion, potential, -(-count // (2 * l + 1)))
        found += np.repeat(levels, 2 * l + 1).tolist()
        if len(found) >= count and levels[0] > sorted(found)[count - 1]:
            return lowest(found, count)
    raise AssertionError


def radial(
    l: int, inner: float, outer: float, diffusion: tuple[float, float], potential: tuple[float, float], count: int
) -> Array:
    """The lowest levels of angular momentum l in a spherical core/shell: psi and a dpsi/dr match at `inner`."""

    def mismatch(energy: float) -> float:
        value, slope = _regular(l, energy - potential[0], diffusion[0], inner)
        other, other_slope = _vanishing(l, energy - potential[1], diffusion[1], inner, outer)
        return diffusion[0] * slope * other - diffusion[1] * other_slope * value

    step = 0.05 * min(diffusion) * (pi / outer) ** 2
    roots: list[float] = []
    low = min(potential) + 1e-9 * step
    before = mismatch(low)
    while len(roots) < count:
        after = mismatch(low + step)
        if before * after < 0:
            roots.append(brentq(mismatch, low, low + step, xtol=1e-14, rtol=1e-14))
        low, before = low + step, after
    return np.array(roots)


def _regular(l: int, energy: float, a: float, r: float) -> tuple[float, float]:
    """Value and slope at r of the solution that is finite at the origin, up to a factor that keeps its sign."""
    k = sqrt(abs(energy) / a)
    bessel = spherical_jn if energy > 0 else spherical_in
    scale = exp(0.0 if energy > 0 else -k * r) * k**-l
    return scale * float(bessel(l, k * r)), scale * k * float(bessel(l, k * r, derivative=True))


def _vanishing(l: int, energy: float, a: float, r: float, wall: float) -> tuple[float, float]:
    """Value and slope at r of the solution that vanishes at the wall with slope of one sign, up to such a factor."""
    k = sqrt(abs(energy) / a)
    if energy > 0:
        first, second = spherical_jn, spherical_yn
    else:
        first, second = spherical_in, spherical_kn
    one, two = float(first(l, k * wall)), float(second(l, k * wall))
    # the Wronskian of j, y is 1/x^2, that of i, k is -pi/(2 x^2): with this sign and factor the slope at the wall is -1
    scale = (1.0 if energy > 0 else -2 / pi) * k * wall**2
    value = scale * (two * float(first(l, k * r)) - one * float(second(l, k * r)))
    slope = scale * k * (two * float(first(l, k * r, derivative=True)) - one * float(second(l, k * r, derivative=True)))
    return value, slope
