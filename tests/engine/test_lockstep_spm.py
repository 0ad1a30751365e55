"""The real tracker in lockstep: the same failures as alone, boxes within a thousandth of a pixel."""

import contextlib
from dataclasses import replace

import numpy as np

from spm_bench.engine.runner import run_all
from spm_bench.protocols.catalog import get_protocol
from spm_bench.results.runs import open_run
from spm_bench.results.trajectory import FrameState
from spm_bench.suites import load_suite
from spm_bench.trackers.base import Shared
from spm_bench.trackers.catalog import resolve_tracker

VARIANTS = ("base", "cm_only", "no_window")
CLOSE = 1e-3
"""Pixels, the tolerance that the lockstep engine promises in float32."""


def trajectories(out, suite, protocol, **options):
    """Run all variants; the trajectories by label and sequence."""
    with contextlib.ExitStack() as stack:
        specs = [resolve_tracker("SPM-lite", variant=name, device="cpu") for name in VARIANTS]
        runs = [stack.enter_context(open_run(out, spec, suite, protocol)) for spec in specs]
        assert run_all(runs, suite, **options) == ()
        return {(run.spec.label, s.name): run.results().trajectories(s) for run in runs for s in suite.sequences}


def check(tmp_path, suite, protocol):
    shared = Shared()
    alone = trajectories(tmp_path / "alone", suite, protocol)
    together = trajectories(tmp_path / "together", suite, protocol, lockstep=True, shared=shared)
    for key, expected in alone.items():
        for one, other in zip(together[key], expected, strict=True):
            assert (one.states == other.states).all(), key
            np.testing.assert_allclose(one.boxes, other.boxes, rtol=0, atol=CLOSE, err_msg=str(key))
    assert shared.asked > shared.computed > 0
    return alone


def cut(suite, lengths, **changed):
    """The first frames of some sequences."""
    found = {s.name: s for s in suite.sequences}
    made = []
    for name, n in lengths.items():
        s = found[name]
        polygons = None if s.polygons is None else s.polygons[:n]
        made.append(replace(s, ground_truth=s.ground_truth[:n], frames=First(s.frames, n), polygons=polygons))
    return replace(suite, sequences=tuple(made), n_total=len(made), fingerprint=str(lengths), **changed)


class First:
    """The first n frames of others."""

    def __init__(self, frames, n):
        self.frames, self.n = frames, n

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        return self.frames[index]


def test_one_pass_on_drawn_sequences(tmp_path):
    suite = cut(load_suite("demo"), {"calm": 8, "deform-2": 5})
    check(tmp_path, suite, get_protocol("one_pass"))


def test_supervised_on_real_sequences(tmp_path, real_data):
    suite = load_suite("vot2016", real_data / "vot2016", allow_missing=True)
    found = check(tmp_path, cut(suite, {"motocross1": 40, "book": 6}), get_protocol("supervised", repetitions=1))
    states = np.concatenate([one.states for several in found.values() for one in several])
    assert (states == FrameState.FAILURE).any(), "nobody was started again: the case is too tame"


def test_two_targets_of_one_video_on_real_sequences(tmp_path, real_data):
    suite = load_suite("otb100", real_data / "otb", allow_missing=True)
    check(tmp_path, cut(suite, {"Jogging-1": 6, "Jogging-2": 6, "Deer": 4}), get_protocol("one_pass"))
