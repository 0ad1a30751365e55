"""`scores.json` is what later tools read: its fields, order and numbers are pinned here."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from spm_bench.errors import ResultsError
from spm_bench.report.scores import score_rows, scores_json
from tests.report.fakes import make_suite, otb, vot

FIELDS = {
    "tracker": str,
    "variant": str,
    "suite": str,
    "protocol": str,
    "metric": str,
    "value": (float, type(None)),
    "n_sequences": int,
    "n_total": int,
    "convention": str,
    "run": str,
    "higher_is_better": bool,
    "trained": str,
    "source": str,
    "note": str,
    "low": (float, type(None)),
    "high": (float, type(None)),
    "level": (float, type(None)),
}
"""Never remove or change one; add at the end."""


def test_the_schema() -> None:
    rows = json.loads(scores_json([vot(make_suite("vot2016", "vot"), "KCF", 0.2)]))
    assert [list(row) for row in rows] == [list(FIELDS)] * 5
    for row in rows:
        for name, kind in FIELDS.items():
            assert isinstance(row[name], kind), name


def test_one_row_exactly() -> None:
    row = score_rows([otb(make_suite(n=14, n_total=100), "KCF", 0.5, trained="no", note="so")])[0]
    assert row == {
        "tracker": "KCF",
        "variant": "base",
        "suite": "otb100",
        "protocol": "one_pass",
        "metric": "auc",
        "value": 0.5,
        "n_sequences": 14,
        "n_total": 100,
        "convention": "otb-matlab",
        "run": "runs/KCF",
        "higher_is_better": True,
        "trained": "no",
        "source": "raw results",
        "note": "so",
        "low": None,
        "high": None,
        "level": None,
    }


def test_rows_are_sorted_by_their_key_whatever_the_order_of_the_trackers() -> None:
    suite = make_suite()
    a, b, v = otb(suite, "a", 0.1), otb(suite, "b", 0.9), otb(suite, "a", 0.3, variant="cm_only")
    text = scores_json([b, v, a])
    assert text == scores_json([a, b, v])
    keys = [(r["tracker"], r["variant"], r["metric"]) for r in json.loads(text)]
    assert keys == sorted(keys)
    assert len(keys) == 6


def test_indented_by_two_and_ends_with_a_line_end() -> None:
    text = scores_json([otb(make_suite(), "追踪", 0.5)])
    assert text.startswith('[\n  {\n    "tracker": "追踪"')
    assert text.endswith("]\n")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_a_value_that_is_no_number_becomes_null_and_is_explained(value: float) -> None:
    text = scores_json([otb(make_suite(), "a", value, note="first")])
    assert "NaN" not in text
    assert "Infinity" not in text
    row = json.loads(text)[0]
    assert row["value"] is None
    assert row["note"].startswith("first; undefined")


def test_all_digits_are_kept() -> None:
    third = float(np.float64(1) / 3)
    assert json.loads(scores_json([otb(make_suite(), "a", np.float64(third))]))[0]["value"] == third


def test_two_results_with_one_name_are_refused() -> None:
    suite = make_suite()
    with pytest.raises(ResultsError, match=r"two results of 'KCF'.*here.*there"):
        score_rows([otb(suite, "KCF", 0.5, run="here"), otb(suite, "KCF", 0.4, run="there")])
