"""A frame with everything that is known about it: boxes, legend, overlaps over time, and a tracker's decision.

    sequence, frame, events           a line above
    picture with boxes | decision     the panel only where a tracker is explained
    overlaps over time |
    legend             |
    the decision in words             a line or two below

All scenes of a sequence have the same size, so they make a video; a sheet puts the overlaps and the legend below once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spm_bench.report import style
from spm_bench.report.decision import Decision, in_words, short
from spm_bench.report.decision_panel import PANEL, draw_panel, panel_height
from spm_bench.report.lettering import FAINT, INK, SIZE, Picture, bgr, fitted, folded, text_width, write
from spm_bench.report.overlay import TRUTH_COLOUR, Outline, draw, outlines_at
from spm_bench.report.render import one_line
from spm_bench.results.trajectory import FrameState
from spm_bench.scoring.timeline import LOST_BELOW, Timeline
from spm_bench.suites import base

PAD = 8
HEADER = 28
LINE = 18
"""Pixels of a line of text."""
TIME = 66
"""Pixels of the overlaps over time."""
LONGEST_WORDS = 300
"""Letters of a decision in words, for which room is kept."""
ALERT = "#b3001b"
"""Of what went wrong, in print."""
SEARCHED = (0.0, (3.0, 2.0))
"""Line around the search image."""
LEAST_PICTURE = 200
"""Pixels a picture has at least beside a decision."""
NARROWEST = PANEL + LEAST_PICTURE + 3 * PAD
"""Width of a scene with a decision, at least."""


@dataclass(frozen=True, eq=False)
class Cast:
    """What is shown of a sequence.

    Attributes:
        sequence: With ground truth.
        labels: Names of T trackers; the place decides the look.
        lines: T, what they did.
        explained: The tracker whose decisions are shown, or None.
        candidates: How many candidates its decisions have at most.
    """

    sequence: base.Sequence
    labels: tuple[str, ...]
    lines: tuple[Timeline, ...]
    explained: int | None = None
    candidates: int = 0

    def losses(self, frame: int) -> list[str]:
        """The trackers that lose the target in a frame (from 0)."""
        return [label for label, line in zip(self.labels, self.lines, strict=True) if frame in line.losses()]


def draw_scene(
    shown: Cast, frame: int, image: Picture, *, width: int, decision: Decision | None = None, note: str = "",
    foot: bool = True,
) -> Picture:  # fmt: skip
    """Draw one frame with everything around it.

    Args:
        shown: Sequence and trackers.
        frame: From 0.
        image: The frame, H x W x 3 BGR.
        width: Of the result, at least `NARROWEST` with a decision; its height follows from the size of the frame.
        decision: Of the explained tracker; None where it took none.
        note: A warning that stands under the picture.
        foot: Whether overlaps over time and legend are part of it.
    """
    head = _header(shown, frame, width, states=not foot)
    left = width - 2 * PAD if shown.explained is None else width - PANEL - 3 * PAD
    below = _foot(shown, [frame], left, foot)
    room = None if shown.explained is None else max(panel_height(shown.candidates) - below.shape[0], LEAST_PICTURE)
    picture = _picture(shown, frame, image, left, room, decision, dashed=bool(note))
    body = np.vstack((picture, below))
    if shown.explained is not None:
        body = _beside(body, _panel(shown, frame, decision))
    words = _words(shown, frame, decision, width, note)
    return np.vstack((head, _padded(body, width), words))


def draw_foot(shown: Cast, frames: Sequence[int], width: int) -> Picture:
    """Overlaps over time with marks at `frames`, and the legend, for the end of a sheet."""
    return _padded(_foot(shown, frames, width - 2 * PAD, True), width)


def caption(shown: Cast, frame: int, width: int) -> str:
    """A frame in a line of `width` pixels: its number, from 1, every tracker's overlap, or who is off the target."""
    text = f"{frame + 1}:  {_states(shown, frame)}"
    if text_width(text, bold=True) <= width:
        return text
    lost = [
        label
        for label, line in zip(shown.labels, shown.lines, strict=True)
        if line.overlaps[frame] < LOST_BELOW or line.states[frame] in (FrameState.FAILURE, FrameState.SKIPPED)
    ]
    return f"{frame + 1}:  off the target: {', '.join(lost) or 'none'}"


def _states(shown: Cast, frame: int) -> str:
    states = [f"{label} {_state(line, frame)}" for label, line in zip(shown.labels, shown.lines, strict=True)]
    return ",  ".join(one_line(text) for text in states)


