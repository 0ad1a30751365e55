"""An ablation for machines: one CSV row per cell, suite and metric, and everything as JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import asdict
from typing import Any

from spm_bench import __version__
from spm_bench.report.ablation import AblationDocument, AblationSuite, coverage
from spm_bench.report.render import one_line
from spm_bench.report.scores import score_row
from spm_bench.report.vocabulary import find_score

SCHEMA = 1
"""Form of `ablation.json`; raised when a reader of the old form would misread the new one."""

_SCORE = ("value", "low", "high")
_COMPARED = ("difference", "low", "high", "p", "p_holm", "wins", "ties", "losses", "detectable", "established")
_COUNTS = ("n_sequences", "n_units", "note")
COLUMNS = (
    *("cell", "base", "suite", "metric", *_SCORE),
    *("difference", "difference_low", "difference_high", *_COMPARED[3:], *_COUNTS),
    *("change", "source", "expected", "failure"),
)
"""Of the CSV, in order; they only grow."""


def to_csv(document: AblationDocument) -> str:
    """Write tidy rows with all digits; what does not exist is empty."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for part in document.suites:
        for metric in part.metrics:
            for place in range(len(document.cells)):
                writer.writerow([_plain(value) for value in _row(document, part, metric, place)])
    return buffer.getvalue()


def _row(document: AblationDocument, part: AblationSuite, metric: str, place: int) -> list[Any]:
    cell, evaluation = document.cells[place], part.evaluations[place]
    score = None if evaluation is None else find_score(evaluation, metric)
    comparison = part.of(metric).get(cell.label)
    return [
        *(cell.label, "yes" if cell.label == document.base else "no", part.suite.name, metric),
        *(getattr(score, name, None) for name in _SCORE),
        *(getattr(comparison, name, None) for name in _COMPARED),
        *(getattr(comparison, name, None) for name in _COUNTS),
        *(cell.change, cell.source, cell.expected, cell.failure),
    ]


def _plain(value: Any) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return one_line(value) if isinstance(value, str) else repr(value)


def to_json(document: AblationDocument) -> str:
    """Write all that the document holds, scores as in `scores.json`; numbers that do not exist are null."""
    everything = {
        "schema": SCHEMA,
        "spm_bench": __version__,
        **{name: getattr(document, name) for name in ("name", "title", "question", "expected", "command", "base")},
        "sharing": document.sharing,
        "cells": [asdict(cell) for cell in document.cells],
        "suites": [_suite(document, part) for part in document.suites],
        "failures": list(document.failures),
        "notes": list(document.notes),
    }
    return json.dumps(_without_nan(everything), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _suite(document: AblationDocument, part: AblationSuite) -> dict[str, Any]:
    scored = zip(document.cells, part.evaluations, strict=True)
    return {
        "suite": part.suite.name,
        "title": part.suite.title,
        "coverage": coverage(part),
        "fingerprint": part.suite.fingerprint,
        "note": part.note,
        "scores": [{"cell": cell.label, **score_row(s)} for cell, e in scored if e is not None for s in e.scores],
        "comparisons": [{**asdict(c), "established": c.established} for c in part.comparisons],
    }


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(of) for key, of in value.items()}
    if isinstance(value, list):
        return [_without_nan(of) for of in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
