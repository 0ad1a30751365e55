"""Difficulty axes: one challenge each, in steps that leave everything else in the scene as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spm_bench.errors import UsageError, unknown_name
from spm_bench.suites.synthetic.scene import Scene, Strengths, change


@dataclass(frozen=True)
class Axis:
    """One challenge.

    Attributes:
        name: As in "deform-3".
        asks: What it asks of a tracker: "robustness", "discrimination" or "" for the calm baseline.
        about: What grows with the level.
        steps: Strengths per level, the first for level 1.
        base: Strengths at every level, level 0 included.
        scene: Scene fields that the axis needs at every level, such as room to grow.
    """

    name: str
    asks: str
    about: str
    steps: tuple[Mapping[str, float], ...]
    base: Mapping[str, float]
    scene: Mapping[str, Any]


def _axis(
    name: str, asks: str, about: str, *steps: Mapping[str, float], base: Mapping[str, float] | None = None, **scene: Any
) -> Axis:
    return Axis(name, asks, about, steps, base or {}, scene)


AXES: dict[str, Axis] = {
    axis.name: axis
    for axis in (
        _axis("calm", "", "nothing but a slow drift"),
        _axis("deform", "robustness", "bending and swelling of the body",
              {"deformation": 0.2}, {"deformation": 0.4}, {"deformation": 0.65}, {"deformation": 0.9}),
        _axis("rotate", "robustness", "in-plane rotation over the video, degrees",
              {"rotation": 30}, {"rotation": 60}, {"rotation": 120}, {"rotation": 240}),
        _axis("turn", "robustness", "out-of-plane rotation, degrees",
              {"turn": 20}, {"turn": 40}, {"turn": 60}, {"turn": 78}),
        _axis("scale", "robustness", "size ratio",
              {"scale": 1.2}, {"scale": 1.4}, {"scale": 1.8}, {"scale": 2.4}, target_size=50.0, roam=0.35),
        _axis("light", "robustness", "swing of the illumination, stops",
              {"light": 0.5}, {"light": 1.0}, {"light": 1.6}, {"light": 2.2}),
        _axis("blur", "robustness", "speed in body lengths per frame, with an open shutter",
              {"speed": 0.08, "exposure": 0.6}, {"speed": 0.15, "exposure": 0.8},
              {"speed": 0.25, "exposure": 0.9}, {"speed": 0.4, "exposure": 1.0}, roam=1.0),
        _axis("occlude", "robustness", "number of times, and share hidden",
              {"occluders": 1, "occlusion": 0.3}, {"occluders": 2, "occlusion": 0.5},
              {"occluders": 2, "occlusion": 0.75}, {"occluders": 2, "occlusion": 1.0}),
        _axis("leave", "robustness", "share of the target that leaves the picture",
              {"leaving": 0.25}, {"leaving": 0.5}, {"leaving": 0.75}, {"leaving": 1.0}),
        _axis("lookalike", "discrimination", "number of distractors of the target's category, and their likeness",
              {"distractors": 1, "likeness": 0.3}, {"distractors": 2, "likeness": 0.6},
              {"distractors": 4, "likeness": 0.8}, {"distractors": 6, "likeness": 0.93},
              # A target that never changes is found by its exact pixels however many look-alikes there are.
              base={"speed": 0.06, "deformation": 0.15, "rotation": 20, "scale": 1.12}, roam=0.4),
        _axis("clutter", "discrimination", "still things in the target's colours, and noise",
              {"clutter": 0.3, "noise": 4}, {"clutter": 0.5, "noise": 7}, {"clutter": 0.75, "noise": 11},
              {"clutter": 1.0, "noise": 16}),
        _axis("coarse", "robustness", "loss of resolution",
              {"resolution": 0.6}, {"resolution": 0.4}, {"resolution": 0.28}, {"resolution": 0.2}),
    )
}  # fmt: skip
"""The axes by name."""


def make_scene(
    axis: str,
    level: int,
    seed: int,
    *,
    category: str = "koi",
    strengths: Mapping[str, float] | None = None,
    **scene: Any,
) -> Scene:
    """Describe the scene at one step of a difficulty axis.

    Scenes of one axis, seed and category show the same target on the same path over the same ground; only the axis' own
    strengths differ. That makes the steps a response curve; several seeds give it an error bar.

    Args:
        axis: A name in `AXES`.
        level: 0 (calm) up to the number of the axis' steps.
        seed: Any whole number from 0.
        category: See `Scene`.
        strengths: Replacements on top of the step, such as another `likeness` for the same number of distractors.
        **scene: Other fields of `Scene` (width, n_frames, target_size, ...).

    Raises:
        UsageError: Unknown axis, level, strength or field, or a value out of its range.
    """
    if axis not in AXES:
        raise unknown_name("difficulty axis", axis, AXES)
    chosen = AXES[axis]
    if not isinstance(level, int) or isinstance(level, bool) or not 0 <= level <= len(chosen.steps):
        raise UsageError(
            f"the difficulty axis {axis!r} has no level {level!r}", remedy=f"Levels: 0 to {len(chosen.steps)}"
        )
    step = chosen.steps[level - 1] if level else {}
    mixed = change(Strengths(), {**chosen.base, **step, **(strengths or {})})
    return Scene.from_dict({"seed": seed, "category": category, **chosen.scene, **scene, "strengths": mixed})
