"""Videos, GIFs and sheets hold what was drawn, or are not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from spm_bench.errors import DataError, ResultsError, UsageError
from spm_bench.report import footage
from spm_bench.report.footage import check_amount, write_gif, write_sheet, write_video

Picture = NDArray[np.uint8]


def pictures(n: int = 6, height: int = 61, width: int = 95) -> Iterator[Picture]:
    """Each is of another grey, with a red corner."""
    for k in range(n):
        picture = np.full((height, width, 3), 40 + 30 * k, np.uint8)
        picture[:20, :20] = (0, 0, 255)
        yield picture


def frames(path: Path) -> list[Picture]:
    capture, found = cv2.VideoCapture(str(path)), []
    while True:
        ok, frame = capture.read()
        if not ok:
            return found
        found.append(np.asarray(frame, np.uint8))


@pytest.mark.parametrize("codec", footage.CODECS, ids=lambda codec: codec[0])
def test_a_video_plays_what_was_drawn(codec: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footage, "CODECS", (codec,))
    path = tmp_path / "deep" / "a video.mp4"
    assert write_video(path, pictures(), 12.5) == codec[1]
    found = frames(path)
    assert [frame.shape for frame in found] == [(62, 96, 3)] * 6
    for k, frame in enumerate(found):
        assert frame[40, 60] == pytest.approx([40 + 30 * k] * 3, abs=8)
        assert frame[8, 8][2] > 180
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS) == pytest.approx(12.5)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("form", ["mp4", "gif"])
def test_pictures_of_other_sizes_are_shown_in_that_of_the_first(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{form}"
    sizes = ((60, 90), (40, 120), (90, 50))
    made = (next(pictures(1, height, width)) for height, width in sizes)
    (write_video if form == "mp4" else write_gif)(path, made, 25)
    if form == "mp4":
        assert [frame.shape for frame in frames(path)] == [(60, 90, 3)] * 3
        assert frames(path)[1][50, 50] == pytest.approx([255] * 3, abs=12)
    else:
        with Image.open(path) as image:
            assert (image.size, getattr(image, "n_frames")) == ((90, 60), 3)  # noqa: B009 - only animated kinds have it


def test_without_a_codec_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footage, "CODECS", ())
    with pytest.raises(ResultsError, match="--format gif or --format png"):
        write_video(tmp_path / "a.mp4", pictures(), 25)
    assert not list(tmp_path.iterdir())


def test_a_cut_video_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footage.cv2, "VideoWriter", Deaf)
    with pytest.raises(ResultsError, match="0 of 6 pictures arrived"):
        write_video(tmp_path / "a.mp4", pictures(), 25)
    assert not list(tmp_path.iterdir())


class Deaf:
    """A writer that writes nothing, as on a full disk."""

    fourcc = staticmethod(cv2.VideoWriter.fourcc)

    def __init__(self, *arguments: object) -> None: ...

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def write(self, picture: Picture) -> None: ...

    def release(self) -> None: ...


def broken() -> Iterator[Picture]:
    yield from pictures(2)
    raise DataError("the picture is missing")


def interrupted() -> Iterator[Picture]:
    yield from pictures(2)
    raise KeyboardInterrupt


@pytest.mark.parametrize("form", ["mp4", "gif"])
def test_what_breaks_off_leaves_the_old_file_and_no_other(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{form}"
    path.write_text("old")
    write = write_video if form == "mp4" else write_gif
    for source, error in ((broken(), DataError), (interrupted(), KeyboardInterrupt)):
        with pytest.raises(error):
            write(path, source, 25)
        assert path.read_text() == "old"
        assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(("fps", "milliseconds"), [(25, 40), (10, 100), (100, 20), (3, 330)])
def test_a_gif_keeps_pictures_and_their_time(fps: float, milliseconds: int, tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    write_gif(path, pictures(), fps)
    with Image.open(path) as image:
        assert getattr(image, "n_frames") == 6  # noqa: B009 - only animated kinds have it
        for k in range(6):
            image.seek(k)
            assert image.info["duration"] == milliseconds
            pixels = np.asarray(image.convert("RGB"))
            assert pixels[40, 60] == pytest.approx([40 + 30 * k] * 3, abs=3)
            assert pixels[8, 8] == pytest.approx([255, 0, 0], abs=3)


def test_a_sheet_is_read_from_left_to_right(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    foot = np.zeros((10, 50, 3), np.uint8)
    write_sheet(path, list(pictures(3)), 2, foot)
    sheet = cv2.imread(str(path))
    assert sheet is not None
    assert sheet.shape == (61 + 4 + 61 + 4 + 10, 95 + 4 + 95, 3)
    assert [int(sheet[y, x, 0]) for y, x in ((40, 60), (40, 159), (105, 60), (135, 20))] == [40, 70, 100, 0]


def test_what_would_fill_the_memory_is_refused() -> None:
    check_amount("gif", 300, 1280, 600)
    check_amount("mp4", 10**6, 1280, 600)
    for form in ("gif", "png"):
        with pytest.raises(UsageError, match=r"400 pictures of 1280 x 600 are too many for a (gif|png), about 325 fit"):
            check_amount(form, 400, 1280, 600)
