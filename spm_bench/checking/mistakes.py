"""Mistakes in the form of all boxes of a tracker: columns, origin, rounding, frames that are shifted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from spm_bench.checking.evidence import (
    AGREE,
    CHANCE,
    Change,
    FloatArray,
    Pass,
    centre_shift,
    first_boxes_explained,
    first_offsets,
    gain_of,
    gain_of_delay,
    sign_test,
)
from spm_bench.checking.findings import Finding

LEAST_GAIN = 0.03
"""Of overlap, by which undoing a mistake in the columns must help the median sequence. On the published results no such
change helps: the best loses .08."""
LEAST_DELAY_GAIN = 0.002
"""The same for a shift by a frame, whose effect is small where targets are slow. On the published results it costs .005
to .04."""
SHIFT_SEEN = 0.75
"""A shift of centres, in px, that may be a first pixel counted wrongly. Trackers of their own reach .7 on both axes,
one published one 1.3, so this is a note."""
NORMALISED = 2.0
"""Boxes of real videos have greater numbers; parts of a picture's sides do not."""

Effect = Callable[[Change], str]
"""What a change would do to the score, in words; empty where that is not known."""


@dataclass(frozen=True)
class Columns:
    """A way to write boxes that is not x, y, width, height.

    Attributes:
        kind: A word for machines.
        problem: What was written.
        remedy: What to write.
        undo: n x 4 numbers as written -> n x 4 boxes.
    """

    kind: str
    problem: str
    remedy: str
    undo: Change


def _order(*columns: int) -> Change:
    return lambda boxes: np.asarray(boxes[:, list(columns)])


COLUMNS = (
    Columns(
        "corners",
        "the columns are x1, y1, x2, y2 instead of x, y, width, height",
        "Write x1, y1, x2 - x1, y2 - y1",
        lambda b: np.column_stack((b[:, :2], b[:, 2:] - b[:, :2])),
    ),
    Columns(
        "centre",
        "x and y are the middle of the box instead of its upper left corner",
        "Subtract half of width and height from x and y",
        lambda b: np.column_stack((b[:, :2] - b[:, 2:] / 2, b[:, 2:])),
    ),
    Columns("sides-swapped", "height stands before width", "Write x, y, width, height", _order(0, 1, 3, 2)),
    Columns("axes-swapped", "y stands before x", "Write x, y, width, height", _order(1, 0, 2, 3)),
    Columns(
        "rows-first",
        "the columns are y, x, height, width (rows first, as in MATLAB)",
        "Write x, y, width, height",
        _order(1, 0, 3, 2),
    ),
)
"""Every other way to write four columns that was met in the wild."""


def in_file(change: Change, origin: int) -> Change:
    """The same change for 0-based boxes, where a file counts pixels from `origin`."""
    first = np.array((origin, origin, 0.0, 0.0))
    return lambda boxes: change(boxes + first) - first


def check_form(passes: list[Pass], origin: int, effect: Effect) -> Iterator[Finding]:
    """Find mistakes that are in all files of a tracker alike.

    Args:
        passes: The first pass over each sequence.
        origin: What the family's files count as the first pixel.
        effect: Tells what a change would do to the score.
    """
    columns = _columns(passes, origin)
    if columns is not None:
        yield _with_effect(Finding("error", columns.kind, columns.problem, columns.remedy), columns, origin, effect)
        return
    if (normalised := _normalised(passes)) is not None:
        yield normalised
        return
    shifted = list(_origin(passes, origin, effect))
    yield from shifted
    yield from _delay(passes, effect)
    if not shifted:
        yield from _later_shift(passes, effect)
    yield from _whole_numbers(passes, origin)


def _with_effect(finding: Finding, columns: Columns, origin: int, effect: Effect) -> Finding:
    told = effect(in_file(columns.undo, origin))
    return Finding(finding.level, finding.kind, finding.problem + told, finding.remedy)


def _columns(passes: list[Pass], origin: int) -> Columns | None:
    """The way of writing that explains the results best; None where x, y, width, height does."""
    best: tuple[float, float, Columns] | None = None
    for columns in COLUMNS:
        undo = in_file(columns.undo, origin)
        explained, informative = first_boxes_explained(passes, undo)
        share = explained / informative if informative else 0.0
        gain = gain_of(passes, undo)
        first = share >= AGREE and (informative >= 2 or len(passes) == 1) and gain.median > 0
        if (first or gain.convinces(LEAST_GAIN)) and (best is None or (share, gain.median) > best[:2]):
            best = share, gain.median, columns
    return None if best is None else best[2]


def _normalised(passes: list[Pass]) -> Finding | None:
    boxes = np.concatenate([one.boxes[one.counted] for one in passes] or [np.empty((0, 4))])
    truth = np.concatenate([one.truth[one.counted] for one in passes] or [np.empty((0, 4))])
    if not len(boxes):
        return None
    # the first pixel is counted as 1 in OTB's files, so their numbers are 1 less here
    small = (np.abs(boxes) <= NORMALISED).all(axis=1).mean()
    if small < 0.95 or np.median(truth[:, 2:]) <= 4 * NORMALISED:
        return None
    return Finding(
        "error",
        "normalised",
        "the numbers are parts of the picture's sides (0 to 1) instead of pixels",
        "Multiply x and width by the width of the pictures, y and height by their height",
    )


