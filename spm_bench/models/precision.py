"""With how many bits the networks multiply. Everything around them is float32 (boxes in the image float64) always.

* "fp32": float32. On NVIDIA cards torch multiplies convolutions in TF32 unless told otherwise; this tells it otherwise.
* "tf32": inputs of products are rounded to 10 bits of mantissa, sums are float32. NVIDIA from Ampere on.
* "bf16": torch's autocast to bfloat16, 7 bits of mantissa; what leaves a stage is float32 again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Literal

import torch

from spm_bench.errors import UsageError

Precision = Literal["fp32", "tf32", "bf16"]

Arithmetic = Callable[[], AbstractContextManager[object]]
"""Makes the context in which networks are to be called."""


def check_precision(precision: Precision, device: torch.device) -> None:
    """Make sure that a device can do it.

    Raises:
        UsageError: TF32 off NVIDIA, or on a card without it.
    """
    if precision != "tf32":
        return
    remedy = "Use precision fp32 or bf16, or a card from Ampere on"
    if device.type != "cuda" or torch.version.cuda is None:
        raise UsageError(f"precision tf32 exists on NVIDIA cards only, not on {device.type}", remedy=remedy)
    if torch.cuda.get_device_capability(device) < (8, 0):
        raise UsageError(f"{torch.cuda.get_device_name(device)} has no TF32", remedy=remedy)


def arithmetic(precision: Precision, device: torch.device) -> Arithmetic:
    """How networks on `device` are to be called.

    Raises:
        UsageError: See `check_precision`.
    """
    check_precision(precision, device)
    if precision == "bf16":
        # Without the cache: that is one for all threads, and any thread that leaves autocast empties it.
        return partial(torch.autocast, device.type, dtype=torch.bfloat16, cache_enabled=False)
    if device.type == "cuda":
        return partial(_tf32, allowed=precision == "tf32")
    return nullcontext


@contextmanager
def _tf32(*, allowed: bool) -> Iterator[None]:
    """Set torch's two switches, which are the process's, and put them back."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, matmul.allow_tf32
    cudnn.allow_tf32 = matmul.allow_tf32 = allowed
    try:
        yield
    finally:
        cudnn.allow_tf32, matmul.allow_tf32 = before
