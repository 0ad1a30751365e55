"""Data parallelism by threads: copies of a network that share the parameters, each on one share of the batch.

On a few CPU cores this beats threads inside the operators: every core walks through a whole forward and backward pass
and waits only at the end of the step, and the result does not depend on timing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor

from spm_bench.models.spm import SiameseNet

Share = TypeVar("Share")
Told = TypeVar("Told")


class Replicas:
    """Computes gradients of one network on several shares of a batch at a time.

    Args:
        net: The network; its parameters receive the gradients, its buffers (batch statistics) the copies' mean.
        count: Shares per batch; 1 computes in the calling thread.
    """

    def __init__(self, net: SiameseNet, count: int) -> None:
        shared = list(net.parameters())
        self.parameters = [p for p in shared if p.requires_grad]
        copies = [copy.deepcopy(net, {id(p): p for p in shared}) for _ in range(count - 1)]
        self.nets = [net, *copies]
        self.pool = ThreadPoolExecutor(count, thread_name_prefix="replica") if count > 1 else None

    def gradients(
        self, shares: Sequence[Share], loss: Callable[[SiameseNet, Share], tuple[Tensor, Told]]
    ) -> list[Told]:
        """Put the mean gradient over the shares into the parameters.

        Args:
            shares: One per replica.
            loss: (network, share) -> scalar loss (a mean over the share) and whatever is to be told about it.

        Returns:
            What was told, in the order of the shares.
        """

        def work(net: SiameseNet, share: Share) -> tuple[Sequence[Tensor | None], Told]:
            value, told = loss(net, share)
            return torch.autograd.grad(value, self.parameters, allow_unused=True), told

        mapped = map if self.pool is None else self.pool.map
        results = list(mapped(work, self.nets, shares))
        for parameter, *grads in zip(self.parameters, *(grads for grads, _ in results), strict=True):
            there = [g for g in grads if g is not None]
            parameter.grad = sum(there[1:], start=there[0]) / len(grads) if there else None
        self._join_buffers()
        return [told for _, told in results]

    def train(self, *, statistics: bool) -> None:
        """Set all copies to training; without `statistics` batch norms use and keep what they have gathered."""
        for net in self.nets:
            net.train()
            if not statistics:
                for module in net.modules():
                    if isinstance(module, torch.nn.BatchNorm2d):
                        module.eval()

    @torch.no_grad()
    def _join_buffers(self) -> None:
        if len(self.nets) == 1:
            return
        for first, *others in zip(*(net.buffers() for net in self.nets), strict=True):
            if first.is_floating_point():
                first.add_(sum(others[1:], start=others[0])).div_(len(self.nets))
            for other in others:
                other.copy_(first)

    def close(self) -> None:
        """End the threads."""
        if self.pool is not None:
            self.pool.shutdown()
