"""Time sweeps in lockstep against separate runs of their cells, side by side, frame decoding included.

    python benchmarks/sweep_speed.py                                        # the two that are promised, on the demo
    python benchmarks/sweep_speed.py --suite otb100 --data DIR --only Deer,Girl,Man
    python benchmarks/sweep_speed.py --all --lockstep-only                  # the sharing factor of every shipped sweep

Promised on two CPU cores: `late_decisions` (20 cells: window, NMS, candidates, lost threshold) at most 0.4 of 20
separate runs, `fusion_weights` (12 cells) at most 0.75 of 12.

Sequence by sequence, all cells run in lockstep and, before or after it in turns, each by itself, so that a busy machine
slows both; one process, the given number of threads. Both ways give the same boxes (the largest difference is printed).
The sharing factor is the number of steps that were asked for by the number of passes through the network.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from spm_bench.engine.jobs import Bundle, Job, TrackerCache, execute
from spm_bench.protocols.base import TrackingProtocol
from spm_bench.protocols.catalog import get_protocol
from spm_bench.results.trajectory import Trajectory
from spm_bench.suites import load_suite
from spm_bench.suites.base import Sequence
from spm_bench.sweep import cells_of, read_sweep
from spm_bench.trackers.base import Shared, TrackerSpec

HERE = Path(__file__).parent
EXPERIMENTS = HERE.parent / "experiments"
PROMISED = {HERE / "late_decisions.toml": 0.4, EXPERIMENTS / "fusion_weights.toml": 0.75}


@dataclass
class Tally:
    """What a sweep took so far, in seconds, and how much it shared."""

    lockstep: float = 0.0
    alone: float = 0.0
    frames: int = 0
    largest: float = 0.0
    shared: Shared = field(default_factory=Shared)

    @property
    def ratio(self) -> float:
        """Time in lockstep by time alone."""
        return self.lockstep / self.alone if self.alone else float("nan")

    @property
    def factor(self) -> float:
        """Steps asked for by steps computed."""
        return self.shared.asked / max(self.shared.computed, 1)

    def row(self, name: str) -> str:
        """One line of the table."""
        return (
            f"{name:18} {self.frames:6} {self.lockstep:9.2f} {self.alone:9.2f} {self.ratio:7.3f} {self.factor:8.2f}"
            f" {self.largest:10.1e}"
        )


class Sweeping:
    """The cells of one sweep, run both ways; networks are loaded once and not counted."""

    def __init__(self, specs: Many[TrackerSpec], protocol: TrackingProtocol) -> None:
        self.specs, self.protocol = specs, protocol
        self.batch = TrackerCache()
        self.single = [TrackerCache() for _ in specs]
        self.batch.batch(specs)

    def jobs(self, sequence: Sequence) -> list[Job]:
        """One for each cell."""
        return [Job(key, spec, self.protocol, sequence, 1, 0, key) for key, spec in enumerate(self.specs)]

    def lockstep(self, sequence: Sequence, tally: Tally) -> dict[int, Trajectory]:
        """All cells together."""
        start, found = perf_counter(), {}
        for reply in execute(Bundle(tuple(self.jobs(sequence)), lockstep=True), self.batch):
            assert reply.trajectory is not None, reply.trace
            found[reply.key] = reply.trajectory
            if reply.shared is not None:
                tally.shared.asked += reply.shared.asked
                tally.shared.computed += reply.shared.computed
        tally.lockstep += perf_counter() - start
        return found

    def separate(self, sequence: Sequence, tally: Tally) -> dict[int, Trajectory]:
        """One cell after the other."""
        found = {}
        for job, cache in zip(self.jobs(sequence), self.single, strict=True):
            cache.get(job.spec)
            start = perf_counter()
            (reply,) = execute(Bundle((job,)), cache)
            tally.alone += perf_counter() - start
            assert reply.trajectory is not None, reply.trace
            found[job.key] = reply.trajectory
        return found


def difference(one: Trajectory, other: Trajectory) -> float:
    """Largest difference of the boxes in pixels; infinite if they differ in what is a failure."""
    if not np.array_equal(one.states, other.states):
        return float("inf")
    return float(np.nan_to_num(np.abs(one.boxes - other.boxes)).max())


def measure(path: Path, sequences: Many[Sequence], protocol: TrackingProtocol, *, both: bool) -> Tally:
    cells = cells_of(read_sweep(path), device="cpu")
    print(f"\n{path.stem}: {len(cells)} cells")
    print(f"{'':18} {'frames':>6} {'lockstep':>9} {'separate':>9} {'ratio':>7} {'sharing':>8} {'largest px':>10}")
    sweeping, total = Sweeping([cell.spec for cell in cells], protocol), Tally()
    for number, sequence in enumerate(sequences):
        tally = Tally(frames=len(sequence))
        ways = [sweeping.lockstep, sweeping.separate][: 2 if both else 1]
        found = [way(sequence, tally) for way in (ways if number % 2 == 0 else ways[::-1])]
        if both:
            tally.largest = max(difference(found[0][key], found[1][key]) for key in found[0])
        print(tally.row(sequence.name), flush=True)
        total.lockstep += tally.lockstep
        total.alone += tally.alone
        total.frames += tally.frames
        total.largest = max(total.largest, tally.largest)
        total.shared.asked += tally.shared.asked
        total.shared.computed += tally.shared.computed
    print(total.row("all"), flush=True)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweeps", nargs="*", type=Path, help="sweep files; by default the two that are promised")
    parser.add_argument("--all", action="store_true", help="every sweep in experiments/ too")
    parser.add_argument("--suite", default="demo")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", help="sequences, separated by commas")
    parser.add_argument("--lockstep-only", action="store_true", help="the sharing factor alone")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    only = args.only.split(",") if args.only else None
    suite = load_suite(args.suite, args.data, allow_missing=True, only=only)
    protocol = get_protocol(suite.protocol)
    print(f"torch {torch.__version__}, {args.threads} threads, {suite.title}: {len(suite.sequences)} sequences")
    files = list(args.sweeps) or list(PROMISED)
    if args.all:
        files += [f for f in sorted(EXPERIMENTS.glob("*.toml")) if f not in files and "search" not in f.stem]
    for path in files:
        total = measure(path, suite.sequences, protocol, both=not args.lockstep_only)
        if path in PROMISED and not args.lockstep_only:
            verdict = "kept" if total.ratio <= PROMISED[path] else "NOT KEPT"
            print(f"promised: at most {PROMISED[path]} of separate runs: {total.ratio:.3f}, {verdict}")


if __name__ == "__main__":
    main()
