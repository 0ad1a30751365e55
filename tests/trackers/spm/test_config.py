"""The configuration is frozen, validated, and names the released keys."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from spm_bench.errors import UsageError
from spm_bench.trackers.spm.config import OFFICIAL_KEYS, SpmConfig
from spm_bench.trackers.spm.variants import VARIANTS


def test_defaults_are_the_released_otb_settings() -> None:
    config = SpmConfig()
    released = {
        "Z_SIZE": 127,
        "X_SIZE": 271,
        "FM_SCORE_INFLUENCE": 0.5,
        "ENABLE_FM_BBOX_REFINE": True,
        "FM_BBOX_INFLUENCE": 3.0,
        "WINDOWS_INFLUENCE": 0.5,
        "LR": 0.5,
        "MAX_SCORE_THRESHOLD": 0.2,
        "SCORE_THRESH_FACTOR": 0.1,
        "NUM_CANDIDATES": 9,
        "NUM_NEAR_CANDIDATES": 1,
        "NMS_THRESHOLD": 0.5,
        "Z_CONTEXT_AMOUNT": 0.5,
        "FM_BBOX_VAR_INV": (5.0, 5.0, 10.0, 10.0),
    }
    for key, value in released.items():
        assert getattr(config, OFFICIAL_KEYS[key]) == value, key


def test_frozen() -> None:
    with pytest.raises(ValidationError):
        SpmConfig().candidates = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"window_wieght": 0.4}, "Did you mean window_weight"),
        ({"candidates": 0}, "candidates"),
        ({"candidates": 2.5}, "candidates"),
        ({"candidates": "9"}, "candidates"),
        ({"fm_box": "false"}, "fm_box"),
        ({"nms_threshold": 1.5}, "nms_threshold"),
        ({"nms_threshold": float("nan")}, "nms_threshold"),
        ({"size_rate": -0.1}, "size_rate"),
        ({"near_candidates": 10}, "cannot exceed"),
        ({"search_size": 181, "template_size": 255}, "must exceed"),
        ({"template_size": 95}, "template_size"),
        ({"border": "mirror"}, "border"),
        ({"backbone_padding": True}, "backbone_padding"),
        ({"roi_sampling": "avg"}, "roi_sampling"),
        ({"precision": "fp16"}, "precision"),
        ({"exact_scale": 1}, "exact_scale"),
        ({"wide_template": "no"}, "wide_template"),
        ({"fm_box_weight": float("inf")}, "fm_box_weight"),
        ({"cm_box": False, "fm_box": False}, "one stage has to give the box"),
    ],
)
def test_bad_values_are_named(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as raised:
        SpmConfig.build(changes)
    assert told in str(raised.value)


def test_survives_json() -> None:
    config = SpmConfig.build({"window_weight": 0.4, "candidates": 3})
    assert SpmConfig.build(config.model_dump(mode="json")) == config


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_builds_and_changes_something(name: str) -> None:
    config = SpmConfig.build(VARIANTS[name].changes)
    assert VARIANTS[name].name == name
    assert (config == SpmConfig()) == (name == "base")


@pytest.mark.parametrize(
    ("changes", "needed"),
    [({}, True), ({"fm_box": False}, True), ({"fm_score_weight": 0.0}, True), (VARIANTS["cm_only"].changes, False)],
)
def test_fine_stage_is_skipped_only_when_nothing_depends_on_it(changes: dict[str, Any], needed: bool) -> None:
    assert SpmConfig.build(changes).needs_fine_stage is needed
