"""Mistakes in all boxes of a tracker: found when put into published results, and not found in these as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from spm_bench.checking.check import check_results
from spm_bench.checking.evidence import sign_test
from spm_bench.checking.findings import Finding
from spm_bench.results.kept import KeptResults
from spm_bench.scoring.one_pass import evaluate_one_pass
from spm_bench.suites.base import Suite

Boxes = np.ndarray
ONE = np.array((1.0, 1.0, 0.0, 0.0))
MISTAKES: dict[str, Callable[[Boxes], Boxes]] = {
    "corners": lambda b: np.column_stack((b[:, :2], b[:, :2] + b[:, 2:])),
    "centre": lambda b: np.column_stack((b[:, :2] + b[:, 2:] / 2, b[:, 2:])),
    "sides-swapped": lambda b: b[:, [0, 1, 3, 2]],
    "axes-swapped": lambda b: b[:, [1, 0, 2, 3]],
    "rows-first": lambda b: b[:, [1, 0, 3, 2]],
    "normalised": lambda b: b / (640, 480, 640, 480),
    "delay": lambda b: np.concatenate((b[:1], b[:-1])),
}
"""Name of the finding -> what makes the mistake, on boxes as they stand in files."""


def defects(found: tuple[Finding, ...]) -> list[str]:
    return [f.kind for f in found if f.level != "note"]


def written(results: KeptResults, mistake: Callable[[Boxes], Boxes]) -> KeptResults:
    """Results with a mistake made in the files' coordinates."""
    return results.changed(lambda boxes: mistake(boxes + ONE) - ONE)


def test_published_results_have_no_defects(otb_published: tuple[Suite, list[KeptResults]]) -> None:
    suite, trackers = otb_published
    assert len(trackers) == 8
    assert {r.label: defects(check_results(r, suite).findings) for r in trackers} == {r.label: [] for r in trackers}


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_in_published_results_is_found_and_nothing_else(
    otb_some: tuple[Suite, list[KeptResults]], kind: str
) -> None:
    suite, trackers = otb_some
    for results in trackers:
        assert defects(check_results(written(results, MISTAKES[kind]), suite).findings) == [kind], results.label


@pytest.mark.parametrize("kind", ["corners", "centre", "axes-swapped", "rows-first", "delay"])
def test_so_is_one_behind_a_first_box_that_was_written_as_given(
    otb_some: tuple[Suite, list[KeptResults]], kind: str
) -> None:
    """Then only overlaps tell."""
    suite, trackers = otb_some
    for results in trackers:
        behind = written(results, lambda b: np.concatenate((b[:1], MISTAKES[kind](b)[1:])))
        assert defects(check_results(behind, suite).findings) == [kind], results.label


@pytest.mark.parametrize("shift", [-1, 1])
def test_boxes_counted_from_another_pixel(otb_some: tuple[Suite, list[KeptResults]], shift: int) -> None:
    suite, trackers = otb_some
    for results in trackers:
        (found,) = (
            f for f in check_results(written(results, lambda b: b + shift * ONE), suite).findings if f.level != "note"
        )
        assert (found.level, found.kind) == ("warning", "origin")
        assert f"{'plus' if shift > 0 else 'minus'} 1 px" in found.problem
        assert ("Subtract 1" if shift > 0 else "Add 1") in found.remedy
        assert ("counted from 0" in found.problem) == (shift < 0)


def test_the_effect_is_the_score_without_the_mistake(otb_some: tuple[Suite, list[KeptResults]]) -> None:
    suite, trackers = otb_some
    (eco,) = (r for r in trackers if r.label == "ECO-HC")
    found = check_results(written(eco, MISTAKES["corners"]), suite).findings[0]
    own = evaluate_one_pass(suite, eco).score("auc").value
    assert f"without it {own:.3f}" in found.problem


def test_a_shift_that_begins_behind_the_first_frame_is_a_note(
    otb_published: tuple[Suite, list[KeptResults]],
) -> None:
    """ECO-HC has no bias of its own; of 100 sequences enough show the same."""
    suite, trackers = otb_published
    (eco,) = (r for r in trackers if r.label == "ECO-HC")
    behind = eco.changed(lambda b: np.concatenate((b[:1], b[1:] + ONE)))
    (found,) = (f for f in check_results(behind, suite).findings if f.kind == "shift")
    assert found.level == "note"
    assert "right and below" in found.problem


def test_vot_results_have_no_defects(vot_published: list[tuple[Suite, KeptResults]]) -> None:
    assert len(vot_published) == 6
    for suite, results in vot_published:
        assert defects(check_results(results, suite).findings) == [], (suite.name, results.label)


@pytest.mark.parametrize("kind", ["corners", "axes-swapped", "sides-swapped", "delay"])
def test_mistakes_in_vot_results(vot_published: list[tuple[Suite, KeptResults]], kind: str) -> None:
    """They have codes instead of a first box, and a mistake makes regions miss their targets."""
    for suite, results in vot_published:
        if results.label not in ("ECO-HC", "DaSiamRPN"):
            continue
        found = defects(check_results(results.changed(MISTAKES[kind]), suite).findings)
        assert kind in found, (suite.name, results.label)


def test_whole_numbers_are_told_and_cut_ones_are_a_warning(small: Suite, write) -> None:
    from spm_bench.results.foreign import find_result_sets

    def kinds(change: Callable[[str, Boxes], Boxes]) -> list[str]:
        (results,) = find_result_sets([write(change)], small, strict=False)
        return [f.kind for f in check_results(results, small).findings]

    assert kinds(lambda _, b: b) == []
    assert kinds(lambda _, b: np.floor(b)) == ["cut-numbers"]
    assert kinds(lambda _, b: np.round(b)) == ["whole-numbers"]


def test_few_sequences_are_judged_by_first_boxes_only(small: Suite, write) -> None:
    """Three sequences of a tracker that is lost at once prove nothing about its columns."""
    from spm_bench.results.foreign import find_result_sets

    three = replace(small, sequences=small.sequences[:3], n_total=3)  # the other nine are strangers
    (results,) = find_result_sets(
        [write(lambda _, b: np.concatenate((b[:1], np.full((len(b) - 1, 4), (200.5, 200, 20, 20)))))], three
    )
    assert [f.kind for f in check_results(results, three).findings] == ["extra"]


def test_the_sign_test_is_the_binomial_tail() -> None:
    from math import comb

    assert sign_test([0.1] * 9 + [-0.1]) == pytest.approx((comb(10, 9) + 1) / 2**10)
    assert sign_test([0, 0, 1]) == 0.5
    assert sign_test([1] * 400 + [-1] * 600) == pytest.approx(sum(comb(1000, k) for k in range(400, 1001)) / 2**1000)
    assert sign_test([]) == 1.0
