"""A run on a Ray cluster in a process of its own, to be killed: `python -m tests.engine.ray_run ADDRESS OUT`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from spm_bench.cli import EXIT_INTERRUPTED
from spm_bench.engine.cluster import RayExecutor
from spm_bench.engine.runner import run_all
from spm_bench.protocols.catalog import get_protocol
from spm_bench.results.runs import open_run
from tests.engine.fakes import sequence, spec, suite

NAMES = ("one", "two", "three", "four")
REPETITIONS = 3


def toys():
    """Supervised, so that a sequence has many repetitions and restarts."""
    return suite(*(sequence(name, n=25) for name in NAMES), family="vot", protocol="supervised")


def main(out, executor=None, progress=None):
    """Run to the end, or until somebody ends it."""
    protocol = get_protocol("supervised", repetitions=REPETITIONS)
    with open_run(out, spec("Jitter", step=2.5), toys(), protocol, seed=3) as run:
        return run_all([run], toys(), executor=executor, progress=progress)


class Telling:
    """Fails with what it finds in its process."""

    def init(self, *_):
        import cv2

        threads, gpus, said = (
            os.environ.get(name) for name in ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "SPM_BENCH_SAID")
        )
        raise RuntimeError(f"threads {threads}, cv2 {cv2.getNumThreads()}, GPUs {gpus!r}, said {said}")

    def update(self, _):
        pass


if __name__ == "__main__":
    try:
        main(Path(sys.argv[2]), RayExecutor(sys.argv[1]))
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
