"""The same results under every evaluator's rules: equal to scoring by name, and rules that add up."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from spm_bench.metrics.conventions import CONVENTIONS, FAILS, Convention
from spm_bench.metrics.vot_conventions import VOT_CONVENTIONS, VotConvention
from spm_bench.report.evaluators import evaluator_rows
from spm_bench.report.rules import explain_difference, rule_words
from spm_bench.report.vocabulary import MINUS
from spm_bench.scoring.evaluate import evaluate
from spm_bench.scoring.evaluators import NO_RULES, RuleEffect, side_by_side
from spm_bench.suites.base import Sequence, Suite
from tests.metrics.supervised_runs import coded
from tests.scoring.fakes import MemoryResults, make_suite, one_pass


def broken_otb() -> tuple[Suite, MemoryResults]:
    """Annotations at the border and missing, results without area, a first box that is off."""
    sequences, passes = [], {}
    for k in range(4):
        rng = np.random.default_rng(k)
        truth = np.concatenate([rng.uniform(5, 90, (40, 2)), rng.uniform(20, 50, (40, 2))], 1)
        boxes = truth + rng.normal(0, 4, truth.shape)
        truth[10:14] = (-1, -1, 0, 0)
        truth[20:23, 0] = -1
        boxes[20:23] = np.add(truth[20:23], (0, 1, 0, 0))
        boxes[30] = np.nan
        boxes[0] += 12
        sequences.append(Sequence(f"s{k}", truth, image_size=(160, 120)))
        passes[f"s{k}"] = (one_pass(boxes),)
    return make_suite(*sequences), MemoryResults(passes)


def test_every_convention_has_its_own_value() -> None:
    suite, results = broken_otb()
    found = side_by_side(suite, results)
    assert (found.default, found.metrics[0]) == ("otb-matlab", "auc")
    for rules in CONVENTIONS:
        own = evaluate(suite, results, rules.name)
        for score in (s for s in found.scores if s.convention == rules.name):
            assert score.value == own.score(score.metric).value
            if score.metric in found.metrics:
                assert score.difference == pytest.approx(score.value - found.score("otb-matlab", score.metric).value)


def test_the_rule_is_the_one_that_moves_the_number() -> None:
    suite, results = broken_otb()
    pysot = side_by_side(suite, results).score("pysot", "auc")
    by_name = {effect.rule: effect for effect in pysot.rules}
    assert {"first_frame", "valid_for_overlap", "invalid_result"} <= set(by_name)
    assert pysot.rules[0].rule == "valid_for_overlap"
    assert by_name["valid_for_overlap"].among_others > 0 > by_name["first_frame"].among_others
    text = explain_difference(pysot)
    assert text.startswith("for overlaps, an annotation needs only a width and height above 0 (+0.0")
    assert f"the first box is taken from the file ({MINUS}0.0" in text


def test_rules_that_hide_each_other_are_found_by_taking_one_away() -> None:
    """pytracking's two rules of precision: with all annotations that it accepts, the other has nothing to say."""
    suite, results = broken_otb()
    score = side_by_side(suite, results).score("pytracking", "precision")
    effects = {effect.rule: effect for effect in score.rules}
    assert effects["invalid_error"].alone is not None
    assert effects["invalid_error"].alone < 0
    assert effects["valid_for_error"].size > 0


def test_a_convention_that_needs_more_than_is_there_says_so() -> None:
    suite, results = broken_otb()
    blind = make_suite(*(Sequence(s.name, s.ground_truth) for s in suite.sequences))
    score = side_by_side(blind, results).score("got10k", "ao")
    assert (score.value, score.difference) == (None, None)
    assert "size of its pictures is not known" in explain_difference(score)
    seen = side_by_side(suite, results).score("got10k", "ao")
    assert seen.value is not None
    assert seen.difference is None
    assert "another number" in explain_difference(seen)


def test_supervised_evaluators() -> None:
    sequences, passes = [], {}
    for k, (n, lost) in enumerate(((60, [20]), (30, [27]), (60, []))):
        rng = np.random.default_rng(k)
        truth = np.concatenate([rng.uniform(20, 90, (n, 2)), np.full((n, 2), 30.0)], 1)
        states = np.array(coded(n, lost), dtype=np.int8)
        boxes = np.where((states == 3)[:, None], truth + rng.normal(0, 3, truth.shape), np.nan)
        sequences.append(Sequence(f"s{k}", truth, image_size=(160, 120)))
        one = one_pass(boxes)
        passes[f"s{k}"] = (type(one)(boxes, states, one.seconds),)
    suite = Suite("v", "V", "vot", "supervised", tuple(sequences), 3, eao_interval=(10, 40))
    found = side_by_side(suite, MemoryResults(passes, protocol="supervised"))
    for rules in VOT_CONVENTIONS:
        own = evaluate(suite, MemoryResults(passes), rules.name)
        for metric in found.metrics:
            assert found.score(rules.name, metric).value == own.score(metric).value
    toolkit = found.score("vot-toolkit", "eao")
    assert {"late_failure", "first_length"} <= {effect.rule for effect in toolkit.rules}
    assert found.score("exact", "accuracy").rules[0].rule == "overlap"


def test_who_agrees_in_every_number_has_one_line() -> None:
    truth = np.array([[10.0, 10, 20, 20]] * 8)
    suite = make_suite(Sequence("a", truth))
    found = side_by_side(suite, MemoryResults({"a": (one_pass(truth),)}))
    rows = {row.evaluator: row for row in evaluator_rows(found) if row.metric == "all"}
    assert {"pysot", "pytracking", "lasot"} <= set(rows)
    assert (rows["pysot"].value, rows["pysot"].difference) == ("same", "0")
    assert "trackingnet" not in rows  # an overlap of 1 is at least 1


def test_every_rule_has_words_of_its_own() -> None:
    """A rule without words would be told by the name of its field."""
    for kind, known in ((Convention, CONVENTIONS), (VotConvention, VOT_CONVENTIONS)):
        for field in fields(kind):
            if field.name in NO_RULES or field.name == "sensitivity":
                continue
            for rules in known:
                value = getattr(rules, field.name)
                text = rule_words(field.name, value)
                assert text != f"{field.name.replace('_', ' ')} is {value}", field.name
                assert text[-1] not in "."
                assert str(value) != text


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        (RuleEffect("rounded", True, False, 0.1, -0.2), -0.2),
        (RuleEffect("rounded", True, False, 0.1, None), 0.1),
        (RuleEffect("invalid_error", FAILS, -1.0, None, None), 0.0),
    ],
)
def test_what_a_rule_adds_among_others(effect: RuleEffect, expected: float) -> None:
    assert effect.among_others == expected
    assert effect.size >= abs(expected)
