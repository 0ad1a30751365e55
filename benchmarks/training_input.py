"""Time the input of training (plan, load, augment) against the network's step, and both together.

    python benchmarks/training_input.py [--device cpu] [--batch 16] [--data FOLDER] [--architecture spm_lite]

Blocks of the three take turns in one process, so that a busy machine slows all alike. What counts are the last two
numbers: the input's time as a share of the network's, and the pairs per second of both together against those of the
network alone (1.00: the input costs nothing). FOLDER holds training packs (`video` and `stills`); without it the
pictures are random noise, which costs the same to augment, but nothing to read.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from spm_bench.training.augment import AugmentSettings, augment
from spm_bench.training.batch import PairBatch
from spm_bench.training.config import TrainConfig, parse_config
from spm_bench.training.data import take_part
from spm_bench.training.learner import Learner
from spm_bench.training.loop import replicas_of
from spm_bench.training.packs import load_pack
from spm_bench.training.pairs import load_pictures, plan_batch
from spm_bench.training.pictures import Pictures
from spm_bench.training.rows import Rows
from spm_bench.training.store import PictureStore
from spm_bench.training.table import join_sources

MIX = {"video": 0.5, "stills": 0.25, "patches": 0.1, "pasted": 0.15}
NEGATIVES, DISTRACTORS = 0.15, 0.15


class Part(NamedTuple):
    """A share of a batch."""

    step: int
    part: int
    pictures: Pictures


class Kept:
    """The same augmented batch at every step, for the network alone."""

    def __init__(self, batches: list[PairBatch]) -> None:
        self.batches = batches

    def shares(self, step: int, count: int) -> list[Learned]:
        """Which part of the batch."""
        return [Learned(step, part) for part in range(count)]

    def pairs(self, share: Learned) -> PairBatch:
        """The part."""
        return self.batches[share.part]


class Learned(NamedTuple):
    """A part of the kept batch."""

    step: int
    part: int


class Input:
    """Training data of a step."""

    def __init__(self, sources: list[Rows], batch: int, settings: AugmentSettings, device: torch.device) -> None:
        self.table = join_sources(sources)
        self.store = PictureStore(self.table, device)
        self.batch, self.settings, self.device = batch, settings, device

    def shares(self, step: int, count: int) -> list[Part]:
        """Plan and load a batch, in parts."""
        rng = np.random.default_rng([0, step])
        plan = plan_batch(
            self.table, MIX, batch=self.batch, negative_share=NEGATIVES, distractor_share=DISTRACTORS, rng=rng
        )
        pictures = load_pictures(plan, self.store)
        return [Part(step, part, take_part(pictures, part, count)) for part in range(count)]

    def pairs(self, share: Part) -> PairBatch:
        """Augment a part."""
        generator = torch.Generator(self.device).manual_seed(1000 * share.step + share.part)
        return augment(share.pictures, self.settings, generator)


def noise_rows(count: int, side: int = 320, per_track: int = 8) -> list[Rows]:
    """Random pictures: tracks of a "video" source, stills, and whole pictures without a target."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (32, side, side, 3), dtype=np.uint8)
    box = np.array([side / 2 - 25.0, side / 2 - 20.0, 50.0, 40.0])
    common = Rows(
        name="video",
        boxes=np.tile(box, (count, 1)) + rng.normal(0, 3, (count, 4)),
        track=np.arange(count) // per_track,
        sequence=np.arange(count) // per_track,
        frame=np.arange(count) % per_track,
        category=np.arange(count) // per_track % 5,
        categories=tuple("abcde"),
        others=(np.zeros((0, 4)),) * count,
        where=("random",) * count,
        read=lambda row: pictures[row % len(pictures)],
    )
    alone = {"track": np.full(count, -1), "sequence": np.arange(count)}
    whole = {"boxes": np.full((count, 4), np.nan), "category": np.full(count, -1)}
    return [common, replace(common, name="stills", **alone), replace(common, name="whole", **alone, **whole)]


