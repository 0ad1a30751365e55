"""Overlaps over time as lines."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from spm_bench.errors import ResultsError
from spm_bench.report.figures_timelines import MOST_PANELS, overlap_lines
from spm_bench.report.style import to_png
from tests.report.fakes import NASTY


def made(
    sequences: list[str], trackers: tuple[str, ...] = ("A", "B"), n: int = 30, failure: int | None = None
) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        [
            {"tracker": t, "look": k, "sequence": s, "frame": f, "overlap": rng.random(),
             "event": "failure" if f == failure else ""}
            for s in sequences for k, t in enumerate(trackers) for f in range(n)
        ]
    )  # fmt: skip


def test_a_panel_per_sequence_a_line_per_tracker() -> None:
    frame = made(["one", "two", "three"])
    figure = overlap_lines(frame, "Title", titles={"two": "the second"}, marks={"one": (3, 9)})
    seen = [axes for axes in figure.axes if axes.get_visible()]
    assert sorted(axes.get_title(loc="left") for axes in seen) == ["one", "the second", "three"]
    one = next(axes for axes in seen if axes.get_title(loc="left") == "one")
    lines = [line for line in one.lines if len(line.get_xdata()) == 30]
    shown = {tuple(np.asarray(line.get_ydata())) for line in lines}
    assert shown == {tuple(rows["overlap"]) for _, rows in frame[frame["sequence"] == "one"].groupby("tracker")}
    assert [float(line.get_xdata()[0]) for line in one.lines if line.get_marker() == "v"] == [3, 9]


@pytest.mark.parametrize(
    ("sequences", "trackers"),
    [
        (["one"], ("A",)),
        (["a", "b"], tuple("ABCDE")),
        ([NASTY, "$x$", "a" * 90], ("A", NASTY)),
        ([f"s{i}" for i in range(MOST_PANELS)], ("A", "B")),
    ],
)
def test_any_number_and_any_name_is_laid_out(sequences: list[str], trackers: tuple[str, ...]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert to_png(overlap_lines(made(sequences, trackers, n=5, failure=2), "T")).startswith(b"\x89PNG")


def test_a_sequence_of_one_frame_and_of_unknown_overlaps() -> None:
    frame = made(["one"], n=1)
    assert to_png(overlap_lines(frame))
    assert to_png(overlap_lines(made(["one"]).assign(overlap=np.nan)))


def test_what_does_not_fit_a_page_is_refused() -> None:
    with pytest.raises(ResultsError, match="more than the 24 that fit a page"):
        overlap_lines(made([f"s{i}" for i in range(MOST_PANELS + 1)], n=2))
    with pytest.raises(ResultsError, match="needs the column event"):
        overlap_lines(made(["one"]).drop(columns="event"))
