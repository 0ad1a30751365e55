"""The report: how many mutants were found out, and which were not."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mutating.trial import KILLED, SLOW, SURVIVED, Outcome

JUDGED = Path(__file__).with_name("judged.json")
"""What people found out about survivors: list of objects with `module`, `before`, `after` and `verdict`."""


@dataclass(frozen=True)
class Sample:
    """What was drawn.

    Attributes:
        seed: Of the draw.
        possible: How many mutants there are in all.
        command: That makes the report.
        seconds: How long it took.
    """

    seed: int
    possible: int
    command: str
    seconds: float


def read_verdicts() -> dict[tuple[str, str, str], str]:
    """(module, statement, statement with the fault) -> verdict."""
    listed = json.loads(JUDGED.read_text(encoding="utf-8")) if JUDGED.is_file() else []
    return {(item["module"], item["before"], item["after"]): item["verdict"] for item in listed}


def write_report(outcomes: list[Outcome], sample: Sample) -> str:
    """Markdown."""
    verdicts = read_verdicts()
    survivors = [o for o in outcomes if o.state == SURVIVED]
    judged = [o for o in survivors if _key(o) in verdicts]
    n_found = len(outcomes) - len(survivors)
    lines = [
        "# Mutation testing",
        "",
        f"Printed by `{sample.command}` in {sample.seconds / 60:.0f} minutes.",
        "",
        f"{len(outcomes)} of the {sample.possible} small faults that can be put into `metrics/` and `protocols/` (seed "
        f"{sample.seed}): an operator, a constant, a condition turned round, an argument, a check or a call left out.",
        "Each runs in a process of its own, in memory; the tests of its module come first, those around it if these",
        "find nothing.",
        "",
        f"**{n_found} of {len(outcomes)} were found out**; {len(survivors)} survived, of which {len(judged)} were "
        "looked at and change nothing that matters (the reasons are below).",
        "",
        *_table(outcomes),
        "",
        "## Survivors",
        "",
    ]
    for outcome in survivors:
        lines += _survivor(outcome, verdicts.get(_key(outcome), "not looked at yet"))
    if not survivors:
        lines += ["None."]
    return "\n".join(lines).rstrip() + "\n"


def _key(outcome: Outcome) -> tuple[str, str, str]:
    return outcome.mutant.module, outcome.before, outcome.after


def _table(outcomes: list[Outcome]) -> list[str]:
    """A row a module."""
    rows = ["| module | mutants | found by a test | found by the clock | survived |", "|---|--:|--:|--:|--:|"]
    counts = Counter((o.mutant.module, o.state) for o in outcomes)
    modules = sorted({o.mutant.module for o in outcomes})
    for module in modules:
        numbers = [counts[module, state] for state in (KILLED, SLOW, SURVIVED)]
        name = module.removeprefix("spm_bench/")
        rows.append(f"| `{name}` | {sum(numbers)} | {' | '.join(map(str, numbers))} |")
    totals = [sum(o.state == state for o in outcomes) for state in (KILLED, SLOW, SURVIVED)]
    return [*rows, f"| **all** | {sum(totals)} | {' | '.join(map(str, totals))} |"]


def _survivor(outcome: Outcome, verdict: str) -> list[str]:
    mutant = outcome.mutant
    return [
        f"* `{mutant.module.removeprefix('spm_bench/')}`, line {mutant.line}, {mutant.kind}:",
        f"  `{_short(outcome.before)}` → `{_short(outcome.after)}`",
        "",
        f"    {verdict}",
        "",
    ]


def _short(statement: str) -> str:
    return statement.replace("`", "'") or "(nothing)"
