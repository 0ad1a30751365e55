"""What timing needs to know of a tracker: which modules are its network, and when its device has finished.

A tracker with a network may say of what it consists:

    def network_parts(self) -> Sequence[torch.nn.Module]: ...

The seconds of these modules are then told apart from the rest (crops, selection, fusion). Nothing is installed in a
tracker but while a `NetworkWatch` is open.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from collections.abc import Sequence as Many
from time import perf_counter
from types import TracebackType
from typing import Any, Protocol

from spm_bench.trackers.base import Tracker

Clock = Callable[[], float]
"""Seconds from some fixed moment, never going back."""
Wait = Callable[[], None]
"""Returns when the device has finished all that was given to it."""


class Networked(Protocol):
    """A tracker that says which torch modules are its network."""

    def network_parts(self) -> Many[Any]:
        """The modules whose passes are the network's time; one may be inside another, time counts once."""


def parts_of(tracker: Tracker) -> tuple[Any, ...]:
    """The modules of a tracker's network; none for a tracker that has none, or does not say."""
    named = getattr(tracker, "network_parts", None)
    return tuple(named()) if callable(named) else ()


def devices_of(parts: Many[Any]) -> tuple[str, ...]:
    """Devices other than the CPU that a tracker computes on: those of its network.

    Of a tracker that does not say, torch's current CUDA device counts once CUDA is in use in this process.
    """
    named = {str(p.device) for part in parts for p in part.parameters()}
    torch = sys.modules.get("torch")
    if not parts and torch is not None and torch.cuda.is_initialized():
        named = {f"cuda:{torch.cuda.current_device()}"}
    return tuple(sorted(named - {"cpu"}))


def waiter(devices: Many[str]) -> Wait:
    """Something that waits for these devices; on the CPU, where calls return when they are done, it does nothing."""
    if not devices:
        return _return_at_once
    import torch

    def wait() -> None:
        for name in devices:
            device = torch.device(name)
            if device.type == "mps":  # there is but one
                torch.mps.synchronize()
            else:
                torch.get_device_module(device).synchronize(device)

    return wait


def _return_at_once() -> None:
    """Wait for nothing."""


class NetworkWatch:
    """Adds up the seconds that passes through some modules take, by hooks that are there while the block runs.

    The device is waited for before and after each pass, which a tracker that overlaps work with the device feels: take
    its other times without this.

    Args:
        parts: See `Networked.network_parts`.
        wait: Waits for the tracker's device.
        clock: Seconds.
    """

    def __init__(self, parts: Many[Any], wait: Wait, clock: Clock = perf_counter) -> None:
        self._parts, self._wait, self._clock = tuple(parts), wait, clock
        self._depth, self._begun, self._seconds = 0, 0.0, 0.0
        self._hooks: list[Any] = []

    def __enter__(self) -> NetworkWatch:
        for part in dict.fromkeys(self._parts):
            self._hooks.append(part.register_forward_pre_hook(self._begin))
            self._hooks.append(part.register_forward_hook(self._end, always_call=True))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._hooks:
            self._hooks.pop().remove()

    def take(self) -> float:
        """The seconds since the last call, which starts the count anew."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds

    def _begin(self, *_: object) -> None:
        self._depth += 1
        if self._depth == 1:
            self._wait()
            self._begun = self._clock()

    def _end(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._wait()
            self._seconds += self._clock() - self._begun
