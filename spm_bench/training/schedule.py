"""What changes with the step: the learning rate, and whether batch norms still learn. Pure functions."""

from __future__ import annotations

import math

import numpy as np


def learning_rate(step: int, steps: int, *, highest: float, warmup: int, final: float) -> float:
    """Linear rise, then half a cosine.

    Args:
        step: 0-based.
        steps: In all.
        highest: Rate at the end of the rise.
        warmup: Steps of the rise; at most half of all steps are used for it.
        final: Share of `highest` that the cosine would reach one step after the last.

    >>> [round(learning_rate(s, 8, highest=1.0, warmup=2, final=0.0), 3) for s in range(8)]
    [0.5, 1.0, 1.0, 0.933, 0.75, 0.5, 0.25, 0.067]
    """
    rise = min(warmup, steps // 2)
    if step < rise:
        return highest * (step + 1) / rise
    along = (step - rise) / max(steps - rise, 1)
    return highest * (final + (1.0 - final) * 0.5 * (1.0 + math.cos(math.pi * along)))


def norms_frozen(step: int, steps: int, share: float) -> bool:
    """Whether a 0-based step lies in the last `share` of the steps, in which batch norms use their running statistics.

    >>> [norms_frozen(s, 10, 0.2) for s in (0, 7, 8, 9)]
    [False, False, True, True]
    """
    return step >= steps - round(steps * share)


def crosses(step: int, batch: int, every: int) -> bool:
    """Whether the pairs seen pass a multiple of `every` (0: never) in this 0-based step.

    >>> [crosses(step, 4, 10) for step in range(5)]
    [False, False, True, False, True]
    """
    return every > 0 and (step + 1) * batch // every > step * batch // every


def chance(seed: int, step: int, share: int, purpose: int) -> int:
    """The seed of one of the generators of a step: a pure function, so resuming needs no random state.

    Args:
        seed: Of the training.
        step: 0-based.
        share: Share of the batch.
        purpose: Tells generators apart that must not draw the same numbers.
    """
    word = np.random.SeedSequence([seed, step, share, purpose]).generate_state(1, np.uint64)[0]
    return int(word >> np.uint64(1))
