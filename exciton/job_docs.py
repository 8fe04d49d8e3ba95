"""The page of job-file keys, from the types in `exciton.job`: ``python -m exciton.job_docs > docs/job-file.md``."""

import re
from collections.abc import Iterator
from types import UnionType
from typing import Any, Union

from annotated_types import Ge, Gt, Le, MinLen
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from exciton import job
from exciton.job import Job, Table
from exciton.keypath import shown
from exciton.overrides import RIVALS

INTRODUCTION = """# The job file

A job is one TOML file. Every key carries its unit in its name: lengths in nm, energies in eV or meV, masses in
free-electron masses, permittivities relative. Unknown keys, wrong types and impossible values are refused before
anything is computed. `exciton new` writes an annotated job to start from, `exciton check` validates one.

This page is generated from the program's own types.
"""

NOTES = """## Paths and sweeps

`--set KEY=VALUE` and `[[sweep]]` name a value by its path: `structure.shells[0].thickness_nm` (the innermost shell is
0), `structure.core_shift_nm[2]`, `materials."my alloy".gap_eV`. A sweep may name everything that exists in the
resolved job: numbers of the database (`materials.CsPbBr3.electron_mass`) and values that follow from others
(`alignment.ZnS.electron_barrier_eV`, `materials.CsPbBr3.gap_eV`) included; naming one overrides it. The other numbers
follow: a swept gap moves the barriers that depend on it, a swept mass leaves the bulk exciton line where it is.
{rivals}
"""

BAR = r"\|"  # in a table of Markdown

_SECTIONS: tuple[tuple[str, type[Table]], ...] = (
    ("[structure]", job.StructureTable),
    ("structure.core", job.Core),
    ("structure.shells, structure.surroundings", job.Layer),
    ("[materials.NAME]", job.MaterialTable),
    ("[alignment.NAME]", job.AlignmentTable),
    ("[carriers]", job.Carriers),
    ("[exciton]", job.ExcitonTable),
    ("[emission]", job.EmissionTable),
    ("[accuracy]", job.Accuracy),
    ("[solver]", job.Solver),
    ("[[sweep]]", job.Sweep),
    ("[compare]", job.Compare),
    ("[output]", job.Output),
)


def page() -> str:
    """The whole page, Markdown."""
    parts = [INTRODUCTION, *_section("Top of the file", Job, skip=_tables())]
    for title, model in _SECTIONS:
        parts += _section(f"`{title}`", model)
    pairs = sorted({tuple(sorted((key, *others))) for key, others in RIVALS.items() if len(others) == 1})
    twins = ", ".join(" or ".join(f"`{key}`" for key in pair) for pair in pairs if "energy_meV" not in pair)
    rivals = f"Setting one of two keys that say the same thing takes the other away: {twins};\n"
    rivals += "`energy_meV`, or `element`, `degree` and `size_nm`."
    parts.append(NOTES.format(rivals=rivals).rstrip() + "\n")
    return "\n".join(parts)


def _section(title: str, model: type[Table], skip: frozenset[str] = frozenset()) -> Iterator[str]:
    yield f"## {title}\n"
    if model is not Job:
        yield f"{' '.join((model.__doc__ or '').split())}\n"
    yield "| key | value | default | meaning |"
    yield "|---|---|---|---|"
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key not in skip:
            yield f"| `{key}` | {_value(field)} | {_default(field)} | {(field.description or '').replace('|', BAR)} |"
    yield ""


def _tables() -> frozenset[str]:
    return frozenset(re.findall(r"\w+", " ".join(title for title, _ in _SECTIONS)))


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    return "" if field.default is None else f"`{shown(field.default)}`"


def _value(field: FieldInfo) -> str:
    return _kind(field.annotation, field.metadata)


def _kind(annotation: Any, metadata: list[Any]) -> str:
    """An annotation in words: type, and bounds from its metadata."""
    if hasattr(annotation, "__metadata__"):
        return _kind(annotation.__origin__, [*metadata, *_bounds(annotation.__metadata__)])
    arguments = [one for one in getattr(annotation, "__args__", ()) if one is not type(None) and one is not Ellipsis]
    origin = getattr(annotation, "__origin__", None)
    if all(isinstance(one, (str, int)) for one in arguments) and arguments:
        return " \\| ".join(f"`{shown(one)}`" for one in arguments)
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return "table"
    if origin is tuple:
        inner = _kind(arguments[0], [])
        return f"list of {len(arguments)}: {inner}" if len(arguments) > 1 else f"list: {inner}"
    if origin in (Union, UnionType) and len(arguments) > 1:
        return " or ".join(_kind(one, []) for one in arguments)
    if origin is not None and len(arguments) == 2:
        return "table of texts"
    if arguments:
        return _kind(arguments[0], metadata)
    name = {float: "number", int: "whole number", str: "text", bool: "`true` \\| `false`"}.get(annotation, "any value")
    return ", ".join([name, *_limits(metadata)])


def _bounds(metadata: tuple[Any, ...]) -> list[Any]:
    return [bound for one in metadata for bound in (one.metadata if isinstance(one, FieldInfo) else [one])]


def _limits(metadata: list[Any]) -> Iterator[str]:
    for bound in metadata:
        match bound:
            case Gt(gt=limit):
                yield f"above {limit:g}"
            case Ge(ge=limit):
                yield f"at least {limit:g}"
            case Le(le=limit):
                yield f"at most {limit:g}"
            case MinLen(min_length=1):
                yield "not empty"


if __name__ == "__main__":
    print(page(), end="")
