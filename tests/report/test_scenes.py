"""Scenes of a sequence have one size, and say what the trackers do."""

from __future__ import annotations

import numpy as np
import pytest

from spm_bench.report.decision_panel import PANEL
from spm_bench.report.lettering import bgr
from spm_bench.report.scenes import ALERT, NARROWEST, PAD, Cast, caption, draw_foot, draw_scene
from spm_bench.report.style import look
from spm_bench.results.trajectory import FrameState
from spm_bench.scoring.timeline import Timeline
from spm_bench.suites.base import Sequence
from tests.report.decisions import decision

N = 12
IMAGE = np.full((90, 120, 3), 128, np.uint8)
INIT, FAILURE, SKIPPED, TRACKED = FrameState.INIT, FrameState.FAILURE, FrameState.SKIPPED, FrameState.TRACKED


def sequence(name: str = "s") -> Sequence:
    return Sequence(name, np.tile([30.0, 20.0, 40.0, 30.0], (N, 1)), image_size=(120, 90))


def tracked(overlap: float = 0.7) -> Timeline:
    states = np.full(N, TRACKED, np.int8)
    states[0] = INIT
    return Timeline(np.full(N, overlap), np.tile([35.0, 25.0, 40.0, 30.0], (N, 1)), states, 1)


def restarted() -> Timeline:
    """Fails in frame 4 (from 0), waits, starts again in frame 9."""
    line = tracked()
    line.states[4:10] = [FAILURE, SKIPPED, SKIPPED, SKIPPED, SKIPPED, INIT]
    line.regions[4:10] = np.nan
    line.overlaps[4:10] = [0, np.nan, np.nan, np.nan, np.nan, 1]
    return line


def count(picture: np.ndarray, colour: str) -> int:
    return int((picture == bgr(colour)).all(axis=2).sum())


def test_all_scenes_of_a_sequence_have_the_same_size() -> None:
    shown = Cast(sequence(), ("A",), (restarted(),), explained=0, candidates=9)
    made = decision([0.9, 0.8], [0.4, 0.9], [0.2, 0.7])
    pictures = [
        draw_scene(
            shown, frame, IMAGE, width=900, decision=made if frame % 3 else None, note="it differs" * (frame % 2)
        )
        for frame in range(N)
    ]
    assert {picture.shape for picture in pictures} == {pictures[0].shape}
    assert pictures[0].shape[1] == 900


def test_a_failure_is_told_where_it_happens_only() -> None:
    shown = Cast(sequence(), ("A", "B"), (restarted(), tracked()))
    red = [count(draw_scene(shown, frame, IMAGE, width=640)[:28], ALERT) for frame in range(N)]
    assert [frame for frame, pixels in enumerate(red) if pixels > 500] == [4]
    states = [caption(shown, frame, 900) for frame in (0, 3, 4, 6, 9)]
    assert states == [
        "1:  A starts,  B starts",
        "4:  A .70,  B .70",
        "5:  A lost,  B .70",
        "7:  A waits,  B .70",
        "10:  A starts,  B .70",
    ]


def test_a_narrow_caption_names_who_is_off_the_target() -> None:
    shown = Cast(sequence(), ("A" * 30, "B" * 30, "C"), (tracked(0.05), tracked(), restarted()))
    assert caption(shown, 6, 300) == f"7:  off the target: {'A' * 30}, C"
    assert caption(Cast(sequence(), ("A" * 50,), (tracked(),)), 6, 200) == "7:  off the target: none"


def test_the_box_that_failed_is_drawn_though_no_result_holds_it() -> None:
    shown = Cast(sequence(), ("A",), (restarted(),), explained=0, candidates=2)
    made = decision([0.9, 0.8], [0.4, 0.9], [0.0, 0.0], region=np.array([-900.0, -900, 1, 1]))
    left = 900 - PANEL - 2 * PAD
    with_box, without = (draw_scene(shown, 4, IMAGE, width=900, decision=d)[28:300, :left] for d in (made, None))
    colour = look(0).colour
    assert count(with_box, colour) > count(without, colour) + 50


@pytest.mark.parametrize("trackers", [0, 1, 40])
@pytest.mark.parametrize("name", ["s", "<script>alert(1)</script>", "100% $a_b$", "Ж 中文 " * 30, "a\nb\x00"])
def test_any_number_of_trackers_and_any_name(trackers: int, name: str) -> None:
    shown = Cast(sequence(name), tuple(f"{name} {k}" for k in range(trackers)), (tracked(),) * trackers)
    picture = draw_scene(shown, 3, IMAGE, width=640)
    assert picture.shape[1] == 640
    assert draw_foot(shown, [0, 5], 640).shape[1] == 640


def test_the_narrowest_scene_has_room_for_the_picture() -> None:
    shown = Cast(sequence(), ("A",), (tracked(),), explained=0, candidates=9)
    made = decision([0.9] * 9, [0.5] * 9, None)
    tall = np.full((900, 100, 3), 128, np.uint8)
    assert draw_scene(shown, 2, tall, width=NARROWEST, decision=made).shape[1] == NARROWEST
    single = Sequence("one", np.array([[1.0, 1, 5, 5]]))
    line = Timeline(np.ones(1), np.full((1, 4), np.nan), np.array([INIT], np.int8), 1)
    assert draw_scene(Cast(single, ("A",), (line,)), 0, IMAGE, width=200).shape[1] == 200
