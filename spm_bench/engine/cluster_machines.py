"""Which machines a Ray cluster has at the moment, and what to say and do while none of them works for us."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from spm_bench.engine.cluster_start import Share
from spm_bench.errors import ResultsError, UsageError

COUNT_EVERY = 2.0
"""Seconds between two looks at which machines there are."""
SAY_EVERY = 30.0
"""Seconds between two lines while nobody can work."""
GIVE_UP_AFTER = 300.0
"""Seconds after which a cluster without a single machine that could hold a worker is given up."""


class Machines:
    """The machines of a cluster.

    Args:
        ray: The module.
        share: What each worker gets.
        say: Told what a person should know.
    """

    def __init__(self, ray: Any, share: Share, say: Callable[[str], None]) -> None:
        self._ray, self._share, self._say = ray, share, say
        self._room = 0
        self._idle_since = self._said = time.monotonic()
        self.look_again()

    def look_again(self) -> None:
        """Count anew the next time: something happened."""
        self._counted = -COUNT_EVERY

    def room(self) -> int:
        """How many workers the living machines have room for, if they did nothing else."""
        if time.monotonic() - self._counted >= COUNT_EVERY:
            self._room = sum(self._share.fit_in(resources) for resources in self._alive())
            self._counted = time.monotonic()
        return self._room

    def check(self, address: str) -> None:
        """Demand that some machine could hold one worker, before anything is waited for.

        Raises:
            UsageError: None could, whatever the others do.
        """
        alive = self._alive()
        if any(self._share.fit_in(resources) for resources in alive):
            return
        have = ", ".join(f"{each.get('CPU', 0):g} CPU and {each.get('GPU', 0):g} GPU" for each in alive)
        raise UsageError(
            f"no machine of the Ray cluster ({address}) has {self._share} for a worker; it has {have or 'none'}",
            remedy="Ask for less, or start Ray there with --num-cpus and --num-gpus",
        )

    def wait(self, *, working: bool) -> None:
        """Call it now and then: while nobody works it says so, and gives up where no machine is left.

        Raises:
            ResultsError: Given up.
        """
        now = time.monotonic()
        if working:
            self._idle_since = now
        elif now - self._idle_since > GIVE_UP_AFTER and not self.room():
            raise ResultsError(
                f"no machine of the cluster could hold a worker for {GIVE_UP_AFTER / 60:.0f} minutes",
                remedy="What was finished is kept; run the same command again on a cluster with machines",
            )
        elif now - max(self._said, self._idle_since) > SAY_EVERY:
            self._said = now
            room = self.room()
            self._say(
                f"waiting for a worker: the cluster has room for {room}, others may be using it"
                if room
                else "waiting for a machine: none of the cluster is left that could hold a worker"
            )

    def _alive(self) -> list[dict[str, float]]:
        return [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
