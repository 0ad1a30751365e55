"""Scales, ticks and the places of marks."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from spm_bench.report.html.looks import DARK_GROUND, LIGHT_GROUND, contrast, palette
from spm_bench.report.html.plots import (
    RIGHT,
    WIDTH,
    around,
    fitted,
    grid,
    path,
    short,
    steps,
    swarm,
    text_width,
    thinned,
    x_scale,
    y_scale,
)


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.0, 50.0, [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]),
        (0.31, 0.72, [0.4, 0.5, 0.6, 0.7]),
        (-0.5, 3.5, [0.0, 1.0, 2.0, 3.0]),
        (2.0, 2.0, [2.0]),
    ],
)
def test_steps_are_round(low: float, high: float, wanted: list[float]) -> None:
    assert steps(low, high) == pytest.approx(wanted)


@pytest.mark.parametrize(("low", "high"), list(itertools.product([0.0, -3.7, 0.013], [0.02, 1.7, 981.0, 1e6])))
def test_there_are_never_too_many_ticks(low: float, high: float) -> None:
    found = steps(low, high)
    assert 1 < len(found) <= 6
    assert all(low - 1e-9 <= v <= high + 1e-9 for v in found)


def test_scales_reach_both_ends_and_stop_there() -> None:
    x, y = x_scale(0, 10, left=40), y_scale(0, 1)
    assert (x(0), x(10), x(11)) == (40, WIDTH - RIGHT, WIDTH - RIGHT)
    assert y(1) < y(0)
    log = x_scale(1, 100, left=0, log=True)
    assert log(10) == pytest.approx((WIDTH - RIGHT) / 2, abs=0.01)
    assert [t.text for t in log.ticks()] == ["1", "2", "5", "10", "20", "50", "100"]


def test_room_around_values() -> None:
    assert around([0.5], 0.2) == pytest.approx([0.4, 0.6])
    assert around([0.0, 1.0], 0.2, floor=0.0, ceiling=1.0) == [0.0, 1.0]


def test_a_path_is_lifted_over_gaps() -> None:
    assert path([0, 1, 2, 3], [5, 6, math.nan, 8]) == "M0 5L1 6M3 8"


def test_thinning_keeps_both_ends() -> None:
    assert thinned(5, 10).tolist() == [0, 1, 2, 3, 4]
    found = thinned(1000, 100)
    assert (found[0], found[-1]) == (0, 999)
    assert len(found) == 100


def test_a_swarm_keeps_marks_apart_while_there_is_room() -> None:
    places = np.random.default_rng(1).uniform(0, 300, 40).tolist()
    offsets = swarm(places, 9.0, 5.0)
    assert max(map(abs, offsets)) <= 9.0
    pairs = itertools.combinations(zip(places, offsets, strict=True), 2)
    assert min(math.dist(a, b) for a, b in pairs) >= 0.89 * 5.0


def test_a_swarm_without_room_stays_in_its_row() -> None:
    offsets = swarm([100.0] * 50, 9.0, 5.0)
    assert len(offsets) == 50
    assert max(map(abs, offsets)) <= 9.0


def test_marks_at_whole_numbers_stand_in_columns() -> None:
    offsets = grid([10.0] * 7 + [60.0], 5.0, 5.0, 50.0)
    assert offsets[-1] == (0.0, 0.0)
    assert len(set(offsets[:7])) == 7
    assert max(abs(along) for along, _ in offsets) < 25
    assert max(abs(across) for _, across in offsets) <= 5.0


@pytest.mark.parametrize("name", ["x" * 60, "WWWW" * 10, "追踪" * 20, "short", ""])
def test_names_fit_their_room(name: str) -> None:
    assert text_width(fitted(name, 100.0)) <= 100.0
    assert name not in ("short", "") or fitted(name, 100.0) == name


def test_a_cut_name_keeps_both_ends() -> None:
    assert short("SPM-without-coarse-stage", 12) == "SPM-wit…tage"


def test_all_colours_can_be_read_in_the_dark() -> None:
    for shade in palette():
        assert contrast(shade.dark, DARK_GROUND) >= 4.5
    assert contrast("#000000", LIGHT_GROUND) == pytest.approx(21)
    assert len({shade.dark for shade in palette()}) == len(palette())
