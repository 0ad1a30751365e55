"""The table of one tracker under the rules of every evaluator: tool, number, difference, and the rule that makes it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from spm_bench.report.render import one_line
from spm_bench.report.rules import DIGITS, NO_DIFFERENCE, explain_difference, signed
from spm_bench.report.terminal import plain_text
from spm_bench.report.vocabulary import DASH, style_of
from spm_bench.scoring.evaluators import NEGLIGIBLE, EvaluatorScore, SideBySide

DEFAULT = "the benchmark's own rules"


@dataclass(frozen=True)
class EvaluatorRow:
    """One printed line.

    Attributes:
        evaluator: Name of the rules.
        metric: As tables call it.
        value: Rounded.
        difference: To the default, with its sign; empty for the default itself.
        rule: The sentence that explains it.
    """

    evaluator: str
    metric: str
    value: str
    difference: str
    rule: str


def evaluator_rows(found: SideBySide) -> list[EvaluatorRow]:
    """All lines of the table, the default's first; an evaluator that agrees in every number has one line."""
    rows: list[EvaluatorRow] = []
    for name in dict.fromkeys(score.convention for score in found.scores):
        scores = [score for score in found.scores if score.convention == name]
        if name != found.default and all(s.difference is not None and abs(s.difference) <= NEGLIGIBLE for s in scores):
            rows.append(EvaluatorRow(name, "all", "same", "0", NO_DIFFERENCE))
        else:
            rows += [_row(found, score) for score in scores]
    return rows


def _row(found: SideBySide, score: EvaluatorScore) -> EvaluatorRow:
    own = score.convention == found.default
    value = DASH if score.value is None else f"{score.value:.{DIGITS}f}"
    return EvaluatorRow(
        score.convention,
        style_of(score.metric).title,
        value,
        "" if own else signed(score.difference),
        (score.note or DEFAULT) if own else explain_difference(score),
    )


def print_evaluators(found: SideBySide, console: Console) -> None:
    """Print the table; 80 columns are enough."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    shown.add_column("Evaluator", no_wrap=True)
    shown.add_column("", no_wrap=True)
    shown.add_column("Value", justify="right", no_wrap=True)
    shown.add_column(plain_text("Δ", console), justify="right", no_wrap=True)
    shown.add_column("The rule that makes the difference", overflow="fold")
    rows = evaluator_rows(found)
    for i, row in enumerate(rows):
        again = i > 0 and rows[i - 1].evaluator == row.evaluator
        last = i + 1 == len(rows) or rows[i + 1].evaluator != row.evaluator
        rule = "" if again and row.rule == DEFAULT else row.rule
        texts = ("" if again else row.evaluator, row.metric, row.value, row.difference, rule)
        shown.add_row(*(plain_text(text, console) for text in texts), end_section=last)
    console.print(shown, highlight=False)


CSV_HEAD = (
    "tracker",
    "suite",
    "evaluator",
    "metric",
    "value",
    "difference",
    "rule",
    "explanation",
    "n_sequences",
    "n_total",
)


def evaluators_csv(tables: Iterable[tuple[str, str, SideBySide]]) -> str:
    """One line per number, with full precision.

    Args:
        tables: (tracker, suite, its numbers).
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_HEAD)
    for tracker, suite, found in tables:
        for row in _plain(found):
            values = ("" if row[key] is None else row[key] for key in CSV_HEAD[2:])
            writer.writerow([one_line(tracker), suite, *(repr(v) if isinstance(v, float) else v for v in values)])
    return buffer.getvalue()


def evaluators_json(found: SideBySide) -> list[dict[str, Any]]:
    """One object per number, with the effect of every rule."""
    rows = []
    for row, score in zip(_plain(found), found.scores, strict=True):
        rules = [
            {**asdict(effect), "value": _json(effect.value), "default": _json(effect.default)} for effect in score.rules
        ]
        rows.append({**row, "rules": rules})
    return rows


def _plain(found: SideBySide) -> Iterator[dict[str, Any]]:
    for score in found.scores:
        yield {
            "evaluator": score.convention,
            "metric": score.metric,
            "value": score.value,
            "difference": score.difference,
            "rule": score.rules[0].rule if score.rules else "",
            "explanation": _row(found, score).rule,
            "n_sequences": found.n_sequences,
            "n_total": found.n_total,
        }


def _json(value: Any) -> Any:
    """A rule's value where JSON has it, else its words: infinity is no JSON."""
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "fails"
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
