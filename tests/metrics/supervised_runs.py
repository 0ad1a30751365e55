"""Generated supervised passes, and the definitions of accuracy and EAO written as plain loops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spm_bench.metrics.supervised import Passes


@dataclass(frozen=True, eq=False)
class Pass:
    """One pass: its sequence, codes as in the raw files (3 = a region) and overlaps (0 without a region)."""

    owner: int
    codes: list[int]
    overlaps: list[float]


def coded(n: int, failures: list[int], skip: int = 5) -> list[int]:
    """Codes of a pass of n frames that fails in some of them and starts again `skip` frames later."""
    codes = [1] + [3] * (n - 1)
    for failure in failures:
        codes[failure] = 2
        for frame in range(failure + 1, min(failure + skip, n)):
            codes[frame] = 0
        if failure + skip < n:
            codes[failure + skip] = 1
    return codes


def random_passes(seed: int, repetitions: tuple[int, ...] = (3, 3, 3, 3), shortest: int = 12) -> list[Pass]:
    rng = np.random.default_rng(seed)
    made = []
    for owner, count in enumerate(repetitions):
        n = int(rng.integers(shortest, 90))
        for _ in range(count):
            failures, frame = [], int(rng.integers(1, 60))
            while frame < n:
                failures.append(frame)
                frame += 6 + int(rng.integers(0, 40))
            codes = coded(n, failures)
            made.append(Pass(owner, codes, [float(rng.random()) if c == 3 else 0.0 for c in codes]))
    return made


def joined(passes: list[Pass]) -> Passes:
    codes = np.concatenate([p.codes for p in passes])
    return Passes(
        owners=np.array([p.owner for p in passes]),
        lengths=np.array([len(p.codes) for p in passes]),
        overlaps=np.concatenate([p.overlaps for p in passes]).astype(float),
        starts=codes == 1,
        failed=codes == 2,
        tracked=codes == 3,
    )


def of_sequence(passes: list[Pass], owner: int) -> list[Pass]:
    return [p for p in passes if p.owner == owner]


def counts(one: Pass, frame: int, burn_in: int) -> bool:
    """Whether accuracy counts a frame."""
    start = max(f for f in range(frame + 1) if f == 0 or one.codes[f] == 1)
    return one.codes[frame] == 3 and frame - start >= burn_in


def mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def pass_accuracy(one: Pass, burn_in: int = 10) -> float | None:
    return mean([o for f, o in enumerate(one.overlaps) if counts(one, f, burn_in)])


def frame_means(passes: list[Pass], burn_in: int = 10) -> list[float]:
    """Of one sequence: each frame's mean over the repetitions in which it counts."""
    means = [mean([p.overlaps[f] for p in passes if counts(p, f, burn_in)]) for f in range(len(passes[0].codes))]
    return [m for m in means if m is not None]


def fragments(passes: list[Pass], *, pad_late: bool, skip: int = 5) -> list[tuple[list[float], bool, float]]:
    """(overlaps, ended by a failure, 1 / repetitions) of every fragment."""
    found = []
    for one in passes:
        n, weight = len(one.codes), 1 / len(of_sequence(passes, one.owner))
        for start in [f for f in range(n) if f == 0 or one.codes[f] == 1]:
            stop, failed = n, False
            for frame in range(start, n):
                if frame > start and one.codes[frame] == 1:
                    stop = frame
                    break
                if one.codes[frame] == 2:
                    stop, failed = frame, True
                    break
            if failed and not pad_late and stop + skip > n:
                stop, failed = n, False
            found.append((one.overlaps[start:stop], failed, weight))
    return found


def expected_overlap(pieces: list[tuple[list[float], bool, float]], length: int, *, weighted: bool) -> float | None:
    """Phi(N), straight from its definition."""
    if length == 1:
        return 1.0
    total = weights = 0.0
    for overlaps, failed, weight in pieces:
        if not failed and len(overlaps) < length:
            continue
        values = (overlaps + [0.0] * length)[1:length]
        total += (weight if weighted else 1.0) * sum(values) / (length - 1)
        weights += weight if weighted else 1.0
    return total / weights if weights else None
