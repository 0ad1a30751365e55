"""What the evaluation reports, what it refuses, and how sequences, repetitions and attributes are put together."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from spm_bench.errors import DataError, ResultsError, UsageError
from spm_bench.metrics.conventions import get_convention
from spm_bench.metrics.success import headlines, measure_frames, pass_curves
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.evaluate import evaluate
from spm_bench.scoring.one_pass import evaluate_one_pass
from spm_bench.scoring.passes import collect_passes
from spm_bench.suites.base import Sequence
from tests.scoring.fakes import TRUTH, MemoryResults, make_suite, one_pass

PERFECT = 20 / 21


def moved(pixels: float, n: int = len(TRUTH)) -> np.ndarray:
    """Results that are right in the first frame and off by some pixels after it."""
    boxes = np.repeat(TRUTH[:1], n, axis=0)
    boxes[1:, 0] += pixels
    return boxes


def value(evaluation: Evaluation, sequence: str, metric: str) -> float:
    frame = evaluation.per_sequence
    return float(frame[(frame["sequence"] == sequence) & (frame["metric"] == metric)]["value"].item())


def attribute(evaluation: Evaluation, name: str, metric: str) -> tuple[float, int]:
    """Value and number of sequences in the table; the attribute's statistic must say the same."""
    frame = evaluation.per_attribute
    assert frame is not None
    row = frame[(frame["attribute"] == name) & (frame["metric"] == metric)]
    found, part = (float(row["value"].item()), int(row["n_sequences"].item())), evaluation.attributes[name]
    assert (part.statistics[metric].value, len(part.sequences)) == (pytest.approx(found[0], abs=1e-12), found[1])
    return found


def test_otb_scores_come_in_the_order_of_tables_with_all_that_identifies_them() -> None:
    suite = make_suite(Sequence("a", TRUTH), Sequence("b", TRUTH))
    results = MemoryResults(
        {"a": (one_pass(TRUTH, 0.1),), "b": (one_pass(moved(30), 0.3),)}, trained="no", note="tuned"
    )
    evaluation = evaluate(suite, results)
    assert [s.metric for s in evaluation.scores] == ["auc", "precision", "normalised_precision", "fps"]
    assert evaluation.label == "Fake"
    auc, precision, _, fps = evaluation.scores
    assert precision.value == pytest.approx((1 + 1 / 5) / 2)
    assert auc.value == pytest.approx((PERFECT + PERFECT / 5) / 2)
    assert fps.value == pytest.approx(10 / 2.0)
    assert (auc.convention, auc.n_sequences, auc.n_total, auc.suite, auc.run) == (
        "otb-matlab",
        2,
        2,
        "tiny",
        "somewhere",
    )
    assert (auc.trained, auc.note, auc.source, auc.higher_is_better) == ("no", "tuned", "raw results", True)
    assert fps.note == "tuned; frames / seconds, times as the raw results give them"
    assert evaluation.extra["rules"] == get_convention("otb-matlab").source
    json.dumps([s.to_json() for s in evaluation.scores], allow_nan=False)


def test_per_sequence_values_are_tidy_and_their_mean_is_the_score() -> None:
    suite = make_suite(Sequence("a", TRUTH), Sequence("b", TRUTH))
    evaluation = evaluate(suite, MemoryResults({"a": (one_pass(moved(3)),), "b": (one_pass(moved(12)),)}))
    frame = evaluation.per_sequence
    assert list(frame.columns) == ["sequence", "metric", "value"]
    assert len(frame) == 6
    assert frame["value"].dtype == np.float64
    for metric, found in frame.groupby("metric")["value"]:
        assert found.mean() == pytest.approx(evaluation.score(str(metric)).value)


def test_curves_are_the_mean_over_sequences_and_give_the_scores() -> None:
    suite = make_suite(Sequence("a", TRUTH), Sequence("b", TRUTH))
    evaluation = evaluate(suite, MemoryResults({"a": (one_pass(moved(3)),), "b": (one_pass(moved(12)),)}))
    assert {n: len(c.x) for n, c in evaluation.curves.items()} == {
        "success": 21,
        "precision": 51,
        "normalised_precision": 51,
    }
    assert evaluation.curves["success"].y.mean() == pytest.approx(evaluation.score("auc").value)
    assert evaluation.curves["precision"].y[20] == evaluation.score("precision").value
    assert evaluation.curves["normalised_precision"].y[20] == evaluation.score("normalised_precision").value


