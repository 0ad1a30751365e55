"""Published weights of others: our network gives the response of theirs, and what is not theirs is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spm_bench.errors import SpmBenchError, WeightsError
from spm_bench.models.checkpoint import Weights
from spm_bench.models.published import LAYOUTS, read_published
from spm_bench.models.spm import random_siamese
from spm_bench.suites.synthetic import make_scene, make_sequence
from spm_bench.trackers.catalog import build_tracker, resolve_tracker
from spm_bench.trackers.siamese import SiamFcTracker, SiamRpnTracker
from spm_bench.trackers.siamese.config import SiamRpnConfig
from spm_bench.trackers.siamese.family import Seen, SiamRpnFamily
from spm_bench.trackers.spm import SpmTracker
from spm_bench.trackers.spm.weights import find_weights
from tests.models import foreign

State = dict[str, Tensor]


@pytest.fixture(scope="module")
def siamfc() -> nn.Module:
    return foreign.randomised(foreign.SiamFcAlexNet(), 1)


def response(weights: Weights, template: Tensor, search: Tensor) -> tuple[Tensor, Tensor]:
    """Class and box map of our network, run as a tracker would with the settings that come along."""
    settings = weights.all_settings
    net = weights.network().prepare(torch.device("cpu"))
    mean = torch.tensor(settings["mean_bgr"])[:, None, None]
    padding = settings["backbone_padding"]
    with torch.inference_mode():
        z = net.cm.template_features(template - mean, settings["template_size"], padding)
        kernels = net.cm.kernels(z, settings.get("class_scale", 1.0), settings.get("box_scale", 1.0))
        maps: tuple[Tensor, Tensor] = net.cm(net.cm.features(search - mean, settings["search_size"], padding), kernels)
    return maps


def assert_same(ours: Tensor, theirs: Tensor) -> None:
    assert ours.shape == theirs.shape
    assert theirs.std() > 1e-3, "a map that says nothing proves nothing"
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4 * float(theirs.abs().max()))


def coordinate_major(deltas: Tensor) -> Tensor:
    """Our box maps in the order of SiamRPN's released codes: coordinate * A + anchor."""
    order = [anchor * 4 + coordinate for coordinate in range(4) for anchor in range(5)]
    return deltas[:, order]


@pytest.mark.parametrize("rename", [dict, foreign.numbered])
def test_siamfc(tmp_path: Path, siamfc: nn.Module, rename: Callable[[State], State]) -> None:
    torch.save(rename(dict(siamfc.state_dict())), tmp_path / "siamfc_alexnet_e50.pth")
    found = read_published(tmp_path / "siamfc_alexnet_e50.pth")
    assert (found.origin, found.trained, found.architecture.head) == ("siamfc_alexnet_e50.pth", True, "correlation")
    template, search = foreign.images(127, 255)
    with torch.inference_mode():
        theirs, _ = siamfc(template, search)
    ours, none = response(found, template, search)
    assert_same(ours, theirs)
    assert none.shape == (1, 0, 17, 17)


@pytest.mark.parametrize("legacy", [True, False])
def test_pysot_alexnet(tmp_path: Path, legacy: bool) -> None:
    net = foreign.randomised(foreign.PySotAlexNet(legacy=legacy), 2)
    torch.save({"epoch": 50, "state_dict": {f"module.{k}": v for k, v in net.state_dict().items()}}, tmp_path / "m.pth")
    template, search = foreign.images(127, 287)
    with torch.inference_mode():
        classes, boxes = net(template, search)
    ours = response(read_published(tmp_path / "m.pth"), template, search)
    assert_same(ours[0], classes)
    assert_same(coordinate_major(ours[1]), boxes)


def test_dasiamrpn(tmp_path: Path) -> None:
    net = foreign.randomised(foreign.DaSiamRpn(), 3)
    torch.save(net.state_dict(), tmp_path / "SiamRPNVOT.model", _use_new_zipfile_serialization=False)
    template, search = foreign.images(127, 271)
    with torch.inference_mode():
        classes, boxes = net(template, search)
    ours = response(read_published(tmp_path / "SiamRPNVOT.model"), template, search)
    assert_same(ours[0], classes)
    assert_same(coordinate_major(ours[1]), boxes)


