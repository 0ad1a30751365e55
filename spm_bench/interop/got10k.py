"""Our trackers inside the got10k toolkit (`pip install got10k`), and its trackers inside ours.

Run SPM, or any tracker by name, in the toolkit's own experiments:

    from got10k.experiments import ExperimentOTB
    from spm_bench.interop.got10k import SPM, local_otb, wrap

    experiment = local_otb("path/to/OTB", version=2015)   # ExperimentOTB itself insists on downloading
    experiment.run(SPM())                                 # or SPM(variant="cm_only", weights="cm.pt", device="cuda")
    experiment.run(wrap("KCF"))
    experiment.report(["SPM", "KCF"])

OTB counts pixels from 1, and the toolkit hands its numbers over as they stand in the files. `origin` (1 here) is what
our trackers, which count from 0, subtract on the way in and add on the way out. **GOT-10k's own annotations are used
unshifted, there as here: give `origin=0` for `ExperimentGOT10k`.** Boxes are then those of our own runs, up to the
three decimals the toolkit writes. (It decodes pictures with Pillow, we with OpenCV: equal on JPEG files wherever both
use the same JPEG library, otherwise they may differ by a grey level.)

The other way, a tracker written for the toolkit runs here through a function of yours, `--tracker my_module:theirs`:

    from spm_bench.interop.got10k import from_got10k

    def theirs():
        return from_got10k(SomeTrackerForGot10k())
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from got10k.datasets import OTB
from got10k.experiments import ExperimentOTB
from got10k.trackers import Tracker as ToolkitTracker
from numpy.typing import ArrayLike
from PIL import Image

from spm_bench.errors import MissingDataError, TrackerError, UsageError
from spm_bench.suites.base import Frame
from spm_bench.trackers.base import Box, TrackerSpec, sees_the_answer, uses_chance
from spm_bench.trackers.catalog import build_tracker, resolve_tracker

OTB_ORIGIN = 1.0
"""Number of the first pixel in OTB's files, which were made with MATLAB."""
OTB_VERSIONS = (2013, 2015, "otb2013", "otb2015", "tb50", "tb100")
"""What the toolkit's `OTB` understands."""
SEED = 0
"""The toolkit knows no seeds: a tracker that uses chance starts each sequence with this one."""


class Wrapped(ToolkitTracker):  # type: ignore[misc] # the toolkit has no types
    """A tracker of ours as the toolkit wants it; its name in the toolkit's files is the label of our tables.

    Args:
        spec: Which tracker.
        origin: Number of the first pixel in the data set's boxes.

    Raises:
        TrackerError: It cannot be built, or needs the ground truth, which the toolkit does not give.
    """

    def __init__(self, spec: TrackerSpec, origin: float = OTB_ORIGIN) -> None:
        self.tracker = build_tracker(spec)
        if sees_the_answer(self.tracker):
            raise TrackerError(f"{spec.name} needs to be told the ground truth, so it runs in no toolkit")
        super().__init__(name=spec.label, is_deterministic=bool(getattr(self.tracker, "deterministic", False)))
        self._shift = np.array([origin, origin, 0.0, 0.0])

    def init(self, image: Image.Image, box: ArrayLike) -> None:
        """Start on a Pillow RGB image with a box of the data set."""
        if uses_chance(self.tracker):
            self.tracker.seed(SEED)
        self.tracker.init(bgr_frame(image), np.asarray(box, dtype=np.float64) - self._shift)

    def update(self, image: Image.Image) -> Box:
        """Return the box in the next image, in the data set's coordinates."""
        box: Box = np.asarray(self.tracker.update(bgr_frame(image)), dtype=np.float64) + self._shift
        return box


class SPM(Wrapped):
    """SPM in the got10k toolkit.

    Args:
        variant: Name of a variant; None is the unchanged tracker.
        weights: A checkpoint, "official", or "random" (then every result is that of an untrained network).
        device: "auto", "cpu", "cuda", "cuda:1".
        origin: Number of the first pixel in the data set's boxes: 1 for OTB, 0 for GOT-10k.

    Raises:
        UsageError: No such variant.
        WeightsError: No trained weights at hand.
    """

    def __init__(
        self,
        variant: str | None = None,
        weights: str | None = None,
        device: str = "auto",
        *,
        origin: float = OTB_ORIGIN,
    ) -> None:
        super().__init__(resolve_tracker("SPM", variant=variant, weights=weights, device=device), origin)


