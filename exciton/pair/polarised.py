"""What the dielectric mismatch does to a pair: images in its attraction, and both self-energies, in its own density.

    E = E(core's permittivity) + <Sigma_e> + <Sigma_h> - <W_image(r_e, r_h)>

Each is tens of meV and they nearly cancel: both or neither. They are taken as expectation values; they do not change
the wavefunction. The two-particle image interaction is represented by polynomials chi in the coordinates,
sum_ab chi_a(r_e) w_ab chi_b(r_h), so that its matrix elements with chi_a rho_e and chi_b rho_h are exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exciton.carriers import Carriers
from exciton.fields import box_around
from exciton.images import Images
from exciton.pair.geminals import PairFunction
from exciton.pair.integrals import Densities
from exciton.pair.orbitals import Sample, right_half
from exciton.resolve import Resolved
from exciton.self_energy import USUAL
from meshes.shapes import Cuboid, Structure
from solvers.eigen import Eigenpairs
from solvers.functions import FunctionSpace
from solvers.grid import Grid
from solvers.parity import Parities

Array = NDArray[np.float64]

SPACING = 0.45  # nm, about: of the points at which densities meet images
LEAST = 8  # points across a layer: self-energies are steep there
SPARSER, FEWER = 0.52, 7  # the same of a grid that tells the error of this one
DEGREE = 4  # of the polynomials, in all three coordinates together
HIGHEST = 6  # where the error asks for more
PART = 0.25  # of the error that is allowed: what takes more is refined
ALSO = ("_polynomials", "_potentials", "_weighting", "_between")  # do not depend on the self-energies
LOWER = 2  # and of those that meet the whole correlated function
SMOOTH = 28  # waves along an axis for functions as smooth as images
CUBIC = 1e-6  # of the largest density: what may differ under an exchange of axes
ALIKE = 1e-5  # of the largest strength: closer modes of one parity are degenerate
SELF_ENERGIES, POLYNOMIALS = "self-energies", "polynomials"  # what can be refined
ABOUT = 1e-10  # directions of the polynomials with a smaller share of the norm are left out


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Energies that the mismatch adds, eV, with the errors of their sum."""

    electron: float  # self-energy
    hole: float
    attraction: float  # of the images, for the uncorrelated pair of the bare carriers
    correlation: float  # what the images' attraction differs by in the pair's own state
    errors: dict[str, float]  # by what they come from
    sensitivity: float  # eV/nm: derivative of the sum, for the bare carriers, with respect to the interface width

    @property
    def total(self) -> float:
        return self.electron + self.hole + self.attraction + self.correlation

    @property
    def error(self) -> float:
        """All in all, eV."""
        return sum(self.errors.values())


