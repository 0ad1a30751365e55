"""Lines of TraX: what is sent is what the client of vot-trax sends, and what comes is read as it is meant."""

import subprocess
import sys

import numpy as np
import pytest

trax = pytest.importorskip("trax", reason="needs the extra [vot]")
from trax.client import Client  # noqa: E402

from spm_bench.errors import TrackerError  # noqa: E402
from spm_bench.trackers.trax import protocol  # noqa: E402

ECHO = """
import trax
server = trax.Server([trax.Region.RECTANGLE, trax.Region.POLYGON], [trax.Image.PATH, trax.Image.MEMORY])
while server.wait().type != trax.TraxStatus.QUIT:
    server.status([(trax.Rectangle.create(1, 2, 3, 4), {})])
"""
TEXT = 'say "a\\b"\nand go'


def test_what_is_sent_is_what_their_client_sends():
    frame = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    box = np.array([1.5, 2, 3.25, 4])
    logged = []
    with subprocess.Popen([sys.executable, "-c", ECHO], stdin=-1, stdout=-1, bufsize=0) as process:
        client = Client(stream=(process.stdin.fileno(), process.stdout.fileno()), log=logged.append)
        path = {"color": trax.FileImage.create("/tmp/a b.png")}
        region = trax.Rectangle.create(*box.tolist())
        client.initialize(path, [(region, {})], {"gain": "3"})
        client.initialize(path, [(region, {})], {})
        client.frame({"color": trax.MemoryImage.create(np.ascontiguousarray(frame[..., ::-1]))}, {"text": TEXT}, [])
        client.quit()
    sent = "".join(logged).encode()
    lines = [line for line in sent.splitlines() if line.split()[0] in (b"@@TRAX:initialize", b"@@TRAX:frame")]
    start = 4, "file:///tmp/a b.png", protocol.region_of(box, ["rectangle"], (9, 9))
    ours = protocol.start_messages(*start, {"gain": "3"}) + protocol.start_messages(*start, {}, again=True)
    ours += protocol.message("frame", [protocol.picture_of(frame, protocol.MEMORY)], {"text": TEXT})
    assert [protocol.parse(line) for line in lines] == [protocol.parse(line) for line in ours.splitlines()]
    assert [line.rstrip() for line in lines[:5]] == ours.splitlines()[:5]


def test_text_survives():
    assert protocol.parse(protocol.message("frame", [TEXT], {"k": TEXT})) == ("frame", [TEXT, f"k={TEXT}"])


def test_a_start_before_version_4_is_one_line():
    assert protocol.start_messages(3, "p", "r", {"k": "v"}) == b'@@TRAX:initialize "p" "r" "k=v"\n'


@pytest.mark.parametrize("line", [b"", b"1", b'state"1"', b'state "1', b'state "1"x"', b'state 1"2'])
def test_lines_that_are_no_messages(line):
    assert protocol.parse(protocol.MARK + line) is None


@pytest.mark.parametrize(
    "text", ["", "x", "1,2", "1,2,3", "1,2,3,4,5", "1", "inf,1,2,3", "m", "m1,2,3", "mask:0,0,-1,2", "m0,0,1e9,1"]
)
def test_what_is_no_region(text):
    with pytest.raises(ValueError, match=r"."):
        protocol.box_of(text)


def test_a_mask_to_start_on_covers_the_box():
    box = np.array([2.4, 3.0, 5.2, 4.0])
    sent = protocol.region_of(box, ["mask"], (100, 100))
    np.testing.assert_array_equal(protocol.box_of(sent), [2, 3, 6, 4])
    with pytest.raises(TrackerError, match="covers no pixel"):
        protocol.region_of(np.array([200.0, 3, 5, 5]), ["mask"], (100, 100))
    with pytest.raises(TrackerError, match="it starts on special"):
        protocol.region_of(box, ["special"], (100, 100))
