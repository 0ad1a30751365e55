"""Timings made by hand: the numbers are round, the trackers are not run."""

from __future__ import annotations

import numpy as np

from spm_bench.results.timing import PassTimes, TimedTracker, Timing

MACHINE = {
    "spm_bench": "0.1.0",
    "python": "3.11",
    "packages": {"numpy": "2"},
    "machine": {"cpu": "Abacus 3000", "cores": 4, "platform": "Wood", "threads": 2},
    "git": None,
    "cards": ["Slide Rule X"],
}


def passes(ms, rounds=2, network=None, decode=1.0, sequences=("a",)):
    """Passes of equal frames: `ms` in round 1, 10 percent more in each later one."""
    made = []
    for r in range(rounds):
        for name in sequences:
            seconds = 1e-3 * np.asarray(ms, dtype=np.float64) * (1 + 0.1 * r)
            inside = None if network is None else np.full(len(seconds), 1e-3 * network)
            made.append(PassTimes(r + 1, name, 0.05, np.full(len(seconds), 1e-3 * decode), seconds, inside))
    return tuple(made)


def tracker(name, ms=(10.0, 10.0), variant="base", **more):
    label = name if variant == "base" else f"{name}-{variant}"
    given = {key: more.pop(key) for key in ("rounds", "network", "decode", "sequences") if key in more}
    fields = {"trained": "", "computes": True, "devices": (), "note": "", **more}
    identity = {"name": name, "variant": variant, "target": f"m:{name}", "options": {}, "identity": {"code": "x"}}
    return TimedTracker(name, variant, label, identity=identity, passes=passes(ms, **given), **fields)


def timing(*trackers, **changes):
    fields = {
        "suite": "otb100",
        "title": "OTB-100",
        "family": "otb",
        "protocol": "one_pass",
        "n_total": 100,
        "sequences": {"a": (320, 240)},
        "plan": {"frames": 2, "warmup": 0, "repeats": 2, "seed": 0},
        "machine": MACHINE,
        "threads": {"torch": 2, "OpenCV": 2},
        "load": {"average_before": 0.1},
        "command": ("spm-bench", "bench", "--tracker", "a b"),
        "started": "2024-01-01T00:00:00+00:00",
        "finished": "2024-01-01T00:01:00+00:00",
        **changes,
    }
    return Timing(trackers=trackers, **fields)
