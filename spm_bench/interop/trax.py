"""A tracker of ours as a TraX server, the way the vot toolkit talks to trackers.

    python -m spm_bench.interop.trax TRACKER [--variant NAME] [--weights W] [--device D] [--init-box RULE]

The toolkit starts this command itself; `spm-bench vot init` writes the file that tells it to (see `interop.vot`).
TRACKER is a name from `spm-bench ls trackers` or `module:Class`. Once per start the toolkit sends an image and a
region, then images; it gets a rectangle for each. Images may come as a path, as raw pixels (RGB) or encoded; trackers
get BGR. Regions are used as they come, without a shift, as our own VOT suites do. A polygon becomes the box to start on
by the same named rule as in our own supervised protocol, by default the area-preserving one.

The toolkit times a request from outside, decoding and transfer included; the seconds in its files are not comparable to
ours.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, cast

import cv2
import numpy as np
import trax

from spm_bench.errors import DataError, SpmBenchError, TrackerError
from spm_bench.interop.vot_regions import as_annotated, box_of_corners
from spm_bench.protocols.initial_box import DEFAULT_INIT_BOX, INIT_BOXES
from spm_bench.suites.base import Frame
from spm_bench.suites.frames import decode_image, read_image
from spm_bench.trackers.base import Box, Tracker, sees_the_answer, uses_chance
from spm_bench.trackers.catalog import build_tracker, resolve_tracker

REGIONS = [trax.Region.POLYGON, trax.Region.RECTANGLE]
"""What the tracker accepts to start on. The toolkit converts nothing for a tracker that takes both."""
IMAGES = [trax.Image.PATH, trax.Image.MEMORY, trax.Image.BUFFER]
SEED = 0
"""Seed of the first start; later ones count up, so that repetitions of a tracker that uses chance differ."""


def serve(tracker: Tracker, label: str, init_box: str = DEFAULT_INIT_BOX) -> None:
    """Answer requests until the client quits.

    Args:
        tracker: Built.
        label: What the client is told as the tracker's name.
        init_box: How a polygon becomes the box to start on, see `INIT_BOXES`.

    Raises:
        TrackerError: The tracker needs the ground truth, or returned no box.
        DataError: An image cannot be read.
        trax.TraxException: The client is gone.
    """
    if sees_the_answer(tracker):
        raise TrackerError(f"{label} needs to be told the ground truth, so it runs in no toolkit")
    server = trax.Server(REGIONS, IMAGES, tracker_name=label)
    try:
        _answer(server, tracker, label, init_box)
    except trax.TraxException:
        raise  # the client is gone: there is nobody to tell
    except Exception as error:
        server.quit(f"{type(error).__name__}: {error}")
        raise
    server.quit()


def _answer(server: Any, tracker: Tracker, label: str, init_box: str) -> None:
    starts = 0
    while (request := server.wait()).type != trax.TraxStatus.QUIT:
        frame = read_frame(request.image[trax.ImageChannel.COLOR])
        if request.type == trax.TraxStatus.INITIALIZE:
            box = start_box(request.objects[0][0], init_box)
            if uses_chance(tracker):
                tracker.seed(SEED + starts)
            tracker.init(frame, box)
            starts += 1
        else:
            box = np.asarray(tracker.update(frame), dtype=np.float64)
        server.status([(_rectangle(box, label), {})])


def start_box(region: Any, rule: str) -> Box:
    """The box to start on: a rectangle as it is, a polygon by the named rule.

    Args:
        region: A TraX rectangle or polygon.
        rule: A name in `INIT_BOXES`; it applies to polygons of four corners, all others get their bounding box.

    Raises:
        DataError: Another kind of region.
    """
    if region.type == trax.Region.RECTANGLE:
        return as_annotated(region.bounds())
    if region.type == trax.Region.POLYGON:
        return box_of_corners(list(region), rule)
    raise DataError(f"cannot start on a region of type {region.type}", remedy="Use rectangles or polygons")


def read_frame(image: Any) -> Frame:
    """Turn a TraX image into a frame: uint8 H x W x 3, BGR, contiguous.

    Raises:
        DataError: It cannot be read or decoded, or is of another kind.
    """
    kind = image.type()
    if kind == trax.Image.PATH:
        from pathlib import Path

        return read_image(Path(image.path()))
    if kind == trax.Image.MEMORY:
        pixels = image.array()
        if pixels.dtype == np.uint16:
            pixels = (pixels >> 8).astype(np.uint8)
        code = cv2.COLOR_GRAY2BGR if pixels.ndim == 2 or pixels.shape[2] == 1 else cv2.COLOR_RGB2BGR
        return cast(Frame, cv2.cvtColor(pixels, code))
    if kind == trax.Image.BUFFER:
        return decode_image(bytes(image.buffer()), "the request")
    raise DataError(f"cannot read an image of type {kind}", remedy="Send a path, raw pixels or an encoded image")


def main(arguments: list[str] | None = None) -> int:
    """Serve the tracker named on the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m spm_bench.interop.trax", description="Serve a tracker over TraX.")
    parser.add_argument("tracker", help="name from `spm-bench ls trackers`, or module:Class")
    parser.add_argument("--variant", help="name of a variant")
    parser.add_argument("--weights", help='for trackers with a network: a file, "official" or "random"')
    parser.add_argument("--device", default="auto", help="for trackers with a network: auto, cpu, cuda, cuda:1")
    parser.add_argument("--init-box", choices=sorted(INIT_BOXES), default=DEFAULT_INIT_BOX, help="polygon to box")
    given = parser.parse_args(arguments)
    try:
        spec = resolve_tracker(given.tracker, variant=given.variant, weights=given.weights, device=given.device)
        serve(build_tracker(spec), spec.label, given.init_box)
    except (SpmBenchError, trax.TraxException) as error:
        # The toolkit keeps what a tracker prints in the workspace's logs.
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _rectangle(box: Box, label: str) -> Any:
    if box.shape != (4,) or not np.isfinite(box).all():
        raise TrackerError(f"{label} returned {box!r}", remedy="update(frame) must return four finite numbers")
    return trax.Rectangle.create(*box.tolist())


if __name__ == "__main__":
    sys.exit(main())
