"""The page about conventions: no rule is left out, and each example shows that the rule matters."""

from __future__ import annotations

from dataclasses import fields

import pytest
from making import rules, start_rules, vot_rules
from making.words import explanations, number, users, value_text

from spm_bench.metrics.conventions import CONVENTIONS, FAILS, OVERLAPS_21, PASSES, Convention
from spm_bench.metrics.vot_conventions import (
    MULTISTART_CONVENTIONS,
    NO_RESET_CONVENTIONS,
    VOT_CONVENTIONS,
    MultiStartConvention,
    NoResetConvention,
    VotConvention,
)


@pytest.mark.parametrize(
    ("of", "cases", "not_rules"),
    [
        (Convention, rules.CASES, rules.NOT_RULES),
        (VotConvention, vot_rules.CASES, vot_rules.NOT_RULES),
        (MultiStartConvention, start_rules.START_CASES, vot_rules.NOT_RULES),
        (NoResetConvention, start_rules.AO_CASES, vot_rules.NOT_RULES),
    ],
)
def test_every_rule_has_a_case_and_a_meaning(of: type, cases: tuple, not_rules: tuple) -> None:
    names = [f.name for f in fields(of) if f.name not in not_rules]
    assert sorted(case.rule for case in cases) == sorted(names)
    assert all(explanations(of)[name] for name in names)


@pytest.mark.parametrize("case", rules.CASES, ids=lambda case: case.rule)
def test_values_of_a_one_pass_rule_differ(case: rules.Case) -> None:
    found = rules.both(case)
    assert len(found) >= 2
    assert len({round(value, 3) for value in found.values()}) >= 2


@pytest.mark.parametrize("case", vot_rules.CASES, ids=lambda case: case.rule)
def test_values_of_a_supervised_rule_differ(case: vot_rules.Case) -> None:
    found = vot_rules.both(case)
    assert None not in found.values()
    assert len({round(value or 0, 3) for value in found.values()}) >= 2


@pytest.mark.parametrize("case", [*start_rules.START_CASES, *start_rules.AO_CASES], ids=lambda case: case.rule)
def test_values_of_a_rule_without_resets_differ(case: start_rules.Case) -> None:
    found = start_rules.both(case)
    assert None not in found.values()
    assert len({round(value or 0, 3) for value in found.values()}) >= 2


@pytest.mark.parametrize(
    ("cases", "sets"),
    [
        (rules.CASES, CONVENTIONS),
        (vot_rules.CASES, VOT_CONVENTIONS),
        (start_rules.START_CASES, MULTISTART_CONVENTIONS),
        (start_rules.AO_CASES, NO_RESET_CONVENTIONS),
    ],
)
def test_every_value_that_a_rule_set_has_is_shown(cases: tuple, sets: tuple) -> None:
    for case in cases:
        assert {getattr(one, case.rule) for one in sets} <= set(case.values), case.rule


def test_numbers_that_can_be_had_by_hand() -> None:
    found = {case.rule: list(rules.both(case).values()) for case in rules.CASES}
    assert found["first_frame"] == pytest.approx([3 / 4, 2 / 4, 2 / 3])
    assert found["bounding"] == pytest.approx([10 / 30, 1.0, 10 / 20])
    assert found["overlap_thresholds"] == pytest.approx([20 / 21, 100 / 101])
    assert found["speed"] == pytest.approx([4 / 0.13, (3 * 100 + 10) / 4])
    of_vot = {case.rule: list(vot_rules.both(case).values()) for case in vot_rules.CASES}
    assert of_vot["blank_is_zero"] == pytest.approx([1.0, 0.5])
    assert of_vot["burn_in"] == pytest.approx([20 / 60, (9 + 10 * 20 / 60) / 19])
    overlap = (40 - 12.4) / (40 + 12.4)
    assert of_vot["overlap"][1] == pytest.approx(overlap)
    of_starts = {case.rule: list(start_rules.both(case).values()) for case in start_rules.START_CASES}
    assert of_starts["start_frame"] == pytest.approx([19 / 20, 1.0])
    assert of_starts["unknown_length"] == pytest.approx([5 / 10, 1.0])  # 11 to 15 of 11 to 20
    assert of_starts["padded_mean"] == pytest.approx([(4 / 15 + 4 / 16) / 2, (4 / 16 + 4 / 17) / 2])
    assert of_starts["robustness_weight"] == pytest.approx([60 / 80, 20 / 80], abs=0.02)
    of_ao = {case.rule: list(start_rules.both(case).values()) for case in start_rules.AO_CASES}
    assert of_ao["weighted"][0] == pytest.approx((60 + 20 * 20 / 60) / 80)
    assert of_ao["burn_in"][1] == pytest.approx((9 + 10 * 20 / 60) / 19)


@pytest.mark.parametrize("convention", CONVENTIONS, ids=lambda c: c.name)
def test_every_rule_set_is_on_the_page_with_its_source(convention: Convention) -> None:
    page = rules.one_pass_sets()
    assert f"### {convention.name} " in page
    assert convention.source in page


@pytest.mark.parametrize("convention", VOT_CONVENTIONS, ids=lambda c: c.name)
def test_every_supervised_rule_set_is_on_the_page_with_its_source(convention: VotConvention) -> None:
    page = vot_rules.vot_sets()
    assert f"### {convention.name} " in page
    assert convention.source in page


def test_every_rule_set_without_resets_is_on_the_page_with_its_source() -> None:
    page = start_rules.start_sets() + start_rules.ao_sets()
    for convention in (*MULTISTART_CONVENTIONS, *NO_RESET_CONVENTIONS):
        assert f"### {convention.name} " in page
        assert convention.source in page


def test_links_go_to_rules_that_are_there() -> None:
    import re

    targets = set(re.findall(r"\{ #([\w-]+) \}", rules.one_pass_rules() + rules.one_pass_sets()))
    assert set(re.findall(r"\(#([\w-]+)\)", rules.one_pass_sets())) <= targets


def test_values_in_words() -> None:
    assert value_text("invalid_error", PASSES) == "`PASSES`"
    assert value_text("invalid_error", FAILS) == "`FAILS`"
    assert value_text("overlap_thresholds", OVERLAPS_21) == "21 from 0 to 1"
    assert value_text("absent_labels", ()) == "`()`"
    assert (number(None), number(0.5)) == ("-", "0.500")


def test_users_of_a_value() -> None:
    assert users("origin", 0, CONVENTIONS[:3]) == "none here"
    assert users("origin", 1, CONVENTIONS[:3]) == "all"
    assert users("rounded", True, CONVENTIONS) == "`trackingnet`"
    assert users("error_decimals", None, CONVENTIONS) == "all others"
    assert users("error_decimals", 4, CONVENTIONS) == "`spm-release`"
