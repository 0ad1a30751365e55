"""Prove a trained SPM: benchmarks beside others, the stages apart, and trainings compared. Writes `proof.md`.

    python reports/proof.py --data ../shared/data --published ../shared/benchmarks
    python reports/proof.py ... --ablation "all=a.safetensors" --ablation "no FM=b.safetensors:cm_only"

It is about the weights that come with the package (SPM-lite); `--weights FILE.safetensors` names others. DATA holds the
benchmarks' sequences (otb/, vot2016/; parts of them will do), PUBLISHED raw results of other trackers
(otb100/results/Tracker/*.txt, vot2016/results/Tracker/baseline/...). Whatever was run once stays in --runs.

Parts (`--part`, which writes a document of it alone):

    otb       where SPM stands: OTB-100 at hand, one pass
    vot       how often it loses the target: VOT2016 at hand, supervised
    stages    what each stage earns (CM alone, FM alone, series, full): OTB, look-alike steps, 18 look-alike scenes
    ablation  what each rule of training earns: the same

A training is `NAME=FILE` or `NAME=FILE:VARIANT` (a network trained without FM has to be run as `cm_only`); the first is
what the others are compared with.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

from proving.benchmarks import otb_part, vot_part
from proving.cells import SHIPPED, Bench, tracker_of
from proving.document import Part, Recipe, write_document
from proving.lookalikes import SCENES
from proving.stages import Grounds, ablation_part, read_training, stages_part

from spm_bench.errors import SpmBenchError, UsageError
from spm_bench.trackers.catalog import resolve_tracker

PARTS = ("otb", "vot", "stages", "ablation")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--weights",
        default=SHIPPED,
        help=f"as for `spm-bench run`: a file, official, or random; default: {SHIPPED}, which comes with the package",
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with otb/ and vot2016/")
    parser.add_argument("--published", type=Path, help="folder with raw results of others; without it, none are shown")
    parser.add_argument("--out", type=Path, default=Path("reports"), help="where proof.md goes (default: reports)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="root of the run folders (default: runs)")
    parser.add_argument("--part", action="append", choices=PARTS, help="this part only; repeat for more")
    parser.add_argument(
        "--ablation",
        action="append",
        default=[],
        metavar="NAME=FILE[:VARIANT]",
        help="a training; the first is compared with",
    )
    parser.add_argument("--scenes", type=int, default=SCENES, help=f"look-alike scenes (default: {SCENES})")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="SEQUENCE", help="these sequences only, for a quick look"
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--quiet", action="store_true", help="no progress")
    return parser.parse_args(arguments)


def make_parts(args: argparse.Namespace) -> list[Part]:
    """Run and compare what was asked for.

    Raises:
        UsageError: Nothing is left to compare.
        SpmBenchError: Data, weights or results are missing or broken.
    """
    trainings = [read_training(text) for text in args.ablation]
    if len({entry.name for entry in trainings}) < len(trainings):
        raise UsageError("two trainings have the same name", where="--ablation")
    bench = Bench(args.runs, args.device, args.workers, args.quiet, tuple(args.only))
    grounds = Grounds(args.data, args.scenes)
    makers = {
        "otb": lambda: otb_part(args.data, args.published, args.weights, bench),
        "vot": lambda: vot_part(args.data, args.published, args.weights, bench),
        "stages": lambda: stages_part(grounds, args.weights, bench),
        "ablation": lambda: ablation_part(grounds, trainings, bench) if trainings else None,
    }
    made = [makers[name]() for name in PARTS if name in (args.part or PARTS)]
    parts = [part for part in made if part is not None]
    if not parts:
        raise UsageError(
            "nothing is left to compare", remedy="The part ablation needs --ablation; --only needs names of sequences"
        )
    return parts


def make_recipe(args: argparse.Namespace) -> Recipe:
    """How the document is made again, with paths relative to the current folder."""
    words = ["python", "reports/proof.py"]
    for option in ("weights", "data", "published"):
        value = getattr(args, option)
        if value is not None and (option, value) != ("weights", SHIPPED):
            words += [f"--{option}", _relative(str(value))]
    words += ["--scenes", str(args.scenes)] if args.scenes != SCENES else []
    words += ["--only", *args.only] if args.only else []
    trainings = ""
    for text in args.ablation:
        name, _, file = text.partition("=")
        trainings += f" --ablation {shlex.quote(f'{name}={_relative(file)}')}"
    return Recipe(shlex.join(words), trainings, describe_weights(args))


def _relative(path: str) -> str:
    return os.path.relpath(path) if Path(path).is_absolute() else path


def describe_weights(args: argparse.Namespace) -> str:
    """Which weights they are: sha256, and whether they were trained."""
    tracker = tracker_of(args.weights)
    spec = resolve_tracker(tracker, weights=args.weights, device=args.device)
    digits = str(spec.identity["weights_sha256"])[:12]
    return f"{Path(args.weights).name} (tracker {tracker}), sha256 `{digits}`" + (
        "" if spec.trained == "yes" else ", **untrained: these scores mean nothing**"
    )


def main(arguments: list[str] | None = None) -> int:
    """Make the document; returns the exit code: 0, or 2 where something must be mended."""
    args = parse(arguments)
    try:
        recipe = make_recipe(args)
        files = write_document(make_parts(args), args.out, recipe)
    except SpmBenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(files[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())
