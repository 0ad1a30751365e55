"""All protocols by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, cast

from spm_bench.errors import UsageError
from spm_bench.protocols.base import TrackingProtocol
from spm_bench.registry import Registry

PROTOCOLS = Registry("protocol")
PROTOCOLS.register("one_pass", "spm_bench.protocols.one_pass:OnePass", "Start on the first frame, never correct (OTB)")
PROTOCOLS.register(
    "supervised", "spm_bench.protocols.supervised:Supervised", "Restart 5 frames after a failure; 15 repetitions (VOT)"
)
PROTOCOLS.register("got10k", "spm_bench.protocols.got10k:Got10k", "One-pass, three times (GOT-10k)")


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
