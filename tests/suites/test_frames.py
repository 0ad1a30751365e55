"""Pictures and videos: the right frame for an index, and an error for every broken file."""

from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from spm_bench.errors import DataError
from spm_bench.suites.frames import (
    ImageFrames,
    VideoFrames,
    is_cut,
    list_images,
    numbered_frames,
    read_image,
    read_image_size,
)

from .builders import HEIGHT, WIDTH, picture, write_picture, write_pictures

FORMATS = [".jpg", ".png", ".bmp", ".webp", ".tiff", ".ppm"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_formats_decode_to_contiguous_bgr(tmp_path: Path, suffix: str) -> None:
    frame = read_image(write_picture(tmp_path / f"a{suffix}"))
    assert frame.shape == (HEIGHT, WIDTH, 3)
    assert frame.dtype == np.uint8
    assert frame.flags.c_contiguous
    tolerance = 12 if suffix in (".jpg", ".webp") else 0
    assert np.abs(frame.astype(int) - picture()).mean() <= tolerance


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_grey_and_transparent_pictures_become_bgr(tmp_path: Path, suffix: str) -> None:
    grey = picture()[:, :, 0]
    cv2.imwrite(str(tmp_path / f"grey{suffix}"), grey)
    frame = read_image(tmp_path / f"grey{suffix}")
    assert frame.shape == (HEIGHT, WIDTH, 3)
    assert (frame[:, :, 0] == frame[:, :, 2]).all()
    cv2.imwrite(str(tmp_path / "alpha.png"), np.dstack([picture(), grey]))
    np.testing.assert_array_equal(read_image(tmp_path / "alpha.png"), picture())


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.98])
def test_a_cut_picture_is_an_error_not_grey(tmp_path: Path, suffix: str, kept: float) -> None:
    path = write_picture(tmp_path / f"a{suffix}")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(DataError, match=r"is cut|cannot be decoded") as caught:
        read_image(path)
    assert caught.value.where == path


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp"])
def test_a_cut_is_found_where_the_decoder_does_not_complain(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenCV releases differ: some return the cut JPEG with its rest in grey."""
    path = write_picture(tmp_path / f"a{suffix}")
    path.write_bytes(path.read_bytes()[:-40])
    monkeypatch.setattr(cv2, "imdecode", lambda *_: picture())
    with pytest.raises(DataError, match="is cut"):
        read_image(path)


def test_the_end_of_an_embedded_preview_is_not_the_end_of_the_picture(tmp_path: Path) -> None:
    preview = cv2.imencode(".jpg", picture(0, 16, 12))[1].tobytes()
    data = cv2.imencode(".jpg", picture())[1].tobytes()
    segment = b"\xff\xe1" + (len(preview) + 2).to_bytes(2, "big") + preview
    whole = data[:2] + segment + data[2:]
    assert not is_cut(whole)
    assert is_cut(whole[:-100])
    path = tmp_path / "a.jpg"
    path.write_bytes(whole)
    assert read_image_size(path) == (WIDTH, HEIGHT)


def test_a_large_preview_before_the_size_is_skipped(tmp_path: Path) -> None:
    data = cv2.imencode(".jpg", picture())[1].tobytes()
    padding = b"\xff\xe2" + (60_000).to_bytes(2, "big") + bytes(59_998)
    path = tmp_path / "a.jpg"
    path.write_bytes(data[:2] + padding * 2 + data[2:])
    assert read_image_size(path) == (WIDTH, HEIGHT)
    assert read_image(path).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_bytes_after_the_end_are_harmless(tmp_path: Path, suffix: str) -> None:
    path = write_picture(tmp_path / f"a{suffix}")
    path.write_bytes(path.read_bytes() + b"\0" * 500)
    assert read_image(path).shape == (HEIGHT, WIDTH, 3)


def test_an_orientation_tag_does_not_turn_the_picture(tmp_path: Path) -> None:
    data = cv2.imencode(".jpg", picture())[1].tobytes()
    tiff = b"II*\0\x08\0\0\0" + b"\x01\0" + b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0" + b"\0\0\0\0"
    segment = b"Exif\0\0" + tiff
    path = tmp_path / "turned.jpg"
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + data[2:])
    assert cv2.imread(str(path)).shape == (WIDTH, HEIGHT, 3), "OpenCV would turn it"
    assert read_image(path).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "is missing"),
        (b"", "empty file"),
        (b"GIF89a, perhaps", "cannot be decoded"),
        (b"\xff\xd8\xff\xd9", "cut|decoded"),
    ],
)
def test_other_broken_pictures(tmp_path: Path, content: bytes | None, problem: str) -> None:
    path = tmp_path / "a.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=problem):
        read_image(path)
    assert read_image_size(path) is None


@pytest.mark.parametrize("suffix", FORMATS)
def test_size_from_the_header(tmp_path: Path, suffix: str) -> None:
    assert read_image_size(write_picture(tmp_path / f"a{suffix}", width=50, height=30)) == (50, 30)


@pytest.mark.parametrize(("digits", "suffix"), [(4, ".jpg"), (5, ".jpg"), (8, ".png"), (1, ".bmp")])
def test_numbered_frames_by_number_not_by_digits(tmp_path: Path, digits: int, suffix: str) -> None:
    write_pictures(tmp_path, 12, digits=digits, suffix=suffix)
    write_picture(tmp_path / "cover.png")
    (tmp_path / "groundtruth.txt").write_text("1,2,3,4")
    frames = numbered_frames(tmp_path)
    assert frames is not None
    assert [int(Path(name).stem) for name in frames.names] == list(range(1, 13))
    assert frames.image_size() == (WIDTH, HEIGHT)
    assert frames.identity()[0] == (frames.names[0], (tmp_path / frames.names[0]).stat().st_size)


def test_a_range_of_numbered_frames(tmp_path: Path) -> None:
    write_pictures(tmp_path, 12)
    frames = numbered_frames(tmp_path, 3, 5)
    assert frames is not None
    assert frames.names == ("0003.jpg", "0004.jpg", "0005.jpg")


def test_no_picture_is_none(tmp_path: Path) -> None:
    assert numbered_frames(tmp_path) is None
    assert numbered_frames(tmp_path / "absent") is None
    assert list_images(tmp_path / "absent") == {}


@pytest.mark.parametrize(
    ("lost", "last", "named"), [(5, None, "0005.jpg"), (1, None, "0001.jpg"), (12, 12, "0012.jpg")]
)
def test_a_missing_picture_is_named(tmp_path: Path, lost: int, last: int | None, named: str) -> None:
    write_pictures(tmp_path, 12)
    (tmp_path / f"{lost:04d}.jpg").unlink()
    with pytest.raises(DataError, match=r"picture is missing \(11 of 12") as caught:
        numbered_frames(tmp_path, last=last)
    assert caught.value.where == tmp_path / named


def test_two_pictures_with_one_number(tmp_path: Path) -> None:
    write_pictures(tmp_path, 2)
    write_picture(tmp_path / "1.png")
    with pytest.raises(DataError, match="same number"):
        numbered_frames(tmp_path)


def test_a_picture_lost_after_listing_is_an_error_of_its_frame_only(tmp_path: Path) -> None:
    write_pictures(tmp_path, 3)
    frames = numbered_frames(tmp_path)
    assert frames is not None
    (tmp_path / "0002.jpg").unlink()
    assert frames[0].shape == frames[2].shape
    with pytest.raises(DataError, match="missing"):
        frames[1]


def test_size_comes_from_the_first_readable_picture(tmp_path: Path) -> None:
    write_pictures(tmp_path, 3)
    (tmp_path / "0001.jpg").write_bytes(b"")
    frames = numbered_frames(tmp_path)
    assert frames is not None
    assert frames.image_size() == (WIDTH, HEIGHT)
    assert ImageFrames(tmp_path, ("no.jpg",), (0,)).image_size() is None


def test_image_frames_pickle_and_iterate(tmp_path: Path) -> None:
    write_pictures(tmp_path, 3)
    frames = numbered_frames(tmp_path)
    copy = pickle.loads(pickle.dumps(frames))
    assert copy == frames
    assert len(list(copy)) == 3
    with pytest.raises(IndexError):
        copy[3]


@pytest.fixture(scope="module", params=[("clip.avi", "MJPG"), ("clip.mp4", "mp4v")], ids=["avi", "mp4"])
def video(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 frames whose brightness tells their index; the mp4's depend on each other."""
    name, codec = request.param
    path = tmp_path_factory.mktemp("video") / name
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 10, (WIDTH, HEIGHT))
    for index in range(20):
        writer.write(np.full((HEIGHT, WIDTH, 3), 10 * index, dtype=np.uint8))
    writer.release()
    return path


