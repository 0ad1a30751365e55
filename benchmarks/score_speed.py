"""Time our scoring of many trackers x 100 OTB sequences against the got10k toolkit's evaluation of the same files.

    python benchmarks/score_speed.py [FOLDER] [--trackers 8] [--rounds 7]

FOLDER holds `annotations/<Sequence>.txt` and `results/<Tracker>/<Sequence>.txt`; without it, files of the same number
and size are generated. Both sides start from text on disk and end with scores and curves per sequence and overall; the
toolkit's data set is built in its native layout (it lists every picture, so there are empty ones). The toolkit is timed
twice: its `report()`, which is what its users call and which also draws the two curves, and the same without drawing,
which is the nearest to our side (it still writes its JSON file; ours makes tables per sequence and attribute). Ours is
timed twice, too: all of it, which ends with a bootstrap interval of each score, and without these, which the toolkit
has not; ratios are given to both, in the order of the lines. All are measured in turns in one process, so that a busy
machine slows all; what counts is the ratio of the medians. Before that, both sides' AUC and precision are compared, so
that the same work is timed. On a machine that others use too, the seconds of the processor are the better measure, so
these are printed as well.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")

from got10k.datasets import OTB
from got10k.experiments import ExperimentOTB

from spm_bench.results.foreign import find_result_sets
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.evaluate import evaluate_all
from spm_bench.suites import load_suite
from spm_bench.suites.facts import suite_facts

N_TRACKERS = 8
OWN, WHOLE = "spm_bench, without intervals", "spm_bench"
FIRST_USED_PICTURE = {"David": 300}
"""The toolkit cuts the video of this sequence itself; of the others it takes every picture that is there."""


def generate(folder: Path, trackers: int) -> None:
    """Write annotations and results of OTB-100's names and lengths: a drifting target and noisy trackers."""
    rng = np.random.default_rng(0)
    for item in suite_facts("otb100").sequences:
        n = item.n_frames
        truth = np.concatenate([200 + rng.normal(0, 2, (n, 2)).cumsum(0), np.full((n, 2), 60.0)], 1).clip(1).round()
        write(folder / "annotations" / f"{item.name}.txt", truth, "%d")
        for tracker in range(trackers):
            noisy = truth + rng.normal(0, 3 + tracker % 8, truth.shape)
            write(folder / "results" / f"Tracker{tracker:02d}" / f"{item.name}.txt", noisy.clip(1), "%.3f")


def write(path: Path, rows: np.ndarray, fmt: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, rows, fmt=fmt, delimiter=",")


def build_toolkit_data(source: Path, root: Path) -> None:
    """The toolkit's layout: a folder per video with pictures, `groundtruth_rect.txt` or one file per target."""
    for item in suite_facts("otb100").sequences:
        pictures = root / item.folder / "img"
        pictures.mkdir(parents=True, exist_ok=True)
        for i in range(item.n_frames + FIRST_USED_PICTURE.get(item.name, 1) - 1):
            (pictures / f"{i + 1:04d}.jpg").touch()
        shutil.copyfile(source / "annotations" / f"{item.name}.txt", root / item.folder / item.annotation)


def copy_toolkit_results(source: Path, root: Path, out: Path) -> None:
    """The same result files under the toolkit's names (Jogging.1 for Jogging-1, Human4 for Human4-2)."""
    names = offline_data_set(root).seq_names
    for path in source.glob("results/*/*.txt"):
        spellings = (path.stem, path.stem.replace("-", "."), path.stem.rpartition("-")[0])
        name = next(spelling for spelling in spellings if spelling in names)
        (out / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, out / path.parent.name / f"{name}.txt")


def offline_data_set(root: Path) -> OTB:
    with contextlib.redirect_stdout(io.StringIO()):
        return OTB(str(root), 2015, download=False)


def toolkit(root: Path, results: Path, reports: Path, *, plots: bool) -> dict[str, Any]:
    """The toolkit's `report()`; its constructor would download, so the object is put together by hand."""
    experiment = object.__new__(ExperimentOTB)
    experiment.dataset = offline_data_set(root)
    experiment.result_dir, experiment.report_dir = str(results), str(reports)
    experiment.nbins_iou, experiment.nbins_ce = 21, 51
    if not plots:
        experiment.plot_curves = lambda _: None
    with contextlib.redirect_stdout(io.StringIO()):
        performance: dict[str, Any] = experiment.report(sorted(p.name for p in results.iterdir()))
    return performance


def ours(folder: Path, convention: str | None = None, *, intervals: bool = True) -> list[Evaluation]:
    """What `spm-bench score` does before it prints."""
    suite = load_suite("otb100", folder, annotations_only=True)
    return evaluate_all(suite, find_result_sets([folder / "results"], suite), convention, intervals=intervals)


def seconds(function: Callable[[], object]) -> tuple[float, float]:
    """By the clock, and of all processors used, those of child processes included."""
    start, used = time.perf_counter(), os.times()
    function()
    now = os.times()
    return time.perf_counter() - start, sum(now[:4]) - sum(used[:4])


def largest_difference(evaluations: list[Evaluation], performance: dict[str, Any]) -> float:
    """Of AUC and precision over all trackers, between the toolkit and our convention of its name."""
    pairs = [
        (evaluation.score(metric).value, performance[evaluation.label]["overall"][key])
        for evaluation in evaluations
        for metric, key in (("auc", "success_score"), ("precision", "precision_score"))
    ]
    return max(abs(float(a or 0.0) - b) for a, b in pairs)


def measure(folder: Path, work: Path, rounds: int) -> None:
    root, results = work / "OTB", work / "toolkit_results"
    build_toolkit_data(folder, root)
    copy_toolkit_results(folder, root, results)
    performance = toolkit(root, results, work / "reports", plots=False)
    print(f"largest difference of a score: {largest_difference(ours(folder, 'got10k-toolkit'), performance):.1e}")
    sides: dict[str, Callable[[], object]] = {
        OWN: lambda: ours(folder, intervals=False),
        WHOLE: lambda: ours(folder),
        "got10k toolkit, report()": lambda: toolkit(root, results, work / "reports", plots=True),
        "got10k toolkit, without its plots": lambda: toolkit(root, results, work / "reports", plots=False),
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, run in sides.items():
            taken[name].append(seconds(run))
    middle = {name: [statistics.median(column) for column in zip(*times, strict=True)] for name, times in taken.items()}
    for name, (clock, used) in middle.items():
        against = [middle[own] for own in (OWN, WHOLE)]
        print(
            f"{name:34s} median {clock:6.3f} s, best {min(c for c, _ in taken[name]):6.3f} s, "
            f"{' and '.join(f'{clock / one[0]:4.1f}' for one in against)} x ours; "
            f"processor {used:6.2f} s, {' and '.join(f'{used / one[1]:4.1f}' for one in against)} x ours"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="annotations/ and results/; generated if not given")
    parser.add_argument("--trackers", type=int, default=N_TRACKERS, help="how many are generated")
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = args.folder or Path(name) / "generated"
        if args.folder is None:
            generate(folder, args.trackers)
        measure(folder, Path(name), args.rounds)


if __name__ == "__main__":
    main()
