"""Every committed training config is valid, builds its network, and asks the question it says it asks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from spm_bench.models.imagenet import LAYERS, TORCHVISION_BLOCKS
from spm_bench.models.spm import SpmNet, build_network
from spm_bench.training.config import TrainConfig, differences, read_config
from spm_bench.training.initial import initial_state
from tests.models.test_imagenet import alexnet as alexnet

HOME = Path(__file__).resolve().parents[2] / "experiments" / "train"
CONFIGS = {str(path.relative_to(HOME).with_suffix("")): path for path in sorted(HOME.rglob("*.toml"))}
ABLATION = {name: path for name, path in CONFIGS.items() if name.startswith("ablation/")}
SAID_ONLY = {"about", "validate_every"}
CHANGED = {"spm_alexnet_imagenet": "spm_alexnet_dw"}
"""Config -> the network that it changes by overrides; the others are called like theirs."""

CHANGES: dict[str, dict[str, Any]] = {
    "ablation/base": {},
    "ablation/no_generalised": {"targets": {"generalised_positives": False}},
    "ablation/no_fine": {"fine": False},
    "ablation/one_layer": {"overrides": {"fine_layers": ["conv4"]}},
}
"""Config -> all in which it may differ from ablation/base."""


def merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    tables = {key: merged(values[key], new) for key, new in changes.items() if isinstance(new, dict)}
    return values | changes | tables


def changed_names(a: TrainConfig, b: TrainConfig) -> set[str]:
    return {told.partition(":")[0] for told in differences(a.to_json(), b)}


def test_there_are_configs() -> None:
    assert {"spm_lite", "spm_alexnet", "spm_alexnet_dw", "spm_alexnet_imagenet"} <= CONFIGS.keys()
    assert ABLATION.keys() == CHANGES.keys()


@pytest.mark.parametrize("path", CONFIGS.values(), ids=CONFIGS)
def test_a_config_is_valid_and_builds_its_network(path: Path) -> None:
    config = read_config(path)
    assert "?" in config.about or path.name == "base.toml", "the question it asks; the base is what others ask about"
    assert re.search(r"\bCosts [^.?]*\b\d+ (minutes?|hours?)\b", " ".join(config.about.split())), "what it costs"
    with torch.device("meta"):
        build_network(config.network())
    assert config.warmup_steps < 0.2 * config.steps
    assert config.held_out, "every training is validated on whole videos"


@pytest.mark.parametrize("name", [name for name in CONFIGS if "/" not in name])
def test_a_config_is_called_like_its_network(name: str) -> None:
    assert read_config(CONFIGS[name]).architecture == CHANGED.get(name, name)


def test_the_base_of_the_ablation_is_the_shipped_recipe_for_a_shorter_time() -> None:
    shipped, base = read_config(CONFIGS["spm_lite"]), read_config(CONFIGS["ablation/base"])
    assert changed_names(shipped, base) == {"pairs", "warmup_steps", "targets.centre_overlap"}
    # Then generalised positives change nothing about the target itself.
    assert base.targets.centre_overlap == base.targets.positive_overlap


@pytest.mark.parametrize("name", CHANGES)
def test_an_ablation_changes_one_thing(name: str) -> None:
    base, config = (read_config(CONFIGS[n]).to_json() for n in ("ablation/base", name))
    expected = merged(base, CHANGES[name])
    assert {k: v for k, v in config.items() if k not in SAID_ONLY} == {
        k: v for k, v in expected.items() if k not in SAID_ONLY
    }


def test_the_full_width_differs_in_what_it_says() -> None:
    depthwise, released = (read_config(CONFIGS[name]) for name in ("spm_alexnet_dw", "spm_alexnet"))
    assert changed_names(depthwise, released) == {"architecture", "learning_rate"}


def test_imagenet_weights_change_the_backbone_and_nothing_else() -> None:
    plain, started = (read_config(CONFIGS[name]) for name in ("spm_alexnet_dw", "spm_alexnet_imagenet"))
    changed = changed_names(plain, started)
    assert changed == {"initial", "backbone_rate", "overrides", "overrides.blocks", "overrides.norm"}
    assert started.network().blocks == TORCHVISION_BLOCKS


def test_imagenet_weights_fit_the_network(alexnet: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spm_bench.training.initial.torchvision_alexnet", lambda: alexnet)
    config = read_config(CONFIGS["spm_alexnet_imagenet"])
    state = initial_state(config, HOME)
    assert state is not None
    with torch.device("meta"):
        net = SpmNet(config.network())
    net.load_state_dict(dict(state), assign=True)
    for number in (2, 3, 4, 5):  # the first is rewritten for our input
        conv = net.cm.z_net.get_submodule(f"conv{number}.conv")
        torch.testing.assert_close(conv.weight, alexnet[f"features.{LAYERS[number]}.weight"])
