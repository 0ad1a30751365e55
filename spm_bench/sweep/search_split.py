"""Which sequences a search may look at, and which it is judged on: parted by seed, whole units together.

A unit's place follows from its name and the seed alone, not from the other units: a sequence more in the suite moves
few others, and no random generator's version can move any.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import accumulate

from spm_bench.errors import UsageError, listed


@dataclass(frozen=True)
class Split:
    """The two parts of a suite.

    Attributes:
        tuned: Names of the sequences that trials see, in the order in which they see them.
        held_out: Names of the others, in the suite's order.
        units: Every sequence's unit (itself where it shares its video with no other).
    """

    tuned: tuple[str, ...]
    held_out: tuple[str, ...]
    units: Mapping[str, str]

    def count_units(self, names: Sequence[str]) -> int:
        """How many units these sequences form."""
        return len({self.units[name] for name in names})


def group_units(known: Mapping[str, str], patterns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Each sequence's unit: as the search says, else as is known of the suite.

    Args:
        known: Sequence -> unit, see `spm_bench.scoring.units.units_of`.
        patterns: Unit -> names or shell patterns ("deform-*") of its sequences.

    Raises:
        UsageError: A pattern fits no sequence, or a sequence is in two units.

    >>> group_units({"calm": "calm", "light-2": "light", "sun-4": "sun-4"}, {"bright": ["light-*", "sun-4"]})
    {'calm': 'calm', 'light-2': 'bright', 'sun-4': 'bright'}
    """
    found: dict[str, str] = {}
    for unit, wanted in patterns.items():
        for pattern in wanted:
            fitting = [name for name in known if fnmatchcase(name, pattern)]
            if not fitting:
                raise UsageError(f"the unit {unit!r} names {pattern!r}, and no sequence fits that")
            for name in fitting:
                if found.setdefault(name, unit) != unit:
                    raise UsageError(f"the sequence {name!r} is in two units, {found[name]!r} and {unit!r}")
    units = {name: found.get(name, unit) for name, unit in known.items()}
    for name, unit in units.items():
        if name not in found and unit in patterns:
            raise UsageError(f"the sequence {name!r} is known as a part of {unit!r}, and the unit {unit!r} has others")
    return units


def split_sequences(units: Mapping[str, str], share: float, seed: int) -> Split:
    """Part the sequences; no unit is in both parts.

    Args:
        units: Sequence -> unit, in the suite's order.
        share: Of the sequences that should be tuned on. Units are whole: as many are taken as come nearest to it, at
            least one, and one at least is left.
        seed: Another seed gives another split.

    Returns:
        The parts. The tuned sequences are in an order of the seed's too: the first of them are a fair sample of all,
        which shortest-first would not be, and pruning judges by the first.

    Raises:
        UsageError: All sequences are one unit.
    """
    order = sorted(set(units.values()), key=lambda unit: _draw(seed, "unit", unit))
    if len(order) < 2:
        raise UsageError(
            f"{listed(units)} cannot be parted into a tuned and a held-out part: they are one unit",
            remedy="A search needs sequences of at least two videos",
        )
    sizes = [sum(1 for u in units.values() if u == unit) for unit in order]
    totals = list(accumulate(sizes))[:-1]
    taken = min(range(len(totals)), key=lambda i: abs(totals[i] - share * len(units))) + 1
    chosen = set(order[:taken])
    tuned = [name for name, unit in units.items() if unit in chosen]
    return Split(
        tuned=tuple(sorted(tuned, key=lambda name: _draw(seed, "sequence", name))),
        held_out=tuple(name for name in units if name not in tuned),
        units=dict(units),
    )


def _draw(seed: int, kind: str, name: str) -> bytes:
    """A number that looks random and follows from its arguments alone."""
    return hashlib.sha256(f"{kind}/{seed}/{name}".encode()).digest()
