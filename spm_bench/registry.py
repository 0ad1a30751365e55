"""Named things that are loaded only when asked for: `name -> "module:object"`."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from spm_bench.errors import UsageError, unknown_name


@dataclass(frozen=True)
class Entry:
    """One registered object: where it lives and one line about it."""

    name: str
    target: str
    about: str


class Registry:
    """A table of lazily imported objects of one kind ("tracker", "protocol", ...); names compare without case."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Entry] = {}

    def register(self, name: str, target: str, about: str) -> None:
        """Add `name`, found at `target` ("module:object").

        Raises:
            UsageError: The name is taken, or the target is not of that form.
        """
        if name.casefold() in self._entries:
            raise UsageError(f"the {self.kind} {name!r} is registered twice", remedy="Give one of them another name")
        if target.count(":") != 1:
            raise UsageError(f"{target!r} is not of the form module:object")
        self._entries[name.casefold()] = Entry(name, target, about)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __contains__(self, name: str) -> bool:
        return name.casefold() in self._entries

    def entry(self, name: str) -> Entry:
        """Look a name up.

        Raises:
            UsageError: Unknown name; the message offers the nearest ones.
        """
        try:
            return self._entries[name.casefold()]
        except KeyError:
            raise unknown_name(self.kind, name, (e.name for e in self)) from None

    def load(self, name: str) -> object:
        """Import and return the object behind `name` (see `entry` for errors)."""
        return load_target(self.entry(name).target)


def forget_modules(names: Iterable[str]) -> None:
    """Have modules imported anew the next time, from their source; those that are not loaded are passed over."""
    for name in names:
        module = sys.modules.pop(name, None)
        if module is None:
            continue
        parent, _, last = name.rpartition(".")
        vars(sys.modules.get(parent, module)).pop(last, None)  # or `from parent import last` would find the old one
        if (compiled := getattr(module.__spec__, "cached", None)) is not None:
            # Python tells compiled from newer source by seconds and length: a notebook writes twice in a second
            Path(compiled).unlink(missing_ok=True)
    importlib.invalidate_caches()


def load_target(target: str) -> object:
    """Import `module:object`; for modules that are not ours the current directory counts, as under `python -m`.

    Raises:
        UsageError: No such module or object, or not of that form.
    """
    module_name, colon, attribute = target.partition(":")
    if not (module_name and colon and attribute):
        raise UsageError(
            f"{target!r} is not of the form module:object", remedy="Example: my_package.my_tracker:MyTracker"
        )
    file = module_name.replace("\\", "/")
    if "/" in file or file.endswith(".py"):
        raise UsageError(
            f"{module_name} is a file, not the name of a module",
            remedy=f"Go to its folder and write {PurePath(file).name.removesuffix('.py')}:{attribute}",
        )
    here = os.getcwd()  # noqa: PTH109 - sys.path holds strings
    if module_name.partition(".")[0] != __package__ and here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name + ".").startswith(error.name + "."):
            raise UsageError(
                f"there is no module {error.name!r}",
                where=target,
                remedy="Is its folder on PYTHONPATH, or the package installed?",
            ) from None
        raise UsageError(
            f"importing it needs the module {error.name!r}", where=target, remedy=f"pip install {error.name}"
        ) from error
    try:
        return getattr(module, attribute)
    except AttributeError:
        near = [n for n in vars(module) if not n.startswith("_")]
        raise unknown_name(f"object in {module_name}", attribute, near) from None
