"""The errors a user can cause or mend. Every one says what is wrong, where, and the remedy; none needs a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class SpmBenchError(Exception):
    """A problem the user can act on.

    Args:
        problem: What is wrong, in one sentence without a full stop at the end.
        where: The file, folder or name it concerns.
        line: 1-based line number in that file.
        remedy: What to do about it.
    """

    def __init__(
        self, problem: str, *, where: Path | str | None = None, line: int | None = None, remedy: str | None = None
    ) -> None:
        self.problem, self.where, self.line, self.remedy = problem, where, line, remedy
        super().__init__(problem)

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the keyword arguments when the error crosses a process border."""
        return _rebuild, (type(self), self.problem, self.where, self.line, self.remedy)

    def __str__(self) -> str:
        place = "" if self.where is None else f"{self.where}" + ("" if self.line is None else f", line {self.line}")
        text = f"{place}: {self.problem}" if place else self.problem
        return text if self.remedy is None else f"{text}. {self.remedy}"


def _rebuild(
    kind: type[SpmBenchError], problem: str, where: Path | str | None, line: int | None, remedy: str | None
) -> SpmBenchError:
    return kind(problem, where=where, line=line, remedy=remedy)


class UsageError(SpmBenchError):
    """A name, option or combination of options that does not exist."""


class DataError(SpmBenchError):
    """A file of a data set is broken or does not fit the others."""


class MissingDataError(DataError):
    """A data set, or a part of it, is not there."""


class FetchError(SpmBenchError):
    """A file cannot be fetched, or what came is not what was promised."""


class WeightsError(SpmBenchError):
    """A checkpoint is missing, broken, or made for another network."""


class ResultsError(SpmBenchError):
    """A raw result file or run folder cannot be read or written."""


class TrackerError(SpmBenchError):
    """A tracker cannot be built, or broke its contract while it ran."""


def listed(names: Iterable[str], most: int = 5) -> str:
    """Join names for a message: all of them, or the first `most` and how many more there are.

    >>> listed("abcd", most=2)
    'a, b and 2 more'
    """
    found = list(names)
    rest = len(found) - most
    return ", ".join(found[:most]) + (f" and {rest} more" if rest > 0 else "")


MOST_KNOWN = 60
"""Names that an error lists; data sets have thousands of sequences."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """Build the error for a mistyped name, with the nearest known names.

    Args:
        kind: What the name stands for ("suite", "tracker", ...).
        name: What the user wrote.
        known: All valid names.
    """
    names = sorted(known)
    by_folded = {n.casefold(): n for n in names}
    folded = name.casefold()
    begun = [n for n in by_folded if len(folded) > 1 and n.startswith(folded)]
    alike = difflib.get_close_matches(folded, by_folded, n=3, cutoff=0.5)
    near = [by_folded[n] for n in (begun or alike)[:3]]
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    return UsageError(f"there is no {kind} {name!r}", remedy=f"{hint}Known: {listed(names, MOST_KNOWN)}")