@dataclass(frozen=True, eq=False)
class Polarisation:
    """Self-energies and images as operators between orbitals.

    Parameters
    ----------
    electron, hole
        (n, nx, ny, nz) orbitals on the grid of `images`, nm^-3/2; the lowest first.
    weights
        (n_e, n_h) amplitudes of the pair in whose densities the polynomials are weighted.
    cubic
        Whether structure and pair stay what they are when axes change places.
    bare
        (1, nx, ny, nz) the carriers' own ground states; None: the first orbitals.
    degree
        Of the polynomials.
    sparser
        The same on a sparser grid.
    """

    images: Images
    electron: Array
    hole: Array
    weights: Array
    cubic: bool = False
    bare: tuple[Array, Array] | None = None
    degree: int = DEGREE
    sparser: "Polarisation | None" = None

    @classmethod
    def of(
        cls, resolved: Resolved, carriers: Carriers, pairs: tuple[Eigenpairs, Eigenpairs], amplitudes: Array
    ) -> "Polarisation":
        """For a pair with `amplitudes` in products of the first states of `pairs`."""
        c = amplitudes / np.linalg.norm(amplitudes)
        space, geometry = carriers.space, resolved.geometry

        def on(images: Images) -> Polarisation:
            points = images.grid.points
            electron, hole = (space.on_grid(each.vectors[:, :n], *points) for each, n in zip(pairs, c.shape))
            alone = [space.on_grid(each.psi[:, :1], *points) for each in (carriers.electron, carriers.hole)]
            return cls(images, electron, hole, c, bare=(alone[0], alone[1]))

        images = Images.of(resolved, meeting_grid(resolved, space))
        found = on(images)
        cube = isinstance(geometry, Structure) and _is_cubic(geometry)
        found = replace(found, cubic=cube and all(_same_along_axes(density) for density in found._weighting))
        if not (isinstance(geometry, Structure) and isinstance(geometry.core, Cuboid)):
            return found  # a uniform grid is not compared (docs/theory/polarisation.md)
        return replace(found, sparser=on(replace(images, grid=meeting_grid(resolved, space, SPARSER, FEWER))))

    def refined(self, mismatch: Mismatch, allowed: float) -> "Polarisation | None":
        """With more of what the mismatch's error comes from, where that could bring it down to `allowed`, eV."""
        images = self.images.refined
        better: dict[str, dict[str, Any]] = {} if images is None else {SELF_ENERGIES: {"images": images}}
        if self.degree < HIGHEST:
            better[POLYNOMIALS] = {"degree": HIGHEST}
        stays = sum(error for name, error in mismatch.errors.items() if name not in better)
        wanting = [name for name in better if mismatch.errors[name] > PART * allowed]
        if not wanting or stays >= allowed:
            return None
        found = replace(self, **{key: value for name in wanting for key, value in better[name].items()})
        if found.degree == self.degree:  # the images' potentials are the same
            vars(found).update({name: vars(self)[name] for name in ALSO if name in vars(self)})
        return found

    # -- expectation values ----------------------------------------------------------------------------------------

    def of_state(self, amplitudes: Array) -> Mismatch:
        """The mismatch in an uncorrelated pair, with `amplitudes` (n_e, n_h) in the products of orbitals."""
        c = amplitudes / np.linalg.norm(amplitudes)
        electron, hole = self.self_energies(c)
        return self._mismatch(c, electron, hole, self.attraction(c, self.degree), 0.0)

    def of_function(self, function: PairFunction, orbitals: Sample, amplitudes: Array) -> Mismatch:
        """The mismatch in a correlated pair, cusp and all.

        Self-energies, and images up to polynomials of degree `LOWER`, are integrated with the whole function; what
        higher polynomials add is small and taken from the amplitudes alone.

        Parameters
        ----------
        orbitals
            The sample that the function is made on.
        """
        own = self._sampled(orbitals)
        waves, mirrors = own.waves, own.mirrors
        plain = Densities.of(waves, own.electron), Densities.of(waves, own.hole)
        norm = function.expectation(waves, mirrors, *plain)
        sigma = self._on(own, self.images.self_energy())
        electron = function.expectation(waves, mirrors, Densities.of(waves, own.electron, sigma), plain[1]) / norm
        hole = function.expectation(waves, mirrors, plain[0], Densities.of(waves, own.hole, sigma)) / norm
        image = 0.0
        for count, strength, left, right, odd in self._distinct_modes():
            weighted = (
                Densities.of(waves, own.electron, self._on(own, left), odd),
                Densities.of(waves, own.hole, self._on(own, right), odd),
            )
            image -= count * strength * function.expectation(waves, mirrors, *weighted) / norm
        c = amplitudes / np.linalg.norm(amplitudes)
        rest = self.attraction(c, self.degree) - self.attraction(c, LOWER)
        return self._mismatch(c, electron, hole, image + rest, abs(norm - 1) * abs(image))

    def _mismatch(self, c: Array, electron: float, hole: float, image: float, error: float) -> Mismatch:
        alone = self._bare_attraction
        degree = self.degree
        errors = {
            SELF_ENERGIES: self._of_self_energies(c),
            POLYNOMIALS: abs(self.attraction(c, degree) - self.attraction(c, degree - 1)),
            "potentials": self._of_potentials,
            "waves": error,
            "grid": self._of_grid(c),
        }
        return Mismatch(electron, hole, alone, image - alone, errors, self._sensitivity)

    def _sampled(self, orbitals: Sample) -> Sample:
        """The orbitals on the points of the images' grid, of mirrored axes on their right halves."""
        waves, whole = orbitals.waves, self.images.grid
        x, y, z = (right_half(*row) if half else row for *row, half in zip(whole.points, whole.weights, waves.halves))
        grid = Grid((x[0], y[0], z[0]), (x[1], y[1], z[1]))
        a, b, c = (slice(n - m, n) for n, m in zip(whole.shape, grid.shape))
        electron, hole = (
            replace(carrier, values=psi[: len(carrier), a, b, c])
            for carrier, psi in ((orbitals.electron, self.electron), (orbitals.hole, self.hole))
        )
        return Sample(replace(waves, grid=grid, count=min(waves.count, SMOOTH)), electron, hole)

    def _on(self, own: Sample, values: Array) -> Array:
        """Values on the images' grid, on that of the sample."""
        shape = own.grid.shape
        x, y, z = (slice(n - m, n) for n, m in zip(values.shape, shape))
        return values[x, y, z]

    def _distinct_modes(self) -> Iterator[tuple[int, float, Array, Array, Parities]]:
        """The modes; where axes may change places, one of those that give the same, and how many do.

        Between modes of one degenerate strength an operator of the cube's full symmetry, in a state of that, makes no
        difference: by Schur's lemma their matrix is a multiple of the identity.
        """
        modes = list(self._modes())
        if not self.cubic:
            yield from ((1, *mode) for mode in modes)
            return
        scale = max(strength for strength, *_ in modes)
        groups: dict[tuple[int, int], list[tuple[float, Array, Array, Parities]]] = {}
        for mode in modes:
            groups.setdefault((sum(mode[3]), round(mode[0] / (ALIKE * scale))), []).append(mode)
        yield from ((len(group), *group[0]) for group in groups.values())

    def _modes(self) -> Iterator[tuple[float, Array, Array, Parities]]:
        """The image interaction up to degree `LOWER`: strengths, alpha(r_e), beta(r_h), and where both are odd."""
        exponents, chi = self._polynomials
        kept = exponents.sum(axis=1) <= LOWER
        exponents, chi = exponents[kept], chi[kept]
        w = self._represented(LOWER)[0]
        for odd in np.unique(exponents % 2, axis=0):
            some = np.flatnonzero(np.all(exponents % 2 == odd, axis=1))
            left, strengths, right = np.linalg.svd(w[np.ix_(some, some)])
            for number, strength in enumerate(strengths):
                alpha = np.tensordot(left[:, number], chi[some], axes=1)
                beta = np.tensordot(right[number], chi[some], axes=1)
                yield float(strength), alpha, beta, (int(odd[0]), int(odd[1]), int(odd[2]))

    def energies(self, amplitudes: Array) -> Array:
        """(n,) eV: what the mismatch adds to pair states, (n, n_e, n_h)."""
        scale = np.linalg.norm(amplitudes, axis=(1, 2))
        return np.array(
            [sum(self.self_energies(c)) + self.attraction(c, DEGREE) for c in amplitudes / scale[:, None, None]]
        )

    def self_energies(self, c: Array) -> tuple[float, float]:
        """<Sigma> of electron and hole, eV."""
        electron, hole = self._self_energies
        return float(np.sum((c @ c.T) * electron)), float(np.sum((c.T @ c) * hole))

    def attraction(self, c: Array, degree: int) -> float:
        """-<W_image>, eV, with polynomials up to `degree`, at most that of the operator."""
        w, electron, hole = self._represented(degree)
        # sum_ab w_ab tr(c' X_a c Y_b)
        left = np.einsum("aij,jm->aim", electron, c)
        right = np.einsum("im,bmn->bin", c, hole)
        return -float(np.einsum("ab,aim,bim->", w, left, right, optimize=True))

    @property
    def _alone(self) -> tuple[Array, Array]:
        return (self.electron[:1], self.hole[:1]) if self.bare is None else self.bare

    @cached_property
    def _bare_attraction(self) -> float:
        electron, hole = self._alone
        potential = self.images.potential(hole**2)[0]
        return -float(self.images.grid.integral(electron[0] ** 2 * potential))

    @cached_property
    def _self_energies(self) -> tuple[Array, Array]:
        """(n, n) matrices of Sigma in either carrier's orbitals, eV."""
        sigma = self.images.self_energy()
        return self._matrix(self.electron, sigma), self._matrix(self.hole, sigma)

    def _matrix(self, orbitals: Array, values: Array) -> Array:
        weighted = orbitals * (values * self._volume)
        return np.asarray(np.tensordot(orbitals, weighted, axes=((1, 2, 3), (1, 2, 3))))

    @cached_property
    def _volume(self) -> Array:
        return np.asarray(np.einsum("a,b,c->abc", *self.images.grid.weights))

    def _of_self_energies(self, c: Array) -> float:
        """Error of the self-energies as functions, eV."""
        grid, images = self.images.grid, self.images
        densities = [np.einsum("ij,iabc,jabc->abc", d, psi, psi, optimize=True)
                     for d, psi in ((c @ c.T, self.electron), (c.T @ c, self.hole))]  # fmt: skip
        if images.detail > USUAL:  # three representations or more: the last change, or half of that before
            values = np.array([[grid.integral(n * each) for n in densities] for each in images.self_energies[:3]])
            last, before = np.abs(np.diff(values, axis=0))
            return float(np.maximum(last, before / 2).sum())
        change = images.self_energy_change()
        # what cancels between core and shell, or faces and edges, does so by accident
        signed, size = (np.array([grid.integral(n * each) for n in densities]) for each in (change, abs(change)))
        return float(np.maximum(abs(signed), size / 2).sum())

    @cached_property
    def _of_potentials(self) -> float:
        """Error of the images' potentials, eV."""
        off = self.images.potential_change(self.hole[:1] ** 2)[0]
        return abs(float(self.images.grid.integral(self.electron[0] ** 2 * off)))

    def _of_grid(self, c: Array) -> float:
        """What a sparser grid changes in self-energies and in the attraction of the bare carriers' images, eV."""
        if self.sparser is None:
            return 0.0
        other = replace(self.sparser, images=replace(self.sparser.images, detail=self.images.detail))
        here, there = ((*each.self_energies(c), each._bare_attraction) for each in (self, other))
        return float(np.abs(np.subtract(here, there)).sum())

    @cached_property
    def _sensitivity(self) -> float:
        """Derivative of the sum of all terms of the bare carriers by the interface width, eV/nm."""
        electron, hole = (psi[0] ** 2 for psi in self._alone)
        sums = []
        for images in self.images.neighbours:
            own = images.grid.integral((electron + hole) * images.rough_self_energy)
            sums.append(float(own - images.grid.integral(electron * images.potential(hole[None])[0])))
        narrower, broader = (images.dielectric.width for images in self.images.neighbours)
        return (sums[1] - sums[0]) / (broader - narrower)

    # -- the image interaction, by polynomials ----------------------------------------------------------------------

    @cached_property
    def _polynomials(self) -> tuple[NDArray[np.int64], Array]:
        """Exponents (m, 3) of the monomials and their values (m, nx, ny, nz), coordinates scaled to about 1."""
        points = self.images.grid.points
        exponents = np.array([e for e in product(range(self.degree + 1), repeat=3) if sum(e) <= self.degree])
        scaled = [(x - (x[0] + x[-1]) / 2) / (x[-1] - x[0]) * 2 for x in points]
        values = [np.einsum("a,b,c->abc", *(x**n for x, n in zip(scaled, e))) for e in exponents]
        return exponents, np.array(values)

    @cached_property
    def _potentials(self) -> Array:
        """(m, m) int chi_a rho_e W_image chi_b rho_h."""
        exponents, chi = self._polynomials
        rho_e, rho_h = self._weighting
        own = np.array([e == tuple(sorted(e)) or not self.cubic for e in map(tuple, exponents)])
        found = iter(self.images.potential(chi[own] * rho_h))
        solved = {tuple(e): next(found) for e in exponents[own]}
        potentials = np.array([_exchanged(solved, tuple(e)) for e in exponents])
        return np.asarray(np.tensordot(chi * (rho_e * self._volume), potentials, axes=((1, 2, 3), (1, 2, 3))))

    @cached_property
    def _weighting(self) -> tuple[Array, Array]:
        c = self.weights
        return (
            np.einsum("ij,iabc,jabc->abc", c @ c.T, self.electron, self.electron, optimize=True),
            np.einsum("ij,iabc,jabc->abc", c.T @ c, self.hole, self.hole, optimize=True),
        )

    def _represented(self, degree: int) -> tuple[Array, Array, Array]:
        """w (m, m), and the polynomials between the orbitals of electron and hole, (m, n, n)."""
        if degree not in self._cache:
            exponents, chi = self._polynomials
            kept = np.flatnonzero(exponents.sum(axis=1) <= degree)
            chi = chi[kept]
            rho_e, rho_h = self._weighting
            grams = [
                np.tensordot(chi * (rho * self._volume), chi, axes=((1, 2, 3), (1, 2, 3))) for rho in (rho_e, rho_h)
            ]
            left, right = (np.linalg.pinv(gram, rcond=ABOUT, hermitian=True) for gram in grams)
            w = left @ self._potentials[np.ix_(kept, kept)] @ right
            electron, hole = (each[kept] for each in self._between)
            self._cache[degree] = w, electron, hole
        return self._cache[degree]

    @cached_property
    def _between(self) -> tuple[Array, Array]:
        """All polynomials between the orbitals of electron and hole, (m, n, n)."""
        chi = self._polynomials[1]
        electron, hole = (np.array([self._matrix(psi, each) for each in chi]) for psi in (self.electron, self.hole))
        return electron, hole

    @cached_property
    def _cache(self) -> dict[int, tuple[Array, Array, Array]]:
        return {}


