"""One step of learning: forward, backward, clip, update, average. Nothing in it waits for the device."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from spm_bench.errors import UsageError
from spm_bench.models.spm import SiameseNet, random_siamese
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.step import make_anchors
from spm_bench.training.batch import PairBatch
from spm_bench.training.config import TrainConfig
from spm_bench.training.ema import MovingAverage
from spm_bench.training.forward import Forward, correlation_forward, training_forward
from spm_bench.training.losses import Losses
from spm_bench.training.replicas import Replicas
from spm_bench.training.schedule import chance, learning_rate, norms_frozen

AMP_TYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}
GRADIENT = "gradient"
"""Name of the gradients' norm beside the losses."""

NUMBERS = (*Losses._fields, GRADIENT)
"""What a step reports, in this order."""

SAMPLING = 1
"""Purpose of the generator that samples anchors and proposals; see `chance`."""


class Share(Protocol):
    """A part of a batch, not loaded yet."""

    @property
    def step(self) -> int:
        """0-based step."""

    @property
    def part(self) -> int:
        """Which part."""


class Data(Protocol):
    """Where pairs come from."""

    def shares(self, step: int, count: int) -> Sequence[Any]:
        """The batch of a 0-based step in `count` equal parts."""

    def pairs(self, share: Any) -> PairBatch:
        """Load and augment a part; called from several threads at a time."""


