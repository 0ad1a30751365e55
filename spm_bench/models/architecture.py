"""What the networks of the Siamese family are made of: a few numbers each, one code for all.

All share the geometry of the released model (stride 8, cells centred on pixels 8 i, 6 x 6 template and 24 x 24 search
cells, a 19 x 19 response), so anchors, proposals and settings mean the same for each of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

from spm_bench.errors import UsageError, unknown_name

Backbone = Literal["blocks", "mobilenet_v2"]
FineLayer = Literal["conv2", "conv4"]
Head = Literal["up_channel", "depthwise", "correlation"]
HEADS: tuple[Head, ...] = get_args(Head)


@dataclass(frozen=True)
class BlockPlan:
    """One block of the backbone.

    Attributes:
        channels: Outputs.
        kernel: Side of the convolution's kernel.
        stride: Its stride.
        groups: Its groups.
        pool: Whether a 3 x 3 maximum with stride 2 follows.
    """

    channels: int
    kernel: int = 3
    stride: int = 1
    groups: int = 1
    pool: bool = False


MOBILENET_OUTPUTS = 3 * 256
"""Of PySOT's MobileNetV2: three layers, adjusted to 256 channels each, one upon the other."""


@dataclass(frozen=True)
class Architecture:
    """A network of the Siamese family: SPM, and its rivals SiamFC and SiamRPN, which have no fine stage.

    Attributes:
        name: As written into checkpoints.
        blocks: The five blocks of the backbone; strides and poolings multiply to 8.
        backbone: "blocks", made of those, or "mobilenet_v2", which has none: `spm_bench.models.mobilenet`.
        norm: "lrn" after each pooling (AlexNet), "batch" after every convolution, folded away at inference, or "none".
        head: Correlation of the coarse stage: "up_channel" (SiamRPN), "depthwise" (SiamRPN++), or "correlation", which
            gives one score per cell and no boxes (SiamFC).
        head_channels: Channels that are correlated.
        head_groups: Parts of conv5 that a depth-wise head keeps apart until its last layer, as SiamRPN++ does with the
            layers it looks at.
        last_relu: Whether conv5 ends in a ReLU.
        embedding: Whether a "correlation" head has a convolution of its own; without it conv5 itself is correlated.
        fine_layers: Backbone blocks that the fine stage cuts its RoIs from, in this order; none: there is no
            fine stage.
        fine_centred: Whether the fine stage takes the middle of a padded map for the middle of the image, where in fact
            cell 0 is centred on pixel 0.
        fine_channels: Outputs of the fine stage's convolution.
        fine_hidden: Width of its linear layers.
        settings: Changes to the tracker's defaults that these networks need.
    """

    name: str
    blocks: tuple[BlockPlan, ...] = ()
    backbone: Backbone = "blocks"
    norm: Literal["lrn", "batch", "none"] = "lrn"
    head: Head = "up_channel"
    head_channels: int = 256
    head_groups: int = 1
    last_relu: bool = True
    embedding: bool = True
    fine_layers: tuple[FineLayer, ...] = ("conv4", "conv2")
    fine_centred: bool = False
    fine_channels: int = 256
    fine_hidden: int = 256
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problem = next(_faults(self), None)
        if problem is not None:
            raise UsageError(f"the architecture {self.name} makes no network: {problem}")

    @property
    def two_stages(self) -> bool:
        """Whether there is a fine stage."""
        return bool(self.fine_layers)

    @property
    def trunk(self) -> tuple[object, ...]:
        """What makes two backbones the same: their blocks, what normalises them, and how they end."""
        return self.backbone, self.blocks, self.norm, self.last_relu

    def channels(self, layer: str) -> int:
        """Outputs of a block named "conv1" .. "conv5"; of MobileNetV2 conv5 is what its head looks at."""
        if self.backbone == "mobilenet_v2":
            return MOBILENET_OUTPUTS
        return self.blocks[int(layer.removeprefix("conv")) - 1].channels

    def changed(self, changes: Mapping[str, Any]) -> Architecture:
        """A variation of this architecture, for ablations.

        Raises:
            UsageError: Unknown field, or values that make no network.
        """
        allowed = tuple(name for name in self.__dataclass_fields__ if name not in ("name", "settings"))
        for name in changes:
            if name not in allowed:
                raise unknown_name("part of an architecture", name, allowed)
        try:
            values = _typed(changes)
        except TypeError as error:
            raise UsageError(f"blocks are tables of {', '.join(BlockPlan.__annotations__)} ({error})") from None
        if values.get("head") in ("depthwise", "correlation"):
            values["settings"] = {**self.settings, **_KERNELS_AS_THEY_ARE}
        elif values.get("head") == "up_channel":
            values["settings"] = {k: v for k, v in self.settings.items() if k not in _KERNELS_AS_THEY_ARE}
        return replace(self, **values)

    def to_json(self) -> str:
        """All fields, as stored in the header of a weights file."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Architecture:
        """Read what `to_json` wrote.

        Raises:
            UsageError: The text describes no architecture.
        """
        try:
            return cls(**_typed(json.loads(text)))
        except (ValueError, TypeError, KeyError) as error:
            raise UsageError(f"not the description of an architecture ({error})") from error


def _typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as files have them, lists and tables, in the types that an architecture has."""
    typed = dict(values)
    if "blocks" in typed:
        typed["blocks"] = tuple(b if isinstance(b, BlockPlan) else BlockPlan(**b) for b in typed["blocks"])
    if "fine_layers" in typed:
        typed["fine_layers"] = tuple(typed["fine_layers"])
    return typed


