"""Which file belongs to which sequence: tools write Jogging-1, Jogging.1, jogging_1, otb_Jogging_1, Human4, ..."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

_SHORT = {"human4-2": "human4"}
"""Sequences that tools abbreviate: OTB evaluates only the second target of Human4."""
_PREFIX = re.compile(r"(?:otb|tb|cvpr13|vot|got|uav|uav123|nfs|tc128|tpl|lasot|dtb70|trackingnet)(?:\d*)-")
"""Data sets whose name some tools put before the sequence's ("otb_Basketball"), after folding."""


def folded(name: str) -> str:
    """What the spellings of a sequence's name share.

    >>> folded("Jogging.1"), folded("jogging_1"), folded("Jogging 1")
    ('jogging-1', 'jogging-1', 'jogging-1')
    """
    return re.sub(r"[._ ]", "-", name.casefold())


@dataclass(frozen=True)
class Matched:
    """Names on disk and the sequences they mean.

    Attributes:
        names: Sequence -> its name on disk, in the suite's order.
        twins: Sequence -> all names on disk that mean it, where there is more than one.
        strangers: Names on disk that mean no sequence, in order.
    """

    names: Mapping[str, str]
    twins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    strangers: tuple[str, ...] = ()


def match_names(on_disk: Iterable[str], sequences: Iterable[str]) -> Matched:
    """Find the sequence of each name on disk.

    The exact name wins over another spelling, that over an abbreviation, that over a name with the data set before it.

    Args:
        on_disk: Names of files (without ending) or folders.
        sequences: The suite's names, in its order.

    >>> match_names(["jogging_1", "readme"], ["Basketball", "Jogging-1"])
    Matched(names={'Jogging-1': 'jogging_1'}, twins={}, strangers=('readme',))
    """
    return _match(tuple(sorted(set(on_disk))), tuple(sequences))


@lru_cache(maxsize=2)
def _match(on_disk: tuple[str, ...], known: tuple[str, ...]) -> Matched:
    """See `match_names`; the next tracker usually has files of the same names."""
    by_folded = {folded(name): name for name in known}
    short = {_SHORT[key]: name for key, name in by_folded.items() if key in _SHORT and _SHORT[key] not in by_folded}
    claims: dict[str, list[tuple[int, str]]] = {}
    strangers = []
    for name in on_disk:
        key = folded(name)
        bare = _PREFIX.sub("", key, count=1) if _PREFIX.match(key) else key
        ranked = (by_folded.get(key), short.get(key), by_folded.get(bare), short.get(bare))
        rank = next((i for i, found in enumerate(ranked) if found is not None), None)
        if rank is None:
            strangers.append(name)
            continue
        owner = ranked[rank]
        assert owner is not None
        claims.setdefault(owner, []).append((rank, name))
    names, twins = {}, {}
    for sequence in known:
        found = sorted(claims.get(sequence, ()))
        if not found:
            continue
        best = [name for rank, name in found if rank == found[0][0]]
        names[sequence] = sequence if sequence in best else best[0]
        if len(best) > 1:
            twins[sequence] = tuple(best)
        strangers += [name for rank, name in found if rank > found[0][0]]
    return Matched(names, twins, tuple(sorted(strangers)))
