"""Figures of every size of field: what is written in them, that nothing is cut off, and that the bytes repeat."""

from __future__ import annotations

import dataclasses
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib
import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spm_bench.errors import ResultsError
from spm_bench.report import style
from spm_bench.report.figures import MOST_BANDS, curve_figure
from spm_bench.report.figures_attributes import MOST_BARS, attribute_figure
from spm_bench.report.figures_vot import (
    accuracy_robustness_figure,
    eao_curve_figure,
    ranking_figure,
    ranking_plot,
    reliability,
)
from spm_bench.report.frames import curve_frame, score_frame
from spm_bench.report.vocabulary import DASH
from spm_bench.scoring.base import Evaluation
from tests.report.fakes import NASTY, banded, field, make_suite, otb, vot

Maker = Callable[[list[Evaluation]], Figure]
TITLE = "GOT-10k validation, 14 of 180 sequences"
OTB: dict[str, Maker] = {
    "success": lambda e: curve_figure(e, "success", TITLE),
    "precision": lambda e: curve_figure(e, "precision", TITLE),
    "attributes": lambda e: attribute_figure(e, "auc", TITLE),
}
VOT: dict[str, Maker] = {
    "accuracy_robustness": lambda e: accuracy_robustness_figure(e, TITLE),
    "eao_curve": lambda e: eao_curve_figure(e, (108, 371), TITLE),
    "ranking": lambda e: ranking_figure(e, "eao", TITLE),
}


def pixels(figure: Figure) -> NDArray[np.float64]:
    """The picture on the screen, H x W x 3 in 0..1."""
    with style.figure_style():
        figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba(), dtype=np.float64)[..., :3] / 255.0  # type: ignore[attr-defined]


def legend_texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def assert_nothing_is_cut_off(figure: Figure) -> None:
    """All that is drawn lies inside the figure (in inches)."""
    with style.figure_style():
        figure.canvas.draw()
        drawn = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert drawn.x0 > -0.01
    assert drawn.y0 > -0.01
    assert drawn.x1 < width + 0.01
    assert drawn.y1 < height + 0.01


@pytest.mark.parametrize("n", [1, 10, 11, 40])
@pytest.mark.parametrize("kind", [*OTB, *VOT])
def test_any_number_of_trackers_fits(kind: str, n: int) -> None:
    suite = make_suite() if kind in OTB else make_suite("vot2016", "vot")
    figure = {**OTB, **VOT}[kind](field(suite, n))
    assert_nothing_is_cut_off(figure)
    picture = pixels(figure)
    width, height = figure.get_size_inches()
    assert width in (style.ONE_COLUMN, style.TWO_COLUMNS)
    assert height < 8
    ink = (picture < 0.98).any(axis=2)
    assert 0.005 < ink.mean() < 0.7
    # something is drawn in colour, not only axes and text
    assert (picture.max(axis=2) - picture.min(axis=2) > 0.3).any()
    axes = figure.axes[0].get_window_extent()
    assert axes.width > 0.3 * width * figure.dpi
    assert axes.height > 0.25 * height * figure.dpi


@pytest.mark.parametrize("kind", [*OTB, *VOT])
def test_names_are_drawn_as_they_are(kind: str) -> None:
    suite = make_suite() if kind in OTB else make_suite("vot2016", "vot")
    make = otb if kind in OTB else vot
    names = ["_hidden", "$a_b$ 50%", "x^2_{y}", "a\nb", NASTY, "$"]
    figure = {**OTB, **VOT}[kind]([make(suite, name, 0.6 - i / 10, 0.6 - i / 10) for i, name in enumerate(names)])
    texts = [t.get_text() for t in figure.axes[0].get_yticklabels()] if kind == "ranking" else legend_texts(figure)
    shown = [text.split("] ", 1)[-1] for text in texts]
    assert shown[:4] == ["_hidden", "$a_b$ 50%", "x^2_{y}", "a b"]
    assert shown[4].startswith("<script>")
    assert shown[5] == "$"
    pixels(figure)  # a formula that does not parse would fail here


