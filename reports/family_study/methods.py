"""The methods of the study: what each does differently from the others, and where its networks lie."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence as Many
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proving.cells import Entry

from spm_bench.errors import UsageError
from spm_bench.models.checkpoint import read_header, read_safetensors, state_digest

SEEDS = (1, 2, 3)
TRUNK = re.compile(r"cm\.z_net\.conv[123]\.")
"""Parameters of the blocks that all networks share, kept from training."""


@dataclass(frozen=True)
class Method:
    """One of the family.

    Attributes:
        name: In tables; that of the tracker, too.
        file: Its networks are `seedN/FILE.safetensors`, or `seedN/FILE/weights.safetensors` as a training leaves them.
        head, loss, positives, pairs, rules, source: What differs, a phrase each.
    """

    name: str
    file: str
    head: str
    loss: str
    positives: str
    pairs: str
    rules: str
    source: str


SPM = "SPM"
CLOSEST = "SiamRPN"
"""The rival that is SPM without its second stage."""
_RPN = "depth-wise region proposals, 5 anchors a cell"
_RPN_LOSS = "cross entropy and smooth L1 of anchors"
_ONE_TARGET = "anchors that overlap the target; no other object"
_PLAIN = "15 % without the target"
METHODS = (
    Method(
        SPM,
        "spm",
        f"{_RPN}; a second stage compares proposals with the template by RoI features",
        f"{_RPN_LOSS}, the same two of proposals",
        "coarse: objects of the target's category too; fine: the target alone",
        _PLAIN,
        "scores and boxes of both stages fused, cosine window",
        "Wang et al., CVPR 2019",
    ),
    Method(
        CLOSEST,
        "siamrpn",
        _RPN,
        _RPN_LOSS,
        _ONE_TARGET,
        _PLAIN,
        "penalty on changes of size and ratio, cosine window",
        "Li et al., CVPR 2018; constants as released with DaSiamRPN",
    ),
    Method(
        "DaSiamRPN",
        "dasiamrpn",
        _RPN,
        _RPN_LOSS,
        _ONE_TARGET,
        "30 % without the target, three of four of these with an object of its category",
        "as SiamRPN; proposals that look like remembered distractors lose score",
        "Zhu et al., ECCV 2018",
    ),
    Method(
        "SiamFC",
        "siamfc",
        "plain cross-correlation, one score a cell, no boxes",
        "balanced logistic loss of cells",
        "cells within 16 pixels of the target's centre",
        _PLAIN,
        "three sizes tried, best peak, cosine window",
        "Bertinetto et al., ECCV workshops 2016",
    ),
)
RIVALS = tuple(method.name for method in METHODS if method.name != SPM)
REFERENCES = (Entry("DCF", "DCF"), Entry("CSRT (OpenCV)", "CSRT"), Entry("KCF (OpenCV)", "KCF"))
RATES = tuple(Entry(f"DCF {variant}", "DCF", variant) for variant in ("never_updated", "every_5", "fast_learner"))
"""How often the correlation filter learns: the axis of cost of what learns online."""
PUBLISHED = "KCF (published boxes)"


@dataclass(frozen=True)
class Network:
    """A trained network of a method.

    Attributes:
        method: Name of the method.
        seed: Of the training.
        file: Its weights.
    """

    method: str
    seed: int
    file: Path

    @property
    def entry(self) -> Entry:
        """As it runs."""
        return Entry(label_of(self.method, str(self.seed)), self.method, weights=str(self.file))


def label_of(method: str, seed: str) -> str:
    """What tables call a network: `SPM seed 2`; the method alone where it is no single training."""
    return f"{method} seed {seed}" if seed.isdecimal() else method


def find_networks(folder: Path, seeds: Many[int] = SEEDS) -> tuple[list[Network], list[str]]:
    """The networks in a folder, methods first; and the labels of those that are not there.

    Raises:
        UsageError: The folder is not there, or holds none.
    """
    if not folder.is_dir():
        raise UsageError(
            "there is no such folder", where=folder, remedy="Give --weights FOLDER with seed1/, seed2/, ..."
        )
    found, missing = [], []
    for method in METHODS:
        for seed in seeds:
            home = folder / f"seed{seed}"
            files = [home / f"{method.file}.safetensors", home / method.file / "weights.safetensors"]
            there = [file for file in files if file.is_file()]
            if there:
                found.append(Network(method.name, seed, there[0]))
            else:
                missing.append(label_of(method.name, str(seed)))
    if not found:
        raise UsageError(
            "no network of the family is there",
            where=folder,
            remedy=f"Put weights at seed1/{METHODS[0].file}.safetensors and so on, or train them: "
            "spm-bench train experiments/train/family/spm --seed 1",
        )
    return found, missing


def facts_of(network: Network) -> dict[str, Any]:
    """What a network's file says of its training, for the page and for the check that terms were equal."""
    header, weights = read_header(network.file), read_safetensors(network.file)
    trunk = {name: tensor for name, tensor in weights.state.items() if TRUNK.search(name)}
    return {
        "method": network.method,
        "seed": network.seed,
        "weights": weights.sha256[:12],
        "trained": weights.trained,
        "architecture": weights.architecture.name,
        "parameters": sum(tensor.numel() for tensor in weights.state.values()),
        "pairs": int(header["pairs"]) if header.get("pairs", "").isdecimal() else None,
        "data": json.loads(header["data"]) if "data" in header else None,
        "trunk": state_digest(trunk)[:12] if trunk else None,
        "settings": dict(weights.settings),
        "chosen_on": header.get("chosen_on", ""),
    }
