"""VOT's real-time experiments (2017 on; vot toolkit 0.7.4, `RealtimeTrackerRuntime`): frames do not wait for a tracker.

Another experiment (with resets, with many starts, or unsupervised) runs against a clock that shows a new frame every
1 / fps seconds. A tracker that is still busy with a frame does not see the ones that arrive meanwhile; they are
answered with the box it then returns. The toolkit's bookkeeping, and so ours:

* the first `grace` times after each start that the tracker needs longer than a frame lasts, it is forgiven;
* else it owes what it needed beyond one frame. While it owes more than a frame, a frame is answered for it, and the
  debt shrinks by one frame; what is left when it is called again is forgotten;
* the time to start counts like any other.

Seconds are measured, or simulated: then every call takes the seconds that were given, and boxes can be repeated.
"""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from typing import Any, ClassVar

from spm_bench.errors import UsageError, unknown_name
from spm_bench.protocols.base import Answer, OnFrame, Pass, Record, Script, TrackingProtocol, next_move
from spm_bench.protocols.initial_box import DEFAULT_INIT_BOX
from spm_bench.protocols.multistart import MultiStart
from spm_bench.protocols.supervised import Supervised
from spm_bench.protocols.unsupervised import Unsupervised
from spm_bench.results.trajectory import Trajectory
from spm_bench.suites.base import Sequence
from spm_bench.suites.starts import part_of
from spm_bench.trackers.base import Tracker

FPS = 20.0
"""Of the VOT challenges. (The toolkit prefers the number that a sequence's own metadata give, often 30.)"""
GRACE = 3
"""Of the VOT challenges' stacks."""
BASES = ("supervised", "multistart", "unsupervised")


@dataclass(frozen=True)
class Realtime:
    """Another protocol against the clock, see the module.

    Attributes:
        base: The other protocol, one of `BASES`.
        fps: Frames the clock shows in a second.
        grace: How many slow answers after each start are forgiven.
        seconds_per_frame: What every start and update is taken to need; None measures.
        init_box: As in the other protocol.
        repetitions: Likewise; VOT's real-time experiments have one.
        bounded: Likewise.
    """

    base: str = "supervised"
    fps: float = FPS
    grace: int = GRACE
    seconds_per_frame: float | None = None
    init_box: str = DEFAULT_INIT_BOX
    repetitions: int = 1
    bounded: bool = True
    name: ClassVar[str] = "realtime"

    def __post_init__(self) -> None:
        if self.base not in BASES:
            raise unknown_name("experiment to run in real time", self.base, BASES)
        if not self.fps > 0:
            raise UsageError(f"{self.fps:g} frames in a second are no clock", remedy="Give --fps above 0")
        if self.grace < 0:
            raise UsageError(f"{self.grace} slow answers cannot be forgiven", remedy="Give --grace 0 or more")
        if self.seconds_per_frame is not None and not self.seconds_per_frame >= 0:
            raise UsageError(f"no frame takes {self.seconds_per_frame:g} seconds", remedy="Give 0 or more")

    @property
    def protocol(self) -> TrackingProtocol:
        """The other protocol."""
        if self.base == "multistart":
            return MultiStart(init_box=self.init_box)
        if self.base == "unsupervised":
            return Unsupervised(init_box=self.init_box, repetitions=self.repetitions)
        return Supervised(init_box=self.init_box, repetitions=self.repetitions, bounded=self.bounded)

    @property
    def family(self) -> str:
        """Scored like the other protocol, but its raw files lie in a folder of their own."""
        return f"{self.protocol.family}-realtime"

    @property
    def timed(self) -> bool:
        """Whether seconds are measured."""
        return self.seconds_per_frame is None

    @property
    def enough_equal(self) -> int:
        """As in the other protocol."""
        return self.protocol.enough_equal

    def parameters(self) -> dict[str, Any]:
        """All rules by name and number, the other protocol's among them."""
        seconds = "measured" if self.seconds_per_frame is None else self.seconds_per_frame
        clock = {"fps": self.fps, "grace": self.grace, "seconds_per_frame": seconds}
        return {**self.protocol.parameters(), "name": self.name, "base": self.base, **clock}

    def count(self, sequence: Sequence) -> int:
        """As in the other protocol."""
        return self.protocol.count(sequence)

    def span(self, sequence: Sequence, repetition: int) -> range:
        """As in the other protocol."""
        return self.protocol.span(sequence, repetition)

    def needed(self, repetition: int, tracker: Tracker) -> bool:
        """As in the other protocol."""
        return self.protocol.needed(repetition, tracker)

    def settled(self, done: Many[Trajectory]) -> bool:
        """As in the other protocol."""
        return self.protocol.settled(done)

    def moves(self, sequence: Sequence, record: Record) -> Script:
        """Say what comes next: the other protocol's moves, of which those that come too early are answered here.

        Rows of such frames hold the box that answered them, and no seconds.
        """
        clock = Clock(1.0 / self.fps, self.grace)
        script = self.protocol.moves(sequence, record)
        move, last = next_move(script), None
        while move is not None:
            if move.box is None and last is not None and clock.busy():
                record.tracked(move.index, last[0])
            else:
                last = yield move
                seconds = record.seconds[move.index] if self.seconds_per_frame is None else self.seconds_per_frame
                clock.took(float(seconds), started=move.box is not None)
            answer: Answer = last
            move = next_move(script, answer)

    def run(
        self, tracker: Tracker, sequence: Sequence, *, repetition: int, seed: int, on_frame: OnFrame | None = None
    ) -> Trajectory:
        """Run one repetition (see `TrackingProtocol.run`)."""
        part = part_of(sequence, self.span(sequence, repetition))
        return Pass(tracker, part, repetition, seed, on_frame).follow(self)


@dataclass
class Clock:
    """How far a tracker is behind the frames that arrive.

    Attributes:
        interval: Seconds from one frame to the next.
        grace: Slow answers forgiven after each start.
    """

    interval: float
    grace: int
    forgiving: int = field(default=0, init=False)
    debt: float = field(default=0.0, init=False)

    def took(self, seconds: float, *, started: bool) -> None:
        """Book the seconds of an update or of a start."""
        if started:
            self.forgiving = self.grace
        self.debt = 0.0
        if seconds <= self.interval:
            return
        if self.forgiving:
            self.forgiving -= 1
        else:
            self.debt = seconds - self.interval

    def busy(self) -> bool:
        """Tell whether the next frame comes too early, and let it pass."""
        if self.debt > self.interval:
            self.debt -= self.interval
            return True
        self.debt = 0.0
        return False
