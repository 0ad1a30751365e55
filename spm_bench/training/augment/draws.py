"""Random numbers of one batch, all from one generator, without ever asking an accelerator for a value."""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor


@cache
def constant(values: tuple[float, ...], device: torch.device) -> Tensor:
    """Numbers as a float32 tensor on the device, kept: sending them anew would wait for the device each time."""
    return torch.tensor(values, dtype=torch.float32, device=device)


def may_ask(device: torch.device) -> bool:
    """Whether values may decide what is computed: on a CPU; an accelerator would have to be waited for."""
    return device.type == "cpu"


class Draws:
    """A source of chance for B pairs.

    Args:
        generator: Where all randomness comes from; on the device of the batch.
        size: B.
    """

    def __init__(self, generator: torch.Generator, size: int) -> None:
        self.generator, self.size = generator, size

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Uniform in [low, high)."""
        draw = torch.rand(shape, generator=self.generator, device=self.generator.device)
        return draw if (low, high) == (0.0, 1.0) else draw.mul_(high - low).add_(low)

    def within(self, strength: float, *shape: int) -> Tensor:
        """Uniform in [-strength, strength), of shape B unless told otherwise."""
        return self.uniform(*(shape or (self.size,)), low=-strength, high=strength)

    def chance(self, probability: float) -> Tensor:
        """B bool, each true with this probability."""
        return self.uniform(self.size) < probability

    def some(self, probability: float) -> tuple[Tensor, Tensor]:
        """Choose pictures, each with this probability.

        A count that depends on chance would have to be read from an accelerator, which means waiting. So there
        ceil(p B) pictures are chosen, and each of them is active with the probability that is left.

        Returns:
            n indices (distinct), and n bool that tell which of them are active.
        """
        if may_ask(self.generator.device):
            index = self.chance(probability).nonzero()[:, 0]
            return index, torch.ones_like(index, dtype=torch.bool)
        count = math.ceil(probability * self.size)
        index = self.uniform(self.size).argsort()[:count]
        return index, self.uniform(count) * count < probability * self.size


def rows_of(mask: Tensor) -> Tensor:
    """Indices of the rows that need work: those of the mask where that may be asked, else all."""
    if may_ask(mask.device):
        return mask.nonzero()[:, 0]
    return torch.arange(len(mask), device=mask.device)
