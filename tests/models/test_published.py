"""Published weights of others: our network gives the response of theirs, and what is not theirs is refused by name."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spm_bench.errors import SpmBenchError, UsageError, WeightsError
from spm_bench.geometry.anchors import base_anchors
from spm_bench.models.checkpoint import Weights
from spm_bench.models.grid import response_grid
from spm_bench.models.published import LAYOUTS, read_published
from spm_bench.models.spm import build_network, random_siamese
from spm_bench.suites.synthetic import make_scene, make_sequence
from spm_bench.trackers.catalog import build_tracker, resolve_tracker
from spm_bench.trackers.siamese import SiamFcTracker, SiamRpnTracker
from spm_bench.trackers.siamese.config import SiamRpnConfig
from spm_bench.trackers.siamese.family import Seen, SiamRpnFamily
from spm_bench.trackers.spm import SpmTracker
from spm_bench.trackers.spm.weights import find_weights
from tests.models import foreign

State = dict[str, Tensor]


MAKERS: Mapping[str, Callable[[], nn.Module]] = {
    "siamfc.pth": foreign.SiamFcAlexNet,
    "siamrpn.pth": foreign.PySotAlexNet,
    "mobile.pth": foreign.PySotMobileNet,
    "weighted.pth": partial(foreign.PySotMobileNet, weighted=True),
    "SiamRPNVOT.model": foreign.DaSiamRpn,
    "epoch_50.pth": foreign.PySiamSpm,
}


class Shelf:
    """Foreign networks and their files, each made once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.net = functools.cache(lambda name: foreign.randomised(MAKERS[name], 1 + list(MAKERS).index(name)))
        self.read = functools.cache(lambda name: read_published(self.file(name)))

    def state(self, name: str) -> State:
        """What its file holds."""
        return dict(self.net(name).state_dict())

    def file(self, name: str) -> Path:
        """Written when it is first asked for."""
        if not (self.folder / name).exists():
            torch.save(self.state(name), self.folder / name)
        return self.folder / name


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("published"))


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


def reads_alike(state: Any, path: Path, weights: Weights, **options: bool) -> bool:
    """Whether a file of this content holds the same weights as ours."""
    torch.save(state, path, **options)
    return read_published(path).sha256 == weights.sha256


def test_siamfc(shelf: Shelf, tmp_path: Path) -> None:
    found = shelf.read("siamfc.pth")
    assert (found.origin, found.trained, found.architecture.head) == ("siamfc.pth", True, "correlation")
    template, search = foreign.images(127, 255)
    with torch.inference_mode():
        theirs, _ = shelf.net("siamfc.pth")(template, search)
    ours, none = response(found, template, search)
    assert_same(ours, theirs)
    assert none.shape == (1, 0, 17, 17)
    assert reads_alike(foreign.numbered(shelf.state("siamfc.pth")), tmp_path / "model.pth", found)


def test_pysot_alexnet(shelf: Shelf, tmp_path: Path) -> None:
    template, search = foreign.images(127, 287)
    with torch.inference_mode():
        classes, boxes = shelf.net("siamrpn.pth")(template, search)
    found, state = shelf.read("siamrpn.pth"), shelf.state("siamrpn.pth")
    ours = response(found, template, search)
    assert_same(ours[0], classes)
    assert_same(coordinate_major(ours[1]), boxes)
    snapshot = {"epoch": 50, "state_dict": {f"module.{name}": tensor for name, tensor in state.items()}}
    assert reads_alike(snapshot, tmp_path / "snapshot.pth", found)
    assert reads_alike(foreign.layered(state), tmp_path / "layered.pth", found)


@pytest.mark.parametrize("name", ["mobile.pth", "weighted.pth"])
def test_pysot_mobilenet(shelf: Shelf, name: str) -> None:
    template, search = foreign.images(127, 255)
    with torch.inference_mode():
        classes, boxes = shelf.net(name)(template, search)
    ours = response(shelf.read(name), template, search)
    assert_same(ours[0], classes)
    assert_same(coordinate_major(ours[1]), boxes)


def test_mobilenet_has_a_grid_of_its_own() -> None:
    architecture = next(layout.architecture for layout in LAYOUTS if layout.name.endswith("mobilev2_l234_dwxcorr"))
    grid = response_grid(127, 255, "none", wide_template=False, architecture=architecture)
    assert (grid.cells, grid.first) == (25, 127.5 - 12 * 8)
    with pytest.raises(UsageError, match="padded in its own way"):
        response_grid(127, 255, "cropped", architecture=architecture)
    with pytest.raises(UsageError, match="7 are needed"):
        response_grid(31, 255, "none", wide_template=False, architecture=architecture)
    with torch.device("meta"):
        net = build_network(architecture)
        with pytest.raises(UsageError, match="no blocks conv1"):
            net.cm.z_net.blocks(torch.zeros(1, 3, 127, 127))


def test_dasiamrpn(shelf: Shelf, tmp_path: Path) -> None:
    name = "SiamRPNVOT.model"
    template, search = foreign.images(127, 271)
    with torch.inference_mode():
        classes, boxes = shelf.net(name)(template, search)
    ours = response(shelf.read(name), template, search)
    assert_same(ours[0], classes)
    assert_same(coordinate_major(ours[1]), boxes)
    legacy = {"_use_new_zipfile_serialization": False}
    assert reads_alike(shelf.state(name), tmp_path / name, shelf.read(name), **legacy)


