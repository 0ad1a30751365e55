"""`scores.json`: the machine-readable form of every score. Fields are those of `Score` and only ever grow."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from typing import Any

from spm_bench.errors import ResultsError
from spm_bench.scoring.base import Evaluation, Score

_KEY = ("tracker", "variant", "suite", "protocol", "metric")


def score_rows(evaluations: Sequence[Evaluation]) -> list[dict[str, Any]]:
    """One row per (tracker, variant, suite, protocol, metric), sorted by these.

    A value that is not a finite number becomes None, and the note says so: JSON has no NaN.

    Raises:
        ResultsError: Two scores share that key, so that a reader could not tell them apart.
    """
    rows = sorted((score_row(s) for e in evaluations for s in e.scores), key=_key)
    for first, second in itertools.pairwise(rows):
        if _key(first) == _key(second):
            raise ResultsError(
                f"two results of {second['tracker']!r} (variant {second['variant']!r}) on {second['suite']} "
                f"have the same name: {first['run']} and {second['run']}",
                remedy="Rename one of the folders, or score them apart",
            )
    return rows


def scores_json(evaluations: Sequence[Evaluation]) -> str:
    """The text of `scores.json` (see `score_rows` for order and errors), ending in a line end."""
    return json.dumps(score_rows(evaluations), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def score_row(score: Score) -> dict[str, Any]:
    """One score as it stands in the file; a value that is not finite is None, and the note says so."""
    row = score.to_json()
    if score.value is not None and not math.isfinite(score.value):
        row["note"] = "; ".join(filter(None, (score.note, f"undefined (came out as {score.value})")))
        row["value"] = None
    elif score.value is not None:
        row["value"] = float(score.value)
    return row


def _key(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(row[name] for name in _KEY)
