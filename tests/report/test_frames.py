"""Tidy frames: one row per thing, with all that figures need, and nothing made up where a number is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from spm_bench.errors import ResultsError
from spm_bench.report import frames, tidy
from spm_bench.scoring.timeline import Timeline
from tests.report.fakes import NASTY, banded, make_suite, otb, vot


def test_scores_become_rows_and_undefined_ones_nan() -> None:
    suite = make_suite("vot2016", "vot")
    frame = frames.score_frame([vot(suite, "a", None), vot(suite, NASTY, 0.3, trained="no")])
    assert list(frame.columns) == list(frames.SCORES)
    assert len(frame) == 2 * 5
    eao = frame[frame["metric"] == "eao"]
    assert eao["tracker"].tolist() == ["a", NASTY]
    assert eao["look"].tolist() == [0, 1]
    assert eao["untrained"].tolist() == [False, True]
    assert np.isnan(eao["value"].iloc[0])
    assert not frame[frame["metric"] == "failures"]["higher_is_better"].any()
    assert frames.score_frame([]).columns.tolist() == list(frames.SCORES)


def test_a_curve_has_a_row_per_point_and_its_band() -> None:
    suite = make_suite()
    first, second = banded(otb(suite, "a", 0.5)), otb(suite, "b", 0.6)
    frame = frames.curve_frame([first, second], "success", metric="auc")
    assert list(frame.columns) == list(frames.CURVE)
    own = frame[frame["tracker"] == "a"]
    np.testing.assert_array_equal(own["x"], first.curves["success"].x)
    np.testing.assert_array_equal(own["y"], first.curves["success"].y)
    assert (own["low"] < own["y"]).all()
    assert (own["high"] > own["y"]).all()
    assert own["score"].unique().tolist() == [0.5]
    assert frame[frame["tracker"] == "b"]["low"].isna().all()
    assert frames.curve_frame([first], "eao", metric="eao").empty


def test_bands_are_made_for_the_best_only_if_asked() -> None:
    suite = make_suite()
    found = [banded(otb(suite, name, auc)) for name, auc in (("low", 0.2), ("high", 0.7), ("none", None))]
    frame = frames.curve_frame(found, "success", metric="auc", bands=1)
    assert frame[frame["low"].notna()]["tracker"].unique().tolist() == ["high"]
    assert frames.curve_frame(found, "success", metric="auc", bands=0)["low"].isna().all()
    assert frames.curve_frame(found, "success", metric="auc")["low"].notna().all()


def test_differences_are_of_sequences_that_both_have() -> None:
    suite = make_suite()
    first, second = otb(suite, "a", 0.6), otb(suite, "b", 0.3)
    fewer = replace(second, per_sequence=second.per_sequence.iloc[1:])
    deltas = frames.delta_frame(frames.sequence_frame([first, fewer], "auc"), "a", "b")
    assert deltas["sequence"].tolist() == ["seq1", "seq2"]
    assert deltas["delta"].tolist() == pytest.approx([0.3 - 0.15, 0.6 - 0.3])
    assert list(deltas.columns) == list(frames.DELTAS)
    assert frames.delta_frame(frames.sequence_frame([first], "auc"), "a", "nobody").empty


def test_attributes_and_sequences_of_nothing_are_empty() -> None:
    suite = make_suite("vot2016", "vot", n=0)
    for frame, columns in (
        (frames.attribute_frame([vot(suite, "a", 0.3)], "auc"), frames.ATTRIBUTES),
        (frames.sequence_frame([vot(suite, "a", 0.3)], "auc"), frames.SEQUENCES),
        (frames.timeline_frame({}), frames.TIMELINE),
    ):
        assert frame.empty
        assert list(frame.columns) == list(columns)


def test_the_demos_steps_are_points_of_response_curves() -> None:
    steps = frames.demo_response()
    assert "calm" not in steps
    looks = [steps[f"lookalike-{level}"] for level in (1, 2, 3, 4)]
    assert [step.level for step in looks] == [1, 2, 3, 4]
    assert looks[3].step == "6\n0.93"
    assert len({(step.axis, step.scene, step.about) for step in looks}) == 1
    suite = make_suite("demo")
    evaluation = otb(suite, "a", 0.5)
    values = pd.DataFrame({"sequence": ["calm", "lookalike-2", "blur-4"], "metric": "auc", "value": [0.9, 0.5, 0.1]})
    frame = frames.step_frame([replace(evaluation, per_sequence=values)], "auc", steps)
    assert list(frame.columns) == list(frames.STEPS)
    assert frame[["axis", "level", "value"]].values.tolist() == [["lookalike", 2, 0.5], ["blur", 4, 0.1]]


def test_timelines_become_rows_with_their_events() -> None:
    line = Timeline(np.array([1.0, 0.4, 0.0, np.nan]), np.zeros((4, 4)), np.array([1, 3, 2, 0], dtype=np.int8), 1)
    frame = frames.timeline_frame({"a": {"s": line}, "b": {"s": line, "t": line}})
    assert list(frame.columns) == list(frames.TIMELINE)
    assert len(frame) == 12
    assert frame[frame["tracker"] == "a"]["event"].tolist() == ["start", "", "failure", ""]
    assert frame["look"].unique().tolist() == [0, 1]
    assert np.isnan(frame["overlap"].iloc[3])


def test_trackers_of_one_name_stay_apart() -> None:
    suite = make_suite()
    frame = frames.curve_frame([otb(suite, "same", 0.2), otb(suite, "same", 0.6)], "success", metric="auc")
    assert [entry.score for entry in tidy.entries(frame)] == [0.6, 0.2]


def test_entries_are_ordered_by_score_in_its_direction() -> None:
    frame = pd.DataFrame({"tracker": ["b", "a", "none", "c"], "score": [0.2, 0.2, np.nan, 0.5]})
    assert [entry.name for entry in tidy.entries(frame)] == ["c", "a", "b", "none"]
    assert [entry.name for entry in tidy.entries(frame.assign(higher_is_better=False))] == ["a", "b", "c", "none"]
    assert [entry.name for entry in tidy.entries(frame.drop(columns="score"))] == ["b", "a", "none", "c"]
    looks = {entry.name: entry.look for entry in tidy.entries(frame)}
    assert len(set(looks.values())) == 4


def test_what_a_figure_lacks_is_named() -> None:
    with pytest.raises(ResultsError, match=r"columns b, c") as caught:
        tidy.require(pd.DataFrame({"a": [1]}), ("a", "b", "c"), "a figure")
    assert caught.value.remedy == "Columns at hand: a"
    with pytest.raises(ResultsError, match="no row"):
        tidy.require(pd.DataFrame({"a": []}), ("a",), "a figure")
