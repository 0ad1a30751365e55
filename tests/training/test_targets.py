"""Targets of both stages against plain loops over pairs, anchors and objects."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from spm_bench.geometry.anchors import decode_deltas
from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.trackers.spm.step import delta_list, foreground_scores, make_anchors
from spm_bench.training.batch import PairBatch
from spm_bench.training.targets import (
    COARSE_DIVISORS,
    FINE_DIVISORS,
    RELEASED_SAMPLING,
    SMALLEST_SIDE,
    TargetSettings,
    class_pairs,
    coarse_targets,
    find_objects,
    fine_proposals,
    fine_targets,
    sample_anchors,
)

NAN = float("nan")
CPU = torch.device("cpu")
ANCHORS = make_anchors(SpmConfig(), 8, CPU)
PLAIN = TargetSettings(generalised_positives=False)
GENERAL = TargetSettings()
BORDER = 1e-4
"""Anchors closer than this to a threshold are not compared: float32 may fall on either side."""


def pair_batch(targets: list[list[float] | None], same: list[list[list[float]]], M: int = 3) -> PairBatch:
    """Pairs with these boxes (None: a negative pair), pictures left blank."""
    B = len(targets)
    padded = [objects + [[NAN] * 4] * (M - len(objects)) for objects in same]
    return PairBatch(
        template=torch.zeros(B, 3, 160, 160),
        template_box=torch.tensor([[105.0, 110.0, 166.0, 161.0]]).repeat(B, 1),
        search=torch.zeros(B, 3, 271, 271),
        target=torch.tensor([[NAN] * 4 if box is None else box for box in targets]),
        same=torch.tensor(padded).reshape(B, M, 4),
        negative=torch.tensor([box is None for box in targets]),
    )


def random_batch(B: int = 6, M: int = 3, seed: int = 0) -> PairBatch:
    """Boxes of about the target's usual size anywhere in the search image; every third pair is negative."""
    g = torch.Generator().manual_seed(seed)
    centre, size = torch.rand((B, 1 + M, 2), generator=g) * 150 + 60, torch.rand((B, 1 + M, 2), generator=g) * 60 + 35
    boxes = torch.cat((centre - size / 2, centre + size / 2), -1)
    negative = torch.arange(B) % 3 == 2
    boxes[:, 0][negative] = NAN
    boxes[:, 1:][torch.rand((B, M), generator=g) < 0.4] = NAN
    blank = pair_batch([None] * B, [[]] * B)
    return blank._replace(target=boxes[:, 0], same=boxes[:, 1:], negative=negative)


def iou(a: list[float], b: list[float]) -> float:
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    shared = wide * high
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def off_centre(box: list[float], anchor: list[float]) -> float:
    """0 where the anchor's centre is the box's, 1 on its border."""
    return max(abs(anchor[d] + anchor[d + 2] - box[d] - box[d + 2]) / (box[d + 2] - box[d]) for d in (0, 1))


def loop_labels(batch: PairBatch, b: int, settings: TargetSettings) -> tuple[list[int], list[int], set[int]]:
    """Labels of pair b by the written rule, the object each positive stands for, and anchors at a threshold."""
    objects = {0: batch.target[b].tolist()} if not batch.negative[b] else {}
    if settings.generalised_positives:
        objects |= {m + 1: box.tolist() for m, box in enumerate(batch.same[b]) if not math.isnan(float(box[0]))}
    labels, owners, unsure = [], [], set()
    own_overlaps = [iou(objects[0], a) if 0 in objects else 0.0 for a in ANCHORS.tolist()]
    for n, anchor in enumerate(ANCHORS.tolist()):
        best, owner, ignored = 0.0, 0, False
        for m, box in objects.items():
            overlap, offset = iou(box, anchor), off_centre(box, anchor)
            if (
                min(abs(overlap - t) for t in (0.3, 0.5, 0.6)) < BORDER
                or min(abs(offset - t) for t in (0.5, 1)) < BORDER
            ):
                unsure.add(n)
            centred = offset <= 0.5 and overlap > 0.5
            if (overlap > 0.6 or centred) and overlap > best:
                best, owner = overlap, m
            ignored |= overlap >= 0.3 or (settings.generalised_positives and m > 0 and offset <= 1)
        labels.append(1 if best else -1 if ignored else 0)
        owners.append(owner)
    if 0 in objects and not any(label == 1 and owner == 0 for label, owner in zip(labels, owners, strict=True)):
        quality = [
            own - 1e-3 * off_centre(objects[0], a) for own, a in zip(own_overlaps, ANCHORS.tolist(), strict=True)
        ]
        n, second = sorted(range(len(ANCHORS)), key=lambda n: -quality[n])[:2]
        assert quality[n] - quality[second] > 1e-6
        if own_overlaps[n] > 0.3 and labels[n] != 1:
            labels[n], owners[n] = 1, 0
    return labels, owners, unsure


