"""Augmentation of training pairs, batched on the device: stored pictures in, crops and their labels out.

Warps (`geometry`), reading pictures through them (`sampling`), pasting objects (`paste`), occluders (`occlude`),
colour, blur and noise (`colour`, `degrade`), and the walk through all of them (`compose`). `settings` says how strong
each part is.
"""

from spm_bench.training.augment.compose import augment
from spm_bench.training.augment.settings import AugmentSettings

__all__ = ["AugmentSettings", "augment"]
