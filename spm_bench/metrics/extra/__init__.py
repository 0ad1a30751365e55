"""Metrics beyond the benchmarks' own, asked for with `--metric NAME`: one file each, found by themselves.

A file here defines `METRIC = SequenceMetric(...)`. A metric of your own may live anywhere and is named `module:object`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spm_bench.errors import UsageError, unknown_name
from spm_bench.registry import load_target


@dataclass(frozen=True, eq=False)
class PassMeasures:
    """What a metric sees: one pass of a tracker over one sequence of n frames.

    Attributes:
        overlaps: n overlaps (IoU) with the annotation, NaN where the frame has none or the tracker was not running.
        centre_errors: n distances of centres in pixels, NaN likewise.
        states: n values of `FrameState` (0 skipped, 1 initialised, 2 failure, 3 tracked).
        seconds: n times inside the tracker, NaN where unknown.
    """

    overlaps: NDArray[np.float64]
    centre_errors: NDArray[np.float64]
    states: NDArray[np.int8]
    seconds: NDArray[np.float64]


@dataclass(frozen=True)
class SequenceMetric:
    """A metric states its name, meaning and direction before it computes.

    Attributes:
        name: As given to `--metric` and written to scores.json.
        about: What it is, in words, with its source.
        measure: Value of one pass; NaN where it is undefined. A sequence's value is the mean over its passes, the
            suite's the mean over its sequences.
        higher_is_better: Direction.
    """

    name: str
    about: str
    measure: Callable[[PassMeasures], float]
    higher_is_better: bool = True


def extra_metrics() -> Mapping[str, SequenceMetric]:
    """All metrics found in this folder, by name."""
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    found = [module.METRIC for module in modules]
    return {metric.name: metric for metric in found}


def get_extra_metric(name: str) -> SequenceMetric:
    """Look up a metric of this folder, or load `module:object`.

    Raises:
        UsageError: Unknown name ("did you mean"), or the object is not a SequenceMetric.
    """
    if ":" in name:
        metric = load_target(name)
        if not isinstance(metric, SequenceMetric):
            raise UsageError(f"{name} is not a SequenceMetric", remedy="See spm_bench/metrics/extra/tracking_length.py")
        return metric
    known = extra_metrics()
    if name not in known:
        raise unknown_name("extra metric", name, known)
    return known[name]