def test_repetitions_are_averaged_within_their_sequence() -> None:
    suite = make_suite(Sequence("a", TRUTH), Sequence("b", TRUTH))
    results = MemoryResults({"a": (one_pass(moved(30)), one_pass(TRUTH)), "b": (one_pass(TRUTH),)})
    evaluation = evaluate(suite, results)
    assert value(evaluation, "a", "precision") == pytest.approx((0.2 + 1) / 2)
    assert evaluation.score("precision").value == pytest.approx(0.8), "a counts as much as b"


def test_the_order_of_sequences_is_irrelevant() -> None:
    rng = np.random.default_rng(0)
    sequences = [Sequence(str(i), TRUTH + rng.uniform(0, 3, TRUTH.shape)) for i in range(6)]
    results = MemoryResults({s.name: (one_pass(s.ground_truth + rng.normal(0, 6, TRUTH.shape)),) for s in sequences})
    straight, reversed_ = (evaluate(make_suite(*order), results) for order in (sequences, sequences[::-1]))
    for a, b in zip(straight.scores, reversed_.scores, strict=True):
        assert a.value == pytest.approx(b.value, abs=1e-15)


def test_missing_sequences_are_an_error_that_names_them() -> None:
    suite = make_suite(*(Sequence(name, TRUTH) for name in "abcdefgh"), n_total=10)
    results = MemoryResults({"a": (one_pass(TRUTH),)})
    with pytest.raises(
        ResultsError, match=r"somewhere: no results for 7 of 8 sequences: b, c, d, e, f, \.\.\."
    ) as error:
        evaluate(suite, results)
    assert "--allow-missing" in str(error.value)
    score = evaluate(suite, results, allow_missing=True).score("auc")
    assert (score.n_sequences, score.n_total, score.value) == (1, 10, pytest.approx(PERFECT))


@pytest.mark.parametrize("allow_missing", [False, True])
def test_nothing_to_score_is_an_error(allow_missing: bool) -> None:
    with pytest.raises(ResultsError, match="no results for any of the 1 sequences of Tiny"):
        evaluate(make_suite(Sequence("a", TRUTH)), MemoryResults({}), allow_missing=allow_missing)
    with pytest.raises(ResultsError, match="the suite is empty"):
        evaluate(make_suite(), MemoryResults({}), allow_missing=allow_missing)


def test_a_cut_result_is_refused_not_counted_as_misses() -> None:
    suite = make_suite(Sequence("a", TRUTH))
    with pytest.raises(ResultsError, match="4 frames of a, which has 5"):
        evaluate(suite, MemoryResults({"a": (one_pass(TRUTH[:4]),)}))
    with pytest.raises(ResultsError, match="no repetition of a"):
        evaluate(suite, MemoryResults({"a": ()}))


def test_a_mistyped_convention_gets_help() -> None:
    with pytest.raises(UsageError, match="Did you mean pysot"):
        evaluate(make_suite(Sequence("a", TRUTH)), MemoryResults({"a": (one_pass(TRUTH),)}), "pysott")


@pytest.mark.parametrize("name", ["otb-matlab", "pysot", "pytracking", "lasot", "got10k-toolkit"])
def test_each_convention_reaches_the_scores(name: str) -> None:
    truth = TRUTH.copy()
    truth[2:4] = 0
    boxes = moved(7)
    evaluation = evaluate(make_suite(Sequence("a", truth)), MemoryResults({"a": (one_pass(boxes),)}), name)
    rules = get_convention(name)
    frames = measure_frames(boxes, truth, [5], rules)
    expected = {k: v[0] for k, v in headlines(pass_curves(frames, [5], rules), rules).items()}
    assert {s.metric: s.value for s in evaluation.scores} == pytest.approx(expected)
    assert all(s.convention == name for s in evaluation.scores)


def test_frames_labelled_absent_are_never_hits_under_lasot() -> None:
    sequence = Sequence("a", TRUTH, frame_attributes={"absent": np.array([0, 0, 0, 1, 1], bool)})
    results = MemoryResults({"a": (one_pass(TRUTH),)})
    assert evaluate(make_suite(sequence), results, "lasot").score("precision").value == pytest.approx(0.6)
    assert evaluate(make_suite(sequence), results, "otb-matlab").score("precision").value == 1.0


def test_sequences_without_annotations_are_left_out_and_noted() -> None:
    blank = TRUTH.copy()
    blank[1:] = np.nan
    suite = make_suite(Sequence("a", TRUTH), Sequence("b", blank))
    results = MemoryResults({"a": (one_pass(TRUTH),), "b": (one_pass(TRUTH),)})
    evaluation = evaluate(suite, results)
    auc = evaluation.score("auc")
    assert (auc.value, auc.n_sequences, auc.n_total) == (pytest.approx(PERFECT), 1, 2)
    assert auc.note == "1 sequences without a frame that counts"
    assert set(evaluation.per_sequence["sequence"]) == {"a"}


