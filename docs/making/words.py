"""Rules in words: what their docstrings say, and their values as text."""

from __future__ import annotations

import inspect
import math
import re
from typing import Any

from spm_bench.metrics.conventions import FAILS, PASSES

_DIGITS = 3
_ATTRIBUTE = re.compile(r"^    ([\w, ]+): (.+\n?(?:     +.+\n?)*)", re.MULTILINE)


def explanations(of: type) -> dict[str, str]:
    """Field -> what the class's docstring says about it; fields that are explained together share a text."""
    section = inspect.cleandoc(of.__doc__ or "").partition("Attributes:\n")[2]
    found: dict[str, str] = {}
    for names, text in _ATTRIBUTE.findall(section):
        found |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return found


def value_text(rule: str, value: object) -> str:
    """A rule's value in Markdown, as it stands in code where that can be read."""
    if rule.endswith("_error") and value in (PASSES, FAILS):
        return "`PASSES`" if value == PASSES else "`FAILS`"
    if isinstance(value, tuple) and len(value) > 2:
        return f"{len(value)} from {value[0]:g} to {value[-1]:g}"
    return f"`{value!r}`" if not isinstance(value, str) else f"`{value}`"


def number(value: float | None) -> str:
    """A value to three decimals; a hyphen where there is none."""
    return "-" if value is None or math.isnan(value) else f"{value:.{_DIGITS}f}"


def users(rule: str, value: object, sets: tuple[Any, ...]) -> str:
    """The names of the rule sets with this value; in short where they are many."""
    names = [f"`{one.name}`" for one in sets if getattr(one, rule) == value]
    if 2 * len(names) > len(sets):
        return "all" if len(names) == len(sets) else "all others"
    return ", ".join(names) or "none here"
