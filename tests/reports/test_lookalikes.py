"""The look-alike scenes: fixed, distinct, unseen in training and not those of the demo."""

from __future__ import annotations

import numpy as np
import pytest
from proving.lookalikes import (
    FIRST_SEED,
    SCENES,
    demo_discrimination,
    level_of,
    level_strengths,
    level_title,
    lookalike_suite,
    scene_of,
    video_of,
)

from spm_bench.errors import UsageError
from spm_bench.suites.synthetic import CATEGORIES, SyntheticFrames, demo_steps
from spm_bench.training import synthetic_pack


def test_scenes_are_response_curves_of_named_categories() -> None:
    suite = lookalike_suite(3)
    names = [sequence.name for sequence in suite.sequences]
    assert names[:5] == ["koi-1001-1", "koi-1001-2", "koi-1001-3", "koi-1001-4", "beetle-1002-1"]
    assert len({scene_of(name) for name in names}) == 3
    scenes = {s.name: s.frames.scene for s in suite.sequences if isinstance(s.frames, SyntheticFrames)}
    assert len({repr(scene) for scene in scenes.values()}) == len(names) == 12
    for name, scene in scenes.items():
        assert scene.category in CATEGORIES
        assert (scene.strengths.distractors, scene.strengths.likeness) == level_strengths(level_of(name))
    by_name = {sequence.name: sequence for sequence in suite.sequences}
    np.testing.assert_array_equal(by_name["koi-1001-1"].ground_truth, by_name["koi-1001-4"].ground_truth)


def test_no_scene_is_one_of_the_demo() -> None:
    seeds = {step.scene.seed for step in demo_steps()}
    assert seeds.isdisjoint(range(FIRST_SEED, FIRST_SEED + SCENES))


def test_no_scene_can_be_drawn_in_training() -> None:
    """Training takes seeds from a range of its own and categories that are invented."""
    assert FIRST_SEED + SCENES < synthetic_pack.FIRST_SEED
    assert all(not name.startswith("any-") for name in CATEGORIES)


def test_other_scenes_are_another_suite() -> None:
    assert lookalike_suite(1).fingerprint != lookalike_suite(2).fingerprint
    assert lookalike_suite(2).fingerprint == lookalike_suite(2).fingerprint
    with pytest.raises(UsageError, match="0 scenes"):
        lookalike_suite(0)


def test_the_demo_asks_for_discrimination_in_its_lookalike_steps() -> None:
    names = [sequence.name for sequence in demo_discrimination().sequences]
    assert names == ["lookalike-1", "lookalike-2", "lookalike-3", "lookalike-4"]


def test_names() -> None:
    assert level_title(4) == "6 of likeness 0.93"
    assert [video_of(n) for n in ("Jogging-2", "Human4-2", "Man", "Football1")] == [
        "Jogging",
        "Human4",
        "Man",
        "Football1",
    ]