def test_the_legend_is_ordered_by_score_whatever_order_the_trackers_come_in() -> None:
    suite = make_suite()
    shuffled = [otb(suite, n, a, p) for n, a, p in (("low", 0.2, 0.9), ("high", 0.7, 0.5), ("mid", 0.4, 0.7))]
    shuffled.append(otb(suite, "none", None, 0.1))
    assert legend_texts(curve_figure(shuffled, "success")) == [
        "[0.700] high",
        "[0.400] mid",
        "[0.200] low",
        f"[{DASH}] none",
    ]
    assert legend_texts(curve_figure(shuffled, "precision"))[0] == "[0.900] low"
    supervised = [vot(make_suite("vot2016", "vot"), n, v) for n, v in (("b", 0.2), ("a", 0.3))]
    assert legend_texts(eao_curve_figure(supervised, (108, 371))) == ["[0.300] a", "[0.200] b"]
    ranking = ranking_figure(supervised)
    assert [t.get_text() for t in ranking.axes[0].get_yticklabels()] == ["a", "b"]


def test_untrained_trackers_are_called_so() -> None:
    suite = make_suite()
    figure = curve_figure([otb(suite, "SPM", 0.1, trained="no"), otb(suite, "KCF", 0.4, trained="")], "success")
    assert legend_texts(figure) == ["[0.400] KCF", "[0.100] SPM (untrained)"]


def test_a_tracker_looks_the_same_in_every_figure_of_one_report() -> None:
    suite = make_suite()
    evaluations = [otb(suite, "a", 0.7, 0.1), otb(suite, "b", 0.5, 0.9)]

    def colours(figure: Figure) -> dict[str, object]:
        handles = figure.legends[0].legend_handles
        return {
            text.split("] ")[1]: handle.get_color()  # type: ignore[union-attr]
            for text, handle in zip(legend_texts(figure), handles, strict=True)
        }

    assert colours(curve_figure(evaluations, "success")) == colours(curve_figure(evaluations, "precision"))


def test_forty_looks_differ() -> None:
    assert len({(style.look(i).colour, style.look(i).line) for i in range(40)}) == 40


def test_neighbours_differ_in_line_style_too_for_print_in_grey() -> None:
    for i in range(40):
        assert style.look(i).line != style.look(i + 1).line
        assert style.look(i).colour != style.look(i + 1).colour


def test_an_attribute_of_sequences_and_frames_is_drawn_once() -> None:
    suite = make_suite()
    one = otb(suite, "a", 0.5)
    assert one.per_attribute is not None
    twice = one.per_attribute.assign(attribute=["IV", "IV (frames)", "OCC (frames)"])
    figure = attribute_figure([dataclasses.replace(one, per_attribute=twice)], "auc")
    names = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert [name.split(" (")[0] for name in names] == ["IV", "OCC"]


def test_colours_stay_apart_in_grey() -> None:
    """Neighbours in the ranking differ in lightness or in hue for all kinds of colour vision (Okabe and Ito's set)."""
    assert len(set(style.COLOURS)) == 8
    for colour in style.COLOURS:
        r, g, b = matplotlib.colors.to_rgb(colour)
        assert 0.2126 * r + 0.7152 * g + 0.0722 * b < 0.75, f"{colour} is too light for a thin line on white"


def test_bands_are_drawn_between_their_ends_under_the_lines() -> None:
    suite = make_suite()
    evaluation = banded(otb(suite, "a", 0.5))
    figure = curve_figure([evaluation, otb(suite, "b", 0.4)], "success")
    axes = figure.axes[0]
    (shade,) = axes.collections
    frame = curve_frame([evaluation], "success", metric="auc")
    edges = shade.get_paths()[0].vertices
    for x, low, high in frame[["x", "low", "high"]].to_numpy():
        there = np.asarray(edges)[np.isclose(np.asarray(edges)[:, 0], x), 1]
        assert there.min() == pytest.approx(low)
        assert there.max() == pytest.approx(high)
    assert shade.get_zorder() < min(line.get_zorder() for line in axes.get_lines())
    assert figure.get_suptitle() == "Success plot [AUC], 95 % band of the best"
    assert curve_figure([otb(suite, "b", 0.4)], "success").get_suptitle() == "Success plot [AUC]"


def test_of_many_trackers_only_the_best_has_its_band_unless_asked() -> None:
    found = [banded(e) for e in field(make_suite(), MOST_BANDS + 1)]
    assert len(curve_figure(found, "success").axes[0].collections) == 1
    assert len(curve_figure(found, "success", bands=3).axes[0].collections) == 3
    assert not curve_figure(found, "success", bands=0).axes[0].collections
    fewer = curve_figure(found[:-1], "success")
    assert len(fewer.axes[0].collections) == MOST_BANDS
    assert fewer.get_suptitle() == "Success plot [AUC], 95 % bands"