def test_anchors_of_pysiamtracking() -> None:
    """Corners rounded after scaling: 64 / sqrt(ratio) and 64 * sqrt(ratio), less one, halved."""
    corners = base_anchors(8, (0.33, 1.0, 3.0), (8.0,), "corners")
    assert corners.tolist() == [[-55, -18, 55, 18], [-32, -32, 32, 32], [-18, -55, 18, 55]]


def class_major(logits: Tensor) -> Tensor:
    """Class maps in our order, class * A + anchor, from PySiamTracking's, anchor * 2 + class."""
    return logits[:, [anchor * 2 + kind for kind in range(2) for anchor in range(5)]]


def test_pysiamtracking_spm(shelf: Shelf) -> None:
    found, spm = shelf.read("epoch_50.pth"), cast(foreign.PySiamSpm, shelf.net("epoch_50.pth"))
    assert sum(tensor.numel() for tensor in spm.state_dict().values()) == pytest.approx(24.01e6, rel=1e-3), (
        "as published"
    )
    template, search = foreign.images(255, 255)
    box, boxes = [100.0, 90, 155, 165], [[90.0, 85, 150, 170], [-40, 20, 30, 200], [200.5, 150, 275, 290]]
    with torch.inference_mode():
        classes, moves = spm.coarse(template, search)
        fine = spm.fine(template, search, box, boxes)
    ours = response(found, template, search)
    assert_same(ours[0], class_major(classes))
    assert_same(ours[1], moves)
    net, sampling = found.two_stages().prepare(torch.device("cpu")), found.settings["roi_sampling"]
    mean = torch.tensor(found.settings["mean_bgr"])[:, None, None]
    with torch.inference_mode():
        z, x = net.cm.template_features(template - mean, 127), net.cm.features(search - mean, 255)
        half = net.fm.template_half(z, torch.tensor([box]), 8, sampling)
        logits, deltas = net.fm(x, half, torch.tensor([boxes]), 8, sampling=sampling)
    assert_same(logits[0], fine[0])
    assert_same(deltas[0], fine[1])


def test_pysiamtracking_siamrpn(shelf: Shelf, tmp_path: Path) -> None:
    """The same coarse stage under other names."""
    state = {k.removeprefix("cm_"): v for k, v in shelf.state("epoch_50.pth").items() if k.startswith(("z_net", "cm_"))}
    torch.save({"meta": {}, "state_dict": state}, tmp_path / "epoch_50.pth")
    found, same = read_published(tmp_path / "epoch_50.pth"), shelf.read("epoch_50.pth").state
    assert not found.architecture.two_stages
    assert all(torch.equal(tensor, same[name]) for name, tensor in found.state.items())


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


def test_counters_of_batch_norms_make_no_difference(tmp_path: Path, shelf: Shelf) -> None:
    state = shelf.state("siamfc.pth")
    fewer = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    assert len(fewer) == len(state) - 4
    assert reads_alike(fewer, tmp_path / "old.pth", shelf.read("siamfc.pth"))


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
        (lambda _: {"z_net.conv2.0.conv1.weight": torch.zeros(1)}, "a ResNet of PySiamTracking"),
        (lambda _: {"net": Path("x")}, "more than tensors"),
    ],
)
def test_what_is_not_theirs_is_refused(tmp_path: Path, shelf: Shelf, damage: Callable[[State], Any], told: str) -> None:
    path = tmp_path / "model.pth"
    torch.save(damage(shelf.state("siamfc.pth")), path)
    with pytest.raises(WeightsError) as caught:
        read_published(path)
    assert told in str(caught.value)
    assert "model.pth" in str(caught.value)


RUNS = {"SiamFC": "siamfc.pth", "SiamRPN": "siamrpn.pth", "DaSiamRPN": "mobile.pth", "SPM": "epoch_50.pth"}


@pytest.mark.parametrize("name", RUNS)
def test_trackers_run_with_them(shelf: Shelf, name: str) -> None:
    spec = resolve_tracker(name, weights=str(shelf.file(RUNS[name])), device="cpu")
    assert (spec.trained, spec.identity["config"]["wide_template"]) == ("yes", name == "SPM")
    video = make_sequence("drift", make_scene("calm", 0, 5, n_frames=2))
    tracker = build_tracker(spec)
    tracker.init(video.frames[0], video.ground_truth[0])
    assert np.isfinite(tracker.update(video.frames[1])).all()


@pytest.mark.parametrize(
    ("name", "tracker", "file", "told"),
    [
        ("SiamFC", SiamFcTracker, "siamrpn.pth", "weights of siamrpn_alex_dwxcorr cannot run as SiamFC"),
        ("SiamRPN", SiamRpnTracker, "siamfc.pth", "weights of siamfc_alexnet cannot run as SiamRPN"),
        ("SPM", SpmTracker, "siamfc.pth", "which has no fine stage: SPM cannot run with them"),
    ],
)
def test_the_wrong_tracker_is_told_before_its_settings(
    shelf: Shelf, name: str, tracker: type[Any], file: str, told: str
) -> None:
    with pytest.raises(SpmBenchError, match=told):
        resolve_tracker(name, weights=str(shelf.file(file)), device="cpu")
    with pytest.raises(SpmBenchError, match=told):
        tracker(weights=shelf.read(file), device="cpu")


def test_a_file_that_is_no_checkpoint_is_not_executed(tmp_path: Path) -> None:
    (tmp_path / "page.pth").write_text("not found")
    with pytest.raises(WeightsError, match="not executed"):
        find_weights(str(tmp_path / "page.pth"))
