"""Intervals in tables: their digits, where they fit, and every form that shows them; speeds that are no feat."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from rich.console import Console

from spm_bench.report import latex, render
from spm_bench.report.differences import difference_text, p_text, signed, verdict
from spm_bench.report.intervals import WIDEST, fit_intervals, interval_text
from spm_bench.report.table import BEST, SECOND
from spm_bench.report.tables import IDLE, build_table
from spm_bench.report.terminal import print_table
from spm_bench.scoring.base import Evaluation
from tests.report.fakes import make_scores, make_suite, otb, vot


def with_ends(evaluation: Evaluation, half: float = 0.05) -> Evaluation:
    """The same with an interval around every value."""
    scores = [
        s if s.value is None else replace(s, low=s.value - half, high=s.value + half, level=0.95)
        for s in evaluation.scores
    ]
    return replace(evaluation, scores=tuple(scores))


@pytest.mark.parametrize(
    ("metric", "low", "high", "text"),
    [
        ("auc", 0.7213, 0.8604, "[.72, .86]"),
        ("auc", 0.7213, 0.7241, "[.721, .724]"),  # two digits would make it a point
        ("auc", 0.25, 0.25, "[.250, .250]"),
        ("auc", 0.9, 1.0, "[.90, 1.00]"),
        ("eao", -0.021, 0.3, "[\N{MINUS SIGN}.02, .30]"),
        ("failures", 31.0, 66.2, "[31, 66]"),
        ("robustness", 0.9, 1.25, "[.90, 1.25]"),
        ("auc", None, None, ""),
    ],
)
def test_digits(metric: str, low: float | None, high: float | None, text: str) -> None:
    assert interval_text(metric, low, high) == text


def test_intervals_stand_in_every_form() -> None:
    suite = make_suite("demo")
    table = build_table([with_ends(otb(suite, "a", 0.7)), with_ends(otb(suite, "b", 0.6))], suite)
    assert all(column.intervals for column in table.columns)
    assert "| **0.700** [.65, .75] |" in render.to_markdown(table)
    assert r"\textbf{0.700} {\scriptsize [.65, .75]} &" in latex.to_latex(table)
    assert "<td><b>0.700</b> <small>[.65, .75]</small></td>" in render.to_html(table)
    for text in (render.to_markdown(table), latex.to_latex(table), render.to_html(table)):
        assert "bootstrap interval over sequences" in text
    row = next(csv.DictReader(io.StringIO(render.to_csv(table))))
    assert (float(row["auc_low"]), float(row["auc_high"])) == pytest.approx((0.65, 0.75))


def test_without_intervals_nothing_is_said_of_them() -> None:
    suite = make_suite("demo")
    table = build_table([otb(suite, "a", 0.7)], suite)
    assert not any(column.intervals for column in table.columns)
    assert "interval" not in render.to_markdown(table)
    row = next(csv.DictReader(io.StringIO(render.to_csv(table))))
    assert (row["auc_low"], row["auc_high"]) == ("", "")


@pytest.mark.parametrize("width", [45, 60, 80, 100, 200])
def test_the_terminal_shows_as_many_as_fit_from_the_headline_on(width: int) -> None:
    suite = make_suite("vot2016", "vot", n=60, n_total=60)
    table = [with_ends(vot(suite, f"tracker{i}", 0.4 - i / 50)) for i in range(3)]
    stream = io.StringIO()
    print_table(table, suite, Console(file=stream, width=width), published=False)
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    row = next(line for line in lines if "tracker0" in line)
    shown = [metric in row for metric in ("0.400 [", "0.600 [", "0.200 [")]
    assert shown == sorted(shown, reverse=True)
    assert shown[0] == (width >= 60)
    assert ("In brackets" in stream.getvalue()) == shown[0]
    if width >= 100:
        assert all(shown)


def test_written_tables_are_no_wider_than_a_page() -> None:
    suite = make_suite("vot2016", "vot", n=60, n_total=60)
    shown = []
    for label in ("x", "a tracker with a name of sixty characters or very nearly so"):
        table = build_table([with_ends(vot(suite, label, 0.4))], suite, published=False)
        assert len(render.to_markdown(table).splitlines()[4]) <= WIDEST + 4
        shown.append([column.intervals for column in table.columns])
    assert shown == [[True, True, True, True], [True, False, False, False]]
    assert not any(column.intervals for column in fit_intervals(table, 70).columns)


def fps(suite: object, tracker: str, value: float, source: str = "measured here") -> Evaluation:
    scores = make_scores(suite, tracker, {"auc": 0.5, "fps": value}, source=source)  # type: ignore[arg-type]
    return replace(otb(make_suite("demo"), tracker, 0.5), scores=scores)


def test_trackers_that_look_at_no_picture_win_no_race() -> None:
    suite = make_suite("demo")
    found = [
        fps(suite, "static", 90000.0),
        fps(suite, "oracle", 95.0),
        fps(suite, "KCF", 95.0),
        fps(suite, "SPM", 60.0),
    ]
    table = build_table(found, suite)
    place = [c.metric for c in table.columns].index("fps")
    ranks = {row.label: row.cells[place].rank for row in table.rows}
    assert ranks == {"static": 0, "oracle": 0, "KCF": BEST, "SPM": SECOND}
    notes = dict(table.footnotes)
    marks = {row.label: [notes[m] for m in row.cells[place].marks] for row in table.rows}
    assert marks == {"static": [IDLE], "oracle": [IDLE], "KCF": [], "SPM": []}
    # another's tracker may be called so
    foreign = build_table([fps(suite, "static", 90.0, "raw results"), fps(suite, "KCF", 80.0)], suite)
    assert {row.label: row.cells[place].rank for row in foreign.rows} == {"static": BEST, "KCF": SECOND}


def test_differences_in_digits() -> None:
    minus = "\N{MINUS SIGN}"
    assert [signed("auc", v) for v in (0.0312, -0.2, 0.0004, -0.0004, 1.5)] == [
        "+.031",
        f"{minus}.200",
        ".000",
        ".000",
        "+1.500",
    ]
    assert [signed("failures", v) for v in (3.0, -2.5, 0.0)] == ["+3", f"{minus}2.5", "0"]
    assert difference_text("auc", -0.03, -0.06, 0.002) == f"{minus}.030 [{minus}.060, +.002]"
    assert difference_text("auc", -0.03, float("nan"), float("nan")) == f"{minus}.030"
    assert signed("auc", float("nan")) == p_text(float("nan")) == "\N{EN DASH}"
    assert [p_text(p) for p in (1e-9, 0.0004, 0.012, 0.5, 0.999)] == ["<.001", "<.001", ".012", ".50", "1"]


def test_a_verdict_names_what_is_established_and_what_is_not() -> None:
    from tests.report.test_ablation import comparison

    found = [comparison("a", -0.05), comparison("b", 0.001), comparison("c", 0.04)]
    text = verdict("auc", found)
    assert "Established in AUC: a (\N{MINUS SIGN}.050, worse), c (+.040, better)." in text
    assert "Not to be told from base: b." in text
    assert "Detectable at 80 % power: .030." in text
    assert verdict("auc", found[1:2]).startswith("Nothing is established in AUC. Not to be told from base: b.")


def test_a_verdict_says_when_nothing_could_be_established() -> None:
    from tests.report.test_ablation import comparison

    found = [replace(comparison(name, 0.05), n_units=6, p_holm=0.15625) for name in "abcde"]
    text = verdict("auc", found)
    assert "6 videos are too few for 5 cells: no corrected p below .16 is possible." in text
    assert "too few" not in verdict("auc", [replace(c, n_units=8) for c in found])  # 5 / 128 < 0.05
