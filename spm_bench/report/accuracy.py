"""Accuracy beside speed: what is taken from `scores.json`, one number per tracker."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spm_bench.errors import ResultsError


@dataclass(frozen=True)
class Accuracy:
    """One tracker's score, from scoring: the value, its interval if there is one, and on how much it was measured."""

    metric: str
    value: float
    low: float | None
    high: float | None
    n_sequences: int
    n_total: int
    higher_is_better: bool = True


ROW_FIELDS = ("tracker", "variant", "suite", "protocol", "metric", "value", "n_sequences", "n_total", "run", "trained")


def read_score_rows(path: Path) -> list[dict[str, Any]]:
    """Read the rows of a `scores.json`.

    Raises:
        ResultsError: It is missing, broken, or something else.
    """
    remedy = "Give the scores.json of a report, or the folder of the runs"
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ResultsError(f"cannot read: {error.strerror or error}", where=path, remedy=remedy) from None
    except (ValueError, RecursionError) as error:
        raise ResultsError(f"is not JSON ({error})", where=path, remedy=remedy) from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ResultsError("is no list of scores", where=path, remedy=remedy)
    for number, row in enumerate(rows, 1):
        if missing := [name for name in ROW_FIELDS if name not in row]:
            raise ResultsError(f"score {number} has no {', '.join(missing)}", where=path, remedy=remedy)
        for name in ("value", "low", "high"):
            if not isinstance(row.get(name), int | float | None) or isinstance(row.get(name), bool):
                raise ResultsError(f"score {number}: {name} is {row[name]!r}, no number", where=path, remedy=remedy)
    return rows


def accuracy_of(row: Mapping[str, Any]) -> Accuracy | None:
    """The accuracy a row of `scores.json` holds; None where its value is undefined."""
    value = row["value"]
    if value is None or not math.isfinite(value):
        return None
    low, high = row.get("low"), row.get("high")
    return Accuracy(
        str(row["metric"]),
        float(value),
        None if low is None else float(low),
        None if high is None else float(high),
        int(row["n_sequences"]),
        int(row["n_total"]),
        bool(row.get("higher_is_better", True)),
    )
