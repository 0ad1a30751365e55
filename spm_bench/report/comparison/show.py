"""A comparison on the terminal: a compact table, and the conclusion."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console

from spm_bench.report.comparison.pair import PairComparison
from spm_bench.report.comparison.tables import metric_table
from spm_bench.report.terminal import plain_text, show_table


def print_comparison(pair: PairComparison, console: Console | None = None) -> None:
    """Print title, a row per metric, the conclusion and notes; on standard output by default."""
    console = console or Console()
    table = metric_table(pair, terse=True)
    show_table(replace(table, footer=(), level=None), console)
    console.print(plain_text(pair.conclusion, console))
    for note in pair.notes:
        console.print(plain_text(f"note: {note}", console, "dim"))
