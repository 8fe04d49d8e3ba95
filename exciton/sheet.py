"""The assumption sheet: every number that is used, with its origin, and every choice that was made for the user."""

from collections.abc import Iterator, Mapping, Sequence

from exciton.alignment import Barriers, Gap
from exciton.facts import Facts
from exciton.job import Job


def assumptions(
    job: Job,
    known: Mapping[str, Facts],
    core: Facts,
    gap: Gap,
    beside: Mapping[str, Barriers],
    medium: Facts,
    kane: float | None,
    index: float | None,
    unknown: Sequence[str],
) -> Iterator[str]:
    """Lines of the sheet; `known` are the facts of all regions' materials, `beside` what lies beside the core.

    `kane` and `index` are the Kane energy and the refractive index of a lifetime, where one is computed; `unknown` are
    materials without a permittivity.
    """
    for name, material in known.items():
        origins = " ".join(offsets.origin for offsets in beside.values()) if material is core else ""
        origins += beside[name].origin if name in beside else ""
        for key, number in material.numbers.items():
            if key in _used(job, material is core, origins, material):
                yield f"{name}: {key} {number}"
    yield f"{core.name}: gap {gap.value:.4f} eV: {gap.origin}"
    for name, offsets in beside.items():
        both = f"electron barrier {offsets.electron:+.3f} eV, hole barrier {offsets.hole:+.3f} eV"
        yield f"{name}: {both}: {offsets.origin}"
        yield from offsets.notes
    yield from _choices(job, core, medium.name)
    if unknown and job.exciton.level != "none":
        yield f"dielectric mismatch: left out, for {unknown[0]} has no permittivity"
    if polarised(job):
        yield f"{medium.name}: permittivity {medium.numbers['permittivity']} (of the medium)"
        yield (
            f"dielectric mismatch: every step is smooth over {job.exciton.interface_width_nm:g} nm (10 to 90 %); "
            "its sensitivity to that is in the result"
        )
    if kane is not None and index is not None:
        yield from _light(job, core, medium, kane, index)


def _used(job: Job, is_core: bool, origins: str, material: Facts) -> set[str]:
    """Keys whose numbers the answer depends on, given where the barriers come from."""
    keys = {"electron_mass", "electron_mass_xyz", "hole_mass", "hole_mass_xyz"}
    if is_core or "affinity rule" in origins or "from the gaps" in origins:
        keys.add("gap_eV" if "gap_eV" in material.numbers else "exciton_line_eV")
    if "affinity rule" in origins:
        keys.add("electron_affinity_eV")
    if "convention" in origins:
        keys |= {"electron_barrier_eV", "hole_barrier_eV"}
    if (is_core and job.exciton.level != "none") or polarised(job) or "exciton_line_eV" in keys:
        keys.add("permittivity")
    return keys


def _choices(job: Job, core: Facts, medium: str) -> Iterator[str]:
    structure, exciton = job.structure, job.exciton
    outer = structure.surroundings
    if structure.shape == "mesh":
        yield "psi = 0 on the outer faces of the mesh"
    elif outer is None or outer.thickness_nm == 0:
        yield "psi = 0 on the outermost face of the particle: no surroundings, a hard wall"
    else:
        yield f"psi = 0 behind {outer.thickness_nm:g} nm of {outer.material}"
    if exciton.level != "none" and not exciton.polarisation:
        yield f"attraction: the permittivity {core.permittivity():g} of {core.name} everywhere (polarisation = false)"
    follows = "surroundings or the core" if structure.shape == "mesh" else "outermost layer"
    origin = "given" if structure.medium is not None else f"not given; the material of the {follows}"
    unread = "" if polarised(job) else "; not read where polarisation = false"
    yield f"medium: {medium} ({origin}){unread}"


def polarised(job: Job) -> bool:
    """Whether the dielectric mismatch counts."""
    return job.exciton.level != "none" and bool(job.exciton.polarisation)


def _light(job: Job, core: Facts, medium: Facts, kane: float, index: float) -> Iterator[str]:
    emission = job.emission
    given = emission.kane_energy_eV is not None
    yield f"{core.name}: kane_energy_eV {f'{kane:g}, given in the job' if given else core.numbers['kane_energy_eV']}"
    if emission.refractive_index is not None:
        yield f"{medium.name}: refractive_index {index:g}, given in the job"
    elif "refractive_index" in medium.numbers:
        yield f"{medium.name}: refractive_index {medium.numbers['refractive_index']}"
    else:
        yield f"{medium.name}: refractive_index {index:.4g}, the root of its permittivity"
    yield (
        f"lifetime: at {emission.temperature_K:g} K (occupations only), {emission.bright_fraction:g} of the spin states"
        f" bright, local field {'computed' if emission.local_field == 'computed' else f'{emission.local_field:g}'}"
    )
