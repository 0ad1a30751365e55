"""What a comparison holds: its numbers against their definitions, its names, and what is left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spm_bench.errors import ResultsError
from spm_bench.report.comparison import compare_pair, compare_several
from spm_bench.report.comparison.pair import unlike
from spm_bench.report.comparison.telling import biggest, parting
from spm_bench.report.frames import delta_frame, sequence_frame
from spm_bench.results.trajectory import FrameState
from spm_bench.scoring.compare import compare_attributes, compare_to_base
from spm_bench.scoring.timeline import Timeline
from tests.report.comparison.fakes import pair, two
from tests.report.html.fakes import make_scored, make_suite


def line(overlaps: list[float], states: dict[int, FrameState] | None = None) -> Timeline:
    values = np.array(overlaps)
    of = np.full(len(values), FrameState.TRACKED, dtype=np.int8)
    for frame, state in (states or {}).items():
        of[frame] = state
    return Timeline(values, np.zeros((len(values), 4)), of, 1)


def test_comparisons_are_those_of_the_scoring_room_and_the_frames_hold_them() -> None:
    suite = make_suite(12)
    base, other = two(suite)
    found = compare_pair(base, other, suite)
    assert list(found.comparisons) == compare_to_base(base[0], [other[0]])
    assert found.by_attribute == compare_attributes(base[0], other[0])
    assert [c.metric for c in found.comparisons] == ["auc", "precision", "normalised_precision"]
    assert found.headline.metric == "auc"
    assert list(found.metrics["difference"]) == [c.difference for c in found.comparisons]
    assert set(found.attributes["attribute"]) == {"OCC", "FM", "IV"}
    assert len(found.attributes) == 3 * 3
    expected = delta_frame(sequence_frame([other[0], base[0]], "auc"), "Good", "Bad")
    shown = found.sequences[found.sequences["metric"] == "auc"].reset_index(drop=True)
    assert shown.equals(expected)
    assert set(found.timelines["tracker"]) == {"Good", "Bad"}


def test_holm_runs_over_several_others() -> None:
    suite = make_suite(12)
    scored = make_scored(suite, ["A", "B", "C"])
    found = compare_several(scored[0], scored[1:], suite)
    expected = compare_to_base(scored[0][0], [e for e, _ in scored[1:]])
    assert [c for p in found for c in p.comparisons] == expected
    assert [p.other.label for p in found] == ["B", "C"]


def test_trackers_of_one_name_are_told_apart() -> None:
    suite = make_suite(4)
    (base, one), (other, two_) = two(suite, ["Same", "Same"])
    assert [e.label for e, _ in unlike([(base, one), (other, two_)])] == ["1", "0"], "the folders' names"
    two_.run = one.run
    assert [e.label for e, _ in unlike([(base, one), (other, two_)])] == ["Same (1)", "Same (2)"]
    found = compare_pair((base, one), (base, one), suite)
    assert (found.base.label, found.other.label) == ("Same (1)", "Same (2)")
    assert found.tellings == ()
    assert found.conclusion == "Same (2) and Same (1) are equal on all 4 sequences: no score tells them apart."


def test_supervised_pairs_have_all_scores_and_order_sequences_by_failures_first() -> None:
    found = pair(make_suite(6, 60, family="vot"))
    assert [c.metric for c in found.comparisons] == ["eao", "accuracy", "robustness", "failures", "reliability"]
    assert found.sequence_metrics == ["failures", "accuracy"]
    assert found.attribute_metrics == ["failures", "accuracy"]
    assert {t.win for t in found.tellings} == {True}
    assert all([*t.values] == ["failures", "accuracy"] for t in found.tellings)
    assert any(note.startswith("EAO: no single sequence has this score") for note in found.notes)


def test_a_score_that_is_undefined_is_named_with_its_reason() -> None:
    found = pair(make_suite(2, 20, family="vot"))
    assert "eao" not in {c.metric for c in found.comparisons}
    assert any(note.startswith("EAO is not compared: ") for note in found.notes)


def test_got10k_is_compared_by_average_overlap() -> None:
    suite = make_suite(4)
    visible = tuple(replace(s, cover=np.full(len(s), 8)) for s in suite.sequences)
    suite = replace(suite, name="got10k-val", family="got10k", protocol="got10k", sequences=visible)
    found = pair(suite)
    assert [c.metric for c in found.comparisons] == ["ao", "sr50", "sr75"]
    assert found.sequence_metrics == found.attribute_metrics == ["ao"]
    assert found.conclusion.startswith("Good cannot be told from Bad: AO ")


def test_only_common_sequences_count_and_that_is_said() -> None:
    found = pair(make_suite(12), without={"Good": {"seq-03"}, "Bad": {"seq-05", "seq-07"}})
    assert {c.n_sequences for c in found.comparisons} == {9}
    assert "on the 9 of 12 sequences that both have" in found.notes
    assert not {"seq-03", "seq-05", "seq-07"} & {*found.sequences["sequence"]}


def test_what_does_not_compare_is_refused() -> None:
    suite = make_suite(4)
    base, (evaluation, results) = two(suite)
    with pytest.raises(ResultsError, match="different suites"):
        compare_pair(
            base,
            (replace(evaluation, scores=tuple(replace(s, suite="otb50") for s in evaluation.scores)), results),
            suite,
        )
    with pytest.raises(ResultsError, match="nothing to compare with"):
        compare_several(base, [], suite)
    with pytest.raises(ResultsError, match="no sequence in common"):
        pair(suite, without={"Good": {"seq-00", "seq-01"}, "Bad": {"seq-02", "seq-03"}})


def test_pictures_that_are_not_here_are_told() -> None:
    assert any("no film strip: the pictures are not here" in note for note in pair(make_suite(6, pictures=False)).notes)
    suite = make_suite(6, pictures=False)
    assert compare_pair(*two(suite), suite, strips=False).notes == ()


def test_the_largest_gains_and_losses() -> None:
    frame = pair().sequences
    rows = frame[frame["metric"] == "auc"].reset_index(drop=True)
    rows["delta"] = [0.3, -0.1, 0.0, 0.5, -0.4, 1e-9, 0.1, 0.2, -0.2, -0.3, 0.0, 0.05]
    gains, losses = biggest(rows, ["auc"])
    assert gains == ["seq-03", "seq-00", "seq-07"]
    assert losses == ["seq-04", "seq-09", "seq-08"]
    rows["higher_is_better"] = False
    assert biggest(rows, ["auc"], each=1) == (["seq-04"], ["seq-03"])
    second = rows.assign(metric="accuracy", delta=np.arange(12) / 100, higher_is_better=True)
    both = rows.assign(delta=0.0)
    gains, losses = biggest(pd_concat(both, second), ["auc", "accuracy"], each=2)
    assert (gains, losses) == (["seq-11", "seq-10"], [])


def pd_concat(*frames):
    import pandas as pd

    return pd.concat(frames, ignore_index=True)


def test_where_two_part() -> None:
    better, worse = [0.8] * 100, [0.8] * 60 + [0.5, 0.2, 0.0, 0.0, 0.0, 0.2, 0.5] + [0.8] * 33
    moment, frames = parting(line(better), line(worse))
    assert moment == 62
    assert moment in frames
    assert frames[0] < 60
    assert frames[-1] > 66
    assert list(frames) == sorted(set(frames))
    assert len(frames) == 5
    moment, frames = parting(line([1.0, 0.9]), line([1.0, 0.1]))
    assert (moment, frames) == (1, (0, 1)), "a sequence of two frames"
    moment, _ = parting(line([np.nan] * 3 + [0.9] * 3), line([np.nan] * 3 + [0.9, 0.1, 0.9]))
    assert moment == 4, "frames without an annotation part nobody"
    skipped = dict.fromkeys(range(3, 7), FrameState.SKIPPED)
    waits = line([0.9, 0.9, 0.0, *[np.nan] * 4, 1.0], {2: FrameState.FAILURE, **skipped})
    moment, _ = parting(line([0.5] * 8), waits)
    assert moment in range(2, 7), "who waits for a new start overlaps nothing"
