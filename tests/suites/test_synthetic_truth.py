"""Ground truth against what is drawn: boxes and visibility against masks, labels against their definitions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from spm_bench.suites.synthetic import LABELS, Scene, annotate, make_scene
from spm_bench.suites.synthetic.cast import make_cast
from spm_bench.suites.synthetic.light import ONE, Light
from spm_bench.suites.synthetic.render import Renderer

N = 16


def scene(axis: str, level: int, *, category: str = "koi", **strengths: float) -> Scene:
    return make_scene(axis, level, 9, category=category, n_frames=N, strengths=strengths)


def drawn_box(mask: np.ndarray) -> np.ndarray:
    ys, xs = np.nonzero(mask >= 128)
    return np.array([xs.min(), ys.min(), xs.max() + 1 - xs.min(), ys.max() + 1 - ys.min()], dtype=float)


@pytest.mark.parametrize(
    "case",
    [
        scene("calm", 0),
        scene("deform", 4, category="amoeba"),
        scene("rotate", 4, category="beetle"),
        scene("scale", 4, category="turtle"),
        scene("turn", 4, category="butterfly"),
        scene("blur", 3, category="car"),
        scene("deform", 4, category="any-1", rotation=200, scale=1.5, turn=50, camera=8),
    ],
    ids=lambda s: s.category,
)
def test_boxes_fit_the_drawn_masks_to_a_pixel(case):
    truth, renderer = annotate(case), Renderer(case)
    checked = 0
    for t in range(0, N, 3):
        if truth.measures["inside"][t] < 1.0:
            continue
        mask = renderer.coverage(renderer.cast.target, t)
        low, high = truth.boxes[t, :2], truth.boxes[t, :2] + truth.boxes[t, 2:]
        box = drawn_box(mask)
        assert np.abs(box[:2] - low).max() <= 1.0
        assert np.abs(box[:2] + box[2:] - high).max() <= 1.0
        checked += 1
    assert checked >= 3


def test_boxes_are_exact_below_a_pixel():
    """At eight times the size the same scene has eight times the box: the outline does not depend on the raster."""
    strengths = {"camera": 0.0, "clutter": 0.0}
    small, large = (
        make_scene(
            "calm",
            0,
            2,
            category="turtle",
            width=160 * k,
            height=120 * k,
            target_size=40 * k,
            n_frames=6,
            strengths=strengths,
        )
        for k in (1, 8)
    )
    np.testing.assert_allclose(annotate(small).boxes * 8.0, annotate(large).boxes, atol=1e-2)
    renderer = Renderer(large)
    box = drawn_box(renderer.coverage(renderer.cast.target, 3)) / 8.0
    assert np.abs(box - annotate(small).boxes[3]).max() < 0.25


@pytest.mark.parametrize("case", [scene("occlude", 2), scene("lookalike", 4), scene("occlude", 4, category="car")])
def test_visible_share_is_what_the_masks_leave(case):
    truth, renderer = annotate(case), Renderer(case)
    for t in range(0, N, 2):
        target = renderer.coverage(renderer.cast.target, t).astype(float)
        left = np.prod([1.0 - renderer.coverage(a, t) / 255.0 for a in renderer.cast.before], axis=0)
        if truth.measures["inside"][t] == 1.0:
            assert truth.visible[t] == pytest.approx((target * left).sum() / target.sum(), abs=0.015)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75, 1.0])
def test_occluders_hide_the_stated_share(share):
    case = make_scene("occlude", 1, 4, category="beetle", strengths={"occluders": 1, "occlusion": share})
    hidden = annotate(case).measures["covered"].max()
    assert hidden == pytest.approx(share, abs=0.08)
    if share == 1.0:
        assert hidden == 1.0


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75, 1.0])
def test_leaving_takes_the_stated_share_out_of_the_picture(share):
    truth = annotate(make_scene("leave", 1, 4, category="turtle", strengths={"leaving": share, "camera": 0.0}))
    outside = 1.0 - truth.measures["inside"]
    assert outside.max() == pytest.approx(share, abs=0.1)
    assert outside[0] == outside[-1] == 0.0
    middle = int(outside.argmax())
    assert abs(middle - 18) <= 3
    if share == 1.0:
        x, _, w, _ = truth.boxes[middle]
        assert x >= 320 or x + w <= 0
        assert truth.visible[middle] == 0.0


@pytest.mark.parametrize(
    ("label", "axis", "level"),
    [
        ("DEF", "deform", 4),
        ("SV", "scale", 4),
        ("IPR", "rotate", 2),
        ("OPR", "turn", 3),
        ("IV", "light", 4),
        ("MB", "blur", 4),
        ("FM", "blur", 4),
        ("OCC", "occlude", 2),
        ("OV", "leave", 3),
        ("BC", "clutter", 4),
        ("LR", "coarse", 4),
        ("DIST", "lookalike", 3),
    ],
)
def test_each_axis_earns_its_label_and_calm_has_none(label, axis, level):
    hard, calm = annotate(make_scene(axis, level, 6)), annotate(make_scene("calm", 0, 6, strengths={"clutter": 0.0}))
    assert label in hard.attributes
    assert hard.labels[label].dtype == np.bool_
    assert calm.attributes == ()
    assert set(hard.labels) == set(LABELS)


def test_labels_follow_from_boxes_and_bodies():
    """Recompute the measures from boxes, poses and outlines with plain loops."""
    case = make_scene(
        "deform", 3, 8, strengths={"rotation": 120, "scale": 1.6, "turn": 45, "distractors": 2, "exposure": 1.0}
    )
    truth, cast = annotate(case), make_cast(case)
    poses = [cast.target.motion(t) for t in range(case.n_frames)]
    for t, pose in enumerate(poses):
        turned = math.degrees(pose.angle - poses[0].angle) % 360.0
        assert truth.labels["IPR"][t] == (min(turned, 360.0 - turned) > 20.0)
        ratio = pose.across / poses[0].across
        assert truth.labels["SV"][t] == (max(ratio, 1 / ratio) > 2**0.32)
        length, centre = 2 * pose.across, cast.place(cast.target, t).offset
        near = [math.dist(cast.place(d, t).offset, centre) / length for d in cast.distractors
                if 0 <= cast.place(d, t).offset[0] < 320 and 0 <= cast.place(d, t).offset[1] < 240]  # fmt: skip
        assert truth.labels["DIST"][t] == any(d < 1.5 for d in near)
        ends = [cast.place(cast.target, t + s).offset for s in (-0.5, 0.5)]
        assert truth.labels["MB"][t] == (math.dist(*ends) / length > 0.05)
    centres = truth.boxes[:, :2] + truth.boxes[:, 2:] / 2
    assert not truth.labels["FM"][0]
    for t, (a, b) in enumerate(itertools.pairwise(centres), start=1):
        assert truth.labels["FM"][t] == (math.dist(a, b) / (2 * poses[t].across) > 0.2)
    assert truth.measures["deformation"][0] == 0.0
    assert truth.measures["deformation"].max() > 0.05


def test_light_on_pixels_is_the_light_of_the_labels():
    light = Light(make_scene("light", 4, 3))
    for t in (0, 7, 20):
        gains = light.gains(t)[..., 1] / ONE
        exact = [[light.gain_at(x + 0.5, y + 0.5, t) for x in range(0, 320, 40)] for y in range(0, 240, 40)]
        np.testing.assert_allclose(gains[::40, ::40], exact, atol=0.02)
    assert light.stops(0.0) == 0.0


def test_distractors_leave_the_first_frame_alone_and_come_near_later():
    for seed in range(6):
        truth = annotate(make_scene("lookalike", 4, seed))
        assert truth.measures["covered"][0] < 0.1
        assert np.min(truth.measures["distractor"]) < 0.6
        assert truth.labels["DIST"].mean() > 0.5


def test_truth_is_shared_and_therefore_read_only():
    truth = annotate(make_scene("calm", 0, 1))
    with pytest.raises(ValueError, match="read-only"):
        truth.boxes[0, 0] = 0.0
