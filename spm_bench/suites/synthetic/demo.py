"""The embedded suite `demo`: difficulty steps from `data/demo.json`, drawn when they are watched."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from spm_bench.suites.base import Suite
from spm_bench.suites.loading import select
from spm_bench.suites.synthetic.frames import make_sequence
from spm_bench.suites.synthetic.scene import GENERATOR_VERSION, Scene
from spm_bench.suites.synthetic.steps import AXES, make_scene


@dataclass(frozen=True)
class DemoStep:
    """One sequence of the demo as a point on a response curve.

    Attributes:
        name: Of the sequence.
        axis: Its difficulty axis, a name in `AXES`.
        level: 0 (calm) and up.
        asks: "robustness", "discrimination", or "" for the calm baseline.
        scene: The description from which everything follows.
    """

    name: str
    axis: str
    level: int
    asks: str
    scene: Scene


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    text = resources.files("spm_bench.suites").joinpath("data", "demo.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


def demo_steps() -> list[DemoStep]:
    """List the demo's sequences in the suite's order, with the axis and level of each."""
    steps = []
    for row in _data()["sequences"]:
        scene = make_scene(row["axis"], row["level"], row["seed"], category=row["category"], **_data()["scene"])
        steps.append(DemoStep(row["name"], row["axis"], row["level"], AXES[row["axis"]].asks, scene))
    return steps


def load_demo(only: list[str] | None = None) -> Suite:
    """Load the embedded suite; it needs no file beside the package and no network.

    Args:
        only: Names of sequences to keep, in any order; None or nothing keeps all.

    Raises:
        UsageError: A name in `only` that the suite does not have.
    """
    steps = demo_steps()
    chosen = select(steps, only)
    return Suite(
        name="demo",
        title=_data()["title"],
        family="otb",
        protocol="one_pass",
        sequences=tuple(make_sequence(s.name, s.scene) for s in chosen),
        n_total=len(steps),
        fingerprint=_fingerprint(chosen),
        citation=_data()["citation"],
    )


def _fingerprint(steps: list[DemoStep]) -> str:
    """What results depend on: the scenes and the generator's version, of which frames and boxes are functions."""
    facts = {"generator": GENERATOR_VERSION, "scenes": {s.name: s.scene.to_dict() for s in steps}}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
