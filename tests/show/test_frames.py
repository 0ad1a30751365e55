"""Frames as people name them."""

from __future__ import annotations

import numpy as np
import pytest

from spm_bench.errors import UsageError
from spm_bench.results.trajectory import FrameState
from spm_bench.scoring.timeline import Timeline
from spm_bench.show.frames import STRIP, around_losses, evenly, parse_frames


@pytest.mark.parametrize(
    ("text", "frames"),
    [("1", [0]), ("3-5", [2, 3, 4]), ("5,1-2, 5 ", [0, 1, 4]), (" 9 - 10 ", [8, 9]), ("4-4", [3])],
)
def test_frames_are_read(text: str, frames: list[int]) -> None:
    assert parse_frames(text, 10) == frames


@pytest.mark.parametrize("text", ["", "x", "1-", "-3", "1,,2", "3-2", "0", "0-3", "11", "9-11", "1.5", "²", "٣"])
def test_what_is_no_frame_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--frames"):
        parse_frames(text, 10)


def lost_at(*frames: int, n: int = 60) -> Timeline:
    states = np.full(n, FrameState.TRACKED, np.int8)
    states[list(frames)] = FrameState.FAILURE
    return Timeline(np.full(n, 0.5), np.zeros((n, 4)), states, 1)


def test_frames_around_losses() -> None:
    assert around_losses([lost_at()], 60, moving=True) == []
    assert around_losses([lost_at(20)], 60, moving=True) == list(range(5, 36))
    assert around_losses([lost_at(20), lost_at(58)], 60, moving=True) == [*range(5, 36), *range(43, 60)]
    assert around_losses([lost_at(2)], 60, moving=False) == [2 + step for step in STRIP if step >= -2]


def test_even_steps() -> None:
    assert evenly(1, 4) == [0]
    assert evenly(3, 4) == [0, 1, 2]
    assert evenly(36, 4) == [0, 12, 23, 35]
