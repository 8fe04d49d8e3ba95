"""The job file: one frozen type per table.

Every key carries its unit in its name. Validation says what is impossible by the job alone; what needs the material
database or the geometry is said by `exciton.sweep.points`. Nothing here reads a file (that is `exciton.reader`) or
computes anything.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
    model_validator,
)

from exciton.errors import JobError
from exciton.job_errors import fault, one_line
from exciton.keypath import plain, shown
from solvers.options import parse

SCHEMA = 1
THINNEST = 1e-4  # nm, of a layer

SIZES: Mapping[str, tuple[str, ...]] = {  # keys of structure.core that each shape wants, besides the material
    "cube": ("edge_nm",),
    "cuboid": ("edges_nm",),
    "sphere": ("diameter_nm",),
    "rounded-cube": ("edge_nm", "radius_nm"),
}
SIZE_WORDS = ("size", "edge", "edges", "length", "side", "width", "diameter", "radius", "a", "d", "r")  # of people
BOXES = ("cube", "cuboid")  # the shapes that hexahedra can fill
SOLID_KEYS = ("core", "shells", "surroundings", "core_shift_nm")
MESH_KEYS = ("file", "core_region", "regions")


def _scalars(value: Any) -> Any:
    """What a sweep may set: a number, a word, true or false, or a list of these."""
    entries = value if isinstance(value, (list, tuple)) else (value,)
    if not all(isinstance(entry, (bool, int, float, str)) for entry in entries):
        raise fault((), f"found {shown(value)}, allowed: numbers, words, true, false, or lists of them")
    return tuple(value) if isinstance(value, list) else value


def _computed_or_number(value: Any) -> Any:
    """One refusal for both kinds of a value, where a union would give one for each."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if value != "computed" and not (number and 0 < value <= 100):
        raise fault((), f'found {shown(value)}, allowed: "computed", or a number above 0, at most 100')
    return value


def _there_or_not(value: float) -> float:
    """A layer far thinner than an atom is a slip; and below 1e-5 nm the estimates of errors fail, without a word."""
    if 0 < value < THINNEST:
        raise fault((), f"found {value:g}, allowed: 0 (not there), or at least {THINNEST:g}")
    return value


def _size_key(shape: str, word: str) -> str:
    """The keys of a shape's size, for somebody who calls it `word`."""
    if f"{word}_nm" in SIZES[shape]:
        return f"{word}_nm"
    return " and ".join(SIZES[shape]) + (", twice the radius" if shape == "sphere" and word in ("radius", "r") else "")


Size = Annotated[float, Field(ge=1e-3, le=1e4)]  # nm
Thickness = Annotated[float, Field(ge=0, le=1e4), AfterValidator(_there_or_not)]  # nm
Shift = Annotated[float, Field(ge=-1e4, le=1e4)]  # nm
Mass = Annotated[float, Field(ge=1e-4, le=1e4)]  # free-electron masses
Energy = Annotated[float, Field(ge=-1e3, le=1e3)]  # eV
Gap = Annotated[float, Field(gt=0, le=30)]  # eV; no solid has a wider one
Name = Annotated[str, Field(min_length=1, max_length=100)]
Value = bool | int | float | str | tuple[bool | int | float | str, ...]


