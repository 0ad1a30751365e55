"""The training forward pass: with nets that know the answer, a tiny one, and real ones."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from spm_bench.geometry.crops import crop_features
from spm_bench.models.architecture import ARCHITECTURES
from spm_bench.models.spm import SpmNet, random_network
from spm_bench.trackers.spm.step import delta_list
from spm_bench.training.batch import TEMPLATE_START, PairBatch
from spm_bench.training.forward import training_forward
from spm_bench.training.losses import Losses, LossWeights
from spm_bench.training.targets import (
    RELEASED_SAMPLING,
    TargetSettings,
    coarse_targets,
    fine_proposals,
    fine_targets,
)
from tests.training.test_targets import ANCHORS, NAN, pair_batch, random_batch

SURE = 30.0
"""Logit of a net without doubt."""


def maps_of(values: Tensor, A: int = 5, G: int = 19) -> Tensor:
    """Lists B x N x D in anchor order as maps B x (A D) x G x G with channel = anchor * D + d."""
    B, _, D = values.shape
    return values.reshape(B, G, G, A * D).permute(0, 3, 1, 2)


def class_maps_of(scores: Tensor) -> Tensor:
    """Scores B x N of the target as logit maps B x 2A x G x G."""
    target = maps_of(scores[..., None])
    return torch.cat((-target, target), 1)


class KnowingNet:
    """A net that looks the answers up: sure of all labels, boxes exact."""

    stride = 8

    def __init__(self, batch: PairBatch, settings: TargetSettings, *, mistake: str = "") -> None:
        self.batch, self.settings, self.mistake = batch, settings, mistake
        answers = coarse_targets(ANCHORS, batch, settings)
        scores = torch.where(answers.labels == 1, SURE, -SURE)
        deltas = answers.deltas.clone()
        if mistake == "coarse class":
            scores = -scores
        if mistake == "coarse box":
            deltas += 1.0
        self.maps = class_maps_of(scores), maps_of(deltas)
        self.cm = CoarseAnswers(self)
        self.fm = FineAnswers(self)


class CoarseAnswers:
    def __init__(self, net: KnowingNet) -> None:
        self.net = net

    def features(self, images: Tensor, size: int) -> Tensor:
        assert (images.shape[-1], size) in {(160, 127), (271, 271)}
        return images

    def kernels(self, features: Tensor, class_scale: float, box_scale: float) -> tuple[float, float]:
        assert features.shape[-1] == 160
        return class_scale, box_scale

    def __call__(self, features: Tensor, kernels: tuple[float, float]) -> tuple[Tensor, Tensor]:
        assert features.shape[-1] == 271
        assert kernels == (0.5, 0.25)
        return self.net.maps


class FineAnswers:
    def __init__(self, net: KnowingNet) -> None:
        self.net = net

    def template_half(self, features: Tensor, boxes: Tensor, stride: int) -> Tensor:
        assert (features.shape[-1], stride) == (160, 8)
        torch.testing.assert_close(boxes + TEMPLATE_START, self.net.batch.template_box)
        return features

    def __call__(self, features: Tensor, half: Tensor, boxes: Tensor, stride: int) -> tuple[Tensor, Tensor]:
        assert (features.shape[-1], half.shape[-1], stride) == (271, 160, 8)
        answers = fine_targets(boxes, self.net.batch, self.net.settings)
        scores = torch.where(answers.labels == 1, SURE, -SURE)
        deltas = answers.deltas.clone()
        if self.net.mistake == "fine class":
            scores = -scores
        if self.net.mistake == "fine box":
            deltas += 1.0
        return torch.stack((-scores, scores), -1), deltas


EXACT = {"decode_offset": 0.0}


def run(net: Any, batch: PairBatch, settings: TargetSettings, seed: int = 0, **options: Any) -> Losses:
    generator = torch.Generator().manual_seed(seed)
    scales = {"class_scale": 0.5, "box_scale": 0.25}
    return training_forward(cast(SpmNet, net), batch, ANCHORS, settings, generator, **scales, **options)


SETTINGS = {
    "generalised": TargetSettings(**EXACT),
    "target only": TargetSettings(**EXACT, generalised_positives=False),
    "released sampling": TargetSettings(**EXACT, **RELEASED_SAMPLING),
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_a_net_that_knows_the_answers_has_no_loss(settings: TargetSettings) -> None:
    batch = random_batch(B=12)
    losses = run(KnowingNet(batch, settings), batch, settings)
    for name in ("total", "coarse_class", "coarse_box", "fine_class", "fine_box"):
        assert float(getattr(losses, name)) == pytest.approx(0.0, abs=1e-9), name
    assert float(losses.fine_accuracy) == 1.0
    assert float(losses.fine_overlap) == pytest.approx(1.0, abs=1e-3)
    if not settings.generalised_positives:
        assert float(losses.coarse_overlap) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("mistake", ["coarse class", "coarse box", "fine class", "fine box"])
def test_each_mistake_shows_in_its_own_loss(mistake: str) -> None:
    batch, settings = random_batch(B=12), SETTINGS["target only"]
    weights = LossWeights(coarse_class=3.0, coarse_box=5.0, fine_class=7.0, fine_box=11.0)
    net = KnowingNet(batch, settings, mistake=mistake)
    losses = run(net, batch, settings, weights=weights)._asdict()
    own = mistake.replace(" ", "_")
    # wrong by 1 in four deltas: 4 (1 - beta / 2); sure and wrong: both logits count
    expected = {
        "coarse_class": 2 * SURE,
        "coarse_box": 4 * (1 - 1 / 18),
        "fine_class": 2 * SURE,
        "fine_box": 4 * 0.5,
    }
    for name, value in expected.items():
        assert float(losses[name]) == pytest.approx(value if name == own else 0.0, rel=1e-5, abs=1e-9), name
    assert float(losses["total"]) == pytest.approx(getattr(weights, own) * expected[own], rel=1e-5)


def test_numbers_to_watch() -> None:
    box = [60.0, 60.0, 124.0, 124.0]
    batch = pair_batch([box, None], [[], [[150.0, 150.0, 214.0, 214.0]]])
    settings = SETTINGS["generalised"]
    losses = run(KnowingNet(batch, settings), batch, settings)
    labels = coarse_targets(ANCHORS, batch, settings).labels
    assert float(losses.positives) == float((labels[0] == 1).sum())
    net = KnowingNet(batch, settings)
    boxes = fine_proposals(*net.maps, ANCHORS, batch, settings, torch.Generator().manual_seed(0))
    assert boxes.shape == (2, 16, 4)
    assert 5 <= float(losses.fine_positives) <= 6
    wrong = run(KnowingNet(batch, settings, mistake="fine class"), batch, settings)
    assert float(wrong.fine_accuracy) == 0.0
    assert float(wrong.fine_overlap) < 0.5


class TinyFeatures:
    def __init__(self, cells: Tensor) -> None:
        self.cells = cells


class TinyCoarse(nn.Module):
    """One strided convolution, and depth-wise correlation with a template kernel."""

    def __init__(self, C: int) -> None:
        super().__init__()
        self.backbone = nn.Conv2d(3, C, 8, stride=8)
        self.classes, self.boxes = nn.Conv2d(C, 10, 7, padding=3), nn.Conv2d(C, 20, 7, padding=3)

    def features(self, images: Tensor, *_: int) -> TinyFeatures:
        return TinyFeatures(F.relu(self.backbone(F.pad(images / 50, (4, 4, 4, 4)))))

    def kernels(self, features: TinyFeatures, *_: float) -> Tensor:
        return features.cells[:, :, 8:12, 8:12].mean((2, 3), keepdim=True)

    def forward(self, features: TinyFeatures, kernels: Tensor) -> tuple[Tensor, Tensor]:
        response = features.cells[:, :, 8:27, 8:27] * kernels
        return self.classes(response), self.boxes(response)


class TinyFine(nn.Module):
    """Difference of RoI features, one hidden layer."""

    def __init__(self, C: int) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(C * 36, 32), nn.Linear(32, 6)

    def template_half(self, features: TinyFeatures, boxes: Tensor, stride: int) -> Tensor:
        return crop_features(features.cells, boxes[:, None] / stride, 6).flatten(1)

    def forward(self, features: TinyFeatures, half: Tensor, boxes: Tensor, stride: int) -> tuple[Tensor, Tensor]:
        cut = crop_features(features.cells, boxes / stride, 6).flatten(1).reshape(*boxes.shape[:2], -1)
        out = self.out(F.relu(self.hidden(cut - half[:, None])))
        return out[..., :2], out[..., 2:]


class TinyNet(nn.Module):
    """The interface of `SpmNet` with a few thousand parameters."""

    stride = 8

    def __init__(self, C: int = 8) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.cm, self.fm = TinyCoarse(C), TinyFine(C)


def picture_batch(B: int = 6, seed: int = 0) -> PairBatch:
    """Random boxes on noise, each target a disc of bright cells."""
    g = torch.Generator().manual_seed(seed)
    batch = random_batch(B, seed=seed)
    template, search = (torch.randn(image.shape, generator=g) * 20 for image in (batch.template, batch.search))
    template[:, 0, 54:105, 49:110] += 200
    for b in range(B):
        if not batch.negative[b]:
            x1, y1, x2, y2 = batch.target[b].clamp(0, 270).long().tolist()
            search[b, 0, y1:y2, x1:x2] += 200
    return batch._replace(template=template, search=search)


def gradients(net: nn.Module) -> dict[str, Tensor]:
    return {name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None}


def test_gradients_reach_both_stages() -> None:
    net, batch = TinyNet(), picture_batch()
    run(net, batch, TargetSettings()).total.backward()
    found = gradients(net)
    assert set(found) == dict(net.named_parameters()).keys()
    assert all(g.isfinite().all() and g.any() for g in found.values())


def test_without_the_fine_stage_only_the_coarse_one_learns() -> None:
    net, batch = TinyNet(), picture_batch()
    losses = run(net, batch, TargetSettings(), fine=False)
    losses.total.backward()
    assert {name.split(".")[0] for name in gradients(net)} == {"cm"}
    assert float(losses.fine_class) == float(losses.fine_box) == 0.0
    both = run(net, batch, TargetSettings())
    assert torch.equal(losses.coarse_class, both.coarse_class)
    assert torch.equal(losses.coarse_box, both.coarse_box)


def test_the_fine_stage_alone_teaches_the_backbone_but_not_the_coarse_head() -> None:
    net, batch = TinyNet(), picture_batch()
    losses = run(net, batch, TargetSettings())
    (losses.fine_class + losses.fine_box).backward()
    found = gradients(net)
    assert found["cm.backbone.weight"].any()
    assert "cm.classes.weight" not in found
    assert "cm.boxes.weight" not in found


def test_a_step_is_a_function_of_the_generator() -> None:
    batch, results = picture_batch(), []
    for seed in (5, 5, 6):
        net = TinyNet()
        losses = run(net, batch, TargetSettings(), seed=seed)
        losses.total.backward()
        results.append((torch.stack(losses[:5]).detach(), gradients(net)))
    assert torch.equal(results[0][0], results[1][0])
    assert all(torch.equal(g, results[1][1][name]) for name, g in results[0][1].items())
    assert not torch.equal(results[0][0], results[2][0])


@pytest.mark.parametrize("value", [float("inf"), 0.0, 1e38])
def test_what_stands_in_padded_boxes_makes_no_difference(value: float) -> None:
    batch, settings = picture_batch(), TargetSettings()
    assert batch.same.isnan().any()
    assert batch.target.isnan().any()
    padded = torch.tensor((value, value, value, value))
    changed = batch._replace(same=torch.where(batch.same.isnan(), padded, batch.same))
    changed = changed._replace(target=torch.where(batch.target.isnan(), padded, batch.target))
    results = []
    for one in (batch, changed):
        net = TinyNet()
        with torch.autograd.set_detect_anomaly(mode=True):
            losses = run(net, one, settings)
            losses.total.backward()
        results.append((torch.stack(list(losses)).detach(), gradients(net)))
    assert results[0][0].isfinite().all()
    assert torch.equal(results[0][0], results[1][0])
    assert all(torch.equal(g, results[1][1][name]) for name, g in results[0][1].items())


def test_a_batch_of_negative_pairs_teaches_classes_only() -> None:
    net = TinyNet()
    batch = picture_batch()._replace(target=torch.full((6, 4), NAN), negative=torch.ones(6, dtype=torch.bool))
    losses = run(net, batch, TargetSettings(generalised_positives=False))
    losses.total.backward()
    assert float(losses.coarse_box.detach()) == float(losses.fine_box.detach()) == 0.0
    assert float(losses.coarse_class.detach()) > 0
    assert float(losses.positives) == float(losses.coarse_overlap) == float(losses.fine_overlap) == 0.0
    assert all(g.isfinite().all() for g in gradients(net).values())
    assert not net.cm.boxes.weight.grad.any()


def test_a_few_steps_make_a_tiny_net_better() -> None:
    net, batch, settings = TinyNet(), picture_batch(B=4), TargetSettings(generalised_positives=False)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    first = run(net, batch, settings, seed=99)
    for step in range(50):
        optimiser.zero_grad()
        run(net, batch, settings, seed=step).total.backward()
        optimiser.step()
    last = run(net, batch, settings, seed=99)
    for name in ("coarse_class", "coarse_box", "fine_class", "fine_box"):
        assert float(getattr(last, name).detach()) < 0.7 * float(getattr(first, name).detach()), name
    assert float(last.fine_accuracy) > float(first.fine_accuracy)


@pytest.mark.parametrize(("name", "half"), [("spm_lite", False), ("spm_lite", True), ("spm_alexnet", True)])
def test_real_networks_train_with_and_without_autocast(name: str, half: bool) -> None:
    net, batch = random_network(0, ARCHITECTURES[name]).train(), picture_batch(B=2)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
        losses = run(net, batch, TargetSettings())
    losses.total.backward()
    assert all(value.dtype == torch.float32 and value.ndim == 0 for value in losses)
    assert set(gradients(net)) == {name for name, p in net.named_parameters() if p.requires_grad}
    assert all(g.isfinite().all() for g in gradients(net).values())


WAITING = {"_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal", "unique", "_unique2"}
"""Operators whose result has to come back from an accelerator before the program can go on."""


class Watch(TorchDispatchMode):
    """Notes the names of the operators that run, backward ones included."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("settings", [TargetSettings(), TargetSettings(**RELEASED_SAMPLING)])
def test_nothing_waits_for_the_device(settings: TargetSettings) -> None:
    batch = picture_batch()
    with Watch() as watch:
        run(TinyNet(), batch, settings).total.backward()
    assert {"topk", "gather", "convolution_backward"} <= watch.seen
    assert not watch.seen & WAITING
    with Watch() as watch:
        assert torch.ones(2)[torch.ones(2) > 0].sum() > 0
    assert {"_local_scalar_dense", "nonzero"} & watch.seen


def test_lists_and_maps_of_these_tests_agree() -> None:
    listed = torch.randn(2, len(ANCHORS), 4)
    assert torch.equal(delta_list(maps_of(listed)), listed)
