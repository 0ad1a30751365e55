"""Plots as shapes in viewBox units, for the SVG template: readable as they stand, and the script makes them answer.

All plots are `WIDTH` wide, so that text keeps its size from one plot to the next, on a phone as on a desk.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

WIDTH, HEIGHT = 460, 320
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 42
"""Room around the axes for numbers and labels."""
ROW, TALL_ROW = 22, 34
"""Heights of a row in plots with one per tracker or attribute; the taller where it holds more marks than `MANY`."""
MANY = 40
NAMES = 132
"""Room for the names of such rows."""
LETTER, CAPITAL, WIDE_LETTER = 6.9, 8.9, 13.0
"""Widths of letters at the plots' font size, on the wide side of the usual fonts: for placing names."""
MOST_POINTS = 240
"""Of a drawn or hovered curve: one every other pixel."""


@dataclass(frozen=True)
class Tick:
    """A place on an axis and what stands there."""

    at: float
    text: str


@dataclass(frozen=True)
class Line:
    """A curve of one tracker: an SVG path."""

    tracker: int
    path: str


@dataclass(frozen=True)
class Point:
    """A mark of one tracker.

    Attributes:
        title: What hovering says, and what a screen reader reads.
        sequence: Index of the sequence it leads to; None where it leads nowhere.
        row: Groups of points that arrow keys walk through.
    """

    tracker: int
    x: float
    y: float
    title: str
    sequence: int | None = None
    row: int = 0


@dataclass(frozen=True)
class Bar:
    """A horizontal interval of one tracker."""

    tracker: int
    x0: float
    x1: float
    y: float


@dataclass(frozen=True)
class Label:
    """A tracker's name at its lower left corner."""

    tracker: int
    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Plot:
    """A finished plot.

    Attributes:
        key: For ids.
        title: Above it.
        about: Below it: what it shows, in a sentence.
        hint: What the script adds to it.
        x_label, y_label: Of the axes; empty for none.
        x_ticks, y_ticks: With grid lines.
        rows: Names at the left, instead of y ticks; (place, text, tracker or None).
        band: (x0, x1, text) of a shaded stretch.
        scale: (low, high) of the x axis in its own units, for hovering.
        curve: Name of the curves in the page's data, for hovering.
    """

    key: str
    title: str
    about: str
    hint: str = ""
    x_label: str = ""
    y_label: str = ""
    x_ticks: tuple[Tick, ...] = ()
    y_ticks: tuple[Tick, ...] = ()
    lines: tuple[Line, ...] = ()
    points: tuple[Point, ...] = ()
    bars: tuple[Bar, ...] = ()
    labels: tuple[Label, ...] = ()
    rows: tuple[tuple[float, str, int | None], ...] = ()
    band: tuple[float, float, str] | None = None
    height: float = HEIGHT
    left: float = LEFT
    scale: tuple[float, float] = (0.0, 1.0)
    curve: str = ""
    width: float = field(default=WIDTH, init=False)
    right: float = field(default=WIDTH - RIGHT, init=False)
    top: float = field(default=TOP, init=False)

    @property
    def bottom(self) -> float:
        """Where the x axis is."""
        return self.height - BOTTOM

    @property
    def tracker_rows(self) -> bool:
        """Whether every row is a tracker: one that is switched off fades then, and leaves no hole."""
        return bool(self.rows) and all(tracker is not None for _, _, tracker in self.rows)


@dataclass(frozen=True)
class Scale:
    """Maps values to places, linear or logarithmic."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The place of a value; values outside the scale stand at its ends."""
        if self.log:
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return round(self.start + min(max(share, 0.0), 1.0) * (self.end - self.start), 2)

    def ticks(self, most: int = 6) -> tuple[Tick, ...]:
        """Round values on the scale with their places."""
        values = _log_steps(self.low, self.high) if self.log else steps(self.low, self.high, most)
        return tuple(Tick(self(v), f"{v:g}") for v in values)


def x_scale(low: float, high: float, *, left: float = LEFT, log: bool = False) -> Scale:
    """The scale of an x axis."""
    return Scale(low, high, left, WIDTH - RIGHT, log)


def y_scale(low: float, high: float, height: float = HEIGHT) -> Scale:
    """The scale of a y axis, upwards."""
    return Scale(low, high, height - BOTTOM, TOP)


