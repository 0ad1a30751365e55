"""`spm-bench data`: get, check, link and find the data of suites."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from spm_bench.cli.options import DATA

if TYPE_CHECKING:
    from spm_bench.datasets.check import Problem, Report, SequenceReport
    from spm_bench.datasets.get import Order, Plan

app = typer.Typer(help="Get, check, link and find the data of suites.", no_args_is_help=True)

NAME = Annotated[str, typer.Argument(metavar="SUITE", help="`spm-bench data ls` names the suites.")]
ONLY = Annotated[list[str] | None, typer.Option("--only", help="Only this sequence; repeat for more.")]
MOST_SHOWN = 10
"""Problems of one sequence that are shown; `--json` has all."""


@app.command("get")
def get(
    name: NAME,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            help="Data root to put it into. Default: SPM_BENCH_DATA, else the user's data folder.",
            metavar="DIR",
        ),
    ] = None,
    only: ONLY = None,
    url: Annotated[
        str | None, typer.Option("--url", help="Take the same files from this folder or address instead.")
    ] = None,
    keep_archive: Annotated[bool, typer.Option("--keep-archive", help="Keep the archives, too.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Fetch again what is there, even if the source has changed.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be fetched and how big it is.")] = False,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds of silence before trying again.", min=0.1)] = 30,
    tries: Annotated[int, typer.Option("--tries", help="Tries in a row that may bring nothing.", min=1)] = 5,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> None:
    """Download the data of a suite, or say how to get them by hand.

    Interrupt it at any moment and run the same command again: it goes on where it stopped. Every archive is compared
    with the checksum that its source publishes; where it publishes none, SHA-256 and size of the first download are
    recorded in spm_bench.lock.json, and later downloads must agree.
    """
    from spm_bench.cli import EXIT_USAGE
    from spm_bench.datasets.get import Order, plan
    from spm_bench.datasets.get import get as fetch
    from spm_bench.errors import FetchError
    from spm_bench.fetch.download import Patience
    from spm_bench.fetch.progress import choose_meter

    if _says_by_hand(name):
        raise typer.Exit(EXIT_USAGE)
    patience = Patience(timeout=timeout, tries=tries)
    order = Order(name, to, tuple(only or ()), url, keep_archive, replace, patience)
    meter = choose_meter(quiet=quiet)
    try:
        made = plan(order, meter)
        if dry_run:
            _show_plan(made, order)
            return
        fetch(order, made, meter, lambda text: typer.echo(text, err=True) if not quiet else None)
    except FetchError as error:
        hint = "Another place that has the same files can be named with --url" if url is None else None
        told = ". ".join(filter(None, (error.remedy, hint)))
        raise FetchError(error.problem, where=error.where, remedy=told or None) from error
    what = "was there already" if not made.missing else "is here now"
    typer.echo(f"{made.facts.title} {what}: {made.home}")
    typer.echo(f"Cite it: {made.facts.citation}")
    if to is not None:
        typer.echo(f"Use it with --data {to}")


def _says_by_hand(name: str) -> bool:
    """Print what a person has to do, if no command can fetch the suite."""
    from spm_bench.errors import UsageError
    from spm_bench.suites.catalog import DEMO, FOLDER
    from spm_bench.suites.facts import suite_facts
    from spm_bench.suites.roots import data_root

    if name.casefold() in (DEMO, FOLDER):
        what = "is drawn when it is used" if name.casefold() == DEMO else "is whatever videos of yours --data names"
        raise UsageError(f"the suite {name.casefold()} {what}; there is nothing to fetch, check or link")
    facts = suite_facts(name)
    if facts.source is not None and facts.source.kind != "manual":
        return False
    typer.echo(f"{facts.title} cannot be fetched by a command: {facts.url}")
    steps = facts.source.steps if facts.source is not None and facts.source.steps else (facts.get,)
    known = (
        *steps,
        f"Make it known: spm-bench data link {facts.name} FOLDER (a link in {data_root(None)}), "
        "or name the folder with --data",
        f"Check it: spm-bench data check {facts.name}",
    )
    for number, step in enumerate(known, start=1):
        typer.echo(f"  {number}. {step}")
    if facts.source is not None and facts.source.note:
        typer.echo(facts.source.note)
    return True


def _show_plan(made: Plan, order: Order) -> None:
    """Print every archive that would be fetched, its size, and the sum."""
    from spm_bench.datasets.dry import sizes_of
    from spm_bench.words import amount

    archives = [archive for parcel in made.missing for archive in parcel.archives]
    sizes, problem = sizes_of(archives, timeout=order.patience.timeout)
    for archive, size in zip(archives, sizes, strict=True):
        typer.echo(f"{'?' if size is None else amount(size):>9}  {archive.url}")
    known = [size for size in sizes if size is not None]
    rest = f" and {len(sizes) - len(known)} of unknown size" if len(known) < len(sizes) else ""
    there = len(made.parcels) - len(made.missing)
    typer.echo(f"{len(archives)} archives, {amount(sum(known))}{rest}, into {made.home}; {there} parts are there")
    if problem:
        typer.echo(f"note: {problem}", err=True)
    if made.facts.source is not None and made.facts.source.note:
        typer.echo(f"note: {made.facts.source.note}", err=True)


@app.command("check")
def check(
    name: NAME,
    data: DATA = None,
    only: ONLY = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Decode every picture, and compare files with the hashes of their download.")
    ] = False,
    allow_missing: Annotated[bool, typer.Option("--allow-missing", help="A part of the suite is enough.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print all that was found as JSON and nothing else.")] = False,
) -> None:
    """Check the data of a suite: layout, counts, lengths, pictures; exit code 1 if anything is missing or broken.

    Without --deep the beginning and the end of every picture are looked at, which finds cut ones.
    """
    from spm_bench.cli import EXIT_FAILED
    from spm_bench.datasets.check import BROKEN, MISSING, WHOLE
    from spm_bench.datasets.check import check as look

    _refuse_others(name)
    report = look(name, data, only=only, deep=deep, tell=_Teller(silent=json))
    if json:
        _print_json(report)
    else:
        _show_end(report)
    if report.count(BROKEN) or not report.count(WHOLE) or (report.count(MISSING) and not allow_missing):
        raise typer.Exit(EXIT_FAILED)


def _refuse_others(name: str) -> None:
    """Answer for the two suites that are no data set on disk."""
    from spm_bench.suites.catalog import DEMO, FOLDER

    if name.casefold() in (DEMO, FOLDER):
        _says_by_hand(name)


class _Teller:
    """Shows what is broken at once, and every ten seconds on stderr how far it is."""

    def __init__(self, *, silent: bool) -> None:
        self.silent, self.done, self.last = silent, 0, monotonic()

    def __call__(self, report: SequenceReport) -> None:
        """Show a report."""
        self.done += 1
        if not self.silent:
            _show_sequence(report)
        if monotonic() - self.last >= 10:
            self.last = monotonic()
            typer.echo(f"{self.done} sequences are checked, the last was {report.name}", err=True)


def _show_sequence(report: SequenceReport) -> None:
    from spm_bench.datasets.check import MISSING

    if report.state == MISSING:
        return  # told together at the end
    for problem in report.problems[:MOST_SHOWN]:
        _show("broken", report.name, problem)
    if len(report.problems) > MOST_SHOWN:
        typer.echo(f"broken   {report.name}: and {len(report.problems) - MOST_SHOWN} more (--json has all)")
    for note in report.notes:
        _show("note", report.name, note)


def _show(word: str, name: str, problem: Problem) -> None:
    remedy = f". {problem.remedy}" if problem.remedy else ""
    typer.echo(f"{word:8} {name}: {problem.where}: {problem.what}{remedy}")


def _show_end(report: Report) -> None:
    """Print what is missing, what does not belong, and the sum."""
    from spm_bench.datasets.check import BROKEN, MISSING, WHOLE

    missing = [found for found in report.sequences if found.state == MISSING]
    for what in dict.fromkeys(found.problems[0].what for found in missing):
        names = [found.name for found in missing if found.problems[0].what == what]
        typer.echo(f"missing  {len(names)} sequences ({what}): {', '.join(names)}")
    for note in report.notes:
        _show("note", report.facts.title, note)
    if report.unlisted:
        typer.echo(f"missing  {report.unlisted} sequences; nobody lists their names")
    facts, whole, total = report.facts, report.count(WHOLE), report.total
    states = [f"{whole} of {total} sequences are whole"]
    states += [f"{report.count(state)} {state}" for state in (BROKEN, MISSING) if report.count(state)]
    partial = ": partial, runs with --allow-missing" if report.partial and not report.count(BROKEN) else ""
    how = f"all {report.pictures} pictures decoded" if report.deep else f"both ends of {report.pictures} pictures read"
    hashed = f", {report.hashed} files compared with their download" if report.hashed else ""
    typer.echo(f"{facts.title} in {report.home}: {', '.join(states)}{partial} ({how}{hashed})")
    if report.count(MISSING):
        from spm_bench.suites.roots import how_to_get

        typer.echo(how_to_get(facts))


def _print_json(report: Report) -> None:
    from dataclasses import asdict
    from json import dumps

    fields = {
        "suite": report.facts.name,
        "home": str(report.home),
        "deep": report.deep,
        "partial": report.partial,
        "pictures": report.pictures,
        "hashed": report.hashed,
        "unlisted": report.unlisted,
        "sequences": [asdict(found) for found in report.sequences],
        "notes": [asdict(note) for note in report.notes],
    }
    typer.echo(dumps(fields, indent=1))


@app.command("link")
def link(
    name: NAME,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder that holds its sequences.")],
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Data root to link it into. Default: SPM_BENCH_DATA, else the user's data folder."),
    ] = None,
    allow_missing: Annotated[bool, typer.Option("--allow-missing", help="Accept a part of the suite.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a link that is there; never a folder.")] = False,
) -> None:
    """Make a folder on this machine known under a suite's name, after a check that it is what it is said to be."""
    from spm_bench.datasets.check import WHOLE
    from spm_bench.datasets.link import link as make_link

    _refuse_others(name)
    place, report = make_link(name, folder, data, allow_missing=allow_missing, replace=replace)
    whole, total = report.count(WHOLE), report.total
    typer.echo(f"{report.facts.title}, {whole} of {total} sequences: {place} leads to {place.resolve()}")


