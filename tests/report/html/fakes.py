"""Trackers and suites of any size, in memory: boxes that wander off, get lost and come back, scored for real."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from spm_bench.report.html import PageOptions, write_page
from spm_bench.results.trajectory import FrameState, ResultSet, Trajectory
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.evaluate import evaluate
from spm_bench.suites.base import Sequence, Suite
from tests.report.fakes import NASTY

ATTRIBUTES = ("OCC", "FM", "IV")
SIZE = (320, 240)


@dataclass(eq=False)
class Results:
    """A `ResultSet` in memory."""

    tracker: str
    passes: dict[str, tuple[Trajectory, ...]]
    protocol: str = "one_pass"
    variant: str = "base"
    run: str = "results/somewhere"
    trained: str = ""
    source: str = "raw results"
    note: str = ""
    asked: list[str] = field(default_factory=list)

    @property
    def label(self) -> str:
        return self.tracker

    def has(self, sequence: str) -> bool:
        return sequence in self.passes

    def trajectories(self, sequence: Sequence) -> tuple[Trajectory, ...]:
        self.asked.append(sequence.name)
        return self.passes[sequence.name]


class Pictures:
    """Grey frames whose brightness is their number."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> np.ndarray:
        return np.full((SIZE[1], SIZE[0], 3), index % 256, np.uint8)


def truth_of(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centre = np.array([150.0, 110.0]) + np.cumsum(rng.normal(0, 1.5, (n, 2)), axis=0)
    return np.column_stack((centre.clip(20, 200), np.full((n, 2), (40.0, 30.0))))


def make_suite(
    n_sequences: int = 5,
    n_frames: int = 40,
    *,
    family: str = "otb",
    names: list[str] | None = None,
    pictures: bool = True,
) -> Suite:
    names = names or [f"seq-{i:02d}" for i in range(n_sequences)]
    sequences = []
    for i, name in enumerate(names):
        truth = truth_of(n_frames, i)
        x, y, w, h = truth.T
        polygons = np.stack((x, y, x + w, y, x + w, y + h, x, y + h), axis=1) if family == "vot" else None
        occluded = np.zeros(n_frames, dtype=bool)
        occluded[5:12] = True
        sequences.append(
            Sequence(
                name,
                truth,
                Pictures(n_frames) if pictures else None,
                polygons=polygons,
                attributes=() if family == "vot" else tuple(a for k, a in enumerate(ATTRIBUTES) if (i + k) % 2),
                frame_attributes={"occlusion": occluded} if family == "vot" else {},
                image_size=SIZE,
            )
        )
    title = {"otb": "OTB-100", "vot": "VOT2016"}[family]
    return Suite(
        "otb100" if family == "otb" else "vot2016",
        title,
        family,
        "supervised" if family == "vot" else "one_pass",
        tuple(sequences),
        len(sequences),
        fingerprint="ab" * 32,
        eao_interval=(10, 30) if family == "vot" else None,
        citation="Someone et al., A benchmark, 2015",
    )


def track(sequence: Sequence, quality: float, seed: int, *, supervised: bool = False) -> Trajectory:
    """Noise that grows as `quality` falls; the worse half is lost from the middle on."""
    rng = np.random.default_rng(seed)
    n = len(sequence)
    boxes = sequence.ground_truth + rng.normal(0, 12 * (1 - quality), (n, 4))
    boxes[:, 2:] = np.abs(boxes[:, 2:]) + 2
    boxes[0] = sequence.ground_truth[0]
    states = np.full(n, FrameState.TRACKED, np.int8)
    states[0] = FrameState.INIT
    lost = n // 2
    if quality < 0.5 and not supervised:
        boxes[lost:, :2] += 200
    if supervised:
        boxes[0] = np.nan
        if quality < 0.5 and n >= 2 * 6:
            states[lost : lost + 6] = [FrameState.FAILURE, *[FrameState.SKIPPED] * 4, FrameState.INIT]
            boxes[lost : lost + 6] = np.nan
    return Trajectory(boxes, states, np.full(n, 0.01 / (1 + quality)))


def make_scored(
    suite: Suite, names: list[str], *, without: dict[str, set[str]] | None = None
) -> list[tuple[Evaluation, ResultSet]]:
    scored: list[tuple[Evaluation, ResultSet]] = []
    for i, name in enumerate(names):
        quality = 1 - (i + 0.5) / len(names)
        chosen = [s for s in suite.sequences if s.name not in (without or {}).get(name, set())]
        passes = {
            s.name: (track(s, quality, 100 * i + k, supervised=suite.family == "vot"),) for k, s in enumerate(chosen)
        }
        results = Results(name, passes, suite.protocol, run=f"results/{i}")
        scored.append((evaluate(suite, results, allow_missing=True), results))
    return scored


def write(path: Path, suite: Suite, names: list[str], options: PageOptions | None = None, **more: object) -> Path:
    return write_page(make_scored(suite, names, **more), suite, path, options)  # type: ignore[arg-type]


NASTY_NAMES = [NASTY, "100%_ü</script><img src=x onerror=alert(1)>", "{{ 7*7 }} & <b>", "a\u2028b\nc", "_[link](x)_"]
