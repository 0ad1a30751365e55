"""Search settings of the compact network on the demo suite, and keep the report of the search.

    python reports/search.py

It is `spm-bench search experiments/search_window.toml` with the report in `search/`. Trials are kept under --runs: a
search that was finished is only written again. Needs the extra `search`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from spm_bench.errors import SpmBenchError
from spm_bench.report.search import write_search
from spm_bench.sweep.search import run_search
from spm_bench.sweep.search_file import find_search
from spm_bench.sweep.search_plan import SearchRequest


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--search", default="search_window", help="a file, or the name of one in experiments/")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="root of the run folders (default: runs)")
    parser.add_argument("--out", type=Path, default=Path("reports/search"), help="default: reports/search")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Search; returns the exit code: 0, 1 where a trial failed, 2 where something must be mended."""
    args = parse(arguments)
    command = ("spm-bench", "search", args.search)
    try:
        request = SearchRequest(file=find_search(args.search), out=args.runs, report=False, command=command)
        outcome = run_search(request)
        print(write_search(outcome.document, args.out)[0])
    except SpmBenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 1 if outcome.document.failures else 0


if __name__ == "__main__":
    sys.exit(main())