@app.command("ls")
def list_data(data: DATA = None) -> None:
    """List the suites that are read from disk, which of them are here, and who can fetch the others."""
    from spm_bench.cli.ls import Row, print_rows
    from spm_bench.suites.catalog import describe_suites
    from spm_bench.suites.facts import suite_facts, suite_names
    from spm_bench.suites.roots import data_root

    rows: list[Row] = []
    for status in describe_suites(data):
        if status.name in suite_names():
            source = suite_facts(status.name).source
            automatic = source is not None and source.kind != "manual"
            rows.append(
                {
                    "name": status.name,
                    "title": status.title,
                    "sequences": status.n_sequences,
                    "present": status.n_present,
                    "to get": "by command" if automatic else "by hand",
                    "where": None if status.where is None else str(status.where),
                }
            )
    print_rows(f"data in {data_root(data)}", rows)
    typer.echo("spm-bench data get SUITE fetches those to get by command, and says what to do for the others.")


@app.command("where")
def where(name: NAME, data: DATA = None) -> None:
    """Print the folder of a suite's sequences and nothing else."""
    from spm_bench.suites.catalog import layout_of
    from spm_bench.suites.facts import suite_facts

    _refuse_others(name)
    facts = suite_facts(name)
    typer.echo(layout_of(facts).find_home(facts, data))
