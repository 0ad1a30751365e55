"""Time one run on two Ray nodes against the same run on one, each node with a core of its own.

    OMP_NUM_THREADS=1 python benchmarks/cluster_speed.py [--rounds 3] [--sequences 20] [--tracker SPM-lite]

Two nodes of a Ray cluster are started on this machine, each bound to one core. In turns, the demo suite is run with one
worker and with two, every time into a fresh run folder, after a short run that starts the workers and loads their
networks: that is what a long sweep is like. What counts is the ratio of the medians; where other work on the machine
disturbs, that of the fastest rounds says more. For comparison, the same with the
worker processes of `--workers 1` and `--workers 2` on the same two cores: two cores that share a memory bus or are one
core's two threads do not give 2.0 to anybody. The time to start everything is printed beside it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from spm_bench.engine.cluster import RayExecutor
from spm_bench.engine.executors import Executor, Pool
from spm_bench.engine.runner import run_all
from spm_bench.protocols.catalog import get_protocol
from spm_bench.results.runs import open_run
from spm_bench.suites import load_suite
from spm_bench.suites.base import Suite
from spm_bench.trackers.base import TrackerSpec
from spm_bench.trackers.catalog import resolve_tracker


class _Kept:
    """An executor that lives on when a run is over."""

    def __init__(self, executor: Any) -> None:
        self._executor = executor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._executor, name)

    def close(self) -> None: ...


@contextlib.contextmanager
def two_nodes(cores: list[int]) -> Iterator[str]:
    """A Ray cluster of two nodes of one core each; yields its address."""
    from ray.cluster_utils import Cluster

    all_cores = os.sched_getaffinity(0)
    cluster = Cluster()
    try:
        for core in cores:
            os.sched_setaffinity(0, {core})  # a node and its workers inherit it
            more = {} if cluster.head_node else {"include_dashboard": False}
            cluster.add_node(num_cpus=1, object_store_memory=80 << 20, **more)
        os.sched_setaffinity(0, all_cores)
        yield cluster.address
    finally:
        os.sched_setaffinity(0, all_cores)
        cluster.shutdown()


def seconds(executor: Executor, spec: TrackerSpec, suite: Suite) -> float:
    """Run the suite into a fresh folder."""
    with tempfile.TemporaryDirectory() as out, open_run(Path(out), spec, suite, get_protocol(suite.protocol)) as run:
        start = time.perf_counter()
        failures = run_all([run], suite, executor=executor)
        assert not failures
        return time.perf_counter() - start


def on_cluster(address: str, workers: int, spec: TrackerSpec, suite: Suite, warm_up: Suite) -> tuple[float, float]:
    """Seconds to start workers and their networks, and of the run."""
    start = time.perf_counter()
    with RayExecutor(address, workers=workers) as executor:
        seconds(executor, spec, warm_up)
        started = time.perf_counter() - start
        return started, seconds(executor, spec, suite)


def on_pool(workers: int, spec: TrackerSpec, suite: Suite, warm_up: Suite) -> tuple[float, float]:
    """The same with worker processes of this one."""
    pool = Pool(workers)
    try:
        start = time.perf_counter()
        seconds(_Kept(pool), spec, warm_up)
        started = time.perf_counter() - start
        return started, seconds(_Kept(pool), spec, suite)
    finally:
        pool.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sequences", type=int, default=20)
    parser.add_argument("--tracker", default="SPM-lite")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        sys.exit("two cores are needed")
    whole = load_suite("demo")
    suite = replace(whole, sequences=whole.sequences[: options.sequences])
    warm_up = replace(whole, sequences=whole.sequences[:2])
    spec = resolve_tracker(options.tracker, device="cpu")
    n_frames = sum(len(sequence) for sequence in suite.sequences)
    print(f"{spec.label}, {len(suite.sequences)} sequences, {n_frames} frames; load before: {os.getloadavg()[0]:.1f}")
    times: dict[str, list[float]] = {}
    starts: dict[str, list[float]] = {}
    with two_nodes(cores) as address:
        for _ in range(options.rounds):
            for workers in (1, 2):
                for name, (started, ran) in (
                    (f"Ray, {workers} node{'s' * (workers > 1)}", on_cluster(address, workers, spec, suite, warm_up)),
                    (f"processes, {workers}", on_pool(workers, spec, suite, warm_up)),
                ):
                    starts.setdefault(name, []).append(started)
                    times.setdefault(name, []).append(ran)
                    print(f"  {name:14} {ran:6.1f} s", flush=True)
    print(f"{'':14} {'start':>8} {'run':>8} {'frames/s':>9}")
    for name, each in times.items():
        median = statistics.median(each)
        print(f"{name:14} {statistics.median(starts[name]):6.1f} s {median:6.1f} s {n_frames / median:9.1f}")
    for one, two in (("Ray, 1 node", "Ray, 2 nodes"), ("processes, 1", "processes, 2")):
        medians = statistics.median(times[one]) / statistics.median(times[two])
        print(f"{two} against 1: {medians:.2f} x (fastest rounds: {min(times[one]) / min(times[two]):.2f} x)")
    print(f"load after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
