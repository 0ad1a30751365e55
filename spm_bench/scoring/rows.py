"""One place that turns a number into a row of `scores.json`."""

from __future__ import annotations

from spm_bench.results.trajectory import ResultSet
from spm_bench.scoring.base import Score
from spm_bench.suites.base import Suite


def score_row(
    suite: Suite,
    results: ResultSet,
    convention: str,
    metric: str,
    value: float | None,
    n_sequences: int,
    *notes: str,
    higher_is_better: bool = True,
) -> Score:
    """Put a number beside everything that says what it is.

    Args:
        suite: It was computed on.
        results: It was computed from.
        convention: Name of the rules.
        metric: Its name.
        value: The number, None where undefined.
        n_sequences: How many sequences it rests on.
        notes: What the reader must know, empty ones are dropped; the results' own note comes first.
        higher_is_better: Direction of the metric.
    """
    return Score(
        tracker=results.tracker,
        variant=results.variant,
        suite=suite.name,
        protocol=results.protocol,
        metric=metric,
        value=value,
        n_sequences=n_sequences,
        n_total=suite.n_total,
        convention=convention,
        run=results.run,
        higher_is_better=higher_is_better,
        trained=results.trained,
        source=results.source,
        note="; ".join(filter(None, (results.note, *notes))),
    )


def about_seconds(results: ResultSet) -> str:
    """What the seconds behind a speed include."""
    own = results.source == "measured here"
    return "time inside init and update, without decoding" if own else "times as the raw results give them"
