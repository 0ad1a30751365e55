"""How strong each part of the augmentation is. All values are choices of this project; the paper gives none."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from spm_bench.errors import UsageError

SHARES = frozenset(
    {
        "search_rotation_share",
        "template_rotation_share",
        "flip",
        "flip_one",
        "mirror_border",
        "colour",
        "colour_own",
        "greyscale",
        "curve",
        "blur",
        "motion",
        "template_blur",
        "low_resolution",
        "noise",
        "occlude",
        "occlude_target",
        "occlude_most",
        "distractor",
        "paste_cover",
    }
)
"""Fields that are probabilities or shares, 0 .. 1; every other field is a strength, 0 or more."""

LARGEST_SHIFT = 130.0
"""Pixels; beyond this a target's centre would leave the search crop (its middle is at 135.5)."""


@dataclass(frozen=True)
class AugmentSettings:
    """What may happen to a pair; defaults are strong, for little data. 0 switches a part off.

    Lengths are pixels of the 271-pixel crop, angles degrees, sizes and aspects natural logarithms of a ratio; a value
    s means uniform in [-s, s] unless told otherwise.

    Attributes:
        search_shift: Target's centre from the middle of the search crop, uniform over a box. The anchors' centres span
            63.5 .. 207.5, so 72 reaches their ends.
        search_scale: Size of the search crop's content.
        search_aspect: Its width over its height.
        search_rotation: Its rotation, in `search_rotation_share` of the pairs.
        template_shift, template_scale, template_aspect, template_rotation, template_rotation_share: The same for the
            template; small, because a start box is precise.
        flip: Probability that both crops are mirrored left to right.
        flip_one: Probability that one of them (the search) is mirrored once more.
        mirror_border: Probability that the search picture goes on as its mirror image beyond its border instead of in
            its mean colour. Stored crops end near the target, and the place of the fill would tell where it is.
        colour: Probability of the colour changes of the next four lines.
        brightness: Grey levels added.
        contrast: Log factor of the distance from middle grey.
        saturation: Share by which colours move from (or over) their grey value.
        hue: Rotation about the grey axis.
        colour_own: Share of these strengths that template and search draw for themselves; they share the rest.
        greyscale: Probability that both become grey.
        curve, curve_strength: Probability and strength of a tone curve x + k x (1 - x / 255), much like a gamma.
        blur, blur_sigma: Probability of a Gaussian blur of the search crop; largest sigma (at most 2).
        motion, motion_length: Probability of a motion blur of the search crop; longest way (at most 9).
        template_blur: Probability of either on the template.
        low_resolution: Probability that a crop (drawn for both) is shrunk and enlarged again.
        noise, noise_sigma: Probability and largest standard deviation of noise in grey levels, drawn for both crops.
        occlude: Probability of an occluder in the search crop.
        occlude_target: Share of these that cover the target; the others lie anywhere.
        occlude_most: Largest share of the target's box that is covered.
        distractor: Probability that the object of an extra picture, where the plan gives one, is pasted in.
        paste_cover: Largest share of the target's box that a pasted distractor may cover.
        paste_scale: Size of a pasted distractor against that of a target.
    """

    search_shift: float = 72.0
    search_scale: float = 0.28
    search_aspect: float = 0.15
    search_rotation: float = 15.0
    search_rotation_share: float = 0.4
    template_shift: float = 4.0
    template_scale: float = 0.05
    template_aspect: float = 0.04
    template_rotation: float = 5.0
    template_rotation_share: float = 0.2
    flip: float = 0.5
    flip_one: float = 0.1
    mirror_border: float = 0.5
    colour: float = 0.8
    brightness: float = 32.0
    contrast: float = 0.3
    saturation: float = 0.4
    hue: float = 20.0
    colour_own: float = 0.5
    greyscale: float = 0.12
    curve: float = 0.25
    curve_strength: float = 0.5
    blur: float = 0.12
    blur_sigma: float = 2.0
    motion: float = 0.15
    motion_length: float = 9.0
    template_blur: float = 0.06
    low_resolution: float = 0.1
    noise: float = 0.12
    noise_sigma: float = 10.0
    occlude: float = 0.25
    occlude_target: float = 0.6
    occlude_most: float = 0.5
    distractor: float = 1.0
    paste_cover: float = 0.2
    paste_scale: float = 0.35

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            UsageError: A share outside 0 .. 1, a negative or infinite strength, or a shift that loses the target.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            most = 1.0 if field.name in SHARES else _MOST.get(field.name, 1e6)
            if not (math.isfinite(value) and 0.0 <= value <= most):
                raise UsageError(f"{field.name} is {value}, but must be from 0 to {most:g}", where="augmentation")
        if self.blur + self.motion > 1.0:
            raise UsageError("blur and motion are probabilities of one choice, so at most 1 together")

    @classmethod
    def off(cls) -> AugmentSettings:
        """No augmentation at all: crops and labels exactly as at inference."""
        keep = {"paste_cover"}
        return cls(**{field.name: 0.0 for field in fields(cls) if field.name not in keep})


_MOST = {
    "search_shift": LARGEST_SHIFT,
    "template_shift": LARGEST_SHIFT,
    "search_scale": 1.5,
    "template_scale": 1.5,
    "paste_scale": 1.5,
    "search_aspect": 1.0,
    "template_aspect": 1.0,
    "search_rotation": 180.0,
    "template_rotation": 180.0,
    "hue": 180.0,
    "brightness": 255.0,
    "contrast": 2.0,
    "curve_strength": 1.0,  # beyond, the curve is no longer monotonous
    "blur_sigma": 2.0,  # what a kernel of 9 pixels holds
    "motion_length": 9.0,
    "noise_sigma": 128.0,
}
