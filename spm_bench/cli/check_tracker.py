"""`spm-bench check-tracker`: the usual mistakes of a tracker's code, found before they cost a benchmark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from spm_bench.cli.options import DEVICE

if TYPE_CHECKING:
    from rich.console import Console

    from spm_bench.checkup.findings import Result

_STYLES = {"ok": "green", "skipped": "dim", "note": "cyan", "warning": "yellow", "error": "bold red"}


def check_tracker(
    tracker: Annotated[
        str, typer.Argument(metavar="TRACKER", help="module:Class, trax:COMMAND, trackers.ini#NAME, or a name.")
    ],
    variant: Annotated[str | None, typer.Option("--variant", help="Of the tracker.", show_default=False)] = None,
    weights: Annotated[
        str | None, typer.Option("--weights", help="For trackers with a network: a file, official, or random.")
    ] = None,
    device: DEVICE = "auto",
    fps: Annotated[
        float | None, typer.Option("--fps", help="Speed you state; held against the one here.", show_default=False)
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="This check alone, such as state; repeat for more.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the results as JSON and nothing else.")] = False,
) -> int:
    """Look for the usual mistakes in a tracker: state, chance, box form, colour, memory, speed.

    It is built several times and follows small drawn videos, some 600 frames in all. The exit code is 1 if there is an
    error; warnings and notes leave it 0.

    Example: spm-bench check-tracker my_module:MyTracker --fps 30
    """
    import contextlib
    from dataclasses import asdict

    from spm_bench.checkup import check_tracker as examine
    from spm_bench.cli import EXIT_FAILED, EXIT_OK, stdout_for_rows

    results = examine(tracker, variant=variant, weights=weights, device=device, fps=fps, only=tuple(only or ()))
    with stdout_for_rows() if json else contextlib.nullcontext():
        done = list(results if json else _told(tracker, results))
    if json:
        from json import dumps

        print(dumps([{**asdict(result), "verdict": result.verdict} for result in done], indent=2))
    return EXIT_FAILED if any(result.verdict == "error" for result in done) else EXIT_OK


def _told(tracker: str, results: Iterator[Result]) -> Iterator[Result]:
    """Print each result as it comes, and the sum at the end."""
    from collections import Counter

    from rich.console import Console

    from spm_bench.checkup.run import UNFIT

    console, counts = Console(), Counter[str]()
    for result in results:
        counts.update([result.verdict])
        if result.skipped != UNFIT:
            _print(result, console)
        yield result
    parts = [f"{n} {level}{'s' if n > 1 else ''}" for level in ("error", "warning", "note") if (n := counts[level])]
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    console.print(
        f"{tracker}: {sum(counts.values())} checks{skipped}: {', '.join(parts) or 'nothing found'}",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip


def _print(result: Result, console: Console) -> None:
    from rich.table import Table

    from spm_bench.report.terminal import plain_text

    rows = Table.grid(padding=(0, 1), pad_edge=False)
    rows.add_column(min_width=8, no_wrap=True)
    rows.add_column(min_width=10, no_wrap=True)
    rows.add_column(overflow="fold")
    name, told = result.name, result.skipped or result.said
    for finding in result.findings:
        text = ". ".join(filter(None, (finding.problem, finding.remedy))) + "."
        rows.add_row(plain_text(finding.level, console, _STYLES[finding.level]), name, plain_text(text, console))
        name = ""
    if not result.findings:
        rows.add_row(plain_text(result.verdict, console, _STYLES[result.verdict]), name, plain_text(told, console))
    console.print(rows, highlight=False)
