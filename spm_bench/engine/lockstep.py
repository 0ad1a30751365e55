"""Lockstep: many targets of one batch tracker advanced together, sequence by sequence, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Many

from spm_bench.engine.jobs import Job, Reply, TrackerCache
from spm_bench.protocols.base import OnFrame


def together(jobs: Many[Job], trackers: TrackerCache, on_frame: OnFrame | None) -> Iterator[Reply]:
    """Do all jobs in lockstep; yields a reply as each finishes."""
    raise NotImplementedError
