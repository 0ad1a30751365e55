"""Backbones padded, uncropped and unpadded against torch's plain layers, and where cells and responses lie."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spm_bench.errors import UsageError
from spm_bench.models.architecture import ARCHITECTURES, Architecture
from spm_bench.models.backbone import Features, centre_crop, pool_relu
from spm_bench.models.fine import RoiExtractor
from spm_bench.models.grid import Padding, receptive_field, response_grid
from spm_bench.models.spm import SpmNet, random_network

CPU = torch.device("cpu")
PADDINGS: tuple[Padding, ...] = ("cropped", "full", "none")


@pytest.fixture(scope="module", params=["spm_alexnet_dw", "spm_lite"])
def frozen(request: pytest.FixtureRequest) -> SpmNet:
    """A frozen network with statistics that are not trivial; LRN and groups in the one, batch norm in the other."""
    made = random_network(3, ARCHITECTURES[request.param])
    generator = torch.Generator().manual_seed(0)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    return made.prepare(CPU)


@pytest.fixture
def net(frozen: SpmNet) -> Iterator[SpmNet]:
    with torch.inference_mode():
        yield frozen


def picture(pixels: int, seed: int = 0) -> Tensor:
    return torch.randn((1, 3, pixels, pixels), generator=torch.Generator().manual_seed(seed)) * 40


def plain_blocks(net: SpmNet, images: Tensor, padded: bool) -> list[Tensor]:
    """All five blocks as the specification lists them: convolution, norm, ReLU, pooling, response norm."""
    x, outputs = images, []
    for number, plan in enumerate(net.architecture.blocks, start=1):
        conv = net.get_submodule(f"cm.z_net.conv{number}.conv")
        assert isinstance(conv, nn.Conv2d)
        x = F.conv2d(x, conv.weight, conv.bias, plan.stride, plan.kernel // 2 if padded else 0, 1, plan.groups)
        if net.architecture.norm == "batch":
            x = net.get_submodule(f"cm.z_net.conv{number}.norm")(x)
        x = F.relu(x)
        if plan.pool:
            x = F.max_pool2d(x, 3, 2, int(padded))
            if net.architecture.norm == "lrn":
                x = F.local_response_norm(x, 5, 1e-4, 0.75, 1.0)
        outputs.append(x)
    return outputs


def assert_close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("pixels", [127, 271])
def test_unpadded_features_are_those_of_plain_layers(net: SpmNet, pixels: int) -> None:
    image = picture(pixels)
    _, conv2, _, conv4, conv5 = plain_blocks(net, image, padded=False)
    actual = net.cm.features(image, pixels, "none")
    cells = {127: 6, 271: 24}[pixels]
    surplus = (conv5.shape[-1] - cells) // 2
    assert actual.conv5.shape[-2:] == (cells, cells)
    assert surplus == {"spm_alexnet_dw": 0, "spm_lite": 1}[net.architecture.name]
    assert_close(actual.conv5, conv5[:, :, surplus : surplus + cells, surplus : surplus + cells])
    assert_close(actual.conv4, conv4)
    assert_close(actual.conv2, conv2[:, :, 2:-2, 2:-2])
    assert actual.roi_origin == {"spm_alexnet_dw": 35, "spm_lite": 27}[net.architecture.name]


def test_padded_features_with_and_without_crop(net: SpmNet) -> None:
    image = picture(271)
    _, conv2, _, conv4, conv5 = plain_blocks(net, image, padded=True)
    full, cropped = net.cm.features(image, 271, "full"), net.cm.features(image, 271)
    assert full.conv5.shape[-2:] == (34, 34)
    assert full.roi_origin == cropped.roi_origin == 0
    assert_close(full.conv5, conv5)
    assert_close(cropped.conv5, conv5[:, :, 5:29, 5:29])
    for features in (full, cropped):
        assert_close(features.conv4, conv4)
        assert_close(features.conv2, conv2)


@pytest.mark.parametrize("pixels", [127, 271])
def test_templates_keep_their_middle_whatever_the_padding(net: SpmNet, pixels: int) -> None:
    image = picture(pixels)
    padded = net.cm.template_features(image, 127, "cropped").conv5
    assert padded.shape[-2:] == (6, 6)
    assert torch.equal(net.cm.template_features(image, 127, "full").conv5, padded)
    conv5 = plain_blocks(net, image, padded=False)[-1]
    assert_close(net.cm.template_features(image, 127, "none").conv5, centre_crop(conv5, 6))


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("wide", [True, False])
def test_a_target_that_stays_is_found_where_it_is(net: SpmNet, padding: Padding, wide: bool) -> None:
    """The template's cells lie, among those of the same picture searched, under the response of the target's place."""
    image = picture(271)
    grid = response_grid(127, 271, padding, wide_template=wide, architecture=net.architecture)
    template = net.cm.template_features(image if wide else image[:, :, 72:199, 72:199], 127, padding).conv5
    search = net.cm.features(image, 271, padding)
    place = (135 + 0.5 - grid.first) / 8
    r = int(place)
    assert r == place
    under = search.conv5[:, :, r : r + 6, r : r + 6]
    if wide or padding == "none" or net.architecture.name == "spm_lite":
        assert_close(under, template)
    else:  # the AlexNet's receptive field of 87 reaches three pixels over the edge of the 127 pixels: nearly the same
        assert float((under - template).norm() / template.norm()) < 0.5
        wrong = search.conv5[:, :, r + 1 : r + 7, r : r + 6]
        assert float((wrong - template).norm()) > 2 * float((under - template).norm())
    logits, _ = net.cm(search, net.cm.kernels(net.cm.template_features(image, 127, padding), 1.0, 1.0))
    assert logits.shape[-2:] == (grid.cells, grid.cells)


@pytest.mark.parametrize(("padding", "cells", "first"), [("cropped", 19, 63.5), ("full", 29, 23.5), ("none", 19, 63.5)])
@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_grids_of_the_released_sizes(name: str, wide: bool, padding: Padding, cells: int, first: float) -> None:
    grid = response_grid(127, 271, padding, wide_template=wide, architecture=ARCHITECTURES[name])
    assert grid == (cells, first)


@pytest.mark.parametrize("sizes", [(127, 255), (127, 279), (135, 271), (143, 303), (111, 239), (127, 256)])
@pytest.mark.parametrize("padding", PADDINGS)
def test_other_sizes_find_a_target_that_stays(padding: Padding, sizes: tuple[int, int]) -> None:
    lite = random_network(0, ARCHITECTURES["spm_lite"]).prepare(CPU)
    template_size, search_size = sizes
    image = picture(search_size)
    with torch.inference_mode():
        template = lite.cm.template_features(image, template_size, padding).conv5
        search = lite.cm.features(image, search_size, padding)
        grid = response_grid(template_size, search_size, padding, architecture=lite.architecture)
        r, kernel = round(((search_size - 1) / 2 + 0.5 - grid.first) / 8), template.shape[-1]
        assert_close(search.conv5[:, :, r : r + kernel, r : r + kernel], template)
        logits, _ = lite.cm(search, lite.cm.kernels(lite.cm.template_features(image, template_size), 1.0, 1.0))
    assert logits.shape[-1] == grid.cells


def reach(architecture: Architecture, blocks: int, cell: int, padded: bool) -> tuple[float, int]:
    """Middle and number of the pixels of a line that a cell depends on, found by asking for the gradient."""
    line = torch.zeros(1, 1, 271, dtype=torch.float64, requires_grad=True)
    x: Tensor = line
    for plan in architecture.blocks[:blocks]:
        pad = plan.kernel // 2 if padded else 0
        x = F.conv1d(x, torch.ones(1, 1, plan.kernel, dtype=torch.float64), stride=plan.stride, padding=pad)
        if plan.pool:
            x = F.avg_pool1d(x, 3, 2, int(padded))
    x[0, 0, cell].backward()  # type: ignore[no-untyped-call]
    assert line.grad is not None
    touched = line.grad[0, 0].nonzero().flatten()
    return float(touched[0] + touched[-1]) / 2, len(touched)


@pytest.mark.parametrize("name", ["spm_alexnet", "spm_lite"])
def test_cells_lie_where_it_is_said(name: str) -> None:
    architecture = ARCHITECTURES[name]
    fields = [receptive_field(architecture, block) for block in range(1, 6)]
    if name == "spm_alexnet":
        assert fields == [15, 39, 55, 71, 87]
    for block, field in enumerate(fields, start=1):
        assert reach(architecture, block, 10, padded=False)[1] == field
        if block > 1:
            assert reach(architecture, block, 15, padded=True)[0] == 8 * 15
            assert reach(architecture, block, 10, padded=False)[0] == 8 * 10 + (field - 1) / 2
    for block in (2, 4):  # the crop of conv2 lies on conv4
        assert reach(architecture, block, 7 + (2 if block == 2 else 0), padded=False)[0] == 8 * 7 + (fields[3] - 1) / 2


@pytest.mark.parametrize("origin", [0, 27, 35])
def test_rois_are_cut_where_their_pixels_are(origin: int) -> None:
    """On maps whose cells hold the pixel they lie on, a RoI's cells hold the pixels of its samples."""
    extractor = RoiExtractor(ARCHITECTURES["spm_lite"]).eval()
    pixels = torch.arange(26.0) * 8 + origin
    conv2, conv4 = (pixels.expand(1, channels, 26, 26) for channels in (64, 128))
    features = Features(conv2, conv4, conv4, roi_origin=origin)
    box = torch.tensor([[[60.0, 70.0, 110.0, 155.0]]])
    for sampling, first, last in (("single", 60.0, 110.0), ("average", 60 + 50 / 12, 110 - 50 / 12)):
        rois = extractor(features, box, 8, sampling=sampling)
        columns = rois[0].mean((0, 1)) * (1 + 1e-5) ** 0.5
        torch.testing.assert_close(columns, torch.linspace(first, last, 6))


