"""Time the SPM step (crop to box, both stages, B = 1) of all architectures side by side.

    python benchmarks/network_speed.py [--threads 2] [--rounds 15] [--device cpu]

Blocks of steps take turns in one process, so that a busy machine slows all alike; weights are random, which changes no
shape and no amount of work (every step hands nine candidates to the fine stage). Milliseconds are medians over the
blocks; what counts is the last column, each network's time against that of the released layout.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import torch

from spm_bench.models.architecture import ARCHITECTURES, SPM_ALEXNET
from spm_bench.models.checkpoint import random_weights
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.tracker import BatchedSpm

BLOCK = 10
"""Steps in a row: as a video runs, and short enough for all networks to meet the same disturbances."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    frame = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    device = torch.device(args.device)
    settings = {"lost_threshold": 0.0, "size_rate": 0.0}  # stay where the target is, whatever random weights say
    trackers = {}
    for name, architecture in ARCHITECTURES.items():
        config = SpmConfig.build({**architecture.settings, **settings})
        trackers[name] = BatchedSpm(random_weights(0, architecture).network(), [config], device)
        trackers[name].init([frame], np.array([[280.0, 200.0, 90.0, 70.0]]))
    taken: dict[str, list[float]] = {name: [] for name in trackers}
    for _ in range(args.rounds):
        for name, tracker in trackers.items():
            tracker.advance([frame])
            start = time.perf_counter()
            for _ in range(BLOCK):
                tracker.advance([frame]).boxes.cpu()
            taken[name].append(1e3 * (time.perf_counter() - start) / BLOCK)
    print(
        f"torch {torch.__version__}, {args.device}, {args.threads} threads, 640 x 480, {args.rounds} rounds of {BLOCK}"
    )
    for name, times in taken.items():
        own = statistics.median(times)
        ratio = statistics.median(t / base for t, base in zip(times, taken[SPM_ALEXNET.name], strict=True))
        print(f"{name:15} {own:6.1f} ms   {1e3 / own:6.1f} fps   {ratio:.3f} of {SPM_ALEXNET.name}")


if __name__ == "__main__":
    main()
