"""How fast the demo suite is made: annotation, painting a scene once, drawing its frames. One thread.

python benchmarks/synthetic_speed.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import cv2
import numpy as np

from spm_bench.suites.synthetic import annotate, demo_steps, load_demo
from spm_bench.suites.synthetic.render import Renderer

T = TypeVar("T")


def timed(work: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def main() -> None:
    cv2.setNumThreads(1)
    annotate.cache_clear()
    suite, loading = timed(load_demo)
    print(f"load with annotations: {loading:.2f} s for {sum(map(len, suite.sequences))} frames")
    print(f"{'sequence':<14}{'paint ms':>10}{'frame ms':>10}{'frames/s':>10}")
    total, n_total = loading, 0
    for step in demo_steps():
        renderer = Renderer(step.scene)
        _, first = timed(lambda r=renderer: r.frame(0))
        times = np.array([timed(lambda r=renderer, i=i: r.frame(i))[1] for i in range(1, step.scene.n_frames)])
        whole = first + float(times.sum())
        frame = 1e3 * float(times.mean())
        print(f"{step.name:<14}{1e3 * first - frame:>10.0f}{frame:>10.1f}{step.scene.n_frames / whole:>10.0f}")
        total, n_total = total + whole, n_total + step.scene.n_frames
    print(f"whole suite, loading and painting included: {total:.1f} s, {n_total / total:.0f} frames/s")


if __name__ == "__main__":
    main()
