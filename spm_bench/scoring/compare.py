"""Trackers against one of them on the same sequences: paired differences, how sure they are, and what could be seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spm_bench.metrics.paired import RESAMPLES
from spm_bench.scoring.base import Evaluation


@dataclass(frozen=True)
class Comparison:
    """One metric of one tracker against the base, on the sequences that both have.

    Attributes:
        label: The tracker (or cell) that is compared.
        base: What it is compared with.
        suite: Name of the suite.
        metric: Name of the metric.
        value: Of the tracker, over the sequences that both have.
        base_value: Of the base, over the same sequences.
        difference: `value - base_value`.
        low: Lower end of the difference's interval; NaN where there is none.
        high: Upper end.
        level: Of the interval.
        p: Two-sided, of the signed-rank test over units; NaN where there is none.
        p_holm: The same corrected for all trackers that were compared in one call.
        wins: Sequences on which the tracker is better than the base.
        ties: Sequences on which they are equal.
        losses: Sequences on which it is worse.
        detectable: The difference that these sequences show with 80 % power at 5 %; NaN where it is not known.
        n_sequences: Sequences that both have.
        n_units: Units they form (see `compare_to_base`).
        note: What the reader must know.
        higher_is_better: Direction of the metric.
    """

    label: str
    base: str
    suite: str
    metric: str
    value: float
    base_value: float
    difference: float
    low: float
    high: float
    level: float
    p: float
    p_holm: float
    wins: int
    ties: int
    losses: int
    detectable: float
    n_sequences: int
    n_units: int
    note: str = ""
    higher_is_better: bool = True

    @property
    def established(self) -> bool:
        """Whether the interval and the corrected test both exclude zero; else the difference may be noise."""
        return (self.low > 0.0 or self.high < 0.0) and self.p_holm < 1.0 - self.level

    @property
    def better(self) -> bool:
        """Whether the difference goes in the metric's good direction (established or not)."""
        return self.difference > 0.0 if self.higher_is_better else self.difference < 0.0


def compare_to_base(
    base: Evaluation,
    others: Sequence[Evaluation],
    *,
    metrics: Sequence[str] | None = None,
    units: Mapping[str, str] | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Comparison]:
    """Compare evaluations with a base, sequence by sequence.

    Args:
        base: What is compared with.
        others: On the same suite, by the same protocol and convention.
        metrics: Which; None takes all but speed.
        units: Sequence -> what it is a part of (its video, its scene); parts of one are drawn together. Sequences that
            are not in it stand for themselves. None: what is known of the suite (see `spm_bench.scoring.units`).
        level: Of the intervals.
        resamples: How often units are drawn.
        seed: Equal seeds give equal intervals.

    Returns:
        One per evaluation and metric that both define, evaluations first. Holm's correction runs over all of one
        metric.

    Raises:
        UsageError: The base has no such metric.
        ResultsError: Other suites or rules, or no sequence in common.
    """
    raise NotImplementedError
