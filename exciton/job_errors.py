"""What is wrong with a job, in one line: key, what was found, what is allowed, the nearest known key."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from exciton.keypath import Path, nearest, shown, written

_TYPES = {
    "bool_type": "true or false",
    "string_type": "text in quotes",
    "string_too_short": "text that is not empty",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "tuple_type": "a list",
    "model_type": "a table",
    "dict_type": "a table",
    "mapping_type": "a table",
}
_BOUNDS = {"greater_than": "above {gt:g}", "greater_than_equal": "at least {ge:g}", "less_than_equal": "at most {le:g}"}
_SLIPS = (("_eV", "less_than_equal", 1e-3), ("_nm", "greater_than_equal", 1e9))  # and what they are multiplied by
_NUMBER = re.compile(r"\s*([-+]?\d+)(?:([.,])(\d+))?\s*")


def fault(path: Sequence[str | int], text: str) -> PydanticCustomError:
    """An error for a validator to raise; `path` starts at the table that is being validated."""
    return PydanticCustomError("fault", "{text}", {"path": tuple(path), "text": text})


def one_line(error: ValidationError, model: type[BaseModel]) -> str:
    """The first error of a job; unknown keys first, since a misspelt key is often why another one is missing."""
    errors = sorted(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    first = errors[0]
    path = (*first["loc"], *first.get("ctx", {}).get("path", ()))
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    unknown = first["type"] == "extra_forbidden"
    text = _unknown_key(path, model) if unknown else _text(first)
    if first["type"] == "tuple_type" and isinstance(first["input"], Mapping):
        text += f"; write [ {{ ... }} ], or [[{written(path)}]]"
    return " ".join(f"{written(path) or 'job'}: {text}{more}".split())


def _text(error: ErrorDetails) -> str:
    kind, found, context = error["type"], shown(error["input"]), error.get("ctx", {})
    if kind == "fault":
        return str(context["text"])
    if kind == "missing":
        return "is missing"
    if kind in _TYPES:
        return f"found {found}, allowed: {_TYPES[kind]}{_as_number(error) if kind == 'float_type' else ''}"
    if kind in _BOUNDS:
        return f"found {found}, allowed: {_BOUNDS[kind].format(**context)}{_in_unit(error)}"
    if kind == "literal_error":
        allowed = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        near = nearest(str(error["input"]), allowed) if isinstance(error["input"], str) else None
        return f"found {found}, allowed: {' | '.join(allowed)}" + (f"; did you mean {near}?" if near else "")
    if kind in ("too_long", "too_short"):
        bound = f"at most {context['max_length']}" if kind == "too_long" else f"at least {context['min_length']}"
        return f"found {context['actual_length']} entries, allowed: {bound}"
    return f"found {found}: {' '.join(error['msg'].split())}"


def _as_number(error: ErrorDetails) -> str:
    """What a number in quotes, or with a decimal comma, is in TOML."""
    number = _NUMBER.fullmatch(error["input"]) if isinstance(error["input"], str) else None
    if number is None:
        return ""
    return f"; write {number[1]}.{number[3]}" if number[2] == "," else f"; write {number[0].strip()}, without quotes"


def _in_unit(error: ErrorDetails) -> str:
    """What a number out of bounds would be in the unit of its key: meV and eV, metres and nm."""
    key = next((str(step) for step in reversed(error["loc"]) if isinstance(step, str)), "")
    for ending, kind, factor in _SLIPS:
        if key.endswith(ending) and error["type"] == kind and 1e-3 < abs(value := error["input"] * factor) < 100:
            return f"; in {ending[1:]}: {value:g}?"
    return ""


def _unknown_key(path: Path, model: type[BaseModel]) -> str:
    known = list(_keys(model, path[:-1]))
    key = str(path[-1])
    near = nearest(key, known, cutoff=0.75) or next(_places(model, key), None) or nearest(key, known, cutoff=0.5)
    return "unknown key; " + (f"did you mean {near}? " if near else "") + f"allowed here: {', '.join(known)}"


def _places(model: type[BaseModel], key: str, path: str = "") -> Iterator[str]:
    """Where in a model there is such a key, as a path."""
    for name, field in _fields(model).items():
        here = f"{path}.{name}" if path else name
        if name == key:
            yield here
        inner = _table(field.annotation)
        if inner is not None:
            kind = get_origin(field.annotation)
            many = {tuple: "[0]", Mapping: ".NAME"}.get(kind, "") if kind is not None else ""
            yield from _places(inner, key, here + many)


def _keys(model: type[BaseModel], path: Path) -> Sequence[str]:
    """Keys of the table at `path` of a model: words and numbers that are no field (names, indices) are passed over."""
    for step in path:
        field = _fields(model).get(str(step))
        if field is not None:
            model = _table(field.annotation) or model
    return list(_fields(model))


def _fields(model: type[BaseModel]) -> Mapping[str, Any]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _table(annotation: Any) -> type[BaseModel] | None:
    """The model inside an annotation such as ``tuple[Shell, ...]`` or ``Mapping[str, MaterialTable]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_table(argument) for argument in getattr(annotation, "__args__", ()))
    return next((model for model in inner if model is not None), None)
