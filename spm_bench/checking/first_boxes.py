"""Single files whose first box is not the one the tracker was given, or whose boxes are another sequence's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import numpy as np

from spm_bench.checking.evidence import Pass, same_box
from spm_bench.checking.findings import Finding
from spm_bench.checking.mistakes import COLUMNS, in_file
from spm_bench.geometry.boxes import iou

LEAST_OVERLAP = 0.5
"""Of the first box with the given one; trackers that write their own estimate of it stay above."""
FURTHEST = 30
"""Frames within which a first box is looked for, where a file seems to start late or early."""
BETTER_BY = 0.05
"""Of mean overlap, by which a shifted file must fit better: boxes of slow targets are alike in all frames."""

Where = Callable[[str], str]
"""Sequence name -> its file, as people know it."""


def check_first_boxes(passes: list[Pass], origin: int, where: Where) -> Iterator[Finding]:
    """Find files that do not start with the given box, and say what they start with instead, where that can be told.

    Args:
        passes: One-pass results.
        origin: What the family's files count as the first pixel.
        where: Names the file of a sequence.
    """
    for one in passes:
        if not one.given or iou(one.boxes[0], one.truth[0]) >= LEAST_OVERLAP:
            continue
        overlap = float(iou(one.boxes[0], one.truth[0]))
        told = _other_sequence(one, passes) or _other_frame(one) or _other_columns(one, origin)
        problem = f"the first box is not the given one (overlap {overlap:.2f})"
        remedy = "Line 1 must hold the box of the first frame; is this the result of another sequence or version?"
        if told is not None:
            problem = f"{problem}: {told}"
        elif np.isnan(one.boxes[0]).any():
            problem = "the first box is NaN instead of the given one"
        yield Finding(
            "warning" if told is None else "error",
            "first-box",
            problem,
            remedy,
            where(one.name),
            1,
            (one.name,),
        )


def _other_sequence(one: Pass, passes: list[Pass]) -> str | None:
    for other in passes:
        if other is not one and len(other.truth) == len(one.truth) and same_box(one.boxes[0], other.truth[0]):
            return f"it is that of {other.name}"
    return None


def _other_frame(one: Pass) -> str | None:
    """Whether the file starts with a later frame's box, or has the given box in a later line, and all lines so."""
    n = min(FURTHEST, len(one.truth))
    late = [k for k in range(1, n) if same_box(one.boxes[0], one.truth[k]) and _fits_moved(one, k)]
    if late:
        return f"it is that of frame {late[0] + 1}, so the file starts late"
    early = [k for k in range(1, n) if same_box(one.boxes[k], one.truth[0]) and _fits_moved(one, -k)]
    if early:
        return f"that stands in line {early[0] + 1}, so the file starts early"
    return None


def _fits_moved(one: Pass, frames: int) -> bool:
    """Whether lines fit the annotations so many frames later (below 0: earlier) better than their own."""
    k, n = abs(frames), len(one.truth)
    boxes, truth = (one.boxes[: n - k], one.truth[k:]) if frames > 0 else (one.boxes[k:], one.truth[: n - k])
    return float(iou(boxes, truth).mean()) > float(iou(one.boxes, one.truth).mean()) + BETTER_BY


def _other_columns(one: Pass, origin: int) -> str | None:
    for columns in COLUMNS:
        if same_box(in_file(columns.undo, origin)(one.boxes[:1])[0], one.truth[0]):
            return columns.problem
    return None


def check_copies(passes: list[Pass], where: Where) -> Iterator[Finding]:
    """Find sequences with the same boxes: every tracker starts with another box in each, so a file was copied."""
    seen: dict[bytes, str] = {}
    for one in passes:
        if len(one.boxes) < 3 or np.isnan(one.boxes).all():
            continue
        digest = hashlib.sha256(one.boxes.tobytes()).digest()
        first = seen.setdefault(digest, one.name)
        if first != one.name:
            yield Finding(
                "error",
                "copy",
                f"has the same boxes as {first}, line for line",
                "One of the two is a copy; make it again",
                where(one.name),
                None,
                (first, one.name),
            )
