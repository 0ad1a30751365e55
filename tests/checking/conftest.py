"""Whole benchmarks of published trackers, and a small benchmark of our own to write broken files for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spm_bench.results.foreign import find_result_sets
from spm_bench.results.kept import KeptResults, keep
from spm_bench.suites import load_suite
from spm_bench.suites.base import Sequence, Suite

Boxes = np.ndarray


def kept(folder: Path, suite: Suite) -> list[KeptResults]:
    """All trackers of a folder, read."""
    return [
        keep(r, {s.name: r.trajectories(s) for s in suite.sequences if r.has(s.name)})
        for r in find_result_sets([folder], suite)
    ]


@pytest.fixture(scope="session")
def otb_published(published_results: Path) -> tuple[Suite, list[KeptResults]]:
    suite = load_suite("otb100", published_results, annotations_only=True)
    return suite, kept(published_results / "otb100" / "results", suite)


@pytest.fixture(scope="session")
def otb_some(otb_published: tuple[Suite, list[KeptResults]]) -> tuple[Suite, list[KeptResults]]:
    """Every third sequence of three trackers: whole numbers, decimals, a strong bias of its own."""
    suite, trackers = otb_published
    some = replace(suite, sequences=suite.sequences[::3], missing=tuple(s.name for s in suite.sequences))
    names = {s.name for s in some.sequences}
    chosen = [r for r in trackers if r.label in ("ECO-HC", "KCF", "SiamFC-3s")]
    return some, [replace(r, passes={k: v for k, v in r.passes.items() if k in names}) for r in chosen]


@pytest.fixture(scope="session")
def vot_published(published_results: Path) -> list[tuple[Suite, KeptResults]]:
    found = []
    for name in ("vot2016", "vot2018"):
        suite = load_suite(name, published_results, annotations_only=True)
        found += [(suite, results) for results in kept(published_results / name / "results", suite)]
    return found


def walk(seed: int, n: int) -> Boxes:
    """A target that moves and changes its size, 1-based, with decimals."""
    rng = np.random.default_rng(seed)
    centre = np.array([150.0, 110.0]) + np.cumsum(rng.normal(0, 4, (n, 2)), axis=0)
    sides = np.array([60.0, 33.0]) * np.exp(np.cumsum(rng.normal(0, 0.01, (n, 2)), axis=0))
    return np.concatenate((centre - sides / 2, sides), axis=1)


@pytest.fixture(scope="session")
def small() -> Suite:
    """Twelve sequences of an OTB-like suite."""
    one = np.array((1.0, 1.0, 0.0, 0.0))
    sequences = tuple(Sequence(f"seq-{k}", walk(k, 40 + k) - one, image_size=(320, 240)) for k in range(1, 13))
    return Suite("small", "Small", "otb", "one_pass", sequences, len(sequences))


Writer = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, small: Suite) -> Writer:
    """Write a decent tracker's files with a change: `write(change)` with (name, boxes as in files) -> boxes or text."""

    def written(change: Callable[[str, Boxes], Boxes | str | None] = lambda _, boxes: boxes) -> Path:
        folder = tmp_path / "Tracker"
        folder.mkdir(exist_ok=True)
        for k, sequence in enumerate(small.sequences):
            rng = np.random.default_rng(k)
            boxes = sequence.ground_truth + np.array((1.0, 1.0, 0.0, 0.0))
            boxes[1:] += rng.normal(0, 1.5, (len(boxes) - 1, 4))
            made = change(sequence.name, boxes)
            if made is None:
                continue
            text = made if isinstance(made, str) else lines(made)
            (folder / f"{sequence.name}.txt").write_text(text, encoding="utf-8")
        return folder

    return written


def lines(boxes: Boxes, separator: str = ",") -> str:
    return "".join(separator.join(f"{v:.4f}" for v in row) + "\n" for row in boxes)


def renamed(suite: Suite, family: str) -> Suite:
    return replace(suite, family=family)
