"""Compare SPM-lite with its coarse stage alone on the demo suite, and show on a sheet why it decided as it did.

    python reports/pair.py

It is `spm-bench compare --no-strips` and `spm-bench show` on two runs of `python reports/demo.py`, which are not run
again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from demo import VARIANTS, run_demo

from spm_bench.errors import SpmBenchError
from spm_bench.report.comparison import compare_several, write_comparison
from spm_bench.show import ShowRequest, show

TRACKER, SEQUENCE, FRAMES, WIDTH = "SPM-lite", "lookalike-4", "13,25", 1000


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="root of the run folders (default: runs)")
    parser.add_argument("--out", type=Path, default=Path("reports/pair"), help="default: reports/pair")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Compare and show; returns the exit code: 0, or 2 where something must be mended."""
    args = parse(arguments)
    try:
        outcome = run_demo(args.runs, (TRACKER,), VARIANTS)
        full, coarse = zip(outcome.evaluations, outcome.results, strict=True)
        (pair,) = compare_several(coarse, [full], outcome.suite, strips=False)  # film strips are large
        print(write_comparison(pair, args.out, command=("python", "reports/pair.py"))[0])
        folders = tuple(Path(results.run) for results in outcome.results)
        print(show(ShowRequest(folders, "demo", SEQUENCE, out=args.out / "show.png", frames=FRAMES, width=WIDTH)).path)
    except SpmBenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
