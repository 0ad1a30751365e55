"""Figures from print, to stand beside measured ones: only those whose source was read, each with mark and source."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

MARKS = {
    "paper": "read in the tracker's own paper",
    "peer paper": "read in another paper",
    "repo": "read in a repository: release, model zoo or plot legend",
    "repo, 2nd hand": "read in somebody's tabulation of papers",
}
"""What was read. There is no mark for a figure that was only recalled: those are not in the file."""

REFERENCE_TRACKER = "SPM"
"""The tracker under study: its main published figures are shown even where it was not measured."""


@dataclass(frozen=True)
class PublishedFigure:
    """One number taken from print.

    Attributes:
        tracker: Name under which it is known.
        suite: Registered suite name.
        metric: Registered metric name; "robustness" is failures per 100 frames, "failures_per_sequence" the raw unit
            of VOT2015 and some later papers. The two are never mixed.
        value: As printed.
        mark: A key of `MARKS`.
        source: Where it was read.
        detail: What sets it apart from the tracker's main figures ("re-run of the released weights"), else "".
        note: What the reader must know beside it, else "".
        digits: Decimals it was printed with.
    """

    tracker: str
    suite: str
    metric: str
    value: float
    mark: str
    source: str
    detail: str = ""
    note: str = ""
    digits: int = 3

    @property
    def text(self) -> str:
        """The value as it was printed."""
        return f"{self.value:.{self.digits}f}"

    @property
    def citation(self) -> str:
        """Source, mark and note in one line, as footnotes print it."""
        return f"{self.source} [{self.mark}]" + (f"; {self.note}" if self.note else "")


def parse_published(document: dict[str, Any]) -> tuple[PublishedFigure, ...]:
    """Build the figures of a `published.json` document.

    Raises:
        ValueError: An unknown mark, an empty source, a value that is no finite number, or one figure given twice.
    """
    figures = tuple(PublishedFigure(**row) for row in document["figures"])
    seen: set[tuple[str, ...]] = set()
    for figure in figures:
        key = (figure.tracker, figure.detail, figure.suite, figure.metric)
        if figure.mark not in MARKS or not figure.source:
            raise ValueError(f"{key} has no known mark or no source")
        if not math.isfinite(figure.value) or figure.value < 0:
            raise ValueError(f"{key} has the value {figure.value}")
        if key in seen:
            raise ValueError(f"{key} is given twice")
        seen.add(key)
    return figures


@cache
def _document() -> dict[str, Any]:
    text = files("spm_bench.report").joinpath("published.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


@cache
def load_published() -> tuple[PublishedFigure, ...]:
    """Read all figures that come with the package (see `parse_published` for errors)."""
    return parse_published(_document())


def folded(tracker: str) -> str:
    """Reduce a tracker's name to what its spellings share: `C-COT` and `ccot`, but not `SiamRPN` and `SiamRPN++`."""
    return "".join(c for c in tracker.casefold() if c.isalnum() or c == "+")


@cache
def _canonical_names() -> dict[str, str]:
    return {folded(other): name for name, others in _document()["also_known_as"].items() for other in others}


def same_tracker(tracker: str, published: str) -> bool:
    """Tell whether a results folder's name means the tracker that print calls `published`."""
    return folded(_canonical_names().get(folded(tracker), tracker)) == folded(published)


def figures_beside(suite: str, trackers: Iterable[str]) -> tuple[PublishedFigure, ...]:
    """Choose what is worth standing beside measured `trackers` on `suite`.

    These are their main figures (without a `detail`), or the others where there is no main one; SPM's main figures in
    any case; and where SPM was measured, also its re-runs and re-implementations.
    """
    names = tuple(trackers)
    on_suite = [f for f in load_published() if f.suite == suite]
    with_main = {f.tracker for f in on_suite if not f.detail}

    def wanted(figure: PublishedFigure) -> bool:
        if any(same_tracker(name, figure.tracker) for name in names):
            return not figure.detail or figure.tracker == REFERENCE_TRACKER or figure.tracker not in with_main
        return figure.tracker == REFERENCE_TRACKER and not figure.detail

    return tuple(f for f in on_suite if wanted(f))
