"""From a config's data sources to batches: what is read, what is held out, and the pairs of each step."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from spm_bench.errors import UsageError
from spm_bench.training.augment import augment
from spm_bench.training.batch import PairBatch
from spm_bench.training.config import TrainConfig
from spm_bench.training.packs import split_validation
from spm_bench.training.pairs import (
    KINDS,
    Pictures,
    PictureSet,
    PictureStore,
    Plan,
    load_pictures,
    plan_batch,
    repair_plan,
)
from spm_bench.training.rows import Rows
from spm_bench.training.schedule import chance
from spm_bench.training.sources import load_source
from spm_bench.training.table import join_sources

AUGMENTATION = 0
"""Purpose of the generator that augments; see `chance`."""

Say = Callable[[str], None]


class BatchShare(NamedTuple):
    """Some pairs of a step, as stored pictures."""

    step: int
    part: int
    pictures: Pictures


class TrainingData:
    """The pictures of a config's sources.

    Args:
        config: Names the sources and how pairs are drawn from them.
        folder: Relative paths start here: the config's folder.
        device: Where batches are wanted.
        say: Told what is read.

    Attributes:
        sources: What is trained on.
        held_out: What is validated on; None without any.

    Raises:
        UsageError: An unknown kind or option of a source, a sequence to hold out that is in none, a kind of pair
            that no source has rows for, or a variable in a path that is not set.
        DataError: A source is missing or broken.
    """

    def __init__(self, config: TrainConfig, folder: Path, device: torch.device, say: Say) -> None:
        self.config, self.device = config, device
        self.sources, self.held_out = hold_out(load_sources(config, folder, say), config.held_out)
        self.table = join_sources(self.sources)
        self.plan(0)  # the mix fits the sources, or says so now
        self.store = PictureStore(self.table, device, budget=picture_bytes(config.picture_gib))

    @property
    def digests(self) -> dict[str, str]:
        """Name of a source -> digest of its rows, those held out not counted."""
        return {rows.name: rows_digest(rows) for rows in self.sources}

    @property
    def broken(self) -> dict[str, str]:
        """File -> what is wrong with it, of the pictures met so far by this object; each was skipped."""
        with self.store.lock:
            return {self.table.where(row): problem for row, problem in sorted(self.store.broken.items())}

    def plan(self, step: int) -> Plan:
        """Who is paired with whom in a 0-based step."""
        config = self.config
        return plan_batch(
            self.table,
            config.mix.shares(),
            batch=config.batch,
            negative_share=config.negative_share,
            rng=np.random.default_rng([config.seed, step]),
            same_category_share=config.same_category_share,
            distractor_share=config.distractor_share,
            max_gap=config.max_gap or None,
        )

    def shares(self, step: int, count: int) -> list[BatchShare]:
        """The batch of a step in parts of equal size; every part has its share of each kind of pair."""
        pictures = load_pictures(self.plan(step), self.store)
        if count == 1:
            return [BatchShare(step, 0, pictures)]
        return [BatchShare(step, part, take_part(pictures, part, count)) for part in range(count)]

    def pairs(self, share: BatchShare) -> PairBatch:
        """Augment a part of a batch."""
        seed = chance(self.config.seed, share.step, share.part, purpose=AUGMENTATION)
        return augment(share.pictures, self.config.augment, torch.Generator(self.device).manual_seed(seed))

    def provenance(self, step: int) -> list[dict[str, Any]]:
        """Kind and files of each pair of a step, to look for what went wrong.

        Pairs with a broken picture are named as what took their place, where the step's pictures were loaded before.
        """
        with self.store.lock:
            plan = repair_plan(self.plan(step), self.store.broken)
        rows = zip(plan.kind, plan.template, plan.search, plan.background, plan.negative, strict=True)
        return [
            {
                "kind": KINDS[kind],
                "template": self.table.where(template),
                "search": self.table.where(search),
                "background": self.table.where(background) if background >= 0 else None,
                "negative": bool(negative),
            }
            for kind, template, search, background, negative in rows
        ]

    def summary(self) -> dict[str, dict[str, int]]:
        """Name of a source -> numbers of its rows, tracks and sequences, and of the broken pictures met so far."""
        with self.store.lock:
            of_source = self.table.source[np.asarray(sorted(self.store.broken), dtype=np.int64)]
        broken = np.bincount(of_source, minlength=len(self.sources)).tolist()
        return {rows.name: {**count_rows(rows), "broken": n} for rows, n in zip(self.sources, broken, strict=True)}

    def close(self) -> None:
        """End the threads that read pictures."""
        self.store.close()


def picture_bytes(gib: float) -> int | None:
    """`TrainConfig.picture_gib` as `PictureStore` takes it."""
    return None if gib == 0 else int(gib * (1 << 30))


def take_part(pictures: Pictures, index: int, count: int) -> Pictures:
    """Every `count`-th pair, from `index` on."""
    part = slice(index, None, count)

    def of(pictures: PictureSet) -> PictureSet:
        return PictureSet(*(values[part] for values in pictures))

    return Pictures(
        of(pictures.template),
        of(pictures.search),
        of(pictures.extra),
        pictures.negative[part],
        pictures.kind[part],
    )


def hold_out(sources: Sequence[Rows], names: Sequence[str]) -> tuple[list[Rows], Rows | None]:
    """Split whole sequences off.

    Args:
        sources: All rows.
        names: Sequences ("source/sequence") to validate on; all of one source.

    Returns:
        Rows to train on, and rows to validate on.

    Raises:
        UsageError: No source of videos has all the names.
    """
    if not names:
        return list(sources), None
    problems = []
    for place, rows in enumerate(sources):
        if (rows.track < 0).all():
            continue  # stills have no sequences to track in
        try:
            train, held = split_validation(rows, names=list(names))
        except UsageError as error:
            problems.append(error)
            continue
        return [train if i == place else other for i, other in enumerate(sources)], held
    if problems:
        raise problems[0]
    raise UsageError("held_out names sequences, but no data source has any", remedy="Set held_out = []")


def load_sources(config: TrainConfig, folder: Path, say: Say, *, drawn: bool = True) -> list[Rows]:
    """The tables of a config's sources, those of drawn videos only if asked: drawing them takes minutes."""
    return [
        load_source(source.kind, source.resolve(folder), name=source.title, say=say, **source.options)
        for source in config.data
        if drawn or source.kind != "synthetic"
    ]


def rows_digest(rows: Rows) -> str:
    """Sixteen hex digits over what is known of a table's pictures, to tell whether a training goes on with the same.

    That is boxes, tracks, sequences, frames, categories, other objects, and the names of categories and sequences. Left
    out are the pictures themselves (the same ones, packed more tightly, go on with a training), where they lie, the
    scale they were stored at, and whether they are drawn.
    """
    digest = hashlib.sha256()
    for column in (rows.boxes, rows.track, rows.sequence, rows.frame, rows.category, *rows.others):
        digest.update(np.ascontiguousarray(column).tobytes())
    digest.update("\0".join((*rows.categories, *rows.sequence_names)).encode())
    return digest.hexdigest()[:16]


def count_rows(rows: Rows) -> dict[str, int]:
    """Numbers of rows, tracks and sequences."""
    tracks = int(np.unique(rows.track[rows.track >= 0]).size)
    return {"pictures": len(rows), "tracks": tracks, "sequences": int(np.unique(rows.sequence).size)}