@pytest.mark.parametrize("settings", [PLAIN, GENERAL], ids=["target only", "generalised"])
@pytest.mark.parametrize("seed", [0, 1])
def test_labels_and_deltas_are_those_of_a_plain_loop(settings: TargetSettings, seed: int) -> None:
    batch = random_batch(seed=seed)
    targets = coarse_targets(ANCHORS, batch, settings)
    seen = set()
    objects = torch.cat((batch.target[:, None], batch.same), 1)
    landed = decode_deltas(ANCHORS, targets.deltas, COARSE_DIVISORS, pixel_offset=0.0)
    for b in range(len(batch.target)):
        labels, owners, unsure = loop_labels(batch, b, settings)
        assert len(unsure) < 100
        for n, label in enumerate(labels):
            if n in unsure:
                continue
            assert int(targets.labels[b, n]) == label, (b, n)
            seen.add(label)
            if label == 1:
                torch.testing.assert_close(landed[b, n], objects[b, owners[n]], atol=1e-3, rtol=0)
            else:
                assert not targets.deltas[b, n].any()
    assert seen == {1, 0, -1}
    assert torch.equal(targets.regressed, targets.labels == 1)


LOOK_ALIKES = pair_batch([[60, 60, 124, 124], None], [[[150, 150, 214, 214]], [[150, 150, 214, 214]]])


def nearest_anchor(x: float, y: float, kind: int) -> int:
    """Row of the anchor of one kind (0: widest, 2: square, 4: tallest) whose centre is nearest."""
    rows = torch.arange(kind, len(ANCHORS), 5)
    centres = (ANCHORS[rows, :2] + ANCHORS[rows, 2:]) / 2
    return int(rows[(centres - torch.tensor((x, y))).norm(dim=1).argmin()])


def test_generalised_positives_change_what_look_alikes_are() -> None:
    on_look_alike, badly_shaped = nearest_anchor(182, 182, 2), nearest_anchor(205, 205, 0)
    assert iou(ANCHORS[badly_shaped].tolist(), [150, 150, 214, 214]) < 0.3
    plain, general = (coarse_targets(ANCHORS, LOOK_ALIKES, s).labels for s in (PLAIN, GENERAL))
    for b in (0, 1):
        assert int(plain[b, on_look_alike]) == 0
        assert int(plain[b, badly_shaped]) == 0
        assert int(general[b, on_look_alike]) == 1
        assert int(general[b, badly_shaped]) == -1
    assert not plain[1].any()
    assert int((general[1] == 1).sum()) > 0


def test_positives_on_look_alikes_learn_boxes_only_if_asked() -> None:
    on_look_alike, on_target = nearest_anchor(182, 182, 2), nearest_anchor(92, 92, 2)
    changed = coarse_targets(ANCHORS, LOOK_ALIKES, TargetSettings(regress_same=False))
    assert int(changed.labels[0, on_look_alike]) == 1
    assert not changed.regressed[0, on_look_alike]
    assert changed.regressed[0, on_target]
    assert not changed.regressed[1].any()