class Learner:
    """A network, its optimiser and its average.

    Args:
        config: The training.
        data: Makes pairs of its shares of a step.
        device: Where it happens.
        replicas: Shares of a batch that are computed at a time, each in a thread; batch norms see one share each.
        initial: Weights to start from; None: random ones, by the seed.

    Attributes:
        data_seconds: Spent so far on waiting for pairs and on augmenting them; on an accelerator, on asking it to.

    Raises:
        UsageError: float16 on a CPU.
    """

    def __init__(
        self,
        config: TrainConfig,
        data: Data,
        device: torch.device,
        *,
        replicas: int = 1,
        initial: Mapping[str, Tensor] | None = None,
    ) -> None:
        if config.amp == "float16" and device.type == "cpu":
            raise UsageError('amp = "float16" needs an accelerator', remedy="Use bfloat16 or off on a CPU")
        self.config, self.data, self.device = config, data, device
        self.architecture = config.network()
        net = random_siamese(config.seed, self.architecture)
        if initial is not None:
            net.load_state_dict(dict(initial))
        self.net = net.to(device)
        if device.type == "cuda":
            self.net.lay_out()
        for block in self.net.cm.z_net.first_blocks(config.held_blocks):
            block.requires_grad_(requires_grad=False)
        self.replicas = Replicas(self.net, replicas)
        self._hold()
        self.average = MovingAverage(self.net, config.ema)
        self.optimizer = make_optimizer(self.net, config)
        self.scaler = torch.amp.GradScaler(device.type, enabled=config.amp == "float16")
        settings = SpmConfig.build(self.architecture.settings)
        if self.architecture.head == "correlation":
            self._forward: Forward = correlation_forward
        else:
            self._forward = partial(
                training_forward,
                class_scale=settings.class_scale,
                box_scale=settings.box_scale,
                fine=config.trains_fine,
            )
        self._anchors = make_anchors(settings, self.net.stride, device)
        self._statistics: bool | None = None
        self.data_seconds = 0.0
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._ahead: tuple[int, Future[Sequence[Any]]] | None = None

    def _hold(self) -> None:
        """Freeze the blocks that are not trained as they are now, with their batch norms' statistics."""
        for net in self.replicas.nets:
            for block in net.cm.z_net.first_blocks(self.config.held_blocks):
                block.freeze(AMP_TYPES.get(self.config.amp))

    def step(self, step: int) -> Tensor:
        """Learn from the batch of a 0-based step; returns the `NUMBERS`, on the device."""
        self._schedule(step)
        began = time.perf_counter()
        shares = self._shares(step)
        self.data_seconds += time.perf_counter() - began
        told = self.replicas.gradients(shares, self._loss)
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.clip_grad_norm_(self.replicas.parameters, self.config.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.average.update(step)
        return torch.cat((torch.stack(told).mean(0), norm.float()[None]))

    def _loss(self, net: SiameseNet, share: Share) -> tuple[Tensor, Tensor]:
        """The loss of one share, times the gradients' scale, and the numbers to tell. Runs in the share's thread."""
        config = self.config
        began = time.perf_counter()
        batch = self.data.pairs(share)
        if share.part == 0:  # the parts take the same time, side by side
            self.data_seconds += time.perf_counter() - began
        seed = chance(config.seed, share.step, share.part, purpose=SAMPLING)
        amp = AMP_TYPES.get(config.amp)
        # Without its cache: that is one for all threads, and any thread that leaves autocast empties it.
        with torch.autocast(self.device.type, dtype=amp, enabled=amp is not None, cache_enabled=False):
            losses = self._forward(
                net,
                batch,
                self._anchors,
                config.targets,
                torch.Generator(self.device).manual_seed(seed),
                weights=config.loss,
            )
        return self.scaler.scale(losses.total), torch.stack([value.detach().float() for value in losses])

    def _shares(self, step: int) -> Sequence[Any]:
        """The batch of a step in parts; the next one is read in the background meanwhile."""
        count = len(self.replicas.nets)
        ahead, self._ahead = self._ahead, None
        current = ahead[1].result() if ahead is not None and ahead[0] == step else self.data.shares(step, count)
        if step + 1 < self.config.steps:
            self._ahead = (step + 1, self._reader.submit(self.data.shares, step + 1, count))
        return current

    def close(self) -> None:
        """End the threads."""
        self._reader.shutdown(cancel_futures=True)
        self.replicas.close()

    def rate(self, step: int) -> float:
        """The learning rate of a 0-based step."""
        config = self.config
        return learning_rate(
            step, config.steps, highest=config.learning_rate, warmup=config.warmup_steps, final=config.final_rate
        )

    def _schedule(self, step: int) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(step) * group["share"]
        statistics = not norms_frozen(step, self.config.steps, self.config.freeze_norm_share)
        if statistics != self._statistics:
            self.replicas.train(statistics=statistics)
            self._statistics = statistics

    def state(self) -> dict[str, Any]:
        """The fields of a checkpoint that are ours."""
        return {
            "model": self.net.state_dict(),
            "ema": self.average.state,
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
        }

    def load(
        self,
        model: Mapping[str, Tensor],
        ema: Mapping[str, Tensor],
        optimizer: Mapping[str, Any],
        scaler: Mapping[str, Any],
    ) -> None:
        """Take over what `state` gave."""
        self.net.load_state_dict(dict(model))
        for copy in self.replicas.nets[1:]:  # parameters are shared, buffers are not
            copy.load_state_dict(dict(model))
        self._hold()
        self.average.load(ema)
        self.optimizer.load_state_dict(dict(optimizer))
        for parameter, moments in self.optimizer.state.items():
            for name, value in moments.items():
                if isinstance(value, Tensor) and value.shape == parameter.shape:  # fused steps want the same layout
                    moments[name] = torch.empty_like(parameter).copy_(value)
        if scaler:
            self.scaler.load_state_dict(dict(scaler))


def make_optimizer(net: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW; matrices and kernels decay, biases and norms do not, and the backbone has its share of the rate."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in net.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((".z_net." in f".{name}", parameter.ndim > 1), []).append(parameter)
    described = [
        {
            "params": parameters,
            "weight_decay": config.weight_decay if decays else 0.0,
            "share": config.backbone_rate if backbone else 1.0,
        }
        for (backbone, decays), parameters in groups.items()
    ]
    fused = next(net.parameters()).is_cuda
    return torch.optim.AdamW(described, lr=config.learning_rate, fused=fused)
