"""OpenCV's correlation-filter trackers, with their online update.

* CSRT: Lukezic et al., Discriminative Correlation Filter with Channel and Spatial Reliability, CVPR 2017;
  HOG and colour names, 33 scales.
* KCF: Henriques et al., High-Speed Tracking with Kernelized Correlation Filters, PAMI 2015; with the colour names of
  Danelljan et al., CVPR 2014. One scale.
* MOSSE: Bolme et al., Visual Object Tracking using Adaptive Correlation Filters, CVPR 2010; grey values. One scale.

Four rules stand between their interface and ours:

1. **Start.** They start on whole pixels: position and size are each rounded to the nearest integer (halves up), the box
   is cut to the image, and a side below `min_side` is widened about its centre. All three get the same rounding,
   although MOSSE would accept fractions (it truncates them inside). A box outside the image cannot be started on.
2. **KCF as in its paper.** As shipped, OpenCV's KCF differs from its paper in two ways that ruin it. It ignores the
   frame given to its `init` and learns from that of its first `update`, at the initial box, and so trails the target by
   the motion of one frame for good; and it gives up wherever the filter's peak is below 0.5, which the paper does not.
   Here it learns from the initial frame and always follows the peak. The variant `as_shipped` undoes both.
3. **Lost.** When `update` reports that the target was not found, the box of the frame before is repeated. MOSSE (and
   KCF as shipped) keeps its model and searches at that place again in the next frame, so it can recover. OpenCV's MOSSE
   demands a peak-to-sidelobe ratio of 5.7 and leaves no way to change that; on targets below some 50 pixels even the
   initial frame may not reach it, and the tracker then hardly moves.
4. **No chance.** Their boxes depend neither on OpenCV's random seed nor on its number of threads (a test shows both),
   so nothing global is set here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from spm_bench.errors import TrackerError, UsageError, unknown_name
from spm_bench.suites.base import Frame
from spm_bench.trackers.base import Box, TrackerSpec

REMEDY = "pip install --force-reinstall --no-deps opencv-contrib-python-headless"
"""Four OpenCV packages share the folder cv2/; the last one installed wins, and only contrib ones have the trackers."""


class OpenCvTracker:
    """What the three have in common; a subclass names the factory inside cv2."""

    deterministic = True
    factory: ClassVar[str]
    min_side: ClassVar[int] = 2
    """Smallest side, in pixels, on which the tracker starts; MOSSE's and KCF's Fourier windows need two."""
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType({"base": {}})
    """Variant -> constructor options."""

    def __init__(self) -> None:
        self._create = find_factory(self.factory)

    @classmethod
    def resolve(cls, *, name: str, variant: str | None, weights: str | None, device: str) -> TrackerSpec:  # noqa: ARG003
        """Describe the tracker; the OpenCV version is part of its identity. It always runs on the CPU.

        Raises:
            UsageError: Unknown variant, or weights were given: there are none.
            TrackerError: This OpenCV lacks the tracker.
        """
        variant = variant or "base"
        if variant not in cls.variants:
            raise unknown_name(f"variant of {name}", variant, cls.variants)
        if weights is not None:
            raise UsageError(f"{name} has no weights: it learns on the sequence itself", remedy="Leave --weights out")
        find_factory(cls.factory)
        return TrackerSpec(
            name=name,
            target=f"{cls.__module__}:{cls.__qualname__}",
            variant=variant,
            options=dict(cls.variants[variant]),
            identity={"opencv": _import_cv2().__version__},
        )

    def init(self, frame: Frame, box: Box) -> None:
        """Start anew on `frame`, on whole pixels inside the image (rule 1 above).

        Raises:
            TrackerError: The box is outside the image or not finite, or OpenCV cannot start on it.
        """
        start = whole_pixel_box(box, frame.shape[1], frame.shape[0], self.min_side)
        self._tracker = self._new()
        try:
            started = self._tracker.init(frame, start)
        except _import_cv2().error as error:
            raise TrackerError(f"OpenCV cannot start on the box {start}: {_reason(error)}") from error
        if started is False:  # cv2.legacy says so; the newer interface returns None
            raise TrackerError(f"OpenCV cannot start on the box {start}")
        self._box = np.array(start, dtype=np.float64)

    def update(self, frame: Frame) -> Box:
        """Return the box in the next frame, or the last one if OpenCV reports the target as lost (rule 2 above).

        Raises:
            TrackerError: OpenCV failed, or reports a box that is none.
        """
        try:
            found, box = self._tracker.update(frame)
        except _import_cv2().error as error:
            raise TrackerError(f"OpenCV failed on a frame: {_reason(error)}") from error
        if found:
            self._box = np.array(box, dtype=np.float64)
        return self._box.copy()

    def _new(self) -> Any:
        """Make a fresh OpenCV tracker."""
        return self._create()


class CsrtTracker(OpenCvTracker):
    """Channel and spatial reliability filter."""

    factory = "TrackerCSRT_create"
    min_side = 4
    """Measured: OpenCV's CSRT fails an assertion on sides of 1 and 2 pixels, and on 3 where the other side is long."""


