"""The assumption sheet: every number that is used, with its origin, and every choice that was made for the user."""

from collections.abc import Iterator, Mapping

from exciton.alignment import Barriers, Gap
from exciton.facts import Facts
from exciton.job import Job


def assumptions(
    job: Job, known: Mapping[str, Facts], core: Facts, gap: Gap, beside: Mapping[str, Barriers], medium: str
) -> Iterator[str]:
    """Lines of the sheet; `known` are the facts of all regions' materials, `beside` what lies beside the core."""
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
    yield from _choices(job, core, medium)


def _used(job: Job, is_core: bool, origins: str, material: Facts) -> set[str]:
    """Keys whose numbers the answer depends on, given where the barriers come from."""
    keys = {"electron_mass", "electron_mass_xyz", "hole_mass", "hole_mass_xyz"}
    if is_core or "affinity rule" in origins or "from the gaps" in origins:
        keys.add("gap_eV" if "gap_eV" in material.numbers else "exciton_line_eV")
    if "affinity rule" in origins:
        keys.add("electron_affinity_eV")
    if "convention" in origins:
        keys |= {"electron_barrier_eV", "hole_barrier_eV"}
    if (is_core and job.exciton.level != "none") or job.exciton.polarisation or "exciton_line_eV" in keys:
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
    if exciton.level != "none":
        yield f"attraction: the permittivity {core.permittivity():g} of {core.name} everywhere (polarisation = false)"
    follows = "surroundings or the core" if structure.shape == "mesh" else "outermost layer"
    origin = "given" if structure.medium is not None else f"not given; the material of the {follows}"
    unread = "" if exciton.polarisation else "; not read where polarisation = false"
    yield f"medium: {medium} ({origin}){unread}"
    if exciton.interface_width_nm is not None and not exciton.polarisation:
        yield f"exciton.interface_width_nm = {exciton.interface_width_nm:g}: not read where polarisation = false"
