"""Scenes with look-alikes beyond those of the demo suite, so that a difference between trackers gets an interval.

Each scene is a response curve: one target on one path over one ground, with 1, 2, 4 and 6 other objects of its category
that look more and more like it. Steps of one scene are not independent, so a scene is the unit of the bootstrap.
Training draws invented categories only, with seeds from a range of its own: none of these scenes can occur there.
"""

from __future__ import annotations

import hashlib
import json
import re

from spm_bench.errors import UsageError
from spm_bench.suites.base import Suite
from spm_bench.suites.synthetic import AXES, CATEGORIES, demo_steps, load_demo, make_scene, make_sequence
from spm_bench.suites.synthetic.scene import GENERATOR_VERSION

AXIS = "lookalike"
FIRST_SEED = 1001
"""Seeds count up from here; they were fixed before any tracker had been run on them."""
SCENES = 18
"""Three for each of the six named categories."""


def lookalike_suite(n_scenes: int = SCENES) -> Suite:
    """All steps of the look-alike axis in `n_scenes` scenes; names are category-seed-step.

    Raises:
        UsageError: Less than one scene.
    """
    if n_scenes < 1:
        raise UsageError(f"{n_scenes} scenes show nothing", remedy="Give --scenes 1 or more")
    categories = tuple(CATEGORIES)
    scenes = {}
    for i in range(n_scenes):
        seed, category = FIRST_SEED + i, categories[i % len(categories)]
        for level in range(1, len(AXES[AXIS].steps) + 1):
            scenes[f"{category}-{seed}-{level}"] = make_scene(AXIS, level, seed, category=category)
    facts = {"generator": GENERATOR_VERSION, "scenes": {name: scene.to_dict() for name, scene in scenes.items()}}
    return Suite(
        name="lookalikes",
        title="Look-alikes (synthetic)",
        family="otb",
        protocol="one_pass",
        sequences=tuple(make_sequence(name, scene) for name, scene in scenes.items()),
        n_total=len(scenes),
        fingerprint=hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest(),
        citation="Synthetic videos embedded in spm_bench; exact ground truth.",
    )


def demo_discrimination() -> Suite:
    """The steps of the demo suite that ask for discrimination."""
    return load_demo([step.name for step in demo_steps() if step.asks == "discrimination"])


def level_of(sequence: str) -> int:
    """The step, which is the last part of the sequence's name."""
    return int(sequence.rpartition("-")[2])


def scene_of(sequence: str) -> str:
    """The scene a step belongs to."""
    return sequence.rpartition("-")[0]


def video_of(sequence: str) -> str:
    """The video of an OTB target: `Jogging-1` and `Jogging-2` are two targets of one."""
    return re.sub(r"-\d$", "", sequence)


def level_strengths(level: int) -> tuple[float, float]:
    """What a step adds: how many look-alikes, and how alike they are."""
    step = AXES[AXIS].steps[level - 1]
    return step["distractors"], step["likeness"]


def level_title(level: int) -> str:
    """What a step adds, in words."""
    return "{:g} of likeness {:g}".format(*level_strengths(level))