def _is_cubic(geometry: Structure) -> bool:
    """Whether x, y and z may change places: nested cubes or spheres around one centre."""
    return all(np.ptp(shape.extent) == 0 for shape in geometry.boundaries) and not np.any(geometry.centres)


def _same_along_axes(values: Array) -> bool:
    scale = CUBIC * np.abs(values).max()
    return all(np.abs(values - values.transpose(order)).max() <= scale for order in ((1, 0, 2), (0, 2, 1)))


def _exchanged(solved: dict[tuple[int, ...], Array], exponents: tuple[int, ...]) -> Array:
    """The potential of a polynomial from that of the one with its axes in order."""
    if exponents in solved:
        return solved[exponents]
    order = np.argsort(exponents, kind="stable")
    return solved[tuple(exponents[d] for d in order)].transpose(np.argsort(order))


def meeting_grid(resolved: Resolved, space: FunctionSpace, spacing: float = SPACING, least: int = LEAST) -> Grid:
    """Gauss points between the faces of nested boxes, or a uniform grid over any other particle.

    Parameters
    ----------
    spacing, least
        About, nm, and at least so many points across a layer.
    """
    geometry = resolved.geometry
    box = box_around(resolved, space)
    rows = []
    for axis in range(3):
        ends = {float(box[0, axis]), float(box[1, axis])}
        boxes = isinstance(geometry, Structure) and isinstance(geometry.core, Cuboid)
        if isinstance(geometry, Structure) and boxes:
            for shape, centre in zip(geometry.boundaries, geometry.centres):
                ends |= {float(centre[axis] - shape.extent[axis] / 2), float(centre[axis] + shape.extent[axis] / 2)}
        parts = [_row(a, b, spacing, least, gauss=boxes) for a, b in pairwise(sorted(ends))]
        rows.append((np.concatenate([x for x, _ in parts]), np.concatenate([w for _, w in parts])))
    (x, wx), (y, wy), (z, wz) = rows
    return Grid((x, y, z), (wx, wy, wz))


def _row(low: float, high: float, spacing: float, least: int, *, gauss: bool) -> tuple[Array, Array]:
    count = max(least, int(np.ceil((high - low) / spacing)))
    if not gauss:
        width = (high - low) / count
        return np.asarray(low + width * (np.arange(count) + 0.5)), np.full(count, width)
    t, w = np.polynomial.legendre.leggauss(count)
    half = (high - low) / 2
    return (low + high) / 2 + half * t, half * w