def median_rates(
    jobs: dict[str, Callable[[int], object]], rounds: int, block: int, pairs: int, finish: Callable[[], object]
) -> dict[str, list[float]]:
    """Pairs per second of each job and round; the jobs take turns, `block` steps at a time."""
    rates: dict[str, list[float]] = {name: [] for name in jobs}
    step = 0
    for turn in range(rounds + 1):
        for name, job in jobs.items():
            finish()
            start = time.perf_counter()
            for _ in range(block):
                job(step)
                step += 1
            finish()
            if turn:  # the first turn reads pictures and chooses algorithms
                rates[name].append(block * pairs / (time.perf_counter() - start))
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--data", type=Path, help="folder with the packs video and stills")
    parser.add_argument("--architecture", default="spm_lite")
    parser.add_argument("--amp", default="off", choices=("off", "bfloat16", "float16"))
    parser.add_argument("--threads", type=int, default=2, help="on a CPU: shares of a batch at a time")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--block", type=int, default=4, help="steps in a row")
    parser.add_argument("--profile", action="store_true", help="also print where the input's time goes")
    args = parser.parse_args()
    device = torch.device(args.device)
    torch.set_num_threads(1)
    config = training(args.architecture, args.batch, args.amp)
    packs = [load_pack(args.data / name, name=name) for name in ("video", "stills")] if args.data else noise_rows(256)
    data = Input(packs, args.batch, config.augment, device)
    data.store.warm()
    count = replicas_of(args.batch, args.threads, device)
    threads = ThreadPoolExecutor(count)

    def make(step: int) -> list[PairBatch]:
        return list(threads.map(data.pairs, data.shares(step, count)))

    learners = [Learner(config, source, device, replicas=count) for source in (Kept(make(0)), data)]
    steps = [itertools.count(), itertools.count()]  # each its own, one by one: the next batch is read ahead

    def learn(_: int, *, which: int) -> None:
        learners[which].step(next(steps[which]))

    jobs = {"input": make, "network": partial(learn, which=0), "together": partial(learn, which=1)}
    finish = partial(torch.cuda.synchronize, device) if device.type == "cuda" else lambda: None
    rates = median_rates(jobs, args.rounds, args.block, args.batch, finish)
    print(
        f"torch {torch.__version__}, {device}, {args.architecture}, batch {args.batch} in {count} threads, "
        f"amp {args.amp}, {args.data or 'random pictures'}, {args.rounds} rounds of {args.block} steps; medians"
    )
    for name, values in rates.items():
        print(f"{name:10} {statistics.median(values):9.1f} pairs/s   {1e3 / statistics.median(values):8.3f} ms a pair")
    zipped = list(zip(rates["input"], rates["network"], rates["together"], strict=True))
    print(f"input / network time      {statistics.median(n / i for i, n, _ in zipped):.3f}")
    print(f"together / network rate   {statistics.median(t / n for _, n, t in zipped):.3f}")
    for learner in learners:
        learner.close()
    if args.profile:
        kinds = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if device.type == "cuda" else [])
        with profile(activities=kinds) as record:
            for step in range(5):
                make(step)
                finish()
        order = "self_cuda_time_total" if device.type == "cuda" else "self_cpu_time_total"
        print(record.key_averages().table(sort_by=order, row_limit=15, max_name_column_width=40))


def training(architecture: str, batch: int, amp: str) -> TrainConfig:
    """A training of that size; only its network, losses and augmentation matter here."""
    values = {
        "architecture": architecture,
        "batch": batch,
        "amp": amp,
        "pairs": 1000 * batch,
        "deterministic": False,
        "held_out": [],
        "data": [{"kind": "synthetic"}],
        "mix": {"video": 0.0, "stills": 0.0, "patches": 0.0, "synthetic": 1.0, "pasted": 0.0},
    }
    return parse_config(values, where="benchmark")


if __name__ == "__main__":
    main()
