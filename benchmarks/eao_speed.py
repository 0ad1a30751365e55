"""EAO of one tracker on 60 sequences x 15 repetitions: this project against the vot toolkit's analysis, side by side.

    python benchmarks/eao_speed.py [DATA] [--suite vot2016] [--sequences 60] [--repetitions 15] [--rounds 3]

With a data folder the annotations are the suite's, else generated with the lengths of a VOT suite. Results are
generated: each repetition drifts around the annotation and fails now and then. Both sides get the same raw files and
compute what a VOT stack asks for: accuracy and robustness, failures, EAO and its curve. Two times are taken here: from
trajectories in memory, and with reading the raw files. The toolkit always reads them; it runs in this process, its
compiled overlap warmed up, its caches empty.

Prints medians over the rounds (the toolkit runs once, in the middle) and their ratios. Wants vot-toolkit 0.7.4.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from spm_bench.results.foreign import find_result_sets
from spm_bench.results.trajectory import FrameState, Trajectory
from spm_bench.scoring.supervised import evaluate_supervised
from spm_bench.suites import load_suite
from spm_bench.suites.base import Sequence, Suite
from tests.parity.vot_workspace import Video, analyse, write_workspace

INTERVAL = (100, 356)
"""VOT2017's and VOT2018's."""
SIZE = (640, 480)


class InMemory:
    """A result set whose trajectories are already read."""

    tracker, variant, protocol, run, trained, source, note = "Some", "base", "supervised", "memory", "", "generated", ""
    label = "Some"

    def __init__(self, passes: dict[str, tuple[Trajectory, ...]]) -> None:
        self.passes = passes

    def has(self, sequence: str) -> bool:
        """Tell whether the sequence was tracked."""
        return sequence in self.passes

    def trajectories(self, sequence: Sequence) -> tuple[Trajectory, ...]:
        """All repetitions."""
        return self.passes[sequence.name]


def real_annotations(suite: str, data: Path, n_sequences: int) -> list[tuple[tuple[int, int], np.ndarray]]:
    sequences = load_suite(suite, data, annotations_only=True).sequences
    drawn = [s for s in sequences if s.polygons is not None]
    return [(s.image_size or SIZE, np.asarray(s.polygons)) for s in drawn[:n_sequences]]


def generated_annotations(n_sequences: int, rng: np.random.Generator) -> list[tuple[tuple[int, int], np.ndarray]]:
    """Rotating, drifting rectangles; lengths spread like VOT's (41 to 1500 frames, about 356 on average)."""
    made = []
    for _ in range(n_sequences):
        n = int(np.clip(rng.lognormal(5.6, 0.65), 41, 1500))
        centre = np.array([320, 240]) + np.clip(np.cumsum(rng.normal(0, 2, (n, 2)), axis=0), -200, 200)
        half = rng.uniform(15, 70, 2) * np.exp(np.cumsum(rng.normal(0, 0.01, (n, 1)), axis=0).clip(-0.7, 0.7))
        angle = np.cumsum(rng.normal(0, 0.03, n))
        axes = np.stack((np.stack((np.cos(angle), np.sin(angle)), 1), np.stack((-np.sin(angle), np.cos(angle)), 1)), 1)
        signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
        corners = centre[:, None] + np.einsum("ks,ns,nsd->nkd", signs, half, axes)
        made.append((SIZE, corners.reshape(n, 8)))
    return made


def generated_pass(truth: np.ndarray, rng: np.random.Generator) -> Trajectory:
    """Boxes around the annotation, with an error that wanders; about one failure in 400 frames."""
    n, corners = len(truth), truth.reshape(-1, 4, 2)
    low, high = corners.min(axis=1), corners.max(axis=1)
    size = (high - low) * np.exp(rng.normal(0, 0.1, (n, 2)))
    drift = np.cumsum(rng.normal(0, 0.02, (n, 2)), axis=0).clip(-0.4, 0.4)
    boxes = np.concatenate(((low + high) / 2 + drift * size - size / 2, size), axis=1).round(4)
    states = np.full(n, FrameState.TRACKED, dtype=np.int8)
    states[0] = FrameState.INIT
    frame = int(rng.exponential(400)) + 1
    while frame < n:
        states[frame] = FrameState.FAILURE
        states[frame + 1 : frame + 5] = FrameState.SKIPPED
        states[frame + 5 : frame + 6] = FrameState.INIT
        frame += 6 + int(rng.exponential(400))
    boxes[states != FrameState.TRACKED] = np.nan
    return Trajectory(boxes, states, np.full(n, np.nan))


def timed(work: Callable[[], object]) -> tuple[float, object]:
    begin = time.perf_counter()
    value = work()
    return time.perf_counter() - begin, value


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", nargs="?", type=Path, help="folder with the suite's annotations")
    parser.add_argument("--suite", default="vot2016")
    parser.add_argument("--sequences", type=int, default=60)
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    rng = np.random.default_rng(7)
    made = (
        real_annotations(options.suite, options.data, options.sequences)
        if options.data
        else generated_annotations(options.sequences, rng)
    )
    videos = [
        Video(f"video{i:02d}", size, truth, [generated_pass(truth, rng) for _ in range(options.repetitions)])
        for i, (size, truth) in enumerate(made)
    ]
    with tempfile.TemporaryDirectory() as folder:
        workspace, small = Path(folder) / "all", Path(folder) / "small"
        write_workspace(workspace, videos, INTERVAL)
        write_workspace(small, videos[:1], INTERVAL)
        compare(videos, workspace, small, options.rounds)


def compare(videos: list[Video], workspace: Path, small: Path, rounds: int) -> None:
    sequences = tuple(
        Sequence(v.name, np.zeros((len(v.truth), 4)), polygons=v.truth, image_size=v.size) for v in videos
    )
    suite = Suite("some", "Some", "vot", "supervised", sequences, len(sequences), eao_interval=INTERVAL)
    memory = InMemory({v.name: tuple(v.passes) for v in videos})

    def from_memory() -> float | None:
        return evaluate_supervised(suite, memory, "vot-toolkit").score("eao").value

    def from_files() -> float | None:
        (results,) = find_result_sets([workspace / "results" / "Some"], suite)
        return evaluate_supervised(suite, results, "vot-toolkit").score("eao").value

    def toolkit(folder: Path) -> float:
        quiet = contextlib.redirect_stderr(io.StringIO())
        with warnings.catch_warnings(), quiet, contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            return float(analyse(folder)["EAOScore"][0, 0][0])

    toolkit(small)
    from_memory()
    ours, read = [timed(from_memory)[0] for _ in range(rounds)], [timed(from_files)[0] for _ in range(rounds)]
    theirs, their_eao = timed(lambda: toolkit(workspace))
    ours += [timed(from_memory)[0] for _ in range(rounds)]
    read += [timed(from_files)[0] for _ in range(rounds)]
    frames = sum(len(v.truth) * len(v.passes) for v in videos)
    print(f"{len(videos)} sequences, {sum(len(v.passes) for v in videos)} passes, {frames} frames")
    print(f"vot toolkit 0.7.4       {theirs:8.2f} s   EAO {their_eao:.6f}")
    for name, times, work in (("in memory", ours, from_memory), ("with reading", read, from_files)):
        median = statistics.median(times)
        eao = work()
        shown = "undefined" if eao is None else f"{eao:.6f}"
        print(f"spm_bench, {name:<13}{median:8.2f} s   EAO {shown}   {theirs / median:.1f} x faster")


if __name__ == "__main__":
    main()