def test_the_best_anchor_of_a_target_that_fits_none() -> None:
    small = pair_batch([[100.1, 100.2, 140.1, 140.2]], [[]])
    overlaps = [iou(small.target[0].tolist(), a) for a in ANCHORS.tolist()]
    best = max(range(len(overlaps)), key=lambda n: overlaps[n])
    assert 0.3 < overlaps[best] < 0.5
    labels = coarse_targets(ANCHORS, small, GENERAL).labels[0]
    assert sum(abs(overlap - overlaps[best]) < 1e-6 for overlap in overlaps) > 1
    assert torch.nonzero(labels == 1).flatten().tolist() == [nearest_anchor(120.1, 120.2, 2)]
    assert not (coarse_targets(ANCHORS, small, TargetSettings(keep_best=False)).labels == 1).any()
    smaller = pair_batch([[100.0, 100.0, 120.0, 120.0]], [[]])
    assert not coarse_targets(ANCHORS, smaller, GENERAL).labels.any()


def test_boxes_of_negative_pairs_and_broken_boxes_do_not_count() -> None:
    box = [60.0, 60.0, 124.0, 124.0]
    broken = [[150.0, 150.0, 150.0, 214.0], [float("inf"), 0.0, 50.0, 50.0], [90.0, 90.0, 80.0, 120.0]]
    batch = pair_batch([box, box], [broken, broken])._replace(negative=torch.tensor([False, True]))
    assert find_objects(batch).valid.tolist() == [[True, False, False, False], [False] * 4]
    targets = coarse_targets(ANCHORS, batch, GENERAL)
    alone = coarse_targets(ANCHORS, pair_batch([box, None], [[], []], M=0), GENERAL)
    assert all(torch.equal(a, b) for a, b in zip(targets, alone, strict=True))
    assert not targets.labels[1].any()
    assert not fine_targets(torch.tensor([[box], [box]]), batch, GENERAL).labels[1].any()


def test_sampling_takes_the_stated_numbers() -> None:
    labels = coarse_targets(ANCHORS, random_batch(), GENERAL).labels
    hardness = torch.rand(labels.shape, generator=torch.Generator().manual_seed(5))
    samples = sample_anchors(labels, hardness, GENERAL, torch.Generator().manual_seed(1))
    assert samples.positive.sum(1).tolist() == (labels == 1).sum(1).clamp(max=16).tolist()
    assert samples.negative.sum(1).tolist() == [48] * len(labels)
    assert (labels[samples.positive] == 1).all()
    assert (labels[samples.negative] == 0).all()
    at_random = sample_anchors(labels, hardness, TargetSettings(hard_negatives=0), torch.Generator().manual_seed(1))
    for b in range(len(labels)):
        left = (labels[b] == 0) & ~at_random.negative[b]
        hardest = sorted(torch.nonzero(left).flatten().tolist(), key=lambda n: -float(hardness[b, n]))[:16]
        added = torch.nonzero(samples.negative[b] & ~at_random.negative[b]).flatten().tolist()
        assert sorted(added) == sorted(hardest)


def test_sampling_by_the_released_rule_fills_up_with_negatives() -> None:
    labels = torch.zeros((3, 500), dtype=torch.long)
    labels[0, :100], labels[1, :7], labels[2, :480] = 1, 1, -1
    settings = TargetSettings(**RELEASED_SAMPLING)
    samples = sample_anchors(labels, torch.zeros(labels.shape), settings, torch.Generator().manual_seed(0))
    assert samples.positive.sum(1).tolist() == [24, 7, 0]
    assert samples.negative.sum(1).tolist() == [24, 41, 20]


def test_sampling_is_fair_and_repeats_with_the_seed() -> None:
    labels = torch.ones((400, 20), dtype=torch.long)
    labels[:, 10:] = 0
    settings = TargetSettings(positives=5, random_negatives=5, hard_negatives=0)
    hardness = torch.zeros(labels.shape)
    first, again, other = (
        sample_anchors(labels, hardness, settings, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)
    )
    assert torch.equal(first.positive, again.positive)
    assert torch.equal(first.negative, again.negative)
    assert not torch.equal(first.positive, other.positive)
    shares = (first.positive | first.negative).float().mean(0)
    assert float((shares - 0.5).abs().max()) < 0.1  # four standard deviations of 400 draws


