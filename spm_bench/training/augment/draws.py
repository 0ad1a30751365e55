"""Random numbers of one batch, all from one generator, without ever asking the device for a value."""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor


@cache
def constant(values: tuple[float, ...], device: torch.device) -> Tensor:
    """Numbers as a float32 tensor on the device, kept: sending them anew would wait for the device each time."""
    return torch.tensor(values, dtype=torch.float32, device=device)


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
        """Choose pictures, each with this probability, as a sub-batch whose size does not depend on chance.

        A count that depends on chance would have to be read from the device. So ceil(p B) pictures are chosen, and each
        of them is active with the probability that is left.

        Returns:
            n indices (distinct), and n bool that tell which of them are active.
        """
        count = math.ceil(probability * self.size)
        index = self.uniform(self.size).argsort()[:count]
        return index, self.uniform(count) * count < probability * self.size


def rows_of(mask: Tensor) -> Tensor:
    """Indices of the rows that need work: on a CPU those of the mask; on an accelerator all (asking means waiting)."""
    if mask.device.type == "cpu":
        return mask.nonzero()[:, 0]
    return torch.arange(len(mask), device=mask.device)
