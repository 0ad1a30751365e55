"""Pictures of one sequence in order, each decoded once, the next one while the last is worked on."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

from spm_bench.suites.base import Frame, FrameSource


@dataclass(eq=False)
class Film:
    """Hands out the frames of one sequence; at most one is decoded ahead, so memory holds two of each sequence.

    Never two threads at a time read from `frames`: a video file has one position.

    Attributes:
        frames: The pictures.
        threads: Where to decode ahead.
    """

    frames: FrameSource
    threads: Executor
    _ahead: tuple[int, Future[Frame]] | None = field(default=None, init=False)

    def frame(self, index: int) -> Frame:
        """Wait for a frame, and begin to decode the one after it.

        Raises:
            DataError: The picture is missing or broken.
        """
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            frame = self.frames[index]
        elif ahead[0] == index:
            frame = ahead[1].result()
        else:
            if not ahead[1].cancel():
                ahead[1].exception()  # wait until it has let go of the source; what it found is not wanted
            frame = self.frames[index]
        if index + 1 < len(self.frames):
            self._ahead = index + 1, self.threads.submit(self.frames.__getitem__, index + 1)
        return frame
