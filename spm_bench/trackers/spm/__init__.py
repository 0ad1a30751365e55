"""SPM-Tracker: proposals from coarse matching, re-scored and refined by fine matching, fused and smoothed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spm_bench.trackers.spm.tracker import SpmLiteTracker, SpmTracker

__all__ = ["SpmLiteTracker", "SpmTracker"]


def __getattr__(name: str) -> object:
    """Import the tracker (and torch with it) only when it is asked for."""
    if name in __all__:
        from spm_bench.trackers.spm import tracker

        return getattr(tracker, name)
    raise AttributeError(name)
