"""The table object: order, ranks, notes, coverage, and when figures from print may stand beside measured ones."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import replace

import pytest

from spm_bench.report.table import BEST, SECOND, Table
from spm_bench.report.tables import build_table, coverage, is_comparable
from spm_bench.report.vocabulary import DASH
from spm_bench.scoring.base import Evaluation
from tests.report.fakes import make_scores, make_suite, otb, vot


def labels(table: Table) -> list[str]:
    return [row.label for row in table.rows]


def column(table: Table, metric: str) -> list[tuple[str, int]]:
    index = [c.metric for c in table.columns].index(metric)
    return [(row.cells[index].text, row.cells[index].rank) for row in table.rows]


def test_rows_follow_the_headline_metric_and_undefined_values_come_last() -> None:
    suite = make_suite("demo")
    table = build_table([otb(suite, "b", 0.2), otb(suite, "none", None), otb(suite, "a", 0.7)], suite)
    assert labels(table) == ["a", "b", "none"]
    assert column(table, "auc") == [("0.700", BEST), ("0.200", SECOND), (DASH, 0)]
    assert any(text.startswith(f"{DASH}:") for text in table.footer)


@pytest.mark.parametrize(
    ("family", "name", "headline"),
    [("otb", "otb100", "auc"), ("vot", "vot2016", "eao"), ("got10k", "got10k-val", "ao")],
)
def test_the_headline_stands_first_whatever_scoring_computed_first(family: str, name: str, headline: str) -> None:
    suite = make_suite(name, family)
    values: dict[str, float | None] = {"precision": 0.5, "accuracy": 0.5, "sr50": 0.4, headline: 0.3}
    one = Evaluation("T", make_scores(suite, "T", values), otb(make_suite(), "T", 0.5).per_sequence, {})
    assert build_table([one], suite).columns[0].metric == headline


def test_equal_best_values_are_both_best_and_the_next_is_second() -> None:
    suite = make_suite("demo")
    table = build_table([otb(suite, n, v) for n, v in (("c", 0.5), ("a", 0.68811), ("b", 0.68819))], suite)
    # they differ in the fifth digit: the reader sees one number, so both are best; the truly larger stands first
    assert labels(table) == ["b", "a", "c"]
    assert column(table, "auc") == [("0.688", BEST), ("0.688", BEST), ("0.500", SECOND)]


def test_lower_is_better_for_robustness_and_failures() -> None:
    suite = make_suite("vot2016", "vot")
    table = build_table([vot(suite, "a", 0.4, r=0.3), vot(suite, "b", 0.3, r=0.2)], suite, published=False)
    assert column(table, "robustness") == [("0.300", SECOND), ("0.200", BEST)]
    assert column(table, "failures") == [("64", SECOND), ("43", BEST)]
    arrows = {c.metric: c.arrow for c in table.columns}
    assert (arrows["eao"], arrows["robustness"], arrows["failures"]) == ("↑", "↓", "↓")


def test_one_tracker_is_neither_best_nor_second() -> None:
    suite = make_suite("demo")
    table = build_table([otb(suite, "a", 0.7)], suite)
    assert column(table, "auc") == [("0.700", 0)]
    assert not table.ranked


def test_speed_is_left_out_only_where_nobody_has_it() -> None:
    suite = make_suite("vot2016", "vot")
    slow = vot(suite, "slow", 0.4)
    timed = dataclasses.replace(slow, label="timed", scores=make_scores(suite, "timed", {"eao": 0.3, "fps": 12.345}))
    assert "fps" not in [c.metric for c in build_table([slow], suite).columns]
    table = build_table([slow, timed], suite, published=False)
    assert column(table, "fps") == [(DASH, 0), ("12.3", BEST)]


def test_nan_prints_as_undefined_and_never_ranks() -> None:
    suite = make_suite("demo")
    table = build_table([otb(suite, "a", math.nan), otb(suite, "b", 0.1)], suite)
    assert column(table, "auc") == [("0.100", BEST), (DASH, 0)]
    assert table.rows[1].cells[0].value is None


def test_trackers_scored_on_different_sequences_are_not_ranked() -> None:
    suite = make_suite("otb100", n=3, n_total=100)
    table = build_table([otb(suite, "a", 0.7, n_sequences=3), otb(suite, "b", 0.6, n_sequences=2)], suite)
    assert {rank for _, rank in column(table, "auc")} == {0}
    assert table.caption == "OTB-100: 2 to 3 of 100 sequences, protocol one_pass"
    assert any("different sequences" in text for text in table.footer)
    assert "scored on 2 of 100 sequences" in dict(table.footnotes).values()


@pytest.mark.parametrize(
    ("n", "n_total", "words"), [(100, 100, "100 sequences"), (14, 100, "14 of 100 sequences"), (1, 1, "1 sequence")]
)
def test_coverage_in_words(n: int, n_total: int, words: str) -> None:
    suite = make_suite(n=n, n_total=n_total)
    assert coverage([otb(suite, "a", 0.5)], suite) == words


def test_untrained_trackers_are_called_so() -> None:
    suite = make_suite("demo")
    table = build_table([otb(suite, "SPM", 0.1, trained="no", note="untrained"), otb(suite, "KCF", 0.4)], suite)
    assert table.footnotes == (), "the label says it already"
    assert [row.full_label for row in table.rows] == ["KCF", "SPM (untrained)"]
    assert any(text.startswith("Untrained:") for text in table.footer)


def test_published_rows_stand_under_the_measured_one_and_others_at_the_end() -> None:
    suite = make_suite("otb100", n=100, n_total=100)
    table = build_table([otb(suite, "KCF", 0.478), otb(suite, "C-COT", 0.673)], suite)
    assert labels(table) == ["C-COT", "C-COT (published)", "KCF", "KCF (published)", "SPM (published)"]
    assert [row.published for row in table.rows] == [False, True, False, True, True]
    assert column(table, "auc") == [("0.673", BEST), ("0.671", 0), ("0.478", SECOND), ("0.477", 0), ("0.687", 0)]
    assert any("abstract [paper]" in text for _, text in table.footnotes)


def test_every_published_number_has_a_source() -> None:
    suite = make_suite("vot2018", "vot", n=60, n_total=60)
    table = build_table([vot(suite, "SPM", 0.3), vot(suite, "DaSiamRPN", 0.36)], suite)
    texts = dict(table.footnotes)
    published = [row for row in table.rows if row.published]
    assert len(published) >= 4
    for row in published:
        for cell in row.cells:
            assert cell.value is None or any("[" in texts[m] for m in (*row.marks, *cell.marks))


@pytest.mark.parametrize("change", ["partial", "protocol", "one tracker partial"])
def test_published_figures_are_not_shown_where_they_do_not_compare(change: str) -> None:
    n = 14 if change == "partial" else 100
    suite = make_suite("otb100", n=n, n_total=100)
    evaluations = [otb(suite, "KCF", 0.478), otb(suite, "C-COT", 0.673)]
    if change == "protocol":
        scores = tuple(dataclasses.replace(s, protocol="tre") for s in evaluations[0].scores)
        evaluations[0] = dataclasses.replace(evaluations[0], scores=scores)
    if change == "one tracker partial":
        evaluations[0] = otb(suite, "KCF", 0.478, n_sequences=99)
    table = build_table(evaluations, suite)
    assert not any(row.published for row in table.rows)
    assert any("do not compare" in text and "Published" in text for text in table.footer)


def test_published_figures_can_be_switched_off_without_a_word() -> None:
    suite = make_suite("otb100", n=100, n_total=100)
    table = build_table([otb(suite, "KCF", 0.478)], suite, published=False)
    assert labels(table) == ["KCF"]
    assert not any("ublished" in text for text in table.footer)


def test_a_suite_without_published_figures_says_nothing_about_them() -> None:
    suite = make_suite("demo", n=2, n_total=3)
    assert not any("ublished" in text for text in build_table([otb(suite, "KCF", 0.4)], suite).footer)


def test_a_note_of_whole_columns_names_them_and_one_of_a_whole_row_marks_the_label() -> None:
    suite = make_suite("demo")
    a, b = otb(suite, "a", 0.5), otb(suite, "b", 0.4)
    note = "all of the column"
    for_column = [
        dataclasses.replace(e, scores=(dataclasses.replace(e.scores[0], note=note), e.scores[1])) for e in (a, b)
    ]
    table = build_table(for_column, suite)
    assert table.footnotes == ()
    assert table.column_notes == (("AUC", note),)
    assert f"AUC: {note}." in table.paragraphs()
    assert all(cell.marks == () for row in table.rows for cell in row.cells)

    table = build_table([otb(suite, "a", 0.5, note="all of the row"), b], suite)
    assert table.footnotes == (("a", "all of the row"),)
    assert table.rows[0].marks == ("a",)
    assert table.rows[0].cells[0].marks == ()


def test_a_note_of_two_columns_is_said_once() -> None:
    suite = make_suite("vot2016", "vot")
    notes = {"eao": "shared; own", "accuracy": "shared"}
    evaluations = [
        dataclasses.replace(e, scores=tuple(dataclasses.replace(s, note=notes.get(s.metric, "")) for s in e.scores))
        for e in (vot(suite, "a", 0.5), vot(suite, "b", 0.4))
    ]
    table = build_table(evaluations, suite, published=False)
    assert table.column_notes == (("EAO, A", "shared"), ("EAO", "own"))
    assert table.columns_explained == "EAO, A: shared; EAO: own."


def test_an_undefined_value_prints_its_reason() -> None:
    suite = make_suite("demo")
    e = otb(suite, "a", 0.5)
    scores = (e.scores[0], dataclasses.replace(e.scores[1], value=None, note="no box was valid"))
    table = build_table([dataclasses.replace(e, scores=scores), otb(suite, "b", 0.4)], suite)
    assert table.rows[0].cells[1].marks == ("a",)
    assert table.footnotes == (("a", "no box was valid"),)


def test_more_notes_than_letters() -> None:
    suite = make_suite("demo")
    table = build_table([otb(suite, f"t{i:02d}", 0.5 - i / 1000, note=f"note {i}") for i in range(30)], suite)
    assert [m for m, _ in table.footnotes][24:29] == ["y", "z", "aa", "ab", "ac"]


def test_what_all_rows_say_stands_once_under_the_table() -> None:
    suite = make_suite("demo")
    table = build_table([otb(suite, n, 0.5, note=f"3 repetitions; run by {n}") for n in "ab"], suite)
    assert "Of all measured rows: 3 repetitions." in table.footer
    assert table.footnotes == (("a", "run by a"), ("b", "run by b"))
    assert [row.marks for row in table.rows] == [("a",), ("b",)]
    assert all(cell.marks == () for row in table.rows for cell in row.cells)
    assert table.rows[0].facts["note"] == "3 repetitions; run by a"


def test_another_convention_than_prints_is_said() -> None:
    suite = make_suite("otb100", n=100, n_total=100)
    text = "Figures from print follow the benchmark's own rules, not pysot."
    assert text in build_table([otb(suite, "KCF", 0.4, convention="pysot")], suite).footer
    assert text not in build_table([otb(suite, "KCF", 0.4)], suite).footer


def test_figures_printed_with_two_digits_keep_them_and_line_up() -> None:
    suite = make_suite("vot2018", "vot", n=60, n_total=60)
    table = build_table([vot(suite, "DaSiamRPN", 0.36)], suite)
    row = next(row for row in table.rows if row.label == "DaSiamRPN (published)")
    cells = {c.metric: cell for c, cell in zip(table.columns, row.cells, strict=True)}
    assert (cells["accuracy"].text, cells["accuracy"].missing_digits) == ("0.59", 1)
    assert (cells["eao"].text, cells["eao"].missing_digits) == ("0.383", 0)


def test_print_does_not_stand_beside_runs_under_another_protocol() -> None:
    """TRE has the metrics of one pass, and figures from print are of one pass."""
    suite = make_suite("otb100", "otb")
    evaluations = [otb(suite, "KCF", 0.5)]
    assert is_comparable(evaluations, suite)
    other = replace(suite, protocol="tre", family="otb-tre")
    scores = tuple(replace(s, protocol="tre") for s in evaluations[0].scores)
    assert not is_comparable([replace(evaluations[0], scores=scores)], other)
