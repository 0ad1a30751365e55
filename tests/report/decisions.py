"""Decisions made up for tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from spm_bench.report.decision import Decision


def decision(
    coarse: list[float],
    fine: list[float] | None,
    overlaps: list[float] | None,
    window: list[float] | None = None,
    **changes: Any,
) -> Decision:
    """Half CM and half FM, half of that and half the window; the last candidate is the near one."""
    K = len(coarse)
    c, w = np.array(coarse), np.array(window or [1.0] * K)
    f = np.full(K, np.nan) if fine is None else np.array(fine)
    fused = c if fine is None else (c + f) / 2
    final = (fused + w) / 2
    boxes = np.stack([np.array([20.0 + 9 * k, 15.0 + 5 * k, 30.0, 20.0]) for k in range(K)])
    crop = np.random.default_rng(0).integers(0, 255, (271, 271, 3)).astype(np.uint8)
    made: dict[str, Any] = {
        "boxes": boxes,
        "fused_boxes": boxes + 1,
        "near": np.arange(K) == K - 1,
        "coarse": c,
        "fine": f,
        "fused": fused,
        "window": w,
        "final": final,
        "overlaps": np.full(K, np.nan) if overlaps is None else np.array(overlaps),
        "best": int(final.argmax()),
        "box": boxes[0],
        "accepted": True,
        "fine_share": 0.5,
        "window_share": 0.5,
        "lost_below": 0.2,
        "region": np.array([0.0, -10.0, 120.0, 120.0]),
        "crop": crop,
        "heat": np.linspace(0, 1, 361).reshape(19, 19),
        "cells": 63.5 + 8 * np.arange(19),
        "sees_truth": None if overlaps is None else True,
    }
    return Decision(**{**made, **changes})
