"""Scores of one-pass runs: success and precision (OTB family), average overlap (GOT-10k family)."""

from __future__ import annotations

from spm_bench.results.trajectory import ResultSet
from spm_bench.scoring.base import Evaluation
from spm_bench.suites.base import Suite


def evaluate_one_pass(
    suite: Suite, results: ResultSet, convention: str | None = None, *, allow_missing: bool = False
) -> Evaluation:
    """Score one tracker's one-pass results on a suite."""
    raise NotImplementedError
