"""A tracker of one's own to begin with: the example in `template.py` under another name, as one file that runs."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from spm_bench.errors import ResultsError, UsageError
from spm_bench.trackers.catalog import TRACKERS

SOURCE = Path(__file__).with_name("template.py")
CLASS, MODULE = "MyTracker", "my_tracker"
"""Names in the template that stand for the new ones."""
_PART = re.compile(r"^ *# \[batched\]\n(.*?)^ *# \[end\]\n", re.MULTILINE | re.DOTALL)
"""A part of the template that only a tracker in batches has."""
_IMPORTS = re.compile(r"^(from spm_bench[^\n]*\n)\n+(?=from spm_bench)", re.MULTILINE)
"""Ours stand together."""
_BLANK = re.compile(r"\n{4,}")
_EXAMPLE = "Examples: MyTracker, my_tracker"


@dataclass(frozen=True)
class Names:
    """What the new tracker is called.

    Attributes:
        module: The file's name without `.py`.
        kind: The class, and what tables print.
    """

    module: str
    kind: str

    @property
    def target(self) -> str:
        """As it is named on the command line."""
        return f"{self.module}:{self.kind}"


def names_of(name: str) -> Names:
    """Module and class from either.

    >>> names_of("MyTracker") == names_of("my_tracker") == Names("my_tracker", "MyTracker")
    True
    >>> names_of("NCCTracker2").module
    'ncc_tracker2'

    Raises:
        UsageError: It is no name for a class, or one that is taken: a tracker here, or a module that would be hidden.
    """
    if not (name.isascii() and name.isidentifier()) or keyword.iskeyword(name) or not name[0].isalpha():
        raise UsageError(f"{name!r} cannot be the name of a class", remedy=f"Letters, digits and _. {_EXAMPLE}")
    parts = re.findall(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z0-9]+|[0-9]+", name)
    module = "_".join(parts).lower()
    kind = name if name[0].isupper() else "".join(part[0].upper() + part[1:] for part in parts)
    if kind in TRACKERS:
        raise UsageError(f"a tracker {TRACKERS.entry(kind).name} is here already", remedy="Tables need another name")
    if keyword.iskeyword(module):
        raise UsageError(f"{module} cannot be the name of a module", remedy=_EXAMPLE)
    if hidden := _installed(module):
        raise UsageError(
            f"a module {module} is installed already ({hidden}): one of the two would hide the other",
            remedy=f"Take another name, such as {module}_tracker",
        )
    return Names(module, kind)


def write_tracker(names: Names, folder: Path, *, batched: bool = False) -> Path:
    """Write the file `<folder>/<module>.py`.

    Args:
        names: See `names_of`.
        folder: Made if absent.
        batched: With a `BatchTracker`, for sweeps in lockstep.

    Raises:
        UsageError: There is such a file, which is left as it is.
        ResultsError: It cannot be written.
    """
    path = folder / f"{names.module}.py"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(source(names, batched=batched))
    except FileExistsError:
        if not folder.is_dir():
            raise UsageError("it is a file", where=folder, remedy="Name a folder with --out") from None
        raise UsageError("there is such a file", where=path, remedy="Take another name or folder (--out)") from None
    except OSError as error:
        raise ResultsError(f"cannot be written ({error.strerror or error})", where=path) from None
    return path


def source(names: Names, *, batched: bool) -> str:
    """The template's text under other names, with or without the parts for batches."""
    text = _PART.sub(r"\1" if batched else "", SOURCE.read_text(encoding="utf-8"))
    text = _IMPORTS.sub(r"\1", text)
    text = _BLANK.sub("\n\n\n", text).rstrip() + "\n"
    return text.replace(CLASS, names.kind).replace(MODULE, names.module)


def _installed(module: str) -> str:
    """Where a module of this name comes from that is not the user's own in the current folder; empty if nowhere."""
    if module in sys.stdlib_module_names:
        return "Python's own"
    found = importlib.util.find_spec(module)
    if found is None:
        return ""
    places = [found.origin, *(found.submodule_search_locations or ())]
    home = next((place for place in places if place), "")
    return "" if Path(home).resolve().is_relative_to(Path.cwd()) and "site-packages" not in home else home
