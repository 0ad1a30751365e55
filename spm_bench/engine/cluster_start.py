"""The way to Ray: start one on this machine, or join one that runs; every way it fails, with a remedy."""

from __future__ import annotations

import contextlib
import importlib
import logging
import math
import os
import socket
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from spm_bench.engine.executors import available_cores
from spm_bench.errors import UsageError

LOCAL, AUTO = "local", "auto"
_ANSWER_WITHIN = 5.0
"""Seconds in which a machine that is there accepts a connection; Ray itself would wait for a minute."""
_STORE_BYTES = 128 << 20
"""Ray's shared memory, where it is ours to start: only annotations and short replies pass through it."""


@dataclass(frozen=True)
class Share:
    """What one worker gets: fractions of a CPU or GPU are allowed, as Ray counts them.

    Raises:
        UsageError: Nothing could work with that.
    """

    cpus: float = 1.0
    gpus: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.cpus) and self.cpus > 0):
            raise UsageError(f"{self.cpus:g} CPUs for a worker are none", remedy="Give 1, or a fraction such as 0.5")
        whole = float(self.gpus).is_integer()
        if not (math.isfinite(self.gpus) and self.gpus >= 0 and (self.gpus < 1 or whole)):
            raise UsageError(
                f"{self.gpus:g} GPUs cannot be given to a worker",
                remedy="Give 0, a fraction such as 0.25 (four workers share a GPU), or a whole number",
            )

    def __str__(self) -> str:
        return f"{self.cpus:g} CPU" + (f" and {self.gpus:g} GPU" if self.gpus else "")

    def fit_in(self, resources: dict[str, float]) -> int:
        """How many workers a machine with these resources has room for."""
        # The summand mends 1 / 0.1 = 9.99...: Ray counts in ten-thousandths.
        rooms = [int(resources.get("CPU", 0.0) / self.cpus + 1e-6)]
        if self.gpus:
            rooms.append(int(resources.get("GPU", 0.0) / self.gpus + 1e-6))
        return min(rooms)


def import_ray() -> Any:
    """Import Ray, told to report nothing home.

    Raises:
        UsageError: It is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module("ray")
    except ImportError as error:
        raise UsageError(
            f"working on a cluster needs Ray, which is not installed ({error})",
            remedy="pip install 'spm_bench[cluster]', on every machine",
        ) from None


def connect(ray: Any, address: str, share: Share, workers: int | None) -> bool:
    """Start or join a Ray; tells whether that was needed: a notebook may have done so already.

    Args:
        ray: The module.
        address: "local" starts one on this machine for this run, "auto" joins the one this machine belongs to,
            "HOST:PORT" joins the one whose head is there.
        share: What a worker gets.
        workers: How many are wanted, if somebody said so.

    Raises:
        UsageError: Nobody is there, or nobody who could be talked to.
    """
    if ray.is_initialized():
        return False
    _check_address(address)
    options: dict[str, Any] = {"address": address}
    if address == LOCAL:
        # Ray's CPUs are counters: somebody who wants more workers than cores gets them, as with --workers.
        cores = max(available_cores(), math.ceil((workers or 1) * share.cpus))
        options |= {"num_cpus": cores, "include_dashboard": False, "object_store_memory": _STORE_BYTES}
    try:
        with _quietly():
            ray.init(**options, log_to_driver=False, configure_logging=False, logging_level=logging.ERROR)
    except (ConnectionError, TimeoutError, OSError, RuntimeError, ValueError) as error:
        raise _no_connection(address, error) from error
    return True


@contextlib.contextmanager
def muted() -> Iterator[None]:
    """Keep back what Ray prints when a worker or machine dies: pages of its internals, which lie in its logs as well.

    No option of Ray does this, so it is done where it prints; a Ray that prints elsewhere is merely loud.
    """
    printer: Any = importlib.import_module("ray._private.worker")
    if not hasattr(printer, "print_to_stdstream"):
        yield
        return
    before = printer.print_to_stdstream
    printer.print_to_stdstream = lambda *_, **__: None
    try:
        yield
    finally:
        printer.print_to_stdstream = before


def _check_address(address: str) -> None:
    if address in (LOCAL, AUTO):
        return
    if "://" in address:
        raise UsageError(
            f"{address} is a Ray client's address; results come through a shared folder, so this must run inside",
            remedy="Run it on a machine of the cluster with the address HOST:PORT of the head, or auto",
        )
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise UsageError(f"{address!r} is no address of a Ray cluster", remedy="Give local, auto or HOST:PORT")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_WITHIN).close()
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"no Ray cluster answers at {address} ({error})",
            remedy="Start its head with `ray start --head --port=6379`, check address and firewall, "
            "or use local for this machine alone",
        ) from None


def _no_connection(address: str, error: Exception) -> UsageError:
    """Say what Ray's errors mean and what to do."""
    text = " ".join(str(error).split())
    if address == AUTO:
        return UsageError(
            "no Ray is running on this machine",
            remedy="Start one with `ray start --head` (or join one with `ray start --address=HOST:PORT`), or use local",
        )
    if "ersion mismatch" in text:
        return UsageError(
            f"the cluster at {address} runs another Ray or Python: {text[:400]}",
            remedy="Use the same environment on all machines",
        )
    if address == LOCAL:
        return UsageError(f"Ray could not be started here: {text[:400]}")
    return UsageError(
        f"this machine could not join the Ray cluster at {address}: {text[:400]}",
        remedy=f"Run this on a machine of the cluster, or `ray start --address={address} --num-cpus=0` here first; "
        "if the head says that token authentication is enabled, set RAY_AUTH_MODE=token here, too",
    )


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep Ray's advice and warnings about its own future to itself; errors are exceptions."""
    logger = logging.getLogger("ray")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
