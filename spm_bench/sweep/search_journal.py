"""Optuna, quiet, and its journal: a file that a process killed at any moment leaves readable."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from spm_bench.errors import ResultsError, UsageError

NAME = "search"
"""Of the only study in the journal."""


def load_optuna() -> ModuleType:
    """Import Optuna.

    Raises:
        UsageError: It is not installed, or too old to keep a study in a journal file.
    """
    remedy = "Install it: pip install 'spm_bench[search]'"
    try:
        import optuna
        import optuna.storages.journal
    except ModuleNotFoundError as error:
        if error.name == "optuna":
            raise UsageError("a search needs Optuna, which is not installed", remedy=remedy) from None
        raise UsageError(f"a search needs another Optuna: this one has no {error.name}", remedy=remedy) from None
    return optuna  # type: ignore[no-any-return, unused-ignore]


@contextlib.contextmanager
def quiet_optuna() -> Iterator[ModuleType]:
    """Keep Optuna from printing, and from warning about parts it calls experimental, while the block runs."""
    optuna = load_optuna()
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield optuna
    finally:
        optuna.logging.set_verbosity(before)


def load_study(optuna: ModuleType, path: Path, *, maximize: bool) -> Any:
    """Open the study in a journal file, made if need be.

    Raises:
        ResultsError: The file is no journal.
    """
    _cut_off(path)
    direction = "maximize" if maximize else "minimize"
    storage = _storage(optuna, path)
    return optuna.create_study(storage=storage, study_name=NAME, direction=direction, load_if_exists=True)


class _Held:
    """Optuna's lock of a journal does nothing: the folder is held already, by a lock that no killed process leaves."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None: ...


def _storage(optuna: ModuleType, path: Path) -> Any:
    journal = optuna.storages.journal

    try:
        return optuna.storages.JournalStorage(journal.JournalFileBackend(str(path), lock_obj=_Held()))
    except (ValueError, KeyError) as error:
        raise ResultsError(
            f"is not the journal of a search ({error})",
            where=path,
            remedy="Move it away and run again: finished sequences are kept in the run folders",
        ) from None


def _cut_off(path: Path) -> None:
    """Remove the unfinished last line that a process killed while writing left: the next would be added to it."""
    if not path.is_file():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as stream:
            stream.truncate(whole)
