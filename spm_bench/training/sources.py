"""One door to all training data: a kind, a path and options, as a training config names them, become rows."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from spm_bench.errors import MissingDataError, UsageError, unknown_name
from spm_bench.registry import Registry
from spm_bench.trackers.spm.weights import cache_root
from spm_bench.training.native import NATIVE
from spm_bench.training.rows import Rows

SOURCES = Registry("kind of training data")
SOURCES.register("pack", "spm_bench.training.packs:load_pack", "a folder of ready crops with an index.csv")
SOURCES.register("synthetic", "spm_bench.training.synthetic_pack:load_synthetic", "drawn videos, kept in a cache")
for _kind, _about in NATIVE.items():
    SOURCES.register(_kind, f"spm_bench.training.native.{_kind}:load_{_kind}", _about)


def load_source(
    kind: str, path: Path | str | None, *, name: str, say: Callable[[str], None] | None = None, **options: Any
) -> Rows:
    """Open one source of training pictures.

    Args:
        kind: Name in `SOURCES`.
        path: Its folder; for "synthetic" the cache, None for the user's cache folder.
        name: What reports call it.
        say: Told what takes time, by loaders that take time.
        options: Whatever else its loader takes by keyword.

    Raises:
        UsageError: An unknown kind or option, or an option of the wrong type.
        MissingDataError: No path, or no folder there.
        DataError: The data are broken; with file, line and remedy.
    """
    loader = SOURCES.load(kind)
    assert callable(loader)
    _check_options(kind, loader, options)
    if path is None or not str(path):
        if kind.casefold() != "synthetic":
            raise MissingDataError(f"the {kind} data {name!r} have no path", remedy="Name the folder they are in")
        path = cache_root()
    folder = Path(path).expanduser()
    if kind.casefold() == "synthetic":
        return replace(_rows(loader(folder, say=say, **options)), name=name, drawn=True)
    if not folder.is_dir():
        raise MissingDataError(f"there is no folder for the {kind} data {name!r}", where=folder, remedy="Mend the path")
    if "say" in inspect.signature(loader).parameters:
        options["say"] = say
    return _rows(loader(folder, name=name, **options))


def _rows(found: object) -> Rows:
    assert isinstance(found, Rows)
    return found


def _check_options(kind: str, loader: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Compare options with the loader's keyword arguments, whose plain annotations say what they may be."""
    known = {
        p.name: p
        for p in inspect.signature(loader, eval_str=False).parameters.values()
        if p.kind is p.KEYWORD_ONLY and p.name not in ("name", "say")
    }
    for option, value in options.items():
        if option not in known:
            raise unknown_name(f"option of {kind} data", option, known)
        allowed = [_TYPES[part] for part in str(known[option].annotation).split(" | ") if part in _TYPES]
        # True is an int for Python, but not for a reader of the config.
        if allowed and not any(type(value) is one or (one is float and type(value) is int) for one in allowed):
            raise UsageError(
                f"the option {option} of {kind} data cannot be {value!r}", remedy=f"It is {_text(known[option])}"
            )
    for option, parameter in known.items():
        if parameter.default is parameter.empty and option not in options:
            raise UsageError(f"{kind} data need the option {option}", remedy=f"It is {_text(parameter)}")


_TYPES: dict[str, type] = {"int": int, "float": float, "str": str, "bool": bool, "None": type(None)}
_WORDS = {"int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false"}


def _text(parameter: inspect.Parameter) -> str:
    return " or ".join(_WORDS[part] for part in str(parameter.annotation).split(" | ") if part in _WORDS)
