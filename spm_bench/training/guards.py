"""What watches over a training: numbers that are not finite, signals, the time budget, and repeatable arithmetic."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

import torch
from torch import Tensor

NEVER = -1
ECHO = 1.0
"""Seconds after a signal in which another one is taken for its echo."""


class Watch:
    """Sums of the numbers of each step, and when each was first not finite; kept on the device, read now and then.

    Args:
        names: Of the numbers.
        watched: Those that must be finite.
        device: Where they are.
    """

    def __init__(self, names: tuple[str, ...], watched: frozenset[str], device: torch.device) -> None:
        self.names = names
        self._watched = torch.tensor([name in watched for name in names], device=device)
        self._first = torch.full((len(names),), NEVER, dtype=torch.int64, device=device)
        self._sums = torch.zeros(len(names), device=device)
        self._count = 0

    def add(self, step: int, numbers: Tensor) -> None:
        """Take the numbers of a 0-based step in, without waiting for them."""
        new = ~torch.isfinite(numbers) & self._watched & (self._first == NEVER)
        self._first = torch.where(new, step, self._first)
        self._sums += numbers
        self._count += 1

    def broken(self) -> tuple[int, tuple[str, ...]] | None:
        """The first step with a number that is not finite, and its name or names; waits for the device."""
        steps = self._first.tolist()
        found = [step for step in steps if step != NEVER]
        if not found:
            return None
        return min(found), tuple(n for n, step in zip(self.names, steps, strict=True) if step == min(found))

    def means(self) -> dict[str, float]:
        """Means since the last call; waits for the device."""
        values = (self._sums / max(self._count, 1)).tolist()
        self._sums.zero_()
        self._count = 0
        return dict(zip(self.names, values, strict=True))


class Stop:
    """Why the loop should end before its time: a signal or the budget; "" as long as it should go on.

    The first signal asks the loop to end after the current step. A later one gets the usual answer at once; one within
    `ECHO` seconds is the same request (`timeout` and batch systems signal the process and then its whole group).

    Args:
        minutes: Budget from now on; None: no limit.
    """

    def __init__(self, minutes: float | None) -> None:
        self._end = None if minutes is None else time.monotonic() + 60.0 * minutes
        self.signal: signal.Signals | None = None
        self._asked = 0.0
        self._before: dict[signal.Signals, Any] = {}

    @property
    def reason(self) -> str:
        """The signal's name, "time", or ""."""
        if self.signal is not None:
            return self.signal.name
        return "time" if self._end is not None and time.monotonic() >= self._end else ""

    def __enter__(self) -> Stop:
        # Only the main thread may answer signals; elsewhere whoever started the thread does.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _take(self, number: int, _: FrameType | None) -> None:
        if self.signal is None:
            self.signal, self._asked = signal.Signals(number), time.monotonic()
        elif time.monotonic() - self._asked >= ECHO:
            self._restore()
            signal.raise_signal(number)

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}


@contextlib.contextmanager
def arithmetic(device: torch.device, *, deterministic: bool, threads: int | None) -> Iterator[None]:
    """Set how torch computes while the block runs, and put it back.

    On an accelerator: TF32 for what is left in float32; algorithms are chosen by rule, never by a race (cuDNN's
    benchmark), so that a resumed training takes the same; with `deterministic` no sums in the order of arrival either.

    Args:
        device: Where the training runs.
        deterministic: See above.
        threads: Of a CPU; None: torch's own choice.
    """
    cudnn = torch.backends.cudnn
    before = (
        torch.get_num_threads(),
        torch.get_float32_matmul_precision(),
        (cudnn.benchmark, cudnn.deterministic),
        (torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()),
    )
    if threads is not None:
        torch.set_num_threads(threads)
    if device.type == "cuda":
        if deterministic:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it
            torch.use_deterministic_algorithms(mode=True, warn_only=True)
        torch.set_float32_matmul_precision("high")
        cudnn.benchmark, cudnn.deterministic = False, deterministic
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.set_float32_matmul_precision(before[1])
        cudnn.benchmark, cudnn.deterministic = before[2]
        torch.use_deterministic_algorithms(mode=before[3][0], warn_only=before[3][1])
