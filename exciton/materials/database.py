"""Materials and the numbers known about them, read from the TOML files next to this module.

The keys are those of the job file's ``[materials.NAME]`` tables, so a record and an override speak the same
language. A record may lack a key: where no honest number was found the job must give one. Nothing here knows how
two materials line up; that is `exciton.alignment`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from math import inf, isfinite
from types import MappingProxyType
from typing import Any, Literal, get_args

from exciton.errors import JobError

Kind = Literal["semiconductor", "insulator", "matrix"]


@dataclass(frozen=True, slots=True)
class Key:
    """What a key of a record means and which values can be true at all."""

    meaning: str
    unit: str  # "" for a pure number
    least: float = -inf  # smallest allowed value
    strict: bool = False  # the smallest value itself is not allowed


KEYS: Mapping[str, Key] = MappingProxyType(
    {
        "gap_eV": Key("single-particle band gap", "eV", 0.0, strict=True),
        "exciton_line_eV": Key("lowest exciton of the bulk", "eV", 0.0, strict=True),
        "electron_mass": Key("effective mass of the electron", "m0", 0.0, strict=True),
        "hole_mass": Key("effective mass of the hole", "m0", 0.0, strict=True),
        "permittivity": Key("relative permittivity", "", 1.0),
        "electron_affinity_eV": Key("vacuum level above the conduction edge", "eV"),
        "kane_energy_eV": Key("Kane energy E_P", "eV", 0.0, strict=True),
        "refractive_index": Key("refractive index", "", 1.0),
        "electron_barrier_eV": Key("conventional barrier for the electron of any core", "eV"),
        "hole_barrier_eV": Key("conventional barrier for the hole of any core", "eV"),
    }
)

# a key of a job and the key of a record that it makes void
_REPLACES = {"exciton_line_eV": "gap_eV", "electron_mass_xyz": "electron_mass", "hole_mass_xyz": "hole_mass"}


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number, in the unit of its key, with the range in which the literature puts it.

    `verified` is true only for a number that was read in the source named; false means recalled, estimated or
    agreed upon. `note` says what a user should know before trusting it.
    """

    value: float
    low: float
    high: float
    source: str
    verified: bool
    note: str = ""

    def __post_init__(self) -> None:
        if not all(isfinite(x) for x in (self.low, self.value, self.high)):
            raise ValueError(f"a quantity must be finite, not {self.low}, {self.value}, {self.high}")
        if not self.low <= self.value <= self.high:
            raise ValueError(f"the value {self.value:g} is outside its own range {self.low:g} ... {self.high:g}")
        if not self.source.strip():
            raise ValueError(f"the value {self.value:g} has no source")


@dataclass(frozen=True, slots=True)
class Material:
    """A record of the database.

    `kind`: ``semiconductor`` and ``insulator`` line up with a core by gap and affinity; a ``matrix`` (ligands,
    liquids, polymers, vacuum) has conventional barriers instead.
    """

    name: str
    title: str
    kind: Kind
    quantities: Mapping[str, Quantity]

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"{self.name}: no kind {self.kind!r}; there are {', '.join(get_args(Kind))}")
        for name, quantity in self.quantities.items():
            key = KEYS.get(name)
            if key is None:
                raise ValueError(f"{self.name}: no key {name!r}; there are {', '.join(KEYS)}")
            if quantity.low < key.least or (key.strict and quantity.low == key.least):
                raise ValueError(f"{self.name}.{name} reaches down to {quantity.low:g}, which is impossible")
        ordered = {name: self.quantities[name] for name in KEYS if name in self.quantities}
        object.__setattr__(self, "quantities", MappingProxyType(ordered))

    def value(self, key: str) -> float | None:
        """The number under `key` in its unit, or None where the record has none."""
        quantity = self.quantities.get(key)
        return None if quantity is None else quantity.value

    @property
    def values(self) -> dict[str, float]:
        """All numbers of the record, by key."""
        return {key: quantity.value for key, quantity in self.quantities.items()}

    def overridden(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All numbers of the record with those of a job in their place; None counts as not given.

        What a job gives also removes what would contradict it: an ``exciton_line_eV`` the record's ``gap_eV``, a
        ``..._mass_xyz`` the scalar mass of that carrier.
        """
        stated = {key: value for key, value in given.items() if value is not None}
        replaced = {_REPLACES[key] for key in stated if key in _REPLACES}
        return {key: value for key, value in self.values.items() if key not in replaced} | stated


def names() -> tuple[str, ...]:
    """Names of all materials in the database, semiconductors and surroundings mixed, in alphabetical order."""
    return tuple(sorted(_paths(), key=str.casefold))


@cache
def lookup(name: str) -> Material:
    """The record of one material.

    Raises
    ------
    JobError
        There is no such material; the message names the nearest ones that there are.
    """
    path = _paths().get(name)
    if path is None:
        known = {entry.casefold(): entry for entry in names()}
        near = [known[match] for match in get_close_matches(name.casefold(), known, n=3, cutoff=0.6)]
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are {', '.join(names())}"
        raise JobError(f"no material {name!r} in the database; {hint}")
    return _material(name, tomllib.loads(path.read_text(encoding="utf-8")))


@cache
def _paths() -> Mapping[str, Traversable]:
    found = (path for path in (files(__package__) / "data").iterdir() if path.name.endswith(".toml"))
    return {path.name.removesuffix(".toml"): path for path in found}


def _material(name: str, table: Mapping[str, Any]) -> Material:
    """A record from its parsed file; a mistake in the file is a bug of ours, so a ValueError or TypeError."""
    try:
        quantities = {key: _quantity(entry) for key, entry in table.items() if key not in ("title", "kind")}
        return Material(name, table["title"], table["kind"], quantities)
    except (TypeError, ValueError, KeyError) as error:
        raise type(error)(f"materials/data/{name}.toml: {error}") from error


def _quantity(entry: Mapping[str, Any]) -> Quantity:
    numbers = {key: float(entry[key]) for key in ("value", "low", "high")}
    return Quantity(**{**entry, **numbers})
