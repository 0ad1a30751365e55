"""The networks of others in plain torch, from the documented layouts of their files: what readers are compared with.

Attribute names are the formats' parameter names; forward passes give class map and box map of a template and a search
image, as the formats order their channels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def randomised(net: nn.Module, seed: int) -> nn.Module:
    """Weights that keep activations about as large as they come, and variances so small that their epsilon matters."""
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            fan_in = module.weight[0].numel()
            module.weight.data = torch.randn(module.weight.shape, generator=generator) * (2 / fan_in) ** 0.5
            if module.bias is not None:
                module.bias.data = torch.randn(module.bias.shape, generator=generator) * 0.1
        elif isinstance(module, nn.BatchNorm2d):
            size = module.weight.shape
            module.running_mean = torch.randn(size, generator=generator) * 0.1
            module.running_var = 10 ** (-6 * torch.rand(size, generator=generator))
            module.weight.data = (torch.rand(size, generator=generator) + 0.5) * module.running_var.sqrt()
            module.bias.data = torch.randn(size, generator=generator) * 0.1
    return net.eval()


def depthwise(kernel: Tensor, search: Tensor) -> Tensor:
    """Correlate channel by channel, one pair."""
    return F.conv2d(search, kernel[0][:, None], groups=kernel.shape[1])


class SiamFcAlexNet(nn.Module):
    """siamfc-pytorch: AlexNetV1 under `backbone`; the head has no parameters."""

    def __init__(self) -> None:
        super().__init__()

        def norm(channels: int) -> nn.Module:
            return nn.BatchNorm2d(channels, eps=1e-6, momentum=0.05)

        self.backbone = nn.Sequential()
        self.backbone.add_module(
            "conv1", nn.Sequential(nn.Conv2d(3, 96, 11, 2), norm(96), nn.ReLU(), nn.MaxPool2d(3, 2))
        )
        self.backbone.add_module(
            "conv2", nn.Sequential(nn.Conv2d(96, 256, 5, groups=2), norm(256), nn.ReLU(), nn.MaxPool2d(3, 2))
        )
        self.backbone.add_module("conv3", nn.Sequential(nn.Conv2d(256, 384, 3), norm(384), nn.ReLU()))
        self.backbone.add_module("conv4", nn.Sequential(nn.Conv2d(384, 384, 3, groups=2), norm(384), nn.ReLU()))
        self.backbone.add_module("conv5", nn.Sequential(nn.Conv2d(384, 256, 3, groups=2)))

    def forward(self, template: Tensor, search: Tensor) -> tuple[Tensor, Tensor]:
        """BGR images of 0 .. 255; the port itself turns them into RGB."""
        kernel, cells = self.backbone(template.flip(1)), self.backbone(search.flip(1))
        return F.conv2d(cells, kernel) * 0.001, search.new_empty(1, 0, 17, 17)


def numbered(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The names of siamfc-pytorch's first year."""
    first = {1: 0, 2: 4, 3: 8, 4: 11, 5: 14}

    def name(old: str) -> str:
        _, block, place, parameter = old.split(".")
        return f"feature.{first[int(block[-1])] + int(place)}.{parameter}"

    return {name(old): tensor for old, tensor in state.items()}


def alexnet_layers(width: int = 1) -> list[list[nn.Module]]:
    """PySOT's and DaSiamRPN's AlexNet, block by block."""
    a, b, c, d, e = (width * n for n in (96, 256, 384, 384, 256))
    return [
        [nn.Conv2d(3, a, 11, 2), nn.BatchNorm2d(a), nn.MaxPool2d(3, 2), nn.ReLU()],
        [nn.Conv2d(a, b, 5), nn.BatchNorm2d(b), nn.MaxPool2d(3, 2), nn.ReLU()],
        [nn.Conv2d(b, c, 3), nn.BatchNorm2d(c), nn.ReLU()],
        [nn.Conv2d(c, d, 3), nn.BatchNorm2d(d), nn.ReLU()],
        [nn.Conv2d(d, e, 3), nn.BatchNorm2d(e)],
    ]


class PySotBranch(nn.Module):
    """One branch of PySOT's depth-wise head."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.conv_kernel = nn.Sequential(nn.Conv2d(inputs, hidden, 3, bias=False), nn.BatchNorm2d(hidden), nn.ReLU())
        self.conv_search = nn.Sequential(nn.Conv2d(inputs, hidden, 3, bias=False), nn.BatchNorm2d(hidden), nn.ReLU())
        self.head = nn.Sequential(
            nn.Conv2d(hidden, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU(), nn.Conv2d(hidden, outputs, 1)
        )

    def forward(self, template: Tensor, search: Tensor) -> Tensor:
        """Cells of both to the branch's map."""
        out: Tensor = self.head(depthwise(self.conv_kernel(template), self.conv_search(search)))
        return out


class PySotHead(nn.Module):
    """Class and box branch."""

    def __init__(self, inputs: int = 256, hidden: int = 256) -> None:
        super().__init__()
        self.cls, self.loc = PySotBranch(inputs, hidden, 10), PySotBranch(inputs, hidden, 20)

    def forward(self, template: Tensor, search: Tensor) -> tuple[Tensor, Tensor]:
        """Cells of both to both maps."""
        return self.cls(template, search), self.loc(template, search)


class PySotAlexNet(nn.Module):
    """siamrpn_alex_dwxcorr, with either naming of the backbone."""

    def __init__(self, *, legacy: bool = True) -> None:
        super().__init__()
        layers = alexnet_layers()
        self.backbone = nn.Sequential()
        if legacy:
            self.backbone.add_module("features", nn.Sequential(*(layer for block in layers for layer in block)))
        else:
            for number, block in enumerate(layers, start=1):
                self.backbone.add_module(f"layer{number}", nn.Sequential(*block))
        self.rpn_head = PySotHead()

    def forward(self, template: Tensor, search: Tensor) -> tuple[Tensor, Tensor]:
        """BGR images of 0 .. 255."""
        maps: tuple[Tensor, Tensor] = self.rpn_head(self.backbone(template), self.backbone(search))
        return maps


class DaSiamRpn(nn.Module):
    """SiamRPNVOT, SiamRPNOTB, and with width 2 SiamRPNBIG."""

    def __init__(self, width: int = 1) -> None:
        super().__init__()
        channels = 256 * width
        self.featureExtract = nn.Sequential(*(layer for block in alexnet_layers(width) for layer in block))
        self.conv_r1, self.conv_r2 = nn.Conv2d(channels, channels * 20, 3), nn.Conv2d(channels, channels, 3)
        self.conv_cls1, self.conv_cls2 = nn.Conv2d(channels, channels * 10, 3), nn.Conv2d(channels, channels, 3)
        self.regress_adjust = nn.Conv2d(20, 20, 1)

    def forward(self, template: Tensor, search: Tensor) -> tuple[Tensor, Tensor]:
        """BGR images of 0 .. 255."""
        z, x = self.featureExtract(template), self.featureExtract(search)
        classes, boxes = self.conv_cls1(z).view(10, -1, 4, 4), self.conv_r1(z).view(20, -1, 4, 4)
        return F.conv2d(self.conv_cls2(x), classes), self.regress_adjust(F.conv2d(self.conv_r2(x), boxes))


def images(template: int, search: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two pictures of 0 .. 255."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.rand(1, 3, size, size, generator=generator) * 255 for size in (template, search))  # type: ignore[return-value]
