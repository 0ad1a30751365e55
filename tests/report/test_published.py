"""Figures from print: only read ones, each with mark and source, units never mixed, names matched but not guessed."""

from __future__ import annotations

import pytest

from spm_bench.report.published import (
    MARKS,
    figures_beside,
    load_published,
    parse_published,
    same_tracker,
)
from spm_bench.report.vocabulary import METRICS

UNVERIFIED = [
    # (suite, tracker, metric, value): figures that circulate, but for which no source was found
    ("got10k-test", "SPM", "ao", 0.513),
    ("got10k-test", "SPM", "sr50", 0.593),
    ("got10k-test", "SPM", "sr75", 0.359),
    ("got10k-test", "KCF", "ao", 0.203),
    ("got10k-test", "MDNet", "ao", 0.299),
    ("got10k-test", "ECO", "ao", 0.316),
    ("got10k-test", "C-COT", "ao", 0.325),
    ("got10k-test", "GOTURN", "ao", 0.347),
    ("got10k-test", "SiamFC", "ao", 0.348),
    ("got10k-test", "SiamFC", "sr50", 0.353),
    ("got10k-test", "SiamFC", "sr75", 0.098),
    ("got10k-test", "SiamRPN", "ao", 0.483),
    ("got10k-test", "SiamRPN++", "sr50", 0.616),
    ("got10k-test", "SiamRPN++", "sr75", 0.325),
    ("got10k-test", "ATOM", "sr50", 0.634),
    ("got10k-test", "ATOM", "sr75", 0.402),
    ("got10k-test", "OSTrack-256", "sr50", 0.804),
    ("got10k-test", "OSTrack-384", "sr50", 0.832),
    ("vot2016", "KCF", "eao", 0.135),
    ("vot2016", "C-COT", "eao", 0.331),
    ("otb100", "C-COT", "precision", 0.824),
]


def find(suite: str, tracker: str, metric: str, detail: str = "") -> list[float]:
    return [
        f.value
        for f in load_published()
        if (f.suite, f.tracker, f.metric, f.detail) == (suite, tracker, metric, detail)
    ]


@pytest.mark.parametrize(("suite", "tracker", "metric", "value"), UNVERIFIED)
def test_no_unverified_figure_is_in_the_file(suite: str, tracker: str, metric: str, value: float) -> None:
    known = [f.value for f in load_published() if f.suite == suite and f.tracker == tracker and f.metric == metric]
    assert value not in known


def test_trackers_without_any_verified_figure_are_absent() -> None:
    for suite, tracker in (("got10k-test", "SPM"), ("vot2016", "KCF"), ("vot2016", "C-COT"), ("otb50", "SPM")):
        assert not [f for f in load_published() if f.suite == suite and f.tracker == tracker]
    assert not [f for f in load_published() if "unverified" in f"{f.mark} {f.source} {f.note} {f.detail}"]


def test_every_figure_is_well_formed() -> None:
    for figure in load_published():
        assert figure.mark in MARKS
        assert figure.source
        assert figure.metric in METRICS or figure.metric == "failures_per_sequence"
        assert figure.suite in {"otb2013", "otb50", "otb100", "got10k-test", *(f"vot{y}" for y in range(2013, 2020))}
        assert 0 < figure.value < (1.5 if figure.metric == "failures_per_sequence" else 1)
        assert round(figure.value, figure.digits) == figure.value or figure.digits == 3


@pytest.mark.parametrize(
    ("suite", "tracker", "metric", "value"),
    [
        ("otb100", "SPM", "auc", 0.687),
        ("otb100", "SPM", "precision", 0.899),
        ("otb2013", "SPM", "auc", 0.693),
        ("vot2016", "SPM", "eao", 0.434),
        ("vot2016", "SPM", "robustness", 0.210),
        ("vot2017", "SPM", "eao", 0.338),
        ("otb100", "SiamRPN++", "auc", 0.696),
        ("otb50", "KCF", "auc", 0.403),
        ("vot2018", "DaSiamRPN", "eao", 0.383),
        ("vot2019", "SiamRPN++", "robustness", 0.467),
    ],
)
def test_spot_checks(suite: str, tracker: str, metric: str, value: float) -> None:
    assert find(suite, tracker, metric) == [value]


def test_the_headline_figures_of_spm_are_from_the_paper_and_the_others_say_what_they_are() -> None:
    marks = {(f.suite, f.metric): f.mark for f in load_published() if f.tracker == "SPM" and not f.detail}
    assert marks["otb100", "auc"] == marks["vot2016", "eao"] == "paper"
    assert marks["otb100", "precision"] == marks["vot2016", "robustness"] == "repo, 2nd hand"


def test_raw_failure_counts_are_not_robustness_per_100_frames() -> None:
    raw = {(f.suite, f.tracker): f.value for f in load_published() if f.metric == "failures_per_sequence"}
    assert raw["vot2015", "SiamRPN"] == 1.13
    assert raw["vot2016", "C-RPN"] == 0.95
    assert not [f for f in load_published() if f.metric == "robustness" and (f.suite, f.tracker) in raw]


@pytest.mark.parametrize(
    ("folder", "printed", "same"),
    [
        ("C-COT", "C-COT", True),
        ("ccot", "C-COT", True),
        ("STAPLE", "Staple", True),
        ("SiamFC-3s", "SiamFC", True),
        ("SiamRPN", "SiamRPN++", False),
        ("SiamRPN++", "SiamRPN", False),
        ("DaSiamRPN", "SiamRPN", False),
        ("ECO", "ECO-HC", False),
        ("SPM-Tracker", "SPM", True),
    ],
)
def test_names(folder: str, printed: str, same: bool) -> None:
    assert same_tracker(folder, printed) is same


def test_beside_measured_trackers_stand_their_main_figures_and_spm() -> None:
    assert {(f.tracker, f.detail) for f in figures_beside("otb100", ["SiamFC-3s"])} == {("SiamFC", ""), ("SPM", "")}
    assert {f.tracker for f in figures_beside("vot2016", [])} == {"SPM"}
    # CFNet's figures are of its two depths: there is no main one
    assert {f.detail for f in figures_beside("otb100", ["CFNet"]) if f.tracker == "CFNet"} == {"conv3", "conv5"}
    # of SPM itself all re-runs are worth seeing
    assert len({f.detail for f in figures_beside("otb100", ["SPM"])}) == 5
    assert figures_beside("demo", ["SPM"]) == ()


@pytest.mark.parametrize(
    "change",
    [{"mark": "unverified"}, {"mark": ""}, {"source": ""}, {"value": float("nan")}, {"value": -0.1}],
)
def test_a_row_without_mark_source_or_number_is_refused(change: dict[str, object]) -> None:
    row = {"tracker": "T", "suite": "otb100", "metric": "auc", "value": 0.5, "mark": "repo", "source": "s"}
    assert len(parse_published({"figures": [row]})) == 1
    with pytest.raises(ValueError, match="T"):
        parse_published({"figures": [{**row, **change}]})
    with pytest.raises(ValueError, match="twice"):
        parse_published({"figures": [row, row]})
