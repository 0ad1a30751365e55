"""Score raw results that others published, and write a report of each benchmark: figures and tables only.

    python reports/published.py --published ../shared/benchmarks
    python reports/published.py --published RAW_RESULTS --suite vot2016 --out report

RAW_RESULTS holds annotations and results of whole benchmarks: `otb100/annotations/`, `otb100/results/TRACKER/*.txt`,
`vot2016/annotations/`, `vot2016/results/TRACKER/baseline/...`, and so on. A benchmark's report goes to
`published/SUITE/`. Paths in it are those below RAW_RESULTS, so whoever has the same files gets the same bytes.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from spm_bench.errors import SpmBenchError
from spm_bench.report import write_report
from spm_bench.results.foreign import ForeignResults, find_result_sets
from spm_bench.scoring.evaluate import evaluate
from spm_bench.suites import load_suite

SUITES = ("otb100", "vot2016", "vot2018")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--published", type=Path, required=True, metavar="RAW_RESULTS", help="folder with otb100/, ...")
    parser.add_argument("--suite", action="append", help=f"default: {', '.join(SUITES)}")
    parser.add_argument("--out", type=Path, default=Path("reports/published"), help="default: reports/published")
    return parser.parse_args(arguments)


def write_published(name: str, published: Path, folder: Path) -> Path:
    """Report all raw results of one benchmark in `published/NAME/results`; returns the report's index.

    Raises:
        SpmBenchError: Annotations or results are missing or broken.
    """
    suite = load_suite(name, published, annotations_only=True)
    results = find_result_sets([published / name / "results"], suite)
    if suite.root is not None:
        suite = replace(suite, root=suite.root.relative_to(published))
    for found in results:
        if isinstance(found, ForeignResults):
            found.run = found.folder.relative_to(published).as_posix()
    evaluations = [evaluate(suite, found) for found in results]
    return write_report(evaluations, suite, folder, results=results)[0]


def main(arguments: list[str] | None = None) -> int:
    """Write the reports; returns the exit code: 0, or 2 where something must be mended."""
    args = parse(arguments)
    try:
        for name in args.suite or SUITES:
            print(write_published(name, args.published, args.out / name))
    except SpmBenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
