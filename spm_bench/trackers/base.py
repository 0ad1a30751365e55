"""The interface of a tracker, and the description from which one is built.

Two methods make a tracker. A class with no required constructor argument and these two can be run as `module:Class`:

    class MyTracker:
        def init(self, frame, box): ...      # frame: uint8 H x W x 3 BGR; box: (x, y, w, h), 0-based float64
        def update(self, frame): ...         # returns the box in this frame
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeGuard, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spm_bench.suites.base import Frame, Sequence

Box = NDArray[np.float64]
"""(x, y, w, h), float64, shape (4,), 0-based continuous image coordinates."""


@runtime_checkable
class Tracker(Protocol):
    """What the engine runs. `init` may be called again at any time and must forget everything before it."""

    def init(self, frame: Frame, box: Box) -> None:
        """Start on `frame` with the target in `box`."""

    def update(self, frame: Frame) -> ArrayLike:
        """Return the target's box in the next frame."""


class Seeded(Protocol):
    """A tracker that uses chance: the engine calls `seed` before every `init`, so a resumed run repeats exactly."""

    def seed(self, seed: int) -> None:
        """Set the tracker's own random generator."""


class SequenceAware(Protocol):
    """A tracker for tests that may see the answer: the engine calls `begin` before every `init`."""

    def begin(self, sequence: Sequence, index: int) -> None:
        """Tell which sequence comes, and that `init` will be on its frame `index`."""


@dataclass(frozen=True, eq=False)
class Start:
    """One target to start in a batch.

    Attributes:
        slot_of: Which of the batch's specs it runs with (its place in the list the batch was made from).
        frame: uint8 H x W x 3 BGR. Targets that see the same picture share the same object: that is how it is known.
        box: (x, y, w, h).
    """

    slot_of: int
    frame: Frame
    box: Box


@dataclass
class Shared:
    """How much a batch could share: the sharing factor is asked / computed.

    Attributes:
        asked: Steps of single targets that were asked for.
        computed: Passes through the network that were made for them.
    """

    asked: int = 0
    computed: int = 0


class BatchTracker(Protocol):
    """Many targets advanced together, each with settings of its own; the lockstep engine runs it.

    A tracker class offers it by a classmethod `batched(options: Sequence[Mapping[str, Any]]) -> BatchTracker`: one
    mapping of constructor arguments per spec. What comes out must be what the tracker alone gives: identical failures,
    boxes within 1e-3 px. Targets are opaque to the engine: it keeps them, hands them back, and drops them.

    Attributes:
        shared: Counts since the batch was made.
    """

    shared: Shared

    @property
    def capacity(self) -> int:
        """Targets worth advancing at once: as many as fill the device and fit the memory at hand."""

    def start(self, starts: Many[Start]) -> list[Any]:
        """Start targets; returns what must be given to `advance`, one object per start.

        Raises:
            TrackerError: One of the boxes cannot be started on; none is started then.
        """

    def advance(self, targets: Many[Any], frames: Many[Frame]) -> NDArray[np.float64]:
        """Move each target to the next frame of its own; B x 4 boxes (x, y, w, h). Targets move only if all do."""


def uses_chance(tracker: object) -> TypeGuard[Seeded]:
    """Tell whether a tracker has a method `seed`; many classes keep a number under that name, which is none."""
    return callable(getattr(tracker, "seed", None))


def sees_the_answer(tracker: object) -> TypeGuard[SequenceAware]:
    """Tell whether a tracker has a method `begin`, by which it is told the ground truth."""
    return callable(getattr(tracker, "begin", None))


@dataclass(frozen=True)
class TrackerSpec:
    """Everything needed to build a tracker again, here or in another process; becomes part of a run's identity.

    Attributes:
        name: What tables print ("SPM", "KCF").
        variant: Name of the variant, "base" for the unchanged tracker.
        target: `module:Class`, called with `options` as keyword arguments.
        options: JSON-able keyword arguments.
        trained: "yes", "no" (tables say *untrained*) or "" where the question does not arise.
        identity: JSON-able facts the boxes depend on besides target and options: weights sha256, config, code sha256.
        places: Names of options that only say where something lies (a checkpoint); what lies there is in `identity`.
    """

    name: str
    target: str
    variant: str = "base"
    options: Mapping[str, Any] = field(default_factory=dict)
    trained: str = ""
    identity: Mapping[str, Any] = field(default_factory=dict)
    places: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name in tables and folders: "SPM", or "SPM-cm_only" for a variant."""
        return self.name if self.variant == "base" else f"{self.name}-{self.variant}"
