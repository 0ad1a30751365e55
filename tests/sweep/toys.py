"""A tracker with settings that runs in no time, and sweep files about it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from spm_bench.errors import TrackerError
from spm_bench.trackers.base import TrackerSpec
from spm_bench.trackers.variants import Variant

TARGET = "tests.sweep.toys:Toy"


class ToySettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    drift: Annotated[float, Field(ge=-5.0, le=5.0)] = 0.0
    grow: Annotated[float, Field(gt=0.0)] = 1.0
    hold: Annotated[int, Field(ge=0, le=9)] = 0
    mode: Literal["plain", "unbuildable", "fragile"] = "plain"
    steady: bool = True
    ratios: tuple[float, ...] = (1.0,)


class Toy:
    """Drifts up, where no target goes, by so many pixels a frame; as slow as SPM_TEST_PAUSE says."""

    Settings = ToySettings
    deterministic = True
    Variants: ClassVar = {
        "drifting": Variant("drifting", "one pixel a frame", {"drift": 1.0}, "the toy's paper", "worse")
    }

    def __init__(self, config=None):
        self.settings = ToySettings(**(config or {}))
        if self.settings.mode == "unbuildable":
            raise TrackerError("it is not meant to be built")

    def init(self, frame, box):
        self.box, self.width = np.array(box), frame.shape[1]

    def update(self, _):
        pause = float(os.environ.get("SPM_TEST_PAUSE", "0"))
        if pause:
            time.sleep(pause)
        if self.settings.mode == "fragile" and self.box[1] < 115:
            raise ZeroDivisionError("too far up")
        self.box[1] -= self.settings.drift
        return self.box.copy()

    @classmethod
    def resolve(cls, *, name, variant, weights, device):
        chosen = variant if isinstance(variant, Variant) else cls.Variants.get(variant, Variant("base", ""))
        config = {k: tuple(v) if isinstance(v, list) else v for k, v in chosen.changes.items()}
        ToySettings(**config)
        return TrackerSpec(name, f"{__name__}:{cls.__name__}", chosen.name, options={"config": dict(chosen.changes)})


class Dice(Toy):
    """The same, with chance."""

    deterministic = False

    def seed(self, seed):
        self.rng = np.random.default_rng(seed)

    def update(self, frame):
        self.box[:2] += self.rng.normal(size=2)
        return super().update(frame)


TOY = f"""# A toy's question.
question = "Does drifting hurt?"
expected = "It does."
cells = ["drifting"]
seeds = [3]

[base]
tracker = "{TARGET}"

[axes]
drift = [0.0, 0.5, 2]
hold = [0, 3]

[[suites]]
name = "demo"
sequences = ["calm", "light-2"]
"""


def write(folder: Path, text: str = TOY, name: str = "toy.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path
