"""From a config's data sources to batches: what is read, what is held out, and the pairs of each step."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from spm_bench.errors import UsageError, unknown_name
from spm_bench.training.augment import augment
from spm_bench.training.batch import PairBatch
from spm_bench.training.config import DataSource, TrainConfig
from spm_bench.training.packs import load_pack, split_validation
from spm_bench.training.pairs import KINDS, Pictures, PictureSet, PictureStore, Plan, load_pictures, plan_batch
from spm_bench.training.rows import Rows
from spm_bench.training.schedule import chance
from spm_bench.training.synthetic_pack import load_synthetic
from spm_bench.training.table import join_sources

AUGMENTATION = 0
"""Purpose of the generator that augments; see `chance`."""

Say = Callable[[str], None]


class BatchShare(NamedTuple):
    """Some pairs of a step, as stored pictures."""

    step: int
    index: int
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
        loaded = [load_source(source, folder, say) for source in config.data]
        self.sources, self.held_out = hold_out(loaded, config.held_out)
        drawn = [source.title for source in config.data if source.kind == "synthetic"]
        self.table = join_sources(self.sources, synthetic=drawn)
        self.plan(0)  # the mix fits the sources, or says so now
        self.store = PictureStore(self.table, device)

    @property
    def digests(self) -> dict[str, str]:
        """Name of a source -> digest of its rows, those held out not counted."""
        return {rows.name: rows_digest(rows) for rows in self.sources}

    def plan(self, step: int) -> Plan:
        """Who is paired with whom in a 0-based step."""
        config = self.config
        return plan_batch(
            self.table,
            config.mix.shares(),
            batch=config.batch,
            negative_share=config.negative_share,
            rng=np.random.default_rng([config.seed, step]),
            distractor_share=config.distractor_share,
            max_gap=config.max_gap or None,
        )

    def shares(self, step: int, count: int) -> list[BatchShare]:
        """The batch of a step in parts of equal size; every part has its share of each kind of pair."""
        pictures = load_pictures(self.plan(step), self.store)
        if count == 1:
            return [BatchShare(step, 0, pictures)]
        return [BatchShare(step, index, take_part(pictures, index, count)) for index in range(count)]

    def pairs(self, share: BatchShare) -> PairBatch:
        """Augment a part of a batch."""
        seed = chance(self.config.seed, share.step, share.index, purpose=AUGMENTATION)
        return augment(share.pictures, self.config.augment, torch.Generator(self.device).manual_seed(seed))

    def provenance(self, step: int) -> list[dict[str, Any]]:
        """Kind and files of each pair of a step, to look for what went wrong."""
        plan = self.plan(step)
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
        """Name of a source -> numbers of its rows, tracks and sequences."""
        return {rows.name: count_rows(rows) for rows in self.sources}

    def close(self) -> None:
        """End the threads that read pictures."""
        self.store.close()


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


def _pack(source: DataSource, path: Path, say: Say) -> Rows:  # noqa: ARG001 - all readers are told where to talk
    return load_pack(path, name=source.title, **source.options)


def _synthetic(source: DataSource, path: Path, say: Say) -> Rows:
    return load_synthetic(path, say=say, **source.options)  # type: ignore[arg-type]


READERS: dict[str, Callable[[DataSource, Path, Say], Rows]] = {"pack": _pack, "synthetic": _synthetic}


def load_source(source: DataSource, folder: Path, say: Say) -> Rows:
    """Read the table of one source.

    Args:
        source: As the config has it.
        folder: Relative paths start here.
        say: Told what takes time.

    Raises:
        UsageError: An unknown kind, or options that the kind does not have.
        DataError: The source is missing or broken.
    """
    if source.kind not in READERS:
        raise unknown_name("kind of data source", source.kind, READERS)
    path = source.resolve(folder)
    if path is None:
        raise UsageError(f"the data source {source.title!r} has no path", remedy='Add path = "..."')
    try:
        return READERS[source.kind](source, path, say)
    except TypeError as error:
        if "argument" not in str(error):
            raise
        raise UsageError(
            f"the data source {source.title!r} has options that {source.kind!r} does not understand ({error})"
        ) from error


def hold_out(sources: Sequence[Rows], names: Sequence[str]) -> tuple[list[Rows], Rows | None]:
    """Split whole sequences off.

    Args:
        sources: All rows.
        names: Sequences ("source/sequence") to validate on; all of one source.

    Returns:
        Rows to train on, and rows to validate on.

    Raises:
        UsageError: A name that no source has, or names of several sources.
    """
    if not names:
        return list(sources), None
    owners = {name: i for i, rows in enumerate(sources) for name in rows.sequence_names}
    for name in names:
        if name not in owners:
            raise unknown_name("sequence to hold out", name, owners)
    concerned = {owners[name] for name in names}
    if len(concerned) > 1:
        raise UsageError(
            "held_out names sequences of several data sources",
            remedy="Validate on the sequences of one",
        )
    place = concerned.pop()
    train, held = split_validation(sources[place], names=list(names))
    return [train if i == place else rows for i, rows in enumerate(sources)], held


def rows_digest(rows: Rows) -> str:
    """Sixteen hex digits over everything in a table but where the files lie."""
    digest = hashlib.sha256()
    for column in (rows.boxes, rows.track, rows.sequence, rows.frame, rows.category, *rows.others):
        digest.update(np.ascontiguousarray(column).tobytes())
    digest.update("\0".join((*rows.categories, *rows.sequence_names)).encode())
    return digest.hexdigest()[:16]


def count_rows(rows: Rows) -> dict[str, int]:
    """Numbers of rows, tracks and sequences."""
    tracks = int(np.unique(rows.track[rows.track >= 0]).size)
    return {"pictures": len(rows), "tracks": tracks, "sequences": int(np.unique(rows.sequence).size)}
