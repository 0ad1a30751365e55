"""Where SPM computes, and how much memory is free there."""

from __future__ import annotations

import ctypes
from pathlib import Path

import torch

from spm_bench.errors import UsageError


def pick_device(device: str) -> torch.device:
    """Turn "auto" into the accelerator at hand, and check that a named device exists.

    Raises:
        UsageError: No such device here.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"the device {device!r} cannot be used ({reason})", remedy="Try --device cpu") from error
    return chosen


def memory_at_hand(device: torch.device) -> int:
    """Free bytes of a device; where the system does not tell, 2 GiB."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 2**31
    kilobytes = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), None)
    return 2**31 if kilobytes is None else 1024 * int(kilobytes)


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Names of settings in glibc's malloc.h."""

MOST_KEPT = 2**29
"""Bytes; the passes of a batch need about a tenth of it."""

LARGEST_KEPT = 2**25
"""Bytes of one block, the most that glibc accepts."""


def keep_memory() -> None:
    """Have glibc keep freed memory, up to half a GB, instead of returning it to the system after every pass.

    The feature maps of a pass through the network are returned and fetched again, page by page, in each round of a
    batch: a fifth of its time. The setting is the process's; with other C libraries nothing happens.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT)
    mallopt(M_TRIM_THRESHOLD, MOST_KEPT)