@pytest.mark.parametrize("size", [(34, 34), (33, 41), (5, 6)])
def test_pooling_without_padding_is_torchs(size: tuple[int, int]) -> None:
    x = torch.randn(2, 4, *size).contiguous(memory_format=torch.channels_last)
    expected = F.relu(F.max_pool2d(x, 3, 2))
    with torch.no_grad():
        assert torch.equal(pool_relu(x, padded=False), expected)
    assert torch.equal(pool_relu(x, padded=False), expected)


def test_the_unpadded_network_can_be_trained() -> None:
    net = random_network(0, ARCHITECTURES["spm_lite"])
    features = net.cm.features(picture(143), 143, "none")
    (features.conv5.mean() + features.conv2.mean()).backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is not None for p in net.cm.z_net.parameters())


def test_images_that_are_too_small_are_told() -> None:
    net = random_network(0, ARCHITECTURES["spm_lite"])
    for image, size, padding in ((100, 271, "cropped"), (127, 271, "none"), (60, 127, "none"), (16, 127, "full")):
        with pytest.raises(UsageError, match="too small"):
            net.cm.features(picture(image), size, padding)  # type: ignore[arg-type]
    wide = net.architecture.changed(
        {"blocks": [{"channels": 8, "kernel": 31, "stride": 8}, *({"channels": 8} for _ in range(4))]}
    )
    with pytest.raises(UsageError, match=r"cells a side .*backbone_padding none"):
        response_grid(127, 271, "none", architecture=wide)
    with pytest.raises(UsageError, match="no response"):
        response_grid(95, 271)
