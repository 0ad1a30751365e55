from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spm_bench.errors import DataError
from spm_bench.training.virtual import MOST_STEP, ROOM, TRACKS_PER_SEQUENCE, held_out_tracks, virtual_videos
from tests.training.virtual_rows import RED, find_red, red_rows


def s_z(boxes: np.ndarray) -> np.ndarray:
    return np.sqrt((1.5 * boxes[:, 2] + 0.5 * boxes[:, 3]) * (1.5 * boxes[:, 3] + 0.5 * boxes[:, 2]))


def test_the_target_is_where_the_truth_says() -> None:
    rows = red_rows((12, 7))
    videos = virtual_videos(rows, seed=1)
    assert [len(video) for video in videos] == [12, 7]
    for video, first in zip(videos, (0, 12), strict=True):
        for t in range(len(video)):
            frame = video.frame(t)
            assert frame.shape == (video.canvas, video.canvas, 3)
            np.testing.assert_array_equal(find_red(frame), video.ground_truth[t])
            # Not shrunk, so not resampled: the crop is there, pixel by pixel, and its mean colour around it.
            x, y = video.corners[t]
            crop = rows.read(first + t)
            np.testing.assert_array_equal(frame[y : y + 128, x : x + 128], crop)
            around = np.ones(frame.shape[:2], dtype=bool)
            around[y : y + 128, x : x + 128] = False
            assert around.any()
            assert (frame[around] == np.rint(crop.mean(axis=(0, 1)))).all()


def test_crops_take_the_scale_they_had() -> None:
    scale = [1.0] * 5 + [0.5] * 2 + [0.8]
    video = virtual_videos(red_rows((8,), scale=scale), seed=1)[0]
    rows = red_rows((8,))
    # The median crop was not shrunk: the others are enlarged by what they lost.
    np.testing.assert_allclose(video.ground_truth[:, 2:], rows.boxes[:, 2:] / np.array(scale)[:, None], rtol=1e-2)
    assert video.sizes[:, 0].tolist() == [128] * 5 + [256] * 2 + [160]
    for t in range(8):
        # Resampling moves an edge by less than a pixel of the stored crop.
        assert np.abs(find_red(video.frame(t)) - video.ground_truth[t]).max() <= 1.0 / scale[t]


def test_an_unknown_scale_is_one() -> None:
    scale = [np.nan] * 6
    np.testing.assert_array_equal(
        virtual_videos(red_rows((6,), scale=scale), 3)[0].ground_truth,
        virtual_videos(red_rows((6,)), 3)[0].ground_truth,
    )


def test_the_target_wanders_smoothly_and_not_too_far() -> None:
    truth = virtual_videos(red_rows((400,)), seed=5)[0].ground_truth
    centres = truth[:, :2] + truth[:, 2:] / 2
    steps = np.hypot(*np.diff(centres, axis=0).T) / s_z(truth)[:-1]
    rounding = 1.5 / s_z(truth).min()
    assert steps.max() <= MOST_STEP + rounding
    assert np.quantile(steps, 0.25) < 0.04 < 0.12 < np.quantile(steps, 0.95)  # mostly slow, with bursts
    assert np.ptp(centres, axis=0).min() > 0.8 * ROOM * np.median(s_z(truth))
    assert np.ptp(centres, axis=0).max() <= 2 * ROOM * np.median(s_z(truth)) + 2
    moves = np.diff(centres, axis=0)
    assert np.corrcoef(moves[1:, 0], moves[:-1, 0])[0, 1] > 0.3


def test_the_way_is_a_function_of_the_seed() -> None:
    rows = red_rows((12, 12))
    one, again, other = (virtual_videos(rows, seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one[0].ground_truth, again[0].ground_truth)
    np.testing.assert_array_equal(one[1].frame(3), again[1].frame(3))
    ways = [np.diff(video[k].corners, axis=0) for video in (one, other) for k in (0, 1)]
    assert not any((a == b).all() for i, a in enumerate(ways) for b in ways[:i])


def test_the_way_does_not_depend_on_other_tracks() -> None:
    rows = red_rows((12, 12))
    alone = rows.select(rows.track == 1)
    np.testing.assert_array_equal(virtual_videos(rows, 0)[1].ground_truth, virtual_videos(alone, 0)[0].ground_truth)


def test_frames_are_in_their_order() -> None:
    rows = red_rows((9,))
    order = np.random.default_rng(0).permutation(9)
    mixed = replace(rows, boxes=rows.boxes[order], frame=rows.frame[order], read=lambda row: rows.read(int(order[row])))
    a, b = virtual_videos(rows, 0)[0], virtual_videos(mixed, 0)[0]
    np.testing.assert_array_equal(a.ground_truth, b.ground_truth)
    np.testing.assert_array_equal(a.frame(5), b.frame(5))


def test_few_tracks_of_a_crowd_are_taken() -> None:
    tracks = held_out_tracks(red_rows((6,) * 9 + (7,), sequence=[0] * 9 + [1]))
    assert [track.sequence for track in tracks] == ["video 0"] * TRACKS_PER_SEQUENCE + ["video 1"]
    assert [track.name for track in tracks] == ["video 0#0", "video 0#3", "video 0#5", "video 0#8", "video 1"]


def test_a_broken_picture_is_a_dropped_frame() -> None:
    track = held_out_tracks(red_rows((8,), broken=(2, 5)))[0]
    assert track.index.tolist() == [0, 1, 3, 4, 6, 7]
    assert track.skipped == 2


def test_rows_without_a_track_or_a_box_are_no_videos() -> None:
    rows = red_rows((8, 8))
    boxes, track = rows.boxes.copy(), rows.track.copy()
    boxes[3], track[8:] = np.nan, -1
    (only,) = held_out_tracks(replace(rows, boxes=boxes, track=track))
    assert only.index.tolist() == [0, 1, 2, 4, 5, 6, 7]


@pytest.mark.parametrize(("lengths", "broken"), [((4,), ()), ((8,), range(8)), ((8,), range(4))])
def test_too_little_to_validate_on(lengths: tuple[int, ...], broken: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="'red' has 5 readable pictures"):
        virtual_videos(red_rows(lengths, broken=broken), 0)


def test_no_rows_at_all() -> None:
    rows = red_rows((8,))
    with pytest.raises(DataError):
        virtual_videos(rows.select(rows.track > 5), 0)


def test_whole_frames_of_red() -> None:
    assert find_red(np.full((4, 6, 3), RED, np.uint8)).tolist() == [0, 0, 6, 4]