def test_what_is_annotated_is_told_apart_in_any_mix_of_repetitions_and_lengths() -> None:
    first_only = np.full((5, 4), np.nan)
    first_only[0] = TRUTH[0]
    truths = {"first-only": first_only, "single": TRUTH[:1], "none": np.full((3, 4), np.nan), "all": TRUTH}
    suite = make_suite(*(Sequence(name, truth) for name, truth in truths.items()))
    counts = {"first-only": 3, "single": 2, "none": 1, "all": 2}
    results = MemoryResults({name: (one_pass(TRUTH[: len(truths[name])]),) * n for name, n in counts.items()})
    assert collect_passes(suite, results, allow_missing=False).annotated().tolist() == [False, True, False, True]


def test_suites_scored_in_turns_keep_their_own_annotations() -> None:
    results = MemoryResults({"a": (one_pass(TRUTH),)})
    right, wrong = make_suite(Sequence("a", TRUTH)), make_suite(Sequence("a", TRUTH + np.array([50, 0, 0, 0])))
    found = [evaluate(suite, results).score("precision").value for suite in (right, wrong, right, right, wrong)]
    assert found == pytest.approx([1, 0.2, 1, 1, 0.2])


def test_a_number_that_does_not_exist_is_none_and_explained() -> None:
    blank = TRUTH.copy()
    blank[1:] = np.nan
    evaluation = evaluate(make_suite(Sequence("a", blank)), MemoryResults({"a": (one_pass(TRUTH),)}))
    for score in evaluation.scores:
        assert score.value is None
        assert score.n_sequences == 0
        assert score.note
    assert len(evaluation.per_sequence) == 0


# -- attributes -------------------------------------------------------------------------------------------------------


def test_attributes_of_sequences_are_means_over_those_that_carry_them() -> None:
    suite = make_suite(
        Sequence("a", TRUTH, attributes=("SV", "OCC")), Sequence("b", TRUTH, attributes=("SV",)), Sequence("c", TRUTH)
    )
    passes = {"a": (one_pass(TRUTH),), "b": (one_pass(moved(30)),), "c": (one_pass(moved(30)),)}
    evaluation = evaluate(suite, MemoryResults(passes))
    assert attribute(evaluation, "SV", "precision") == (pytest.approx(0.6), 2)
    assert attribute(evaluation, "OCC", "precision") == (1.0, 1)
    assert evaluation.per_attribute is not None
    assert set(evaluation.per_attribute["attribute"]) == {"SV", "OCC"}


def test_frame_attributes_pool_labelled_frames_without_the_first() -> None:
    labels = {"occlusion": np.array([1, 1, 1, 0, 0], bool)}
    suite = make_suite(Sequence("a", TRUTH, frame_attributes=labels), Sequence("b", TRUTH))
    boxes = TRUTH.copy()
    boxes[2, 0] += 30
    evaluation = evaluate(suite, MemoryResults({"a": (one_pass(boxes),), "b": (one_pass(moved(30)),)}))
    assert attribute(evaluation, "occlusion (frames)", "precision") == (pytest.approx(0.5), 1)


def test_a_suite_without_attributes_has_an_empty_table_of_the_same_form() -> None:
    evaluation = evaluate(make_suite(Sequence("a", TRUTH)), MemoryResults({"a": (one_pass(TRUTH),)}))
    assert evaluation.per_attribute is not None
    assert list(evaluation.per_attribute.columns) == ["attribute", "metric", "value", "n_sequences"]
    assert len(evaluation.per_attribute) == 0


# -- speed ------------------------------------------------------------------------------------------------------------


def test_speed_says_how_many_sequences_were_timed_and_what_the_seconds_are() -> None:
    suite = make_suite(Sequence("a", TRUTH), Sequence("b", TRUTH))
    results = MemoryResults({"a": (one_pass(TRUTH, 0.05),), "b": (one_pass(TRUTH),)}, source="measured here")
    fps = evaluate(suite, results).score("fps")
    assert (fps.value, fps.n_sequences) == (pytest.approx(20), 1)
    assert fps.note == "frames / seconds, time inside init and update, without decoding"


