"""`spm-bench compare`: two trackers side by side, how sure the difference is, and where it shows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spm_bench.cli.options import CONVENTION, DATA_OF_RUNS, METRICS, PROTOCOL_OF_RESULTS, SUITE_OF_RESULTS
from spm_bench.errors import ResultsError, UsageError

if TYPE_CHECKING:
    from spm_bench.report.comparison import Scored
    from spm_bench.report.comparison.pair import PairComparison
    from spm_bench.suites.base import Suite


def compare(
    base: Annotated[
        Path,
        typer.Argument(
            metavar="A",
            help="The base: a run folder, or a tracker's folder of raw results (needs --suite).",
            show_default=False,
        ),
    ],
    others: Annotated[
        list[Path],
        typer.Argument(metavar="B", help="What is compared with it, each.", show_default=False),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="Folder of the comparison; with several B, of one folder for each.")
    ] = Path("comparison"),
    strips: Annotated[
        bool, typer.Option("--strips/--no-strips", help="Film strips of the moments in which the two part.")
    ] = True,
    suite: SUITE_OF_RESULTS = None,
    data: DATA_OF_RUNS = None,
    protocol: PROTOCOL_OF_RESULTS = None,
    convention: CONVENTION = None,
    metric: METRICS = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Compare on a part of the suite, where its data are not all there.")
    ] = False,
) -> None:
    """Compare tracker B with tracker A on the sequences that both have, without running anything.

    Prints a row per metric (difference B minus A, bootstrap interval, corrected p, wins/ties/losses) and a conclusion
    that the numbers support. OUT gets the same as README.md, one HTML page, CSV, LaTeX and figures: differences per
    sequence and attribute, overlaps over time and film strips of the largest gains and losses.

    Example: spm-bench compare runs/demo/KCF-49b81899dfc5 runs/demo/SPM-lite-1a2b3c4d5e6f
    """
    loaded, scored = _scored([base, *others], suite, data, protocol, convention, tuple(metric or ()), allow_missing)
    from spm_bench.report.comparison import compare_several, write_comparison
    from spm_bench.report.comparison.show import print_comparison

    pairs = compare_several(scored[0], scored[1:], loaded, convention=convention, strips=strips)
    for pair, folder in zip(pairs, _folders(pairs, out), strict=True):
        print_comparison(pair)
        written = write_comparison(pair, folder, command=tuple(sys.orig_argv))
        print(f"comparison: {written[0]}", file=sys.stderr)


def _scored(
    paths: list[Path],
    suite: str | None,
    data: Path | None,
    protocol: str | None,
    convention: str | None,
    metrics: tuple[str, ...],
    allow_missing: bool,
) -> tuple[Suite, list[Scored]]:
    """The suite, and what each folder's tracker scores on it."""
    from spm_bench.cli.report import Group, find_groups
    from spm_bench.protocols.catalog import under_protocol
    from spm_bench.results.foreign import find_result_sets
    from spm_bench.scoring.evaluate import evaluate
    from spm_bench.suites import load_suite

    groups: list[Group] = []
    for path in paths:
        found = find_groups([path], suite, protocol)
        if len(found) > 1 or len(found[0].folders) > 1:
            raise _several(path, [str(folder) for group in found for folder in group.folders])
        groups += found
    first = groups[0]
    for path, group in zip(paths, groups, strict=True):
        if (group.suite, group.protocol) != (first.suite, first.protocol):
            raise ResultsError(
                f"is of {group.suite} under the protocol {group.protocol}, "
                f"{paths[0]} of {first.suite} under {first.protocol}",
                where=path,
                remedy="Compare results on one suite, by one protocol",
            )
    whole = any(group.sequences is None for group in groups)
    only = None if whole else list(dict.fromkeys(name for group in groups for name in group.sequences or ()))
    data = data or first.data()
    loaded = load_suite(first.suite, data, allow_missing=allow_missing, annotations_only=True, only=only)
    loaded = under_protocol(loaded, first.protocol)
    scored: list[Scored] = []
    for path, group in zip(paths, groups, strict=True):
        results = find_result_sets(group.folders, loaded)
        if len(results) != 1:
            raise _several(path, [of.label for of in results])
        scored.append((evaluate(loaded, results[0], convention, allow_missing=True, extra=metrics), results[0]))
    return loaded, scored


def _several(path: Path, names: list[str]) -> UsageError:
    from spm_bench.errors import listed

    return UsageError(f"holds the results of {len(names)} trackers: {listed(names)}", where=path, remedy="Name one")


def _folders(pairs: list[PairComparison], out: Path) -> list[Path]:
    """Where the comparisons go: each of several has a folder, named after its tracker."""
    if len(pairs) == 1:
        return [out]
    import re

    names = [re.sub(r"[^\w.+-]+", "_", pair.other.label).strip(".") or "tracker" for pair in pairs]
    doubles = {name.casefold() for name in names if [n.casefold() for n in names].count(name.casefold()) > 1}
    return [
        out / (f"{name}_{place}" if name.casefold() in doubles else name) for place, name in enumerate(names, start=1)
    ]
