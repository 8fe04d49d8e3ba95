"""Coulomb integrals of two densities in a uniform permittivity.

The integral is taken in Fourier space, where the kernel is cut off beyond the largest distance that occurs: no images,
spectral accuracy (F. Vico, L. Greengard, M. Ferrando, J. Comput. Phys. 323, 191 (2016)). On nested boxes the Fourier
integrals of the densities are exact; on meshes the densities are sampled on a uniform grid.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from exciton.units import COULOMB
from solvers.functions import FunctionSpace
from solvers.line import Line
from solvers.tensor import BoxSpace, contract

Array = NDArray[np.float64]

POINTS = 64  # grid intervals along the longest axis
COARSER = 48  # and for the error estimate


class Attraction(NamedTuple):
    """An interaction energy with the error of its sampling, eV."""

    energy: float
    error: float


def inverse_distance(first: Array, second: Array, step: float) -> float:
    """``int int f(r) g(r') / |r - r'|`` in 1/nm for densities on one uniform grid.

    Parameters
    ----------
    first, second
        (nx, ny, nz) values; the densities vanish beyond the grid.
    step
        Grid spacing, nm, the same along all axes.
    """
    from scipy.fft import rfftn

    waves = _Waves.of(np.array(first.shape) * step, step)
    return waves.integral(*(rfftn(density, waves.shape) * step**3 for density in (first, second)))


class _Waves(NamedTuple):
    """The plane waves of a periodic box with room for the densities and for the kernel's reach around them."""

    shape: tuple[int, int, int]
    step: float
    reach: float  # nm, where the kernel is cut off: no copy is seen

    @classmethod
    def of(cls, extent: Array, step: float) -> "_Waves":
        from scipy.fft import next_fast_len

        reach = float(np.linalg.norm(extent))
        x, y, z = (int(next_fast_len(int(np.ceil((e + reach) / step)), real=True)) for e in extent)
        return cls((x, y, z), step, reach)

    @property
    def numbers(self) -> tuple[Array, Array, Array]:
        """Wave numbers along x, y and z, of z those of one sign only."""
        rows = (np.fft.fftfreq, np.fft.fftfreq, np.fft.rfftfreq)
        kx, ky, kz = (np.asarray(2 * np.pi * row(n, self.step), dtype=np.float64) for row, n in zip(rows, self.shape))
        return kx, ky, kz

    def integral(self, first: Array, second: Array) -> float:
        """From the Fourier integrals of both densities."""
        kx, ky, kz = self.numbers
        square = kx[:, None, None] ** 2 + ky[:, None] ** 2 + kz**2
        square[0, 0, 0] = 1.0
        kernel = 4 * np.pi * (1 - np.cos(self.reach * np.sqrt(square))) / square
        kernel[0, 0, 0] = 2 * np.pi * self.reach**2
        product = (first.conj() * second).real * kernel
        twice = 2 * product.sum() - product[:, :, 0].sum()
        if self.shape[2] % 2 == 0:
            twice -= product[:, :, -1].sum()
        return float(twice / (np.prod(self.shape) * self.step**3))


def attraction(space: FunctionSpace, extent: Array, electron: Array, hole: Array, permittivity: float) -> Attraction:
    """Attraction of an electron and a hole, ``-e^2/(4 pi eps0 eps) int int rho_e rho_h / |r - r'|``.

    Parameters
    ----------
    extent
        (2, 3) corners of a box around all charge, nm.
    electron, hole
        (unknowns,) the wavefunctions, nm^-3/2.

    Returns
    -------
    Attraction
        Negative, in eV; the error is the change from a coarser grid, which bounds it.
    """
    fine, coarse = (mean_inverse_distance(space, extent, electron, hole, n) for n in (POINTS, COARSER))
    return Attraction(-COULOMB / permittivity * fine, COULOMB / permittivity * abs(fine - coarse))


def mean_inverse_distance(space: FunctionSpace, extent: Array, electron: Array, hole: Array, points: int) -> float:
    """<1/r> of two wavefunctions in 1/nm, with `points` intervals along the longest axis of the box."""
    step = float(np.max(extent[1] - extent[0])) / points
    both = np.stack([electron, hole], axis=1)
    if isinstance(space, BoxSpace):  # with no error of sampling, half of the waves are more than enough
        waves = _Waves.of(extent[1] - extent[0], 2 * step)
        return waves.integral(*_transformed(space, both, waves))
    axes = [np.arange(low, high + 0.5 * step, step) for low, high in extent.T]
    psi = space.on_grid(both, *axes)
    # normalised on the grid: the trapezoidal rule misses some charge at kinks
    first, second = (p**2 / (np.sum(p**2) * step**3) for p in psi)
    return inverse_distance(first, second, step)


def _transformed(space: BoxSpace, psi: Array, waves: _Waves) -> NDArray[np.complex128]:
    """(count, kx, ky, kz) Fourier integrals of psi^2, exact on every element: kinks at interfaces cost nothing."""
    rules = [_gauss(line, waves.step) for line in space.lines]
    density = space.on_grid(psi, *(x for x, _ in rules)) ** 2
    x, y, z = (np.exp(-1j * k[:, None] * x) * w for k, (x, w) in zip(waves.numbers, rules))
    return np.asarray(contract(density, x, y, z))


def _gauss(line: Line, step: float) -> tuple[Array, Array]:
    """Gauss points and weights that integrate psi^2 times every wave up to pi / step, element by element."""
    points, weights = [], []
    for left, right, degree in zip(line.breaks[:-1], line.breaks[1:], line.degrees):
        half = (right - left) / 2
        phase = np.pi * half / step
        t, w = np.polynomial.legendre.leggauss(degree + 3 + int(np.ceil(phase / 2 + 2 * min(phase, 3.0))))
        points.append((left + right) / 2 + half * t)
        weights.append(half * w)
    return np.concatenate(points), np.concatenate(weights)
