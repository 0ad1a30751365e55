"""The TraX server: what it reads from requests, and a whole session with the protocol's own client."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

trax = pytest.importorskip("trax", reason="needs the extra [vot]")
from trax.client import Client  # noqa: E402

from spm_bench.errors import DataError, TrackerError  # noqa: E402
from spm_bench.geometry.polygons import area_preserving_box, bounding_box  # noqa: E402
from spm_bench.interop import trax as server  # noqa: E402
from spm_bench.protocols.catalog import get_protocol  # noqa: E402
from spm_bench.suites.base import Sequence  # noqa: E402
from spm_bench.trackers.catalog import build_tracker, resolve_tracker  # noqa: E402
from tests.trackers.pictures import moving_target  # noqa: E402

TILTED = np.array([10.0, 20.0, 50.0, 10.0, 60.0, 40.0, 20.0, 50.0])


def corners(polygon):
    return trax.Polygon.create([tuple(map(float, corner)) for corner in polygon.reshape(-1, 2)])


def test_a_rectangle_is_taken_as_it_comes():
    box = server.start_box(trax.Rectangle.create(1.5, 2.25, 30, 40), "area_preserving")
    np.testing.assert_array_equal(box, [1.5, 2.25, 30, 40])


def test_a_polygon_becomes_a_box_by_the_named_rule():
    shrunk = server.start_box(corners(TILTED), "area_preserving")
    outer = server.start_box(corners(TILTED), "axis_aligned")
    np.testing.assert_allclose(shrunk, area_preserving_box(TILTED), rtol=1e-6)
    np.testing.assert_allclose(outer, bounding_box(TILTED), rtol=1e-6)
    assert shrunk[2] < outer[2]


def test_other_polygons_get_their_bounding_box():
    hexagon = np.array([0, 5, 5, 0, 10, 0, 15, 5, 10, 10, 5, 10], dtype=np.float64)
    np.testing.assert_array_equal(server.start_box(corners(hexagon), "area_preserving"), [0, 0, 15, 10])


def test_a_mask_is_refused():
    with pytest.raises(DataError, match="mask"):
        server.start_box(trax.Mask.create(np.ones((4, 4), np.uint8)), "area_preserving")


def test_every_kind_of_image_gives_the_same_frame(tmp_path):
    frame = moving_target(1)[0][0]
    encoded = cv2.imencode(".png", frame)[1].tobytes()
    (tmp_path / "a.png").write_bytes(encoded)
    images = (
        trax.FileImage.create(str(tmp_path / "a.png")),
        trax.MemoryImage.create(np.ascontiguousarray(frame[:, :, ::-1])),
        trax.BufferImage.create(encoded),
    )
    for image in images:
        read = server.read_frame(image)
        np.testing.assert_array_equal(read, frame)
        assert read.flags["C_CONTIGUOUS"]


def test_an_orientation_tag_is_ignored_as_in_our_own_suites(tmp_path):
    picture, tag = Image.fromarray(moving_target(1)[0][0]), Image.Exif()
    tag[0x0112] = 6  # "turn right to see it upright"
    picture.save(tmp_path / "a.jpg", exif=tag)
    from_file = server.read_frame(trax.FileImage.create(str(tmp_path / "a.jpg")))
    assert from_file.shape[1::-1] == picture.size
    sent = server.read_frame(trax.BufferImage.create((tmp_path / "a.jpg").read_bytes()))
    np.testing.assert_array_equal(sent, from_file)


def test_grey_images_become_colour():
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    for image in (grey, grey.astype(np.uint16) << 8):
        read = server.read_frame(trax.MemoryImage.create(image))
        np.testing.assert_array_equal(read, np.repeat(grey[:, :, None], 3, axis=2))


def test_images_that_cannot_be_read(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    for image in (trax.FileImage.create(str(tmp_path / "a.jpg")), trax.FileImage.create(str(tmp_path / "b.jpg"))):
        with pytest.raises(DataError, match=r"[ab]\.jpg"):
            server.read_frame(image)
    for sent, message in ((b"\x89PNG\r\n\x1a\nnothing", "is cut"), (b"no picture", "cannot be decoded")):
        with pytest.raises(DataError, match=message):
            server.read_frame(trax.BufferImage.create(sent))


def test_the_oracle_is_refused():
    with pytest.raises(TrackerError, match="ground truth"):
        server.serve(build_tracker(resolve_tracker("oracle")), "oracle")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["KFC"], "Did you mean KCF"), (["static", "--weights", "x"], "takes no weights"), (["oracle"], "ground truth")],
)
def test_mistakes_on_its_command_line(capsys, arguments, words):
    assert server.main(arguments) == 2
    assert words in capsys.readouterr().err


def test_a_session_gives_our_own_boxes_twice(tmp_path):
    """The client of the protocol, started twice in one session, as in a supervised experiment."""
    frames, truth = moving_target(6)
    paths = []
    for i, frame in enumerate(frames):
        paths.append(str(tmp_path / f"{i:08d}.png"))
        cv2.imwrite(paths[-1], frame)
    sequence = Sequence("s", truth, frames)
    ours = get_protocol("one_pass").run(build_tracker(resolve_tracker("KCF")), sequence, repetition=1, seed=0)

    command = [sys.executable, "-m", "spm_bench.interop.trax", "KCF"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path, bufsize=0) as process:
        client = Client(stream=(process.stdin.fileno(), process.stdout.fileno()), log=lambda _: None)
        for _ in range(2):
            region = trax.Rectangle.create(*truth[0].tolist())
            (status,), _ = client.initialize({"color": trax.FileImage.create(paths[0])}, [(region, {})], {})
            np.testing.assert_array_equal(status[0].bounds(), truth[0])
            for path, box in zip(paths[1:], ours.boxes[1:], strict=True):
                (status,), _ = client.frame({"color": trax.FileImage.create(path)}, {}, [])
                np.testing.assert_allclose(status[0].bounds(), box, atol=1e-4)
        client.quit()
        assert process.wait(20) == 0
