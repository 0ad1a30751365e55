"""A discriminative correlation filter on the features of an SPM network, learned in closed form and updated online."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spm_bench.trackers.dcf.tracker import DcfTracker

__all__ = ["DcfTracker"]


def __getattr__(name: str) -> object:
    """Import the tracker (and torch with it) only when it is asked for."""
    if name in __all__:
        from spm_bench.trackers.dcf import tracker

        return getattr(tracker, name)
    raise AttributeError(name)
