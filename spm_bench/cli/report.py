"""`spm-bench report`: finished runs and anybody's raw results in, a report out: a folder, or one HTML page."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spm_bench.cli.options import CONVENTION, DATA_OF_RUNS, METRICS, PROTOCOL_OF_RESULTS, SUITE_OF_RESULTS
from spm_bench.errors import ResultsError, UsageError

if TYPE_CHECKING:
    from spm_bench.results.trajectory import ResultSet
    from spm_bench.scoring.base import Evaluation
    from spm_bench.suites.base import Suite


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN",
            help="Run folders, folders of those, or folders of anybody's raw results (these need --suite).",
            show_default=False,
        ),
    ],
    html: Annotated[
        bool, typer.Option("--html", help="One page, report.html, that opens from disk, instead of a folder.")
    ] = False,
    out: Annotated[
        Path, typer.Option("--out", help="Folder of the report, or the page's file if it ends in .html.")
    ] = Path("report"),
    frames: Annotated[
        bool, typer.Option("--frames", help="Embed small pictures of the frames in the page. Makes it large.")
    ] = False,
    strips: Annotated[
        bool, typer.Option("--strips", help="Embed film strips of the moments in which trackers lose their targets.")
    ] = False,
    suite: SUITE_OF_RESULTS = None,
    data: DATA_OF_RUNS = None,
    protocol: PROTOCOL_OF_RESULTS = None,
    convention: CONVENTION = None,
    metric: METRICS = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Report what is there; the report then says how much that is.")
    ] = False,
    published: Annotated[
        bool, typer.Option("--published/--no-published", help="Show figures from print beside comparable ones.")
    ] = True,
) -> None:
    """Report finished runs and raw results again, without running anything.

    Runs on several suites, or under several protocols, give a report each, in folders of their names under OUT.

    Example: spm-bench report runs/demo --html --strips --out demo.html
    """
    _check_options(html, out, frames or strips)
    rules = _Rules(convention, tuple(metric or ()), allow_missing, published)
    groups = [_scored(group, data, rules) for group in find_groups(runs, suite, protocol)]
    titles = [_title(loaded, [other for other, _ in groups]) for loaded, _ in groups]
    if len(groups) > 1 and out.suffix == ".html":
        raise UsageError(
            f"these are runs on {', '.join(titles)}, which do not fit into one page",
            remedy="Give --out a folder, or the runs of one suite",
        )
    for number, (loaded, pairs) in enumerate(groups):
        place = out if len(groups) == 1 else out / titles[number]
        if html:
            others = [title for title in titles if title != titles[number]]
            path = _write_html(loaded, pairs, place, rules, others, frames=frames, strips=strips)
        else:
            from spm_bench.report import write_report

            evaluations, raw = zip(*pairs, strict=True)
            path = write_report(evaluations, loaded, place, published=published, results=raw)[0]
        print(f"report: {path}", file=sys.stderr)


@dataclass(frozen=True)
class _Rules:
    """How to score and show."""

    convention: str | None
    metrics: tuple[str, ...]
    allow_missing: bool
    published: bool


@dataclass
class Group:
    """Folders that belong into one report.

    Attributes:
        suite: Its name.
        protocol: Name of the results' protocol; None for the suite's own.
        folders: Of results.
        sequences: Names of those the runs are of; None where foreign results leave it to the suite.
    """

    suite: str
    protocol: str | None
    folders: list[Path]
    sequences: dict[str, None] | None

    def data(self) -> Path | None:
        """Where the data of its runs were, if they still are; None leaves it to the usual places."""
        from spm_bench.reproduce.described import data_of
        from spm_bench.results.files import RUN_FILE
        from spm_bench.results.manifest import read_manifest

        places = (data_of(read_manifest(folder)) for folder in self.folders if (folder / RUN_FILE).is_file())
        return next((place for place in places if place is not None), None)


def find_groups(paths: list[Path], suite: str | None, protocol: str | None) -> list[Group]:
    """Sort result folders by suite and protocol, in the order they were given.

    Args:
        paths: Run folders, folders of run folders, or foreign results.
        suite: Of the foreign ones. Where it is given, runs on other suites are refused.
        protocol: Likewise.

    Raises:
        UsageError: Foreign results without a suite.
        ResultsError: A path is no folder; a run is broken, or on another suite than the one named.
    """
    from spm_bench.protocols.catalog import PROTOCOLS
    from spm_bench.results.manifest import read_manifest
    from spm_bench.suites.catalog import SUITES

    if suite is not None:
        suite = SUITES.entry(suite).name
    wanted = None if protocol is None else PROTOCOLS.entry(protocol).name
    groups: dict[tuple[str, str | None], Group] = {}
    for path in paths:
        runs = _runs_in(path)
        for run in runs:
            manifest = read_manifest(run)
            name, how = manifest["suite"]["name"], manifest["protocol"]["name"]
            if suite not in (None, name) or wanted not in (None, how):
                raise ResultsError(f"is a run on {name} under the protocol {how}, not what was asked for", where=run)
            group = groups.setdefault((name, how), Group(name, how, [], {}))
            group.folders.append(run)
            if group.sequences is not None:
                group.sequences.update(dict.fromkeys(manifest["sequences"]))
        if not runs:
            if suite is None:
                raise UsageError(
                    f"{path} holds no run folder, so the suite is not known",
                    remedy="Name it with --suite if these are raw results",
                )
            how = wanted or _own_protocol(suite)
            group = groups.setdefault((suite, how), Group(suite, how, [], None))
            group.folders.append(path)
            group.sequences = None
    return list(groups.values())


def _runs_in(path: Path) -> list[Path]:
    """The run folders at `path`: itself, or those in it, at most two levels down (OUT/SUITE/RUN)."""
    from spm_bench.results.files import RUN_FILE

    if not path.is_dir():
        raise ResultsError("there is no such results folder" if not path.exists() else "is no folder", where=path)
    for pattern in (RUN_FILE, f"*/{RUN_FILE}", f"*/*/{RUN_FILE}"):
        found = sorted(file.parent for file in path.glob(pattern))
        if found:
            return found
    return []


def _own_protocol(suite: str) -> str | None:
    from spm_bench.suites.facts import suite_facts, suite_names

    return suite_facts(suite).protocol if suite in suite_names() else "one_pass"


def _scored(group: Group, data: Path | None, rules: _Rules) -> tuple[Suite, list[tuple[Evaluation, ResultSet]]]:
    """Load the suite, find the result sets, score them."""
    from spm_bench.protocols.catalog import under_protocol
    from spm_bench.results.foreign import find_result_sets
    from spm_bench.scoring.evaluate import evaluate_all
    from spm_bench.suites import load_suite

    only = None if group.sequences is None else list(group.sequences)
    data = data or group.data()
    loaded = load_suite(group.suite, data, allow_missing=rules.allow_missing, annotations_only=True, only=only)
    loaded = under_protocol(loaded, group.protocol)
    found = find_result_sets(group.folders, loaded)
    scored = evaluate_all(loaded, found, rules.convention, allow_missing=rules.allow_missing, extra=rules.metrics)
    return loaded, list(zip(scored, found, strict=True))


def _title(suite: Suite, all_suites: list[Suite]) -> str:
    """What a report among several is called: the suite, and the protocol where that sets it apart."""
    same = [other for other in all_suites if other.name == suite.name]
    return suite.name if len(same) == 1 else f"{suite.name}-{suite.protocol}"


def _write_html(
    suite: Suite,
    pairs: list[tuple[Evaluation, ResultSet]],
    place: Path,
    rules: _Rules,
    others: list[str],
    *,
    frames: bool,
    strips: bool,
) -> Path:
    from spm_bench.report.html import PageOptions, write_page

    options = PageOptions(
        frames=frames,
        strips=strips,
        published=rules.published,
        convention=rules.convention,
        command=tuple(sys.orig_argv),
        siblings=tuple((title, f"../{title}/report.html") for title in others),
    )
    return write_page(pairs, suite, place if place.suffix == ".html" else place / "report.html", options)


def _check_options(html: bool, out: Path, pictures: bool) -> None:
    if pictures and not html:
        raise UsageError("pictures are embedded in the HTML page only", remedy="Add --html")
    if out.suffix == ".html" and not html:
        raise UsageError(f"{out} is the name of a page", remedy="Add --html, or name a folder")
