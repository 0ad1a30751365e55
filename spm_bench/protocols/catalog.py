"""All protocols by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, cast

from spm_bench.errors import UsageError
from spm_bench.protocols.base import TrackingProtocol
from spm_bench.registry import Registry
from spm_bench.suites.base import Suite

PROTOCOLS = Registry("protocol")
PROTOCOLS.register("one_pass", "spm_bench.protocols.one_pass:OnePass", "Start on the first frame, never correct (OTB)")
PROTOCOLS.register(
    "supervised", "spm_bench.protocols.supervised:Supervised", "Restart 5 frames after a failure; 15 repetitions (VOT)"
)
PROTOCOLS.register(
    "unsupervised", "spm_bench.protocols.unsupervised:Unsupervised", "Start on the first frame, no reset (VOT)"
)
PROTOCOLS.register(
    "multistart",
    "spm_bench.protocols.multistart:MultiStart",
    "From each anchor forwards or backwards, no reset (VOT-ST 2020-2022)",
)
PROTOCOLS.register(
    "realtime",
    "spm_bench.protocols.realtime:Realtime",
    "VOT's own protocol against a clock of 20 fps, measured or simulated",
)
PROTOCOLS.register(
    "tre", "spm_bench.protocols.robustness:Temporal", "Temporal robustness: 20 starts, each to the end (OTB)"
)
PROTOCOLS.register(
    "sre", "spm_bench.protocols.robustness:Spatial", "Spatial robustness: 12 disturbed first boxes (OTB)"
)
PROTOCOLS.register("got10k", "spm_bench.protocols.got10k:Got10k", "One-pass, three times (GOT-10k)")

REALTIME_BASES = ("supervised", "multistart")
"""Protocols of suites that VOT runs in real time as well; all other suites are run in one pass there."""


def suite_protocol(suite: Suite, name: str | None = None, **options: Any) -> TrackingProtocol:
    """Make the protocol a suite is run under: its own, or another that follows the suite's rules where it has any.

    Args:
        suite: As loaded; says whether overlaps are bounded, and what runs in real time.
        name: Registered name; None for the suite's own.
        options: See `get_protocol`.

    Raises:
        UsageError: No such protocol, or it has no such option, or not this value.
    """
    name = PROTOCOLS.entry(name or suite.protocol).name
    if name in ("supervised", "realtime"):
        options["bounded"] = suite.bounded
    if name == "realtime":
        options["base"] = suite.protocol if suite.protocol in REALTIME_BASES else "unsupervised"
    return get_protocol(name, **options)


def under_protocol(suite: Suite, name: str | None) -> Suite:
    """The suite as it is under a protocol of this name; None leaves it as it is. Raises UsageError for no protocol."""
    return suite if name is None else as_run_under(suite, suite_protocol(suite, name))


def as_run_under(suite: Suite, protocol: TrackingProtocol) -> Suite:
    """The suite with the family and the name of the protocol it is run and scored under."""
    return replace(suite, protocol=protocol.name, family=protocol.family)


def get_protocol(name: str, **options: Any) -> TrackingProtocol:
    """Make a protocol.

    Args:
        name: Registered name.
        options: Fields of the protocol ("repetitions", "init_box", "bounded"); None leaves the default.

    Raises:
        UsageError: No such protocol, or it has no such option, or not this value.
    """
    kind = cast(type[Any], PROTOCOLS.load(name))
    known = {field.name for field in fields(kind)}
    given = {option: value for option, value in options.items() if value is not None}
    for option, value in given.items():
        if option not in known:
            raise UsageError(
                f"the protocol {name} has no option {option} (given: {value})",
                remedy=f"Its options: {', '.join(sorted(known)) or 'none'}",
            )
    if given.get("repetitions", 1) < 1:
        raise UsageError(f"{given['repetitions']} repetitions cannot be run", remedy="Give 1 or more")
    return cast(Callable[..., TrackingProtocol], kind)(**given)
