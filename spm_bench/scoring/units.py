"""Which sequences of a suite show the same video or scene, and so are no independent trials."""

from __future__ import annotations

import re
from collections.abc import Iterable

_OTB_TARGETS = re.compile(r"(Jogging|Skating2)[-.]\d")
"""OTB follows two targets in each of these videos; in its other names a number at the end counts videos."""
_TC128_TARGETS = re.compile(r"(Jogging)\d")
"""The same video in Temple Color 128."""
_UAV_PARTS = re.compile(r"([a-z]+\d+)_\d")
"""UAV123 cuts long videos into parts: group1_1 ... group1_4. The simulated ones end in "_s"."""
_DEMO_STEPS = re.compile(r"(.+)-\d+")
"""The demo draws all steps of an axis from one seed: the same scene, made harder."""
_RULES = {"otb": _OTB_TARGETS, "demo": _DEMO_STEPS, "uav": _UAV_PARTS, "tc128": _TC128_TARGETS}
"""Beginning of a suite's name -> which names share what the first group matches."""


def units_of(suite: str, sequences: Iterable[str]) -> dict[str, str]:
    """Sequence -> the video or scene it is a part of; itself where it shares it with no other.

    Args:
        suite: Name of the suite.
        sequences: Names of its sequences.

    >>> units_of("otb100", ["Jogging-1", "Jogging-2", "Car4"])
    {'Jogging-1': 'Jogging', 'Jogging-2': 'Jogging', 'Car4': 'Car4'}
    """
    rule = next((rule for begin, rule in _RULES.items() if suite.startswith(begin)), None)
    found = {name: rule.fullmatch(name) if rule else None for name in sequences}
    return {name: match[1] if match else name for name, match in found.items()}
