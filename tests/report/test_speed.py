"""The speed table and the speed-accuracy figure, against plain arithmetic."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from rich.console import Console

from spm_bench.errors import ResultsError
from spm_bench.report import style
from spm_bench.report.accuracy import Accuracy, accuracy_of, read_score_rows
from spm_bench.report.latex import to_latex
from spm_bench.report.render import to_csv, to_markdown
from spm_bench.report.speed import COLUMNS, NARROW, Speed, speed_table, write_speed
from spm_bench.report.speed_figure import speed_accuracy_figure
from spm_bench.report.table import BEST, SECOND
from spm_bench.report.terminal import show_table
from spm_bench.report.vocabulary import DASH
from tests.report.fakes import NASTY
from tests.results.made_timings import timing, tracker


def accuracy(value, low=None, high=None, n=100, **more):
    return Accuracy("auc", value, low, high, n, 100, **more)


def cells(table, label):
    row = next(r for r in table.rows if r.label == label)
    return {c.metric: cell for c, cell in zip(table.columns, row.cells, strict=True)}


def test_fps_is_frames_over_seconds_and_never_the_mean_of_inverses():
    uneven = [1.0] * 9 + [91.0]  # 100 ms for 10 frames
    values = Speed.of(tracker("SPM", uneven, rounds=1, network=0.5)).values
    assert values["fps"] == pytest.approx(100.0)
    assert values["fps_end_to_end"] == pytest.approx(10 / 0.110)
    assert values["tracker_ms"] == pytest.approx(1.0)
    assert values["tracker_p95_ms"] == pytest.approx(np.quantile(uneven, 0.95))
    assert values["end_to_end_ms"] == pytest.approx(2.0)
    assert values["network_ms"] == pytest.approx(0.5)
    assert values["start_ms"] == pytest.approx(50.0)
    assert values["spread_percent"] is None  # one round says nothing about another


def test_spread_is_between_rounds():
    values = Speed.of(tracker("SPM", (10.0, 10.0), rounds=3)).values
    assert values["spread_percent"] == pytest.approx(100 * (12 - 10) / 11)


def test_rows_are_ordered_and_ranked_without_those_that_compute_nothing():
    table = speed_table(
        timing(tracker("slow", (50.0,)), tracker("static", (0.001,), computes=False), tracker("fast", (5.0,)))
    )
    assert [row.label for row in table.rows] == ["fast", "slow", "static"]
    assert [cells(table, name)["fps"].rank for name in ("fast", "slow", "static")] == [BEST, SECOND, 0]
    assert cells(table, "static")["fps"].text == DASH
    assert all(cell.rank == 0 for cell in cells(table, "static").values())
    assert all(cells(table, name)["spread_percent"].rank == 0 for name in ("fast", "slow"))
    assert "never looks at a picture" in table.footnotes[0][1]


def test_a_lone_tracker_is_not_best():
    table = speed_table(timing(tracker("SPM"), tracker("static", computes=False)))
    assert not table.ranked
    assert all(cell.rank == 0 for row in table.rows for cell in row.cells)


def test_what_is_printed():
    table = speed_table(
        timing(tracker("SPM", (10.0, 10.0), rounds=1, network=7.0, trained="no"), tracker("KCF", (0.5,)))
    )
    spm, kcf = cells(table, "SPM"), cells(table, "KCF")
    assert (spm["fps"].text, spm["network_ms"].text, spm["tracker_ms"].text) == ("100", "7.00/7.00", "10.0/10.0")
    assert kcf["network_ms"].text == ""
    text = to_markdown(table)
    for words in ("SPM (untrained)", "1 of 100 sequences", "Abacus 3000", "2 threads", "other machines"):
        assert words in text
    assert "Slide Rule" not in text  # nobody used it
    assert r"\begin{tabular}{@{}lrrrrrr@{}}" in to_latex(table)


def test_csv_has_every_figure_with_all_digits():
    table = speed_table(
        timing(tracker("SPM", (10.0, 12.0), rounds=1), tracker("static", (0.5,), computes=False)),
        "here",
        columns=COLUMNS,
    )
    spm, static = csv.DictReader(io.StringIO(to_csv(table)))
    assert float(spm["fps"]) == pytest.approx(2 / 0.022)
    assert float(spm["tracker_p95_ms"]) == pytest.approx(11.9)
    assert (spm["network_ms"], spm["run"], spm["protocol"]) == ("", "here", "timing")
    assert float(static["fps"]) == pytest.approx(2 / 0.00105 * 1.0, rel=0.01)
    assert "never looks" in static["note"]


def test_80_columns_hold_all_figures_beside_long_names():
    made = timing(*(tracker("SPM-lite", (123.4,), variant=f"score_fusion_only{i}", network=100.0) for i in range(3)))
    stream = io.StringIO()
    show_table(speed_table(made, columns=NARROW), Console(file=stream, width=80))
    text = stream.getvalue()
    assert "100/100" in text
    assert "spread" in text.splitlines()[3]
    assert text.count("10%") == 3


def test_warnings_stand_under_the_table():
    table = speed_table(timing(tracker("SPM"), warnings=("it was loud",)))
    assert "Warning: it was loud." in to_markdown(table)


def names_in(figure):
    return [t for t in figure.axes[0].texts if t.get_text().strip()]


def test_the_figure_names_all_points_without_overlaps():
    rng = np.random.default_rng(0)
    made = [tracker(f"Tracker{i:02d}", (float(ms),)) for i, ms in enumerate(rng.uniform(9, 12, 9))]
    scores = {t.label: accuracy(0.5 + 0.01 * float(rng.random()), 0.45, 0.55) for t in made}
    figure = speed_accuracy_figure(timing(*made), scores)
    texts = names_in(figure)
    assert sorted(t.get_text() for t in texts) == sorted(scores)
    figure.draw_without_rendering()
    boxes, frame = [t.get_window_extent() for t in texts], figure.axes[0].get_window_extent()
    for i, box in enumerate(boxes):
        assert not any(box.shrunk(0.98, 0.98).overlaps(other) for other in boxes[:i])
        assert frame.x0 <= box.x0 < box.x1 <= frame.x1
        assert frame.y0 <= box.y0 < box.y1 <= frame.y1
    assert figure.axes[0].get_xscale() == "log"


def test_the_figure_names_the_machine_and_leaves_out_who_has_no_place():
    made = timing(
        tracker("SPM", trained="no", devices=("cuda:0",)),
        tracker("static", computes=False),
        tracker("KCF"),
        warnings=("x",),
    )
    scores = {"SPM": accuracy(0.6, n=13), "static": accuracy(0.1), "other": accuracy(0.9)}
    figure = speed_accuracy_figure(made, scores)
    assert [t.get_text() for t in names_in(figure)] == ["SPM (untrained)"]
    caption = figure._supxlabel.get_text()
    assert "Slide Rule X, Abacus 3000" in caption
    assert "not quiet" in caption
    assert "13 of 100" in figure._suptitle.get_text()


def test_the_place_of_a_point():
    figure = speed_accuracy_figure(timing(tracker("SPM", (20.0, 20.0), rounds=1)), {"SPM": accuracy(0.6, 0.5, 0.65)})
    lines = [np.array(line.get_xydata()) for line in figure.axes[0].lines]
    assert any(len(xy) == 1 and np.allclose(xy, [[50.0, 0.6]]) for xy in lines)
    assert any(np.allclose(xy, [[50.0, 0.5], [50.0, 0.65]]) for xy in lines if len(xy) == 2)


@pytest.mark.parametrize("name", [NASTY, "x" * 120, "_hidden", "$x$"])
def test_any_name_can_be_drawn(name):
    figure = speed_accuracy_figure(timing(tracker(name), tracker("KCF")), {name: accuracy(0.5), "KCF": accuracy(0.5)})
    assert style.to_png(figure).startswith(b"\x89PNG")
    assert style.to_pdf(figure).startswith(b"%PDF")


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ({}, "no tracker has both"),
        ({"static": accuracy(0.5)}, "no tracker has both"),
        ({"SPM": accuracy(0.5), "KCF": Accuracy("ao", 0.5, None, None, 1, 1)}, "several metrics: ao, auc"),
    ],
)
def test_nothing_to_draw(scores, message):
    made = timing(tracker("SPM"), tracker("KCF"), tracker("static", computes=False))
    with pytest.raises(ResultsError, match=message):
        speed_accuracy_figure(made, scores)


def test_the_folder(tmp_path):
    made = timing(tracker("SPM"), tracker("KCF"))
    index = write_speed(made, {}, tmp_path / "plain", ["There is no auc of SPM."])
    assert sorted(p.name for p in index.parent.iterdir()) == ["README.md", "table.csv", "table.md", "table.tex"]
    text = index.read_text()
    assert "There is no auc of SPM." in text
    assert "spm-bench bench --tracker 'a b'" in text
    write_speed(made, {"SPM": accuracy(0.6)}, tmp_path / "plain")
    assert (tmp_path / "plain" / "speed_accuracy.png").is_file()
    assert "speed_accuracy.png" in index.read_text()


ROW = {
    "tracker": "SPM", "variant": "base", "suite": "otb100", "protocol": "one_pass", "metric": "auc", "value": 0.5,
    "n_sequences": 1, "n_total": 2, "run": "r", "trained": "",
}  # fmt: skip


def test_a_row_of_scores():
    assert accuracy_of({**ROW, "low": 0.4, "high": 0.6}) == Accuracy("auc", 0.5, 0.4, 0.6, 1, 2)
    assert accuracy_of({**ROW, "value": None}) is None
    assert accuracy_of(ROW) == Accuracy("auc", 0.5, None, None, 1, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "is not JSON"),
        ("{}", "is no list of scores"),
        ("[1]", "is no list of scores"),
        (json.dumps([ROW, {"metric": "auc"}]), "score 2 has no tracker, variant"),
        (json.dumps([{**ROW, "value": "0.5"}]), "score 1: value is '0.5', no number"),
        (json.dumps([{**ROW, "low": True}]), "score 1: low is True"),
    ],
)
def test_a_broken_file_of_scores(tmp_path, text, message):
    path = tmp_path / "scores.json"
    path.write_text(text)
    with pytest.raises(ResultsError, match=f"{path}.*{message}"):
        read_score_rows(path)


def test_no_file_of_scores(tmp_path):
    with pytest.raises(ResultsError, match="cannot read: No such file"):
        read_score_rows(tmp_path / "scores.json")