def with_intervals(evaluation: Evaluation, half: float = 0.05) -> Evaluation:
    scores = tuple(
        s if s.value is None else dataclasses.replace(s, low=s.value - half, high=s.value + half, level=0.95)
        for s in evaluation.scores
    )
    return dataclasses.replace(evaluation, scores=scores)


def test_a_ranking_has_its_intervals_and_numbers_behind_them() -> None:
    suite = make_suite("vot2016", "vot")
    figure = ranking_figure([with_intervals(vot(suite, "a", 0.4)), vot(suite, "b", 0.3)])
    assert figure.get_suptitle() == "EAO ranking, 95 % intervals"
    ends = [np.asarray(line.get_xdata()).tolist() for line in figure.axes[0].get_lines()]
    assert ends[:3] == [[0.0, 0.4], pytest.approx([0.35, 0.45]), [0.4]]
    assert ends[3:] == [[0.0, 0.3], [0.3]]
    figure.draw_without_rendering()
    frame = figure.axes[0].get_window_extent()
    for text, end in zip(figure.axes[0].texts, (0.45, 0.3), strict=True):
        box = text.get_window_extent()
        assert box.x0 > figure.axes[0].transData.transform((end, 0))[0]
        assert box.x1 < frame.x1
    with pytest.raises(ResultsError, match="one metric"):
        ranking_plot(score_frame([vot(suite, "a", 0.4)]))


def test_accuracy_and_robustness_have_whiskers_of_both_inside_the_axes() -> None:
    suite = make_suite("vot2016", "vot")
    figure = accuracy_robustness_figure([with_intervals(vot(suite, "a", 0.4, a=0.55, r=0.25))])
    axes = figure.axes[0]
    across, along, marker = (np.array([line.get_xdata(), line.get_ydata()]) for line in axes.get_lines())
    np.testing.assert_allclose(across, [np.exp([-0.3 * 0.30, -0.3 * 0.20]), [0.55, 0.55]])
    np.testing.assert_allclose(along, [[np.exp(-0.075)] * 2, [0.50, 0.60]])
    assert marker.shape == (2, 1)
    for values, (low, high) in ((across[0], axes.get_xlim()), (along[1], axes.get_ylim())):
        assert low < values.min()
        assert values.max() < high
    assert figure.get_suptitle().endswith(", 95 % intervals")
    crowd = accuracy_robustness_figure([with_intervals(e) for e in field(suite, style.MANY + 1)])
    assert len(crowd.axes[0].get_lines()) == style.MANY + 1


def test_long_titles_are_broken_and_meet_no_legend() -> None:
    title = "A suite with a title that goes on and on until it is wider than two columns of paper, 14 of 180 sequences"
    for n in (2, 40):
        figure = curve_figure(field(make_suite(), n), "success", title)
        assert_nothing_is_cut_off(figure)
        heading = figure._suptitle  # type: ignore[attr-defined]
        assert heading.get_text().replace("\n", " ").startswith(title)
        assert not heading.get_window_extent().overlaps(figure.legends[0].get_window_extent())
        short = curve_figure(field(make_suite(), n), "success", "Short")
        assert figure.get_size_inches()[1] > short.get_size_inches()[1]


def test_fonts_are_embedded_as_outlines_that_stay_text() -> None:
    pdf = style.to_pdf(curve_figure(field(make_suite(), 2), "success", "Title"))
    fonts = re.findall(rb"/Type /FontDescriptor.*?(/FontFile\d?)", pdf, re.DOTALL)
    assert fonts
    assert set(fonts) == {b"/FontFile2"}  # TrueType
    assert b"/Subtype /Type3" not in pdf
    svg = style.to_svg(curve_figure(field(make_suite(), 2), "success", "Title"))
    assert b"font-family" not in svg
    assert b"<dc:date>" not in svg


def test_the_curve_itself_is_drawn() -> None:
    suite = make_suite()
    evaluation = otb(suite, "a", 0.5)
    line = curve_figure([evaluation], "success").axes[0].get_lines()[0]
    np.testing.assert_array_equal(line.get_xdata(), evaluation.curves["success"].x)
    np.testing.assert_array_equal(line.get_ydata(), evaluation.curves["success"].y)


def test_accuracy_robustness_coordinates() -> None:
    assert reliability(0.0) == 1.0
    # 100 failures in 3000 frames: one in 30 frames, so exp(-1) survive 30 frames
    assert reliability(100 * 100 / 3000) == pytest.approx(np.exp(-1))
    suite = make_suite("vot2016", "vot")
    line = accuracy_robustness_figure([vot(suite, "a", 0.4, a=0.55, r=0.25)]).axes[0].get_lines()[0]
    assert (line.get_xdata()[0], line.get_ydata()[0]) == (pytest.approx(np.exp(-0.075)), 0.55)  # type: ignore[index]


