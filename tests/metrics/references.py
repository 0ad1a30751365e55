"""Evaluators written as plain loops over frames, each from its tool's description: slow and obvious.

Boxes here are as the tools see them: 1-based.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

Row = list[float]
Frame = tuple[float, float, float]
"""Overlap, centre error, normalised centre error of one frame."""


def overlap(a: Row, b: Row) -> float:
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(w, 0.0) * max(h, 0.0)
    joined = a[2] * a[3] + b[2] * b[3] - shared
    return shared / joined if joined > 0 and min(a[2], a[3], b[2], b[3]) > 0 else 0.0


def centre(a: Row) -> tuple[float, float]:
    return a[0] + (a[2] - 1) / 2, a[1] + (a[3] - 1) / 2


def error(a: Row, b: Row) -> float:
    (ax, ay), (bx, by) = centre(a), centre(b)
    return math.hypot(ax - bx, ay - by)


def normalised(a: Row, b: Row) -> float:
    (ax, ay), (bx, by) = centre(a), centre(b)
    return math.hypot((ax - bx) / b[2], (ay - by) / b[3]) if min(b[2], b[3]) > 0 else math.inf


def repaired(results: list[Row], truth: list[Row]) -> list[Row]:
    rows = [truth[0]]
    for row in results[1:]:
        rows.append(rows[-1] if any(map(math.isnan, row)) or row[2] <= 0 or row[3] <= 0 else row)
    return rows


def otb_matlab(results: list[Row], truth: list[Row]) -> list[Frame]:
    frames = []
    for r, g in zip(repaired(results, truth), truth, strict=True):
        ok = all(v > 0 for v in g)
        frames.append((overlap(r, g), error(r, g), normalised(r, g)) if ok else (-1.0, -1.0, -1.0))
    return frames


def pytracking(results: list[Row], truth: list[Row]) -> list[Frame]:
    frames = []
    for r, g in zip(repaired(results, truth), truth, strict=True):
        ok = g[2] > 0 and g[3] > 0
        frames.append((overlap(r, g), error(r, g), normalised(r, g)) if ok else (-1.0, math.inf, -1.0))
    return frames


def pysot(results: list[Row], truth: list[Row]) -> list[Frame]:
    frames = []
    for r, g in zip(results, truth, strict=True):
        ok, centred = g[2] > 0 and g[3] > 0, min(centre(g)) > 0
        blind = any(map(math.isnan, r))
        far = math.inf if blind else error(r, g)
        far_normalised = math.inf if blind else normalised(r, g)
        frames.append(
            (overlap(r, g) if ok and not blind else -1.0, far if centred else -1.0, far_normalised if centred else -1.0)
        )
    return frames


def got10k_toolkit(results: list[Row], truth: list[Row]) -> list[Frame]:
    frames = []
    for r, g in zip([truth[0], *results[1:]], truth, strict=True):
        blind = any(map(math.isnan, [*r, *g]))
        frames.append((-1.0, math.inf, math.inf) if blind else (overlap(r, g), error(r, g), normalised(r, g)))
    return frames


def spm_release(results: list[Row], truth: list[Row]) -> list[Frame]:
    frames = []
    for r, g in zip([truth[0], *results[1:]], truth, strict=True):
        ok, blind = all(v > 0 for v in g), any(map(math.isnan, r))
        far = (-1.0, math.inf, math.inf) if blind else (overlap(r, g), round(error(r, g), 4), normalised(r, g))
        frames.append(far if ok else (-1.0, -1.0, -1.0))
    return frames


FRAMES: dict[str, Callable[[list[Row], list[Row]], list[Frame]]] = {
    "otb-matlab": otb_matlab,
    "lasot": otb_matlab,
    "pytracking": pytracking,
    "pysot": pysot,
    "got10k-toolkit": got10k_toolkit,
    "spm-release": spm_release,
}


def headline_values(frames: list[Frame], name: str) -> dict[str, float]:
    """AUC, precision and normalised precision of one sequence; the denominator is the number of its frames."""
    n = len(frames)
    success = [sum(f[0] > k * 0.05 for f in frames) / n for k in range(21)]
    at_20 = sum(f[1] < 20 if name == "spm-release" else f[1] <= 20 for f in frames) / n
    within = [sum(f[2] < k / 100 if name == "spm-release" else f[2] <= k / 100 for f in frames) / n for k in range(51)]
    return {
        "auc": sum(success) / 21,
        "precision": at_20,
        "normalised_precision": sum(within) / 51 if name == "got10k-toolkit" else within[20],
    }


def difficult_run(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """One-based results and truth with all that evaluators disagree about: broken rows on both sides, borders."""
    rng = np.random.default_rng(seed)
    truth = np.concatenate([rng.integers(1, 80, (n, 2)), rng.integers(5, 40, (n, 2))], 1).astype(float)
    results = truth + rng.normal(0, 6, (n, 4)).round(2)
    results[:, 2:] = np.abs(results[:, 2:]) + 1
    results[0] += 3
    results[rng.integers(1, n, 4)] = np.nan
    results[rng.integers(1, n, 4), 2] = 0
    results[rng.integers(1, n, 3), 3] = -2
    truth[rng.integers(1, n, 3)] = np.nan
    truth[rng.integers(1, n, 3)] = 0
    truth[rng.integers(1, n, 3), 0] = 0
    truth[rng.integers(1, n, 3), 1] = -30
    return results, truth
