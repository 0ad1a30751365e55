"""The exact ground truth of a scene: boxes, visibility, and per-frame labels derived from measured quantities.

Everything refers to mid-exposure of each frame. The box is the tight one around the whole silhouette, also
its hidden and outside parts (amodal). Every label has one measured quantity and one threshold, in `LABELS`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from spm_bench.suites.base import BoolArray, FloatArray
from spm_bench.suites.synthetic.cast import Actor, Cast, make_cast
from spm_bench.suites.synthetic.ground import SUBPIXEL, clutter_of
from spm_bench.suites.synthetic.light import Light
from spm_bench.suites.synthetic.motion import Pose
from spm_bench.suites.synthetic.scene import Scene


@dataclass(frozen=True)
class Label:
    """A per-frame label: set where `measure` exceeds `above` or falls below `below`.

    Attributes:
        name: The abbreviation that OTB introduced, where it has one.
        measure: Key of `Truth.measures`.
        meaning: What is measured, with its unit.
    """

    name: str
    measure: str
    meaning: str
    above: float = math.inf
    below: float = -math.inf

    def __call__(self, values: FloatArray) -> BoolArray:
        """Apply the thresholds to n measured values."""
        return (values > self.above) | (values < self.below)


LABELS: dict[str, Label] = {
    label.name: label
    for label in (
        Label(
            "DEF",
            "deformation",
            "rms displacement of the outline within the body since frame 1, body lengths",
            above=0.05,
        ),
        Label("SV", "size", "log2 of the size ratio to frame 1, absolute", above=0.32),  # a factor of 1.25
        Label("IPR", "rotation", "in-plane rotation since frame 1, degrees 0..180", above=20.0),
        Label("OPR", "turn", "out-of-plane rotation since frame 1, degrees", above=20.0),
        Label("IV", "light", "change of illumination at the target since frame 1, stops, absolute", above=0.4),
        Label("MB", "blur", "motion of the centre while the shutter is open, body lengths", above=0.05),
        Label("FM", "motion", "motion of the box centre since the frame before, body lengths", above=0.2),
        Label("OCC", "covered", "share of the silhouette inside the picture that something hides", above=0.1),
        Label("OV", "inside", "share of the silhouette inside the picture", below=0.98),
        Label("BC", "clutter", "things in the target's colours within 1.5 body lengths", above=3.5),
        Label("LR", "area", "area of the box in pixels of the sensor", below=400.0),  # OTB's limit
        Label("DIST", "distractor", "distance to the nearest look-alike in the picture, body lengths", below=1.5),
    )
}


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known about each of n frames.

    Attributes:
        boxes: n x 4, (x, y, w, h) of the whole silhouette, 0-based continuous pixels; may reach outside the picture.
        visible: n, share of the silhouette that is inside the picture and not hidden.
        measures: Name -> n values behind the labels (see `LABELS`).
        labels: Name -> n booleans.
    """

    boxes: FloatArray
    visible: FloatArray
    measures: Mapping[str, FloatArray]
    labels: Mapping[str, BoolArray]

    @property
    def attributes(self) -> tuple[str, ...]:
        """Labels that at least one frame carries, in the order of `LABELS`."""
        return tuple(name for name, flags in self.labels.items() if flags.any())


@lru_cache(maxsize=64)
def annotate(scene: Scene) -> Truth:
    """Compute the ground truth of a scene; no picture is drawn."""
    cast = make_cast(scene)
    seen = [cast.place(cast.target, t).to_image(cast.target.points) for t in range(scene.n_frames)]
    boxes = np.array([[*p.min(axis=0), *np.ptp(p, axis=0)] for p in seen])
    inside, covered = np.array([_visibility(scene, cast, t) for t in range(scene.n_frames)]).T
    poses = [cast.target.motion(t) for t in range(scene.n_frames)]
    measures = {
        **_measure_poses(cast, poses),
        **_measure_surroundings(scene, cast, poses),
        "inside": inside,
        "covered": covered,
        "area": boxes[:, 2] * boxes[:, 3] * scene.strengths.resolution**2,
    }
    lengths = np.array([2.0 * p.across for p in poses])
    centres = boxes[:, :2] + boxes[:, 2:] / 2.0
    step = np.hypot(*np.diff(centres, axis=0, prepend=centres[:1]).T)
    measures["motion"] = step / lengths
    labels = {name: label(measures[label.measure]) for name, label in LABELS.items()}
    for values in (boxes, *measures.values(), *labels.values()):
        values.setflags(write=False)  # shared by the cache
    return Truth(boxes, inside * (1.0 - covered), measures, labels)


