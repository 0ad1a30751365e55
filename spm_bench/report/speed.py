"""How fast trackers are, from a timing: the table, and a folder with it. One machine, named; nothing from print."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from spm_bench.metrics.speed import frames_per_second, milliseconds, spread_between_rounds
from spm_bench.report import latex, render
from spm_bench.report.accuracy import Accuracy
from spm_bench.report.folder import encoded, write_folder
from spm_bench.report.notes import Footnotes
from spm_bench.report.table import Cell, Column, Row, Table, rank_texts
from spm_bench.report.vocabulary import DASH
from spm_bench.results.timing import TimedTracker, Timing

PICTURE = "speed_accuracy"
"""Name of the figure, without ending."""
SLOW = 0.95
"""Share of frames that the second figure of each time holds for: slow frames decide which camera one keeps up with."""

COLUMNS = (
    Column("fps", "fps", higher_is_better=True),
    Column("fps_end_to_end", "fps, end to end", higher_is_better=True),
    Column("network_ms", "network ms", higher_is_better=False),
    Column("network_p95_ms", "network p95 ms", higher_is_better=False),
    Column("tracker_ms", "tracker ms", higher_is_better=False),
    Column("tracker_p95_ms", "tracker p95 ms", higher_is_better=False),
    Column("end_to_end_ms", "end to end ms", higher_is_better=False),
    Column("end_to_end_p95_ms", "end to end p95 ms", higher_is_better=False),
    Column("start_ms", "start ms", higher_is_better=False),
    Column("spread_percent", "spread %", higher_is_better=False),
)
"""Everything; names are those of `Speed.values`."""
SHOWN = (
    COLUMNS[0],
    Column("fps_end_to_end", "all fps", higher_is_better=True),
    Column("network_ms", "network", higher_is_better=False),
    Column("tracker_ms", "tracker", higher_is_better=False),
    Column("end_to_end_ms", "all", higher_is_better=False),
    Column("spread_percent", "spread", higher_is_better=False),
)
"""What a page has room for: each time is printed with its p95 behind it."""
NARROW = tuple(c for c in SHOWN if c.metric != "fps_end_to_end")
"""What 80 columns of a terminal have room for beside names of variants."""

_READING = (
    "Milliseconds per frame, median/95th percentile: network (inside its modules), tracker (update, until its device "
    "has finished), all (with decoding the picture). fps: frames over total seconds, of the tracker (all fps: of all). "
    "Starting on the first frame is in neither.",
    "Spread: slowest less fastest round in percent of the middle one. Smaller differences mean nothing.",
    "Speeds in print are of other machines and are not shown.",
)


@dataclass(frozen=True)
class Speed:
    """What a timing says of one tracker; None where it says nothing. Names are those of `COLUMNS`."""

    tracker: TimedTracker
    values: Mapping[str, float | None]
    by_round: tuple[float, ...]
    """fps of each round."""

    @classmethod
    def of(cls, tracker: TimedTracker) -> Speed:
        """Join the frames of all sequences and rounds."""
        parts = {
            "network": [p.network for p in tracker.passes if p.network is not None],
            "tracker": [p.tracker for p in tracker.passes],
            "end_to_end": [p.end_to_end for p in tracker.passes],
        }
        seconds = {name: np.concatenate(found) if found else np.empty(0) for name, found in parts.items()}
        numbers = dict.fromkeys(p.round for p in tracker.passes)
        rounds = [np.concatenate([p.tracker for p in tracker.passes if p.round == n]) for n in numbers]
        spread = spread_between_rounds(rounds)
        values = {
            "fps": frames_per_second(seconds["tracker"]),
            "fps_end_to_end": frames_per_second(seconds["end_to_end"]),
            "start_ms": milliseconds([p.start for p in tracker.passes]),
            "spread_percent": None if spread is None else 100 * spread,
        }
        for name, found_seconds in seconds.items():
            values[f"{name}_ms"] = milliseconds(found_seconds)
            values[f"{name}_p95_ms"] = milliseconds(found_seconds, SLOW)
        return cls(tracker, values, tuple(fps for r in rounds if (fps := frames_per_second(r)) is not None))


def speeds(timing: Timing) -> list[Speed]:
    """All trackers, the fastest first; those that compute nothing last."""
    found = [Speed.of(tracker) for tracker in timing.trackers]
    return sorted(found, key=lambda s: (not s.tracker.computes, -(s.values["fps"] or 0.0), s.tracker.label))


def speed_table(timing: Timing, run: str = "", *, columns: Sequence[Column] = SHOWN) -> Table:
    """Make the table of a timing.

    Best and second best are marked among trackers that look at the pictures, where there are at least two of them.

    Args:
        timing: One machine's.
        run: Folder of the timing, for CSV.
        columns: `SHOWN`, `NARROW`, or `COLUMNS` for all, where a time and its p95 are two.
    """
    paired = not any("p95" in c.metric for c in columns)
    rows, marks, order = [], Footnotes(), speeds(timing)
    ranks = _ranks([s for s in order if s.tracker.computes])
    for speed in order:
        tracker = speed.tracker
        note = tracker.note if tracker.computes else "never looks at a picture: no speed, no rank"
        cells = []
        for column in columns:
            value = speed.values[column.metric]
            text, missing = _print(column.metric, value)
            if column.metric.startswith("fps") and not tracker.computes:
                text, missing = DASH, 0
            rank = ranks.get((column.metric, text), 0) if tracker.computes and value is not None else 0
            slow = speed.values.get(column.metric.replace("_ms", "_p95_ms"))
            if paired and column.metric.endswith("_ms") and slow is not None:
                text += f"/{_print(column.metric, slow)[0]}"
            cells.append(Cell(value, text, rank, (), missing))
        facts = {
            "variant": tracker.variant,
            "source": "measured here",
            "trained": tracker.trained,
            "n_sequences": str(len(timing.sequences)),
            "n_total": str(timing.n_total),
            "protocol": "timing",
            "run": run,
            "note": note,
        }
        rows.append(Row(tracker.label, tuple(cells), False, tracker.trained == "no", marks.mark(note), facts))
    return Table(
        name=f"speed-{timing.suite}",
        caption=f"Speed on {_what(timing)}; {timing.hardware}",
        columns=tuple(columns),
        rows=tuple(rows),
        footnotes=marks.pairs(),
        footer=(*(f"Warning: {w}." for w in timing.warnings), *_READING),
        ranked=bool(ranks),
    )


def _what(timing: Timing) -> str:
    n, plan = len(timing.sequences), timing.plan
    of = f" of {timing.n_total}" if n < timing.n_total else ""
    sequences = f"{n}{of} sequence{'s' if (timing.n_total if of else n) != 1 else ''}"
    rounds = f"{plan['repeats']} round{'s' if plan['repeats'] != 1 else ''}"
    return f"{timing.title}: {sequences}, up to {plan['frames']} frames each, {rounds}, one target at a time"


def _print(metric: str, value: float | None) -> tuple[str, int]:
    """A number as printed, three digits that count at most, and its decimals short of those of its column."""
    if value is None or not math.isfinite(value):
        return "" if metric.startswith("network") else DASH, 0
    if metric == "spread_percent":
        return f"{value:.0f}%", 0
    if metric.startswith("fps"):
        return (f"{value:.0f}", 2) if value >= 100 else (f"{value:.1f}", 0)
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f}", 0


def _printed(metric: str, value: float) -> str:
    return _print(metric, value)[0]


def _ranks(order: Sequence[Speed]) -> dict[tuple[str, str], int]:
    """(metric, printed text) -> BEST or SECOND; nobody is best at having little spread."""
    ranks: dict[tuple[str, str], int] = {}
    for column in COLUMNS[:-1] if len(order) > 1 else ():
        known = [v for s in order if (v := s.values[column.metric]) is not None]
        texts = rank_texts(known, partial(_printed, column.metric), column.higher_is_better)
        if len(known) > 1:
            ranks |= {(column.metric, text): rank for text, rank in texts.items()}
    return ranks


def write_speed(timing: Timing, accuracies: Mapping[str, Accuracy], folder: Path, notes: Sequence[str] = ()) -> Path:
    """Write table.md, table.csv, table.tex, the figure (where a tracker has an accuracy) and an index README.md.

    Args:
        timing: Of `folder`, where `timing.json` is.
        accuracies: By label.
        folder: Where to.
        notes: Why a tracker has no point, ...

    Returns:
        The index.

    Raises:
        ResultsError: It cannot be written.
    """
    table, full = speed_table(timing, str(folder)), speed_table(timing, str(folder), columns=COLUMNS)
    from spm_bench.report.speed_figure import speed_accuracy_figure

    drawn = any(t.computes and t.label in accuracies for t in timing.trackers)
    texts = {"table.md": render.to_markdown(table), "table.csv": render.to_csv(full)}
    texts["table.tex"] = latex.to_latex(table)
    figure = speed_accuracy_figure(timing, accuracies) if drawn else None
    texts["README.md"] = _index(timing, texts["table.md"], drawn, notes)
    figures = {} if figure is None else {PICTURE: figure}
    write_folder(folder, encoded({**texts, **figures}), [PICTURE])
    return folder / "README.md"


def _index(timing: Timing, table: str, drawn: bool, notes: Sequence[str]) -> str:
    parts = [f"# Speed on {render.escape_markdown(timing.title)}", table.rstrip()]
    if drawn:
        parts.append(f"![accuracy over speed]({PICTURE}.png)")
    parts += [render.escape_markdown(note) for note in notes]
    listed = ["* [timing.json](timing.json): every frame's times, the machine, versions, threads, load"]
    listed += ["* [table.csv](table.csv), [table.tex](table.tex): the table with all digits, and for LaTeX"]
    parts.append("\n".join(listed))
    if timing.command:
        parts.append(
            f"Made by\n\n```sh\n{shlex.join(timing.command)}\n```\n\nfrom {timing.started} to {timing.finished}."
        )
    return "\n\n".join(parts) + "\n"
