"""Candidate selection against a plain loop, and the corner cases that no recorded output covers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from spm_bench.trackers.spm.proposals import Candidates, greedy_nms, overlaps_pixel, select_candidates


def overlap(a: NDArray[np.float32], b: NDArray[np.float32], pixel: float) -> float:
    w = max(0.0, min(a[2], b[2]) - max(a[0], b[0]) + pixel)
    h = max(0.0, min(a[3], b[3]) - max(a[1], b[1]) + pixel)
    areas = sum((c[2] - c[0] + pixel) * (c[3] - c[1] + pixel) for c in (a, b))
    return float(w * h / (areas - w * h))


def loop_selection(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], last: NDArray[np.float32], candidates: int, near: int
) -> list[int]:
    """The description, one row at a time."""
    overlaps = [overlap(b, last, 1.0) for b in boxes]
    close = [i for i, o in enumerate(overlaps) if o > 0.8]
    order = (
        sorted(close, key=lambda i: -scores[i])
        if len(close) > near
        else sorted(range(len(boxes)), key=lambda i: -overlaps[i])
    )
    near_rows = order[:near]
    pool = [i for i in range(len(boxes)) if i not in near_rows]
    best = max(scores[i] for i in pool)
    pool = sorted((i for i in pool if scores[i] >= np.float32(0.1) * best), key=lambda i: -scores[i])
    kept: list[int] = []
    for i in pool:
        if all(overlap(boxes[i], boxes[j], 0.0) < 0.5 for j in kept):
            kept.append(i)
    return kept[: candidates - near] + near_rows


def select(boxes: Tensor, scores: Tensor, last: Tensor, candidates: list[int], near: list[int]) -> Candidates:
    B = len(boxes)
    return select_candidates(
        boxes,
        scores,
        last,
        candidates=torch.tensor(candidates),
        near=torch.tensor(near),
        near_overlap=torch.full((B,), 0.8),
        score_cut=torch.full((B,), 0.1),
        nms_threshold=torch.full((B,), 0.5),
        most_pool=max(c - n for c, n in zip(candidates, near, strict=True)),
        most_near=max(near),
    )


def scene(seed: int, count: int = 60) -> tuple[Tensor, Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    corner, size = rng.uniform(0, 60, (count, 2)), rng.uniform(20, 60, (count, 2))
    boxes = np.concatenate((corner, corner + size), axis=1).astype(np.float32)
    scores = rng.permutation(count).astype(np.float32) / count + np.float32(0.01)
    last = boxes[rng.integers(count)] + rng.uniform(-3, 3, 4).astype(np.float32)
    return torch.from_numpy(boxes), torch.from_numpy(scores), torch.from_numpy(last.astype(np.float32))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6), slots=st.lists(st.tuples(st.integers(1, 12), st.integers(0, 3)), min_size=1, max_size=4)
)
def test_equals_a_plain_loop_with_other_counts_in_every_slot(seed: int, slots: list[tuple[int, int]]) -> None:
    slots = [(max(c, n), n) for c, n in slots]
    scenes = [scene(seed + b) for b in range(len(slots))]
    boxes, scores, last = (torch.stack(parts) for parts in zip(*scenes, strict=True))
    chosen = select(boxes, scores, last, [c for c, _ in slots], [n for _, n in slots])
    for b, (candidates, near) in enumerate(slots):
        expected = loop_selection(boxes[b].numpy(), scores[b].numpy(), last[b].numpy(), candidates, near)
        assert chosen.rows[b][chosen.valid[b]].tolist() == expected


def test_ties_take_the_lowest_row() -> None:
    boxes = torch.tensor([[[0, 0, 10, 10], [50, 50, 60, 60], [100, 0, 110, 10.0]]])
    scores = torch.full((1, 3), 0.7)
    picks, valid = greedy_nms(boxes, scores, torch.ones(1, 3, dtype=torch.bool), torch.tensor([0.5]), 3)
    assert picks.tolist() == [[0, 1, 2]]
    assert valid.all()


def test_boxes_without_area_are_picked_once() -> None:
    boxes = torch.tensor([[[5, 5, 5, 5], [50, 50, 60, 60.0]]])
    scores = torch.tensor([[0.9, 0.5]])
    picks, valid = greedy_nms(boxes, scores, torch.ones(1, 2, dtype=torch.bool), torch.tensor([0.5]), 4)
    assert picks[valid].tolist() == [0, 1]
    assert valid.tolist() == [[True, True, False, False]]


def test_nan_boxes_have_no_overlap_and_win_no_nearness() -> None:
    boxes = torch.tensor([[[float("nan")] * 4, [0, 0, 10, 10.0]]])
    assert overlaps_pixel(boxes, torch.tensor([[0, 0, 10, 10.0]])).tolist() == [[0.0, 1.0]]


def test_the_near_row_is_last_even_when_it_duplicates_the_best() -> None:
    boxes = torch.tensor([[[0, 0, 40, 40], [1, 0, 41, 40], [90, 90, 120, 120.0]]])
    scores = torch.tensor([[0.8, 0.9, 0.3]])
    chosen = select(boxes, scores, torch.tensor([[0, 0, 40, 40.0]]), [3], [1])
    assert chosen.n_near.tolist() == [2]
    assert chosen.rows[0][chosen.valid[0]].tolist() == [0, 2, 1]


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_nms_at_the_ends_of_the_threshold(threshold: float) -> None:
    boxes, scores, _ = scene(3)
    picks, valid = greedy_nms(
        boxes[None], scores[None], torch.ones(1, len(scores), dtype=torch.bool), torch.tensor([threshold]), 60
    )
    assert int(valid.sum()) == (1 if threshold == 0.0 else 60)
    assert int(picks[0, 0]) == int(scores.argmax())
