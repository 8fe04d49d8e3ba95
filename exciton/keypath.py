"""Paths of keys in a nested job: ``structure.shells[0].thickness_nm``, ``materials."my alloy".gap_eV``.

A path is a tuple of steps: a word for a table, a number for an entry of a list. Reading, writing and finding them
is all that happens here; what the keys mean, nobody here knows.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from exciton.errors import JobError

Path = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STEP = re.compile(r'\.?(?:([A-Za-z0-9_-]+)|("(?:[^"\\]|\\.)*"))|\[(\d{1,6})\]')


def parse(text: str) -> Path:
    """The steps of a written path.

    Raises
    ------
    JobError
        The text is no path.
    """
    steps: list[str | int] = []
    end = 0
    while end < len(text):
        step = _STEP.match(text, end)
        dotted = text[end] == "."
        if step is None or (dotted == (not steps) and step[3] is None) or (step[3] is not None and not steps):
            raise JobError(f"{shown(text)} is no path of keys; write it like structure.shells[0].thickness_nm")
        steps.append(step[1] or (_unquoted(step[2]) if step[2] else int(step[3])))
        end = step.end()
    if not steps:
        raise JobError("an empty path of keys; write it like structure.shells[0].thickness_nm")
    return tuple(steps)


def written(path: Sequence[str | int]) -> str:
    """The path as text; names that need it are quoted as in TOML."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += ("." if text else "") + (step if _BARE.fullmatch(step) else json.dumps(step))
    return text


def leaves(tree: Any, path: Path = ()) -> Iterator[Path]:
    """Paths of everything that is not a table: numbers, words, lists of numbers and their entries."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from leaves(value, (*path, key))
        return
    if not isinstance(tree, (list, tuple)):
        yield path
        return
    if not any(isinstance(entry, Mapping) for entry in tree):
        yield path
    for index, entry in enumerate(tree):
        yield from leaves(entry, (*path, index))


def nearest(name: str, known: Sequence[str], cutoff: float = 0.6) -> str | None:
    """The known name that looks most like this one, or None where none does."""
    return next(iter(get_close_matches(name[:200], known, n=1, cutoff=cutoff)), None)


def assign(tree: dict[str, Any], path: Path, value: Any, defaults: Mapping[str, Any]) -> None:
    """Set one value in place; missing tables are made, a missing list is first copied from `defaults`.

    Raises
    ------
    JobError
        A step leads into something that has no such entry.
    """
    node: Any = tree
    default: Any = defaults
    for depth, (step, following) in enumerate(zip(path, (*path[1:], None))):
        if isinstance(step, int):
            if not isinstance(node, list) or step >= len(node):
                held = f"{len(node)} entries" if isinstance(node, list) else "no list"
                raise JobError(f"{written(path)}: {written(path[:depth])} holds {held}, so there is no [{step}]")
            default = default[step] if isinstance(default, (list, tuple)) and step < len(default) else None
        else:
            if not isinstance(node, dict):
                raise JobError(f"{written(path)}: {written(path[:depth])} is no table, so it has no key {step!r}")
            default = default.get(step) if isinstance(default, Mapping) else None
            if following is not None and step not in node:
                node[step] = list(default) if isinstance(default, (list, tuple)) else {}
        if following is None:
            node[step] = value
        else:
            node = node[step]


def plain(value: Any) -> Any:
    """A fresh copy of nested tables and lists, tuples turned to lists."""
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def shown(value: Any) -> str:
    """A found value for an error message: as in the file, one line, never long."""
    try:
        text = json.dumps(value, ensure_ascii=True, default=str)
    except (TypeError, ValueError, RecursionError):
        text = f"a {type(value).__name__}"
    text = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}.get(text, text)
    return text if len(text) <= 60 else f"{text[:50]}... ({len(text)} characters)"


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError as error:
        raise JobError(f"{shown(text)} is no quoted name") from error