def test_the_got10k_toolkit_takes_the_mean_over_sequences_of_the_mean_of_inverse_seconds() -> None:
    suite = make_suite(Sequence("a", TRUTH), Sequence("b", TRUTH))
    results = MemoryResults({"a": (one_pass(TRUTH, 0.1),), "b": (one_pass(TRUTH, 0.5),)})
    assert evaluate(suite, results, "got10k-toolkit").score("fps").value == pytest.approx((10 + 2) / 2)
    assert evaluate(suite, results, "otb-matlab").score("fps").value == pytest.approx(10 / 3)


def test_without_times_there_is_no_speed() -> None:
    evaluation = evaluate(make_suite(Sequence("a", TRUTH)), MemoryResults({"a": (one_pass(TRUTH),)}))
    with pytest.raises(KeyError):
        evaluation.score("fps")


# -- GOT-10k ----------------------------------------------------------------------------------------------------------


def got10k(name: str, n: int = 5, cover: list[int] | None = None) -> Sequence:
    labels = np.array(cover or [8] * n, dtype=np.int64)
    return Sequence(name, np.repeat(TRUTH[:1], n, axis=0), image_size=(320, 240), cover=labels)


def test_got10k_pools_frames_and_leaves_out_the_first_and_the_hidden() -> None:
    suite = make_suite(got10k("a", 5, [8, 8, 0, 8, 8]), got10k("b", 2), family="got10k")
    results = MemoryResults({"a": (one_pass(moved(100)),), "b": (one_pass(moved(0, 2), 0.1),)}, protocol="got10k")
    evaluation = evaluate(suite, results)
    assert [s.metric for s in evaluation.scores] == ["ao", "sr50", "sr75", "fps"]
    assert evaluation.score("ao").value == pytest.approx(1 / 4), "three missed frames of a, one good of b"
    assert [value(evaluation, s, "ao") for s in "ab"] == [0, 1]
    assert evaluation.score("ao").convention == "got10k"
    assert len(evaluation.curves["success"].x) == 101


def test_got10k_stacks_repetitions() -> None:
    suite = make_suite(got10k("a"), got10k("b"), family="got10k")
    good, bad = one_pass(moved(0)), one_pass(moved(100))
    evaluation = evaluate(suite, MemoryResults({"a": (good, good, bad), "b": (bad,)}))
    assert evaluation.score("ao").value == pytest.approx(8 / 16)
    assert value(evaluation, "a", "ao") == pytest.approx(2 / 3)


def test_got10k_without_a_visible_frame_is_none() -> None:
    suite = make_suite(got10k("a", 3, [8, 0, 0]), family="got10k")
    evaluation = evaluate(suite, MemoryResults({"a": (one_pass(moved(0, 3)),)}))
    assert [(s.value, s.n_sequences) for s in evaluation.scores] == [(None, 0)] * 3
    assert np.isnan(evaluation.curves["success"].y).all()


@pytest.mark.parametrize(
    ("lacking", "problem"), [("cover", "visibility labels"), ("image_size", "size of its pictures")]
)
def test_got10k_says_what_it_lacks(lacking: str, problem: str) -> None:
    suite = make_suite(replace(got10k("a"), **{lacking: None}), family="got10k")
    with pytest.raises(DataError, match=problem) as error:
        evaluate(suite, MemoryResults({"a": (one_pass(moved(0)),)}))
    assert str(error.value).startswith("a: ")


def test_any_suite_can_be_scored_by_got10k_rules_and_the_other_way_round() -> None:
    blank = TRUTH.copy()
    blank[3] = np.nan
    suite = make_suite(Sequence("a", blank, image_size=(320, 240)))
    results = MemoryResults({"a": (one_pass(moved(0)),)})
    assert evaluate_one_pass(suite, results, "got10k").score("ao").value == 1.0, (
        "frames without annotation do not count"
    )
    assert evaluate_one_pass(make_suite(got10k("a"), family="got10k"), results, "pysot").score("auc").value == PERFECT


def test_passes_of_different_lengths_count_by_frames_or_alike() -> None:
    """A pass that starts later has fewer frames: OTB's toolkit pools the frames of all starts of a sequence."""
    from spm_bench.scoring.passes import Passes

    passes = Passes(
        sequences=(Sequence("a", TRUTH),),
        owners=np.array([0, 0]),
        lengths=np.array([4, 1]),
        begins=np.array([1, 4]),
        boxes=TRUTH,
        truth=TRUTH,
        seconds=np.full(5, np.nan),
    )
    values = np.array([[1.0, 0.5], [0.0, 0.5]])
    assert passes.sequence_means(values, by_frames=True).tolist() == [[0.8, 0.5]]
    assert passes.sequence_means(values).tolist() == [[0.5, 0.5]]