def _faults(architecture: Architecture) -> Iterator[str]:
    """What keeps an architecture from being a network; values may come from a file."""
    names = ("norm", ("lrn", "batch", "none")), ("head", HEADS), ("backbone", get_args(Backbone))
    for name, known in names:
        if getattr(architecture, name) not in known:
            yield f"{name} is one of {', '.join(known)}, not {getattr(architecture, name)!r}"
    for name in ("head_channels", "head_groups", "fine_channels", "fine_hidden"):
        if not _is_count(getattr(architecture, name)):
            yield f"{name} is a whole number from 1 up, not {getattr(architecture, name)!r}"
    for name in ("last_relu", "embedding", "fine_centred"):
        if not isinstance(getattr(architecture, name), bool):
            yield f"{name} is true or false, not {getattr(architecture, name)!r}"
    if not architecture.embedding:
        if architecture.head != "correlation":
            yield "only a correlation head can do without an embedding"
        elif architecture.blocks and architecture.head_channels != architecture.blocks[-1].channels:
            yield f"conv5 is correlated as it is, so head_channels must be its {architecture.blocks[-1].channels}"
    layers = architecture.fine_layers
    if set(layers) - {"conv2", "conv4"} or len(set(layers)) < len(layers):
        yield f"fine_layers are conv4, conv2, both or none, not {', '.join(map(str, layers))}"
    if architecture.head == "correlation" and layers:
        yield "a head without boxes has nothing to hand to a fine stage: fine_layers must be none"
    if architecture.head_groups != 1 and (
        architecture.head != "depthwise" or architecture.head_channels % architecture.head_groups
    ):
        yield f"head_groups are for depthwise heads, and divide head_channels; not {architecture.head_groups}"
    if architecture.backbone == "mobilenet_v2":
        if architecture.blocks or layers or architecture.norm != "none":
            yield 'with mobilenet_v2 there are no blocks and no fine layers, and norm is "none"'
        return
    inputs, reach = 3, 1
    for number, block in enumerate(architecture.blocks, start=1):
        if not all(_is_count(n) for n in (block.channels, block.kernel, block.stride, block.groups)):
            yield f"conv{number} needs whole numbers from 1 up for channels, kernel, stride and groups"
            return
        if block.kernel % 2 == 0:
            yield f"conv{number} has an even kernel: its cells would lie between the pixels"
        if inputs % block.groups or block.channels % block.groups:
            yield f"conv{number} has {block.groups} groups, but {inputs} inputs and {block.channels} channels"
        inputs, reach = block.channels, reach * block.stride * (2 if block.pool else 1)
    if len(architecture.blocks) != 5 or reach != 8:
        yield f"{len(architecture.blocks)} blocks of stride {reach} in all, where five of stride 8 are needed"
    elif architecture.blocks[4].kernel != 3 or architecture.blocks[4].stride != 1 or architecture.blocks[4].pool:
        yield "conv5 is cut from the middle of conv4 and must have kernel 3, stride 1 and no pooling"


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


_ALEXNET = (
    BlockPlan(96, kernel=11, stride=2, pool=True),
    BlockPlan(256, kernel=5, groups=2, pool=True),
    BlockPlan(384),
    BlockPlan(384, groups=2),
    BlockPlan(256, groups=2),
)
_KERNELS_AS_THEY_ARE = {"class_scale": 1.0, "box_scale": 1.0}
"""Batch norm follows the depth-wise correlation; the factor 1e-3 of the up-channel sums has no use there."""

SPM_ALEXNET = Architecture("spm_alexnet", _ALEXNET)
"""SPM-AlexNet "C42": the layout of the released checkpoints."""

SPM_LITE = Architecture(
    "spm_lite",
    (BlockPlan(32, kernel=7, stride=4), BlockPlan(64, pool=True), BlockPlan(128), BlockPlan(128), BlockPlan(128)),
    norm="batch",
    head="depthwise",
    head_channels=64,
    fine_channels=64,
    fine_hidden=128,
    settings=dict(_KERNELS_AS_THEY_ARE),
)
"""Narrow enough for two CPU cores."""

_ALL = (
    SPM_ALEXNET,
    Architecture("spm_alexnet_dw", _ALEXNET, head="depthwise", head_channels=192, settings=dict(_KERNELS_AS_THEY_ARE)),
    SPM_LITE,
    replace(SPM_LITE, name="siamrpn_lite", fine_layers=()),
    replace(SPM_LITE, name="siamfc_lite", head="correlation", fine_layers=()),
)
ARCHITECTURES: Mapping[str, Architecture] = {architecture.name: architecture for architecture in _ALL}


def find_architecture(name: str) -> Architecture:
    """Look an architecture up.

    Raises:
        UsageError: No such name; close ones are suggested.
    """
    if name not in ARCHITECTURES:
        raise unknown_name("architecture", name, ARCHITECTURES)
    return ARCHITECTURES[name]
