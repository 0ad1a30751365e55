"""Run the ablation studies of `experiments/` with the weights that come along, and write a document of each.

    python reports/ablations.py --data ../shared/data
    python reports/ablations.py --data ../shared/data --study stages --suite demo

DATA holds sequences of OTB-100 (`otb/`) and VOT2016 (`vot2016/`), as many as there are; the demo suite is drawn. The
documents go to `ablations/STUDY/`. What was run once stays in --runs, so a second call only writes them again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from spm_bench.errors import SpmBenchError
from spm_bench.report.ablation import write_ablation
from spm_bench.sweep import SweepRequest, find_sweep, run_sweep
from spm_bench.sweep.document import ablation_of

STUDIES = ("stages", "fusion_weights", "padding")
SUITES = ("demo", "otb100", "vot2016")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with otb/ and vot2016/; the demo suite needs none")
    parser.add_argument("--study", action="append", help=f"a sweep file or its name (default: {', '.join(STUDIES)})")
    parser.add_argument("--suite", action="append", help=f"default: {', '.join(SUITES)}")
    parser.add_argument("--out", type=Path, default=Path("reports/ablations"))
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="root of the run folders (default: runs)")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--device", default="auto")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Make the documents; returns the exit code: 0, 1 where a cell failed, 2 where something must be mended."""
    args = parse(arguments)
    failed = False
    try:
        for study in args.study or STUDIES:
            request = SweepRequest(
                file=find_sweep(study),
                suites=tuple(args.suite or SUITES),
                data=args.data,
                allow_missing=True,
                out=args.runs,
                workers=args.workers,
                device=args.device,
            )
            outcome = run_sweep(request)
            folder = args.out / outcome.plan.sweep.name
            print(write_ablation(ablation_of(outcome), folder)[0])
            failed = failed or bool(outcome.failures)
    except SpmBenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