class KcfTracker(OpenCvTracker):
    """Kernelised correlation filter (rule 2 above).

    Args:
        late_start: Learn from the second frame instead of the initial one.
        detect_threshold: Peak of the filter's response below which the target counts as lost; 0 follows every peak.
    """

    factory = "TrackerKCF_create"
    variants = MappingProxyType({"base": {}, "as_shipped": {"late_start": True, "detect_threshold": 0.5}})

    def __init__(self, late_start: bool = False, detect_threshold: float = 0.0) -> None:
        super().__init__()
        self.late_start = late_start
        self._parameters = _import_cv2().TrackerKCF_Params()
        self._parameters.detect_thresh = detect_threshold

    def init(self, frame: Frame, box: Box) -> None:
        """Start anew and learn the target from `frame`.

        Raises:
            TrackerError: As for every tracker here.
        """
        super().init(frame, box)
        if not self.late_start:
            self.update(frame)

    def _new(self) -> Any:
        return self._create(self._parameters)


class MosseTracker(OpenCvTracker):
    """Minimum output sum of squared error filter."""

    factory = "legacy.TrackerMOSSE_create"


def find_factory(path: str) -> Any:
    """Find a tracker's factory inside cv2, e.g. "legacy.TrackerMOSSE_create".

    Raises:
        TrackerError: OpenCV is missing, or was installed without its extra modules.
    """
    found: Any = _import_cv2()
    for part in path.split("."):
        found = getattr(found, part, None)
        if found is None:
            raise TrackerError(
                f"OpenCV {_import_cv2().__version__} has no cv2.{path} here: another OpenCV package overwrote the one "
                "with the extra modules",
                remedy=REMEDY,
            )
    return found


def whole_pixel_box(box: Box, width: int, height: int, min_side: int) -> tuple[int, int, int, int]:
    """Round a box to whole pixels and fit it into an image (rule 1 above).

    Args:
        box: (x, y, w, h), 0-based.
        width: Of the image, in pixels.
        height: Of the image, in pixels.
        min_side: Sides below this are widened about their centre.

    Raises:
        TrackerError: A number is not finite, a side is not positive, or the box does not touch the image.
    """
    x, y, w, h = (float(v) for v in box)
    if not np.isfinite([x, y, w, h]).all() or w <= 0 or h <= 0:
        raise TrackerError(f"cannot start on the box ({x:g}, {y:g}, {w:g}, {h:g}): it has no area")
    if x >= width or y >= height or x + w <= 0 or y + h <= 0:
        raise TrackerError(f"cannot start on the box ({x:g}, {y:g}, {w:g}, {h:g}): it is outside {width}x{height}")
    left, columns = _whole_pixel_side(x, w, width, min_side)
    top, rows = _whole_pixel_side(y, h, height, min_side)
    return left, top, columns, rows


def _whole_pixel_side(start: float, length: float, limit: int, min_side: int) -> tuple[int, int]:
    """Do one direction of `whole_pixel_box`; returns (start, length)."""
    first, size = int(np.floor(start + 0.5)), int(np.floor(length + 0.5))
    last = min(first + size, limit)
    first = max(first, 0)
    if last - first < min_side:
        first = int(np.floor((first + last - min_side) / 2 + 0.5))
        first = min(max(first, 0), max(limit - min_side, 0))
        last = min(first + min_side, limit)
    return first, last - first


def _import_cv2() -> Any:
    try:
        import cv2
    except ImportError as error:
        raise TrackerError(f"OpenCV cannot be imported ({error})", remedy=REMEDY) from error
    return cv2


def _reason(error: Exception) -> str:
    """Put OpenCV's message on one line, without version and source path in front."""
    return " ".join(str(error).split()).rpartition(" error: ")[2] or type(error).__name__
