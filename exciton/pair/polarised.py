"""What the dielectric mismatch does to a pair: images in its attraction, and both self-energies, in its own density.

    E = E(core's permittivity) + <Sigma_e> + <Sigma_h> - <W_image(r_e, r_h)>

Each is tens of meV and they nearly cancel: both or neither. They are taken as expectation values; they do not change
the wavefunction.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exciton.carriers import Carriers
from exciton.fields import box_around
from exciton.images import Images
from exciton.pair.geminals import PairFunction
from exciton.pair.integrals import Densities
from exciton.pair.interaction import ImageInteraction
from exciton.pair.meeting import meeting_grid, sparser_grid
from exciton.pair.mismatch import POLYNOMIALS, SELF_ENERGIES, Mismatch
from exciton.pair.orbitals import Sample, right_half
from exciton.pair.tabulated import Tabulated
from exciton.resolve import Resolved
from exciton.self_energy import USUAL
from meshes.shapes import Structure
from solvers.distributed import DistributedSpace
from solvers.eigen import Eigenpairs
from solvers.grid import Grid
from solvers.space import Space
from solvers.tensor import BoxSpace

Array = NDArray[np.float64]

DEGREE = 4  # of the polynomials that represent the images' interaction
HIGHEST = 6  # where the error asks for more
LOWER = 2  # of those that meet the whole correlated function
ALSO = ("interaction", "_between")  # do not depend on the self-energies
SMOOTH = 28  # waves along an axis for functions as smooth as images
CUBIC = 1e-6  # of the largest density: what may differ under an exchange of axes


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
    tabulated
        Of states on meshes, what integrates self-energies between them better than the grid.
    """

    images: Images
    electron: Array
    hole: Array
    weights: Array
    cubic: bool = False
    bare: tuple[Array, Array] | None = None
    degree: int = DEGREE
    sparser: "Polarisation | None" = None
    tabulated: Tabulated | None = None

    @classmethod
    def of(
        cls, resolved: Resolved, carriers: Carriers, pairs: tuple[Eigenpairs, Eigenpairs], amplitudes: Array
    ) -> "Polarisation":
        """For a pair with `amplitudes` in products of the first states of `pairs`."""
        c = amplitudes / np.linalg.norm(amplitudes)
        space, geometry = carriers.space, resolved.geometry

        boxes = isinstance(space, BoxSpace)

        def on(images: Images) -> Polarisation:
            def values(u: Array) -> Array:
                found = space.on_grid(u, *images.grid.points)
                return found if boxes else _orthonormal(found, images.grid)

            electron, hole = (values(each.vectors[:, :n]) for each, n in zip(pairs, c.shape))
            alone = [values(each.psi[:, :1]) for each in (carriers.electron, carriers.hole)]
            return cls(images, electron, hole, c, bare=(alone[0], alone[1]))

        images = Images.of(resolved, meeting_grid(resolved, space))
        found = on(images)
        cube = isinstance(geometry, Structure) and _is_cubic(geometry)
        found = replace(found, cubic=cube and all(_same_along_axes(density) for density in found.densities))
        if isinstance(space, Space | DistributedSpace):
            electron, hole = (each.vectors[:, :n] for each, n in zip(pairs, c.shape))
            found = replace(found, tabulated=Tabulated(space, box_around(resolved, space), electron, hole))
        return replace(found, sparser=on(replace(images, grid=sparser_grid(resolved, space))))

    def refined(self, mismatch: Mismatch, allowed: float) -> "Polarisation | None":
        """With more of what the mismatch's error comes from, where that could bring it down to `allowed`, eV."""
        images = self.images.refined
        better: dict[str, dict[str, Any]] = {} if images is None else {SELF_ENERGIES: {"images": images}}
        if self.degree < HIGHEST:
            better[POLYNOMIALS] = {"degree": HIGHEST}
        wanting = mismatch.wanting(better, allowed)
        if not wanting:
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
        c, share = amplitudes / np.linalg.norm(amplitudes), float(np.sum(amplitudes**2))
        shifts = np.subtract(self.self_energies(c), _traced(c, self._self_energies_on_grid))
        electron, hole = electron + float(shifts[0]), hole + float(shifts[1])
        image = 0.0
        for count, mode in self.interaction.distinct_modes(LOWER):
            weighted = (
                Densities.of(waves, own.electron, self._on(own, mode.electron), mode.odd),
                Densities.of(waves, own.hole, self._on(own, mode.hole), mode.odd),
            )
            image -= count * mode.strength * function.expectation(waves, mirrors, *weighted) / norm
        rest = self.attraction(c, self.degree) - self.attraction(c, LOWER)
        found = self._mismatch(c, electron, hole, image + rest, abs(norm - 1) * abs(image))
        # products of orbitals tell the grid's shift; what they have not of the pair may have another
        grid = found.errors["grid"] + abs(1 - share) * float(np.abs(shifts).sum())
        return replace(found, errors=found.errors | {"grid": grid})

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

    def energies(self, amplitudes: Array) -> Array:
        """(n,) eV: what the mismatch adds to pair states, (n, n_e, n_h)."""
        scale = np.linalg.norm(amplitudes, axis=(1, 2))
        return np.array(
            [sum(self.self_energies(c)) + self.attraction(c, DEGREE) for c in amplitudes / scale[:, None, None]]
        )

    def self_energies(self, c: Array) -> tuple[float, float]:
        """<Sigma> of electron and hole, eV."""
        return _traced(c, self._self_energies)

    def attraction(self, c: Array, degree: int) -> float:
        """-<W_image>, eV, with polynomials up to `degree`, at most that of the operator."""
        w, kept = self.interaction.kernel(degree), self.interaction.upto(degree)
        electron, hole = self._between
        # sum_ab w_ab tr(c' X_a c Y_b)
        left = np.einsum("aij,jm->aim", electron[kept], c)
        right = np.einsum("im,bmn->bin", c, hole[kept])
        return -float(np.einsum("ab,aim,bim->", w, left, right, optimize=True))

    @cached_property
    def interaction(self) -> ImageInteraction:
        """Of the images, with polynomials weighted with the densities of the pair."""
        return ImageInteraction(self.images, self.densities, self.degree, self.cubic)

    @cached_property
    def densities(self) -> Array:
        """(2, nx, ny, nz) of electron and hole in the pair of `weights`, nm^-3."""
        return self._densities(self.weights)

    def _densities(self, c: Array) -> Array:
        pairs = ((c @ c.T, self.electron), (c.T @ c, self.hole))
        return np.array([np.einsum("ij,iabc,jabc->abc", d, psi, psi, optimize=True) for d, psi in pairs])

    @cached_property
    def _between(self) -> tuple[Array, Array]:
        """All polynomials between the orbitals of electron and hole, (m, n, n)."""
        chi = self.interaction.polynomials[1]
        electron, hole = (np.array([self._matrix(psi, each) for each in chi]) for psi in (self.electron, self.hole))
        return electron, hole

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
        return self._self_energies_on_grid if self.tabulated is None else self.tabulated.self_energies(self.images)

    @cached_property
    def _self_energies_on_grid(self) -> tuple[Array, Array]:
        sigma = self.images.self_energy()
        return self._matrix(self.electron, sigma), self._matrix(self.hole, sigma)

    def _matrix(self, orbitals: Array, values: Array) -> Array:
        weighted = orbitals * (values * self.images.grid.volumes)
        return np.asarray(np.tensordot(orbitals, weighted, axes=((1, 2, 3), (1, 2, 3))))

    def _of_self_energies(self, c: Array) -> float:
        """Error of the self-energies as functions, eV."""
        grid, images = self.images.grid, self.images
        densities = self._densities(c)
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
        images = abs(self._bare_attraction - self.sparser._bare_attraction)
        if self.tabulated is not None:  # the grid has no part in the self-energies
            return images + float(np.abs([_traced(c, each) for each in self.tabulated.changes(self.images)]).sum())
        other = replace(self.sparser, images=replace(self.sparser.images, detail=self.images.detail))
        return images + float(np.abs(np.subtract(self.self_energies(c), other.self_energies(c))).sum())

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


def _traced(c: Array, matrices: tuple[Array, Array]) -> tuple[float, float]:
    """Expectation values of an electron's and a hole's matrix in a pair with amplitudes c."""
    electron, hole = matrices
    return float(np.sum((c @ c.T) * electron)), float(np.sum((c.T @ c) * hole))


def _orthonormal(psi: Array, grid: Grid) -> Array:
    """Orbitals on a grid that misses something of their norms, made good: as little changed as can be (P.-O. Löwdin,
    J. Chem. Phys. 18, 365 (1950))."""
    size, vectors = np.linalg.eigh(np.tensordot(psi, psi * grid.volumes, axes=((1, 2, 3), (1, 2, 3))))
    return np.asarray(np.tensordot(vectors / np.sqrt(size) @ vectors.T, psi, axes=1))


def _is_cubic(geometry: Structure) -> bool:
    """Whether x, y and z may change places: nested cubes or spheres around one centre."""
    return all(np.ptp(shape.extent) == 0 for shape in geometry.boundaries) and not np.any(geometry.centres)


def _same_along_axes(values: Array) -> bool:
    scale = CUBIC * np.abs(values).max()
    return all(np.abs(values - values.transpose(order)).max() <= scale for order in ((1, 0, 2), (0, 2, 1)))
