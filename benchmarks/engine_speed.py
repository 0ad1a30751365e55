"""Frames per second of the lockstep engine against one and against many processes at B = 1, on one device.

    python benchmarks/engine_speed.py                                   # the promise: 64 slots, 8 processes, on a GPU
    python benchmarks/engine_speed.py --device cpu --slots 8 --processes 2 --frames 12 --batches 1 4 8   # small

Promised on a GPU: 64 slots at least 8 times (a) one process at B = 1, and twice (b) 8 processes at B = 1 on the same
card. Every slot is a sequence of its own (synthetic scenes in memory), so nothing is shared and what counts
is the batch alone: sweeps share on top of it, see sweep_speed.py. The three ways take turns, `--rounds` times; medians.
Networks are loaded, and kernels chosen, before the clock starts.

A table follows over batch sizes and precisions: milliseconds per round and frames per second of the batch tracker, and
the largest difference of a step's box from that in float32 at B = 1, all starting each step from the same boxes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
from collections.abc import Sequence as Many
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spm_bench.engine.jobs import Bundle, Job, TrackerCache, execute
from spm_bench.errors import SpmBenchError
from spm_bench.protocols.catalog import get_protocol
from spm_bench.suites.base import Frame, Sequence
from spm_bench.suites.synthetic import SyntheticFrames, annotate, make_scene
from spm_bench.suites.synthetic.steps import AXES
from spm_bench.trackers.base import Start, TrackerSpec
from spm_bench.trackers.catalog import build_batch, resolve_tracker
from spm_bench.trackers.variants import Variant

PRECISIONS = ("fp32", "tf32", "bf16")
MOST_SCENES = 8
"""Painting them is part of the preparation, and takes seconds."""


@dataclass(frozen=True)
class InMemory:
    """Frames that are copied when they are asked for: a decoder that costs next to nothing."""

    pictures: Many[Frame]

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.pictures)

    def __getitem__(self, index: int, /) -> Frame:
        """Give a frame of its own to everybody."""
        return self.pictures[index].copy()


def make_sequences(count: int, frames: int) -> list[Sequence]:
    """Sequences of a few synthetic scenes; those of one scene start on different boxes."""
    axes = [axis for axis in AXES if AXES[axis].steps][: min(count, MOST_SCENES)]
    scenes = [make_scene(axis, 1, seed=1, n_frames=frames) for axis in axes]
    shot = []
    for scene in scenes:
        painter = SyntheticFrames(scene)
        shot.append((InMemory([painter[t] for t in range(frames)]), annotate(scene).boxes))
    made = []
    for number in range(count):
        pictures, boxes = shot[number % len(shot)]
        x, y, w, h = boxes.T
        grown = 1 + 0.02 * (number // len(shot))
        truth = np.stack((x, y, grown * w, grown * h), axis=1)
        made.append(Sequence(f"{axes[number % len(shot)]}-{number}", truth, pictures))
    return made


def jobs_of(spec: TrackerSpec, sequences: Many[Sequence]) -> list[Job]:
    """One job a sequence."""
    protocol = get_protocol("one_pass")
    return [Job(key, spec, protocol, sequence, 1, 0, key) for key, sequence in enumerate(sequences)]


def run(bundle: Bundle, trackers: TrackerCache) -> None:
    """Do a bundle; whatever breaks ends the measurement."""
    for reply in execute(bundle, trackers):
        if reply.fatal is not None:
            raise reply.fatal
        assert reply.trajectory is not None, reply.trace


def one_by_one(jobs: Many[Job], trackers: TrackerCache) -> None:
    """Do jobs as separate runs would."""
    for job in jobs:
        run(Bundle((job,)), trackers)


def process(spec: TrackerSpec, number: int, of: int, counts: tuple[int, int], rounds: int, gate: Barrier) -> None:
    """One of several processes: does its share of the sequences, one after another, each time the gate opens."""
    torch.set_num_threads(max(1, torch.get_num_threads() // of))
    sequences, trackers = make_sequences(*counts), TrackerCache()
    own = jobs_of(spec, sequences[number::of])
    run(Bundle((own[0],)), trackers)
    for _ in range(rounds):
        gate.wait()
        one_by_one(own, trackers)
        gate.wait()


def compare(spec: TrackerSpec, slots: int, frames: int, processes: int, rounds: int) -> None:
    """Time the engine, one process and several, in turns."""
    sequences = make_sequences(slots, frames)
    jobs, alone, batch = jobs_of(spec, sequences), TrackerCache(), TrackerCache()
    spawn = multiprocessing.get_context("spawn")
    gate = spawn.Barrier(processes + 1)
    helpers = [
        spawn.Process(target=process, args=(spec, n, processes, (slots, frames), rounds, gate), daemon=True)
        for n in range(processes)
    ]
    for helper in helpers:
        helper.start()
    few = min(slots, 4)  # enough of a measurement at B = 1
    run(Bundle(tuple(jobs), lockstep=True), batch)
    run(Bundle((jobs[0],)), alone)
    speeds: dict[str, list[float]] = {"engine": [], "one": [], "many": []}
    for _ in range(rounds):
        speeds["engine"].append(slots * frames / timed(lambda: run(Bundle(tuple(jobs), lockstep=True), batch)))
        speeds["one"].append(few * frames / timed(lambda: one_by_one(jobs[:few], alone)))
        gate.wait()
        speeds["many"].append(slots * frames / timed(gate.wait))
    for helper in helpers:
        helper.join()
    engine, one, many = (statistics.median(values) for values in speeds.values())
    print(f"engine, {slots} slots             {engine:9.1f} frames/s")
    print(
        f"one process, B = 1 (end to end)  {one:7.1f} frames/s   engine {engine / one:.2f} times (promised on a GPU: 8)"
    )
    print(f"{processes} processes, B = 1            {many:9.1f} frames/s   engine {engine / many:.2f} times (2)")


def timed(work: Any) -> float:
    """Seconds that a call takes."""
    start = perf_counter()
    work()
    return perf_counter() - start


def table(name: str, weights: str | None, device: str, batches: Many[int], frames: int) -> None:
    """Time rounds of many sizes and precisions."""
    print(f"\n{'B':>4} {'precision':>9} {'ms/round':>9} {'frames/s':>9} {'largest px':>11}")
    sequences = make_sequences(max(batches), frames)
    pictures = [[sequence.frames[t] for sequence in sequences] for t in range(frames)]  # type: ignore[index]
    starts = [
        Start(0, picture, sequence.ground_truth[0]) for picture, sequence in zip(pictures[0], sequences, strict=True)
    ]
    reference, states = reference_steps(described(name, weights, device, "fp32"), starts, pictures)
    for precision in PRECISIONS:
        try:
            batch = build_batch([described(name, weights, device, precision)])
        except SpmBenchError as error:
            print(f"{'':4} {precision:>9} {error.problem}")
            continue
        for B in batches:
            targets = batch.start(starts[:B])
            taken, largest = [], 0.0
            for t in range(1, frames):
                for target, corners in zip(targets, states[t - 1], strict=False):
                    target.corners = corners
                start = perf_counter()
                boxes = batch.advance(targets, pictures[t][:B])
                taken.append(perf_counter() - start)
                largest = max(largest, float(np.abs(boxes - reference[t - 1][:B]).max()))
            usual = statistics.median(taken)
            print(f"{B:4} {precision:>9} {1e3 * usual:9.2f} {B / usual:9.1f} {largest:11.2e}", flush=True)


def reference_steps(
    spec: TrackerSpec, starts: Many[Start], pictures: Many[Many[Frame]]
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    """Boxes after each step in float32 at B = 1, and the corners before each step."""
    batch = build_batch([spec])
    targets = [batch.start([start])[0] for start in starts]
    boxes, states = [], []
    for frames in pictures[1:]:
        states.append(np.stack([target.corners for target in targets]))
        boxes.append(
            np.concatenate([batch.advance([target], [frame]) for target, frame in zip(targets, frames, strict=True)])
        )
    return boxes, states


def described(name: str, weights: str | None, device: str, precision: str) -> TrackerSpec:
    """The tracker with networks of this precision."""
    return resolve_tracker(
        name, variant=Variant(precision, "", {"precision": precision}), weights=weights, device=device
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracker", default="SPM-lite")
    parser.add_argument("--weights")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64, 128])
    parser.add_argument("--no-compare", action="store_true", help="the table alone")
    args = parser.parse_args()
    spec = described(args.tracker, args.weights, args.device, "fp32")
    kind = spec.identity["device_type"]
    named = torch.cuda.get_device_name() if kind == "cuda" else f"{torch.get_num_threads()} threads"
    print(f"torch {torch.__version__}, {kind} ({named}), {args.tracker}, {args.frames} frames")
    if not args.no_compare:
        compare(spec, args.slots, args.frames, args.processes, args.rounds)
    table(args.tracker, args.weights, args.device, args.batches, args.frames)


if __name__ == "__main__":
    main()
