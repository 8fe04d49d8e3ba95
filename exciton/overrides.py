"""Setting one value of a job by its path, as ``--set`` and the sweeps do."""

import tomllib
from collections.abc import Mapping
from typing import Any

from exciton import keypath
from exciton.errors import JobError
from exciton.keypath import Path, shown

_BY_HAND = ("element", "degree", "size_nm")

# Keys of one table that say the same thing in two ways: whoever sets one, takes the others away.
RIVALS: Mapping[str, tuple[str, ...]] = {
    "gap_eV": ("exciton_line_eV",),
    "exciton_line_eV": ("gap_eV",),
    "electron_mass": ("electron_mass_xyz",),
    "electron_mass_xyz": ("electron_mass",),
    "hole_mass": ("hole_mass_xyz",),
    "hole_mass_xyz": ("hole_mass",),
    "energy_meV": _BY_HAND,
    **dict.fromkeys(_BY_HAND, ("energy_meV",)),
}


def override(tables: dict[str, Any], path: Path, value: Any, defaults: Mapping[str, Any]) -> None:
    """Set one value of a raw job in place; missing tables are made, a missing list is first copied from `defaults`.

    Raises
    ------
    JobError
        A step of the path leads into something that has no such entry.
    """
    keypath.assign(tables, path, value, defaults)
    match path:
        case ("materials", name, str(key), *_):
            table = tables["materials"][name]
        case ("accuracy", str(key)):
            table = tables["accuracy"]
        case _:
            return
    for rival in RIVALS.get(key, ()):
        table.pop(rival, None)


def parse_override(text: str) -> tuple[str, Any]:
    """``KEY=VALUE`` as a path and a TOML value; a bare word is a string.

    Raises
    ------
    JobError
        There is no ``=`` or no key.
    """
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise JobError(f"--set {shown(text)}: allowed: KEY=VALUE, such as structure.shells[0].thickness_nm=1.5")
    value = value.strip()
    try:
        parsed = tomllib.loads(f"value = {value}")
    except (ValueError, RecursionError):
        return path.strip(), value
    return path.strip(), parsed["value"] if len(parsed) == 1 else value
