"""Who plays in a scene: the target, its look-alikes and what passes in front, each with a body and a motion."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spm_bench.suites.base import FloatArray
from spm_bench.suites.synthetic.categories import Category, find_category
from spm_bench.suites.synthetic.ground import HABITATS
from spm_bench.suites.synthetic.identity import Identity
from spm_bench.suites.synthetic.motion import TAU, Camera, Crossing, Motion, Placement, TargetMotion, rotation
from spm_bench.suites.synthetic.noise import generator
from spm_bench.suites.synthetic.scene import Scene
from spm_bench.suites.synthetic.shapes import Body
from spm_bench.suites.synthetic.warp import Step

MISSES = (0.5, 0.85, 0.62, 1.1, 0.45, 0.75)
"""Closest approach of successive distractors, target lengths: some touch the target, all come within its search region."""
FIRST_CROSSING = 0.3
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


def make_cast(scene: Scene) -> Cast:
    """Assemble the cast of a scene; light, nothing is painted."""
    category = find_category(scene.category)
    identity = Identity.of(scene.seed)
    points = np.concatenate(category.body(identity).normalised().outlines)

    def half_extent(angle: float) -> FloatArray:
        extent: FloatArray = np.abs(points @ rotation(angle).T).max(axis=0)
        return extent

    target = Actor("target", category, identity, TargetMotion(scene, category, half_extent))
    distractors = [_distractor(scene, target, k) for k in range(scene.strengths.distractors)]
    occluders = [_occluder(scene, target, k) for k in range(scene.strengths.occluders)]
    return Cast(target, tuple(distractors[1::2]), (*distractors[0::2], *occluders), Camera(scene))


def _distractor(scene: Scene, target: Actor, k: int) -> Actor:
    """The k-th look-alike: it crosses the target's neighbourhood, heading and size like the target's the more alike it is."""
    rng = generator(scene.seed, "distractor", k)
    likeness, n = scene.strengths.likeness, scene.strengths.distractors
    when = scene.n_frames * (FIRST_CROSSING + (0.95 - FIRST_CROSSING) * (k + 0.5) / n)
    course = rng.uniform(0.0, TAU)
    towards = np.array([math.cos(course), math.sin(course)])
    aside = np.array([-towards[1], towards[0]]) * rng.choice([-1.0, 1.0])
    length = scene.target_size
    miss = aside * MISSES[k % len(MISSES)] * length
    velocity = towards * 3.4 * length / scene.n_frames  # about a length and a half away when not near: never out of sight for long
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


def _occluder(scene: Scene, target: Actor, k: int) -> Actor:
    """The k-th passer-by: a band across the whole picture, as wide as the wanted share of the target, moving sideways."""
    rng = generator(scene.seed, "occluder", k)
    s = scene.strengths
    when = scene.n_frames * (k + 1.0) / (s.occluders + 1.0)
    across = rng.uniform(-0.5, 0.5) + (0.0 if rng.random() < 0.5 else math.pi)
    normal = np.array([math.cos(across), math.sin(across)])
    pose = target.motion(when)
    seen = target.points @ (rotation(pose.angle) * [pose.along, pose.across]).T @ normal
    width_of_target = float(seen.max() - seen.min())
    # Past 80 % the band grows to 1.3 widths, so that a share of 1 hides the target even while it bends.
    width = width_of_target * (s.occlusion + 0.3 * max(0.0, s.occlusion - 0.8) / 0.2) + 1.0
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
