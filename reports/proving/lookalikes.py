"""Scenes with look-alikes beyond those of the demo suite, so that a difference between trackers gets an interval.

Each scene is a response curve: one target on one path over one ground, with 1, 2, 4 and 6 other objects of its category
that look more and more like it. Steps of one scene are not independent, so a scene is the unit of the bootstrap.
Training draws invented categories only, with seeds from a range of its own: none of these scenes can occur there.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from collections.abc import Sequence as Many

from spm_bench.errors import UsageError, unknown_name
from spm_bench.suites.base import Suite
from spm_bench.suites.synthetic import AXES, CATEGORIES, demo_steps, load_demo, make_scene, make_sequence
from spm_bench.suites.synthetic.scene import GENERATOR_VERSION, Scene

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
    scenes = {
        f"{category}-{seed}-{level}": make_scene(AXIS, level, seed, category=category)
        for category, seed in _cast(n_scenes)
        for level in _levels(AXIS)
    }
    return _drawn("lookalikes", "Look-alikes (synthetic)", scenes)


def steps_suite(axes: Many[str], n_scenes: int) -> Suite:
    """All steps of several axes in `n_scenes` scenes each; names are axis-category-seed-step.

    Scenes of one category and seed share their target and ground over all axes: they are one unit (see `target_of`).

    Raises:
        UsageError: No such axis, or less than one scene.
    """
    if n_scenes < 1:
        raise UsageError(f"{n_scenes} scenes show nothing", remedy="Give --scenes 1 or more")
    for axis in axes:
        if axis not in AXES:
            raise unknown_name("difficulty axis", axis, AXES)
    scenes = {
        f"{axis}-{category}-{seed}-{level}": make_scene(axis, level, seed, category=category)
        for axis in axes
        for category, seed in _cast(n_scenes)
        for level in _levels(axis)
    }
    return _drawn("steps", "Steps of difficulty (synthetic)", scenes)


def _cast(n_scenes: int) -> list[tuple[str, int]]:
    """Category and seed of each scene: the named categories take turns."""
    categories = tuple(CATEGORIES)
    return [(categories[i % len(categories)], FIRST_SEED + i) for i in range(n_scenes)]


def _levels(axis: str) -> range:
    return range(1, len(AXES[axis].steps) + 1)


def _drawn(name: str, title: str, scenes: Mapping[str, Scene]) -> Suite:
    facts = {"generator": GENERATOR_VERSION, "scenes": {key: scene.to_dict() for key, scene in scenes.items()}}
    return Suite(
        name=name,
        title=title,
        family="otb",
        protocol="one_pass",
        sequences=tuple(make_sequence(key, scene) for key, scene in scenes.items()),
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


def axis_of(sequence: str) -> str:
    """The axis of a sequence of `steps_suite`."""
    return sequence.partition("-")[0]


def target_of(sequence: str) -> str:
    """The category and seed of a sequence of `steps_suite`, whatever its axis and step."""
    return scene_of(sequence).partition("-")[2]


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
