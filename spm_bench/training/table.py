"""All sources of training pictures joined into one table, with the draws that pairs are made of.

Legend: N rows in all, B pairs. Track, sequence and category numbers are those of the joined table: tracks and sequences
of different sources never meet, categories of one name do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spm_bench.errors import UsageError
from spm_bench.training.rows import Rows

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SCENE_POWER = 0.5
"""Tracks of one video together weigh (their number) ** this: 24 pedestrians of one street scene count like 5 videos."""

CATEGORY_POWER = 0.5
"""Stills of one category together weigh (their number) ** this: between each picture alike, which drowns rare
categories, and each category alike, which shows the only picture of some a hundred times as often as others."""

WHOLE_SHARE = 0.6
"""Of the pictures that patches are taken from, those without any target; the rest are crops with one. Where a pack has
only one sort, all of them."""


@dataclass(frozen=True)
class Pool:
    """Rows to draw from, each with its weight, grouped by category.

    Attributes:
        rows: n rows of the table, sorted by category.
        upto: n, the running sum of their weights.
        first: C + 1, where the rows of each category start among `rows` (those of unknown category come first of all).
    """

    rows: Ints
    upto: Floats
    first: Ints

    def __len__(self) -> int:
        return len(self.rows)

    def draw(self, u: Floats) -> Ints:
        """Turn numbers in [0, 1) into rows, by weight."""
        return self.rows[self._at(u * self.upto[-1], 0, len(self.rows))]

    def draw_of(self, category: Ints, u: Floats) -> Ints:
        """Turn numbers in [0, 1) into rows of the categories given, by weight; -1 where a category has none."""
        if not len(self.rows) or len(self.first) < 2:  # nothing at all, or data that know no categories
            return np.full(len(category), -1, dtype=np.int64)
        known = np.maximum(category, 0)
        first, end = self.first[known], self.first[known + 1]
        usable = (category >= 0) & (end > first)
        before = np.where(first > 0, self.upto[first - 1], 0.0)
        after = self.upto[np.maximum(end - 1, 0)]
        place = self._at(before + u * (after - before), first, np.maximum(end, first + 1))
        return np.where(usable, self.rows[np.minimum(place, len(self.rows) - 1)], -1)

    def _at(self, weight: Floats, low: Ints | int, end: Ints | int) -> Ints:
        # Rounding can push a draw onto its neighbour's side of the border.
        return np.clip(np.searchsorted(self.upto, weight, side="right"), low, end - 1)


@dataclass(frozen=True)
class Tracks:
    """Rows ordered by track and frame, to find a row's partners.

    Attributes:
        order: N rows sorted by (track, frame).
        place: N, where each row stands in `order`.
        first: N, where the row's track starts in `order`; end: N, where it ends.
        key: N, (track, frame) in the order as one rising number; span: what one track takes up of it.
    """

    order: Ints
    place: Ints
    first: Ints
    end: Ints
    key: Ints
    span: int

    def partners(self, rows: Ints, u: Floats, max_gap: int | None) -> Ints:
        """Another row of the same track for each row, all alike likely; the row itself where it is alone.

        Args:
            rows: B rows.
            u: B numbers in [0, 1).
            max_gap: Most frames between the two, or None. Where no other row is that near, the nearest before or after.
        """
        place = self.place[rows]
        low, end = self.first[rows], self.end[rows]
        if max_gap is not None:
            gap = min(max_gap, self.span // 2)
            key = self.key[place]
            near = np.maximum(low, np.searchsorted(self.key, key - gap, side="left"))
            far = np.minimum(end, np.searchsorted(self.key, key + gap, side="right"))
            alone = far - near < 2
            low = np.where(alone, np.maximum(low, place - 1), near)
            end = np.where(alone, np.minimum(end, place + 2), far)
        choices = end - low - 1
        other = low + np.floor(u * np.maximum(choices, 1)).astype(np.int64)
        other += other >= place
        return np.where(choices > 0, self.order[np.minimum(other, len(self.order) - 1)], rows)


@dataclass(frozen=True)
class Table:
    """All rows of all sources.

    Attributes:
        sources: The tables that were joined, in order.
        source: N, index into `sources`.
        local: N, row in that source.
        boxes: N x 4 (x, y, w, h), NaN without target.
        track: N, -1 for stills.
        sequence: N, unique over sources.
        category: N, index into `categories`, -1 unknown.
        categories: Names, joined over sources regardless of capitals.
        other_boxes: All boxes of `Rows.others`, row after row; those of row i are [other_first[i], other_first[i + 1]).
        other_first: N + 1.
        tracks: To find partners.
        pools: What each kind of pair is drawn from; "objects" and "synthetic objects" hold every row with a box,
            "pictures" whole pictures and crops.
    """

    sources: tuple[Rows, ...]
    source: Ints
    local: Ints
    boxes: Floats
    track: Ints
    sequence: Ints
    category: Ints
    categories: tuple[str, ...]
    other_boxes: Floats
    other_first: Ints
    tracks: Tracks
    pools: dict[str, Pool]

    def __len__(self) -> int:
        return len(self.source)

    def read(self, row: int) -> NDArray[np.uint8]:
        """The picture of a row, H x W x 3 BGR; raises PictureError."""
        return self.sources[int(self.source[row])].read(int(self.local[row]))

    def where(self, row: int) -> str:
        """What names a row in a message."""
        return self.sources[int(self.source[row])].where[int(self.local[row])]


def join_sources(sources: Sequence[Rows]) -> Table:
    """Join sources into one table; done once, before training.

    Args:
        sources: Tables of rows. Pairs, negatives and distractors never mix drawn and filmed ones: a network would tell
            them apart by their look.

    Raises:
        UsageError: No rows at all.
    """
    if not any(len(s) for s in sources):
        raise UsageError("there is nothing to train on", remedy="Name data with rows in it")
    counts = [len(s) for s in sources]
    track = _renumbered([s.track for s in sources])
    sequence = _renumbered([s.sequence for s in sources])
    frame = np.concatenate([s.frame for s in sources]).astype(np.int64)
    category, categories = _join_categories(sources)
    boxes = np.concatenate([s.boxes for s in sources]).astype(np.float64).reshape(-1, 4)
    others = [boxes_of_row for s in sources for boxes_of_row in s.others]
    drawn = np.repeat([s.drawn for s in sources], counts)
    tracks = _order_tracks(track, frame)
    return Table(
        sources=tuple(sources),
        source=np.repeat(np.arange(len(sources)), counts),
        local=np.concatenate([np.arange(n) for n in counts]),
        boxes=boxes,
        track=track,
        sequence=sequence,
        category=category,
        categories=categories,
        other_boxes=np.concatenate(others).reshape(-1, 4),
        other_first=np.concatenate(([0], np.cumsum([len(o) for o in others]))).astype(np.int64),
        tracks=tracks,
        pools=_pools(boxes, tracks, sequence, category, len(categories), drawn),
    )


def _renumbered(parts: Sequence[Ints]) -> Ints:
    """Make the numbers of different sources different; those below zero stay -1."""
    whole, above = [], 0
    for part in parts:
        whole.append(np.where(part >= 0, part + above, -1))
        above += int(part.max(initial=-1)) + 1
    return np.concatenate(whole).astype(np.int64)


def _join_categories(sources: Sequence[Rows]) -> tuple[Ints, tuple[str, ...]]:
    number: dict[str, int] = {}
    whole = []
    for source in sources:
        own = [number.setdefault(name.casefold(), len(number)) for name in source.categories]
        whole.append(np.asarray([*own, -1], dtype=np.int64)[source.category])  # -1 takes the last one
    return np.concatenate(whole), tuple(number)


def _order_tracks(track: Ints, frame: Ints) -> Tracks:
    N = len(track)
    # A still is a track of its own.
    own = np.where(track >= 0, track, int(track.max(initial=-1)) + 1 + np.arange(N))
    order = np.lexsort((frame, own))
    _, rank, counts = np.unique(own, return_inverse=True, return_counts=True)
    starts = np.concatenate(([0], np.cumsum(counts)))
    place = np.empty(N, dtype=np.int64)
    place[order] = np.arange(N)
    since = frame - int(frame.min(initial=0))
    span = 2 * (int(since.max(initial=0)) + 1)
    return Tracks(order, place, starts[rank], starts[rank + 1], (rank * span + since)[order], span)


def _pools(
    boxes: Floats, tracks: Tracks, sequence: Ints, category: Ints, categories: int, drawn: NDArray[np.bool_]
) -> dict[str, Pool]:
    boxed = ~np.isnan(boxes[:, 0])
    length = tracks.end - tracks.first
    moving, still = boxed & (length > 1), boxed & (length == 1)
    of_track = _video_weights(moving, tracks, sequence)
    of_still = _category_weights(still & ~drawn, category)
    drawn_still = _category_weights(still & drawn, category)
    whole, crop = ~boxed & ~drawn, boxed & ~drawn

    def pool(*parts: tuple[float, Floats | NDArray[np.bool_]]) -> Pool:
        return _pool(
            sum((share * _to_one(weights) for share, weights in parts), np.zeros(len(boxes))), category, categories
        )

    return {
        "video": pool((1, of_track * ~drawn)),
        "synthetic": pool((1, of_track * drawn)),
        "stills": pool((1, of_still)),
        "objects": pool((1, of_track * ~drawn), (1, of_still)),
        "synthetic objects": pool((1, of_track * drawn), (1, drawn_still)),
        "pictures": pool((WHOLE_SHARE, whole), (1 - WHOLE_SHARE, crop)),
    }


def _video_weights(moving: NDArray[np.bool_], tracks: Tracks, sequence: Ints) -> Floats:
    """Rows of one track alike, tracks of one video alike, videos by `SCENE_POWER`; 0 where not `moving`."""
    heads = moving & (tracks.place == tracks.first)
    in_scene = np.bincount(sequence[heads], minlength=int(sequence.max(initial=0)) + 1)[sequence]
    per_track = np.maximum(in_scene, 1).astype(np.float64) ** (SCENE_POWER - 1)
    return np.where(moving, per_track / (tracks.end - tracks.first), 0.0)


def _category_weights(stills: NDArray[np.bool_], category: Ints) -> Floats:
    """Rows of one category alike, categories by `CATEGORY_POWER` (the unknown one is one more); 0 where no still."""
    alike = np.bincount(category[stills] + 1, minlength=int(category.max(initial=-1)) + 2)[category + 1]
    return np.where(stills, np.maximum(alike, 1).astype(np.float64) ** (CATEGORY_POWER - 1), 0.0)


def _to_one(weights: Floats | NDArray[np.bool_]) -> Floats:
    total = float(weights.sum())
    return weights / total if total > 0 else weights.astype(np.float64)


def _pool(weights: Floats, category: Ints, categories: int) -> Pool:
    rows = np.flatnonzero(weights > 0)
    rows = rows[np.argsort(category[rows], kind="stable")]
    first = np.searchsorted(category[rows], np.arange(categories + 1))
    return Pool(rows, np.cumsum(weights[rows]), first)
