"""Where everything is at time t (frames, continuous): blur is drawn from the same functions that give the boxes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spm_bench.suites.base import FloatArray
from spm_bench.suites.synthetic.categories import Category, Gait
from spm_bench.suites.synthetic.noise import generator
from spm_bench.suites.synthetic.scene import Scene
from spm_bench.suites.synthetic.warp import Step, Warp

TAU = 2.0 * math.pi
AT_REST = Warp()
"""No deformation."""
STILL = Gait()
"""No motion on the spot."""


@dataclass(frozen=True)
class Pose:
    """Where a body is at one moment, in the still picture plane (before the camera's own motion).

    Attributes:
        x, y: Centre, pixels.
        angle: Of the body's x axis, radians, clockwise as seen (y points down).
        along, across: Pixels per body unit on the body's x and y axis.
        turn: Out-of-plane rotation, radians; `along` has its foreshortening already.
        scroll: How far the skin (of a dome: its middle) is shifted along the body, body units.
        warp: The deformation.
    """

    x: float
    y: float
    angle: float
    along: float
    across: float
    turn: float = 0.0
    scroll: float = 0.0
    warp: Warp = AT_REST


SCROLL = {"tilt": 0.0, "dome": 0.4, "roll": 1.25}
"""Shift of the skin at a quarter turn, body units: a dome must not fold over itself, a ball shows its other half."""

Motion = Callable[[float], Pose]
"""Time in frames, fractions and negative values included -> pose."""


def rotation(angle: float) -> FloatArray:
    """The matrix that turns column vectors by `angle` radians."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s], [s, c]])


class Path:
    """A smooth curve around the picture's middle, walked at constant speed."""

    def __init__(self, scene: Scene) -> None:
        rng = generator(scene.seed, "path")
        room = np.maximum(np.array([scene.width, scene.height]) / 2.0 - 0.62 * scene.target_size, 0.0) * scene.roam
        ratio, phase, start = rng.uniform(0.55, 0.85), rng.uniform(0.0, TAU), rng.uniform(0.0, TAU)
        length = scene.strengths.speed * scene.target_size * (scene.n_frames + 4)
        u = start + np.linspace(0.0, 1.0, 4001) * min(TAU * 40.0, 2.0 * length / max(float(room.min()), 4.0) + 1.0)
        middle = np.array([scene.width, scene.height]) / 2.0
        points = middle + room * np.stack([np.sin(u), np.sin(ratio * u + phase)], axis=1)
        walked = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
        self._points, self._walked = points, walked
        self._speed = scene.strengths.speed * scene.target_size

    def __call__(self, t: float) -> FloatArray:
        """Position at time t, pixels."""
        at = self._speed * (t + 2.0)
        return np.array([np.interp(at, self._walked, self._points[:, i]) for i in (0, 1)])


class TargetMotion:
    """The target's pose: path, rotation, scale, turn, gait, deformation and the excursion out of the picture."""

    def __init__(self, scene: Scene, category: Category, interior: FloatArray) -> None:
        """`interior` holds points (n x 2, body units) evenly spread over the silhouette."""
        rng = generator(scene.seed, "target motion")
        self._scene, self._strengths, self._category = scene, scene.strengths, category
        self._path = Path(scene)
        self._signs = rng.choice([-1.0, 1.0], size=3)
        self._phases = rng.uniform(0.0, TAU, size=6)
        ahead = self._path(0.6 * scene.n_frames) - self._path(0.0)
        heading = math.atan2(ahead[1], ahead[0]) if category.faces else rng.uniform(0.0, TAU)
        self._heading = heading + rng.normal(0.0, 0.1)
        self._excursion = self._find_excursion(interior)

    def _find_excursion(self, interior: FloatArray) -> FloatArray:
        """The displacement at half time that puts the wanted share beyond the nearer side edge."""
        scene, share = self._scene, self._strengths.leaving
        if share == 0.0:
            return np.zeros(2)
        sideways = (interior @ rotation(self._heading).T)[:, 0] * scene.target_size / 2.0
        clear = 4.0 if share == 1.0 else 0.0  # the gait must not bring a tip back
        at = self._path(scene.n_frames / 2.0)[0]
        if at > scene.width / 2.0:
            goal = scene.width - float(np.quantile(sideways, 1.0 - share)) + clear
        else:
            goal = -float(np.quantile(sideways, share)) - clear
        return np.array([goal - at, 0.0])

    def __call__(self, t: float) -> Pose:
        """Pose at time t."""
        s, share = self._strengths, t / max(self._scene.n_frames, 2)
        away = math.sin(math.pi * min(max((share - 0.15) / 0.7, 0.0), 1.0)) ** 2
        x, y = self._path(t) + self._excursion * away
        angle = self._heading + self._signs[0] * math.radians(s.rotation) * t / max(self._scene.n_frames - 1, 1)
        size = self._scene.target_size / 2.0 * s.scale ** (self._signs[1] * math.sin(TAU * share))
        yaw = self._signs[2] * math.radians(s.turn) * math.sin(1.5 * math.pi * share)
        squeeze = 0.25 + 0.75 * math.cos(yaw)  # a body has depth: it never foreshortens to a line
        scroll = SCROLL[self._category.turning] * math.sin(yaw)
        warp = Warp((*gait_steps(self._category.gait, t, self._phases[0]), *self._deformation(share)))
        return Pose(float(x), float(y), angle, size * squeeze, size, yaw, scroll, warp)

    def _deformation(self, share: float) -> tuple[Step, ...]:
        """Bends and swellings that start from nothing in the first frame."""
        d, p = self._strengths.deformation, self._phases
        if d == 0.0:
            return ()
        slow, quick = math.sin(TAU * share), math.sin(1.7 * TAU * share)
        return (
            Step(1, bend=1.1 * d * slow, wave=1.9, phase=p[1], swell=0.5 * d * quick, swell_phase=p[2]),
            Step(0, bend=0.7 * d * quick, wave=2.4, phase=p[3], swell=0.4 * d * slow, swell_phase=p[4]),
            Step(1, bend=0.45 * d * quick, wave=3.6, phase=p[5]),
        )


def gait_steps(gait: Gait, t: float, phase: float) -> tuple[Step, ...]:
    """A category's motion on the spot at time t."""
    turn = TAU * t / gait.period + phase
    steps = []
    if gait.wave:
        steps.append(Step(1, bend=gait.wave, wave=2.6, phase=turn, taper=1.0))
    if gait.beat:
        steps.append(Step(1, swell=gait.beat * math.sin(turn), swell_phase=math.pi / 2.0))
    return tuple(steps)


@dataclass(frozen=True)
class Crossing:
    """Passing by another body: it is nearest at `when`, at `miss`, and moves along `direction` relative to that body.

    Attributes:
        leader: The motion it is relative to.
        when: Time of the closest approach, frames.
        miss: Displacement at that time, pixels.
        velocity: Relative velocity, pixels per frame.
        angle: Relative to the leader's if `follows`, else absolute; radians.
        along, across: Pixels per body unit; relative to the leader's size if `follows`.
        follows: Turns and grows with the leader.
        gait: Its own motion on the spot, with `phase`.
        steps: A deformation it always has.
    """

    leader: Motion
    when: float
    miss: tuple[float, float]
    velocity: tuple[float, float]
    angle: float
    along: float
    across: float
    follows: bool
    gait: Gait = STILL
    phase: float = 0.0
    steps: tuple[Step, ...] = ()

    def __call__(self, t: float) -> Pose:
        """Pose at time t."""
        led = self.leader(t)
        x = led.x + self.miss[0] + self.velocity[0] * (t - self.when)
        y = led.y + self.miss[1] + self.velocity[1] * (t - self.when)
        warp = Warp((*gait_steps(self.gait, t, self.phase), *self.steps))
        if not self.follows:
            return Pose(x, y, self.angle, self.along, self.across, warp=warp)
        along, across = led.along * self.along, led.across * self.across
        return Pose(x, y, led.angle + self.angle, along, across, led.turn, led.scroll, warp)


class Camera:
    """A hand-held camera: a similarity close to the identity that moves everything in the picture."""

    def __init__(self, scene: Scene) -> None:
        self._strength = scene.strengths.camera
        self._centre = np.array([scene.width, scene.height]) / 2.0
        self._phases = generator(scene.seed, "camera").uniform(0.0, TAU, size=8)

    def __call__(self, t: float) -> tuple[FloatArray, FloatArray]:
        """Return (A, b): a point p of the still plane is seen at A p + b."""
        waves = np.sin(TAU * t / np.array([9.0, 23.0, 11.0, 27.0, 17.0, 31.0, 37.0, 41.0]) + self._phases)
        shift = self._strength * np.array([0.3 * waves[0] + 0.7 * waves[1], 0.3 * waves[2] + 0.7 * waves[3]])
        turn = math.radians(0.2) * self._strength * waves[4] * 0.5
        matrix = (1.0 + 0.002 * self._strength * waves[5]) * rotation(float(turn))
        return matrix, self._centre + shift - matrix @ self._centre


@dataclass(frozen=True, eq=False)
class Placement:
    """From body coordinates to the picture: seen = matrix @ warp(body) + offset."""

    matrix: FloatArray
    offset: FloatArray
    warp: Warp
    scroll: float

    @classmethod
    def of(cls, pose: Pose, camera: tuple[FloatArray, FloatArray]) -> Placement:
        """Combine a pose with the camera's (A, b)."""
        body = rotation(pose.angle) * np.array([pose.along, pose.across])
        return cls(camera[0] @ body, camera[0] @ np.array([pose.x, pose.y]) + camera[1], pose.warp, pose.scroll)

    def to_image(self, points: FloatArray) -> FloatArray:
        """Where points (n x 2) of the resting body are seen, pixels."""
        seen: FloatArray = self.warp.to_posed(points) @ self.matrix.T + self.offset
        return seen
