"""The rivals' decisions against plain loops over single numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from spm_bench.trackers.siamese.rules import (
    Found,
    change_penalty,
    choose_proposal,
    find_peak,
    hann,
    move,
    upsample,
)


def random(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def plain_penalty(w, h, w0, h0, k):
    def change(x):
        return max(x, 1 / x)

    def square(a, b):
        pad = (a + b) / 2
        return math.sqrt((a + pad) * (b + pad))

    return math.exp(-(change((w0 / h0) / (w / h)) * change(square(w, h) / square(w0, h0)) - 1) * k)


def test_the_window_is_numpys():
    np.testing.assert_allclose(hann(19, torch.device("cpu")), np.outer(np.hanning(19), np.hanning(19)), atol=1e-7)


def test_penalty_is_that_of_the_paper():
    sides, last = 5 + 100 * random(2, 30, 2), torch.tensor([[30.0, 20.0], [10.0, 80.0]])
    found = change_penalty(sides, last, 0.22)
    expected = [[plain_penalty(*map(float, s), *map(float, last[b]), 0.22) for s in sides[b]] for b in range(2)]
    torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-5, atol=1e-6)
    assert float(change_penalty(last[:, None], last, 3.0).min()) == pytest.approx(1.0)


def test_a_proposal_is_chosen_as_a_loop_chooses_it():
    N, scale, region = 40, 1.7, np.array([20.0, -30.0, 180.0, 130.0])
    centre, sides, scores = 271 * random(N, 2), 10 + 90 * random(N, 2, seed=1), random(N, seed=2)
    proposals, window = torch.cat((centre - sides / 2, centre + sides / 2), -1), random(N, seed=3)
    box = np.array([80.0, 30.0, 120.0, 60.0])
    found = choose_proposal(
        scores[None],
        proposals[None],
        torch.from_numpy(box)[None],
        torch.from_numpy(region)[None],
        torch.tensor([scale], dtype=torch.float64),
        window=window,
        window_weight=0.4,
        penalty=0.22,
        size_rate=0.3,
    )
    kept = [plain_penalty(*map(float, s), 40 * scale, 30 * scale, 0.22) for s in sides]
    final = [0.6 * k * float(s) + 0.4 * float(w) for k, s, w in zip(kept, scores, window, strict=True)]
    best = int(np.argmax(final))
    assert int(found.place) == best
    np.testing.assert_allclose(found.centre[0], centre[best].double().numpy() / scale + region[:2], rtol=1e-5)
    np.testing.assert_allclose(found.size[0], sides[best].double().numpy() / scale, rtol=1e-5)
    assert float(found.rate) == pytest.approx(0.3 * kept[best] * float(scores[best]), rel=1e-5)


def test_what_ranks_is_not_what_is_believed():
    boxes = torch.tensor([[[0.0, 0, 10, 10], [20.0, 20, 30, 30]]])
    one = torch.ones(1, dtype=torch.float64)
    found = choose_proposal(
        torch.tensor([[0.1, 0.6]]),
        boxes,
        torch.tensor([[0.0, 0, 10, 10]], dtype=torch.float64),
        torch.zeros((1, 4), dtype=torch.float64),
        one,
        window=torch.zeros(2),
        window_weight=0.0,
        penalty=0.0,
        size_rate=1.0,
        confidence=torch.tensor([[0.9, 0.7]]),
    )
    assert (int(found.place), float(found.score), float(found.rate)) == (1, pytest.approx(0.7), pytest.approx(0.7))


def test_upsampling_keeps_the_middle_in_the_middle():
    response = torch.zeros(1, 1, 19, 19)
    response[0, 0, 9, 9] = 1.0
    fine = upsample(response, 16)[0, 0]
    torch.testing.assert_close(fine, fine.flip((0, 1)), atol=1e-6, rtol=0)
    assert fine.shape == (304, 304)
    assert int(fine.argmax()) in {151 * 304 + 151, 151 * 304 + 152, 152 * 304 + 151, 152 * 304 + 152}


@pytest.mark.parametrize(("cell", "scale"), [((9, 9), 0), ((4, 12), 1), ((16, 2), 2)])
def test_the_peak_of_the_best_scale_says_where(cell, scale):
    """One bright point in one scale: the target moved there, by so many points of its response."""
    responses = torch.zeros(1, 3, 19, 19)
    responses[0, scale, cell[1], cell[0]] = 1.0
    factors = torch.tensor([0.9, 1.0, 1.1], dtype=torch.float64)
    per_point = torch.tensor([[4.0, 5.0, 6.0]], dtype=torch.float64)
    found = find_peak(
        responses,
        factors,
        torch.tensor([[10.0, 20.0, 50.0, 40.0]], dtype=torch.float64),
        per_point,
        penalty=torch.tensor([0.97, 1.0, 0.97]),
        window=hann(19, torch.device("cpu")),
        window_weight=0.1,
        size_rate=0.59,
    )
    assert int(found.place) == scale
    moved = (np.array(cell) - 9) * float(per_point[0, scale])
    np.testing.assert_allclose(found.centre[0], np.array([30.0, 30.0]) + moved)
    np.testing.assert_allclose(found.size[0], np.array([40.0, 20.0]) * float(factors[scale]))


def test_other_scales_must_be_better_by_the_penalty():
    responses = torch.zeros(1, 3, 19, 19)
    responses[0, :, 9, 9] = torch.tensor([1.02, 1.0, 1.01])
    options = {"window": hann(19, torch.device("cpu")), "window_weight": 0.1, "size_rate": 0.5}
    last, step = torch.tensor([[0.0, 0, 20, 20]], dtype=torch.float64), torch.ones((1, 3), dtype=torch.float64)
    factors = torch.tensor([0.9, 1.0, 1.1], dtype=torch.float64)
    for penalty, expected in ((0.97, 1), (1.0, 0)):
        factor = torch.tensor([penalty, 1.0, penalty])
        assert int(find_peak(responses, factors, last, step, penalty=factor, **options).place) == expected


def found_at(centre, size, rate=1.0):
    row = [torch.tensor([value], dtype=torch.float64) for value in (centre, size, rate)]
    return Found(row[0], row[1], row[2], torch.ones(1), torch.zeros(1, dtype=torch.long))


@pytest.mark.parametrize(
    ("centre", "size", "rate", "expected"),
    [
        ([50, 40], [20, 30], 1.0, [40, 25, 60, 55]),
        ([50, 40], [20, 30], 0.5, [42.5, 30, 57.5, 50]),
        ([-9, 400], [20, 20], 1.0, [-10, 90, 10, 110]),
        ([50, 50], [3, 500], 1.0, [45, 0, 55, 100]),
        ([math.nan, 50], [20, 20], 1.0, [0, 0, 10, 10]),
        ([50, 50], [math.inf, 20], 0.5, [0, 45, 200, 55]),
    ],
)
def test_a_box_keeps_its_bounds(centre, size, rate, expected):
    last = torch.tensor([[0.0, 0, 10, 10]], dtype=torch.float64)
    extent = torch.tensor([[200.0, 100.0]], dtype=torch.float64)
    moved = move(found_at(centre, size, rate), last, extent, 10.0)[0].tolist()
    if size[0] == math.inf:  # bounded by the frame like any other
        expected = [50 - 100, 50 - 7.5, 50 + 100, 50 + 7.5]
    assert moved == pytest.approx(expected)
