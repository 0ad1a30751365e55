"""Who plays in a scene: the target, its look-alikes and what passes in front, each with a body and a motion."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spm_bench.suites.base import FloatArray
from spm_bench.suites.synthetic.categories import Category, find_category
from spm_bench.suites.synthetic.ground import HABITATS, fill
from spm_bench.suites.synthetic.identity import Identity
from spm_bench.suites.synthetic.motion import TAU, Camera, Crossing, Motion, Placement, TargetMotion, rotation
from spm_bench.suites.synthetic.noise import generator
from spm_bench.suites.synthetic.scene import Scene
from spm_bench.suites.synthetic.shapes import REACH, Body
from spm_bench.suites.synthetic.warp import Step

MISSES = (0.2, 0.6, 0.32, 0.9, 0.15, 0.45)
"""Closest approach of successive distractors, target lengths: some touch it, all enter its search region."""
CROSSING_RANGE = 2.2
"""Way of a distractor relative to the target over the video, target lengths: it stays near the search region."""
FIRST_CROSSING = 0.4
"""Share of the video before the first closest approach, so that the first frame shows the target alone."""


@dataclass(frozen=True, eq=False)
class Actor:
    """One thing in the scene that moves.

    Attributes:
        role: "target", "distractor" or "occluder".
        category: Its kind.
        identity: Which one of its kind.
        motion: Time -> pose.
    """

    role: str
    category: Category
    identity: Identity
    motion: Motion

    @cached_property
    def body(self) -> Body:
        """Its shape at rest, normalised."""
        return self.category.body(self.identity).normalised()

    @cached_property
    def points(self) -> FloatArray:
        """All outline points of the resting body, n x 2."""
        return np.concatenate(self.body.outlines)


@dataclass(frozen=True, eq=False)
class Cast:
    """Everybody in a scene.

    Attributes:
        target: The one to be tracked.
        behind: Distractors that the target covers, farthest first.
        before: Distractors and occluders that cover the target, nearest last.
        camera: Its motion.
    """

    target: Actor
    behind: tuple[Actor, ...]
    before: tuple[Actor, ...]
    camera: Camera

    @property
    def distractors(self) -> tuple[Actor, ...]:
        """Those of the target's category, in no particular order."""
        return tuple(a for a in (*self.behind, *self.before) if a.role == "distractor")

    def place(self, actor: Actor, t: float) -> Placement:
        """Where `actor` is seen at time t (frames)."""
        return Placement.of(actor.motion(t), self.camera(t))


def interior_of(body: Body) -> FloatArray:
    """Points (n x 2) on a grid that fills the resting silhouette: shares of them are shares of its area."""
    n = 96
    mask = np.zeros((n, n), np.uint8)
    for outline in body.outlines:
        fill(mask, (outline + REACH) * (n / (2.0 * REACH)), np.ones(1))
    rows, columns = np.nonzero(mask >= 128)
    grid = np.stack([columns, rows], axis=1).astype(np.float64)
    return (grid + 0.5) * (2.0 * REACH / n) - REACH


def make_cast(scene: Scene) -> Cast:
    """Assemble the cast of a scene; light, nothing is painted."""
    category = find_category(scene.category)
    identity = Identity.of(scene.seed)
    interior = interior_of(category.body(identity).normalised())
    target = Actor("target", category, identity, TargetMotion(scene, category, interior))
    distractors = [_distractor(scene, target, k) for k in range(scene.strengths.distractors)]
    occluders = [_occluder(scene, target, interior, k) for k in range(scene.strengths.occluders)]
    return Cast(target, tuple(distractors[1::2]), (*distractors[0::2], *occluders), Camera(scene))


def _distractor(scene: Scene, target: Actor, k: int) -> Actor:
    """The k-th look-alike crosses the target's neighbourhood; the more alike, the nearer its heading and size too."""
    rng = generator(scene.seed, "distractor", k)
    likeness, n = scene.strengths.likeness, scene.strengths.distractors
    when = scene.n_frames * (FIRST_CROSSING + (0.95 - FIRST_CROSSING) * (k + 0.5) / n)
    course = (
        generator(scene.seed, "courses").uniform(0.0, TAU) + 2.4 * k + rng.normal(0.0, 0.25)
    )  # 2.4: all directions in turn
    towards = np.array([math.cos(course), math.sin(course)])
    aside = np.array([-towards[1], towards[0]]) * rng.choice([-1.0, 1.0])
    length = scene.target_size
    miss = aside * MISSES[k % len(MISSES)] * length
    velocity = towards * CROSSING_RANGE * length / scene.n_frames
    unlike = 1.0 - likeness
    size = math.exp(rng.normal(0.0, 0.03 + 0.12 * unlike))
    motion = Crossing(
        leader=target.motion,
        when=when,
        miss=(float(miss[0]), float(miss[1])),
        velocity=(float(velocity[0]), float(velocity[1])),
        angle=rng.normal(0.0, 0.12 + 0.9 * unlike),
        along=size,
        across=size,
        follows=True,
        gait=target.category.gait,
        phase=rng.uniform(0.0, TAU),
    )
    return Actor("distractor", target.category, target.identity.lookalike(int(rng.integers(2**62)), likeness), motion)


def _occluder(scene: Scene, target: Actor, interior: FloatArray, k: int) -> Actor:
    """The k-th passer-by: a band across the picture that moves sideways, wide enough to hide the wanted share."""
    rng = generator(scene.seed, "occluder", k)
    s = scene.strengths
    when = scene.n_frames * (k + 1.0) / (s.occluders + 1.0)
    across = rng.uniform(-0.5, 0.5) + (0.0 if rng.random() < 0.5 else math.pi)
    normal = np.array([math.cos(across), math.sin(across)])
    pose = target.motion(when)
    body = rotation(pose.angle) * [pose.along, pose.across]
    off_axis = np.abs(pose.warp.to_posed(interior) @ body.T @ normal)
    width_of_target = 2.0 * float(off_axis.max())
    # A band of this width hides the wanted share; to hide it all it must not end at the very edge.
    width = 2.0 * float(np.quantile(off_axis, s.occlusion)) + (0.15 * width_of_target if s.occlusion == 1.0 else 1.0)
    lasting = min(max(0.2 * scene.n_frames, 5.0), 12.0)
    velocity = normal * (width + width_of_target) / lasting
    half_length = 0.8 * math.hypot(scene.width, scene.height)
    motion = Crossing(
        leader=target.motion,
        when=when,
        miss=(0.0, 0.0),
        velocity=(float(velocity[0]), float(velocity[1])),
        angle=across + math.pi / 2.0,
        along=half_length,
        across=width / 2.0,
        follows=False,
        steps=(Step(1, bend=min(0.5, 6.0 / width), wave=9.0, phase=rng.uniform(0.0, TAU)),),
    )
    return Actor("occluder", HABITATS[scene.habitat].band, Identity.of(int(rng.integers(2**62))), motion)
