"""The images' interaction of two carriers, by polynomials in their coordinates.

    W_image(r_e, r_h) ~ sum_ab chi_a(r_e) w_ab chi_b(r_h)

w is such that the matrix elements of W_image with chi_a rho_e and chi_b rho_h are exact, rho_e and rho_h the densities
of a pair. Away from interfaces that both carriers touch W_image is smooth, and few polynomials do.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from exciton.images import Images
from solvers.parity import Parities

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

ALIKE = 1e-5  # of the largest strength: closer modes of one parity are degenerate
ABOUT = 1e-10  # directions of the polynomials with a smaller share of the norm are left out


class Mode(NamedTuple):
    """One term of the interaction's singular value decomposition, ``strength alpha(r_e) beta(r_h)``."""

    strength: float  # eV
    electron: Array  # (nx, ny, nz) alpha
    hole: Array  # (nx, ny, nz) beta
    odd: Parities  # along which axes both are odd


@dataclass(frozen=True, eq=False)
class ImageInteraction:
    """W_image up to a degree of the polynomials.

    Parameters
    ----------
    densities
        (2, nx, ny, nz) of electron and hole, nm^-3, on the grid of `images`.
    degree
        Of the polynomials, in all three coordinates together.
    cubic
        Whether structure and densities stay what they are when axes change places.
    """

    images: Images
    densities: Array
    degree: int
    cubic: bool = False

    @cached_property
    def polynomials(self) -> tuple[Ints, Array]:
        """Exponents (m, 3) of the monomials and their values (m, nx, ny, nz), coordinates scaled to about 1."""
        points = self.images.grid.points
        exponents = np.array([e for e in product(range(self.degree + 1), repeat=3) if sum(e) <= self.degree])
        scaled = [(x - (x[0] + x[-1]) / 2) / (x[-1] - x[0]) * 2 for x in points]
        values = [np.einsum("a,b,c->abc", *(x**n for x, n in zip(scaled, e))) for e in exponents]
        return exponents, np.array(values)

    def upto(self, degree: int) -> Ints:
        """Which of the polynomials are of no higher degree."""
        return np.flatnonzero(self.polynomials[0].sum(axis=1) <= degree)

    def kernel(self, degree: int) -> Array:
        """(m, m) w in eV, of the polynomials `upto` a degree."""
        if degree not in self._kernels:
            kept = self.upto(degree)
            chi = self.polynomials[1][kept]
            left, right = (np.linalg.pinv(self._between(chi, rho), rcond=ABOUT, hermitian=True)
                           for rho in self.densities)  # fmt: skip
            self._kernels[degree] = left @ self._potentials[np.ix_(kept, kept)] @ right
        return self._kernels[degree]

    def modes(self, degree: int) -> Iterator[Mode]:
        """Those of polynomials `upto` a degree."""
        kept = self.upto(degree)
        exponents, chi = (each[kept] for each in self.polynomials)
        w = self.kernel(degree)
        for odd in np.unique(exponents % 2, axis=0):
            some = np.flatnonzero(np.all(exponents % 2 == odd, axis=1))
            left, strengths, right = np.linalg.svd(w[np.ix_(some, some)])
            for number, strength in enumerate(strengths):
                alpha = np.tensordot(left[:, number], chi[some], axes=1)
                beta = np.tensordot(right[number], chi[some], axes=1)
                yield Mode(float(strength), alpha, beta, (int(odd[0]), int(odd[1]), int(odd[2])))

    def distinct_modes(self, degree: int) -> Iterator[tuple[int, Mode]]:
        """The modes; where axes may change places, one of those that give the same, after how many do.

        Between modes of one degenerate strength an operator of the cube's full symmetry, in a state of that, makes no
        difference: by Schur's lemma their matrix is a multiple of the identity.
        """
        modes = list(self.modes(degree))
        if not self.cubic:
            yield from ((1, mode) for mode in modes)
            return
        scale = max(mode.strength for mode in modes)
        groups: dict[tuple[int, int], list[Mode]] = {}
        for mode in modes:
            groups.setdefault((sum(mode.odd), round(mode.strength / (ALIKE * scale))), []).append(mode)
        yield from ((len(group), group[0]) for group in groups.values())

    @cached_property
    def _potentials(self) -> Array:
        """(m, m) int chi_a rho_e W_image chi_b rho_h."""
        exponents, chi = self.polynomials
        rho_e, rho_h = self.densities
        own = np.array([e == tuple(sorted(e)) or not self.cubic for e in map(tuple, exponents)])
        found = iter(self.images.potential(chi[own] * rho_h))
        solved = {tuple(e): next(found) for e in exponents[own]}
        return self._between(chi, rho_e, np.array([_exchanged(solved, tuple(e)) for e in exponents]))

    def _between(self, chi: Array, density: Array, others: Array | None = None) -> Array:
        """(m, m) integrals of a density with polynomials and with these again, or with others."""
        weighted = chi * (density * self.images.grid.volumes)
        return np.asarray(np.tensordot(weighted, chi if others is None else others, axes=((1, 2, 3), (1, 2, 3))))

    @cached_property
    def _kernels(self) -> dict[int, Array]:
        return {}


def _exchanged(solved: dict[tuple[int, ...], Array], exponents: tuple[int, ...]) -> Array:
    """The potential of a polynomial from that of the one with its axes in order."""
    if exponents in solved:
        return solved[exponents]
    order = np.argsort(exponents, kind="stable")
    return solved[tuple(exponents[d] for d in order)].transpose(np.argsort(order))
