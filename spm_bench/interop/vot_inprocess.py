"""Our trackers in the vot toolkit's own experiments (0.7.4) without TraX: called directly, in this process.

    from spm_bench.interop.vot_inprocess import run_in_process

    run_in_process(Path("WORKSPACE"), TrackerCall("KCF"))

The toolkit decides when to start, what a failure is and what is written; nothing is converted to text on the way, no
process is started, and so it takes a hundredth of the time of `vot evaluate`. Pictures are read by our own reader, as
over TraX. Results are what `vot evaluate` leaves there, except for the seconds, which are those inside the tracker.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from collections.abc import Sequence as Many
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

# The toolkit reads its settings when it is first imported: text instead of its binary format, no cache keyed by names.
os.environ.setdefault("VOT_RESULTS_BINARY", "0")
os.environ.setdefault("VOT_PERSISTENT_CACHE", "0")

from vot import get_logger
from vot.experiment import run_experiment
from vot.region import Polygon, Rectangle
from vot.tracker import ObjectStatus, TrackerRuntime
from vot.tracker import Tracker as ToolkitTracker
from vot.workspace import Workspace

from spm_bench.errors import DataError, TrackerError, unknown_name
from spm_bench.interop.vot import TrackerCall, identifier
from spm_bench.interop.vot_regions import as_annotated, box_of_corners
from spm_bench.interop.vot_results import check_workspace
from spm_bench.protocols.base import checked_box
from spm_bench.protocols.initial_box import DEFAULT_INIT_BOX, check_init_box
from spm_bench.suites.base import Frame
from spm_bench.suites.frames import read_image
from spm_bench.trackers.base import Box, Tracker, sees_the_answer, uses_chance
from spm_bench.trackers.catalog import build_tracker, resolve_tracker

SEED = 0
"""Seed of the first start; later ones count up, as over TraX."""


class Embedded(TrackerRuntime):  # type: ignore[misc] # the toolkit has no types
    """A tracker of ours as the toolkit drives it.

    Args:
        owner: The toolkit's description of the tracker.
        tracker: Ours.
        init_box: How a polygon becomes the box to start on, see `INIT_BOXES`.
        clock: Tells seconds; a test may bring its own.
    """

    def __init__(self, owner: Any, tracker: Tracker, init_box: str, clock: Callable[[], float] = perf_counter) -> None:
        super().__init__(owner)
        self._ours, self._init_box, self._clock, self._starts = tracker, init_box, clock, 0

    def stop(self) -> None:
        """Nothing runs."""

    def restart(self) -> None:
        """Nothing to do: `init` forgets everything before it."""

    def initialize(self, frame: Any, new: Any = None, _properties: Any = None) -> tuple[Any, float]:
        """Start; returns the region it was started with, and the seconds."""
        region = new[0] if isinstance(new, list) else new
        region = getattr(region, "region", region)
        box, picture = start_box(region, self._init_box), _picture(frame)
        if uses_chance(self._ours):
            self._ours.seed(SEED + self._starts)
        self._starts += 1
        begin = self._clock()
        self._ours.init(picture, box)
        return ObjectStatus(region, {}), self._clock() - begin

    def update(self, frame: Any, _new: Any = None, _properties: Any = None) -> tuple[Any, float]:
        """Return the box in the next frame as a rectangle, and the seconds."""
        picture = _picture(frame)
        begin = self._clock()
        answer = self._ours.update(picture)
        seconds = self._clock() - begin
        box = checked_box(answer, type(self._ours).__name__, f"in {frame.filename()}")
        return ObjectStatus(Rectangle(*box.tolist()), {}), seconds


def start_box(region: Any, init_box: str) -> Box:
    """The box to start on.

    Raises:
        DataError: A region that is neither a rectangle nor a polygon.
    """
    if isinstance(region, Rectangle):
        return as_annotated([region.x, region.y, region.width, region.height])
    if isinstance(region, Polygon):
        return box_of_corners(np.array(region.points()), init_box)
    raise DataError(f"cannot start on a {type(region).__name__}", remedy="Use rectangles or polygons")


def run_in_process(
    folder: Path,
    call: TrackerCall,
    *,
    init_box: str = DEFAULT_INIT_BOX,
    experiments: Many[str] = (),
    clock: Callable[[], float] = perf_counter,
) -> str:
    """Run the experiments of a workspace with one of our trackers; what is there already is kept, as by the toolkit.

    Args:
        folder: The workspace.
        call: The tracker.
        init_box: How a polygon becomes the box to start on.
        experiments: Some of the stack's; none for all.
        clock: Tells seconds.

    Returns:
        The identifier under which the results lie in `results`.

    Raises:
        UsageError: No such tracker, rule or experiment, or no workspace.
        TrackerError: The tracker cannot be built, needs the ground truth, or returned no box.
    """
    check_init_box(init_box)
    check_workspace(folder)
    spec, name = (
        resolve_tracker(call.name, variant=call.variant, weights=call.weights, device=call.device),
        identifier(call),
    )
    ours = build_tracker(spec)
    if sees_the_answer(ours):
        raise TrackerError(f"{spec.name} needs to be told the ground truth, so it runs in no toolkit")
    get_logger().setLevel(logging.WARNING)  # else it prints a line for every percent where there is no terminal
    workspace = Workspace.load(str(folder))
    known = dict(workspace.stack.experiments)
    for wanted in experiments:
        if wanted not in known:
            raise unknown_name("experiment in this workspace", wanted, known)

    class Ours(ToolkitTracker):  # type: ignore[misc] # the toolkit has no types
        def runtime(self, log: bool = False) -> Embedded:  # noqa: ARG002 - the toolkit's signature
            return Embedded(self, ours, init_box, clock)

    tracker = Ours(_identifier=name, _source="", command="spm_bench", storage=str(folder))
    for experiment_name, experiment in known.items():
        if not experiments or experiment_name in experiments:
            run_experiment(experiment, tracker, workspace.dataset)
    return name


def _picture(frame: Any) -> Frame:
    return read_image(Path(frame.filename()))
