"""Time one SPM step (crop to box, B = 1) against its bare convolutions and linear layers at the same shapes.

    python benchmarks/spm_step.py [--threads 2] [--rounds 15]

The two are measured in turns, block by block in one process, so that a busy machine slows both; what counts is the
ratio of the medians. The bare layers are recorded from a real step: same weights, same input shapes and memory layout,
called as torch.nn.functional.conv2d and linear, nothing in between.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from spm_bench.models.checkpoint import random_weights
from spm_bench.models.packed import FrozenConv
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.tracker import BatchedSpm

BLOCK = 5
"""Calls in a row: long enough to run as in a video, short enough for both jobs to meet the same disturbances."""


def record_layers(tracker: BatchedSpm, frame: np.ndarray) -> list[Callable[[], Tensor]]:
    """Run one step and note every convolution and linear call with its arguments, as plain calls of torch."""
    calls: list[Callable[[], Tensor]] = []
    conv2d, linear, frozen = F.conv2d, F.linear, FrozenConv.__call__

    def note(function: Callable[..., Tensor], x: Tensor, *rest: object, **named: object) -> None:
        kept = x.clone(memory_format=torch.preserve_format)
        calls.append(lambda: function(kept, *rest, **named))

    def plain(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def call(x: Tensor, *rest: object, **named: object) -> Tensor:
            note(function, x, *rest, **named)
            return function(x, *rest, **named)

        return call

    def packed(conv: FrozenConv, x: Tensor, *, relu: bool = False) -> Tensor:
        note(conv2d, x, conv.weight, conv.bias, conv.stride, conv.padding, 1, conv.groups)
        return frozen(conv, x, relu=relu)

    F.conv2d, F.linear, FrozenConv.__call__ = plain(conv2d), plain(linear), packed  # type: ignore[method-assign]
    try:
        tracker.advance([frame])
    finally:
        F.conv2d, F.linear, FrozenConv.__call__ = conv2d, linear, frozen  # type: ignore[method-assign]
    return calls


def block(job: Callable[[], object]) -> float:
    """Milliseconds per call over a block; the first call, which finds the other job's data in the cache, is free."""
    job()
    start = time.perf_counter()
    for _ in range(BLOCK):
        job()
    return 1e3 * (time.perf_counter() - start) / BLOCK


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (480, 640, 3), dtype=np.uint8)
    tracker = BatchedSpm(random_weights().network(), [SpmConfig(lost_threshold=0.0)], torch.device("cpu"))
    tracker.init([frame], np.array([[280.0, 200.0, 90.0, 70.0]]))
    with torch.inference_mode():
        layers = record_layers(tracker, frame)
        for _ in range(3):
            tracker.advance([frame])
            for layer in layers:
                layer()
        step_ms, bare_ms = [], []
        for _ in range(args.rounds):
            step_ms.append(block(lambda: tracker.advance([frame])))
            bare_ms.append(block(lambda: [layer() for layer in layers]))
    step, bare = statistics.median(step_ms), statistics.median(bare_ms)
    print(f"torch {torch.__version__}, {args.threads} threads, 640 x 480, {args.rounds} rounds, {len(layers)} layers")
    print(f"step {step:.1f} ms   bare layers {bare:.1f} ms   ratio {step / bare:.3f}")
    paired = statistics.median(s / b for s, b in zip(step_ms, bare_ms, strict=True))
    print(f"median of the paired ratios {paired:.3f}")


if __name__ == "__main__":
    main()
