"""What a frame costs: one timing of everybody, in turns, in this process; and the memory of each in a process alone."""

from __future__ import annotations

import json
import multiprocessing
import sys
from collections.abc import Callable
from collections.abc import Sequence as Many
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from family_study.methods import RATES, REFERENCES, Network
from family_study.study import SPEED
from spm_bench.bench import time_side_by_side
from spm_bench.engine.timing import Plan
from spm_bench.report.speed import COLUMNS, speeds
from spm_bench.results.files import write_text
from spm_bench.results.timing import write_timing
from spm_bench.suites import load_suite
from spm_bench.trackers.base import TrackerSpec
from spm_bench.trackers.catalog import build_tracker, resolve_tracker

SEQUENCES = ("deform-2", "lookalike-3")
"""One without and one with look-alikes: what remembers distractors is slower where there are some."""
PLAN = Plan(frames=25, warmup=5, repeats=5)
WATCHED = 20
"""Frames after which a process has taken the memory that it needs."""


def time_family(
    networks: Many[Network], runs: Path, folder: Path, *, plan: Plan = PLAN, say: Callable[[str], None]
) -> Path:
    """Time one network of each method, the references and the filter's rates; returns the file with the summary.

    Networks of one method differ in their numbers only, so the first seed at hand stands for all. Every frame's times
    go to `runs/timing/family`, the summary to `folder`.

    Raises:
        UsageError: Another timing is running.
        SpmBenchError: A tracker cannot be built or broke, or nothing can be written.
    """
    first = {network.method: network for network in reversed(networks)}
    entries = [n.entry for n in reversed(first.values())] + [*REFERENCES, *RATES]
    names = [*reversed(first), *(entry.name for entry in (*REFERENCES, *RATES))]
    specs = [resolve_tracker(e.tracker, variant=e.variant, weights=e.weights, device="cpu") for e in entries]
    suite = load_suite("demo", only=list(SEQUENCES))
    memory = {spec.label: memory_of(spec) for spec in specs}
    timing = time_side_by_side(specs, suite, plan, threads=1, say=say)
    write_timing(timing, runs / "timing" / "family")
    title = dict(zip((spec.label for spec in specs), names, strict=True))
    rows = []
    for speed in speeds(timing):
        label = speed.tracker.label
        numbers = {column.metric: speed.values[column.metric] for column in COLUMNS}
        rows.append(
            {"method": title[label], **numbers, "fps_low": min(speed.by_round), "fps_high": max(speed.by_round)}
            | {
                "memory_mib": memory[label],
                "weights": str(speed.tracker.identity["identity"].get("weights_sha256", ""))[:12],
            }
        )
    document = {
        "about": f"{suite.title}: {', '.join(SEQUENCES)}; {plan.frames} frames at most, {plan.repeats} rounds",
        "hardware": timing.hardware,
        "warnings": list(timing.warnings),
        "finished": timing.finished,
        "rows": rows,
    }
    write_text(folder / SPEED, json.dumps(document, indent=1) + "\n")
    return folder / SPEED


def memory_of(spec: TrackerSpec) -> float:
    """Peak resident memory in MiB of a fresh process that starts the tracker and follows a target for some frames."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_peak, spec, SEQUENCES[-1]).result()


def _peak(spec: TrackerSpec, name: str) -> float:
    import resource

    (sequence,) = load_suite("demo", only=[name]).sequences
    assert sequence.frames is not None
    tracker = build_tracker(spec)
    tracker.init(sequence.frames[0], sequence.ground_truth[0])
    for index in range(1, min(WATCHED, len(sequence))):
        tracker.update(sequence.frames[index])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)  # bytes on macOS, KiB elsewhere
