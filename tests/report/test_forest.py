"""Forest plots: any number of rows and any name, all inside the figure; filled only what is established."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spm_bench.errors import ResultsError
from spm_bench.report import style
from spm_bench.report.forest import (
    BETTER,
    NEEDED,
    NOISE,
    WORSE,
    comparison_frame,
    cut_label,
    forest_plot,
    unique_labels,
)
from spm_bench.report.vocabulary import DASH
from spm_bench.scoring.compare import Comparison
from tests.report.fakes import NASTY
from tests.report.test_ablation import NAN, comparison
from tests.report.test_figures import assert_nothing_is_cut_off

LONG = "window_influence=0.40 size_smoothing=0.30 proposals=16 near=4 cut=0.05 and more"


def plot(comparisons: Sequence[Comparison], title: str = "Stages") -> Figure:
    return forest_plot(comparison_frame(comparisons), title)


def drawn(axes: Axes) -> dict[int, tuple[str, bool]]:
    """Row -> (colour of its marker, filled), without the base's."""
    found = {}
    for line in axes.get_lines():
        if line.get_marker() == "o":
            face = line.get_markerfacecolor()
            found[int(np.asarray(line.get_ydata())[0])] = (str(line.get_color()), face != "white")
    return found


def row_names(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.get_yticklabels()]


@pytest.mark.parametrize(("n", "panels"), [(1, 1), (2, 3), (12, 4), (40, 1)])
def test_any_number_of_cells_and_suites_fits(n: int, panels: int) -> None:
    rng = np.random.default_rng(n)
    labels = [f"cell{i}" if i % 5 else f"{i} {LONG}" for i in range(n)]
    figure = plot([comparison(c, rng.normal(0, 0.05), suite=f"suite{p}") for p in range(panels) for c in labels])
    assert_nothing_is_cut_off(figure)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == panels
    width = figure.get_size_inches()[0] * figure.dpi
    assert min(axes.get_window_extent().width for axes in shown) > 0.14 * width
    assert len(drawn(shown[0])) == n


def test_filled_is_what_both_the_interval_and_the_corrected_test_show() -> None:
    sure = comparison("better", 0.05)
    rows = [
        sure,
        comparison("worse", -0.05),
        comparison("noise", 0.01),
        replace(sure, label="p too large", p_holm=0.2),
        replace(sure, label="zero inside", low=-0.01),
        replace(sure, label="no interval", low=NAN, high=NAN),
        replace(sure, label="no test", p_holm=NAN),
        replace(sure, label="no number", difference=NAN, low=NAN, high=NAN),
    ]
    looks = drawn(plot(rows).axes[0])
    assert looks == {1: (BETTER, True), 2: (WORSE, True), **dict.fromkeys(range(3, 8), (NOISE, False))}


def test_the_direction_is_named_and_decides_the_colour() -> None:
    axes = plot([comparison("a", 0.05, metric="robustness"), comparison("b", -0.05, metric="robustness")]).axes[0]
    assert "better ←" in axes.get_xlabel()
    assert drawn(axes) == {1: (WORSE, True), 2: (BETTER, True)}
    assert "better →" in plot([comparison("a", 0.05)]).axes[0].get_xlabel()


def test_names_are_drawn_as_they_are() -> None:
    names = ["_hidden", "$a_b$ 50%", "x^2_{y} <b>", NASTY, "a\nb"]
    figure = plot([comparison(name, 0.01) for name in names], "50% of $x_1$")
    shown = row_names(figure.axes[0])
    assert shown[:4] == ["base (base)", "_hidden", "$a_b$ 50%", "x^2_{y} <b>"]
    assert shown[5] == "a b"
    assert_nothing_is_cut_off(figure)
    assert style.to_png(figure) == style.to_png(figure)


def test_numbers_stand_beside_the_rows_of_a_single_panel() -> None:
    figure = plot([comparison("a", 0.05), replace(comparison("b", 0.0), difference=NAN, low=NAN, high=NAN)])
    beside = [text.get_text() for text in figure.axes[0].child_axes[0].get_yticklabels()]
    assert beside == ["base: 0.600", "+.050 [+.030, +.070]", DASH]
    assert not plot([comparison("a", 0.05), comparison("a", 0.05, suite="x")]).axes[0].child_axes


def test_rows_keep_the_given_order_and_those_without_a_comparison_stay() -> None:
    frame = comparison_frame([comparison("c", 0.05), comparison("a", 0.05)], {"otb100": "OTB-100"})
    figure = forest_plot(frame, rows=["a", "failed", "c"])
    assert row_names(figure.axes[0]) == ["base (base)", "a", "failed", "c"]
    assert set(drawn(figure.axes[0])) == {1, 3}


def test_the_axis_holds_zero_and_all_ends() -> None:
    axes = plot([comparison("a", 0.5), comparison("b", 0.3)]).axes[0]
    low, high = axes.get_xlim()
    assert low < 0 < 0.52 < high
    low, high = plot([comparison("same", 0.0, half=0.0)]).axes[0].get_xlim()
    assert low < 0 < high


def test_labels_that_a_cut_makes_equal_are_numbered() -> None:
    one, two = LONG.replace("0.30", "0.31"), LONG.replace("0.30", "0.32")
    assert len(cut_label(one)) <= 46
    assert unique_labels([one, two, "x"]) == [f"{cut_label(one)} (1)", f"{cut_label(one)} (2)", "x"]


@pytest.mark.parametrize("missing", NEEDED)
def test_missing_columns_are_named(missing: str) -> None:
    with pytest.raises(ResultsError, match=missing):
        forest_plot(comparison_frame([comparison("a", 0.1)]).drop(columns=missing))


def test_nothing_or_a_cell_twice_is_refused() -> None:
    with pytest.raises(ResultsError, match="no comparison"):
        forest_plot(comparison_frame([]))
    with pytest.raises(ResultsError, match="two cells are called 'a'"):
        plot([comparison("a", 0.1), comparison("a", 0.2)])
