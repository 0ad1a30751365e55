"""EAO of trackers on 60 sequences x 15 repetitions: this project against the vot toolkit's analysis, side by side.

    python benchmarks/eao_speed.py [DATA] [--suite vot2016] [--trackers 10] [--sequences 60] [--repetitions 15]

With a data folder the annotations are the suite's, else generated with the lengths of a VOT suite. Results are
generated: each repetition drifts around the annotation and fails now and then. Both sides get the same raw files and
compute what a VOT stack asks for: accuracy and robustness, failures, EAO and its curve. Two times are taken here: from
trajectories in memory, and with reading the raw files. The toolkit always reads them; it runs in this process, its
compiled overlap warmed up, its caches empty.

Prints medians over the rounds (the toolkit runs once, in the middle) and their ratios, and the most memory that our
side ever held (the toolkit is loaded after it). Wants vot-toolkit 0.7.4.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import resource
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
from tests.parity.vot_workspace import Video, analyse, write_results, write_workspace

INTERVAL = (100, 356)
"""VOT2017's and VOT2018's."""
SIZE = (640, 480)


class InMemory:
    """A result set whose trajectories are already read."""

    variant, protocol, run, trained, source, note = "base", "supervised", "memory", "", "generated", ""

    def __init__(self, tracker: str, passes: dict[str, tuple[Trajectory, ...]]) -> None:
        self.tracker = self.label = tracker
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
    parser.add_argument("--trackers", type=int, default=10)
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
    names = [f"T{k}" for k in range(options.trackers)]
    with tempfile.TemporaryDirectory() as folder:
        workspace, small = Path(folder) / "all", Path(folder) / "small"
        for k, name in enumerate(names):
            videos = generated_videos(made, options.repetitions, rng)
            if k == 0:
                write_workspace(workspace, videos, INTERVAL, names)
                write_workspace(small, videos[:1], INTERVAL)
            else:
                write_results(workspace, videos, name)
        compare(made, names, workspace, small, options.rounds)


Annotations = list[tuple[tuple[int, int], np.ndarray]]


def generated_videos(made: Annotations, repetitions: int, rng: np.random.Generator) -> list[Video]:
    return [
        Video(f"video{i:02d}", size, truth, [generated_pass(truth, rng) for _ in range(repetitions)])
        for i, (size, truth) in enumerate(made)
    ]


def compare(made: Annotations, names: list[str], workspace: Path, small: Path, rounds: int) -> None:
    sequences = tuple(
        Sequence(f"video{i:02d}", np.zeros((len(truth), 4)), polygons=truth, image_size=size)
        for i, (size, truth) in enumerate(made)
    )
    suite = Suite("some", "Some", "vot", "supervised", sequences, len(sequences), eao_interval=INTERVAL)
    found = find_result_sets([workspace / "results"], suite)
    memory = {r.tracker: InMemory(r.tracker, {s.name: r.trajectories(s) for s in sequences}) for r in found[:1]}

    def from_memory() -> list[float | None]:
        return [evaluate_supervised(suite, one, "vot-toolkit").score("eao").value for one in memory.values()]

    def from_files() -> list[float | None]:
        found = find_result_sets([workspace / "results"], suite)
        return [evaluate_supervised(suite, one, "vot-toolkit").score("eao").value for one in found]

    def toolkit(folder: Path, trackers: list[str]) -> list[float]:
        quiet = contextlib.redirect_stderr(io.StringIO())
        with warnings.catch_warnings(), quiet, contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            grid = analyse(folder, *trackers)["EAOScore"]
            return [float(grid[k, 0][0]) for k in range(len(trackers))]

    ours, read = [timed(from_memory)[0] for _ in range(rounds)], [timed(from_files)[0] for _ in range(rounds)]
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    toolkit(small, ["Some"])
    theirs, their_eao = timed(lambda: toolkit(workspace, names))
    ours += [timed(from_memory)[0] for _ in range(rounds)]
    read += [timed(from_files)[0] for _ in range(rounds)]
    eao = from_files()
    assert all(abs((a or 0.0) - b) < 1e-6 for a, b in zip(eao, their_eao, strict=True)), (eao, their_eao)
    n_files = sum(1 for _ in (workspace / "results").rglob("*[0-9].txt"))
    print(
        f"{len(names)} trackers, {len(sequences)} sequences, {n_files} raw files; EAO equal to 1e-6: {eao[0]:.6f}, ..."
    )
    print(f"vot toolkit 0.7.4                {theirs:8.2f} s")
    median = statistics.median(read)
    print(f"spm_bench, with reading          {median:8.2f} s   {theirs / median:.1f} x faster")
    median = statistics.median(ours)
    print(f"spm_bench, one tracker in memory {median:8.2f} s   {theirs / len(names) / median:.1f} x faster")
    print(f"memory of spm_bench at its peak  {megabytes:8.0f} MB")


if __name__ == "__main__":
    main()
