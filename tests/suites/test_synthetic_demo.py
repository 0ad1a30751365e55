"""The embedded suite: complete, small, in steps, and unchanged unless its version says so."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from spm_bench.errors import UsageError
from spm_bench.suites.catalog import load_suite
from spm_bench.suites.synthetic import AXES, demo_steps, load_demo, make_sequence
from spm_bench.suites.synthetic import demo as demo_module
from spm_bench.suites.synthetic.scene import GENERATOR_VERSION


def test_the_suite_is_complete_and_small():
    suite = load_demo()
    assert (suite.name, suite.family, suite.protocol) == ("demo", "otb", "one_pass")
    assert suite.n_total == len(suite.sequences) == len({s.name for s in suite.sequences}) == 20
    assert sum(map(len, suite.sequences)) == 720
    for sequence in suite.sequences:
        assert sequence.ground_truth.shape == (36, 4)
        assert (sequence.ground_truth[:, 2:] > 4).all()
        assert np.isfinite(sequence.ground_truth).all()
        assert sequence.image_size == (320, 240)
        present = {name for name, flags in sequence.frame_attributes.items() if flags.any()}
        assert set(sequence.attributes) == present
    assert {"DEF", "SV", "IPR", "OPR", "IV", "MB", "FM", "OCC", "BC", "DIST"} <= {
        a for s in suite.sequences for a in s.attributes
    }


def test_steps_tell_axis_and_level_and_get_harder():
    steps = demo_steps()
    assert [s.name for s in steps] == [s.name for s in load_demo().sequences]
    assert {s.asks for s in steps} == {"", "robustness", "discrimination"}
    for step in steps:
        assert step.name == (step.axis if step.level == 0 else f"{step.axis}-{step.level}")
    for axis in AXES:
        mine = [s for s in steps if s.axis == axis]
        assert [s.level for s in mine] == sorted(s.level for s in mine)
        assert len({(s.scene.seed, s.scene.category) for s in mine}) <= 1  # one response curve, one target
    likeness = [s.scene.strengths.likeness for s in steps if s.axis == "lookalike"]
    assert likeness == sorted(likeness)
    assert len(likeness) == 4


def test_only_some_sequences():
    part = load_demo(["deform-2", "calm"])
    assert [s.name for s in part.sequences] == ["calm", "deform-2"]
    assert part.coverage == "2 of 20 sequences"
    assert part.fingerprint != load_demo().fingerprint
    assert load_suite("demo", only=["calm"]).fingerprint == load_demo(["calm"]).fingerprint
    with pytest.raises(UsageError, match="Did you mean lookalike"):
        load_demo(["lokalike-3"])


def test_the_fingerprint_covers_scenes_and_generator(monkeypatch):
    before = load_demo(["calm"]).fingerprint
    assert before == load_demo(["calm"]).fingerprint
    assert len(before) == 64
    monkeypatch.setattr(demo_module, "GENERATOR_VERSION", GENERATOR_VERSION + 1)
    assert load_demo(["calm"]).fingerprint != before


PINNED = {  # name -> (box of the last frame, mean BGR of the first), drawn by version 1
    "calm": ([186.3146, 122.6914, 52.7554, 54.0603], [122.38, 143.0, 129.02]),
    "deform-4": ([146.535, 149.0826, 60.4461, 37.4203], [189.8, 163.42, 181.87]),
    "scale-4": ([151.5825, 71.6922, 40.4185, 40.166], [124.13, 143.57, 127.72]),
    "light-4": ([62.564, 153.7739, 58.3151, 30.8671], [55.58, 55.75, 55.96]),
    "blur-4": ([12.6564, 56.7361, 54.8577, 56.792], [38.71, 96.88, 72.32]),
    "lookalike-4": ([123.7165, 69.9119, 55.5447, 31.3539], [77.52, 96.34, 64.16]),
}


def test_the_generator_draws_what_its_version_says():
    """If this fails on purpose, raise GENERATOR_VERSION and pin the new values: stored results are of another suite."""
    for sequence in load_demo(list(PINNED)).sequences:
        box, colour = PINNED[sequence.name]
        np.testing.assert_allclose(sequence.ground_truth[-1], box, atol=1e-3)
        np.testing.assert_allclose(sequence.frames[0].mean(axis=(0, 1)), colour, atol=0.2)
    assert GENERATOR_VERSION == 1


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[:2] + a[2:], b[:2] + b[2:])
    shared = float(np.prod(np.maximum(high - low, 0.0)))
    return shared / (float(np.prod(a[2:]) + np.prod(b[2:])) - shared)


def _correlate(sequence) -> float:
    """Mean overlap of matching the first appearance in a window of twice the box, by appearance alone."""
    first = np.rint(sequence.ground_truth[0]).astype(int)
    room = int(max(first[2:]))
    x, y, w, h = first
    template = sequence.frames[0][y : y + h, x : x + w]
    overlaps = []
    for i in range(1, len(sequence)):
        padded = cv2.copyMakeBorder(sequence.frames[i], room, room, room, room, cv2.BORDER_REPLICATE)
        half = room // 2
        window = padded[y + room - half : y + room + h + half, x + room - half : x + room + w + half]
        score = cv2.matchTemplate(window, template, cv2.TM_CCOEFF_NORMED)
        dy, dx = np.unravel_index(score.argmax(), score.shape)
        x, y = int(np.clip(x - half + dx, 0, 319)), int(np.clip(y - half + dy, 0, 239))
        overlaps.append(_overlap(np.array([x, y, w, h], dtype=float), sequence.ground_truth[i]))
    return float(np.mean(overlaps))


def test_a_plain_template_matcher_solves_the_easy_steps_and_fails_on_the_hard_ones():
    scores = {
        s.name: _correlate(s)
        for s in load_demo(["calm", "deform-1", "deform-4", "lookalike-1", "lookalike-4"]).sequences
    }
    assert scores["calm"] > 0.85
    assert scores["deform-1"] > 0.75
    assert scores["deform-4"] < scores["deform-1"] - 0.1
    assert scores["lookalike-1"] > 0.6
    assert scores["lookalike-4"] < scores["lookalike-1"] - 0.15


def test_without_its_distractors_the_hardest_look_alike_scene_is_easy():
    step = next(s for s in demo_steps() if s.name == "lookalike-4")
    alone = dataclasses.replace(step.scene, strengths=dataclasses.replace(step.scene.strengths, distractors=0))
    assert _correlate(make_sequence("alone", alone)) > 0.65