def test_boxes_are_those_of_the_released_codes() -> None:
    """Deltas of a response to boxes around the middle of the search image, by the loops of DaSiamRPN and PySOT."""
    layout = next(layout for layout in LAYOUTS if layout.name == "PySOT siamrpn_alex_dwxcorr")
    net = random_siamese(0, layout.architecture).prepare(torch.device("cpu"))
    family = SiamRpnFamily(net, SiamRpnConfig.build(layout.settings), torch.device("cpu"))
    cells = family.grid.cells
    deltas = torch.randn(1, 20, cells, cells) * 0.3
    _, boxes = family._proposals(Seen(torch.zeros(1, 10, cells, cells), deltas, deltas), family._anchors)
    assert cells == (287 - 127) // 8 + 1
    for row, column, anchor in ((0, 0, 0), (3, 17, 1), (20, 20, 2), (10, 10, 3), (7, 2, 4)):
        ratio = (0.33, 0.5, 1, 2, 3)[anchor]
        width = int((8 * 8 / ratio) ** 0.5)
        height = int(width * ratio)
        dx, dy, dw, dh = deltas[0, anchor * 4 : anchor * 4 + 4, row, column].tolist()
        centre = ((column - cells // 2) * 8 + dx * width * 8, (row - cells // 2) * 8 + dy * height * 8)
        size = (np.exp(dw) * width * 8, np.exp(dh) * height * 8)
        x1, y1, x2, y2 = boxes[0, (row * cells + column) * 5 + anchor].tolist()
        found = ((x1 + x2) / 2 - 287 / 2, (y1 + y2) / 2 - 287 / 2, x2 - x1, y2 - y1)
        assert found == pytest.approx((*centre, *size), abs=1e-3)


def test_the_large_model_is_told_by_its_shapes() -> None:
    with torch.device("meta"):
        state = {k: v for k, v in foreign.DaSiamRpn(2).state_dict().items() if not k.endswith("tracked")}
    big = next(layout for layout in LAYOUTS if layout.name.endswith("BIG"))
    big.check(state, Path("SiamRPNBIG.model"))
    assert big.architecture.head_channels == 512


def test_counters_of_batch_norms_make_no_difference(tmp_path: Path, siamfc: nn.Module) -> None:
    state = siamfc.state_dict()
    torch.save(state, tmp_path / "new.pth")
    torch.save({k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}, tmp_path / "old.pth")
    assert read_published(tmp_path / "new.pth").sha256 == read_published(tmp_path / "old.pth").sha256


NAME = "backbone.conv3.0.weight"


def without(state: State) -> Any:
    return {k: v for k, v in state.items() if k != NAME}


def with_more(state: State) -> Any:
    return {**state, "backbone.conv6.0.weight": torch.zeros(1)}


def reshaped(state: State) -> Any:
    return {**state, NAME: state[NAME][:, :1]}


def spoilt(state: State) -> Any:
    return {**state, NAME: torch.full_like(state[NAME], torch.nan)}


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (without, f"siamfc-pytorch AlexNetV1, but of its parameters 1 missing ({NAME})"),
        (with_more, "1 unknown (backbone.conv6.0.weight)"),
        (reshaped, f"{NAME} has shape (384, 1, 3, 3), expected (384, 256, 3, 3)"),
        (spoilt, "NaN"),
        (lambda _: {"features.0.weight": torch.zeros(1)}, "in no layout that is known (first: features.0.weight)"),
        (lambda _: {}, "in no layout that is known"),
        (lambda _: [torch.zeros(1)], "not a state dict"),
        (lambda _: {"state_dict": {"a": "b"}}, "not a state dict"),
        (lambda _: {"backbone.layer4.0.conv1.weight": torch.zeros(1)}, "ResNet"),
        (lambda _: {"backbone.layer7.0.conv.0.weight": torch.zeros(1)}, "MobileNetV2"),
        (lambda _: {"net": Path("x")}, "more than tensors"),
    ],
)
def test_what_is_not_theirs_is_refused(
    tmp_path: Path, siamfc: nn.Module, damage: Callable[[State], Any], told: str
) -> None:
    path = tmp_path / "model.pth"
    torch.save(damage(dict(siamfc.state_dict())), path)
    with pytest.raises(WeightsError) as caught:
        read_published(path)
    assert told in str(caught.value)
    assert "model.pth" in str(caught.value)


def files(folder: Path, siamfc: nn.Module) -> tuple[str, str]:
    """A SiamFC and a SiamRPN file."""
    torch.save(siamfc.state_dict(), folder / "siamfc.pth")
    torch.save(foreign.randomised(foreign.PySotAlexNet(), 2).state_dict(), folder / "siamrpn.pth")
    return str(folder / "siamfc.pth"), str(folder / "siamrpn.pth")


def test_trackers_run_with_them(tmp_path: Path, siamfc: nn.Module) -> None:
    fc, rpn = files(tmp_path, siamfc)
    video = make_sequence("drift", make_scene("calm", 0, 5, n_frames=2))
    for name, path in (("SiamFC", fc), ("SiamRPN", rpn), ("DaSiamRPN", rpn)):
        spec = resolve_tracker(name, weights=path, device="cpu")
        assert (spec.trained, spec.identity["config"]["wide_template"]) == ("yes", False)
        tracker = build_tracker(spec)
        tracker.init(video.frames[0], video.ground_truth[0])
        assert np.isfinite(tracker.update(video.frames[1])).all()
    for name, path, told in (
        ("SiamFC", rpn, "weights of siamrpn_alex_dwxcorr cannot run as SiamFC"),
        ("SiamRPN", fc, "weights of siamfc_alexnet cannot run as SiamRPN"),
        ("SPM", rpn, "which has no fine stage: SPM cannot run with them"),
    ):
        with pytest.raises(SpmBenchError, match=told):
            resolve_tracker(name, weights=path, device="cpu")


@pytest.mark.parametrize(("tracker", "which"), [(SiamFcTracker, 1), (SiamRpnTracker, 0), (SpmTracker, 0)])
def test_the_wrong_tracker_is_told_before_its_settings(
    tmp_path: Path, siamfc: nn.Module, tracker: type[Any], which: int
) -> None:
    with pytest.raises(SpmBenchError, match="cannot run"):
        tracker(weights=files(tmp_path, siamfc)[which], device="cpu")


def test_weights_that_a_user_names_are_found(tmp_path: Path, siamfc: nn.Module) -> None:
    torch.save(siamfc.state_dict(), tmp_path / "siamfc.pth")
    assert find_weights(str(tmp_path / "siamfc.pth")).architecture.name == "siamfc_alexnet"
    with pytest.raises(WeightsError, match="has no fine stage"):
        find_weights(str(tmp_path / "siamfc.pth")).two_stages()
    (tmp_path / "page.pth").write_text("not found")
    with pytest.raises(SpmBenchError, match="not executed"):
        find_weights(str(tmp_path / "page.pth"))