def _origin(passes: list[Pass], origin: int, effect: Effect) -> Iterator[Finding]:
    """Whether first boxes are the given ones with 1 px added to or taken from x and y."""
    offsets = first_offsets(passes)
    n = len(offsets)
    for shift in (-1, 1):
        off = np.abs(offsets - (shift, shift, 0, 0))
        near = (off <= 0.55).all(axis=1)
        middle = offsets[near].mean(axis=0) if near.any() else np.zeros(4)
        exact = n >= 3 or (n > 0 and off.max() <= 0.05)
        if not exact or near.mean() < AGREE or np.abs(middle[:2] - shift).max() > 0.3:
            continue
        counted = origin + shift
        how = f"pixels seem counted from {counted}, these files count from {origin}"
        if counted not in (0, 1):
            how = f"1 px was {'added once too often' if shift > 0 else 'taken off once too often'}"
        told = effect(lambda boxes, shift=shift: boxes - (shift, shift, 0, 0))  # type: ignore[misc]
        word, back = ("plus", "Subtract 1 from") if shift > 0 else ("minus", "Add 1 to")
        yield Finding(
            "warning",
            "origin",
            f"in {near.sum()} of {n} sequences the first box is the given one {word} 1 px in x and y: {how}{told}",
            f"{back} x and y of every line",
        )


def _delay(passes: list[Pass], effect: Effect) -> Iterator[Finding]:
    """Whether boxes fit the annotations of the neighbouring frame better, in nearly all sequences."""
    for frames, word in ((1, "before"), (-1, "after")):
        gain = gain_of_delay(passes, frames)
        if not gain.convinces(LEAST_DELAY_GAIN):
            continue
        told = effect(_moved_up if frames > 0 else _moved_down) if passes[0].given else ""
        yield Finding(
            "warning",
            "delay",
            f"in {gain.share:.0%} of {gain.n} sequences the boxes fit the frame {word} theirs better "
            f"(overlap +{gain.median:.3f} in the median sequence): they are a frame {'late' if frames > 0 else 'early'}"
            f"{told}",
            "Line t must hold the box of frame t, the first line the given box; if the tracker was run in real time, "
            "score it as such",
        )


def _moved_up(boxes: FloatArray) -> FloatArray:
    return np.concatenate((boxes[1:], boxes[-1:]))


def _moved_down(boxes: FloatArray) -> FloatArray:
    return np.concatenate((boxes[:1], boxes[:-1]))


def _later_shift(passes: list[Pass], effect: Effect) -> Iterator[Finding]:
    """Whether centres lie about 1 px off in both directions: a note, as trackers have such a bias of their own."""
    shifts = centre_shift(passes)
    if len(shifts) < 8:
        return
    middle = np.median(shifts, axis=0)
    if np.abs(middle).min() < SHIFT_SEEN or np.abs(middle).max() > 2 or middle[0] * middle[1] < 0:
        return
    if max(sign_test(np.sign(middle[axis]) * shifts[:, axis]) for axis in (0, 1)) > CHANCE:
        return
    step = 1 if middle[0] > 0 else -1
    sides = "right and below" if step > 0 else "left and above"
    told = effect(lambda boxes: boxes - (step, step, 0, 0))
    yield Finding(
        "note",
        "shift",
        f"after the first frame, boxes lie {abs(middle[0]):.1f} and {abs(middle[1]):.1f} px {sides} of the annotation "
        f"(medians of {len(shifts)} sequences){told}",
        "A tracker may have such a bias; but is the first box written as given, and 1 px "
        f"{'added to' if step > 0 else 'taken from'} the others?",
    )


def _whole_numbers(passes: list[Pass], origin: int) -> Iterator[Finding]:
    """Whether all boxes are whole numbers, and if so, whether they were cut instead of rounded."""
    boxes = np.concatenate([one.boxes[one.counted] for one in passes] or [np.empty((0, 4))])
    if len(boxes) < 20 or np.abs(boxes - np.round(boxes)).max() > 1e-9:
        return
    first = [one for one in passes if one.given]
    pixel = np.array((origin, origin, 0.0, 0.0))
    written = np.array([one.boxes[0] + pixel for one in first]).reshape(-1, 4)
    given = np.array([one.truth[0] + pixel for one in first]).reshape(-1, 4)
    telling = np.abs(np.floor(given) - np.round(given)) > 0.5
    cut, rounded = (
        float((written == how(given))[telling].mean()) if telling.any() else 0.0 for how in (np.floor, np.round)
    )
    if telling.sum() >= 4 and cut >= AGREE:
        yield Finding(
            "warning",
            "cut-numbers",
            f"all numbers are whole and were cut, not rounded: so are {cut:.0%} of the first boxes' numbers that tell",
            "Write decimals, or at least round: cutting moves every box by half a pixel",
        )
        return
    known = "rounded" if telling.sum() >= 4 and rounded >= AGREE else "rounded or cut"
    yield Finding(
        "note",
        "whole-numbers",
        f"all {len(boxes)} boxes are whole numbers: they were {known}",
        "Write decimals: rounding costs overlap on small targets",
    )
