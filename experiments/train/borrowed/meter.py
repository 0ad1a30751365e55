"""How fast a training went, and how busy its accelerator was."""

from __future__ import annotations

import contextlib
import shutil
import statistics
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

from spm_bench.training.logs import Lines

ASK = ("nvidia-smi", "--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits", "--loop=1")
"""Once a second: the share of the last second in which any kernel ran, in per cent, and MiB in use."""


class Meter(Lines):
    """Lines of progress that keep their numbers, with samples of the accelerator from the first row of the log on.

    Steps before that row count as warming up.

    Args:
        say: Told the lines.
        command: That prints "per cent, MiB" a line; it is not run where there is no such program.
    """

    def __init__(self, say: Callable[[str], None], command: tuple[str, ...] = ASK) -> None:
        super().__init__()
        self._tell, self._command = say, command
        self._rows: list[Mapping[str, float]] = []
        self._process: subprocess.Popen[str] | None = None
        self.samples: list[tuple[float, float]] = []

    def note(self, text: str) -> None:
        """Print it."""
        self._tell(text)

    def losses(self, row: Mapping[str, float]) -> None:
        """Keep the numbers; the first of them start the sampling."""
        super().losses(row)
        self._rows.append(row)
        if self._process is None and shutil.which(self._command[0]):
            self._process = subprocess.Popen(
                self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )

    def end(self) -> None:
        """Print the last state, and stop sampling."""
        super().end()
        self.stop()

    def stop(self) -> None:
        """End the sampling and read what it gave."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        text, _ = process.communicate()
        for line in text.splitlines():
            with contextlib.suppress(ValueError):  # the last line may be cut, and some devices tell "[N/A]"
                busy, memory = (float(word) for word in line.split(","))
                self.samples.append((busy, memory))

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()

    def report(self) -> list[str]:
        """What was seen, as lines."""
        lines = []
        if len(self._rows) > 1:
            first, last = self._rows[0], self._rows[-1]
            pairs, seconds = (last[name] - first[name] for name in ("pairs", "seconds"))
            waited = statistics.fmean(row["data_share"] for row in self._rows[1:])
            lines.append(
                f"{pairs:.0f} pairs in {seconds:.1f} s of steps: {pairs / max(seconds, 1e-9):.1f} pairs/s, "
                f"{waited:.1%} of the time spent on making pairs"
            )
        if self.samples:
            busy, memory = zip(*self.samples, strict=True)
            lines.append(
                f"accelerator busy: {statistics.fmean(busy):.1f} % on average, median {statistics.median(busy):.0f} %, "
                f"validations included; {max(memory):.0f} MiB at most ({len(busy)} samples)"
            )
        return lines
