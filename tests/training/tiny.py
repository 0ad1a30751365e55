"""A network, a config and data so small that whole trainings take a second."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from spm_bench.training.batch import PairBatch
from spm_bench.training.config import TrainConfig, parse_config
from spm_bench.training.schedule import chance

BLOCKS = [
    {"channels": 4, "kernel": 7, "stride": 4},
    {"channels": 8, "pool": True},
    {"channels": 8},
    {"channels": 8},
    {"channels": 8},
]
OVERRIDES = {"blocks": BLOCKS, "head_channels": 8, "fine_channels": 4, "fine_hidden": 8}


def tiny_config(**changes) -> TrainConfig:
    values = {
        "overrides": OVERRIDES,
        "pairs": 24,
        "batch": 4,
        "warmup_steps": 2,
        "log_every": 2,
        "seed": 3,
        "data": [{"kind": "pack", "path": "somewhere"}],
        **changes,
    }
    return parse_config(values, where="test")


class TinyShare(NamedTuple):
    step: int
    part: int
    pairs: int


class TinyData:
    """Random pictures with one object, a function of (seed, step, part); `broken` steps have a NaN in a picture."""

    def __init__(self, config: TrainConfig, broken=(), before_step=None) -> None:
        self.config, self.broken, self.before_step = config, set(broken), before_step
        self.held_out = None
        self.digests = {"tiny": hashlib.sha256(b"tiny").hexdigest()[:16]}

    def shares(self, step, count):
        return [TinyShare(step, part, self.config.batch // count) for part in range(count)]

    def pairs(self, share):
        if self.before_step is not None and share.part == 0:
            self.before_step(share.step)
        generator = torch.Generator().manual_seed(chance(self.config.seed, share.step, share.part, 0))
        B = share.pairs
        template = 60 * torch.randn(B, 3, 160, 160, generator=generator)
        search = 60 * torch.randn(B, 3, 271, 271, generator=generator)
        if share.step in self.broken:
            search[0, 0, 100, 100] = np.nan
        box = torch.tensor([103.5, 103.5, 167.5, 167.5]).expand(B, 4)
        target = box + 40 * (torch.rand(B, 1, generator=generator) - 0.5)
        same = torch.full((B, 2, 4), np.nan)
        return PairBatch(template, box.clone(), search, target, same, torch.zeros(B, dtype=torch.bool))

    def provenance(self, step):
        return [{"kind": "video", "template": f"t{step}.jpg", "search": f"s{step}.jpg"}]

    def summary(self):
        return {"tiny": {"pictures": 1}}


class Told:
    """Progress that remembers."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps: list[int] = []

    def begin(self, done, steps, batch):
        self.begun = (done, steps, batch)

    def step(self, done):
        self.steps.append(done)

    def losses(self, row):
        self.row = row

    def note(self, text):
        self.notes.append(text)

    def end(self):
        self.ended = True


PACK_TOML = """
about = "Does a tiny training run?"
architecture = "spm_lite"
pairs = 16
batch = 4
seed = 5
warmup_steps = 2
log_every = 1
held_out = ["made/b"]

[overrides]
head_channels = 8
fine_channels = 4
fine_hidden = 8
blocks = [
    {channels = 4, kernel = 7, stride = 4},
    {channels = 8, pool = true},
    {channels = 8},
    {channels = 8},
    {channels = 8},
]

[mix]
video = 0.75
stills = 0.0
patches = 0.25

[[data]]
kind = "pack"
name = "made"
path = "$TINY_PACK"
"""


def make_pack(folder: Path, sequences=("a", "b", "c"), frames=6) -> Path:
    """Videos of a bright square on noise, as ready crops."""
    import cv2

    rng = np.random.default_rng(0)
    lines = ["file,source,sequence,object,frame,x,y,w,h,crop_scale,category,visibility"]
    for number, sequence in enumerate(sequences):
        (folder / sequence).mkdir(parents=True)
        for frame in range(1, frames + 1):
            picture = rng.integers(0, 160, (96, 96, 3), dtype=np.uint8)
            picture[36:60, 36:60] = 255 - 40 * number
            name = f"{sequence}/1_{frame}.png"
            cv2.imwrite(str(folder / name), picture)
            lines.append(f"{name},made,{sequence},1,{frame},36,36,24,24,1,square,")
    (folder / "index.csv").write_text("\n".join(lines) + "\n")
    return folder
