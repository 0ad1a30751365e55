"""The Siamese family on equal terms: SPM, SiamRPN, DaSiamRPN and SiamFC, several trainings each. Writes `family/`.

    python reports/family.py --weights WEIGHTS --data ../shared/data --published ../shared/benchmarks
    python reports/family.py --weights WEIGHTS --speed      # times and memory of everybody, on a quiet machine
    python reports/family.py --again                        # page and figures from the tables that are there

WEIGHTS holds `seed1/spm.safetensors`, `seed1/siamrpn.safetensors`, ... (or `seed1/spm/weights.safetensors`, as the
trainings of `experiments/train/family/` leave them) for seeds 1, 2 and 3; what is not there is named on the page. DATA
holds sequences of OTB-100 (`otb/`) and VOT2016 (`vot2016/`); without it, the drawn steps of difficulty alone are run.
PUBLISHED holds raw results of others (`otb100/results/KCF/*.txt`). What was run once stays in --out.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from family_study.document import write_page
from family_study.measure import (
    SCENES,
    Ground,
    difference_rows,
    find_grounds,
    run_members,
    score_rows,
    value_rows,
)
from family_study.methods import Network, facts_of, find_networks
from family_study.speed import time_family
from family_study.study import Study
from proving.cells import Bench
from proving.compare import counted

from spm_bench.errors import SpmBenchError, UsageError


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, help="folder with seed1/, seed2/, ...")
    parser.add_argument("--data", type=Path, help="folder with otb/ and vot2016/")
    parser.add_argument("--published", type=Path, help="folder with raw results of others; without it, none are shown")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="root of the run folders (default: runs)")
    parser.add_argument(
        "--page", type=Path, default=Path("reports/family"), help="where page and tables go (default: reports/family)"
    )
    parser.add_argument("--scenes", type=int, default=SCENES, help=f"drawn scenes of each axis (default: {SCENES})")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="SEQUENCE", help="these sequences only, for a quick look"
    )
    parser.add_argument("--speed", action="store_true", help="time everybody, keep it beside the page, and stop")
    parser.add_argument("--again", action="store_true", help="run and score nothing: write the page again")
    parser.add_argument("--device", default="cpu", help="default: cpu")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--quiet", action="store_true", help="no progress")
    return parser.parse_args(arguments)


def measure(args: argparse.Namespace, networks: list[Network], missing: list[str]) -> Study:
    """Run what is new, and score everything.

    Raises:
        UsageError: No sequence is left.
        SpmBenchError: A tracker cannot be built or failed, or data are broken.
    """
    bench = Bench(args.out, args.device, args.workers, args.quiet, tuple(args.only))
    grounds, absent = find_grounds(args.data, bench, args.scenes)
    if not grounds:
        raise UsageError("no sequence is left", where="--only", remedy="Name sequences that are at hand")
    told = [facts_of(network) for network in networks]  # broken files are found before the first minute is spent
    tables: dict[str, list[pd.DataFrame]] = {"values": [], "scores": [], "differences": []}
    for ground in grounds:
        members = run_members(ground, networks, args.published, bench)
        tables["values"].append(value_rows(ground, members))
        tables["scores"].append(score_rows(ground, members))
        tables["differences"].append(difference_rows(ground, members))
    facts = {
        "networks": told,
        "missing_weights": missing,
        "missing_suites": absent,
        "suites": {ground.name: about(ground) for ground in grounds},
        "published": args.published is not None,
    }
    joined = {name: pd.concat(frames, ignore_index=True) for name, frames in tables.items()}
    return Study(**joined, facts=facts)


def about(ground: Ground) -> dict[str, Any]:
    """What the page says of the sequences."""
    n, units = len(ground.chosen.sequences), len(set(ground.units.values()))
    return {
        "title": ground.suite.title,
        "described": f"{counted(n, 'sequences')} of {counted(units, ground.unit_name)}",
        "sequences": [sequence.name for sequence in ground.chosen.sequences],
        "n_total": ground.suite.n_total,
        "longest": max(map(len, ground.chosen.sequences)),
        "eao_interval": ground.suite.eao_interval,
        "lengths": ground.lengths,
    }


def main(arguments: list[str] | None = None) -> int:
    """Make the study; returns the exit code: 0, or 2 where something must be mended."""
    args = parse(arguments)
    try:
        if not args.again:
            if args.weights is None:
                raise UsageError(
                    "the study needs networks", remedy="Give --weights FOLDER, or --again for the page alone"
                )
            networks, missing = find_networks(args.weights)
            if args.speed:
                print(time_family(networks, args.out, args.page, say=_silent if args.quiet else _say))
                return 0
            measure(args, networks, missing).save(args.page)
        print(write_page(Study.load(args.page), args.page))
    except SpmBenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _silent(_: str) -> None:
    """Say nothing."""


if __name__ == "__main__":
    sys.exit(main())
