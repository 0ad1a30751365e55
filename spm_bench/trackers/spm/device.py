"""Where SPM computes, and how much memory is free there."""

from __future__ import annotations

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