def _header(shown: Cast, frame: int, width: int, *, states: bool) -> Picture:
    head = np.full((HEADER, width, 3), 255, np.uint8)
    lost, right = shown.losses(frame), width - PAD - 4
    if lost:
        text = f"{', '.join(lost)} {'loses' if len(lost) == 1 else 'lose'} the target"
        text = fitted(text, width // 2, bold=True)
        write(head, right, HEADER / 2, text, bold=True, colour="#ffffff", align=1.0, ground=ALERT)
        right -= text_width(text, bold=True) + 2 * PAD
    number = f"frame {frame + 1} of {len(shown.sequence)}"
    if states:  # without a legend that tells them
        number = fitted(f"{number}:  {_states(shown, frame)}", right - right // 4)
    name = fitted(shown.sequence.name, right - 4 * PAD - text_width(number), SIZE + 1, bold=True)
    write(head, PAD, HEADER / 2, name, size=SIZE + 1, bold=True)
    write(head, 3 * PAD + text_width(name, SIZE + 1, bold=True), HEADER / 2, number)
    return head


def _picture(
    shown: Cast, frame: int, image: Picture, width: int, room: int | None, decision: Decision | None, *, dashed: bool
) -> Picture:
    """The frame with its boxes, in the middle of a strip `width` wide, at most `room` high if that is given."""
    factor = width / image.shape[1] if room is None else min(width / image.shape[1], room / image.shape[0])
    outlines = outlines_at(shown.sequence, shown.lines, frame)
    if decision is not None and shown.explained is not None:
        look = style.look(shown.explained)
        outlines.insert(0, Outline(decision.region, look.colour, SEARCHED, thick=1.8))
        # What failed has no recorded box; a repetition that is not the run must not be taken for it.
        if dashed or shown.lines[shown.explained].states[frame] == FrameState.FAILURE:
            outlines.append(Outline(decision.box, look.colour, (0, (2, 2)), thick=2.2))
    drawn = draw(image, outlines, width=max(round(image.shape[1] * factor), 1))
    strip = np.full((drawn.shape[0], width, 3), bgr("#f0f0f0"), np.uint8)
    x = (width - drawn.shape[1]) // 2
    strip[:, x : x + drawn.shape[1]] = drawn
    return strip


def _beside(left: Picture, right: Picture) -> Picture:
    height = max(left.shape[0], right.shape[0])
    gap = np.full((height, PAD, 3), 255, np.uint8)
    return np.hstack((_higher(left, height), gap, _higher(right, height)))


def _higher(picture: Picture, height: int) -> Picture:
    rest = np.full((height - picture.shape[0], picture.shape[1], 3), 255, np.uint8)
    return np.vstack((picture, rest))


def _padded(picture: Picture, width: int) -> Picture:
    framed = np.full((picture.shape[0], width, 3), 255, np.uint8)
    framed[:, PAD : PAD + picture.shape[1]] = picture[:, : width - PAD]
    return framed


def _panel(shown: Cast, frame: int, decision: Decision | None) -> Picture:
    height = panel_height(shown.candidates)
    assert shown.explained is not None
    if decision is not None:
        truth = shown.sequence.ground_truth if shown.sequence.polygons is None else shown.sequence.polygons
        known = truth[frame] if np.isfinite(truth[frame]).all() else None
        panel = draw_panel(decision, known, colour=style.look(shown.explained).colour)
        return _higher(panel[:height], height)
    blank = np.full((height, PANEL, 3), bgr("#f6f6f6"), np.uint8)
    write(blank, PANEL / 2, height / 2, "no decision in this frame", colour=FAINT, align=0.5)
    return blank


def _words(shown: Cast, frame: int, decision: Decision | None, width: int, note: str) -> Picture:
    """The decision in words, and the note; nothing where no tracker is explained and nothing is to be noted."""
    if shown.explained is None and not note:
        return np.full((PAD, width, 3), 255, np.uint8)
    lines = -(-LONGEST_WORDS * 7 // (width - 2 * PAD))
    strip = np.full((LINE * lines + PAD, width, 3), 255, np.uint8)
    y = LINE / 2 + 2
    if note:
        write(strip, PAD, y, fitted(note, width - 2 * PAD, bold=True), bold=True, colour=ALERT)
        y += LINE
    if shown.explained is not None:
        text = _nothing(shown, frame) if decision is None else in_words(decision)
        for line in folded(f"{shown.labels[shown.explained]}: {text}", width - 2 * PAD):
            write(strip, PAD, y, line)
            y += LINE
    return strip


def _nothing(shown: Cast, frame: int) -> str:
    """Why the explained tracker decided nothing."""
    assert shown.explained is not None
    states = shown.lines[shown.explained].states
    if states[frame] == FrameState.INIT:
        return "it is started here, on the ground truth."
    again = np.flatnonzero(states[frame:] == FrameState.INIT)
    when = f"is started again in frame {frame + int(again[0]) + 1}" if len(again) else "is not started again"
    return f"it is not running: it lost the target, and {when}."


def _foot(shown: Cast, frames: Sequence[int], width: int, wanted: bool) -> Picture:
    if not wanted:
        return np.zeros((0, width, 3), np.uint8)
    return np.vstack((_overlaps(shown, frames, width), _legend(shown, frames, width)))


def _overlaps(shown: Cast, frames: Sequence[int], width: int) -> Picture:
    """Overlap of every tracker over time; crosses where it lost the target, a line at each of `frames`."""
    strip = np.full((TIME, width, 3), 255, np.uint8)
    left, right, top, bottom = 26, width - 6, 8, TIME - 8
    n = len(shown.sequence)
    xs = left + (right - left) * np.arange(n) / max(n - 1, 1)
    for value in (0.0, 0.5, 1.0):
        y = round(bottom - (bottom - top) * value)
        strip[y, left:right] = bgr("#dddddd")
        write(strip, left - 4, y, {0.0: "0", 0.5: ".5", 1.0: "1"}[value], size=SIZE - 3, colour=FAINT, align=1.0)
    for frame in frames:
        cv2.line(strip, (round(xs[frame]), 2), (round(xs[frame]), TIME - 3), bgr("#888888"), 1, cv2.LINE_AA)
    for place, line in reversed(list(enumerate(shown.lines))):
        colour = bgr(style.look(place).colour)
        ys = bottom - (bottom - top) * line.overlaps
        for run in _runs(line.overlaps):
            points = np.rint(np.stack((xs[run], ys[run]), axis=1) * 16).astype(np.int32)
            cv2.polylines(strip, [points], False, colour, 1, cv2.LINE_AA, 4)
        for frame in line.losses():
            x, y = round(xs[frame]), round(bottom)
            for sign in (-1, 1):
                cv2.line(strip, (x - 4, y - 4 * sign), (x + 4, y + 4 * sign), colour, 2, cv2.LINE_AA)
        for frame in frames:
            if np.isfinite(ys[frame]):
                cv2.circle(strip, (round(xs[frame]), round(ys[frame])), 3, colour, -1, cv2.LINE_AA)
    return strip


def _runs(values: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """Indices of the stretches without NaN."""
    known = np.flatnonzero(np.isfinite(values))
    return [run for run in np.split(known, np.flatnonzero(np.diff(known) > 1) + 1) if len(run)]


def _legend(shown: Cast, frames: Sequence[int], width: int) -> Picture:
    """Colours and names; for a single frame with what each tracker does in it."""
    single = frames[0] if len(frames) == 1 else None
    entries: list[tuple[str, str, str, str | tuple[float, tuple[float, ...]], bool]]
    entries = [("ground truth", "", TRUTH_COLOUR, "-", False)]
    if shown.explained is not None:
        entries.append(("search image", "", style.look(shown.explained).colour, SEARCHED, False))
    for place, (label, line) in enumerate(zip(shown.labels, shown.lines, strict=True)):
        look = style.look(place)
        state = "" if single is None else _state(line, single)
        bad = single is not None and (line.overlaps[single] < LOST_BELOW or state in ("lost", "waits"))
        entries.append((style.short_name(label), state, look.colour, look.line, bool(bad)))
    widths = [
        26 + text_width(name) + 12 + (text_width(state, bold=True) if state else 0) for name, state, *_ in entries
    ]
    cell = min(max([*widths, 150]) + 14, width)
    columns = max(width // cell, 1)
    strip = np.full((LINE * -(-len(entries) // columns) + 4, width, 3), 255, np.uint8)
    for place, (name, state, colour, pattern, bad) in enumerate(entries):
        x, y = cell * (place % columns), LINE * (place // columns) + LINE / 2 + 2
        strip = draw(strip, [Outline(np.array([x + 3.0, y, 16.0, 0.0]), colour, pattern, thick=2.2)])
        write(strip, x + 26, y, fitted(name, cell - 34))
        write(strip, x + 38 + text_width(name), y, state, bold=True, colour=ALERT if bad else INK)
    return strip


def _state(line: Timeline, frame: int) -> str:
    """What a tracker does in a frame, in a word or a number."""
    state = line.states[frame]
    if state == FrameState.FAILURE:
        return "lost"
    if state == FrameState.INIT:
        return "starts"
    if state == FrameState.SKIPPED:
        return "waits"
    return short(line.overlaps[frame])
