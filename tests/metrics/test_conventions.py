"""The table of rule sets: complete, looked up kindly, extended by an instance; and what each disagreement is worth."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from spm_bench.errors import UsageError
from spm_bench.metrics.conventions import (
    CONVENTIONS,
    FAILS,
    PASSES,
    Convention,
    default_convention,
    get_convention,
)
from spm_bench.metrics.success import headlines, measure_frames, pass_curves
from tests.metrics.references import FRAMES, difficult_run, headline_values

ONE_BASED = np.array((1.0, 1.0, 0.0, 0.0))


def scores(results: np.ndarray, truth: np.ndarray, convention: Convention, **labels: np.ndarray) -> dict[str, float]:
    """Metric -> value of one sequence given in 0-based boxes."""
    frames = measure_frames(results, truth, [len(truth)], convention, **labels)
    return {k: float(v[0]) for k, v in headlines(pass_curves(frames, [len(truth)], convention), convention).items()}


def test_every_required_tool_is_there_with_its_source() -> None:
    names = [c.name for c in CONVENTIONS]
    assert {"otb-matlab", "got10k-toolkit", "pysot", "pytracking", "lasot", "trackingnet", "got10k"} <= set(names)
    assert len(set(names)) == len(names)
    assert all(c.source and c.name == c.name.casefold() for c in CONVENTIONS)


def test_every_field_is_explained() -> None:
    assert Convention.__doc__ is not None
    assert [f.name for f in fields(Convention) if f.name not in Convention.__doc__] == []


def test_lookup_ignores_case_and_helps_with_typos() -> None:
    assert get_convention("PySOT").name == "pysot"
    with pytest.raises(UsageError, match="Did you mean pytracking"):
        get_convention("pytrackin")


def test_each_family_has_its_benchmarks_rules() -> None:
    assert default_convention("otb").name == "otb-matlab"
    assert default_convention("got10k").name == "got10k"
    assert default_convention("otb", "lasot").name == "lasot"
    assert default_convention("got10k", "lasot").name == "got10k", "run under another protocol, other rules hold"


@pytest.mark.parametrize(
    "broken",
    [{"overlap_thresholds": (0.0, 0.5, 0.5)}, {"error_thresholds": (1.0,)}, {"precision_at": 20.5}],
)
def test_impossible_rules_are_refused(broken: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="threshold"):
        replace(get_convention("otb-matlab"), name="broken", **broken)


@pytest.mark.parametrize("name", sorted(FRAMES))
@pytest.mark.parametrize("seed", range(5))
def test_each_tool_equals_its_plain_loop(name: str, seed: int) -> None:
    results, truth = difficult_run(seed)
    expected = headline_values(FRAMES[name](results.tolist(), truth.tolist()), name)
    found = scores(results - ONE_BASED, truth - ONE_BASED, get_convention(name))
    assert found == pytest.approx(expected, abs=1e-12)


def test_the_tools_really_differ_on_difficult_input() -> None:
    results, truth = difficult_run(0)
    found = {n: tuple(scores(results - ONE_BASED, truth - ONE_BASED, get_convention(n)).values()) for n in FRAMES}
    assert found["lasot"] == found["otb-matlab"], "they differ only in frames labelled absent"
    del found["lasot"]
    assert len(set(found.values())) == len(found)


@pytest.mark.parametrize(("name", "value"), [("otb-matlab", 20 / 21), ("pysot", 20 / 21), ("lasot", 20 / 21)])
def test_a_perfect_tracker_gets_20_of_21_because_no_overlap_exceeds_1(name: str, value: float) -> None:
    truth = np.array([[5.0, 5, 10, 10], [6, 7, 12, 9]])
    found = scores(truth, truth, get_convention(name))
    assert found["auc"] == pytest.approx(value, abs=1e-15)
    assert found["precision"] == 1.0
    assert found["normalised_precision"] == 1.0


TRUTH = np.array([[10.0, 10, 20, 20]] * 4)


def moved(pixels: float) -> np.ndarray:
    return TRUTH + np.array((pixels, 0, 0, 0))


FAR = moved(100)


@pytest.mark.parametrize(
    ("field", "values", "results", "truth", "metric", "expected"),
    [
        # a frame at exactly 20 px
        ("error_inclusive", (True, False), moved(20), TRUTH, "precision", (1.0, 0.25)),
        # overlap 1 at threshold 1
        ("overlap_inclusive", (False, True), TRUTH, TRUTH, "auc", (20 / 21, 1.0)),
        # one annotation of four is blank, the tracker is right elsewhere
        (
            "invalid_error",
            (PASSES, FAILS),
            TRUTH,
            np.array([[10.0, 10, 20, 20]] * 3 + [[0, 0, 0, 0]]),
            "precision",
            (1.0, 0.75),
        ),
        # x = 0 in the benchmark's coordinates
        (
            "valid_for_overlap",
            ("all-positive", "size-positive"),
            np.array([[-1.0, 10, 20, 20]] * 4),
            np.array([[-1.0, 10, 20, 20]] * 4),
            "auc",
            (0.0, 20 / 21),
        ),
        # the first frame's result is wrong
        (
            "first_frame",
            ("ground-truth", "as-is"),
            np.array([FAR[0], TRUTH[1], TRUTH[2], TRUTH[3]]),
            TRUTH,
            "precision",
            (1.0, 0.75),
        ),
        # the last result is NaN after a good one
        (
            "invalid_result",
            ("previous", "as-is"),
            np.array([*TRUTH[:3], [np.nan] * 4]),
            TRUTH,
            "precision",
            (1.0, 0.75),
        ),
        # half a pixel is rounded away
        ("rounded", (False, True), moved(20.4), TRUTH, "precision", (0.25, 1.0)),
        # 20.00004 px is 20 px in four decimals
        ("error_decimals", (None, 4), moved(20.00004), TRUTH, "precision", (0.25, 1.0)),
        ("precision_at", (20.0, None), moved(20), TRUTH, "precision", (1.0, (51 + 3 * 31) / 204)),
        (
            "normalised_at",
            (0.2, None),
            moved(5),
            TRUTH,
            "normalised_precision",
            (0.25, (51 + 3 * 26) / 204),
        ),
        ("area", ("mean", "trapezoid"), TRUTH, TRUTH, "auc", (20 / 21, 1 - 0.5 / 20)),
        ("absent_labels", ((), ("absent",)), TRUTH, TRUTH, "precision", (1.0, 0.75)),
    ],
)
def test_each_rule_and_what_it_is_worth(
    field: str,
    values: tuple[object, object],
    results: np.ndarray,
    truth: np.ndarray,
    metric: str,
    expected: tuple[float, float],
) -> None:
    for value, number in zip(values, expected, strict=True):
        rules = replace(get_convention("otb-matlab"), name="one rule", **{field: value})
        absent = np.array([False, False, True, False]) if value == ("absent",) else None
        found = scores(results, truth, rules, absent=absent)
        name = "precision_area" if metric == "precision" and rules.precision_at is None else metric
        assert found[name] == pytest.approx(number, abs=1e-12), value


DIFFERENCES = {
    "spm-release": {"invalid_result": "as-is", "error_decimals": 4, "error_inclusive": False},
    "got10k-toolkit": {
        "invalid_result": "as-is",
        "valid_for_overlap": "any",
        "valid_for_error": "any",
        "normalised_at": None,
        "speed": "mean-inverse",
    },
    "pysot": {
        "first_frame": "as-is",
        "invalid_result": "as-is",
        "valid_for_overlap": "size-positive",
        "valid_for_error": "centre-positive",
        "absent_labels": ("absent",),
    },
    "pytracking": {"valid_for_overlap": "size-positive", "valid_for_error": "size-positive", "invalid_error": np.inf},
    "lasot": {"absent_labels": ("absent",)},
    "trackingnet": {
        "origin": 0,
        "invalid_result": "as-is",
        "valid_for_overlap": "any",
        "valid_for_error": "any",
        "rounded": True,
        "error_thresholds": tuple(k * 2.5 for k in range(21)),
        "normalised_thresholds": tuple(k * 0.025 for k in range(21)),
        "overlap_inclusive": True,
        "area": "trapezoid",
        "precision_at": None,
        "normalised_at": None,
        "coverage": True,
    },
    "got10k": {
        "scheme": "average-overlap",
        "origin": 0,
        "first_frame": "excluded",
        "invalid_result": "as-is",
        "valid_for_overlap": "any",
        "valid_for_error": "any",
        "bounding": "clamp",
        "overlap_thresholds": tuple(k / 100 for k in range(101)),
    },
}
"""What the evaluators named do otherwise than the OTB toolkit, read from their sources."""


@pytest.mark.parametrize("name", DIFFERENCES)
def test_rules_of_each_evaluator(name: str) -> None:
    """A rule that changes unnoticed would change numbers that are compared with other people's."""
    base, rules = get_convention("otb-matlab"), get_convention(name)
    told = {f.name for f in fields(Convention)} - {"name", "source"}
    for field in told:
        expected = DIFFERENCES[name].get(field, getattr(base, field))
        if field.endswith("thresholds"):
            np.testing.assert_allclose(getattr(rules, field), expected, rtol=0, atol=1e-12)
        else:
            assert getattr(rules, field) == expected, field


def test_cutting_is_all_that_got10k_cut_changes() -> None:
    rules = get_convention("got10k-cut")
    assert replace(get_convention("got10k"), name=rules.name, source=rules.source, bounding="cut") == rules
