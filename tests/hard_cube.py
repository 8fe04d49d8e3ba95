"""The hard-walled cube, whose orbitals are products of sines: samples without a mesh, for tests of the pair."""

from itertools import product

import numpy as np

from exciton.pair.correlated import sector
from exciton.pair.geminals import Geminals
from exciton.pair.integrals import Integrals
from exciton.pair.orbitals import Orbitals, Sample
from exciton.units import COULOMB, HBAR2_2M0
from solvers.grid import Grid
from solvers.parity import ANY
from solvers.waves import Waves

PERMITTIVITY = 7.3
EVEN = np.zeros(3, dtype=np.int64)
MASSES = (0.252, 0.252)


def numbers(most):
    """Quantum numbers (nx, ny, nz) with nx^2 + ny^2 + nz^2 <= most, by energy."""
    found = [n for n in product(range(1, 12), repeat=3) if sum(k * k for k in n) <= most]
    return sorted(found, key=lambda n: (sum(k * k for k in n), n))


def sampled(edge, masses, most, *, waves=26, points=40, halves=True):
    """Orbitals of electron and hole up to n^2 = `most`, of masses in m0, in a cube of `edge` nm."""
    t, w = np.polynomial.legendre.leggauss(points)
    x, w = t * edge / 2, w * edge / 2
    if halves:
        x, w = x[points // 2 :], 2 * w[points // 2 :]
    chosen = numbers(most)

    def function(n):
        return np.sqrt(2 / edge) * (np.cos if n % 2 else np.sin)(n * np.pi * x / edge)

    values = np.array([np.einsum("a,b,c->abc", *map(function, n)) for n in chosen])
    parity = np.array([[(k + 1) % 2 if halves else ANY for k in n] for n in chosen])
    squares = np.array([sum(k * k for k in n) for n in chosen])
    electron, hole = (
        Orbitals(HBAR2_2M0 / m * (np.pi / edge) ** 2 * squares, values, parity, (np.asarray(HBAR2_2M0 / m),))
        for m in masses
    )
    box = np.array([[-edge / 2] * 3, [edge / 2] * 3])
    return Sample(Waves(Grid((x, x, x), (w, w, w)), box, waves, (halves,) * 3), electron, hole)


def units(masses):
    """Rydberg in eV and Bohr radius in nm of the exciton."""
    inverse = sum(1 / m for m in masses)
    radius = 2 * HBAR2_2M0 * inverse * PERMITTIVITY / COULOMB
    return COULOMB / (2 * PERMITTIVITY * radius), radius


def ranges(edge, masses=MASSES, count=6):
    """kappa of exponentials, 1/nm."""
    return np.geomspace(0.4, 9.0, count) / min(units(masses)[1], edge / 2)


def pair(edge, most, masses=MASSES, *, count=6, **options):
    """Geminals of orbitals up to n^2 = `most`, and their ground pair."""
    sample = sampled(edge, masses, most, **options)
    geminals = Geminals(Integrals(sample), PERMITTIVITY, ranges(edge, masses, count))
    parity = EVEN if options.get("halves", True) else EVEN - 1
    products = sector(sample, parity, len(sample.electron), len(sample.hole))
    return geminals, geminals.states(products, 1, ground=True)
