"""Comparisons of cells, sequence by sequence, with intervals; and how they are printed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Many
from dataclasses import dataclass

import numpy as np
import pandas as pd

from proving.cells import Cell
from spm_bench.metrics.paired import Interval, mean_interval, paired_interval
from spm_bench.report.render import escape_markdown
from spm_bench.report.vocabulary import DASH
from spm_bench.suites.base import Suite

MINUS = "\N{MINUS SIGN}"
FEWEST_UNITS = 4
"""With fewer videos an interval has hardly a meaning (three can be drawn in ten ways only), and none is printed."""


def itself(sequence: str) -> str:
    """The unit of a sequence that shares its video with no other."""
    return sequence


@dataclass(frozen=True, eq=False)
class Field:
    """Cells that were scored on the same sequences.

    Attributes:
        title: What was scored, for captions.
        suite: The sequences.
        cells: One per tracker.
        unit: Sequence name -> what is drawn as a whole by the bootstrap (its video, its scene).
        unit_name: How the unit is called, in plural.
    """

    title: str
    suite: Suite
    cells: tuple[Cell, ...]
    unit: Callable[[str], str] = itself
    unit_name: str = "sequences"

    @property
    def names(self) -> list[str]:
        """The sequences, in the suite's order."""
        return [sequence.name for sequence in self.suite.sequences]

    @property
    def units(self) -> list[str]:
        """The unit of each sequence."""
        return [self.unit(name) for name in self.names]

    def cell(self, name: str) -> Cell:
        """The cell of a name. Raises KeyError where there is none."""
        return {cell.name: cell for cell in self.cells}[name]

    def mean(self, cell: Cell, metric: str = "auc", names: Many[str] | None = None) -> Interval:
        """Mean over sequences (all, or these) with its interval."""
        chosen = self.names if names is None else names
        return mean_interval(cell.values(metric, chosen), [self.unit(n) for n in chosen])

    def difference(self, first: Cell, second: Cell, metric: str = "auc", names: Many[str] | None = None) -> Interval:
        """Mean of first - second over sequences (all, or these) with its paired interval."""
        chosen = self.names if names is None else names
        pair = first.values(metric, chosen), second.values(metric, chosen)
        return paired_interval(*pair, [self.unit(n) for n in chosen])

    def ranked(self, metric: str = "auc") -> list[Cell]:
        """Cells, best first."""
        return sorted(self.cells, key=lambda cell: -(cell.value(metric) or 0.0))

    def describe(self) -> str:
        """How many sequences and units there are."""
        what = counted(len(self.names), "sequences")
        return what if self.unit_name == "sequences" else f"{what} of {counted(len(set(self.units)), self.unit_name)}"


def counted(n: int, things: str) -> str:
    """`1 sequence`, `3 sequences`."""
    return f"{n} {things if n != 1 else things.removesuffix('s')}"


def with_interval(interval: Interval) -> str:
    """`0.512 [0.431, 0.590]`; the mean alone where there are too few units."""
    if interval.n_units < FEWEST_UNITS:
        return f"{interval.value:.3f}"
    return f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def signed(value: float) -> str:
    """A difference with its sign, three decimals: `+0.031`, `−0.200`; `0.000` has none."""
    text = f"{abs(value):.3f}"
    sign = "" if float(text) == 0.0 else "+" if value > 0 else MINUS
    return sign + text


def difference_text(interval: Interval) -> str:
    """`+0.031 [+0.002, +0.060]`, bold where zero is outside."""
    if interval.n_units < FEWEST_UNITS:
        return signed(interval.value)
    text = f"{signed(interval.value)} [{signed(interval.low)}, {signed(interval.high)}]"
    return f"**{text}**" if interval.above_zero or interval.below_zero else text


def verdict(interval: Interval) -> str:
    """What a paired interval says, in words."""
    if interval.n_units < FEWEST_UNITS:
        return "too few to say"
    if interval.above_zero:
        return "above zero"
    return "below zero" if interval.below_zero else "zero is inside"


def number(value: float | None, decimals: int = 3) -> str:
    """A plain number, a dash where undefined."""
    return DASH if value is None or not math.isfinite(value) else f"{value:.{decimals}f}"


def label(cell: Cell) -> str:
    """A cell's name for Markdown, with what must not be overlooked."""
    return escape_markdown(cell.name) + (" (*untrained*)" if cell.is_untrained else "")


def markdown_table(heads: Many[str], rows: Iterable[Many[str]]) -> str:
    """A table whose first column is text and whose others are numbers; cells are Markdown already."""
    lines = [f"| {' | '.join(heads)} |", "| :-- |" + " --: |" * (len(heads) - 1)]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def tidy(part: str, fields: Iterable[Field]) -> pd.DataFrame:
    """All values per sequence of a part: one row per suite, tracker, sequence and metric."""
    frames = []
    for field in fields:
        for cell in field.cells:
            frame = cell.evaluation.per_sequence
            frame = frame[frame["metric"] != "fps"]  # cores were shared: such speeds say nothing
            about = {
                "part": part,
                "suite": field.suite.name,
                "tracker": cell.name,
                "source": cell.source,
                "weights": cell.weights,
            }
            frames.append(
                pd.DataFrame(
                    {**{key: [value] * len(frame) for key, value in about.items()}}
                    | {
                        "sequence": frame["sequence"].to_numpy(),
                        "unit": np.array([field.unit(n) for n in frame["sequence"]], dtype=object),
                        "metric": frame["metric"].to_numpy(),
                        "value": frame["value"].to_numpy(),
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)
