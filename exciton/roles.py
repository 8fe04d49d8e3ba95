"""Which materials a job uses, and what for; a table that nothing uses is a mistake and is refused."""

from collections.abc import Iterator

from exciton import keypath
from exciton.errors import JobError
from exciton.job import Job, StructureTable
from exciton.materials import lookup

Roles = dict[str, dict[str, None]]


def materials_by_role(job: Job) -> Roles:
    """Ordered names of the materials that some point of the job has as ``core``, as a ``layer`` or as ``medium``.

    A swept material counts with all its values. The layers of a mesh are its regions other than the core's.
    """
    roles: Roles = {"core": {}, "layer": {}, "medium": {}}
    for role, name, _ in _uses(job):
        roles[role][name] = None
    return roles


def refuse_unknown(job: Job) -> None:
    """Raise a JobError for a material that neither the database nor the job describes."""
    for _, name, path in _uses(job):
        if name not in job.materials:
            try:
                lookup(name)
            except JobError as error:
                near = keypath.nearest(name, list(job.materials))
                hint = f"[materials.{near}] is near" if near else f"or describe it in [materials.{name}]"
                raise JobError(f"{keypath.written(path)}: {error}; {hint}") from error


def refuse_unused(job: Job) -> None:
    """Raise a JobError for a ``[materials.X]`` or ``[alignment.X]`` that no point of the job can see."""
    roles = materials_by_role(job)
    used = {name for names in roles.values() for name in names}
    for table, names, allowed in (("materials", job.materials, used), ("alignment", job.alignment, roles["layer"])):
        for name in names:
            if name not in allowed:
                near = keypath.nearest(name, sorted(allowed), cutoff=0.5)
                hint = f"did you mean {near}? " if near else ""
                what = "not in the structure"
                if name in roles["core"]:
                    what = "is the core, and barriers are relative to the core"
                elif name in roles["medium"]:
                    what = "is the medium, which no carrier enters"
                path = keypath.written((table, name))
                raise JobError(f"{path}: {what}; {hint}allowed: {', '.join(sorted(allowed)) or 'none'}")


def _uses(job: Job) -> Iterator[tuple[str, str, keypath.Path]]:
    """Role, name and path of every material, as written and as swept."""
    yield from _as_written(job.structure)
    for index, sweep in enumerate(job.sweep):
        role = _role_of(keypath.parse(sweep.parameter), job.structure.core_region)
        for number, value in enumerate(sweep.values):
            if role is not None and isinstance(value, str):
                yield role, value, ("sweep", index, "values", number)


def _as_written(structure: StructureTable) -> Iterator[tuple[str, str, keypath.Path]]:
    if structure.core is not None:
        yield "core", structure.core.material, ("structure", "core", "material")
    for index, shell in enumerate(structure.shells):
        yield "layer", shell.material, ("structure", "shells", index, "material")
    if structure.surroundings is not None:
        yield "layer", structure.surroundings.material, ("structure", "surroundings", "material")
    for region, material in (structure.regions or {}).items():
        role = "core" if region == structure.core_region else "layer"
        yield role, material, ("structure", "regions", region)
    if structure.medium is not None:
        yield "medium", structure.medium, ("structure", "medium")


def _role_of(path: keypath.Path, core_region: str | None) -> str | None:
    """What a swept word is the material of, if it is one."""
    match path:
        case ("structure", "core", "material"):
            return "core"
        case ("structure", "shells", int(), "material") | ("structure", "surroundings", "material"):
            return "layer"
        case ("structure", "regions", region):
            return "core" if region == core_region else "layer"
        case ("structure", "medium"):
            return "medium"
    return None
