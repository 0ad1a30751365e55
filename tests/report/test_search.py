"""The document of a search: the verdict, what is marked, what is warned of, and figures of odd searches."""

from __future__ import annotations

import csv
import json
import math
import re
from dataclasses import replace

import pytest
from matplotlib.colors import to_rgba

from spm_bench.errors import ResultsError
from spm_bench.report import style
from spm_bench.report.search import (
    TUNED_MARK,
    Part,
    SearchDocument,
    SearchTrial,
    print_search,
    result_rows,
    search_json,
    verdict,
    warnings_of,
    write_search,
)
from spm_bench.report.search_figures import history_figure, slices_figure, transfer_figure
from spm_bench.scoring.compare import Comparison
from tests.report.fakes import NASTY, make_suite, otb, vot

COMPARED = Comparison(
    label="trial 2", base="base", suite="otb100", metric="auc", value=0.62, base_value=0.6, difference=0.02,
    low=0.005, high=0.04, level=0.95, p=0.01, p_holm=0.01, wins=5, ties=1, losses=2, detectable=0.015,
    n_sequences=8, n_units=7,
)  # fmt: skip
BASE = {"window_weight": 0.5, "border": "mean", "fm_box": True, "ratios": [0.5, 1.0]}


def trial(number, state="complete", value=None, **settings):
    running = {1: 0.4, 3: 0.45} if state in ("pruned", "complete") else {}
    return SearchTrial(number, state, {**BASE, **settings}, value, running, f"runs/otb100/SPM-{number}", "")


TRIALS = (
    trial(0, value=0.6),
    trial(1, "pruned", window_weight=0.9),
    trial(2, value=0.66, window_weight=0.3, fm_box=False),
    replace(trial(3, "failed", border="zero"), note="failed on Box: it broke"),
    replace(trial(4, "impossible", ratios=[2.0]), running={}, run="", note="too many"),
    trial(5, value=0.58, border="zero", ratios=[2.0]),
)


def document(**changes):
    suite = make_suite(n=8, n_total=100)
    evaluations = [otb(suite, "SPM", 0.6), otb(suite, "SPM", 0.62, variant="window_weight=0.3")]
    fields = {
        "name": "tune",
        "question": "Which window?",
        "expected": "none",
        "command": "spm-bench search tune",
        "suite": suite,
        "metric": "auc",
        "higher_is_better": True,
        "space": dict.fromkeys(BASE, "something"),
        "log": frozenset(),
        "base": BASE,
        "base_label": "SPM (base)",
        "trials": TRIALS,
        "best": 2,
        "best_label": "trial 2",
        "asked": 6,
        "tuned": Part(("a", "b", "c"), 3, *evaluations),
        "held_out": Part(tuple(f"seq{i}" for i in range(8)), 7, *evaluations),
        "comparisons": (COMPARED, replace(COMPARED, metric="precision", low=math.nan, high=math.nan, p=math.nan)),
        "importance": {"window_weight": 0.9, "border": 0.1},
        "looks": (6,),
        "frames": (1000, 600),
    }
    return SearchDocument(**{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, r"AUC changes by \+0\.020 \[\+0\.005, \+0\.040\].* are better than the base there, beyond chance"),
        ({"difference": -0.02, "low": -0.04, "high": -0.005}, "are worse than the base there"),
        ({"low": -0.01}, "within chance.*established no improvement"),
        ({"p_holm": 0.2}, "within chance"),
        ({"low": math.nan, "high": math.nan, "p_holm": math.nan}, r"by \+0\.020: this is within chance"),
    ],
)
def test_the_verdict_is_that_of_the_held_out_part(changes, told):
    found = document(comparisons=(replace(COMPARED, **changes),))
    assert re.search(told, verdict(found)), verdict(found)


def test_a_search_that_found_nothing_says_so():
    nothing = document(best=0, comparisons=(), held_out=replace(document().held_out, best=None))
    assert "found nothing" in verdict(nothing)
    assert [row.part for row in result_rows(nothing)] == ["held out", "tuned", "tuned"]
    assert "could not be compared" in verdict(document(comparisons=()))


def test_tuned_rows_are_marked_and_bare():
    rows = result_rows(document())
    assert [(row.part, row.label) for row in rows] == [
        ("held out", "SPM (base)"), ("held out", "trial 2"), ("tuned", "SPM (base)"), ("tuned", "trial 2"),
    ]  # fmt: skip
    assert [row.mark for row in rows] == ["", "", TUNED_MARK, TUNED_MARK]
    judged, tuned = rows[1], rows[3]
    assert (judged.difference, judged.difference_low, judged.p, judged.wins_ties_losses) == (0.02, 0.005, 0.01, "5/1/2")
    assert tuned.difference == pytest.approx(0.02)
    assert tuned.difference_low is tuned.p is tuned.low is None
    assert judged.settings == "window_weight = 0.3, fm_box = false"