def steps(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from `low` to `high`, at most `most` of them.

    >>> steps(0.0, 1.0)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    span = high - low
    if span <= 0 or not math.isfinite(span):
        return [low]
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(s * power for s in (1, 2, 2.5, 5, 10, 20) if span / (s * power) <= most - 1 + 1e-9)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 10) + 0.0 for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_steps(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if high / low < 200 else (1,)
    return [v for p in powers for f in factors if low * (1 - 1e-9) <= (v := f * 10.0**p) <= high * (1 + 1e-9)]


def around(
    values: Iterable[float], least: float, *, floor: float = -math.inf, ceiling: float = math.inf
) -> list[float]:
    """Ends that hold the values with a tenth of room, at least `least` apart, within `floor` and `ceiling`."""
    found = list(values)
    low, high = min(found), max(found)
    room = max(0.1 * (high - low), (least - (high - low)) / 2)
    return [max(low - room, floor), min(high + room, ceiling)]


def path(x: Sequence[float], y: Sequence[float]) -> str:
    """An SVG path through the points, lifted where y is NaN."""
    parts, pen = [], "M"
    for a, b in zip(x, y, strict=True):
        if math.isnan(b):
            pen = "M"
            continue
        parts.append(f"{pen}{a:g} {b:g}")
        pen = "L"
    return "".join(parts)


def thinned(n: int, most: int = MOST_POINTS) -> NDArray[np.intp]:
    """Indices of at most `most` of n points, evenly, first and last among them."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.intp))


def swarm(places: Sequence[float], room: float, size: float) -> list[float]:
    """Offsets that keep marks of one row apart: each takes the free place nearest to the middle.

    Args:
        places: Along the row.
        room: Half the row's height; where marks are many, they overlap rather than leave the row.
        size: Distance at which two marks do not touch.
    """
    offsets = [0.0] * len(places)
    taken: list[tuple[float, float]] = []
    choices = sorted((k * size / 2 for k in range(-int(2 * room / size), int(2 * room / size) + 1)), key=abs)
    for i in sorted(range(len(places)), key=lambda i: places[i]):
        near = [(places[i] - x, y) for x, y in taken[-60:] if places[i] - x < size]
        room_at = [min((along**2 + (c - y) ** 2 for along, y in near), default=math.inf) for c in choices]
        free = (k for k, found in enumerate(room_at) if found >= 0.8 * size**2)
        # where none is free, the one that hides least
        offsets[i] = round(choices[next(free, room_at.index(max(room_at)))], 2)
        taken.append((places[i], offsets[i]))
    return offsets


def grid(places: Sequence[float], room: float, size: float, unit: float) -> list[tuple[float, float]]:
    """Offsets (along, across) of marks at whole numbers: those at one place stand in columns around it.

    Args:
        places: Along the row.
        room: Half the row's height.
        size: Distance at which two marks do not touch.
        unit: Distance of two whole numbers; columns that need more than most of it move together.
    """
    high = max(1, int(2 * room / size) + 1)
    members: dict[float, list[int]] = {}
    for i, place in enumerate(places):
        members.setdefault(place, []).append(i)
    offsets = [(0.0, 0.0)] * len(places)
    for own in members.values():
        columns = -(-len(own) // high)
        step = min(size, 0.8 * unit / columns)
        for n, i in enumerate(own):
            column, line = divmod(n, high)
            tall = min(high, len(own) - column * high)
            offsets[i] = (round((column - (columns - 1) / 2) * step, 2), round((line - (tall - 1) / 2) * size, 2))
    return offsets


def text_width(text: str) -> float:
    """About how wide a text is."""
    return sum(_letter_width(letter) for letter in text)


def _letter_width(letter: str) -> float:
    if unicodedata.east_asian_width(letter) in "WF":
        return WIDE_LETTER
    return CAPITAL if letter.isupper() or letter in "mw@%_+<>=" else LETTER


def fitted(text: str, room: float) -> str:
    """A name cut in the middle to what there is room for."""
    letters = len(text)
    while text_width(short(text, letters)) > room and letters > 1:
        letters -= 1
    return short(text, letters)


def short(text: str, letters: int) -> str:
    """A name cut in the middle to so many letters."""
    if len(text) <= letters:
        return text
    tail = letters // 3
    return f"{text[: letters - tail - 1]}…{text[-tail:]}"
