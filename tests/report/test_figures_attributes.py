"""Bars and radars of attributes: what is drawn, in which order, and what is left out and said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from spm_bench.errors import ResultsError
from spm_bench.report.figures_attributes import (
    MOST_SPOKES,
    MOST_WEBS,
    NEEDED,
    attribute_bars,
    attribute_figure,
    attribute_radar,
    radar_figure,
)
from spm_bench.report.frames import attribute_frame
from spm_bench.scoring.base import Evaluation
from tests.report.fakes import NASTY, field, make_suite, otb
from tests.report.test_figures import assert_nothing_is_cut_off, legend_texts

SUITE = make_suite()


def many(n_trackers: int, n_attributes: int) -> list[Evaluation]:
    rng = np.random.default_rng(0)
    names = [f"a rather long attribute $x_{i}$ 50%" if i % 3 == 0 else f"A{i}" for i in range(n_attributes)]
    return [
        replace(
            e,
            per_attribute=pd.DataFrame(
                {"attribute": names, "metric": "auc", "value": rng.uniform(0.2, 0.7, len(names)), "n_sequences": 9}
            ),
        )
        for e in field(SUITE, n_trackers)
    ]


@pytest.mark.parametrize(("trackers", "attributes"), [(1, 3), (3, 14), (40, 24)])
def test_any_number_of_attributes_fits(trackers: int, attributes: int) -> None:
    for draw in (attribute_figure, radar_figure):
        figure = draw(
            many(trackers, attributes), "auc", "A suite with a title that is longer than a column is wide, all of it"
        )
        assert_nothing_is_cut_off(figure)
        axes = figure.axes[0].get_window_extent()
        assert min(axes.width, axes.height) > 0.9 * figure.dpi


def test_a_radar_is_a_closed_line_per_tracker_with_a_spoke_per_attribute() -> None:
    figure = radar_figure([otb(SUITE, "a", 0.5), otb(SUITE, "b", 0.6)], "auc")
    axes = figure.axes[0]
    assert legend_texts(figure) == ["[0.600] b", "[0.500] a"]
    best = axes.get_lines()[-1]  # drawn last, on top
    np.testing.assert_allclose(np.asarray(best.get_ydata()), [0.6, 0.54, 0.48, 0.6])
    np.testing.assert_allclose(np.asarray(best.get_xdata()), [0, 2 * np.pi / 3, 4 * np.pi / 3, 0])
    assert [text.get_text() for text in axes.get_xticklabels()] == ["IV (37)", "OCC (48)", "FM (40)"]
    low, high = axes.get_ylim()
    assert low == 0.0
    assert high >= 0.6
    assert len(axes.patches) == 2  # both are filled


def test_a_radar_has_a_gap_where_a_value_is_missing() -> None:
    frame = attribute_frame([otb(SUITE, "a", 0.5)], "auc")
    frame.loc[1, "value"] = np.nan
    axes = attribute_radar(frame).axes[0]
    assert np.isnan(np.asarray(axes.get_lines()[0].get_ydata())).tolist() == [False, True, False, False]
    assert len(axes.patches) == 0  # an area with a hole is not filled


def test_what_a_radar_leaves_out_is_said() -> None:
    figure = radar_figure(many(7, 20), "auc")
    assert len(legend_texts(figure)) == MOST_WEBS
    assert len(figure.axes[0].get_xticks()) == MOST_SPOKES
    words = figure.get_suptitle().replace("\n", " ")
    assert f"best {MOST_WEBS} of 7" in words
    assert f"{MOST_SPOKES} of 20 attributes" in words


def test_cut_names_of_spokes_stay_apart() -> None:
    names = [text.get_text() for text in radar_figure(many(1, 12), "auc").axes[0].get_xticklabels()]
    assert len(set(names)) == 12


def test_two_attributes_are_no_radar() -> None:
    with pytest.raises(ResultsError, match="at least 3 attributes, there are 2"):
        radar_figure(many(1, 2), "auc")


def test_bars_stand_in_the_order_of_the_legend_and_are_as_high_as_the_values() -> None:
    figure = attribute_bars(attribute_frame([otb(SUITE, "a", 0.5), otb(SUITE, "b", 0.6)], "auc"))
    heights = [patch.get_height() for patch in figure.axes[0].patches]  # type: ignore[attr-defined]
    np.testing.assert_allclose(heights, [0.6, 0.54, 0.48, 0.5, 0.45, 0.4])
    assert figure.axes[0].patches[0].get_x() < figure.axes[0].patches[3].get_x()  # type: ignore[attr-defined]


def test_names_are_drawn_as_they_are() -> None:
    frame = attribute_frame([otb(SUITE, NASTY, 0.5), otb(SUITE, "_hidden", 0.4)], "auc").replace("IV", "$x_1$ <b>%")
    for draw in (attribute_bars, attribute_radar):
        figure = draw(frame, "$x_1$ 50%")
        assert any("$x_1$ <b>%" in text.get_text() for text in figure.axes[0].get_xticklabels())
        assert legend_texts(figure)[1] == "[0.400] _hidden"
        assert_nothing_is_cut_off(figure)


@pytest.mark.parametrize("missing", NEEDED)
def test_missing_columns_are_named(missing: str) -> None:
    frame = attribute_frame([otb(SUITE, "a", 0.5)], "auc").drop(columns=missing)
    for draw in (attribute_bars, attribute_radar):
        with pytest.raises(ResultsError, match=missing):
            draw(frame)


def test_no_tracker_with_the_metric_is_an_error() -> None:
    for draw in (attribute_figure, radar_figure):
        with pytest.raises(ResultsError, match="none of the 1 results has eao per attribute"):
            draw([otb(SUITE, "a", 0.5)], "eao")
