"""What can be wrong with single files: text that others stumble over, lines too few or too many, boxes without area."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from spm_bench.checking.evidence import FloatArray, same_box
from spm_bench.checking.findings import Finding
from spm_bench.errors import ResultsError, SpmBenchError
from spm_bench.geometry.boxes import has_area, iou
from spm_bench.results.archive import shown
from spm_bench.results.trajectory import Trajectory
from spm_bench.suites.annotations import parse_rows
from spm_bench.suites.base import Sequence
from spm_bench.suites.facts import suite_facts, suite_names

_SEPARATORS = {b",": "commas", b"\t": "tabs", b";": "semicolons", b" ": "blanks"}
_BOM = b"\xef\xbb\xbf"


def check_text(path: Path, sequence: str) -> Iterator[Finding]:
    """Find what readers here forgive and those of other tools may not: a byte order mark, two kinds of separators."""
    try:
        data = path.read_bytes()
    except OSError:
        return  # whoever parses it says so
    if data.startswith(_BOM):
        yield Finding(
            "note",
            "byte-order-mark",
            "starts with a byte order mark",
            "Save it as UTF-8 without: other tools read the first number as none",
            str(shown(path)),
            1,
            (sequence,),
        )
    between = data.removeprefix(_BOM).replace(b"\r\n", b"\n").translate(None, _NUMBERS).split(b"\n")
    kinds = {line: _kind_of_separator(line) for line in dict.fromkeys(between)}
    used = [kind for kind in dict.fromkeys(kinds.values()) if kind]
    if len(used) > 1:
        first = next(i for i, line in enumerate(between) if kinds[line] not in ("", used[0]))
        yield Finding(
            "note",
            "separators",
            f"numbers are separated by {' and by '.join(used)}",
            "Use one separator: other tools expect the first line's in all",
            str(shown(path)),
            first + 1,
            (sequence,),
        )


_NUMBERS = b"0123456789.+-eE"


def _kind_of_separator(line: bytes) -> str:
    """The separator of a line without its numbers; blanks beside another one are none. Empty for a single number."""
    marks = [name for mark, name in _SEPARATORS.items() if mark in line and mark != b" "]
    if not marks and b" " in line:
        return "blanks"
    return " with ".join(marks)


def check_values(sequence: Sequence, trajectory: Trajectory, where: str) -> Iterator[Finding]:
    """Find lines without a usable box in one-pass results."""
    unusable = ~has_area(trajectory.boxes)
    unusable[0] = False  # the first box has its own check
    missing = unusable & np.isnan(trajectory.boxes).any(axis=1)
    flat = unusable & ~missing
    for rows, kind, what in ((missing, "nan", "no box (NaN)"), (flat, "no-area", "a width or height of 0 or less")):
        if rows.any():
            count, line = int(rows.sum()), int(rows.argmax()) + 1
            yield Finding(
                "warning",
                kind,
                f"{what} in {count} line{'s' * (count > 1)}",
                "Write the last known box: OTB's rules repeat it, other tools count a miss or stop",
                where,
                line,
                (sequence.name,),
            )


def explain_length(suite: str, sequence: Sequence, path: Path, error: ResultsError) -> Finding:
    """Say of a file with too few or too many lines which ones are wrong, where that can be told.

    Args:
        suite: Name of the suite.
        sequence: With ground truth.
        path: The file.
        error: What the reader said.
    """
    remedy = error.remedy or ""
    try:
        boxes = parse_rows(path, (4,), error=ResultsError)
    except SpmBenchError:
        where = str(error.where or "")
        return Finding("error", "unreadable", error.problem, remedy, where, error.line, (sequence.name,))
    n, m = len(sequence), len(boxes)
    told = _cut_before_first(suite, sequence.name, m - n) if m > n else ""
    told = told or (_too_long(boxes, sequence.ground_truth) if m > n else _too_short(boxes, sequence.ground_truth))
    return Finding("error", "length", error.problem, told or remedy, str(error.where or ""), m, (sequence.name,))


def _cut_before_first(suite: str, name: str, extra: int) -> str:
    """The benchmark evaluates some videos from a later frame on; tools that do not know start at the first."""
    if suite not in suite_names():
        return ""
    item = next((s for s in suite_facts(suite).sequences if s.name == name), None)
    if item is None or extra not in {item.first - 1, item.first - (item.annotated_from or item.first)}:
        return ""
    return (
        f"The benchmark evaluates from image {item.first} on: delete the first {extra} lines, or run the tracker there"
    )


def _too_long(boxes: FloatArray, truth: FloatArray) -> str:
    extra = len(boxes) - len(truth)
    shifts = [s for s in (0.0, 1.0) if same_box(boxes[extra] - (s, s, 0, 0), truth[0])]
    first = any(same_box(boxes[0] - (s, s, 0, 0), truth[0]) for s in (0.0, 1.0))
    if shifts and not first:
        return f"Line {extra + 1} is the given box: delete the {extra} before it"
    if first:
        return f"The first line is right: delete the last {extra}, or is it another version of the video?"
    return ""


def _too_short(boxes: FloatArray, truth: FloatArray) -> str:
    """Compare the lines with the first and with the last frames."""
    m, missing = len(boxes), len(truth) - len(boxes)
    if m < 3:
        return ""
    at_start, at_end = (_mean_overlap(boxes, rows) for rows in (truth[:m], truth[-m:]))
    if at_end > at_start + 0.05:
        return (
            f"The lines fit the last {m} frames better: the first {missing} are missing. Line 1 must hold the given box"
        )
    if at_start > at_end + 0.05:
        return f"The last {missing} frames are missing: did the tracker stop?"
    return ""


def _mean_overlap(boxes: FloatArray, truth: FloatArray) -> float:
    usable = has_area(truth)
    return float(iou(boxes, truth)[usable].mean()) if usable.any() else 0.0


def check_presence(
    expected: list[str], present: Mapping[str, str], strangers: tuple[str, ...], title: str, where: str
) -> Iterator[Finding]:
    """Find sequences without results, and results of sequences that the suite does not have.

    Args:
        expected: The suite's sequences.
        present: Those with results -> their names in the folder.
        strangers: Names in the folder that mean none of them.
        title: Of the suite.
        where: The folder.
    """
    import difflib

    absent = [name for name in expected if name not in present]
    if absent:
        shown_names = ", ".join(absent[:5]) + (", ..." if len(absent) > 5 else "")
        near = {a: difflib.get_close_matches(a.casefold(), [s.casefold() for s in strangers], 1, 0.75) for a in absent}
        hints = [f"is {found[0]} meant for {name}?" for name, found in near.items() if found][:3]
        yield Finding(
            "error",
            "missing",
            f"no results for {len(absent)} of {len(expected)} sequences: {shown_names}",
            "; ".join([*hints, "Run them; the scores below leave them out"]),
            where,
            sequences=tuple(absent),
        )
    if strangers:
        shown_names = ", ".join(strangers[:5]) + (", ..." if len(strangers) > 5 else "")
        yield Finding(
            "note",
            "extra",
            f"{len(strangers)} result{'s' * (len(strangers) > 1)} of no sequence of {title}: {shown_names}",
            "They are not scored",
            where,
        )
