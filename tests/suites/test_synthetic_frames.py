"""Frames: the same bytes always and everywhere, drawn on demand, pickled as a description."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from spm_bench.suites.synthetic import CATEGORIES, Scene, SyntheticFrames, make_scene, make_sequence
from spm_bench.suites.synthetic.frames import FrameStore
from spm_bench.suites.synthetic.render import Renderer
from spm_bench.suites.synthetic.sprite import look_up

RICH = {
    "deformation": 0.5,
    "light": 1.0,
    "occluders": 1,
    "occlusion": 0.5,
    "distractors": 2,
    "exposure": 0.8,
    "resolution": 0.7,
}


def small(seed: int = 3, **values: object) -> Scene:
    return make_scene("calm", 0, seed, width=120, height=96, n_frames=6, target_size=36, **values)  # type: ignore[arg-type]


def digest(scene: Scene) -> str:
    renderer = Renderer(scene)
    return hashlib.sha256(b"".join(renderer.frame(i).tobytes() for i in range(len(SyntheticFrames(scene))))).hexdigest()


_CHILD = """
import sys, json, hashlib
import spm_bench.suites.synthetic as synthetic
assert "cv2" not in sys.modules, "the package must not import OpenCV before it draws"
from spm_bench.suites.synthetic import Scene, SyntheticFrames
frames = SyntheticFrames(Scene.from_dict(json.loads(sys.argv[1])))
print(hashlib.sha256(b"".join(frames[i].tobytes() for i in range(len(frames)))).hexdigest())
"""


@pytest.mark.parametrize(
    "processor",
    [{}, {"NPY_DISABLE_CPU_FEATURES": "AVX512F X86_V4", "OPENCV_CPU_DISABLE": "AVX2"}],
    ids=["same processor", "older processor"],
)
def test_bytes_are_the_same_twice_and_in_another_process(processor):
    """Also with the vector instructions of an older processor, as far as the libraries let them be switched off."""
    scene = small(strengths=RICH)
    child = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _CHILD, json.dumps(scene.to_dict())],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, **processor},
    )
    assert digest(scene) == digest(scene) == child.stdout.strip()


def test_frames_do_not_depend_on_the_order_of_reading():
    scene = small(strengths=RICH)
    forward, backward = Renderer(scene), Renderer(scene)
    first = [forward.frame(i) for i in range(4)]
    second = [backward.frame(i) for i in (3, 2, 1, 0)][::-1]
    np.testing.assert_array_equal(first, second)


def test_other_seeds_categories_and_strengths_give_other_frames():
    scenes = [small(1), small(2), small(1, category="car"), small(1, strengths={"noise": 9}), small(1, habitat="slide")]
    assert len({digest(s) for s in scenes}) == len(scenes)


@pytest.mark.parametrize("category", [*CATEGORIES, "any-2"])
def test_frames_are_pictures(category):
    frame = SyntheticFrames(make_scene("calm", 0, 4, category=category, n_frames=2))[0]
    assert (frame.shape, frame.dtype, frame.flags.c_contiguous) == ((240, 320, 3), np.uint8, True)
    assert 20 < frame.mean() < 235
    assert frame.std(axis=(0, 1)).min() > 8  # neither flat nor empty
    assert ((frame == 0) | (frame == 255)).mean() < 0.05  # neither crushed nor burnt out


def test_the_target_stands_out_from_what_is_behind_it():
    """Without the target the frame differs inside its box and almost nowhere else."""
    scene = small(strengths={"noise": 0.0})
    renderer = Renderer(scene)
    with_target = renderer.frame(2).astype(int)
    without = renderer._expose(renderer._draw_ground(2), 2).astype(int)
    changed = np.abs(with_target - without).max(axis=2) > 4
    mask = renderer.coverage(renderer.cast.target, 2) > 128
    assert changed[mask].mean() > 0.9
    assert changed.sum() < 4 * mask.sum()  # the rest is its soft shadow


def test_blur_smears_along_the_motion():
    sharp, blurred = (
        small(category="beetle", strengths={"speed": 0.4, "exposure": e, "noise": 0.0, "camera": 0.0})
        for e in (0.0, 1.0)
    )
    edges = []
    for scene in (sharp, blurred):
        renderer = Renderer(scene)
        inside = renderer.coverage(renderer.cast.target, 2) > 250
        grey = renderer.frame(2).astype(float).mean(axis=2)
        edges.append(np.hypot(*np.gradient(grey))[inside].mean())
    assert edges[1] < 0.6 * edges[0]


def test_look_up_is_bilinear_to_a_32nd_of_a_pixel():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (9, 11, 3), dtype=np.uint8)
    x, y = rng.uniform(1, 10, (5, 7)), rng.uniform(1, 8, (5, 7))
    u, v = np.rint((x - 0.5) * 32) / 32, np.rint((y - 0.5) * 32) / 32
    i, j = np.floor(u).astype(int), np.floor(v).astype(int)
    a, b, p = (u - i)[..., None], (v - j)[..., None], picture.astype(float)
    expected = (p[j, i] * (1 - a) + p[j, i + 1] * a) * (1 - b) + (p[j + 1, i] * (1 - a) + p[j + 1, i + 1] * a) * b
    np.testing.assert_allclose(look_up(picture, x, y, wrap=False), expected, atol=0.51)


def test_frames_are_copies_and_indices_are_checked():
    frames = SyntheticFrames(small())
    frames[0][:] = 0
    assert frames[0].any()
    assert len(list(frames)) == len(frames) == 6
    for index in (-1, 6):
        with pytest.raises(IndexError, match="6 frames"):
            frames[index]


def test_only_the_description_is_pickled():
    sequence = make_sequence("s", small())
    assert sequence.frames is not None
    before = sequence.frames[3]
    stored = pickle.dumps(sequence.frames)
    assert len(stored) < 2000
    np.testing.assert_array_equal(pickle.loads(stored)[3], before)
    again = pickle.loads(pickle.dumps(sequence))
    np.testing.assert_array_equal(again.ground_truth, sequence.ground_truth)


def test_the_store_keeps_the_frames_used_last_within_its_room():
    scene, other = small(1), small(2)
    frame_bytes = 120 * 96 * 3
    store = FrameStore(room=3 * frame_bytes)
    first = store.get(scene, 0)
    store.get(scene, 1)
    assert store.get(scene, 0) is first
    store.get(other, 0)
    store.get(other, 1)  # drops (scene, 1), used longest ago
    assert store.get(scene, 0) is first
    assert store._bytes == 3 * frame_bytes
    tiny = FrameStore(room=0)
    np.testing.assert_array_equal(tiny.get(scene, 0), first)
