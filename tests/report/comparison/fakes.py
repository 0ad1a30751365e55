"""Pairs of trackers in memory, from the suites and trackers of the page's tests."""

from __future__ import annotations

from spm_bench.report.comparison import Scored, compare_pair
from spm_bench.report.comparison.pair import PairComparison
from spm_bench.suites.base import Suite
from tests.report.html.fakes import make_scored, make_suite

NAMES = ["Good", "Bad"]


def two(suite: Suite, names: list[str] = NAMES, **options: object) -> tuple[Scored, Scored]:
    """(base, other): the worse and the better of two trackers."""
    good, bad = make_scored(suite, names, **options)  # type: ignore[arg-type]
    return bad, good


def pair(suite: Suite | None = None, names: list[str] = NAMES, **options: object) -> PairComparison:
    suite = suite or make_suite(12)
    return compare_pair(*two(suite, names, **options), suite)
