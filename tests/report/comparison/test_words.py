"""The conclusion says what interval and test support, and no more."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from spm_bench.report.comparison.pair import PairComparison
from spm_bench.report.comparison.words import conclusion, lead, p_words
from spm_bench.report.vocabulary import MINUS
from spm_bench.scoring.compare import OPPOSED, Comparison
from tests.report.comparison.fakes import pair
from tests.report.html.fakes import make_suite

C = Comparison(
    "New", "Old", "otb100", "auc", 0.65, 0.6, 0.05, 0.02, 0.08, 0.95, 0.003, 0.003, 60, 10, 30, 0.04, 100, 98
)
NOISE = replace(C, low=-0.01, p=0.2, p_holm=0.2)


@pytest.fixture(scope="module")
def two() -> PairComparison:
    return pair(make_suite(3))


def said(two: PairComparison, *comparisons: Comparison, **attributes: Comparison) -> str:
    return conclusion(replace(two, comparisons=comparisons, by_attribute={n: (c,) for n, c in attributes.items()}))


def test_established_and_not(two: PairComparison) -> None:
    assert lead(C) == (
        "New is better than Old: AUC 0.650 against 0.600 on 100 sequences (98 videos or scenes) "
        "(+.050 [+.020, +.080], p = .003; better on 60 of 100)."
    )
    worse = replace(C, difference=-0.05, low=-0.08, high=-0.02)
    assert lead(worse).startswith("New is worse than Old")
    assert lead(replace(worse, higher_is_better=False)).startswith("New is better than Old")
    text = said(two, NOISE)
    assert text.startswith("New cannot be told from Old")
    assert "better than" not in text
    assert "may be noise. These sequences would show a difference of .040 in four of five" in text
    assert "four of five" not in said(two, C)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n_sequences": 1, "n_units": 1}, "One sequence says nothing about others: New has AUC 0.650 against 0.600"),
        ({"n_sequences": 3, "n_units": 1}, "3 sequences of one video say nothing about others"),
        ({"difference": math.nan}, "cannot be compared by AUC: it is undefined"),
        ({"note": OPPOSED, "side": -1}, "the mean and the ranks of the differences point to opposite sides"),
        ({"n_sequences": 4, "n_units": 4}, "4 videos are too few: no p below .12 is possible"),
    ],
)
def test_what_cannot_be_established(two: PairComparison, change: dict[str, object], words: str) -> None:
    text = said(two, replace(NOISE, **change))  # type: ignore[arg-type]
    assert words.casefold() in text.casefold()
    assert "is better than" not in text


def test_other_metrics_and_attributes(two: PairComparison) -> None:
    sure, unsure = replace(C, metric="precision"), replace(NOISE, metric="normalised_precision", difference=-0.01)
    text = said(two, C, sure, unsure, OCC=C, FM=replace(C, difference=-0.05, low=-0.08, high=-0.02), IV=NOISE)
    assert f"Established too: P@20 (+.050, better). Not established: NormP ({MINUS}.010)." in text
    assert "By attribute, 2 of 3 differences in AUC are established: better on OCC (+.050)" in text
    assert f"; worse on FM ({MINUS}.050)." in text
    assert "By attribute, no difference in AUC is established." in said(two, C, OCC=NOISE)
    assert "By attribute" not in said(two, C)
    many = {f"a{i}": replace(C, difference=0.01 * i) for i in range(1, 9)}
    assert "better on a8 (+.080), a7 (+.070), a6 (+.060), a5 (+.050), a4 (+.040) and 3 more." in said(two, C, **many)


def test_equal_on_every_sequence(two: PairComparison) -> None:
    same = replace(C, difference=0.0, low=0.0, high=0.0, p=1.0, p_holm=1.0, wins=0, ties=100, losses=0)
    eao = replace(same, metric="eao", ties=0)
    assert said(two, eao, same) == "New and Old are equal on all 100 sequences: no score tells them apart."
    assert "equal" not in said(two, replace(eao, difference=0.01), same)


def test_p_as_an_equation() -> None:
    assert [p_words(p) for p in (0.5, 0.0321, 1e-9, math.nan)] == ["p = .50", "p = .032", "p < .001", "no test"]
