"""Job + database -> `Resolved`: every number that the physics needs, and a sheet that says where each comes from.

The database is overridden by the job, gaps follow from exciton lines, barriers from the alignment. Nothing here
meshes or solves. Lengths nm, energies eV, masses in free-electron masses.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from exciton import keypath
from exciton.alignment import BandEdges, Barriers, Gap, band_gap, barriers
from exciton.errors import JobError
from exciton.facts import Facts, Triple, facts, missing
from exciton.job import Accuracy, Carriers, Core, EmissionTable, ExcitonTable, Job, Solver, StructureTable
from exciton.roles import refuse_unknown
from exciton.sheet import assumptions
from meshes.errors import MeshError
from meshes.shapes import Cuboid, RoundedCube, Shape, Sphere, Structure

SURROUNDINGS = "surroundings"


@dataclass(frozen=True, slots=True)
class MeshFile:
    """A geometry that comes as a mesh; the digest is of the file's content, so a moved file is the same."""

    path: Path
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One region and its material. A shell of thickness 0 is listed and not there."""

    name: str  # core, shell_1, ..., surroundings; or a physical name of the mesh
    material: str
    thickness: float | None  # nm; None for the core and in a mesh
    electron_mass: Triple  # along x, y, z
    hole_mass: Triple
    permittivity: float | None  # None where it is not known and not needed
    electron_barrier: float  # eV, from the core's conduction edge up
    hole_barrier: float  # eV, from the core's valence edge down
    barrier_origin: str

    @property
    def there(self) -> bool:
        """Whether it takes any room."""
        return self.thickness is None or self.thickness > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """One point, ready for the physics."""

    title: str
    geometry: Structure | MeshFile
    regions: tuple[Region, ...]  # inside out; of a mesh in the order of the job
    core_region: str
    gap: float  # eV, of the core
    gap_origin: str
    medium: str  # material of all space beyond psi = 0
    medium_permittivity: float | None
    carriers: Carriers
    exciton: ExcitonTable
    emission: EmissionTable
    kane_energy: float | None  # eV, of the core; None where no lifetime is wanted
    refractive_index: float | None  # of the medium; None where no lifetime is wanted
    accuracy: Accuracy
    solver: Solver
    assumptions: tuple[str, ...]

    @property
    def core(self) -> Region:
        """The region that energies and gap refer to."""
        return next(region for region in self.regions if region.name == self.core_region)

    @property
    def barriers(self) -> dict[str, tuple[float, float]]:
        """Electron and hole barrier in eV of every material that lies beside the core."""
        beside = (region for region in self.regions if region.name != self.core_region)
        return {region.material: (region.electron_barrier, region.hole_barrier) for region in beside}

    @property
    def physics(self) -> dict[str, Any]:
        """Everything that an answer can depend on, as plain JSON values; no titles, origins or output switches."""
        unread = {"energy_meV"} if self.accuracy.by_hand else {"element", "degree", "size_nm"}
        return {
            "version": _version(),
            "geometry": _as_json(self.geometry),
            "regions": [{k: v for k, v in asdict(r).items() if k != "barrier_origin"} for r in self.regions],
            "core_region": self.core_region,
            "gap": self.gap,
            "medium_permittivity": self.medium_permittivity,
            "carriers": self.carriers.model_dump(),
            "exciton": self.exciton.model_dump(),
            "emission": self.emission.model_dump() | {"kane": self.kane_energy, "index": self.refractive_index},
            "accuracy": self.accuracy.model_dump(exclude=unread),
            "solver": self.solver.model_dump(exclude={"ranks_per_point"}),  # who does it changes nothing
        }

    @property
    def key(self) -> str:
        """SHA-256 of `physics` in canonical JSON: two points with the same key have the same answer."""
        text = json.dumps(self.physics, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()


def resolve(job: Job) -> Resolved:
    """Merge a job, without its sweeps, with the database.

    Raises
    ------
    JobError
        A material is not known or lacks a number, the barriers cannot be found, the geometry cannot be, or a mesh
        and the job disagree about its regions.
    """
    refuse_unknown(job)
    structure = job.structure
    core_region = structure.core_region or "core"
    layout = list(_layout(structure))
    known = {name: facts(job, name) for _, name, _ in layout}
    core = known[next(name for region, name, _ in layout if region == core_region)]
    gap = core_gap(core)
    if job.exciton.level != "none" and core.permittivity() is None:
        raise missing(core.name, "permittivity")
    lined_up = {name: line_up(job, core, material) for name, material in known.items()}
    regions = []
    for region, name, thickness in layout:
        material, offsets = known[name], lined_up[name]
        is_core = region == core_region
        regions.append(
            Region(
                name=region,
                material=name,
                thickness=thickness,
                electron_mass=material.mass("electron"),
                hole_mass=material.mass("hole"),
                permittivity=material.permittivity(),
                electron_barrier=0.0 if is_core else offsets.electron,
                hole_barrier=0.0 if is_core else offsets.hole,
                barrier_origin="the core itself" if is_core else offsets.origin,
            )
        )
    medium = medium_of(structure)
    outside = facts(job, medium)
    unknown = [each.material for each in regions if each.there and each.permittivity is None]
    unknown += [medium] if outside.permittivity() is None else []
    kane, index = _light(job, core, outside, unknown)
    polarised = job.exciton.level != "none" and (
        not unknown if job.exciton.polarisation is None else job.exciton.polarisation
    )
    if unknown and polarised:
        raise missing(unknown[0], "permittivity")
    if job.exciton.verify and not polarised:
        raise JobError("exciton.verify: found true, allowed: false (without exciton.polarisation there are no images)")
    geometry = _geometry(structure)
    if job.exciton.verify and isinstance(geometry, MeshFile):
        cells, order, _ = _found_in(geometry.path, geometry.digest)
        if cells != "tetrahedron" or order > 2:
            found = f"{geometry.path} has {cells} cells of order {order}"
            raise JobError(f"exciton.verify: it takes tetrahedra of order 1 or 2; {found}")
    settled = job.model_copy(update={"exciton": job.exciton.model_copy(update={"polarisation": polarised})})
    beside = {region.material: lined_up[region.material] for region in regions if region.name != core_region}
    return Resolved(
        title=job.title,
        geometry=geometry,
        regions=tuple(regions),
        core_region=core_region,
        gap=gap.value,
        gap_origin=gap.origin,
        medium=medium,
        medium_permittivity=outside.permittivity(),
        carriers=job.carriers,
        exciton=settled.exciton,
        emission=job.emission,
        kane_energy=kane,
        refractive_index=index,
        accuracy=job.accuracy,
        solver=job.solver,
        assumptions=tuple(assumptions(settled, known, core, gap, beside, outside, kane, index, unknown)),
    )


def _light(job: Job, core: Facts, outside: Facts, unknown: Sequence[str]) -> tuple[float | None, float | None]:
    """Kane energy of the core in eV and index of the medium, where a lifetime is wanted and possible."""
    emission = job.emission
    if emission.lifetime is False or job.exciton.level == "none":
        return None, None
    kane = emission.kane_energy_eV or core.number("kane_energy_eV")
    index = emission.refractive_index or outside.number("refractive_index")
    if index is None and outside.permittivity() is not None:
        index = float(np.sqrt(outside.permittivity() or 1.0))
    if emission.lifetime and kane is None:
        raise JobError(
            f"emission.kane_energy_eV: is missing; a lifetime wants it, and the database has none for {core.name}"
        )
    if emission.lifetime and (index is None or (unknown and emission.local_field == "computed")):
        raise missing(unknown[0], "permittivity")
    if kane is None or index is None or (unknown and emission.local_field == "computed"):
        return None, None
    return kane, index


def core_gap(core: Facts) -> Gap:
    """Gap of the core in eV and its origin; a JobError where nothing determines it."""
    gap = band_gap(core.values)
    if gap is not None:
        return gap
    if "exciton_line_eV" not in core.numbers:
        raise missing(core.name, "gap_eV", "exciton_line_eV")
    core.mass("electron"), core.mass("hole")  # these may be what is missing
    raise missing(core.name, "permittivity")


def line_up(job: Job, core: Facts, other: Facts) -> Barriers:
    """Barriers of a material against the carriers of the core, eV."""
    table = job.alignment.get(other.name)
    edges = [BandEdges.of(each.name, each.values, affinity_spread=each.affinity_spread) for each in (core, other)]
    return barriers(
        *edges,
        given_electron=None if table is None else table.electron_barrier_eV,
        given_hole=None if table is None else table.hole_barrier_eV,
    )


def medium_of(structure: StructureTable) -> str:
    """Material of all space beyond psi = 0: as given, or that of the surroundings, or of the outermost solid."""
    if structure.medium is not None:
        return structure.medium
    if structure.surroundings is not None:
        return structure.surroundings.material
    if structure.regions is not None:
        return structure.regions.get(SURROUNDINGS, structure.regions[structure.core_region or ""])
    outermost: Core | Any = structure.core
    for shell in structure.shells:
        if shell.thickness_nm > 0:
            outermost = shell
    return str(outermost.material)


def _layout(structure: StructureTable) -> Iterator[tuple[str, str, float | None]]:
    """Region, material and thickness in nm, inside out."""
    if structure.core is not None:
        yield "core", structure.core.material, None
    for number, shell in enumerate(structure.shells, start=1):
        yield f"shell_{number}", shell.material, shell.thickness_nm
    outer = structure.surroundings
    if outer is not None and outer.thickness_nm > 0:
        yield SURROUNDINGS, outer.material, outer.thickness_nm
    for region, material in (structure.regions or {}).items():
        yield region, material, None


def _geometry(structure: StructureTable) -> Structure | MeshFile:
    if structure.core is None:
        return _mesh_file(structure)
    layers = tuple((name, thickness) for name, _, thickness in _layout(structure) if thickness is not None)
    try:
        return Structure(_shape(structure.shape, structure.core), layers, structure.core_shift_nm)
    except MeshError as error:
        shifted = any(structure.core_shift_nm)
        found = f".core_shift_nm: found {keypath.shown(structure.core_shift_nm)}" if shifted else ""
        raise JobError(f"structure{found}: {error}") from error


def _shape(shape: str, core: Core) -> Shape:
    if shape == "cuboid" and core.edges_nm is not None:
        return Cuboid(core.edges_nm)
    if shape == "sphere" and core.diameter_nm is not None:
        return Sphere(core.diameter_nm)
    if shape == "rounded-cube" and core.edge_nm is not None and core.radius_nm is not None:
        return RoundedCube(core.edge_nm, core.radius_nm)
    assert core.edge_nm is not None  # the job has checked that every shape has its sizes
    return Cuboid((core.edge_nm,) * 3)


def _mesh_file(structure: StructureTable) -> MeshFile:
    path, named = Path(structure.file or ""), structure.regions or {}
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise JobError(f"structure.file: {path} cannot be read: {error.strerror or error}") from error
    *_, found = _found_in(path, digest)
    for region in found:
        if region not in named:
            raise JobError(f"structure.regions: region {region!r} of the mesh has no material")
    for region in named:
        if region not in found:
            near = keypath.nearest(region, found)
            hint = f"did you mean {near}? " if near else ""
            raise JobError(f"structure.regions.{region}: not in the mesh; {hint}it has {', '.join(found)}")
    return MeshFile(path, digest)


def _as_json(geometry: Structure | MeshFile) -> dict[str, Any]:
    if isinstance(geometry, MeshFile):
        return {"mesh": geometry.digest}
    return {"shape": type(geometry.core).__name__, **asdict(geometry)}


@lru_cache(maxsize=8)
def _found_in(path: Path, digest: str) -> tuple[str, int, tuple[str, ...]]:  # noqa: ARG001  (a changed file is another file)
    """The kind and order of the cells in a mesh file, and its regions."""
    from meshes.files import read_mesh

    try:
        mesh = read_mesh(path)
    except MeshError as error:
        raise JobError(f"structure.file: {error}") from error
    return mesh.cell, mesh.order, tuple(mesh.regions)


def _version() -> str:
    from exciton import __version__

    return __version__
