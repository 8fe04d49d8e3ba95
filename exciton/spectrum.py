"""Absorption and emission of the pair states, of one particle and of an ensemble of sizes.

Every pair state is a Gaussian line. Absorption has its enhancement K_i as strength; emission K_i, photon energy and
Boltzmann factor. In an ensemble all lines of a particle move with its ground pair, whose energy is a parabola in the
size of the core plus one in the thickness of the outermost shell, through solutions one standard deviation either way.

Absorption is told up to where lines that were not solved for begin to matter, one full width below the first of them:
there a Gaussian has a sixteenth of its height. Above that it is not a number.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exciton.carriers import bound_states
from exciton.emission import wavelength
from exciton.errors import JobError
from exciton.pair.levels import solve_pair
from exciton.pair.manifold import Manifold
from exciton.resolve import Resolved
from meshes.shapes import Cuboid, RoundedCube, Sphere, Structure
from solvers.parallel import Comm

Array = NDArray[np.float64]

POINTS = 600  # of the energy axis
MARGIN = 2.5  # full widths below the lowest line
NODES = 24  # of the average over sizes
FWHM = float(np.sqrt(8 * np.log(2)))  # of a Gaussian, in standard deviations


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """Curves over the photon energy."""

    energy: Array  # eV
    absorption: Array  # sum of K_i times a line of unit area, 1/eV; NaN where lines are missing
    emission: Array  # photons, 1 at its peak
    absorption_ensemble: Array | None = None
    emission_ensemble: Array | None = None

    def as_csv(self) -> str:
        """With units in the column names."""
        columns: dict[str, Array] = {
            "energy_eV": self.energy,
            "wavelength_nm": np.array([wavelength(e) for e in self.energy]),
            "absorption": self.absorption,
            "emission": self.emission,
        }
        if self.absorption_ensemble is not None and self.emission_ensemble is not None:
            columns |= {"absorption_ensemble": self.absorption_ensemble, "emission_ensemble": self.emission_ensemble}
        text = StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([f"{value:.7g}" for value in row] for row in zip(*columns.values()))
        return text.getvalue()


def spectrum(resolved: Resolved, states: Manifold, comm: Comm = None) -> Spectrum:
    """The spectra of a point, absorption to where products of orbitals begin that were not solved for.

    Raises
    ------
    JobError
        A spread of sizes was asked for of a mesh from a file, whose size is what it is.
    SolverError
        A particle of another size could not be solved.
    """
    emission, gap = resolved.emission, resolved.gap
    width = 1e-3 * emission.linewidth_meV
    lines = gap + states.energies
    top = gap + (states.beyond[0] if len(states.beyond) else states.energies[-1])
    spread, average = _ensemble(resolved, comm)
    low = max(lines[0] - MARGIN * (width + spread), 0.2 * gap)
    energy = np.linspace(low, max(top, lines[0] + MARGIN * width), POINTS)
    glow = states.weights(emission.temperature_K) * lines * states.enhancements
    absorption = np.where(energy <= top - width, _curve(energy, lines, states.enhancements, width), np.nan)
    light = _curve(energy, lines, glow, width)
    if average is None:
        return Spectrum(energy, absorption, light / light.max())
    shifts, shares = average
    many, bright = (
        sum(share * _curve(energy, lines + shift, strength, width) for shift, share in zip(shifts, shares))
        for strength in (states.enhancements, glow)
    )
    many = np.where(energy <= top - np.hypot(width, FWHM * spread), many, np.nan)
    return Spectrum(energy, absorption, light / light.max(), many, np.asarray(bright / np.max(bright)))


def _curve(energy: Array, lines: Array, strengths: Array, width: float) -> Array:
    """Gaussians of full width at half maximum `width` and the area of their strength."""
    bright = strengths > 1e-9 * strengths.max()
    sigma = width / FWHM
    shape = np.exp(-((energy[:, None] - lines[bright]) ** 2) / (2 * sigma**2)) / (sigma * np.sqrt(2 * np.pi))
    return np.asarray(shape @ strengths[bright])


def _ensemble(resolved: Resolved, comm: Comm) -> tuple[float, tuple[Array, Array] | None]:
    """How far lines spread in eV; shifts in eV and their shares."""
    emission = resolved.emission
    spreads = {"core": emission.core_spread_nm, "shell": emission.shell_spread_nm}
    shifts, shares = np.zeros(1), np.ones(1)
    t, w = np.polynomial.hermite_e.hermegauss(NODES)
    energies = None
    for part, spread in spreads.items():
        if spread == 0:
            continue
        energies = energies or {0: _ground(resolved, comm)}
        below, above = (_ground(other, comm) - energies[0] for other in _resized(resolved, part, spread))
        slope, bend = (above - below) / 2, (above + below) / 2
        own = slope * t + bend * t**2
        shifts = (shifts[:, None] + own).ravel()
        shares = (shares[:, None] * (w / w.sum())).ravel()
    if energies is None:
        return 0.0, None
    return float(np.sqrt(shares @ (shifts - shares @ shifts) ** 2)), (shifts, shares)


def _ground(resolved: Resolved, comm: Comm) -> float:
    return solve_pair(resolved, bound_states(resolved, comm)).pair.energy


def _resized(resolved: Resolved, part: str, spread: float) -> Iterator[Resolved]:
    """The particle one standard deviation smaller, and larger."""
    geometry = resolved.geometry
    if not isinstance(geometry, Structure):
        raise JobError(f"emission.{part}_spread_nm: a mesh from a file has one size; leave it out")
    for step in (-spread, spread):
        if part == "core":
            yield replace(resolved, geometry=replace(geometry, core=_larger(geometry.core, step)))
            continue
        last = max((i for i, (name, _) in enumerate(geometry.layers) if name.startswith("shell")), default=None)
        if last is None or geometry.layers[last][1] + step < 0:
            raise JobError(
                f"emission.shell_spread_nm: found {spread:g}, allowed: at most the thickness of the outermost shell"
            )
        layers: list[Any] = list(geometry.layers)
        layers[last] = (layers[last][0], layers[last][1] + step)
        yield replace(resolved, geometry=replace(geometry, layers=tuple(layers)))


def _larger(core: Cuboid | Sphere | RoundedCube, step: float) -> Cuboid | Sphere | RoundedCube:
    if isinstance(core, Cuboid):
        edges = tuple(edge + step for edge in core.edges)
        sizes: tuple[float, ...] = edges
    else:
        sizes = (core.diameter + step,) if isinstance(core, Sphere) else (core.edge + step,)
    if min(sizes) <= 0:
        raise JobError(f"emission.core_spread_nm: found {abs(step):g}, allowed: less than the size of the core")
    if isinstance(core, Cuboid):
        return Cuboid((sizes[0], sizes[1], sizes[2]))
    return Sphere(sizes[0]) if isinstance(core, Sphere) else RoundedCube(sizes[0], core.radius)
