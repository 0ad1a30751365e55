"""TOML configs, read into strict records: whatever is wrong with one is said with file, line and remedy."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from spm_bench.errors import UsageError, unknown_name

SUFFIX = ".toml"

ModelT = TypeVar("ModelT", bound=BaseModel)
Place = Sequence[int | str]
"""Where something stands in a config: names of tables and fields, and positions in lists."""


class Strict(BaseModel):
    """A record of a config: frozen, no field too many, no type guessed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def find_file(name: str, home: Path, what: str) -> Path:
    """The file that a name means.

    Args:
        name: A path to a .toml file, the same without the ending, or the bare name of one in `home`.
        home: Where the project's own lie, seen from a checkout.
        what: What it is called in errors ("training config").

    Raises:
        UsageError: There is none; those in its folder are listed.
    """
    path = Path(name) if name.endswith(SUFFIX) else Path(f"{name}{SUFFIX}")
    for candidate in (path, home / path.name) if path.parent == Path() else (path,):
        if candidate.is_file():
            return candidate
    folder = home if path.parent == Path() and home.is_dir() else path.parent
    beside = sorted(p.stem for p in folder.glob(f"*{SUFFIX}"))
    if beside:
        raise unknown_name(f"{what} in {folder} called", path.stem, beside)
    raise UsageError(f"there is no {what} {path}", remedy=f"Give the path of a {SUFFIX} file, {home}/NAME say")


def read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """Read a file: its text, to find lines in, and its values.

    Raises:
        UsageError: It is missing, no text, or no TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"it cannot be read ({error.strerror})", where=path) from error
    except UnicodeDecodeError as error:
        raise UsageError("not a text file in UTF-8", where=path) from error
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        raise UsageError(f"not valid TOML: {error}", where=path, line=int(line[1]) if line else None) from error


def parse(model: type[ModelT], values: Mapping[str, Any], *, where: Path | str, text: str = "") -> ModelT:
    """Check values and make the record.

    Args:
        model: What the record is.
        values: As TOML gives them.
        where: What an error names.
        text: The file's text, to find lines in.

    Raises:
        UsageError: A field is unknown, missing, of the wrong type or out of range.
    """
    try:
        # Through JSON, because strict Python validation refuses TOML's lists where tuples are meant.
        return model.model_validate_json(json.dumps(values, default=_refuse))
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        first = next((e for e in found if e["type"] == "extra_forbidden"), found[0])
        place = first["loc"]
        unknown = first["type"] == "extra_forbidden"
        raise UsageError(
            told(place, first["msg"], first["type"], first["input"]),
            where=where,
            line=line_of(text, place),
            remedy=unknown_name("setting", str(place[-1]), _fields_at(model, place)).remedy if unknown else None,
        ) from None
    except TypeError as error:
        raise UsageError(str(error), where=where) from None


def _refuse(value: object) -> None:
    raise TypeError(f"a {type(value).__name__} ({value}) has no meaning here")


def told(place: Place, message: str, kind: str, given: object) -> str:
    """A complaint of pydantic's in our words: `place: what is wrong (given: value)`."""
    name = ".".join(str(part) for part in place)
    if kind == "extra_forbidden":
        return f"there is no setting {name!r}"
    if kind == "missing":
        return f"{name} is missing"
    text = message.removeprefix("Value error, ")
    text = text[:1].lower() + text[1:]
    shown = f" (given: {json.dumps(given)})" if isinstance(given, bool | int | float | str) else ""
    return f"{name}: {text}{shown}" if name else text


def _fields_at(model: type[BaseModel], place: Place) -> list[str]:
    """The names that exist where an unknown field stands."""
    for part in place[:-1]:
        if isinstance(part, str) and part in model.model_fields:
            model = next(_records_in(model.model_fields[part].annotation), model)
    return list(model.model_fields)


def _records_in(annotation: object) -> Iterator[type[BaseModel]]:
    """The records that a type consists of: itself, or what it is a list, an option or a mapping of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _records_in(argument)


def line_of(text: str, place: Place) -> int | None:
    """The 1-based line where a field stands, else where its table begins; None if it is nowhere to be found."""
    wanted = list(place)
    best: tuple[int, int] | None = None
    counts: dict[str, int] = {}
    table: list[int | str] = []
    for line, content in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*(\[\[?)\s*([\w.\-]+)\s*\]\]?", content)
        key = re.match(r"\s*([\w.\-]+)\s*=", content)
        if header:
            if header[1] == "[[":
                counts[header[2]] = counts.get(header[2], -1) + 1
            path = table = _with_positions(header[2], counts)
        elif key:
            path = [*table, *key[1].split(".")]
        else:
            continue
        if path == wanted[: len(path)] and (best is None or len(path) > best[0]):
            best = (len(path), line)
    if best is None:
        return None
    rest = wanted[best[0] :]
    return _line_of_item(text, best[1], rest[0]) if rest and isinstance(rest[0], int) else best[1]


def _line_of_item(text: str, line: int, position: int) -> int:
    """The line on which an item of a list begins that is written as `key = [...]` from `line` on."""
    lines = text.splitlines(keepends=True)
    rest = "".join(lines[line - 1 :]).partition("=")[2]
    depth, seen, waiting = 0, -1, False
    for token in re.finditer(_TOKEN, rest):
        word = token[0]
        if word.startswith("#") or word.isspace():
            continue
        if waiting and word != "]":
            seen, waiting = seen + 1, False
            if seen == position:
                return line + rest.count("\n", 0, token.start())
        depth += (word in "[{") - (word in "]}")
        if depth == 0:
            break
        waiting = waiting or (depth == 1 and (word == "," or (word == "[" and seen < 0)))
    return line


_TOKEN = r'"""(?:.|\n)*?"""|"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'|#[^\n]*|\s+|[\[\]{},]|[^\s\[\]{},#\"']+"
"""A text, a comment, blanks, a bracket or comma, or anything between: what a TOML value consists of."""


def _with_positions(header: str, counts: Mapping[str, int]) -> list[int | str]:
    """A table's name with the positions of the lists of tables it lies in: `cells.changes` -> cells, 2, changes."""
    path: list[int | str] = []
    names = header.split(".")
    for depth, name in enumerate(names, start=1):
        path.append(name)
        position = counts.get(".".join(names[:depth]))
        if position is not None:
            path.append(position)
    return path
