"""Electron and hole levels of a structure: the BenDaniel-Duke equation, to the accuracy that was asked for.

    -(hbar^2/2) div( (1/m) grad psi ) + V psi = E psi,   psi = 0 on the outermost surface [1]_.

Both carriers are solved on one space, so that overlaps and densities can be taken without a second thought. Which
space: tensor-product hp on nested boxes, degree and size of tetrahedra on curved shapes, or what was given by hand.

References
----------
.. [1] D. J. BenDaniel and C. B. Duke, Phys. Rev. 152, 683 (1966).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exciton.resolve import MeshFile, Region, Resolved
from exciton.states import States
from exciton.units import HBAR2_2M0
from meshes.boxes import box_mesh
from meshes.files import read_mesh
from meshes.generate import tetrahedra
from meshes.mesh import Mesh
from meshes.mirror import Folded
from meshes.partition import box_part
from meshes.shapes import Cuboid, Structure
from solvers import hp, petsc
from solvers.adapt import Cells, Problem, Solved, adapt, fixed, space_on
from solvers.distributed.parts import dealt
from solvers.eigen import Eigenpairs
from solvers.errors import NotAffordable, OutOfReach
from solvers.functions import FunctionSpace
from solvers.parallel import Comm, from_first, rank, size

Array = NDArray[np.float64]

FIRST_SIZE = 0.25  # of the first tetrahedra, over the width of the particle
TURN = 8  # of them around a full turn of a curved surface, at least
SIXFOLD_SIZE, SIXFOLD_TURN = 0.42, 4  # where all axes are alike: planes between them cut every turn by themselves
LEVELS_DEGREE, PAIR_DEGREE = 4, 5  # of the first boxes: what a pair takes from densities converges later than levels
EXPANDING = ("hartree", "correlated")  # levels that expand in many carrier states
FEWEST = 4  # states that a mesh is refined for where a level expands in more of them
GEOMETRY = 6  # order of the curved facets of meshes that are refined
LAYER_FACTOR = 0.15  # of the geometric grading of layers, as `meshes.generate` has it


@dataclass(frozen=True, slots=True, eq=False)
class Carriers:
    """Electron and hole on the space that they share."""

    space: FunctionSpace
    electron: States
    hole: States
    other_space: FunctionSpace  # another space with its states: what differs tells the error of what they are used for
    other: tuple[Eigenpairs, Eigenpairs]
    told: float  # which share of an error that difference is, at least
    method: str  # which discretisation and eigensolver ran
    unknowns: int


def operator(masses: Sequence[Sequence[float]], edges: Sequence[float], count: int) -> Problem:
    """The BenDaniel-Duke operator of one carrier.

    Parameters
    ----------
    masses
        (regions, 3) effective masses along x, y, z in free-electron masses, > 0.
    edges
        (regions,) band edge V in eV, growing away from the gap.
    count
        How many states, lowest first; the members of a degenerate level are counted one by one.

    Raises
    ------
    ValueError
        A mass is not positive, or the arrays do not fit.
    """
    mass, edge = np.asarray(masses, dtype=float), np.asarray(edges, dtype=float)
    if mass.shape != (len(edge), 3) or not np.all(mass > 0):
        raise ValueError(f"masses must be positive, shape ({len(edge)}, 3); found shape {mass.shape}")
    return Problem(HBAR2_2M0 / mass, edge, count)


def bound_states(resolved: Resolved, comm: Comm = None, memory: hp.Memory | None = None) -> Carriers:
    """The lowest states of both carriers, each level to ``accuracy.energy_meV`` or on the mesh given by hand.

    Parameters
    ----------
    comm
        The ranks that share the work, each of which calls this; on nested boxes, where they are small, all do the same.
    memory
        Of a similar point, on nested boxes: what is the same is not solved again.

    Returns
    -------
    Carriers
        ``energies`` in eV from the carrier's band edge in the core; psi in nm^-3/2, normalised to 1.

    Raises
    ------
    NotAffordable
        The accuracy would take more unknowns or digits than there are.
    NotConverged
        Too few states reached the eigensolver's tolerance.
    """
    there = [region for region in resolved.regions if region.there]
    try:
        solved = _solved(resolved, _by_name(there), comm, memory)
    except OutOfReach as error:
        reached = f"{1e3 * error.reached:.2g} meV was reached" if np.isfinite(error.reached) else "no error is known"
        raise NotAffordable(
            f"levels to {1e3 * error.asked:.2g} meV were asked for; {reached} with {error.unknowns} unknowns: ask for "
            "less (accuracy.energy_meV, or pair_meV), or for fewer states"
        ) from error
    names = tuple(region.name for region in resolved.regions)
    n = resolved.carriers.states
    electron, hole = (
        States.of(solved.space, pairs.first(n), errors[:n], names, solved.other_space, other.first(n), solved.told)
        for pairs, errors, other in zip(solved.pairs, solved.errors, solved.other)
    )
    return Carriers(
        solved.space,
        electron,
        hole,
        solved.other_space,
        (solved.other[0].first(n), solved.other[1].first(n)),
        solved.told,
        solved.pairs[0].method,
        solved.space.size,
    )


def ground(states: States) -> Eigenpairs:
    """The lowest state as an eigenpair."""
    return Eigenpairs(states.energies[:1], states.psi[:, :1], states.residuals[:1], 0, "", states.labels[:1])


def problems_for(resolved: Resolved, space: FunctionSpace, counts: tuple[int, int]) -> list[Problem]:
    """The problems of electron and hole, for so many states, or fewer where the space is smaller."""
    there = [region for region in resolved.regions if region.there]
    return [
        _problems(space.regions, _by_name(there), min(count, space.size))[number] for number, count in enumerate(counts)
    ]


def _by_name(regions: Sequence[Region]) -> dict[str, Region]:
    return {region.name: region for region in regions}


def _problems(names: Sequence[str], regions: dict[str, Region], count: int) -> tuple[Problem, Problem]:
    here = [regions[name] for name in names]
    return (
        operator([r.electron_mass for r in here], [r.electron_barrier for r in here], count),
        operator([r.hole_mass for r in here], [r.hole_barrier for r in here], count),
    )


def _solved(resolved: Resolved, regions: dict[str, Region], comm: Comm, memory: hp.Memory | None) -> Solved:
    geometry, accuracy, count = resolved.geometry, resolved.accuracy, resolved.carriers.states
    tolerance, backend = accuracy.energy_meV * 1e-3, resolved.solver.wanted
    if accuracy.by_hand:
        cells = _cells_by_hand(resolved, comm)
        space = space_on(cells, accuracy.degree or 1, comm)
        return fixed(space, _problems(space.regions, regions, count), backend=backend)
    expands = resolved.exciton.level in EXPANDING
    if expands and not on_boxes(resolved):
        count = max(count, FEWEST)
    if isinstance(geometry, MeshFile):
        path = geometry.path
        whole = _shared(lambda: read_mesh(path), comm)
        problems = _problems(space_on(whole, 1, comm).regions, regions, count)
        return adapt(lambda _: (whole, 0.0), np.inf, problems, tolerance, backend=backend, comm=comm)
    problems = _problems(geometry.regions, regions, count)
    if on_boxes(resolved):
        symmetry = resolved.solver.symmetry == "auto"
        return hp.adapt(
            geometry,
            problems,
            tolerance,
            symmetry=symmetry,
            degree=LEVELS_DEGREE if resolved.exciton.level == "none" else PAIR_DEGREE,
            further=expands or bool(resolved.emission.lifetime),
            memory=memory,
            backend=backend,
            comm=comm,
        )
    alike = all(geometry.mirror)
    first = (SIXFOLD_SIZE if alike else FIRST_SIZE) * float(np.max(geometry.extent))
    turn = SIXFOLD_TURN if alike else TURN
    layers = _graded_layers(geometry, problems)
    by_parity = resolved.solver.symmetry == "auto" and any(geometry.mirror) and size(comm) == 1

    def mesh_of(width: float) -> tuple[Cells, float]:
        defect = [0.0]

        def make() -> Folded:
            mesh = tetrahedra(geometry, width, order=GEOMETRY, layers=layers, turn=turn, planes=geometry.mirror)
            true = np.array(list(geometry.volumes.values())) / 2 ** sum(geometry.mirror)
            meshed = np.array(list(mesh.volumes().values()))
            defect[0] = float(np.max(np.abs(np.cumsum(meshed - true)) / np.cumsum(true)))
            return Folded(mesh, geometry.mirror)

        cells = make() if by_parity else _shared(lambda: make().whole, comm)
        return cells, from_first(comm, defect[0])

    return adapt(mesh_of, first, problems, tolerance, smooth=True, backend=backend, comm=comm)


def _graded_layers(geometry: Structure, problems: Sequence[Problem]) -> list[int]:
    """How often the cells of each layer are cut towards its interfaces: until they resolve the decay length there."""
    thickness = np.array([t for _, t in geometry.layers if t > 0])
    decay = [thickness * np.sqrt(np.maximum(p.potential[1:], 0.0) / p.diffusion[1:].min(axis=1)) for p in problems]
    often = np.log(np.max(decay, axis=0) + 1.0) / np.log(1 / LAYER_FACTOR)
    return [int(number) for number in np.clip(often, 0, 2)]


def on_boxes(resolved: Resolved) -> bool:
    """Whether a point is solved on tensor products."""
    geometry = resolved.geometry
    return not resolved.accuracy.by_hand and isinstance(geometry, Structure) and isinstance(geometry.core, Cuboid)


def mesh_by_hand(resolved: Resolved) -> Mesh:
    """The mesh that a job asks for by hand, with ``accuracy.element`` and ``accuracy.size_nm``."""
    geometry, accuracy = resolved.geometry, resolved.accuracy
    if isinstance(geometry, MeshFile):
        return read_mesh(geometry.path)
    assert accuracy.size_nm is not None
    if accuracy.element == "hexahedron":
        return box_mesh(geometry, accuracy.size_nm)
    return tetrahedra(geometry, accuracy.size_nm)


def _cells_by_hand(resolved: Resolved, comm: Comm) -> Cells:
    """The same; over several ranks boxes are made in parts, other meshes by one rank, which deals them out."""
    geometry, accuracy = resolved.geometry, resolved.accuracy
    if size(comm) > 1 and isinstance(geometry, Structure) and accuracy.element == "hexahedron":
        assert accuracy.size_nm is not None
        with petsc.stage("mesh"):
            return box_part(geometry, accuracy.size_nm, size(comm), rank(comm))
    return _shared(lambda: mesh_by_hand(resolved), comm)


def _shared(make: Callable[[], Mesh], comm: Comm) -> Cells:
    with petsc.stage("mesh"):
        return make() if size(comm) == 1 else dealt(make, comm)
