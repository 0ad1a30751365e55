"""Architectures say what they are, and refuse to be what makes no network."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from spm_bench.errors import UsageError
from spm_bench.models.architecture import ARCHITECTURES, Architecture, find_architecture
from spm_bench.models.spm import random_siamese

LITE = ARCHITECTURES["spm_lite"]
BLOCKS = json.loads(LITE.to_json())["blocks"]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_header_gives_the_architecture_back(name: str) -> None:
    assert Architecture.from_json(ARCHITECTURES[name].to_json()) == ARCHITECTURES[name]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_all_have_the_geometry_of_the_released_model(name: str) -> None:
    architecture = ARCHITECTURES[name]
    net = random_siamese(0, architecture).eval()
    with torch.inference_mode():
        template, search = (net.cm.features(torch.zeros(1, 3, size, size), 127) for size in (160, 271))
        assert search.conv2.shape[-2:] == search.conv4.shape[-2:] == (34, 34)
        assert template.conv5.shape[-2:] == (6, 6)
        wide = net.cm.features(torch.zeros(1, 3, 271, 271), 271)
        logits, deltas = net.cm(wide, net.cm.kernels(template, 1.0, 1.0))
    channels = (1, 0) if architecture.head == "correlation" else (10, 20)
    assert (logits.shape, deltas.shape) == ((1, channels[0], 19, 19), (1, channels[1], 19, 19))
    assert hasattr(net, "fm") == architecture.two_stages


def test_a_head_brings_the_settings_it_needs() -> None:
    assert LITE.settings["class_scale"] == 1.0
    assert "class_scale" not in LITE.changed({"head": "up_channel"}).settings
    assert ARCHITECTURES["spm_alexnet"].changed({"head": "depthwise"}).settings["box_scale"] == 1.0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"norm": "bacth"}, "norm is one of"),
        ({"head": "depth"}, "head is one of"),
        ({"head_channels": "8"}, "head_channels is a whole number"),
        ({"head_channels": 0}, "head_channels"),
        ({"fine_hidden": -3}, "fine_hidden"),
        ({"fine_channels": True}, "fine_channels"),
        ({"head": "correlation"}, "fine_layers must be none"),
        ({"last_relu": 1}, "last_relu is true or false"),
        ({"embedding": False}, "only a correlation head"),
        ({"embedding": False, "head": "correlation", "fine_layers": []}, "head_channels must be its 128"),
        ({"fine_layers": ["conv3"]}, "conv3"),
        ({"fine_layers": ["conv4", "conv4"]}, "fine_layers"),
        ({"blocks": BLOCKS[:4]}, "4 blocks"),
        ({"blocks": [{**BLOCKS[0], "stride": 2}, *BLOCKS[1:]]}, "stride 4"),
        ({"blocks": [{**BLOCKS[0], "kernel": 6}, *BLOCKS[1:]]}, "even kernel"),
        ({"blocks": [{**BLOCKS[0], "groups": 2}, *BLOCKS[1:]]}, "groups"),
        ({"blocks": [{**BLOCKS[0], "channels": 1.5}, *BLOCKS[1:]]}, "whole numbers"),
        ({"blocks": [*BLOCKS[:4], {**BLOCKS[4], "kernel": 5}]}, "conv5"),
        ({"blocks": [{"width": 3}]}, "blocks are tables"),
        ({"blocks": 5}, "blocks are tables"),
        ({"head_chanels": 8}, "Did you mean head_channels"),
        ({"settings": {"context": 0.2}}, "there is no part"),
    ],
)
def test_what_makes_no_network_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        LITE.changed(changes)
    assert told in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "x"}', LITE.to_json().replace("batch", "btach")])
def test_a_broken_header_is_told(text: str) -> None:
    with pytest.raises(UsageError):
        Architecture.from_json(text)


def test_names_are_suggested() -> None:
    with pytest.raises(UsageError, match="spm_lite"):
        find_architecture("spm_light")
