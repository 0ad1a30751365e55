"""Waterfalls and strips: every sequence and frame at its place, in its colour, with its name, inside the figure."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from spm_bench.errors import ResultsError
from spm_bench.report import style
from spm_bench.report.figures_sequences import (
    MOST_COLUMNS,
    MOST_NAMED,
    MOST_STRIPS,
    overlap_strips,
    telling_sequences,
    waterfall,
)
from tests.report.fakes import NASTY
from tests.report.test_figures import assert_nothing_is_cut_off, pixels

NAN = float("nan")


def deltas(values: list[float], *, up: bool = True, tracker: str = "SPM", base: str = "KCF") -> pd.DataFrame:
    names = [f"seq{i}" if i % 4 else f"a_long $name_{i}$ of 50% <b>" for i in range(len(values))]
    metric = "auc" if up else "failures"
    return pd.DataFrame({"sequence": names, "delta": values}).assign(
        tracker=tracker, base=base, metric=metric, higher_is_better=up
    )


def bars(figure: Figure) -> list[tuple[float, str]]:
    """Height and colour of the bars from left to right."""
    return [
        (patch.get_height(), to_hex(patch.get_facecolor()).upper())  # type: ignore[attr-defined]
        for patch in figure.axes[0].patches
    ]


def names(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.get_xticklabels()]


@pytest.mark.parametrize("n", [1, 26, 100, 180])
def test_any_number_of_differences_fits(n: int) -> None:
    values = np.random.default_rng(n).normal(0, 0.1, n).tolist()
    figure = waterfall(deltas(values, tracker=NASTY), "A suite with a title that is longer than one column is wide")
    assert_nothing_is_cut_off(figure)
    assert len(bars(figure)) == n
    assert figure.get_size_inches()[0] == (style.ONE_COLUMN if n <= 26 else style.TWO_COLUMNS)
    assert figure.axes[0].get_window_extent().height > figure.dpi


def test_bars_are_sorted_coloured_and_named() -> None:
    figure = waterfall(deltas([-0.2, 0.3, 0.0, NAN, 0.1]))
    assert bars(figure) == [
        (0.3, style.BETTER), (0.1, style.BETTER), (0.0, style.NOISE.upper()), (-0.2, style.WORSE)
    ]  # fmt: skip
    assert names(figure.axes[0]) == ["seq1", "a_long $name_4$ of 50% <b>", "seq2", "a_long $name_0$ of 50% <b>"]
    assert figure.get_suptitle().splitlines()[-2:] == [
        "SPM minus KCF", "2 better, 1 equal, 1 worse, mean +.050 (dotted)"
    ]  # fmt: skip


def test_where_less_is_better_the_largest_fall_comes_first() -> None:
    figure = waterfall(deltas([2.0, -3.0, 1.0], up=False))
    assert bars(figure) == [(-3.0, style.BETTER), (1.0, style.WORSE), (2.0, style.WORSE)]
    assert "1 better, 0 equal, 2 worse" in figure.get_suptitle()
    assert "↓" in figure.axes[0].get_ylabel()


@pytest.mark.parametrize("up", [True, False])
def test_with_too_many_bars_the_ends_are_listed_in_the_empty_corners(up: bool) -> None:
    values = np.linspace(-0.3, 0.4, MOST_NAMED + 1).round(4).tolist()
    figure = waterfall(deltas(values, up=up))
    axes = figure.axes[0]
    assert names(axes) == []
    gains, losses = (text.get_text() for text in axes.texts)
    best, worst = (len(values) - 1, 0) if up else (0, len(values) - 1)
    assert gains.split("\n")[1].startswith(deltas(values)["sequence"].iloc[best])
    assert losses.split("\n")[1].startswith(deltas(values)["sequence"].iloc[worst])
    figure.draw_without_rendering()
    for text in axes.texts:
        box = text.get_window_extent()
        assert not any(box.overlaps(patch.get_window_extent()) for patch in axes.patches if patch.get_height())  # type: ignore[attr-defined]


def test_waterfalls_that_cannot_be_drawn() -> None:
    with pytest.raises(ResultsError, match="no sequence in common"):
        waterfall(deltas([NAN, NAN]))
    with pytest.raises(ResultsError, match="no row"):
        waterfall(deltas([]))
    with pytest.raises(ResultsError, match="one pair"):
        waterfall(pd.concat([deltas([0.1]), deltas([0.1], tracker="other")]))
    with pytest.raises(ResultsError, match="delta"):
        waterfall(deltas([0.1]).drop(columns="delta"))


def test_telling_sequences_are_those_on_which_trackers_differ_or_one_is_bad() -> None:
    rows = [("a", "x", 0.9), ("b", "x", 0.1), ("a", "y", 0.5), ("b", "y", 0.5), ("a", "z", 0.2), ("b", "z", 0.6)]
    frame = pd.DataFrame(rows, columns=["tracker", "sequence", "value"]).assign(higher_is_better=True)
    assert telling_sequences(frame, 2) == ["x", "z"]
    assert telling_sequences(frame[frame["tracker"] == "a"], 2) == ["z", "y"]
    assert telling_sequences(frame[frame["tracker"] == "a"].assign(higher_is_better=False), 1) == ["x"]
    assert telling_sequences(frame.iloc[:0], 2) == []


def strips(trackers: int, sequences: int, frames: int = 40) -> pd.DataFrame:
    rows = [
        (
            NASTY if t == 1 else f"T{t}",
            f"$s_{s}$ <b>",
            f,
            NAN if f == 3 else (f % 10) / 10,
            "failure" if f == 3 and t else "",
        )
        for t in range(trackers)
        for s in range(sequences)
        for f in range(frames)
    ]
    return pd.DataFrame(rows, columns=["tracker", "sequence", "frame", "overlap", "event"])


@pytest.mark.parametrize(("trackers", "sequences"), [(1, 1), (40, 1), (3, 5)])
def test_any_number_of_strips_up_to_a_page_fits(trackers: int, sequences: int) -> None:
    figure = overlap_strips(strips(trackers, sequences), "Title")
    assert_nothing_is_cut_off(figure)
    panels = figure.axes[:sequences]
    assert all(len(axes.get_yticks()) == trackers for axes in panels)
    assert figure.get_size_inches()[1] < 13
    assert min(axes.get_window_extent().height for axes in panels) > 0.08 * trackers * figure.dpi


def test_a_strip_holds_every_frame_its_failures_and_its_names() -> None:
    figure = overlap_strips(strips(2, 1))
    axes = figure.axes[0]
    (image,) = axes.get_images()
    picture = np.ma.filled(np.ma.asarray(image.get_array()), NAN)
    assert picture.shape == (2, 40)
    np.testing.assert_allclose(picture[0, [0, 1, 9, 10]], [0.0, 0.1, 0.9, 0.0])
    assert np.isnan(picture[:, 3]).all()
    assert image.get_clim() == (0.0, 1.0)
    assert axes.get_xlim() == (-0.5, 39.5)
    lines = [path.vertices[:, 0].tolist() for c in axes.collections for path in c.get_paths()]
    assert lines == [[3.0, 3.0]]  # of the second tracker only
    assert axes.get_title(loc="left") == "$s_0$ <b>"
    assert axes.get_yticklabels()[0].get_text() == "T0"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["failure", "not annotated, or not tracked"]
    # the unknown frame is grey on the page
    seen = pixels(figure)
    x, y = axes.transData.transform((3, 0))
    np.testing.assert_allclose(seen[int(seen.shape[0] - y), int(x)], [0xD0 / 255] * 3, atol=0.02)


def test_no_frame_of_a_long_sequence_is_dropped() -> None:
    n = 3 * MOST_COLUMNS + 7
    frame = strips(1, 1, n).assign(overlap=0.0, event="")
    frame.loc[[100, n - 1], "overlap"] = 1.0
    frame.loc[200:300, "overlap"] = NAN
    (image,) = overlap_strips(frame).axes[0].get_images()
    picture = np.ma.asarray(image.get_array())
    assert picture.shape == (1, MOST_COLUMNS)
    assert np.count_nonzero(np.ma.filled(picture, 0.0)) == 2
    assert 32 <= picture.mask.sum() <= 34
    assert overlap_strips(frame).axes[0].get_xlim() == (-0.5, n - 0.5)


def test_strips_that_cannot_be_drawn() -> None:
    with pytest.raises(ResultsError, match="no row"):
        overlap_strips(strips(0, 1))
    with pytest.raises(ResultsError, match="event"):
        overlap_strips(strips(1, 1).drop(columns="event"))
    with pytest.raises(ResultsError, match=r"frame 0 of .* stands twice"):
        overlap_strips(pd.concat([strips(1, 1), strips(1, 1)]))
    with pytest.raises(ResultsError, match=f"more than the {MOST_STRIPS}"):
        overlap_strips(strips(31, 2, 2))


def test_the_same_frame_gives_the_same_bytes() -> None:
    for draw, frame, to_bytes in (
        (waterfall, deltas([0.1, -0.2]), style.to_pdf),
        (overlap_strips, strips(2, 1), style.to_svg),
    ):
        figure = draw(frame)
        first = to_bytes(figure)
        assert to_bytes(figure) == first
        assert to_bytes(draw(frame)) == first