def _measure_poses(cast: Cast, poses: list[Pose]) -> dict[str, FloatArray]:
    first = poses[0]
    rest = [p.warp.to_posed(cast.target.points) for p in poses]
    wrapped = np.angle(np.exp(1j * np.array([p.angle - first.angle for p in poses])))
    return {
        "deformation": np.array([math.sqrt(((r - rest[0]) ** 2).sum(axis=1).mean()) / 2.0 for r in rest]),
        "size": np.abs(np.log2([p.across / first.across for p in poses])),
        "rotation": np.rad2deg(np.abs(wrapped)),
        "turn": np.array([math.degrees(abs(p.turn - first.turn)) for p in poses]),
    }


def _measure_surroundings(scene: Scene, cast: Cast, poses: list[Pose]) -> dict[str, FloatArray]:
    s, light = scene.strengths, Light(scene)
    clutter = clutter_of(scene.seed, scene.width, scene.height, scene.target_size, s.clutter)
    gain, blur, near, things = (np.zeros(len(poses)) for _ in range(4))
    for t, pose in enumerate(poses):
        centre, length = cast.place(cast.target, t).offset, 2.0 * pose.across
        gain[t] = math.log2(light.gain_at(float(centre[0]), float(centre[1]), t))
        ends = [cast.place(cast.target, t + side * s.exposure / 2.0).offset for side in (-1.0, 1.0)]
        blur[t] = math.hypot(*(ends[1] - ends[0])) / length
        others = [cast.place(d, t).offset for d in cast.distractors]
        shown = [o for o in others if 0.0 <= o[0] < scene.width and 0.0 <= o[1] < scene.height]
        near[t] = min((math.hypot(*(o - centre)) / length for o in shown), default=math.inf)
        away = np.hypot(*(clutter.centres - [pose.x, pose.y]).T)
        things[t] = np.count_nonzero(away < 1.5 * length)
    return {"light": np.abs(gain - gain[0]), "blur": blur, "distractor": near, "clutter": things}


def _visibility(scene: Scene, cast: Cast, t: int) -> tuple[float, float]:
    """(share of the silhouette inside the picture, share of that part which something in front hides) at frame t."""
    target = cast.target
    seen = _outlines(cast, target, t)
    points = np.concatenate(seen)
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    scale = min(8.0, 512.0 / max(float(extent.max()), 1.0))  # samples per pixel: areas to about 0.1 %
    size = np.ceil(extent * scale).astype(int) + 2
    mask = np.zeros((size[1], size[0]), np.uint8)
    for outline in seen:
        _fill(mask, (outline - low) * scale, 1)
    whole = cv2.countNonZero(mask)
    x0, y0 = np.clip(np.rint(-low * scale).astype(int), 0, size)
    x1, y1 = np.clip(np.rint((np.array([scene.width, scene.height]) - low) * scale).astype(int), 0, size)
    inside = np.ascontiguousarray(mask[y0:y1, x0:x1])
    shown = cv2.countNonZero(inside) if inside.size else 0
    if shown == 0:
        return 0.0, 0.0
    for actor in cast.before:
        for outline in _outlines(cast, actor, t):
            _fill(inside, (outline - low) * scale - [x0, y0], 0)
    return shown / whole, 1.0 - cv2.countNonZero(inside) / shown


def _outlines(cast: Cast, actor: Actor, t: float) -> list[FloatArray]:
    placement = cast.place(actor, t)
    return [placement.to_image(o) for o in actor.body.outlines]


def _fill(mask: NDArray[np.uint8], outline: FloatArray, value: int) -> None:
    corners = np.rint((outline - 0.5) * (1 << SUBPIXEL)).astype(np.int32)
    cv2.fillPoly(mask, [corners], value, cv2.LINE_8, SUBPIXEL)
