"""Regions on pictures: the right pixels get the right colour, and nothing that cannot be drawn breaks."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from numpy.typing import NDArray

from spm_bench.errors import DataError
from spm_bench.report import overlay
from spm_bench.report.lettering import bgr, fitted, folded, text_width, write
from spm_bench.report.overlay import (
    TRUTH_COLOUR,
    Outline,
    Shown,
    captioned,
    corners,
    draw,
    frames_of,
    outlines_at,
    regions_at,
    tiled,
    to_figure,
    to_png,
)
from spm_bench.results.trajectory import FrameState
from spm_bench.scoring.timeline import Timeline
from spm_bench.suites.base import Sequence

GREY = np.full((60, 80, 3), 128, np.uint8)


def coloured(picture: NDArray[np.uint8], colour: str) -> NDArray[np.bool_]:
    return np.asarray((np.abs(picture.astype(int) - bgr(colour)) <= 12).all(axis=2))


def test_a_box_is_drawn_along_its_border_and_nowhere_else() -> None:
    picture = draw(GREY, [Outline(np.array([20.0, 10.0, 40.0, 30.0]), "#D55E00")])
    rows, columns = np.nonzero(coloured(picture, "#D55E00"))
    assert (abs(rows.min() - 10), abs(rows.max() - 40), abs(columns.min() - 20), abs(columns.max() - 60)) <= (1,) * 4
    middle = picture[14:36, 24:56]
    assert (middle == 128).all()
    assert (GREY == 128).all()


def test_a_region_is_drawn_where_it_is_in_a_picture_of_another_size() -> None:
    picture = draw(GREY, [Outline(np.array([20.0, 10.0, 40.0, 30.0]), "#D55E00")], width=160)
    assert picture.shape == (120, 160, 3)
    rows, columns = np.nonzero(coloured(picture, "#D55E00"))
    assert abs(rows.min() - 20) <= 1
    assert abs(columns.max() - 120) <= 1


def test_dashes_leave_gaps_that_a_line_has_not() -> None:
    box = np.array([10.0, 10.0, 60.0, 40.0])
    solid = coloured(draw(GREY, [Outline(box, "#009E73")]), "#009E73").sum()
    dashed = coloured(draw(GREY, [Outline(box, "#009E73", (0, (2, 2)))]), "#009E73").sum()
    assert 0.2 * solid < dashed < 0.8 * solid


def test_a_dark_line_has_a_light_edge_and_a_light_one_a_dark_edge() -> None:
    box = np.array([20.0, 10.0, 40.0, 30.0])
    assert coloured(draw(GREY, [Outline(box, "#000000")]), "#ffffff").any()
    assert coloured(draw(GREY, [Outline(box, "#ffffff")]), "#000000").any()


@pytest.mark.parametrize(
    "region",
    [
        [np.nan, 1, 2, 3],
        [1e9, -1e9, 5, 5],
        [-20, -20, 500, 500],
        [5, 5, 0, 0],
        [10, 10, 30, 5, 40, 30, 12, 28],
        [np.inf] * 8,
    ],
)
def test_what_cannot_be_seen_does_no_harm(region: list[float]) -> None:
    picture = draw(GREY, [Outline(np.array(region), "#0072B2", tag="A")])
    assert picture.shape == GREY.shape


def test_dashes_of_a_box_that_ends_nowhere_near_are_as_few_as_can_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[object] = []
    monkeypatch.setattr(overlay.cv2, "polylines", lambda *given: drawn.append(given))
    draw(GREY, [Outline(np.array([10.0, 10.0, 1e7, 1e7]), "#0072B2", (0, (4, 2)))])
    assert 0 < len(drawn) < 20_000


def test_corners_of_boxes_and_polygons() -> None:
    assert corners([1, 2, 3, 4]) == [(1, 2), (4, 2), (4, 6), (1, 6)]
    assert corners([0, 1, 2, 3, 4, 5, 6, 7]) == [(0, 1), (2, 3), (4, 5), (6, 7)]


def timeline(regions: list[list[float]], states: list[FrameState]) -> Timeline:
    n = len(states)
    return Timeline(np.zeros(n), np.array(regions, dtype=float), np.array(states, dtype=np.int8), 1)


def test_who_is_drawn_in_a_frame() -> None:
    nothing = [np.nan] * 4
    sequence = Sequence("s", np.array([[1.0, 1, 5, 5], nothing, [3.0, 3, 5, 5]]))
    first = timeline([nothing, [2, 2, 5, 5], nothing], [FrameState.INIT, FrameState.TRACKED, FrameState.FAILURE])
    second = timeline([[1, 1, 5, 5]] * 3, [FrameState.INIT, FrameState.TRACKED, FrameState.TRACKED])
    shown = [[place for place, _ in regions_at(sequence, [first, second, None], frame)] for frame in range(3)]
    assert shown == [[1, None], [1, 0], [1, None]]
    outlines = outlines_at(sequence, [first, second], 1)
    assert [o.region.tolist() for o in outlines] == [[1, 1, 5, 5], [2, 2, 5, 5]]
    assert outlines[0].colour != outlines[1].colour
    assert outlines_at(sequence, [], 0)[0].colour == TRUTH_COLOUR


def test_polygons_are_drawn_as_annotated() -> None:
    polygon = np.arange(8.0)[None]
    sequence = Sequence("s", np.array([[0.0, 1, 6, 6]]), polygons=polygon)
    assert [region.tolist() for _, region in regions_at(sequence, [], 0)] == [polygon[0].tolist()]


def test_a_sequence_without_pictures_says_so() -> None:
    with pytest.raises(DataError, match=r"Give --data a folder with the pictures, or do without"):
        frames_of(Sequence("s", np.zeros((1, 4))), "do without")


def test_pictures_side_by_side() -> None:
    a, b, c = (np.full((h, w, 3), v, np.uint8) for h, w, v in ((10, 20, 1), (5, 30, 2), (7, 4, 3)))
    sheet = tiled([a, b, c], 2, gap=2)
    assert sheet.shape == (10 + 2 + 7, 20 + 2 + 30, 3)
    assert (sheet[:10, :20] == 1).all()
    assert (sheet[:5, 22:52] == 2).all()
    assert (sheet[12:19, :4] == 3).all()
    assert (sheet[5:10, 22:] == 255).all()
    assert (cv2.imdecode(np.frombuffer(to_png(sheet), np.uint8), cv2.IMREAD_COLOR) == sheet).all()
    assert to_figure(sheet, 3.0).get_size_inches()[1] == pytest.approx(3.0 * 19 / 52)


@pytest.mark.parametrize("text", ["", "a", "$x_1$ %d <script>", "Ж é 中文 \n \x00", "m" * 500])
def test_any_text_can_be_written_and_is_held_to_its_width(text: str) -> None:
    picture = captioned(GREY, text)
    assert picture.shape[1] == GREY.shape[1]
    assert (picture[-60:] == GREY).all()
    assert text_width(fitted(text, 70)) <= 70
    assert all(text_width(line) <= 70 for line in folded(f"{text} and {text}", 70))


def test_text_is_where_it_was_put() -> None:
    for align, left, right in ((0.0, 40, 80), (1.0, 0, 41), (0.5, 20, 60)):
        picture = GREY.copy()
        write(picture, 40, 30, "xo", colour="#000000", align=align)
        rows, columns = np.nonzero((picture != 128).any(axis=2))
        assert left <= columns.min() <= columns.max() <= right
        assert abs((rows.min() + rows.max()) / 2 - 30) <= 2


def test_text_over_the_border_is_cut() -> None:
    picture = GREY.copy()
    for x, y in ((-20, 30), (78, 30), (40, -3), (40, 62), (500, 500)):
        write(picture, x, y, "text", ground="#ffffff")
    assert picture.shape == GREY.shape


def test_a_notebook_shows_a_sheet_pixel_for_pixel() -> None:
    sheet = draw(GREY, [Outline(np.array([20.0, 10.0, 40.0, 30.0]), "#D55E00")], width=320)
    data, metadata = DisplayFormatter().format(Shown(sheet))
    assert set(data) == {"image/jpeg", "text/plain"}
    assert metadata["image/jpeg"] == {"width": 320, "height": 240}
    shown = np.asarray(cv2.imdecode(np.frombuffer(data["image/jpeg"], np.uint8), cv2.IMREAD_COLOR), np.float64)
    assert np.abs(shown - sheet).mean() < 3
