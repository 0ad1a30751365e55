"""What a sweep says on the terminal: a table per suite at the end, the plan before (`--dry-run`)."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence as Many

from rich import box
from rich.console import Console
from rich.table import Table

from spm_bench.report.ablation_tables import ablation_table
from spm_bench.report.differences import signed
from spm_bench.report.terminal import plain_text, show_table
from spm_bench.sweep.document import ablation_of, main_metric
from spm_bench.sweep.estimate import SuiteForecast
from spm_bench.sweep.plan import Plan
from spm_bench.sweep.results import SuiteOutcome, SweepOutcome


def print_outcome(outcome: SweepOutcome, console: Console | None = None) -> None:
    """Print question, and per suite the main metric of every cell with its difference to the base."""
    console = console or Console()
    document = ablation_of(outcome)
    console.print(plain_text(document.question, console, "bold"))
    scored = [suite for suite in outcome.suites if suite.evaluations]
    for suite, part in zip(scored, document.suites, strict=True):
        metric = main_metric(suite)
        assert metric is not None
        show_table(ablation_table(document, part, metric, terse=True), console)
        for line in _below(suite, metric):
            console.print(plain_text(line, console, "dim"))
    if document.expected:
        console.print(plain_text(f"Expected: {' '.join(document.expected.split())}", console))


def _below(suite: SuiteOutcome, metric: str) -> list[str]:
    lines = []
    detectable = max((c.detectable for c in suite.comparisons if c.metric == metric), default=math.nan)
    if math.isfinite(detectable):
        digits = signed(metric, detectable).lstrip("+")
        lines.append(f"detectable with 80 % power, cell by cell at most: {digits}")
    if suite.sharing is not None:
        last = f" in the last session ({suite.measured} of {suite.tasks} cells x sequences)"
        where = "" if suite.measured == suite.tasks else last
        lines.append(
            f"sharing{where}: {suite.asked} steps asked for, {suite.computed} computed ({suite.sharing:.1f} x)"
        )
    return lines


def print_forecast(plan: Plan, found: Many[SuiteForecast], console: Console | None = None) -> None:
    """Print what a sweep would do: cells, and per suite sequences, frames, what is done, and the time."""
    console = console or Console()
    console.print(plain_text(plan.sweep.file.question, console, "bold"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("Cell", overflow="fold")
    table.add_column("Change", overflow="fold")
    for cell in plan.cells:
        table.add_row(plain_text(cell.name, console), plain_text(cell.change or "the base", console))
    console.print(table)
    for one in found:
        for line in _forecast_lines(one, plan):
            console.print(plain_text(line, console), soft_wrap=True)
    for note in plan.notes:
        console.print(plain_text(f"note: {note}", console), soft_wrap=True)
    known = [one.estimate.seconds for one in found if one.estimate.seconds is not None]
    if len(found) > 1 and len(known) == len(found):
        console.print(plain_text(f"In all about {clock(sum(known))}.", console))


def _forecast_lines(one: SuiteForecast, plan: Plan) -> list[str]:
    suite, amount = one.part.suite, one.amount
    seeds = f" x {len(plan.seeds)} seeds" if len(plan.seeds) > 1 else ""
    lines = [
        f"{suite.title}, {one.part.protocol.name}: {len(plan.cells)} cells{seeds} x {len(suite.sequences)} sequences, "
        f"{amount.frames} frames in all",
        f"  done: {amount.finished_cells} of {len(plan.cells)} cells, {amount.done} of {amount.tasks} sequences; "
        f"left: {amount.left} frames",
    ]
    estimate = one.estimate
    time = "unknown" if estimate.seconds is None else f"about {clock(estimate.seconds)}"
    return [*lines, f"  time: {time}; {estimate.basis}"]


def forecast_json(plan: Plan, found: Many[SuiteForecast]) -> str:
    """The same for programs."""
    suites = [
        {
            "suite": one.part.suite.name,
            "protocol": one.part.protocol.name,
            "sequences": len(one.part.suite.sequences),
            "tasks": one.amount.tasks,
            "done": one.amount.done,
            "finished_cells": one.amount.finished_cells,
            "frames": one.amount.frames,
            "frames_left": one.amount.left,
            "seconds": one.estimate.seconds,
            "basis": one.estimate.basis,
        }
        for one in found
    ]
    cells = [{"name": cell.name, "changes": dict(cell.changes), "base": cell.is_base} for cell in plan.cells]
    told = {"name": plan.sweep.name, "cells": cells, "seeds": list(plan.seeds), "suites": suites}
    return json.dumps(told | {"notes": list(plan.notes)}, indent=2, ensure_ascii=False) + "\n"


def clock(seconds: float) -> str:
    """A time for people: "40 seconds", "12 minutes", "3.5 hours"."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} second{'s' * (round(seconds) > 1)}"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
