"""Folders as a training leaves them, written without training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spm_bench.models.checkpoint import random_weights, write_safetensors
from tests.training.tiny import tiny_config

ENVIRONMENT = {
    "spm_bench": "0.1.0",
    "python": "3.11",
    "packages": {"torch": "2.9"},
    "machine": {"cpu": "A | B", "cores": 2, "platform": "Linux-6.1-x", "threads": 1},
    "git": None,
}


def make_training(folder: Path, *, pairs: int = 1200, **changes: Any) -> Path:
    """1200 pairs in batches of 100; two validations; weights after `pairs` of them."""
    config = tiny_config(pairs=1200, batch=100, about="Does it\nwork?", held_out=["s/a"], **changes)
    data = {source.title: {"pictures": 1500, "tracks": 7, "sequences": 5, "digest": "0"} for source in config.data}
    facts = {
        "config": config.to_json(),
        "training": config.digest(),
        "data": data,
        "machine": {"device": "cpu", "replicas": 2, "torch": "2.9"},
        "environment": ENVIRONMENT,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "training.json").write_text(json.dumps(facts))
    (folder / "log.csv").write_text(
        "step,pairs,seconds,total,coarse_class,coarse_box,fine_class,fine_box\n"
        "4,400,10,4,0.9,0.9,0.7,1.5\n8,800,20,3,0.5,0.5,0.6,1.2\n12,1200,3661,2,0.4,0.4,0.5,1\n"
    )
    (folder / "validation.csv").write_text(
        "step,auc_one_pass,auc_restarted,losses,auc_one_pass/s/a,auc_restarted/s/a,losses/s/a,skipped\n"
        "8,0.25,0.3,2,0.25,0.3,2,0\n12,0.5,0.55,1,0.5,0.55,1,0\n"
    )
    weights = random_weights(1, config.network())
    done = {"training": config.digest(), "pairs": str(pairs), "finished": "yes" if pairs == 1200 else "no"}
    weights = type(weights)(weights.state, weights.sha256, "x", True, weights.architecture, {"window_weight": 0.3})
    write_safetensors(folder / "weights.safetensors", weights, done, half=True)
    return folder
