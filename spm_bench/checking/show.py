"""What a check found, on the terminal: 80 columns are enough."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from rich.console import Console

from spm_bench.checking.findings import Finding, Level
from spm_bench.report.terminal import plain_text

FEW = 3
"""Findings of one kind that are printed, if not all are asked for."""
_STYLE: dict[Level, str] = {"error": "bold red", "warning": "yellow", "note": "dim"}
_INDENT = 9
"""Room for the longest level."""


def summary(findings: Iterable[Finding]) -> str:
    """The findings in numbers.

    >>> summary([])
    'nothing wrong was found'
    """
    levels = [f.level for f in findings]
    counts = [(levels.count(level), level) for level in _STYLE if level in levels]
    if not counts:
        return "nothing wrong was found"
    return ", ".join(f"{count} {level}{'s' * (count > 1)}" for count, level in counts)


def print_findings(findings: tuple[Finding, ...], console: Console, *, everything: bool = False) -> None:
    """Print findings, the gravest first, with file, line and remedy.

    Args:
        findings: In their order.
        console: Where to print.
        everything: Print all of a kind instead of the first few and how many more there are.
    """
    for (level, kind), group in groupby(findings, key=lambda f: (f.level, f.kind)):
        members = list(group)
        shown = members if everything else members[:FEW]
        remedies = [f.remedy for f in shown]
        for i, finding in enumerate(shown):
            said = i + 1 < len(shown) and remedies[i + 1] == finding.remedy  # once, after the last that needs it
            for line in _lines(finding, console.width, with_remedy=not said):
                console.print(plain_text(line, console, _STYLE[level]), highlight=False, soft_wrap=True)
        if len(members) > len(shown):
            more = f"{'':{_INDENT}}and {len(members) - len(shown)} more of this kind ({kind}); --all prints them"
            console.print(plain_text(more, console, _STYLE[level]), highlight=False, soft_wrap=True)


def _lines(finding: Finding, width: int, *, with_remedy: bool) -> Iterator[str]:
    where = _short(finding.where)
    place = where if finding.line is None or not where else f"{where}, line {finding.line}"
    text = f"{place}: {finding.problem}" if place else finding.problem
    yield from _wrapped(text, f"{finding.level:<{_INDENT}}", width)
    if finding.remedy and with_remedy:
        yield from _wrapped(finding.remedy, " " * _INDENT, width)


def _wrapped(text: str, first: str, width: int) -> list[str]:
    room = max(width, 40)
    return textwrap.wrap(
        text,
        room,
        initial_indent=first,
        subsequent_indent=" " * _INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _short(where: str) -> str:
    """A path from the current folder on, where it lies below."""
    if not where or not os.path.isabs(where):  # noqa: PTH117 - it may be a path and a name
        return where
    path, here = Path(where), Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else where
