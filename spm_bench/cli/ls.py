"""`spm-bench ls`: what can be named on the command line, and which data are here. Loads neither torch nor OpenCV."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

Row = Mapping[str, Any]
"""Column -> value; the keys are those of `--json`, and with spaces for underscores the heads of the table."""


def ls(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="LIST", help="suites, trackers, variants, protocols, metrics or conventions. Default: all."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Where to look for data. Default: SPM_BENCH_DATA, else the user's data folder."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the lists as JSON and nothing else.")] = False,
) -> None:
    """List suites, trackers, variants, protocols, metrics and conventions."""
    from spm_bench.errors import unknown_name

    if what is not None and what.casefold() not in LISTS:
        raise unknown_name("list", what, LISTS)
    lists = {name: rows(data) for name, rows in LISTS.items() if what is None or name == what.casefold()}
    if json:
        from json import dumps

        typer.echo(dumps(lists, indent=2))
        return
    for name, rows in lists.items():
        # A variant has more to tell than fits side by side.
        print_rows(name, _variant_cells(rows, alone=what is not None) if name == "variants" else rows)


def list_suites(data: Path | None) -> list[Row]:
    """One row per suite: how many of its sequences are where."""
    from spm_bench.suites.catalog import describe_suites

    return [
        {
            "name": suite.name,
            "about": suite.about,
            "protocol": suite.protocol,
            "sequences": suite.n_sequences,
            "present": suite.n_present if suite.n_sequences is not None else None,
            "where": None if suite.where is None else str(suite.where),
        }
        for suite in describe_suites(data)
    ]


def list_trackers(_: Path | None) -> list[Row]:
    """One row per registered tracker."""
    from spm_bench.trackers.catalog import TRACKERS, variants_of

    return [{"name": entry.name, "about": entry.about, "variants": len(variants_of(entry.name))} for entry in TRACKERS]


def list_variants(_: Path | None) -> list[Row]:
    """One row per variant of a tracker that has any; what a variant changes is told where there are settings."""
    from spm_bench.trackers.catalog import TRACKERS, shipped_variants, variants_of
    from spm_bench.trackers.variants import Variant

    rows: list[Row] = []
    for entry in TRACKERS:
        shipped = shipped_variants(entry.name)
        for name, about in variants_of(entry.name).items() if len(variants_of(entry.name)) > 1 else ():
            known = shipped.get(name, Variant(name, about))
            told = {"changes": dict(known.changes), "source": known.source, "expected": known.expected}
            rows.append({"tracker": entry.name, "variant": name, "about": about, **told})
    return rows


def _variant_cells(rows: list[Row], *, alone: bool) -> list[Row]:
    """For the table: trackers with the same variants together; in a list of its own all is told of each."""
    together: dict[str, list[Row]] = {}
    for row in rows:
        together.setdefault(str({**row, "tracker": ""}), []).append(row)
    return [
        {
            "tracker": ", ".join(row["tracker"] for row in same),
            "variant": same[0]["variant"],
            "about": "\n".join(_told(same[0])) if alone else same[0]["about"],
        }
        for same in together.values()
    ]


def _told(row: Row) -> Iterator[str]:
    yield row["about"]
    if row["changes"]:
        yield "  " + ", ".join(f"{name} = {value}" for name, value in row["changes"].items())
    if row["expected"]:
        yield f"  expected: {row['expected']}"
    if row["source"]:
        yield f"  from: {row['source']}"


def list_protocols(_: Path | None) -> list[Row]:
    """One row per protocol."""
    from spm_bench.protocols.catalog import PROTOCOLS

    return [{"name": entry.name, "about": entry.about} for entry in PROTOCOLS]


def list_metrics(_: Path | None) -> list[Row]:
    """One row per metric."""
    from spm_bench.metrics.extra import extra_metrics
    from spm_bench.report.vocabulary import METRICS

    extra: list[Row] = [{"name": m.name, "title": "--metric", "about": m.about} for m in extra_metrics().values()]
    return [*({"name": name, "title": style.title, "about": style.long} for name, style in METRICS.items()), *extra]


def list_conventions(_: Path | None) -> list[Row]:
    """One row per named rule set of scoring."""
    from spm_bench.metrics.conventions import CONVENTIONS
    from spm_bench.metrics.vot_conventions import MULTISTART_CONVENTIONS, NO_RESET_CONVENTIONS, VOT_CONVENTIONS

    kinds = (
        ("one pass", CONVENTIONS),
        ("supervised", VOT_CONVENTIONS),
        ("multi-start", MULTISTART_CONVENTIONS),
        ("no reset", NO_RESET_CONVENTIONS),
    )
    return [
        {"name": rules.name, "scores": kind, "source": rules.source} for kind, rule_sets in kinds for rules in rule_sets
    ]


LISTS: Mapping[str, Callable[[Path | None], list[Row]]] = {
    "suites": list_suites,
    "trackers": list_trackers,
    "variants": list_variants,
    "protocols": list_protocols,
    "metrics": list_metrics,
    "conventions": list_conventions,
}

_NOTES = {
    "suites": "A partly present suite runs with --allow-missing. Your own videos: --suite folder --data PATH",
    "trackers": "A tracker of your own is given as module:Class",
    "variants": "What each changes and is expected to do: spm-bench ls variants. Your own: spm-bench sweep --help",
    "conventions": "For spm-bench score --convention; none named takes the benchmark's own",
}


def print_rows(title: str, rows: list[Row]) -> None:
    """Print a list as a table."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left", title_style="bold")
    for column in rows[0]:
        number = isinstance(rows[0][column], int)
        table.add_column(column, justify="right" if number else "left", overflow="fold", no_wrap=column == "name")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    console.print(table, markup=False, highlight=False)
    if title in _NOTES:
        console.print(_NOTES[title] + "\n", markup=False, highlight=False)
