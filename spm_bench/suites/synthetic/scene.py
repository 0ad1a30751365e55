"""The description of one synthetic video: a few numbers from which frames and ground truth follow exactly."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spm_bench.errors import UsageError, unknown_name
from spm_bench.suites.synthetic.categories import find_category
from spm_bench.suites.synthetic.ground import HABITATS

GENERATOR_VERSION = 1
"""Raise it with every change that alters a pixel or a box: it is part of the suite's fingerprint."""


def _number(default: float, low: float, high: float, unit: str) -> Any:
    return field(default=default, metadata={"low": low, "high": high, "unit": unit})


@dataclass(frozen=True)
class Strengths:
    """How strong each challenge is; the defaults are a calm scene.

    Attributes:
        deformation: Smooth bending and swelling of the target's body, 0 (only its own gait) .. 1 (outline not to be
            recognised).
        rotation: Largest in-plane rotation away from the first frame, degrees.
        turn: Largest out-of-plane rotation, degrees: the body is foreshortened, other parts of its skin come into view.
        scale: Largest size ratio to the first frame; it grows and shrinks by it, in an order drawn from the seed.
        light: Swing of the exposure, photographic stops, with shadows that pass, a turning light and a changing tint.
        speed: Motion of the target, in target lengths per frame.
        exposure: Share of the frame interval the shutter is open; the blur is `exposure` x motion.
        occluders: How many foreground objects pass in front of the target, one after the other.
        occlusion: Share of the target's area that each hides when it is right in front; 1 hides it all.
        distractors: How many other objects of the target's category cross its neighbourhood.
        likeness: How much they look like the target: 0 any other of its category, 1 its twin.
        clutter: Still objects in the target's colours on the ground, 0 none .. 1 crowded.
        noise: Sensor noise, standard deviation in grey levels at mid grey.
        camera: Camera shake, pixels.
        leaving: Share of the target that leaves the picture once, halfway.
        resolution: Frames are taken at this share of their resolution and enlarged again.
    """

    deformation: float = _number(0.0, 0.0, 1.0, "")
    rotation: float = _number(0.0, 0.0, 720.0, "degrees")
    turn: float = _number(0.0, 0.0, 80.0, "degrees")
    scale: float = _number(1.0, 1.0, 4.0, "ratio")
    light: float = _number(0.0, 0.0, 3.0, "stops")
    speed: float = _number(0.03, 0.0, 1.0, "target lengths per frame")
    exposure: float = _number(0.25, 0.0, 1.0, "frames")
    occluders: int = _number(0, 0, 8, "")
    occlusion: float = _number(0.0, 0.0, 1.0, "")
    distractors: int = _number(0, 0, 16, "")
    likeness: float = _number(0.5, 0.0, 1.0, "")
    clutter: float = _number(0.15, 0.0, 1.0, "")
    noise: float = _number(2.0, 0.0, 40.0, "grey levels")
    camera: float = _number(1.5, 0.0, 12.0, "pixels")
    leaving: float = _number(0.0, 0.0, 1.0, "")
    resolution: float = _number(1.0, 0.1, 1.0, "")

    def __post_init__(self) -> None:
        _check_numbers(self, "strength")


@dataclass(frozen=True)
class Scene:
    """One video. Equal scenes give equal frames; pickle or store this, never the pictures.

    Attributes:
        seed: Every random choice hangs on it.
        category: What the target is: a name in `categories.CATEGORIES`, or "any-K" (K >= 0), one invented from K.
        habitat: The ground: a name in `ground.HABITATS`; "" takes the category's own.
        width: Of a frame, pixels.
        height: Of a frame, pixels.
        n_frames: Length of the video.
        target_size: Length of the target's longer side in the first frame, pixels.
        roam: Share of the picture in which the target moves, 0 (it stays in the middle) .. 1.
        strengths: The challenges.

    Raises:
        UsageError: A value of the wrong type or out of its range, or an unknown category or habitat.
    """

    seed: int = _number(0, 0, 2**63 - 1, "")
    category: str = "koi"
    habitat: str = ""
    width: int = _number(320, 64, 4096, "pixels")
    height: int = _number(240, 64, 4096, "pixels")
    n_frames: int = _number(36, 1, 100_000, "frames")
    target_size: float = _number(58.0, 8.0, 2048.0, "pixels")
    roam: float = _number(0.6, 0.0, 1.0, "")
    strengths: Strengths = field(default_factory=Strengths)

    def __post_init__(self) -> None:
        _check_numbers(self, "scene field")
        if not isinstance(self.strengths, Strengths):
            raise UsageError(f"strengths must be a Strengths, not {type(self.strengths).__name__}")
        if self.target_size > min(self.width, self.height):
            raise UsageError(
                f"a target of {self.target_size:g} pixels does not fit into {self.width} x {self.height}",
                remedy="Make the picture larger or target_size smaller",
            )
        category = find_category(self.category)
        if self.habitat and self.habitat not in HABITATS:
            raise unknown_name("habitat", self.habitat, HABITATS)
        if not self.habitat:
            object.__setattr__(self, "habitat", category.habitat)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; `from_dict` is the way back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Scene:
        """Build a scene from `to_dict`'s form; absent fields take their defaults.

        Raises:
            UsageError: Unknown field (with the nearest names), or a value that `Scene` refuses.
        """
        known = {f.name for f in dataclasses.fields(cls)}
        for name in values:
            if name not in known:
                raise unknown_name("scene field", name, known)
        plain = dict(values)
        if isinstance(plain.get("strengths"), Mapping):
            plain["strengths"] = change(Strengths(), plain["strengths"])
        return cls(**plain)


def change(strengths: Strengths, values: Mapping[str, Any]) -> Strengths:
    """Return `strengths` with some values replaced.

    Raises:
        UsageError: Unknown strength (with the nearest names), or a value out of its range.
    """
    known = {f.name for f in dataclasses.fields(Strengths)}
    for name in values:
        if name not in known:
            raise unknown_name("strength", name, known)
    return dataclasses.replace(strengths, **values)


def _check_numbers(owner: Strengths | Scene, kind: str) -> None:
    """Check every field that declares a range against it; whole numbers become float where the field is one."""
    for f in dataclasses.fields(owner):
        value, whole = getattr(owner, f.name), f.type == "int"
        if "low" not in f.metadata:
            if f.type == "str" and not isinstance(value, str):
                raise UsageError(f"{kind} {f.name} must be a string, not {value!r}")
            continue
        right_type = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        low, high = f.metadata["low"], f.metadata["high"]
        if not right_type or not math.isfinite(value) or not low <= value <= high:
            unit = f" {f.metadata['unit']}" if f.metadata["unit"] else ""
            wanted = "a whole number" if whole else "a number"
            raise UsageError(f"{kind} {f.name} must be {wanted} from {low:g} to {high:g}{unit}, not {value!r}")
        object.__setattr__(owner, f.name, value if whole else float(value))
