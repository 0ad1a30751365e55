"""Trackers that are programs of their own and speak TraX, the protocol of the vot toolkit.

    spm-bench run --suite demo --tracker "trax:python my_program.py"
    spm-bench run --suite demo --tracker trackers.ini#NAME

The walk: `program` (what is to be started, from a command line or a section of the toolkit's trackers.ini) -> `session`
(the process: started, asked, held to the protocol and to a time, ended; its lines are in `protocol`) -> `tracker` (init
and update over it).
"""

from __future__ import annotations

from spm_bench.trackers.trax.tracker import TraxTracker

__all__ = ["TraxTracker"]
