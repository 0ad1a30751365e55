"""The moving average of a network's weights: what is validated and kept."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class MovingAverage:
    """Exponential moving average of all floating-point entries of a state dict; others are copied.

    The decay grows as (1 + t) / (10 + t) up to its value, so that the first weights, which are random, are forgotten
    (the rule of TensorFlow's moving averages).

    Args:
        net: The network to follow; stays on its device.
        decay: Share of the old average that a step keeps.
    """

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.decay = decay
        self._live = dict(net.state_dict())
        self.state = {name: value.detach().clone() for name, value in self._live.items()}
        self._floats = [name for name, value in self._live.items() if value.is_floating_point()]
        self._others = [name for name in self._live if name not in set(self._floats)]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the network after its 0-based step."""
        decay = min(self.decay, (1 + step) / (10 + step))
        averages, live = ([state[name] for name in self._floats] for state in (self.state, self._live))
        torch._foreach_lerp_(averages, live, 1.0 - decay)
        for name in self._others:
            self.state[name].copy_(self._live[name])

    @torch.no_grad()
    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take a stored average over."""
        for name, value in self.state.items():
            value.copy_(state[name])