class Table(BaseModel):
    """One table of the job file: nothing is coerced but a whole number to a float, and no key is ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Core(Table):
    """The innermost solid; which size it wants depends on the shape."""

    material: Name = Field(description="of the database, or of a `[materials.NAME]` table")
    edge_nm: Size | None = Field(default=None, description="cube, rounded-cube: full edge, face to face")
    edges_nm: Annotated[tuple[Size, Size, Size], Strict(False)] | None = Field(
        default=None, description="cuboid: full edges along x, y, z"
    )
    diameter_nm: Size | None = Field(default=None, description="sphere")
    radius_nm: Size | None = Field(default=None, description="rounded-cube: radius of its edges, at most half the edge")


class Layer(Table):
    """A layer around everything inside it."""

    material: Name = Field(description="of the database, or of a `[materials.NAME]` table")
    thickness_nm: Thickness = Field(description="per face; 0 means not there, else at least 0.0001")


class StructureTable(Table):
    """The shape of the particle and what it is made of. All layers are concentric; only the core shifts."""

    shape: Literal["cube", "cuboid", "sphere", "rounded-cube", "mesh"] = Field(
        description="of the core; its layers are parallel surfaces"
    )
    core: Core | None = Field(default=None, description="the core (every shape but mesh)")
    shells: Annotated[tuple[Layer, ...], Strict(False)] = Field(default=(), description="innermost first")
    core_shift_nm: Annotated[tuple[Shift, Shift, Shift], Strict(False)] = Field(
        default=(0.0, 0.0, 0.0), description="of the core's centre from the particle's, along x, y, z"
    )
    surroundings: Layer | None = Field(
        default=None,
        description="a layer that the tails reach into, psi = 0 behind it; left out: hard wall at the last solid",
    )
    medium: Name | None = Field(
        default=None,
        description="material of all space beyond psi = 0, of which only the permittivity counts; left out: that of "
        "the surroundings, without them that of the outermost solid",
    )
    file: Name | None = Field(
        default=None, description="mesh: the mesh file, coordinates in nm; a relative path starts at the job file"
    )
    core_region: Name | None = Field(default=None, description="mesh: the region that energies and gap refer to")
    regions: Mapping[Name, Name] | None = Field(
        default=None, description="mesh: physical name of every region of the file, and its material"
    )

    @model_validator(mode="before")
    @classmethod
    def _size_by_its_key(cls, tables: Any) -> Any:
        """A size under another word than its key is told which key the shape wants."""
        match tables:
            case {"shape": str(shape), "core": Mapping() as core} if shape in SIZES:
                for key in core:
                    word = str(key).removesuffix("_nm")
                    if word in SIZE_WORDS and key not in Core.model_fields:
                        raise fault(("core", key), f"unknown key; did you mean {_size_key(shape, word)}?")
        return tables

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        mesh = self.shape == "mesh"
        wanted = MESH_KEYS if mesh else ("core",)
        for key in SOLID_KEYS if mesh else MESH_KEYS:
            if key in self.model_fields_set and getattr(self, key) is not None:
                raise fault((key,), f'not a key of shape = "{self.shape}", which wants {", ".join(wanted)}')
        for key in wanted:
            if getattr(self, key) is None:
                raise fault((key,), f'is missing; shape = "{self.shape}" wants {", ".join(wanted)}')
        if self.core is not None:
            self._check_size(self.core)
            self._check_gap()
        if self.regions is not None and self.core_region not in self.regions:
            raise fault(("core_region",), f"found {shown(self.core_region)}, allowed: {' | '.join(self.regions)}")
        return self

    def _check_gap(self) -> None:
        """What a shift leaves of the first layer is as thick as a layer must be; no room at all is found later."""
        layers = (*self.shells, *(() if self.surroundings is None else (self.surroundings,)))
        first = next((layer.thickness_nm for layer in layers if layer.thickness_nm > 0), 0.0)
        left = first - max(map(abs, self.core_shift_nm))
        if 0 < left < THINNEST:
            raise fault(
                ("core_shift_nm",),
                f"found {shown(self.core_shift_nm)}, allowed: at least {THINNEST:g} nm left of the first layer",
            )

    def _check_size(self, core: Core) -> None:
        wanted = SIZES[self.shape]
        given = [key for key in ("edge_nm", "edges_nm", "diameter_nm", "radius_nm") if getattr(core, key) is not None]
        for key in given:  # which may be why another one is missing
            if key not in wanted:
                wants = _size_key(self.shape, key.removesuffix("_nm"))
                raise fault(("core", key), f'not a key of shape = "{self.shape}", which wants {wants}')
        for key in wanted:
            if key not in given:
                raise fault(("core", key), f'is missing; shape = "{self.shape}" wants {" and ".join(wanted)}')
        if core.edge_nm and core.radius_nm and core.radius_nm > core.edge_nm / 2:
            raise fault(
                ("core", "radius_nm"), f"found {core.radius_nm:g}, allowed: at most half the edge, {core.edge_nm / 2:g}"
            )


class MaterialTable(Table):
    """Overrides numbers of the database, or adds a material to it."""

    gap_eV: Gap | None = Field(default=None, description="single-particle gap; wins over the exciton line")
    exciton_line_eV: Gap | None = Field(default=None, description="the bulk exciton, from which the gap follows")
    electron_mass: Mass | None = Field(default=None, description="in free-electron masses")
    electron_mass_xyz: Annotated[tuple[Mass, Mass, Mass], Strict(False)] | None = Field(
        default=None, description="along x, y, z, instead of electron_mass"
    )
    hole_mass: Mass | None = Field(default=None, description="in free-electron masses, positive")
    hole_mass_xyz: Annotated[tuple[Mass, Mass, Mass], Strict(False)] | None = Field(
        default=None, description="along x, y, z, instead of hole_mass"
    )
    permittivity: Annotated[float, Field(ge=1, le=1e12)] | None = Field(
        default=None, description="relative; one number for the attraction and for the self-energies alike"
    )
    electron_affinity_eV: Energy | None = Field(default=None, description="vacuum level above the conduction edge")

    @model_validator(mode="after")
    def _one_mass_each(self) -> Self:
        for key in ("electron_mass", "hole_mass"):
            if getattr(self, key) is not None and getattr(self, f"{key}_xyz") is not None:
                raise fault((f"{key}_xyz",), f"given beside {key}; give one of the two")
        return self


class AlignmentTable(Table):
    """Barriers of a material relative to the core, instead of the affinity rule."""

    electron_barrier_eV: Energy | None = Field(
        default=None, description="positive: keeps the electron out; given alone, the hole's follows from the gaps"
    )
    hole_barrier_eV: Energy | None = Field(
        default=None, description="positive: keeps the hole out; given alone, the electron's follows from the gaps"
    )


class Carriers(Table):
    """The single-particle levels."""

    states: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=4, description="levels per carrier, lowest first, degenerate ones counted one by one"
    )


class ExcitonTable(Table):
    """The electron-hole pair."""

    level: Literal["none", "first-order", "hartree", "correlated"] = Field(
        default="correlated", description="how the attraction is treated"
    )
    polarisation: bool | None = Field(
        default=None,
        description="dielectric mismatch: images in the attraction, and self-energies; false: the core's permittivity "
        "everywhere; left out: true where all permittivities are known",
    )
    interface_width_nm: Annotated[float, Field(ge=0.05, le=10)] = Field(
        default=0.59,
        description="of the permittivity step, 10 to 90 %; about a lattice constant (CsPbBr3: 0.59)",
    )
    verify: bool = Field(
        default=False,
        description="the images' attraction of the bare carriers once more, by finite elements on tetrahedra (gmsh): "
        "`verified` in the result; wants polarisation",
    )


class EmissionTable(Table):
    """The light of the pair."""

    lifetime: bool | None = Field(
        default=None, description="radiative lifetime; left out: where the core's Kane energy is known"
    )
    temperature_K: Annotated[float, Field(ge=0, le=2000)] = Field(
        default=300.0, description="of the occupations of pair states only: neither gap nor masses follow"
    )
    kane_energy_eV: Annotated[float, Field(gt=0, le=1e3)] | None = Field(
        default=None, description="left out: the core material's"
    )
    refractive_index: Annotated[float, Field(ge=1, le=100)] | None = Field(
        default=None, description="of the medium; left out: that of the database, or the root of its permittivity"
    )
    local_field: Annotated[
        Literal["computed"] | Annotated[float, Field(gt=0, le=100)], BeforeValidator(_computed_or_number)
    ] = Field(
        default="computed", description="|F|^2; computed: a uniform field outside, with the true permittivity inside"
    )
    bright_fraction: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.75, description="of the spin states: three bright of four"
    )
    linewidth_meV: Annotated[float, Field(gt=0, le=1e3)] = Field(
        default=80.0, description="homogeneous, full width at half maximum, of every line of the spectra"
    )
    core_spread_nm: Annotated[float, Field(ge=0, le=1e3)] = Field(
        default=0.0, description="standard deviation of the core's size in an ensemble spectrum"
    )
    shell_spread_nm: Annotated[float, Field(ge=0, le=1e3)] = Field(
        default=0.0, description="standard deviation of the outermost shell's thickness in an ensemble spectrum"
    )


class Accuracy(Table):
    """The discretisation error asked for; or the discretisation by hand, three keys together."""

    energy_meV: Annotated[float, Field(ge=1e-6, le=1e3)] = Field(default=0.1, description="in each carrier energy")
    pair_meV: Annotated[float, Field(ge=1e-6, le=1e3)] = Field(default=0.2, description="in the pair energy")
    enhancement: Annotated[float, Field(ge=1e-6, le=1e3)] = Field(
        default=0.03, description="relative, in the enhancement of a correlated pair"
    )
    element: Literal["hexahedron", "tetrahedron"] | None = Field(
        default=None, description="by hand, instead of energy_meV: cell type; hexahedra for cube and cuboid only"
    )
    degree: Annotated[int, Field(ge=1, le=12)] | None = Field(default=None, description="by hand: polynomial degree")
    size_nm: Size | None = Field(default=None, description="by hand: largest edge of a cell")

    @property
    def by_hand(self) -> bool:
        """Whether element, degree and size_nm are given."""
        return self.element is not None

    @model_validator(mode="after")
    def _all_or_none(self) -> Self:
        given = [key for key in ("element", "degree", "size_nm") if getattr(self, key) is not None]
        missing = [key for key in ("element", "degree", "size_nm") if getattr(self, key) is None]
        if given and missing:
            raise fault((missing[0],), f"is missing; it goes together with {' and '.join(given)}")
        if given and "energy_meV" in self.model_fields_set:
            raise fault(("energy_meV",), "given beside element, degree and size_nm; give one or the other")
        return self


class Solver(Table):
    """The linear algebra."""

    backend: Literal["auto", "scipy", "petsc"] = Field(
        default="auto", description="auto: petsc over several ranks, and where it is installed and pays; else scipy"
    )
    symmetry: Literal["auto", "none"] = Field(default="auto", description="auto: use the structure's mirror planes")
    petsc_options: Annotated[str, Field(max_length=10000)] = Field(
        default="", description='for PETSc and SLEPc, which have the last word: `"-eps_type gd -pc_type gamg"`'
    )
    ranks_per_point: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None,
        description="under mpiexec: how many ranks share a point; left out: all, divided by the points that wait; "
        "cubes and cuboids that are not meshed by hand gain from more than one beyond a million unknowns",
    )

    @property
    def wanted(self) -> str:
        """The backend; options for PETSc ask for it."""
        return "petsc" if self.petsc_options.strip() else self.backend

    @model_validator(mode="after")
    def _options_for_petsc(self) -> Self:
        if self.petsc_options.strip() and self.backend == "scipy":
            raise fault(("petsc_options",), 'given beside backend = "scipy", which does not read them')
        try:
            parse(self.petsc_options)
        except ValueError as error:
            raise fault(("petsc_options",), str(error)) from None
        return self


class Sweep(Table):
    """One parameter that takes several values; several tables multiply, the last varies fastest."""

    parameter: Annotated[str, Field(min_length=1, max_length=300)] = Field(
        description="path of any number or word of the resolved job, such as `structure.shells[0].thickness_nm`"
    )
    values: Annotated[tuple[Annotated[Any, BeforeValidator(_scalars)], ...], Strict(False), Field(min_length=1)] = (
        Field(description="what it becomes, one point after the other")
    )
    zip: Name | None = Field(default=None, description="tables with the same word here vary side by side")


class Output(Table):
    """What is written beside the numbers."""

    fields: bool = Field(default=True, description="3D fields, for ParaView and for pictures")
    fields_as: Literal["vtu", "xdmf"] = Field(
        default="vtu", description="xdmf: with HDF5, in binary, for large runs; ParaView and `exciton view` read both"
    )
    cube: bool = Field(default=False, description="every state as a Gaussian cube file, for chemists' viewers")
    figures: bool = Field(default=True, description="plots of the sweep, and the band diagram")


class Compare(Table):
    """Measured points that are laid over the figures; they change no number."""

    file: Name = Field(description="a TOML file as docs/examples/teku2025.toml; a relative path starts at the job file")


class Job(Table):
    """A whole job file.

    Raises
    ------
    JobError
        Something in it cannot be; one line names the key, what was found and what is allowed.
    """

    schema_: Literal[1] = Field(alias="schema", description="version of this file format")
    title: Annotated[str, Field(max_length=1000)] = Field(default="", description="for people")
    structure: StructureTable
    materials: Mapping[Name, MaterialTable] = Field(default_factory=dict)
    alignment: Mapping[Name, AlignmentTable] = Field(default_factory=dict)
    carriers: Carriers = Carriers()
    exciton: ExcitonTable = ExcitonTable()
    emission: EmissionTable = EmissionTable()
    accuracy: Accuracy = Accuracy()
    solver: Solver = Solver()
    sweep: Annotated[tuple[Sweep, ...], Strict(False)] = ()
    compare: Compare | None = None
    output: Output = Output()

    def __init__(self, /, **tables: Any) -> None:
        _refuse_other_schemas(tables)
        try:
            super().__init__(**tables)
        except ValidationError as error:
            raise JobError(one_line(error, Job)) from error

    @property
    def raw(self) -> dict[str, Any]:
        """What was given, as a fresh nested dict of plain lists and tables; ``Job(**job.raw) == job``."""
        given = self.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)
        return {key: plain(value) for key, value in given.items()}

    @model_validator(mode="after")
    def _hexahedra_fill_boxes(self) -> Self:
        if self.accuracy.element == "hexahedron" and self.structure.shape not in BOXES:
            raise fault(
                ("accuracy", "element"),
                f'found "hexahedron", allowed: "tetrahedron" (shape = "{self.structure.shape}" is no box)',
            )
        return self


def _refuse_other_schemas(tables: Mapping[str, Any]) -> None:
    if "schema" not in tables:
        raise JobError(f"schema: is missing; a job file starts with schema = {SCHEMA}")
    found = tables["schema"]
    if type(found) is not int or found != SCHEMA:
        raise JobError(f"schema: found {shown(found)}, but this program reads schema {SCHEMA}")
