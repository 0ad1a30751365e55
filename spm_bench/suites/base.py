"""The two nouns every room shares: `Sequence` (frames with ground truth) and `Suite` (sequences and how to judge them).

Boxes are `(x, y, w, h)`, float64, 0-based continuous image coordinates (pixel i covers [i, i+1)); loaders convert,
nobody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
"""One decoded picture: uint8, H x W x 3, BGR, C-contiguous."""
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


class FrameSource(Protocol):
    """Frames by index, decoded on demand. `[i]` raises DataError for a missing or broken picture."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Frame: ...


@dataclass(frozen=True, eq=False)
class Sequence:
    """One target in one video.

    Attributes:
        name: The name the benchmark gives it (never used as a path before it was checked).
        ground_truth: n x 4 boxes. Rows that are NaN or have no area are frames without a usable annotation.
        frames: The pictures, or None where only annotations are at hand (scoring needs no picture).
        polygons: n x 8 corner coordinates x1,y1,...,x4,y4 where the suite annotates polygons, else None.
        attributes: Names of the attributes the whole sequence carries (OTB style).
        frame_attributes: Name -> n booleans (VOT style); all of length n.
        image_size: (width, height), or None where unknown.
        cover: n values 0..8, GOT-10k's visible part of the target, else None.
        file_origin: What result files of the family "otb" count as the first pixel, 1 or 0.
        no_start: n booleans, frames on which the benchmark starts no run of temporal robustness (OTB: the target is
            hidden there); None: there are none.
        anchors: n values, where multi-start runs begin (VOT2020-2022): above 0 forwards, below 0 backwards, 0 nowhere;
            None where the suite does not say.
    """

    name: str
    ground_truth: FloatArray
    frames: FrameSource | None = None
    polygons: FloatArray | None = None
    attributes: tuple[str, ...] = ()
    frame_attributes: Mapping[str, BoolArray] = field(default_factory=dict)
    image_size: tuple[int, int] | None = None
    cover: NDArray[np.int64] | None = None
    no_start: BoolArray | None = None
    file_origin: int = 1
    anchors: FloatArray | None = None

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.ground_truth)

    def part(self, frames: range) -> Sequence:
        """These frames in this order, also backwards, as a sequence of its own under the same name."""
        rows = slice(frames.start, None if frames.stop < 0 else frames.stop, frames.step)
        return replace(
            self,
            ground_truth=self.ground_truth[rows],
            frames=None if self.frames is None else SomeFrames(self.frames, frames),
            polygons=None if self.polygons is None else self.polygons[rows],
            frame_attributes={name: flags[rows] for name, flags in self.frame_attributes.items()},
            cover=None if self.cover is None else self.cover[rows],
            anchors=None,
            no_start=None,
        )


@dataclass(frozen=True, eq=False)
class SomeFrames:
    """Some frames of a source in an order of their own (a `FrameSource`).

    Attributes:
        source: All frames.
        chosen: Which of them, in order.
    """

    source: FrameSource
    chosen: range

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.chosen)

    def __getitem__(self, index: int) -> Frame:
        """Decode frame `index` of the chosen ones."""
        return self.source[self.chosen[index]]


@dataclass(frozen=True, eq=False)
class Suite:
    """Sequences that are scored together.

    Attributes:
        name: Registered name ("vot2016").
        title: For people ("VOT2016").
        family: Which metrics and raw format apply: "otb", "vot" or "got10k".
        protocol: Name of its default protocol: "one_pass", "supervised" or "got10k".
        sequences: Those at hand, in the suite's order.
        n_total: How many the whole suite has; more than `len(sequences)` for a partial one.
        missing: Names of the absent ones.
        fingerprint: sha256 over names, annotations and the frames' file names and sizes: what the results depend on.
        eao_interval: (low, high) sequence lengths of the year's EAO, where the benchmark defines one.
        ao_burn_in: Frames from the start that the stack's average overlap without resets leaves out (10 in VOT's stacks
            of 2016 to 2018, 1 in those of 2020 to 2022).
        bounded: Whether overlaps are bounded to the image (VOT from 2016 on).
        has_ground_truth: False for GOT-10k test, whose ground truth is on a server.
        citation: What to cite, one line.
        convention: Name of the benchmark's own rules of scoring, where these are not those of its family.
    """

    name: str
    title: str
    family: str
    protocol: str
    sequences: tuple[Sequence, ...]
    n_total: int
    missing: tuple[str, ...] = ()
    fingerprint: str = ""
    root: Path | None = None
    eao_interval: tuple[int, int] | None = None
    ao_burn_in: int = 10
    bounded: bool = True
    has_ground_truth: bool = True
    citation: str = ""
    convention: str | None = None

    @property
    def origin(self) -> int:
        """What result files of the family "otb" count as the first pixel: the same for all sequences."""
        return self.sequences[0].file_origin if self.sequences else 1

    @property
    def coverage(self) -> str:
        """What tables print: "100 sequences", or "14 of 100 sequences" for a partial suite."""
        n = len(self.sequences)
        return f"{n} sequences" if n == self.n_total else f"{n} of {self.n_total} sequences"
