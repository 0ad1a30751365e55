"""The walk through the settings finds the best of each, and leaves alone what makes no difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from spm_bench.trackers.spm.config import SpmConfig
from spm_bench.training.choose import CHOICES, choose_settings, quality
from spm_bench.training.validate import Setting

START = {"window_weight": 0.5, "size_rate": 0.5}


def world(best_window: float, gain: float) -> Any:
    def evaluate(grid: Sequence[Mapping[str, Any]]) -> list[Setting]:
        rows = []
        for changes in grid:
            now = {**START, **changes}
            auc = 0.6 - abs(now["window_weight"] - best_window) + gain * (now["size_rate"] == 0.7)
            rows.append(Setting(changes, {"auc_one_pass": auc, "auc_restarted": auc + 0.02}))
        return rows

    return evaluate


def test_each_setting_comes_to_its_best_value() -> None:
    found = choose_settings(world(0.3, gain=0.01), START, {"window_weight": (0.3, 0.4, 0.5), "size_rate": (0.5, 0.7)})
    assert found.changes == {"window_weight": 0.3, "size_rate": 0.7}
    assert len(found.tried) == 1 + 2 + 1
    assert max(quality(row.values) for row in found.tried) == pytest.approx(0.62)


def test_gains_within_the_margin_change_nothing() -> None:
    choices = {"window_weight": (0.4, 0.5), "size_rate": (0.5, 0.7)}
    assert choose_settings(world(0.5, gain=0.002), START, choices).changes == {}
    assert choose_settings(world(0.5, gain=0.002), START, choices, margin=0.001).changes == {"size_rate": 0.7}


def test_the_released_values_are_among_the_choices_and_all_are_allowed() -> None:
    released = SpmConfig().model_dump()
    for name, values in CHOICES.items():
        assert released[name] in values
        for value in values:
            SpmConfig.build({name: value})
