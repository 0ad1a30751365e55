"""Tables of the fields of our JSON files, held to a file that was just written: none is missing, none is invented.

Each line of the block is `path: meaning`. In a path, `.` goes into an object, `[]` into every entry of a list, `*` into
every value of an object whose keys are names; `?` at its end marks a field that is not always there. A path covers all
below it, unless some of that has lines of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LONGEST = 44
"""Characters of an example."""


class FieldsError(Exception):
    """The page and the file disagree."""


def field_table(path: Path, words: str) -> str:
    """A Markdown table: field, example, meaning.

    Raises:
        FieldsError: A field of the file has no line, or a line no field.
    """
    lines = [line.partition(": ") for line in words.splitlines() if line.strip()]
    meanings = {name.removesuffix("?"): meaning for name, _, meaning in lines}
    found: dict[str, Any] = {}
    for name, value in _fields(json.loads(path.read_text(encoding="utf-8")), "", meanings):
        if found.get(name) in (None, [], {}, ""):
            found[name] = value
    optional = {name.removesuffix("?") for name, _, _ in lines if name.endswith("?")}
    unknown, missing = sorted(found.keys() - meanings.keys()), sorted(meanings.keys() - found.keys() - optional)
    if unknown or missing:
        raise FieldsError(f"{path.name}: no meaning given of {unknown}; not in the file: {missing}")
    rows = [f"| `{name}` | {_example(found.get(name))} | {meaning} |" for name, meaning in meanings.items()]
    return "\n".join(["| field | example | meaning |", "| --- | --- | --- |", *rows])


def _fields(value: Any, path: str, known: dict[str, str]) -> Iterator[tuple[str, Any]]:
    """(path, value) of every field as far as the lines go into it."""
    deeper = not path or any(name.startswith((f"{path}.", f"{path}[]")) for name in known)
    if path in known or not deeper:
        yield path, value
    if deeper and isinstance(value, dict):
        for key, inner in value.items():
            named = f"{path}.{key}".lstrip(".")
            names = any(name.startswith(f"{path}.*".lstrip(".")) for name in known)
            yield from _fields(inner, f"{path}.*".lstrip(".") if names else named, known)
    elif deeper and isinstance(value, list):
        for inner in value:
            yield from _fields(inner, f"{path}[]", known)


def _example(value: Any) -> str:
    """A value in short; nothing for what is empty, large, or a place on the machine that built this."""
    if value is None or value in ("", [], {}) or (isinstance(value, str) and value.startswith("/")):
        return ""
    text = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str):
        text = text if len(text) <= LONGEST else text[: LONGEST - 20] + '…"'
    elif len(text) > LONGEST or '"/' in text:
        text = "[…]" if isinstance(value, list) else "{…}"
    return f"`{text}`".replace("|", "\\|")
