"""Response curves and heat maps: every step and cell at its place with its number, however many there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from spm_bench.errors import ResultsError
from spm_bench.metrics.resampling import bootstrap, mean_over
from spm_bench.report import style
from spm_bench.report.figures_steps import HEAT_NEEDED, heat_map, response_curves
from spm_bench.report.vocabulary import DASH
from tests.report.fakes import NASTY
from tests.report.test_figures import assert_nothing_is_cut_off, legend_texts

NAN = float("nan")


def responses(trackers: int, axes: int, scenes: int = 1, levels: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        [
            {"tracker": NASTY if t == 1 else f"T{t}", "axis": f"axis_{a} $x$", "level": level,
             "step": f"{level}\n.{level}",
             "about": "number of <b>distractors</b> of the target's category, and their $likeness$ in %",
             "scene": f"s{s}", "metric": "auc", "value": 0.9 - 0.1 * level + 0.05 * rng.random()}
            for t in range(trackers) for a in range(axes) for level in range(levels, 0, -1) for s in range(scenes)
        ]
    )  # fmt: skip


def panels(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.get_visible()]


@pytest.mark.parametrize(("trackers", "axes"), [(1, 1), (2, 7), (40, 2)])
def test_any_number_of_response_curves_fits(trackers: int, axes: int) -> None:
    figure = response_curves(
        responses(trackers, axes), "A suite with a title that is longer than a column is wide, too"
    )
    assert_nothing_is_cut_off(figure)
    assert len(panels(figure)) == axes
    assert all(len(panel.get_lines()) == trackers for panel in panels(figure))
    assert len(legend_texts(figure)) == trackers
    assert min(panel.get_window_extent().height for panel in panels(figure)) > 0.7 * figure.dpi


def test_a_response_curve_holds_the_steps_in_order() -> None:
    frame = responses(2, 1).assign(look=[5] * 4 + [6] * 4)
    axes = response_curves(frame).axes[0]
    of_first = frame[frame["tracker"] == "T0"].sort_values("level")["value"].tolist()
    line = axes.get_lines()[0]
    assert np.asarray(line.get_ydata()).tolist() == of_first
    assert np.round(np.asarray(line.get_xdata(), dtype=float)).tolist() == [0, 1, 2, 3]
    assert line.get_color() == style.look(5).colour
    assert [text.get_text() for text in axes.get_xticklabels()] == ["1\n.1", "2\n.2", "3\n.3", "4\n.4"]
    assert axes.get_ylim() == (0.0, 1.02)
    assert axes.get_ylabel() == "AUC"
    assert "<b>distractors</b>" in axes.get_xlabel().replace("\n", " ")
    assert axes.get_title(loc="left") == "axis_0 $x$"


def test_scenes_are_averaged_and_have_whiskers() -> None:
    frame = responses(1, 1, scenes=5)
    figure = response_curves(frame)
    axes = figure.axes[0]
    values = frame[frame["level"] == 2]["value"].to_numpy()
    expected = bootstrap(mean_over(values))
    assert np.asarray(axes.get_lines()[0].get_ydata())[1] == pytest.approx(values.mean())
    whisker = np.asarray(axes.collections[0].get_paths()[1].vertices)[:, 1]
    assert whisker.tolist() == pytest.approx([expected.low, expected.high])
    assert "means of 5 scenes, 95 % intervals" in figure.get_suptitle().replace("\n", " ")
    alone = response_curves(responses(1, 1))
    assert "scenes" not in alone.get_suptitle()
    assert np.isnan(np.asarray(alone.axes[0].collections[0].get_paths()[0].vertices)[:, 1]).all()


def test_a_missing_step_of_one_tracker_is_left_out() -> None:
    frame = responses(2, 1)
    frame.loc[(frame["tracker"] == NASTY) & (frame["level"] == 2), "value"] = NAN
    first, second = response_curves(frame).axes[0].get_lines()
    assert np.round(np.asarray(first.get_xdata(), dtype=float)).tolist() == [0, 1, 2, 3]
    assert np.round(np.asarray(second.get_xdata(), dtype=float)).tolist() == [0, 2, 3]


def test_axes_are_chosen_and_ordered_and_need_two_steps() -> None:
    frame = responses(1, 3)
    figure = response_curves(frame, axes_shown=["axis_2 $x$", "axis_0 $x$"])
    assert [axes.get_title(loc="left") for axes in panels(figure)] == ["axis_2 $x$", "axis_0 $x$"]
    short = frame[(frame["axis"] != "axis_1 $x$") | (frame["level"] == 1)]
    assert len(panels(response_curves(short))) == 2
    with pytest.raises(ResultsError, match="no axis has two steps"):
        response_curves(responses(2, 2, levels=1))
    with pytest.raises(ResultsError, match="step"):
        response_curves(frame.drop(columns="step"))
    with pytest.raises(ResultsError, match="no row"):
        response_curves(frame.iloc[:0])


def grid(columns: int, rows: int, **changes: Any) -> pd.DataFrame:
    """Values that grow to the right and upwards; the base is the second cell."""
    cells = [
        {"x_name": "window", "x": f"{x / 10:g}", "y_name": "smoothing", "y": f"{y / 10:g}", "metric": "auc",
         "value": 0.1 + 0.01 * x + 0.02 * y, "base": (x, y) == (1, 0), "established": x == 0, "higher_is_better": True}
        for y in range(rows) for x in range(columns)
    ]  # fmt: skip
    return pd.DataFrame(cells).assign(**changes)


def written(axes: Axes) -> dict[tuple[int, int], str]:
    """(column, row) -> what stands in the cell."""
    return {(int(t.get_position()[0]), int(t.get_position()[1])): t.get_text() for t in axes.texts}


def frames_of(axes: Axes) -> list[tuple[float, float]]:
    return [patch.get_xy() for patch in axes.patches if isinstance(patch, Rectangle) and not patch.get_fill()]


@pytest.mark.parametrize(("columns", "rows"), [(1, 2), (3, 2), (8, 6), (30, 25)])
def test_any_grid_fits(columns: int, rows: int) -> None:
    figure = heat_map(grid(columns, rows), "A sweep with a title that is longer than one column is wide, all of it")
    assert_nothing_is_cut_off(figure)
    axes, (width, _) = figure.axes[0], figure.get_size_inches()
    assert width in (style.ONE_COLUMN, style.TWO_COLUMNS)
    assert axes.get_window_extent().width > 0.55 * width * figure.dpi
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, columns), (0, rows))
    if (columns, rows) != (30, 25):
        figure.draw_without_rendering()
        cell = axes.get_window_extent().width / columns
        assert max(text.get_window_extent().width for text in axes.texts) < cell


def test_cells_have_their_numbers_the_base_its_frame_and_the_best_its_star() -> None:
    frame = grid(3, 2)
    frame.loc[2, "value"] = NAN
    figure = heat_map(frame.sample(frac=1, random_state=0).sort_values(["y", "x"]), "Window")
    axes = figure.axes[0]
    assert written(axes) == {
        (0, 0): "0.100", (1, 0): "0.110", (2, 0): DASH, (0, 1): "0.120", (1, 1): "0.130", (2, 1): "0.140★"
    }  # fmt: skip
    assert frames_of(axes) == [(1.0, 0.0)]
    bold = [t.get_text() for t in axes.texts if t.get_fontweight() == "bold"]
    assert bold == ["0.100", "0.120"]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["0", "0.1", "0.2"]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["0", "0.1"]
    assert axes.get_xlabel() == "window"
    assert axes.get_title(loc="left") == "↑ smoothing"
    mesh = np.ma.filled(np.ma.asarray(axes.collections[0].get_array()), NAN).reshape(2, 3)
    np.testing.assert_allclose(mesh, [[0.1, 0.11, NAN], [0.12, 0.13, 0.14]])
    words = figure.get_suptitle().replace("\n", " ")
    assert "framed: base, bold: differs from it beyond noise" in words


def test_a_cell_of_fewer_sequences_is_marked_and_never_the_best() -> None:
    figure = heat_map(grid(3, 2, partial=[False] * 5 + [True]))
    assert written(figure.axes[0])[2, 1] == "0.140†"
    assert written(figure.axes[0])[1, 1] == "0.130★"
    assert figure.get_suptitle().replace("\n", " ").endswith("†: of fewer sequences")
    assert "†" not in heat_map(grid(3, 2, partial=False)).get_suptitle()


def test_the_lowest_is_the_best_where_less_is_better() -> None:
    figure = heat_map(grid(3, 2, metric="failures", higher_is_better=False))
    assert written(figure.axes[0])[0, 0].endswith("★")


def test_numbers_are_readable_on_their_shade() -> None:
    inks = {t.get_text(): t.get_color() for t in heat_map(grid(3, 2)).axes[0].texts}
    assert inks["0.100"] == "white"
    assert inks["0.140★"] == "black"


def test_what_is_not_known_of_cells_is_not_told() -> None:
    figure = heat_map(grid(2, 2).drop(columns=["base", "established", "higher_is_better"]))
    assert figure.get_suptitle() == "AUC over two settings; ★ best"
    assert frames_of(figure.axes[0]) == []
    assert "none differs" in heat_map(grid(2, 2, established=False)).get_suptitle().replace("\n", " ")


def test_equal_values_and_names_as_they_are() -> None:
    frame = grid(4, 3, value=0.5, x_name=NASTY, y_name="$a_b$ <script> 50%")
    frame["x"] = [f'["a_long_value_{x}", 1, 2]' for x in frame["x"]]
    figure = heat_map(frame, "$x_1$ 50%_")
    assert_nothing_is_cut_off(figure)
    names = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert len(set(names)) == 4
    assert figure.axes[0].get_title(loc="left") == "↑ $a_b$ <script> 50%"
    assert style.to_pdf(figure) == style.to_pdf(figure)


@pytest.mark.parametrize("missing", HEAT_NEEDED)
def test_missing_columns_are_named(missing: str) -> None:
    with pytest.raises(ResultsError, match=missing):
        heat_map(grid(2, 2).drop(columns=missing))


def test_grids_that_cannot_be_drawn() -> None:
    with pytest.raises(ResultsError, match="no row"):
        heat_map(grid(0, 0).reindex(columns=[*HEAT_NEEDED]))
    with pytest.raises(ResultsError, match="no cell of the grid has a value"):
        heat_map(grid(2, 2, value=NAN))
    with pytest.raises(ResultsError, match=r"the cell 0, 0 stands twice"):
        heat_map(pd.concat([grid(2, 2), grid(2, 2).iloc[:1]]))
    with pytest.raises(ResultsError, match="one metric"):
        heat_map(pd.concat([grid(2, 2), grid(2, 2, metric="precision")]))