@pytest.mark.parametrize(("interval", "words"), [((108, 371), 1), ((108, 900), 1), ((700, 900), 0)])
def test_the_interval_is_named_inside_the_axes_if_any_of_it_is_seen(interval: tuple[int, int], words: int) -> None:
    figure = eao_curve_figure([vot(make_suite("vot2016", "vot"), "a", 0.4)], interval)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    assert len(axes.texts) == words
    for text in axes.texts:
        box, frame = text.get_window_extent(), axes.get_window_extent()
        assert frame.x0 <= box.x0 <= box.x1 <= frame.x1


def test_a_metric_that_is_undefined_for_all_is_not_in_the_legend() -> None:
    suite = make_suite("vot2016", "vot")
    for draw in (lambda e: eao_curve_figure(e, (108, 371)), accuracy_robustness_figure):
        nobody, one = draw([vot(suite, "a", None)]), draw([vot(suite, "a", None), vot(suite, "b", 0.3)])
        assert legend_texts(nobody) == ["a"]
        assert legend_texts(one) == ["[0.300] b", f"[{DASH}] a"]
        assert "[" not in nobody.get_suptitle()
        assert one.get_suptitle().endswith(" [EAO]")


def test_the_interval_is_shaded() -> None:
    suite = make_suite("vot2016", "vot")
    figure = eao_curve_figure([vot(suite, "a", 0.4)], (108, 371))
    (shade,) = figure.axes[0].patches
    assert shade.get_window_extent().transformed(figure.axes[0].transData.inverted()).intervalx == pytest.approx(
        (108, 371)
    )
    assert len(eao_curve_figure([vot(suite, "a", 0.4)], None).axes[0].patches) == 0


def test_more_trackers_than_bars_is_said() -> None:
    figure = attribute_figure(field(make_suite(), 40), "auc")
    assert len(legend_texts(figure)) == MOST_BARS
    assert "best 8 of 40" in figure.get_suptitle()
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["IV\n37", "OCC\n48", "FM\n40"]


@pytest.mark.parametrize(
    "make",
    [
        lambda e: curve_figure(e, "normalised_precision"),
        lambda e: eao_curve_figure(e, None),
        lambda e: accuracy_robustness_figure(e),
        lambda e: ranking_figure(e, "eao"),
        lambda e: attribute_figure(e, "eao"),
        lambda e: curve_figure(e[:0], "success"),
    ],
)
def test_nothing_to_draw_is_an_error(make: Maker) -> None:
    with pytest.raises(ResultsError, match="none of the"):
        make([otb(make_suite(), "a", 0.5)])


def test_the_users_settings_neither_matter_nor_change() -> None:
    evaluations = field(make_suite(), 3)
    plain = style.to_png(curve_figure(evaluations, "success"))
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "text.usetex": True, "lines.linewidth": 9}):
        assert style.to_png(curve_figure(evaluations, "success")) == plain
        assert matplotlib.rcParams["font.size"] == 20
    assert matplotlib.rcParams["font.size"] != 20


_HASHES = """
import hashlib
from tests.report.fakes import field, make_suite
from spm_bench.report import style
from spm_bench.report.figures import curve_figure
figure = curve_figure(field(make_suite(), 12), "success", "OTB")
print(hashlib.sha256(style.to_png(figure)).hexdigest(), hashlib.sha256(style.to_pdf(figure)).hexdigest())
"""


def test_bytes_repeat_in_another_process_at_another_time() -> None:
    root = Path(__file__).resolve().parents[2]
    outputs = {
        subprocess.run(
            [sys.executable, "-c", _HASHES],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed, "SOURCE_DATE_EPOCH": ""} | {"TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    }
    assert len(outputs) == 1


def test_pictures_have_the_size_of_a_column() -> None:
    for columns, width in ((1, style.ONE_COLUMN), (2, style.TWO_COLUMNS)):
        figure = curve_figure(field(make_suite(), 2), "success", columns=columns)
        picture = matplotlib.image.imread(io.BytesIO(style.to_png(figure)))
        assert picture.shape[1] == width * style.PNG_DPI


def test_files_carry_no_date() -> None:
    figure = curve_figure(field(make_suite(), 2), "success")
    assert b"CreationDate" not in style.to_pdf(figure)
    assert b"Software" not in style.to_png(figure)
    assert style.to_pdf(figure).startswith(b"%PDF")
