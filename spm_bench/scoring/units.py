"""Which sequences of a suite show the same video or scene, and so are no independent trials."""

from __future__ import annotations

import re
from collections.abc import Iterable

_OTB_TARGETS = re.compile(r"(Jogging|Skating2)[-.]\d")
"""OTB follows two targets in each of these videos; in its other names a number at the end counts videos."""
_DEMO_STEPS = re.compile(r"(.+)-\d+")
"""The demo draws all steps of an axis from one seed: the same scene, made harder."""


def units_of(suite: str, sequences: Iterable[str]) -> dict[str, str]:
    """Sequence -> the video or scene it is a part of; itself where it shares it with no other.

    Args:
        suite: Name of the suite.
        sequences: Names of its sequences.

    >>> units_of("otb100", ["Jogging-1", "Jogging-2", "Car4"])
    {'Jogging-1': 'Jogging', 'Jogging-2': 'Jogging', 'Car4': 'Car4'}
    """
    rule = _OTB_TARGETS if suite.startswith("otb") else _DEMO_STEPS if suite == "demo" else None
    found = {name: rule.fullmatch(name) if rule else None for name in sequences}
    return {name: match[1] if match else name for name, match in found.items()}
