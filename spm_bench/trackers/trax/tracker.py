"""A program that speaks TraX, as a tracker: started with the first sequence, and asked for one box a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from spm_bench.errors import TrackerError
from spm_bench.suites.base import Frame
from spm_bench.trackers.base import Box
from spm_bench.trackers.trax.program import PATIENCE, Program
from spm_bench.trackers.trax.session import Session


class TraxTracker:
    """The program runs from the first `init` on, and is told to quit when this object is dropped.

    Boxes travel as text with four decimals. The seconds are those of a request: writing the picture and what the
    protocol costs are in them.

    Args:
        command: Words.
        asked: How the user named it.
        folder: Where it is started.
        environment: Variables besides those of this process.
        arguments: Told with every start.
        timeout: Seconds for one answer.
        restart: Start it anew for every `init`.

    Attributes:
        beside: Files to lay beside the pictures, name -> text: for who wants to know what the program looks at.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        asked: str = "",
        folder: str = ".",
        environment: Mapping[str, str] | None = None,
        arguments: Mapping[str, str] | None = None,
        timeout: float = PATIENCE,
        restart: bool = False,
    ) -> None:
        self.program = Program(
            name="",
            asked=asked or " ".join(command),
            command=tuple(command),
            folder=Path(folder),
            environment=environment or {},
            arguments=arguments or {},
            timeout=timeout,
            restart=restart,
        )
        self.beside: Mapping[str, str] = {}
        self._session: Session | None = None
        self._box: Box | None = None

    @property
    def session(self) -> Session | None:
        """The process that runs; None before the first `init`."""
        return self._session

    def init(self, frame: Frame, box: Box) -> None:
        """Start on `frame` with the target in `box`.

        Raises:
            TrackerError: The program cannot be started, ended, was silent for too long, or did not keep to TraX.
        """
        if self._session is not None and (self.program.restart or self._session.single or not self._session.alive):
            self.close()
        if self._session is None:
            self._session = Session(self.program, self.beside)
        self._box = np.array(box, dtype=np.float64)
        self._session.start(frame, self._box)

    def update(self, frame: Frame) -> Box:
        """Return the box in the next frame; the last one where the program says that it sees none.

        Raises:
            TrackerError: As `init`; or it was not started.
        """
        if self._session is None or self._box is None:
            raise TrackerError("it was asked to update before it was started", where=self.program.asked)
        box = self._session.update(frame)
        if box is not None:
            self._box = box
        return self._box.copy()

    def close(self) -> bool:
        """End the program; tells whether it did so by itself when it was told to."""
        session, self._session = self._session, None
        return session is None or session.close()
