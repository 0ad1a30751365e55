"""Run the demo suite with the trackers of `make demo` and the coarse stage alone, and report it: a folder and a page.

    python reports/demo.py

The page has film strips. The suite is drawn, so nothing else is needed. Runs are kept under --runs: what was run once
is not run again, and the same runs give the same files. Speed is left out: seconds belong to a machine (see `spm-bench
bench`).
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from spm_bench.errors import SpmBenchError
from spm_bench.report import write_report
from spm_bench.report.html import PageOptions, write_page
from spm_bench.run import Outcome, Request, run_suite
from spm_bench.scoring.base import Evaluation

TRACKERS = ("SPM-lite", "CSRT", "KCF", "MOSSE", "static")
VARIANTS = ("base", "cm_only")
"""The full tracker against its coarse matching alone: what look-alikes do to each is what the suite was made for."""
COMMAND = ("python", "reports/demo.py")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracker", action="append", help=f"default: {', '.join(TRACKERS)}")
    parser.add_argument("--only", nargs="+", default=[], metavar="SEQUENCE", help="these sequences only")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="root of the run folders (default: runs)")
    parser.add_argument("--out", type=Path, default=Path("reports/demo"), help="default: reports/demo")
    return parser.parse_args(arguments)


def without_speed(evaluation: Evaluation) -> Evaluation:
    """The same without fps, which differ from one run to the next."""
    kept = evaluation.per_sequence[evaluation.per_sequence["metric"] != "fps"].reset_index(drop=True)
    scores = tuple(score for score in evaluation.scores if score.metric != "fps")
    return replace(evaluation, scores=scores, per_sequence=kept)


def run_demo(
    runs: Path, trackers: tuple[str, ...] = TRACKERS, variants: tuple[str, ...] = (), only: tuple[str, ...] = ()
) -> Outcome:
    """Run what is missing of the demo suite, and score it.

    Args:
        runs: Root of the run folders, which may hold others too.
        trackers: By name.
        variants: Of those that have them.
        only: Names of sequences; empty for all.

    Raises:
        SpmBenchError: A name does not exist, or nothing can be written.
    """
    request = Request(
        suite="demo",
        trackers=trackers,
        variants=variants,
        sequences=only,
        out=runs,
        report=False,
        command=COMMAND,
    )
    return run_suite(request)


def main(arguments: list[str] | None = None) -> int:
    """Make the report; returns the exit code: 0, 1 where a sequence failed, 2 where something must be mended."""
    args = parse(arguments)
    trackers, variants = (tuple(args.tracker), ()) if args.tracker else (TRACKERS, VARIANTS)
    try:
        outcome = run_demo(args.runs, trackers, variants, tuple(args.only))
        scored = [(without_speed(e), r) for e, r in zip(outcome.evaluations, outcome.results, strict=True)]
        evaluations, results = zip(*scored, strict=True)
        print(write_report(evaluations, outcome.suite, args.out, results=results)[0])
        print(write_page(scored, outcome.suite, args.out / "report.html", PageOptions(strips=True, command=COMMAND)))
    except SpmBenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