def test_lists_follow_the_order_of_the_anchors() -> None:
    G, A = 19, 5
    logits, deltas = torch.randn(2, 2 * A, G, G), torch.randn(2, 4 * A, G, G)
    pairs, listed = class_pairs(logits), delta_list(deltas)
    torch.testing.assert_close(pairs.softmax(-1)[..., 1], foreground_scores(logits))
    for row, column, anchor in ((0, 0, 0), (3, 17, 4), (18, 2, 1)):
        n = (row * G + column) * A + anchor
        assert pairs[1, n].tolist() == [float(logits[1, c * A + anchor, row, column]) for c in (0, 1)]
        assert listed[1, n].tolist() == [float(deltas[1, anchor * 4 + d, row, column]) for d in range(4)]
        centre = (ANCHORS[n, :2] + ANCHORS[n, 2:]) / 2
        assert centre.tolist() == [63.5 + 8 * column, 63.5 + 8 * row]


def random_maps(B: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    return torch.randn((B, 10, 19, 19), generator=g), torch.randn((B, 20, 19, 19), generator=g) * 0.2


def test_proposals_are_the_best_after_greedy_nms() -> None:
    batch, (logits, deltas) = random_batch(), random_maps(6)
    boxes = fine_proposals(logits, deltas, ANCHORS, batch, GENERAL, torch.Generator().manual_seed(0))
    decoded = decode_deltas(ANCHORS, delta_list(deltas), COARSE_DIVISORS, pixel_offset=1.0)
    scores = foreground_scores(logits)
    for b in range(6):
        kept: list[list[float]] = []
        for n in scores[b].argsort(descending=True).tolist():
            box = decoded[b, n].tolist()
            if all(iou(box, other) < 0.75 for other in kept):
                kept.append(box)
            if len(kept) == 8:
                break
        torch.testing.assert_close(boxes[b, :8], torch.tensor(kept), atol=1e-3, rtol=0)


def test_moved_copies_stay_near_what_they_copy() -> None:
    batch, (logits, deltas) = random_batch(B=60, seed=2), random_maps(60)
    boxes = fine_proposals(logits, deltas, ANCHORS, batch, GENERAL, torch.Generator().manual_seed(0))
    assert boxes.shape == (60, 16, 4)
    from_same = from_nowhere = 0
    for b in range(60):
        expected = (batch.template_box if batch.negative[b] else batch.target)[b].tolist()
        copies = boxes[b, 8:12].tolist()
        assert all(iou(copy, expected) > 0.4 for copy in copies)
        assert len({tuple(copy) for copy in copies}) == 4
        others = [box.tolist() for box in batch.same[b] if not math.isnan(float(box[0]))]
        for box in boxes[b, 12:].tolist():
            if others:
                assert max(iou(box, other) for other in others) > 0.4
                from_same += 1
            else:
                assert 0 <= (box[0] + box[2]) / 2 <= 271
                from_nowhere += 1
    assert from_same > 20
    assert from_nowhere > 4


def test_proposals_repeat_with_the_seed_and_carry_no_gradient() -> None:
    batch, (logits, deltas) = random_batch(), random_maps(6)
    deltas.requires_grad_()
    first, again, other = (
        fine_proposals(logits, deltas, ANCHORS, batch, GENERAL, torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first[:, 8:], other[:, 8:])
    assert torch.equal(first[:, :8], other[:, :8])
    assert not first.requires_grad


def test_random_boxes_replace_proposals_that_run_out() -> None:
    batch = random_batch(B=2)
    box = torch.tensor((80.0, 90.0, 150.0, 140.0))
    size = ANCHORS[:, 2:] - ANCHORS[:, :2] + 1
    centre = ANCHORS[:, :2] + size / 2
    deltas = torch.cat(((box[:2] + box[2:]) / 2 - centre, size), 1)
    deltas = torch.cat((deltas[:, :2] / size, ((box[2:] - box[:2]) / size).log()), 1)
    maps = deltas.reshape(1, 19, 19, 20).permute(0, 3, 1, 2).repeat(2, 1, 1, 1)
    boxes = fine_proposals(random_maps(2)[0], maps, ANCHORS, batch, GENERAL, torch.Generator().manual_seed(0))
    torch.testing.assert_close(boxes[:, 0], box.repeat(2, 1), atol=1e-3, rtol=0)
    assert all(len({tuple(row) for row in rows}) == 8 for rows in boxes[:, :8].tolist())


@pytest.mark.parametrize("value", [NAN, float("inf"), float("-inf"), 1e30, -1e30])
def test_proposals_stay_sane_whatever_the_network_says(value: float) -> None:
    batch, (logits, deltas) = random_batch(), random_maps(6)
    deltas[:, :, ::2], logits[:, :, :, ::3] = value, value
    boxes = fine_proposals(logits, deltas, ANCHORS, batch, GENERAL, torch.Generator().manual_seed(0))
    sides = boxes[..., 2:] - boxes[..., :2]
    assert boxes.isfinite().all()
    assert float(sides.min()) >= SMALLEST_SIDE - 1e-3
    assert float(sides.max()) <= 2 * 271 + 1e-3


@pytest.mark.parametrize("counts", [(8, 0, 0), (0, 4, 0), (0, 0, 4), (1, 2, 3)])
def test_any_mix_of_proposals(counts: tuple[int, int, int]) -> None:
    settings = TargetSettings(proposals=counts[0], jittered=counts[1], distractors=counts[2])
    for M in (3, 0):
        batch = pair_batch([[60, 60, 124, 124], None], [[], []], M=M)
        boxes = fine_proposals(*random_maps(2), ANCHORS, batch, settings, torch.Generator().manual_seed(0))
        assert boxes.shape == (2, sum(counts), 4)


def test_fine_labels_are_overlaps_with_the_target_itself() -> None:
    batch = random_batch(B=30, seed=4)
    boxes = fine_proposals(*random_maps(30), ANCHORS, batch, GENERAL, torch.Generator().manual_seed(0))
    grey = TargetSettings(fine_positive_overlap=0.7, fine_negative_overlap=0.5)
    plain, zoned = (fine_targets(boxes, batch, s) for s in (GENERAL, grey))
    landed = decode_deltas(boxes, plain.deltas, FINE_DIVISORS, pixel_offset=0.0)
    counts = dict.fromkeys((1, 0, -1), 0)
    for b in range(30):
        for k, box in enumerate(boxes[b].tolist()):
            overlap = 0.0 if batch.negative[b] else iou(box, batch.target[b].tolist())
            assert float(plain.overlaps[b, k]) == pytest.approx(overlap, abs=1e-5)
            assert int(plain.labels[b, k]) == (1 if overlap >= 0.5 else 0)
            expected = 1 if overlap >= 0.7 else -1 if overlap >= 0.5 else 0
            assert int(zoned.labels[b, k]) == expected
            counts[expected] += 1
            if overlap >= 0.5:
                torch.testing.assert_close(landed[b, k], batch.target[b], atol=1e-3, rtol=0)
            else:
                assert not plain.deltas[b, k].any()
    assert min(counts.values()) > 10


def test_look_alikes_are_negatives_of_the_fine_stage() -> None:
    boxes = torch.cat((LOOK_ALIKES.target[:, None], LOOK_ALIKES.same[:, :1]), 1)
    boxes[1, 0] = boxes[0, 0]
    assert fine_targets(boxes, LOOK_ALIKES, GENERAL).labels.tolist() == [[1, 0], [0, 0]]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"negative_overlap": 0.7}, "negative_overlap cannot exceed"),
        ({"centre_overlap": 0.2}, "negative_overlap cannot exceed"),
        ({"fine_negative_overlap": 0.6}, "fine_negative_overlap cannot exceed"),
        ({"fill_to": 8}, "fill_to"),
        ({"proposals": 0, "jittered": 0, "distractors": 0}, "fine stage needs"),
        ({"positives": -1}, "greater than or equal"),
        ({"proposal_nms": 1.5}, "less than or equal"),
        ({"keep_bset": True}, "Extra inputs"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, float], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        TargetSettings.model_validate(changes)


def test_released_constants_are_the_defaults() -> None:
    settings = TargetSettings()
    values = (settings.negative_overlap, settings.centre_overlap, settings.positive_overlap)
    assert all(a < b for a, b in pairwise(values))
    assert (settings.negative_overlap, settings.positive_overlap) == (0.3, 0.6)
    assert (settings.proposals, settings.proposal_nms, settings.fine_positive_overlap) == (8, 0.75, 0.5)
