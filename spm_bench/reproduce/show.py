"""A reproduction in words: the verdict, where boxes part, and what is not as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table

from spm_bench.errors import listed
from spm_bench.report.terminal import plain_text
from spm_bench.report.vocabulary import DASH
from spm_bench.reproduce.request import Reproduction, SequenceCheck

MOST_ROWS = 12
"""Sequences in the table on the terminal; `--json` holds all."""


def print_reproduction(found: Reproduction, console: Console | None = None) -> None:
    """Print what was found; on standard output by default."""
    console = console or Console()
    console.print(plain_text(verdict(found), console, "bold"))
    if found.differing:
        console.print(_boxes_table(found, console))
        rest = len(found.differing) - MOST_ROWS
        if rest > 0:
            console.print(plain_text(f"and {rest} more sequences; --json has them all", console, "dim"))
    if found.changes:
        console.print(plain_text("Not as it was:", console, "bold"))
        console.print(_changes_table(found, console))
    console.print(plain_text(_as_it_was(found), console, "dim"))
    for line in remarks(found):
        console.print(plain_text(line, console))


def as_json(found: Reproduction) -> str:
    """All of it, for programs."""
    return json.dumps(found.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def verdict(found: Reproduction) -> str:
    """Whether the boxes are the same, in a sentence."""
    who, n = f"{found.label} on {found.suite}", len(found.checks)
    frames = sum(check.frames for check in found.checks)
    amount = f"{n} sequence{'s' * (n != 1)}, {frames} frames"
    if not found.checks:
        return f"{who}: nothing could be compared, every sequence failed."
    if found.differing:
        return f"{who}: the boxes differ on {len(found.differing)} of {n} sequences{_within(found)}."
    failed = f"; {len(found.failures)} failed now" if found.failures else ""
    if all(check.identical for check in found.checks):
        return f"{who}: the boxes are the same, byte for byte ({amount}){failed}."
    largest = max(check.largest for check in found.checks)
    how = f"within {found.tolerance:g} px (at most {largest:.3g} px apart)" if largest else "in all their digits"
    return f"{who}: the boxes are the same {how} ({amount}){failed}."


def _within(found: Reproduction) -> str:
    return f" by more than {found.tolerance:g} px" if found.tolerance else ""


def remarks(found: Reproduction) -> Iterator[str]:
    """What else the reader must know, a line each."""
    for name, problem in found.failures.items():
        yield f"{name} failed now: {problem}"
    by_reason: dict[str, list[str]] = {}
    for name, why in found.left_out.items():
        by_reason.setdefault(why, []).append(name)
    if by_reason:
        reasons = "; ".join(f"{len(names)} {why}: {listed(names, 3)}" for why, names in by_reason.items())
        yield f"Compared: {len(found.checks)} of the run's {found.total} sequences ({reasons})."
    if found.kept:
        yield f"{found.kept} of them had been finished by a reproduction that was interrupted."
    yield from _why(found)
    if found.folder is not None:
        yield f"The new run: {found.folder}"


def _as_it_was(found: Reproduction) -> str:
    """The facts that have not changed, settings by number."""
    settings = sum(what.startswith("setting ") for what in found.unchanged)
    names = [what for what in found.unchanged if not what.startswith("setting ")]
    return f"As it was: {', '.join([*names, *([f'{settings} settings'] if settings else [])])}."


def _why(found: Reproduction) -> Iterator[str]:
    """What the changes mean for the boxes."""
    deciding = [change.what for change in found.changes if change.decides]
    if found.differing and found.timed:
        yield "The protocol takes the tracker's time: its boxes depend on how fast the machine is at the moment."
    elif found.differing:
        if deciding:
            yield f"Boxes are known to depend on: {listed(deciding, 6)}."
        elif found.changes:
            yield "Nothing that boxes are known to depend on has changed; versions and machines may round otherwise."
        else:
            yield "The tracker may use chance without having a method `seed`, or read what it does not say."
    elif deciding and found.checks:
        yield f"The boxes do not show it that these have changed: {listed(deciding, 6)}."


def _boxes_table(found: Reproduction, console: Console) -> Table:
    table = _table(console, "Sequence", "first frame", "frames", "largest [px]", "states", "overlap")
    for check in found.differing[:MOST_ROWS]:
        table.add_row(*(plain_text(text, console) for text in _box_row(check)))
    return table


def _box_row(check: SequenceCheck) -> tuple[str, ...]:
    if check.repetitions[0] != check.repetitions[1]:
        repeats = f"{check.sequence} ({check.repetitions[0]} repetitions then, {check.repetitions[1]} now)"
    else:
        repeats = check.sequence
    first = DASH if check.first is None else str(check.first)
    if check.first is not None and check.repetitions[0] > 1:
        first += f" of {check.repetition}"
    return (
        repeats,
        first,
        f"{check.differing}/{check.frames}",
        f"{check.largest:.3g}",
        str(check.states or DASH),
        DASH if check.overlap is None else f"{check.overlap:.3f}",
    )


def _changes_table(found: Reproduction, console: Console) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for title in ("what", "then", "now"):
        table.add_column(plain_text(title, console), overflow="fold")
    for change in found.changes:
        texts = (change.what, *(value or DASH for value in change.short()))
        table.add_row(*(plain_text(text, console) for text in texts), style="bold" if change.decides else "")
    return table


def _table(console: Console, first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column(plain_text(first, console), overflow="fold")
    for title in others:
        table.add_column(plain_text(title, console), justify="right", no_wrap=True)
    return table
