"""Who an object is: the random numbers behind its markings, hues and shape, and how two of a kind look alike."""

from __future__ import annotations

import math
from dataclasses import dataclass

from spm_bench.suites.base import FloatArray
from spm_bench.suites.synthetic.noise import generator


@dataclass(frozen=True)
class Identity:
    """A source of standard normal numbers, mixed from one or two individuals of a category.

    Everything that tells instances apart is drawn through `normal`, so one mixing weight rules the likeness of
    markings, hues and shape. Weights keep the variance at one: a look-alike is as varied as any other instance.

    Attributes:
        parts: (seed, weight) of each individual; the squared weights sum to one.
    """

    parts: tuple[tuple[int, float], ...]

    @classmethod
    def of(cls, seed: int) -> Identity:
        """Return the individual of that seed."""
        return cls(((seed, 1.0),))

    def lookalike(self, seed: int, likeness: float) -> Identity:
        """Return the individual `seed`, made to resemble this one: correlation `likeness` (0 unrelated, 1 a twin)."""
        own = math.sqrt(max(0.0, 1.0 - likeness * likeness))
        mixed = (*((s, w * likeness) for s, w in self.parts), (seed, own))
        return Identity(tuple((s, w) for s, w in mixed if w > 0.0))

    def normal(self, what: str, *shape: int) -> FloatArray:
        """Draw the standard normal numbers that decide `what` (a name such as "patches"), of that shape."""
        return sum(
            (w * generator(seed, "identity", what).standard_normal(shape) for seed, w in self.parts[1:]),
            start=self.parts[0][1] * generator(self.parts[0][0], "identity", what).standard_normal(shape),
        )

    def one(self, what: str) -> float:
        """Draw a single number (see `normal`)."""
        return float(self.normal(what, 1)[0])
