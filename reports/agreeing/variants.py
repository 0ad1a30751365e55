"""Rules that no evaluator here has alone, but print may: single changes of the benchmark's own rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from spm_bench.metrics.conventions import CONVENTIONS, get_convention
from spm_bench.metrics.vot_conventions import VOT_CONVENTIONS
from spm_bench.report.rules import rule_words
from spm_bench.results.kept import KeptResults
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.evaluators import NO_RULES
from spm_bench.scoring.one_pass import evaluate_one_pass
from spm_bench.scoring.supervised import collect_runs, score_runs
from spm_bench.suites.base import Suite

GRIDS = tuple(tuple(np.linspace(0, 1, n).tolist()) for n in (51, 101, 1001))
"""Thresholds that authors use instead of 21."""
ONE_PASS: tuple[tuple[str, Any], ...] = (
    *(("overlap_thresholds", grid) for grid in GRIDS),
    ("overlap_inclusive", True),
    ("error_inclusive", False),
    ("area", "trapezoid"),
    ("first_frame", "as-is"),
    ("invalid_result", "as-is"),
    ("valid_for_overlap", "any"),
    ("valid_for_error", "any"),
    ("rounded", True),
)
Numbers = Mapping[str, float]


def variants(suite: Suite, results: KeptResults) -> dict[str, Numbers]:
    """What a rule does, in words -> the numbers with that rule alone changed, and every registered set of rules.

    Args:
        suite: With ground truth.
        results: Of one tracker.
    """
    found = dict(_supervised(suite, results) if suite.family == "vot" else _one_pass(suite, results))
    return {words: {s.metric: s.value for s in e.scores if s.value is not None} for words, e in found.items()}


def _one_pass(suite: Suite, results: KeptResults) -> Iterator[tuple[str, Evaluation]]:
    own = get_convention("otb-matlab")
    for rules in CONVENTIONS:
        if rules.scheme == own.scheme and rules != own:
            yield f"the rules of {rules.name}", evaluate_one_pass(suite, results, rules)
    for rule, value in ONE_PASS:
        change: dict[str, Any] = {rule: value}
        yield rule_words(rule, value), evaluate_one_pass(suite, results, replace(own, **change))


def _supervised(suite: Suite, results: KeptResults) -> Iterator[tuple[str, Evaluation]]:
    own = VOT_CONVENTIONS[0]
    free = replace(suite, bounded=False)
    yield (
        "regions reach over the picture's border",
        score_runs(free, results, own, collect_runs(free, results, own, allow_missing=False)),
    )
    runs = {rule: collect_runs(suite, results, replace(own, overlap=rule), allow_missing=False) for rule in _OVERLAPS}
    for rules in VOT_CONVENTIONS[1:]:
        yield f"the rules of {rules.name}", score_runs(suite, results, rules, runs[rules.overlap])
    seen = set()
    for rules in VOT_CONVENTIONS[1:]:
        for field in fields(rules):
            value = getattr(rules, field.name)
            if field.name in NO_RULES or value == getattr(own, field.name) or (field.name, value) in seen:
                continue
            seen.add((field.name, value))
            change: dict[str, Any] = {field.name: value}
            changed = replace(own, **change)
            yield rule_words(field.name, value), score_runs(suite, results, changed, runs[changed.overlap])
    changed = replace(own, burn_in=0)
    yield rule_words("burn_in", 0), score_runs(suite, results, changed, runs[changed.overlap])


_OVERLAPS = ("raster", "exact")
