"""Compare figures in print with what this project makes of the same trackers' raw results. Writes `agreement/`.

    python reports/agreement.py --published ../shared/benchmarks

PUBLISHED holds annotations and raw results of whole benchmarks (otb100/annotations, otb100/results/TRACKER/*.txt,
vot2016/..., vot2018/...), and `expected.json`, which says where the files come from.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from agreeing.compare import Row, compare
from agreeing.document import write_agreement

from spm_bench.errors import SpmBenchError

SUITES = ("otb100", "vot2016", "vot2018")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--published", type=Path, required=True, help="folder with otb100/, vot2016/, vot2018/")
    parser.add_argument("--suite", action="append", choices=SUITES, help="this benchmark only; repeat for more")
    parser.add_argument("--out", type=Path, default=Path("reports/agreement"), help="default: reports/agreement")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Write the comparison; returns the exit code: 0, or 2 where something must be mended."""
    args = parse(arguments)
    rows: list[Row] = []
    try:
        for name in args.suite or SUITES:
            rows += compare(name, args.published)
        suites = "".join(f" --suite {name}" for name in args.suite or ())
        command = f"python reports/agreement.py --published PUBLISHED{suites}"
        print(write_agreement(rows, args.out, command))
    except SpmBenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
