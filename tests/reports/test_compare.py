"""Comparisons of cells: the right pairs, the right units, and how they are printed."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from proving.cells import HERE, Cell
from proving.compare import MINUS, Field, difference_text, markdown_table, number, signed, tidy, verdict, with_interval
from proving.lookalikes import video_of

from spm_bench.errors import ResultsError
from spm_bench.metrics.paired import Interval
from spm_bench.report.vocabulary import DASH
from spm_bench.scoring.base import Evaluation, Score
from spm_bench.suites.base import Sequence, Suite

NAMES = ("A", "Jogging-1", "Jogging-2", "B", "C")


def make_cell(name: str, values: dict[str, float]) -> Cell:
    score = Score(name, "base", "s", "one_pass", "auc", float(np.mean(list(values.values()))), 5, 5, "c", "runs/x")
    rows = pd.DataFrame(
        [(n, m, v) for n, v in values.items() for m in ("auc", "fps")], columns=["sequence", "metric", "value"]
    )
    return Cell(name, HERE, Evaluation(name, (score,), rows, {}), "abc")


@pytest.fixture
def field() -> Field:
    suite = Suite("s", "S", "otb", "one_pass", tuple(Sequence(n, np.ones((3, 4))) for n in NAMES), 100)
    first = dict(zip(NAMES, (0.5, 0.6, 0.7, 0.8, 0.9), strict=True))
    second = dict(zip(reversed(NAMES), (0.4, 0.5, 0.5, 0.5, 0.5), strict=True))  # in another order
    return Field("S", suite, (make_cell("second", second), make_cell("first", first)), video_of, "videos")


def test_differences_pair_the_same_sequences(field: Field) -> None:
    first, second = field.cell("first"), field.cell("second")
    found = field.difference(first, second)
    assert found.value == pytest.approx(np.mean([0.0, 0.1, 0.2, 0.3, 0.5]))
    assert (found.n_sequences, found.n_units) == (5, 4)
    assert field.difference(first, second, names=["C", "A"]).value == pytest.approx(0.25)
    assert field.mean(first).value == pytest.approx(0.7)
    assert field.ranked() == [first, second]
    assert field.describe() == "5 sequences of 4 videos"


def test_a_value_that_is_missing_cannot_be_compared(field: Field) -> None:
    short = make_cell("short", {"A": 0.1})
    with pytest.raises(ResultsError, match="short has no auc on Jogging-1, Jogging-2, B, C"):
        field.difference(short, field.cell("first"))


def test_the_file_of_all_values_has_one_row_each_and_no_speed(field: Field) -> None:
    frame = tidy("otb", [field])
    assert len(frame) == 2 * len(NAMES)
    assert set(frame["metric"]) == {"auc"}
    row = frame[(frame["tracker"] == "first") & (frame["sequence"] == "Jogging-2")].iloc[0]
    assert (row["unit"], row["value"], row["suite"], row["weights"]) == ("Jogging", 0.7, "s", "abc")


def interval(value: float, low: float, high: float, units: int = 9) -> Interval:
    return Interval(value, low, high, 0.95, units, units)


@pytest.mark.parametrize(
    ("found", "difference", "mean", "says"),
    [
        (interval(0.1, 0.02, 0.3), "**+0.100 [+0.020, +0.300]**", "0.100 [0.020, 0.300]", "above zero"),
        (interval(-0.1, -0.2, -0.01), "**-0.100 [-0.200, -0.010]**", "-0.100 [-0.200, -0.010]", "below zero"),
        (interval(0.1, -0.02, 0.3), "+0.100 [-0.020, +0.300]", "0.100 [-0.020, 0.300]", "zero is inside"),
        (interval(0.1, 0.02, 0.3, units=3), "+0.100", "0.100", "too few to say"),
        (interval(0.1, math.nan, math.nan, units=1), "+0.100", "0.100", "too few to say"),
    ],
)
def test_intervals_in_print(found: Interval, difference: str, mean: str, says: str) -> None:
    assert difference_text(found) == difference.replace("-", MINUS)
    assert with_interval(found) == mean
    assert verdict(found) == says


def test_small_things_in_print() -> None:
    assert [signed(v) for v in (0.0004, -0.0004, 0.25, -1.0)] == ["0.000", "0.000", "+0.250", f"{MINUS}1.000"]
    assert [number(v, 1) for v in (None, math.nan, 2.0)] == [DASH, DASH, "2.0"]
    assert markdown_table(("a", "b"), [("x", "1")]) == "| a | b |\n| :-- | --: |\n| x | 1 |\n"
