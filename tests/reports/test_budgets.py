"""An ablation tells how long its trainings were, and says so when they were not alike."""

from __future__ import annotations

from pathlib import Path

import pytest
from proving.cells import Entry
from proving.stages import _budgets

from spm_bench.models.architecture import ARCHITECTURES
from spm_bench.models.checkpoint import random_weights, write_safetensors


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        ((16000, 16000), "All saw 16,000 pairs"),
        ((16000, 8000), "**Unequal budgets**: a 16,000 pairs, b 8,000 pairs."),
        ((16000, None), "Not all of the weights say"),
    ],
)
def test_budgets(tmp_path: Path, pairs: tuple[int | None, ...], told: str) -> None:
    entries = []
    for name, number in zip("ab", pairs, strict=True):
        path = tmp_path / f"{name}.safetensors"
        header = {} if number is None else {"pairs": str(number)}
        write_safetensors(path, random_weights(0, ARCHITECTURES["spm_lite"]), header, half=True)
        entries.append(Entry(name, weights=str(path)))
    assert _budgets(entries).startswith(told)