@pytest.mark.parametrize(
    ("changes", "told", "untold"),
    [
        ({}, "tuned on test", "too small"),
        (
            {"comparisons": (replace(COMPARED, detectable=0.05),)},
            "shows a difference of 0.050 AUC with 80 % power",
            "few",
        ),
        ({"comparisons": (replace(COMPARED, n_units=5),)}, "5 videos or scenes: too few for any test", "power"),
        ({"looks": (6, 9)}, "looked at 2 times (after 6, 9 trials)", "power"),
        ({"best": 0, "comparisons": ()}, "", "tuned on test"),
    ],
)
def test_warnings(changes, told, untold):
    text = " ".join(warnings_of(document(**changes)))
    assert told in text
    assert untold not in text


def test_all_forms_say_the_same(tmp_path):
    written = write_search(document(), tmp_path)
    assert {p.name for p in written} == {p.name for p in tmp_path.iterdir()}
    assert written[0].name == "README.md"
    record = json.loads((tmp_path / "search.json").read_text())
    assert record == json.loads(search_json(document()))
    assert record["best_settings"] == dict(TRIALS[2].settings)
    assert record["comparisons"][1]["p"] is None
    with (tmp_path / "trials.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["state"] for row in rows] == [t.state for t in TRIALS]
    assert [row["tuned_auc"] for row in rows] == ["0.6", "", "0.66", "", "", "0.58"]
    assert json.loads(rows[5]["ratios"]) == [2.0]
    assert [TUNED_MARK in row["note"] for row in rows] == [True, False, True, False, False, True]
    page = (tmp_path / "README.md").read_text()
    assert "3 complete, 1 pruned, 1 failed, 1 impossible" in page
    assert "Pruning left out 40% of the frames" in page
    assert "spm-bench search tune" in page
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert len(scores) == 4


def test_names_that_break_things_break_nothing(tmp_path, capsys):
    nasty = document(name=NASTY, question=NASTY, base_label=NASTY, best_label=NASTY, failures=(NASTY,), notes=(NASTY,))
    write_search(nasty, tmp_path)
    page = (tmp_path / "README.md").read_text()
    assert "<script>" not in page
    table = [line for line in page.splitlines() if line.startswith(("| held out", "| *tuned*"))]
    assert {line.replace("\\|", "").count("|") for line in table} == {10}
    print_search(nasty)
    assert "script" in capsys.readouterr().out


def test_the_same_document_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_search(document(), tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_without_a_trial_there_is_nothing_to_write(tmp_path):
    with pytest.raises(ResultsError, match="no finished trial"):
        write_search(document(trials=()), tmp_path)


def shown(figure):
    """All texts of a figure, once it is drawn."""
    style.to_png(figure)
    return [t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text") and a.get_visible())]


def test_the_history_shows_the_best_so_far_in_either_direction():
    for up, expected in ((True, [0.6, 0.66, 0.66, 0.66]), (False, [0.6, 0.6, 0.58, 0.58])):
        figure = history_figure(TRIALS, metric="auc", higher_is_better=up, best=2)
        steps = [line for line in figure.axes[0].lines if line.get_drawstyle() == "steps-post"]
        assert list(steps[0].get_ydata()) == expected
        pruned = [line for line in figure.axes[0].lines if list(line.get_xdata()) == [1]]
        assert list(pruned[0].get_ydata()) == [0.45]


def test_slices_have_a_panel_for_each_setting_whatever_its_type():
    figure = slices_figure(TRIALS, metric="auc", best=2, base=BASE, log=["window_weight"], importance={"border": 0.25})
    texts = shown(figure)
    for text in ("window_weight", "border (importance 0.25)", "fm_box", "ratios", "false", "true", '"mean"', "[2.0]"):
        assert text in texts
    assert [axes.get_visible() for axes in figure.axes] == [True] * 4 + [False] * 2
    assert figure.axes[0].get_xscale() == "log"
    assert {"0.3", "0.5"} <= set(texts)
    assert not any("mathdefault" in text for text in texts)
    assert len(figure.axes[1].collections[0].get_offsets()) == 3


def test_the_transfer_shows_both_parts_and_each_sequence():
    suite = make_suite(n=4)
    pair = otb(suite, "SPM", 0.5), otb(suite, "SPM", 0.7, variant="x")
    figure = transfer_figure(pair, pair, metric="auc", title=NASTY)
    texts = shown(figure)
    assert any("tuned\n(4 sequences)" in text for text in texts)
    assert any("held out\n(4 sequences)" in text for text in texts)
    bars = figure.axes[1].patches
    assert sorted(round(bar.get_width(), 9) for bar in bars) == sorted([0.0, 0.066666667, 0.133333333, 0.2] * 2)
    assert len({to_rgba(bar.get_facecolor()) for bar in bars}) == 2


def test_a_metric_without_values_per_sequence_has_no_bars():
    suite = make_suite("vot2016", "vot")
    pair = vot(suite, "SPM", 0.3), vot(suite, "SPM", None, variant="x")
    figure = transfer_figure(pair, pair, metric="eao")
    assert len(figure.axes) == 1
    assert style.to_png(figure)


@pytest.mark.parametrize("trials", [TRIALS[:1], TRIALS[:2]])
def test_one_trial_is_enough_for_figures(trials):
    assert style.to_png(history_figure(trials, metric="auc", higher_is_better=True, best=0))
    assert style.to_png(slices_figure(trials, metric="auc", best=0, base=BASE))
