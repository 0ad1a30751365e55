"""The rivals of SPM with one stage: SiamFC, SiamRPN and DaSiamRPN, each a small difference to what all share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spm_bench.trackers.siamese.tracker import DaSiamRpnTracker, SiamFcTracker, SiamRpnTracker

__all__ = ["DaSiamRpnTracker", "SiamFcTracker", "SiamRpnTracker"]


def __getattr__(name: str) -> object:
    """Import the trackers (and torch with them) only when they are asked for."""
    if name in __all__:
        from spm_bench.trackers.siamese import tracker

        return getattr(tracker, name)
    raise AttributeError(name)
