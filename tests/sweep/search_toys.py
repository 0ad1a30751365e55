"""A search file about the toy, toys that can fail in other ways, and the demo suite cut to a few blank pictures."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import ClassVar

import numpy as np

from spm_bench.errors import UsageError
from spm_bench.suites import load_suite
from spm_bench.sweep import entries
from tests.sweep.toys import TARGET, Toy

SEARCH = f"""# A toy's search.
question = "How much should it drift?"
trials = 6
parallel = 2
seed = 1
tune_share = 0.5

[base]
tracker = "{TARGET}"
changes = {{ drift = 1.5 }}

[axes]
drift = {{ low = -2.0, high = 2.0, step = 0.5 }}
hold = [0, 3, 7]
steady = [false, true]
grow = {{ low = 0.1, high = 10.0, log = true }}

[suite]
name = "demo"
sequences = ["calm", "light-2", "turn-3", "blur-2", "scale-2", "rotate-2"]
"""
FRAMES = 12


class Picky(Toy):
    """A toy whose settings can contradict each other."""

    @classmethod
    def resolve(cls, *, variant, **more):
        changes = getattr(variant, "changes", {})
        if changes.get("hold") == 7 and changes.get("drift") == 0.0:
            raise UsageError("it cannot hold without drifting")
        return at_home(super().resolve(variant=variant, **more))


class Dated(Toy):
    """A toy whose code has a version."""

    version: ClassVar = "1"

    @classmethod
    def resolve(cls, **more):
        return replace(at_home(super().resolve(**more)), identity={"code": cls.version})


def at_home(spec):
    """The spec with its target in this module (the toy's own `resolve` names the toy's)."""
    return replace(spec, target=f"{__name__}:{spec.target.partition(':')[2]}")


@functools.cache
def _cut(name, only):
    suite = load_suite(name, only=list(only))
    blank = np.zeros((240, 320, 3), np.uint8)

    def cut(sequence):
        n = {key: values[:FRAMES] for key, values in sequence.frame_attributes.items()}
        return replace(
            sequence, ground_truth=sequence.ground_truth[:FRAMES], frames=[blank] * FRAMES, polygons=None, cover=None,
            frame_attributes=n,
        )  # fmt: skip

    return replace(suite, sequences=tuple(map(cut, suite.sequences)), fingerprint="blank")


def use_small_demo(monkeypatch):
    """Let searches of this process load the cut demo: drawing it takes longer than anything a toy does."""

    def load(name, data=None, *, only=None, **more):
        if name == "demo" and only is not None and "clam" not in only:
            return _cut(name, tuple(only))
        return load_suite(name, data, only=only, **more)

    monkeypatch.setattr(entries, "load_suite", load)
