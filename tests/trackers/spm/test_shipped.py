"""The weights that come with the package: small, described by their card, and able to track."""

from __future__ import annotations

import numpy as np
import pytest

from spm_bench.geometry.boxes import iou
from spm_bench.models.checkpoint import read_header, read_safetensors
from spm_bench.suites.synthetic import load_demo
from spm_bench.trackers.catalog import build_tracker, resolve_tracker, variants_of
from spm_bench.trackers.spm.weights import find_weights, shipped

LARGEST = 8_000_000
"""Bytes; history keeps every copy."""
TRACKER = {
    "spm_lite": "SPM-lite",
    "spm_equal": "SPM",
    "siamfc_lite": "SiamFC",
    "siamrpn_lite": "SiamRPN",
    "dasiamrpn_lite": "DaSiamRPN",
}
"""Weights -> the tracker they are for, which takes them by itself or by their name."""


@pytest.mark.parametrize("name", shipped())
def test_each_has_its_card_and_is_small(name: str) -> None:
    path = shipped()[name]
    assert path.stat().st_size <= LARGEST
    weights = read_safetensors(path)
    assert weights.trained
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    header = read_header(path)
    assert weights.sha256 in card
    assert f"`{header['training']}`" in card
    assert header["finished"] == "yes"


def test_spm_lite_is_a_tracker_with_the_variants_of_spm() -> None:
    spec = resolve_tracker("spm-lite", device="cpu")
    assert (spec.label, spec.trained) == ("SPM-lite", "yes")
    assert spec.identity["weights_sha256"] == find_weights("spm_lite").sha256
    assert spec.identity["config"]["class_scale"] == 1.0
    assert variants_of("SPM-lite") == variants_of("SPM")
    assert resolve_tracker("SPM-lite", variant="cm_only", device="cpu").identity["config"]["fm_box"] is False


@pytest.mark.parametrize(("name", "tracker"), TRACKER.items())
def test_each_tracks(name: str, tracker: str) -> None:
    assert TRACKER.keys() == shipped().keys()
    sequence = load_demo(["deform-1"]).sequences[0]
    spec = resolve_tracker(tracker, weights=name if name == "spm_equal" else None, device="cpu")
    assert spec.identity["weights_sha256"] == find_weights(name).sha256
    runs = build_tracker(spec)
    truth, frames = sequence.ground_truth, sequence.frames
    assert frames is not None
    runs.init(frames[0], truth[0])
    boxes = np.stack([runs.update(frames[t]) for t in range(1, len(truth))])
    still = iou(np.broadcast_to(truth[0], boxes.shape), truth[1:]).mean()
    assert iou(boxes, truth[1:]).mean() > still + (0.2 if name == "spm_lite" else 0.1)
