"""What a training knows of its data: what was skipped, what took its place, and what their digest covers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spm_bench.training.data import TrainingData, rows_digest
from spm_bench.training.pairs import corners
from spm_bench.training.rows import Rows
from spm_bench.training.store import CPU_BUDGET
from tests.training.made_packs import make_rows, video_line, write_pack
from tests.training.tiny import tiny_config

Make = Callable[..., TrainingData]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Two packs of six videos of two frames each: the boxes of the first are at x = 0, 1, ..., of the second at 20, ...

    The pictures of the rows `broken` are no pictures.
    """
    monkeypatch.setattr("spm_bench.training.store.BROKEN_SHARE", 0.5)
    for name, left in (("first", 0), ("second", 20)):
        lines = [video_line(f"{k}.png", f"v{k // 2}", frame=k % 2, x=left + k) for k in range(12)]
        write_pack(tmp_path / name, lines)
    made = []

    def make(broken: tuple[int, ...] = (), **changes: Any) -> TrainingData:
        sources = [{"kind": "pack", "name": name, "path": name} for name in ("first", "second")]
        mix = {"video": 1.0, "stills": 0.0, "patches": 0.0}
        config = tiny_config(data=sources, held_out=[], mix=mix, batch=12, **changes)
        data = TrainingData(config, tmp_path, torch.device("cpu"), print)
        for row in broken:
            Path(data.table.where(row)).write_bytes(b"cut")
        made.append(data)
        return data

    yield make
    for data in made:
        data.close()


def test_broken_pictures_are_counted_and_named(make: Make) -> None:
    data = make(broken=(3, 14, 15))
    assert data.broken == {}
    assert [counts["broken"] for counts in data.summary().values()] == [0, 0]
    data.store.fetch(np.arange(24))
    assert list(data.broken) == [data.table.where(row) for row in (3, 14, 15)]
    assert all(Path(file).name in problem for file, problem in data.broken.items())
    assert data.summary() == {
        "first": {"pictures": 12, "tracks": 6, "sequences": 6, "broken": 1},
        "second": {"pictures": 12, "tracks": 6, "sequences": 6, "broken": 2},
    }


def test_provenance_names_what_was_seen(make: Make) -> None:
    """The boxes of the loaded pictures are those of the files that are named, also where a pair was replaced."""
    data = make(broken=(3, 4, 14))
    box = {data.table.where(row): corners(data.table.boxes[row]).tolist() for row in range(24)}
    for step in range(4):
        planned = data.plan(step)
        pictures = data.shares(step, 1)[0].pictures
        told = data.provenance(step)
        assert pictures.template.box.tolist() == [box[pair["template"]] for pair in told]
        assert pictures.search.box.tolist() == [box[pair["search"]] for pair in told]
        assert pictures.negative.tolist() == [pair["negative"] for pair in told]
        replaced = np.isin(np.stack(planned[1:4]), (3, 4, 14)).any(axis=0)
        assert replaced.any()
        assert not {pair[role] for pair in told for role in ("template", "search")} & data.broken.keys()


@pytest.mark.parametrize(("gib", "budget"), [(0.0, CPU_BUDGET), (0.5, 1 << 29), (1e-12, 0)])
def test_the_config_says_how_much_is_held(make: Make, gib: float, budget: int) -> None:
    data = make(picture_gib=gib)
    data.store.warm()
    held = 24 - len(data.store._holder.missing(np.arange(24)))
    assert held == (24 if budget else 0)
    assert data.store.budget == budget


def rows(**changes: Any) -> Rows:
    made = make_rows("a", [0, 0, 1], [0, 0, 1], [0, 0, 1])
    return replace(made, scale=np.ones(3), **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"boxes": np.tile([35.0, 36.0, 30.0, 29.0], (3, 1))},
        {"track": np.asarray([0, 0, 0])},
        {"sequence": np.asarray([0, 0, 0])},
        {"frame": np.asarray([0, 2, 2])},
        {"category": np.asarray([0, 0, -1])},
        {"others": (np.ones((1, 4)),) * 3},
        {"categories": ("car", "cat", "cow")},
        {"sequence_names": ("a/0", "a/2")},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_the_digest_covers_what_is_known_of_the_pictures(changes: dict[str, Any]) -> None:
    assert rows_digest(rows(**changes)) != rows_digest(rows())


@pytest.mark.parametrize(
    "changes",
    [{"name": "b"}, {"where": ("x", "y", "z")}, {"scale": np.full(3, 0.5)}, {"drawn": True}, {"read": lambda row: row}],
    ids=lambda changes: next(iter(changes)),
)
def test_the_digest_leaves_out_where_and_how_pictures_are_kept(changes: dict[str, Any]) -> None:
    made = replace(rows(), **changes)
    assert rows_digest(made) == rows_digest(rows())
