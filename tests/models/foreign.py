"""The networks of others in plain torch, from the documented layouts of their files: what readers are compared with.

Attribute names are the formats' parameter names; forward passes give class map and box map of a template and a search
image, as the formats order their channels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


def randomised(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Weights that keep activations about as large as they come, and variances so small that their epsilon matters."""
    generator = torch.Generator().manual_seed(seed)
    with torch.device("meta"):  # without torch's own first weights, which take longer than all that is done with them
        net = make()
    net.to_empty(device="cpu")
    for name, tensor in net.state_dict(keep_vars=True).items():
        if name.endswith("running_var"):
            tensor.data.uniform_(-6, 0, generator=generator).mul_(np.log(10)).exp_()
        elif name.endswith("num_batches_tracked"):
            tensor.zero_()
        else:
            deviation = (2 / tensor[0].numel()) ** 0.5 if tensor.ndim > 1 else 0.1
            tensor.data.normal_(0, deviation, generator=generator)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_var is not None
            module.weight.data.add_(1).mul_(module.running_var.sqrt())
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


def layered(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The names of PySOT's newer AlexNet."""
    first = {0: 1, 4: 2, 8: 3, 11: 4, 14: 5}

    def name(old: str) -> str:
        if not old.startswith("backbone."):
            return old
        _, _, place, parameter = old.split(".")
        start = max(n for n in first if n <= int(place))
        return f"backbone.layer{first[start]}.{int(place) - start}.{parameter}"

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
    """siamrpn_alex_dwxcorr, with the "legacy" naming of the backbone."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential()
        self.backbone.add_module("features", nn.Sequential(*(layer for block in alexnet_layers() for layer in block)))
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


class PySiamSpm(nn.Module):
    """PySiamTracking's spm_alexnet; `coarse` and `fine` are its stages."""

    def __init__(self) -> None:
        super().__init__()
        plans = ((3, 64, 11, 2, True), (64, 192, 5, 1, True), (192, 384, 3, 1, False))
        plans = (*plans, (384, 256, 3, 1, False), (256, 256, 3, 1, False))
        self.z_net = nn.Module()
        self._pools = [plan[4] for plan in plans]
        for number, (inputs, outputs, kernel, stride, _) in enumerate(plans, start=1):
            conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)
            block = nn.Module()
            block.add_module("conv", conv)
            self.z_net.add_module(f"conv{number}", block)
        self.cm_fusion, self.cm_head = nn.Module(), nn.Module()
        self.cm_fusion.z_conv = nn.ModuleList(nn.Conv2d(256, n * 256, 3) for n in (10, 20))
        self.cm_fusion.x_conv = nn.ModuleList(nn.Conv2d(256, 256, 3) for _ in (10, 20))
        self.cm_head.cls_convs = nn.Sequential(nn.Conv2d(10, 10, 1))
        self.cm_head.reg_convs = nn.Sequential(nn.Conv2d(20, 20, 1))
        self.fm_fusion, self.fm_head = nn.Module(), nn.Module()
        self.fm_fusion.post_convs = nn.Sequential(nn.Conv2d((192 + 256) * 2, 256, 1), nn.ReLU())
        self.fm_head.feat_fcs = nn.Sequential(nn.Linear(256 * 36, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU())
        self.fm_head.cls_fc, self.fm_head.reg_fc = nn.Linear(256, 2), nn.Linear(256, 4)

    def maps(self, image: Tensor) -> dict[str, Tensor]:
        """All blocks of a BGR image of 0 .. 255."""
        x = image.flip(1) / 255
        x = (x - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[
            :, None, None
        ]
        found = {}
        for number, pool in enumerate(self._pools, start=1):
            x = self.z_net.get_submodule(f"conv{number}.conv")(x).relu()
            x = found[f"conv{number}"] = F.max_pool2d(x, 3, 2, 1) if pool else x
        return found

    def coarse(self, template: Tensor, search: Tensor) -> tuple[Tensor, Tensor]:
        """Class map (anchor * 2 + class) and box map (anchor * 4 + coordinate) of two images of 255 pixels."""
        z, x = self.maps(template)["conv5"][:, :, 13:19, 13:19], self.maps(search)["conv5"][:, :, 5:27, 5:27]
        out = []
        for i, head in enumerate((self.cm_head.cls_convs, self.cm_head.reg_convs)):
            kernel = self.cm_fusion.z_conv[i](z).view(-1, 256, 4, 4)
            out.append(head(F.conv2d(self.cm_fusion.x_conv[i](x), kernel)))
        return out[0], out[1]

    def fine(
        self, template: Tensor, search: Tensor, box: list[float], boxes: list[list[float]]
    ) -> tuple[Tensor, Tensor]:
        """Class logits K x 2 and deltas K x 4 of boxes (corners) in the search image, against a template's box."""
        z, x = (
            [torch.cat([roi_by_thirds(maps[name][0], b) for name in ("conv2", "conv4")]) for b in some]
            for maps, some in ((self.maps(template), [box]), (self.maps(search), boxes))
        )
        both = torch.stack([torch.cat((z[0], roi)) for roi in x])
        hidden = self.fm_head.feat_fcs(self.fm_fusion.post_convs(both).flatten(1))
        return self.fm_head.cls_fc(hidden), self.fm_head.reg_fc(hidden)


def roi_by_thirds(maps: Tensor, box: list[float], size: int = 255) -> Tensor:
    """6 x 6 bins of a box, each the mean of 2 x 2 samples at its thirds; C x H x W to C x 6 x 6, in plain loops."""
    extent = maps.shape[-1]
    shift = (extent - 1) / 2 * 8 - (size - 1) / 2
    x1, y1, x2, y2 = ((value + shift) / 8 for value in box)

    def neighbours(position: float) -> list[tuple[int, float]]:
        if position < -1 or position > extent:
            return []
        position = min(max(position, 0.0), extent - 1.0)
        low = min(int(position), extent - 2)
        return [(low, 1 - (position - low)), (low + 1, position - low)]

    out = torch.zeros(maps.shape[0], 6, 6)
    for i in range(6):
        for j in range(6):
            for a in (1 / 3, 2 / 3):
                for b in (1 / 3, 2 / 3):
                    for row, down in neighbours(y1 + (i + a) * (y2 - y1) / 6):
                        for column, right in neighbours(x1 + (j + b) * (x2 - x1) / 6):
                            out[:, i, j] += maps[:, row, column] * down * right / 4
    return out


class InvertedResidual(nn.Module):
    """PySOT's bottleneck."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int, dilation: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        padding = dilation if dilation > 1 else 2 - stride
        self.adds = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(),
            nn.Conv2d(hidden, hidden, 3, stride, padding, dilation, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Cells to cells."""
        out: Tensor = self.conv(x)
        return x + out if self.adds else out


class PySotMobileNet(nn.Module):
    """siamrpn_mobilev2_l234_dwxcorr: the layers 3, 5 and 7 of MobileNetV2 at width 1.4, each with a head."""

    BOTTLENECKS = (
        ((44, 22, 1, 1, 1),),
        ((22, 33, 2, 6, 1), (33, 33, 1, 6, 1)),
        ((33, 44, 2, 6, 1), (44, 44, 1, 6, 1), (44, 44, 1, 6, 1)),
        ((44, 89, 1, 6, 1), (89, 89, 1, 6, 2), (89, 89, 1, 6, 2), (89, 89, 1, 6, 2)),
        ((89, 134, 1, 6, 2), (134, 134, 1, 6, 2), (134, 134, 1, 6, 2)),
        ((134, 224, 1, 6, 2), (224, 224, 1, 6, 4), (224, 224, 1, 6, 4)),
        ((224, 448, 1, 6, 4),),
    )

    def __init__(self, *, weighted: bool = False) -> None:
        super().__init__()
        self.backbone, self.neck, self.rpn_head = nn.Module(), nn.Module(), nn.Module()
        stem = nn.Sequential(nn.Conv2d(3, 44, 3, 2, bias=False), nn.BatchNorm2d(44), nn.ReLU6())
        self.backbone.add_module("layer0", stem)
        for number, rows in enumerate(self.BOTTLENECKS, start=1):
            self.backbone.add_module(f"layer{number}", nn.Sequential(*(InvertedResidual(*row) for row in rows)))
        for number, channels in zip((2, 3, 4), (44, 134, 448), strict=True):
            adjust = nn.Module()
            adjust.downsample = nn.Sequential(nn.Conv2d(channels, 256, 1, bias=False), nn.BatchNorm2d(256))
            self.neck.add_module(f"downsample{number}", adjust)
            self.rpn_head.add_module(f"rpn{number}", PySotHead())
        if weighted:
            self.rpn_head.cls_weight, self.rpn_head.loc_weight = (nn.Parameter(torch.zeros(3)) for _ in range(2))

    def cells(self, x: Tensor) -> list[Tensor]:
        """The three layers of an image, adjusted."""
        found = []
        for number in range(8):
            x = self.backbone.get_submodule(f"layer{number}")(x)
            if number in (3, 5, 7):
                cells = self.neck.get_submodule(f"downsample{2 + len(found)}.downsample")(x)
                found.append(cells[:, :, 4:11, 4:11] if cells.shape[-1] == 15 else cells)
        return found

    def forward(self, template: Tensor, search: Tensor) -> tuple[Tensor, Tensor]:
        """BGR images of 0 .. 255."""
        heads = [self.rpn_head.get_submodule(f"rpn{number}") for number in (2, 3, 4)]
        maps = [head(z, x) for head, z, x in zip(heads, self.cells(template), self.cells(search), strict=True)]
        out = []
        for i, name in enumerate(("cls_weight", "loc_weight")):
            weight = getattr(self.rpn_head, name, torch.zeros(3)).softmax(0)
            out.append(sum(share * both[i] for share, both in zip(weight, maps, strict=True)))
        return tuple(out)  # type: ignore[return-value]
