"""Where data sets are: from a data root to the folder of one suite."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import platformdirs

from spm_bench.errors import MissingDataError
from spm_bench.suites.facts import SuiteFacts

DATA_VARIABLE = "SPM_BENCH_DATA"
"""Environment variable that names the data root."""


def data_root(data: Path | None) -> Path:
    """The folder to look in: `data` if given, else what SPM_BENCH_DATA names, else the platform's user data folder."""
    if data is not None:
        return Path(data).expanduser()
    named = os.environ.get(DATA_VARIABLE)
    return Path(named).expanduser() if named else platformdirs.user_data_path("spm_bench", appauthor=False)


def spelling(name: str) -> str:
    """Fold the usual spellings of a folder into one: "OTB-100", "otb_100" and "OTB100" are all "otb100"."""
    return "".join(character for character in name.casefold() if character not in "-_ ")


def find_home(facts: SuiteFacts, data: Path | None, inside: tuple[str, ...], is_home: Callable[[Path], bool]) -> Path:
    """Find the folder that holds a suite's sequences.

    The root may be that folder itself or hold it under one of its usual names.

    Args:
        facts: The suite.
        data: Where the user says the data are, None for the default places.
        inside: Sub-folders of a suite's folder in which its sequences may be, "" for the folder itself.
        is_home: Tells whether a folder holds any sequence of the suite.

    Raises:
        MissingDataError: It is nowhere; says where it was looked for and how to get the data.
    """
    root = data_root(data)
    for candidate in _candidates(root, facts.folders):
        for part in inside:
            home = candidate / part if part else candidate
            if home.is_dir() and is_home(home):
                return home
    names = ", ".join(facts.folders)
    problem = f"no sequence of {facts.title} is in this folder, nor in a folder of it named {names} (in any spelling)"
    if not root.is_dir():
        why = "this is a file, not a folder" if root.exists() else "no such folder"
        problem = f"{facts.title} is not there: {why}"
    raise MissingDataError(problem, where=root, remedy=how_to_get(facts))


def _candidates(root: Path, folders: tuple[str, ...]) -> Iterator[Path]:
    """The root and the folders in it that have one of the names, best name first."""
    yield root
    try:
        children = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
    except OSError:
        return
    for name in folders:
        yield from (root / child for child in children if spelling(child) == name)


def how_to_get(facts: SuiteFacts) -> str:
    """What to do when the data are not there."""
    here = (
        f"If they are on this machine: spm-bench data link {facts.name} FOLDER, "
        f"or name the folder that holds them with --data or the environment variable {DATA_VARIABLE}"
    )
    if facts.source is None:
        return f"{facts.get} ({facts.url}). {here}"
    if facts.source.kind == "manual":
        return f"spm-bench data get {facts.name} says step by step how to get them by hand ({facts.url}). {here}"
    return f"Download them: spm-bench data get {facts.name} ({facts.url}). {here}"