def index_shown(frame: np.ndarray) -> int:
    return round(float(frame.mean()) / 10)


def test_video_in_order_and_at_random(video: Path) -> None:
    frames = VideoFrames(video)
    assert len(frames) == 20
    assert [index_shown(frame) for frame in frames] == list(range(20))
    order = [7, 7, 3, 19, 0, 12, 13, -1]
    assert [index_shown(frames[i]) for i in order] == [i % 20 for i in order]
    assert frames.image_size() == (WIDTH, HEIGHT)
    assert frames.identity() == [(video.name, video.stat().st_size)]
    with pytest.raises(IndexError):
        frames[20]


def test_video_pickles_while_open(video: Path) -> None:
    frames = VideoFrames(video)
    frames[5]
    copy = pickle.loads(pickle.dumps(frames))
    assert index_shown(copy[6]) == 6
    assert index_shown(frames[6]) == 6


def test_a_cut_video_has_the_frames_that_can_be_decoded(video: Path, tmp_path: Path) -> None:
    """An AVI can be read up to the cut; an MP4 keeps its table of contents at the end, which is lost."""
    cut = tmp_path / video.name
    data = video.read_bytes()
    start = max(data.find(b"movi"), 0)
    cut.write_bytes(data[: start + (len(data) - start) // 2])
    if video.suffix == ".mp4":
        with pytest.raises(DataError, match="cannot be decoded"):
            VideoFrames(cut)
        return
    frames = VideoFrames(cut)
    assert 0 < len(frames) < 20
    assert index_shown(frames[len(frames) - 1]) == len(frames) - 1


def test_a_wrong_count_in_the_container_is_not_believed(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Boasting:
        def __init__(self, path: str) -> None:
            self.real = real(path)

        def get(self, prop: int) -> float:
            return 25.0 if prop == cv2.CAP_PROP_FRAME_COUNT else float(self.real.get(prop))

        def __getattr__(self, name: str) -> object:
            return getattr(self.real, name)

    real = cv2.VideoCapture
    monkeypatch.setattr(cv2, "VideoCapture", Boasting)
    assert len(VideoFrames(video)) == 20


@pytest.mark.parametrize("content", [None, b"", b"no video at all" * 100])
def test_broken_videos(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"missing|decoded") as caught:
        VideoFrames(path)
    assert caught.value.where == path
