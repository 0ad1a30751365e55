"""A tracker that is told the ground truth: an upper bound when perfect, a controlled patient for tests when not."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from spm_bench.errors import TrackerError, UsageError, unknown_name
from spm_bench.suites.base import Frame, Sequence
from spm_bench.trackers.base import Box, TrackerSpec

OPTIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "base": {},
        "noisy": {"noise": 0.1, "scale_noise": 0.1},
        "forgetful": {"noise": 0.1, "scale_noise": 0.1, "loss": 0.02},
    }
)
"""Variant -> constructor options. Loss 0.02 fails every 50 frames on average: even short VOT sequences restart."""


class OracleTracker:
    """Returns the ground truth, disturbed by seeded noise; for tests and upper bounds only.

    It is `Seeded` and `SequenceAware`. In frames without a usable annotation it repeats its last box.

    Args:
        noise: Standard deviation of the centre's offset, as a share of the side in that direction.
        scale_noise: Standard deviation of the logarithm of each side's factor.
        loss: Probability, per frame, of losing the target; from then on the box stands still outside the image, where
            it touches no target, until the next `init`.
        seed: Seed of the noise until the engine sets one.

    Raises:
        UsageError: A negative option, or a loss above 1.
    """

    deterministic = False
    looks_at_pictures = False

    def __init__(self, noise: float = 0.0, scale_noise: float = 0.0, loss: float = 0.0, seed: int = 0) -> None:
        if min(noise, scale_noise, loss) < 0 or loss > 1:
            raise UsageError("noise, scale_noise and loss of the oracle must not be negative, nor loss above 1")
        self.noise, self.scale_noise, self.loss = noise, scale_noise, loss
        # A perfect oracle uses no chance: one repetition says it all.
        self.deterministic = noise == scale_noise == loss == 0
        self._answers: Box | None = None
        self.seed(seed)

    @classmethod
    def resolve(cls, *, name: str, variant: str | None, weights: str | None, device: str) -> TrackerSpec:  # noqa: ARG003
        """Describe a variant (see `OPTIONS`).

        Raises:
            UsageError: No such variant, or weights were given.
        """
        variant = variant or "base"
        if variant not in OPTIONS:
            raise unknown_name(f"variant of {name}", variant, OPTIONS)
        if weights is not None:
            raise UsageError(f"{name} has no weights", remedy="Leave --weights out")
        target = f"{cls.__module__}:{cls.__qualname__}"
        return TrackerSpec(name=name, target=target, variant=variant, options=dict(OPTIONS[variant]))

    def seed(self, seed: int) -> None:
        """Start the noise anew."""
        self._rng = np.random.default_rng(seed)

    def begin(self, sequence: Sequence, index: int) -> None:
        """Take the answers of `sequence` from frame `index` on."""
        self._answers, self._next = sequence.ground_truth, index

    def init(self, frame: Frame, box: Box) -> None:  # noqa: ARG002
        """Start in the frame given to `begin`.

        Raises:
            TrackerError: `begin` was not called: this tracker runs only where the ground truth is known.
        """
        if self._answers is None:
            raise TrackerError(
                "the oracle was not told the sequence", remedy="It runs under our own protocols only, not in a toolkit"
            )
        self._box = np.array(box, dtype=np.float64)
        self._lost = False
        self._next += 1

    def update(self, frame: Frame) -> Box:
        """Return the disturbed ground truth of the next frame."""
        assert self._answers is not None, "update before init"
        truth = self._answers[self._next]
        self._next += 1
        # Always the same number of draws per frame, so that one option does not shift the noise of another.
        shift, scale, luck = self._rng.standard_normal(2), self._rng.standard_normal(2), self._rng.random()
        if not self._lost and luck < self.loss:
            self._lost = True
            self._box[:2] = 2 * frame.shape[1], 2 * frame.shape[0]
        if not self._lost and np.isfinite(truth).all() and (truth[2:] > 0).all():
            self._box = self._disturb(truth, shift, scale)
        return self._box.copy()

    def _disturb(self, truth: Box, shift: Box, scale: Box) -> Box:
        if self.deterministic:
            return truth.copy()
        size = truth[2:] * np.exp(self.scale_noise * scale)
        centre = truth[:2] + truth[2:] * (0.5 + self.noise * shift)
        return np.concatenate([centre - size / 2, size])