def wrap(
    name: str,
    *,
    variant: str | None = None,
    weights: str | None = None,
    device: str = "auto",
    origin: float = OTB_ORIGIN,
) -> Wrapped:
    """Make any of our trackers, or a `module:Class`, a tracker of the toolkit.

    Args:
        name: See `resolve_tracker`, as for the next three.
        variant: Name of a variant.
        weights: For trackers with a network.
        device: For trackers with a network.
        origin: Number of the first pixel in the data set's boxes: 1 for OTB, 0 for GOT-10k.

    Raises:
        UsageError: No such tracker or variant.
        TrackerError: It cannot be built or needs the ground truth.
    """
    return Wrapped(resolve_tracker(name, variant=variant, weights=weights, device=device), origin)


def local_otb(
    root: Path | str,
    version: int | str = 2015,
    *,
    result_dir: Path | str = "results",
    report_dir: Path | str = "reports",
) -> Any:
    """Build the toolkit's `ExperimentOTB` on data that are here, complete or not: its constructor always downloads.

    Args:
        root: Folder of the sequences' folders; sequences that are not there are left out.
        version: One of `OTB_VERSIONS`.
        result_dir: Where it writes raw results.
        report_dir: Where it writes reports.

    Raises:
        UsageError: No such version.
        MissingDataError: There is no sequence in `root`.
    """
    if version not in OTB_VERSIONS:
        raise UsageError(f"there is no OTB version {version!r}", remedy=f"Known: {', '.join(map(str, OTB_VERSIONS))}")

    class LocalOTB(ExperimentOTB):  # type: ignore[misc] # the toolkit has no types
        def __init__(self) -> None:
            # In place of the base class's __init__, which hard-codes download=True; these are all the fields it sets.
            self.dataset = OTB(str(root), version, download=False)
            self.result_dir = str(Path(result_dir) / f"OTB{version}")
            self.report_dir = str(Path(report_dir) / f"OTB{version}")
            self.nbins_iou, self.nbins_ce = 21, 51

    if not any(Path(root).glob("*/groundtruth*.txt")):
        raise MissingDataError("there is no OTB sequence", where=Path(root), remedy="Name the folder of the sequences")
    return LocalOTB()


class Adopted:
    """A tracker of the got10k toolkit behind our interface.

    Args:
        tracker: An object with the toolkit's `init(image, box)` and `update(image)`.
        origin: Number of the first pixel in the boxes it expects: 1 if it was written for OTB's numbers as they stand
            in the files, 0 if it counts from 0.
    """

    def __init__(self, tracker: Any, origin: float = OTB_ORIGIN) -> None:
        self.tracker = tracker
        self.deterministic = bool(getattr(tracker, "is_deterministic", False))
        self._shift = np.array([origin, origin, 0.0, 0.0])

    def init(self, frame: Frame, box: Box) -> None:
        """Start on a BGR frame."""
        self.tracker.init(rgb_image(frame), np.asarray(box, dtype=np.float64) + self._shift)

    def update(self, frame: Frame) -> Box:
        """Return its box in the next frame, 0-based."""
        box: Box = np.asarray(self.tracker.update(rgb_image(frame)), dtype=np.float64) - self._shift
        return box


def from_got10k(tracker: Any, *, origin: float = OTB_ORIGIN) -> Adopted:
    """Run a tracker written for the got10k toolkit here.

    Args:
        tracker: The toolkit's tracker, constructed.
        origin: Number of the first pixel in the boxes it expects, see `Adopted`.

    Raises:
        TrackerError: It has no `init` or no `update`.
    """
    missing = [method for method in ("init", "update") if not callable(getattr(tracker, method, None))]
    if missing:
        raise TrackerError(f"{type(tracker).__name__} has no {' and no '.join(missing)}", where="from_got10k")
    return Adopted(tracker, origin)


def bgr_frame(image: Image.Image) -> Frame:
    """Turn a Pillow image into a frame: uint8 H x W x 3, BGR, contiguous."""
    rgb = np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    return np.ascontiguousarray(rgb[:, :, ::-1])


def rgb_image(frame: Frame) -> Image.Image:
    """Turn a BGR frame into a Pillow RGB image."""
    return Image.fromarray(np.ascontiguousarray(frame[:, :, ::-1]))
