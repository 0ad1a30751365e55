"""Try settings of the tracker DCF on the held-out training videos; no benchmark sequence is looked at.

    python experiments/train/choose_filter.py experiments/train/spm_lite learning_rate=0.01 learning_rate=0.03 scales=5

Every argument after the training's config is one row: changes to the defaults as NAME=VALUE, several with commas
between them. The success (AUC) of each sequence is the mean over its targets, that of a row the mean over sequences.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from spm_bench.errors import SpmBenchError, UsageError
from spm_bench.geometry.boxes import iou
from spm_bench.models.spm import SpmNet
from spm_bench.trackers.dcf.config import DcfConfig
from spm_bench.trackers.dcf.tracker import DEFAULT_WEIGHTS, Follower
from spm_bench.trackers.spm.device import pick_device
from spm_bench.trackers.spm.weights import find_weights
from spm_bench.training.config import find_config, read_config
from spm_bench.training.data import hold_out, load_sources
from spm_bench.training.validate import success
from spm_bench.training.virtual import VirtualVideo, held_out_tracks, wandering


def main(arguments: list[str] | None = None) -> int:
    """Print a line per row; returns the exit code: 0, or 2 where something must be mended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="the training's config: it names the held-out videos")
    parser.add_argument("rows", nargs="*", default=[""], help="NAME=VALUE,NAME=VALUE ...; none: the defaults")
    parser.add_argument("--weights", default=DEFAULT_WEIGHTS)
    parser.add_argument("--seeds", type=int, default=1, help="wanderings of each video (default: 1)")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args(arguments)
    try:
        settings = [DcfConfig.build(dict(_changes(row))) for row in args.rows]
        device = pick_device(args.device)
        net = find_weights(args.weights).network().prepare(device)
        for row, config in zip(args.rows, settings, strict=True):
            print(f"{_quality(net, config, device, _videos(args)):.4f}  {row or 'defaults'}", flush=True)
    except SpmBenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _changes(row: str) -> Iterator[tuple[str, Any]]:
    for part in filter(None, row.split(",")):
        name, equals, value = part.partition("=")
        if not equals:
            raise UsageError(f"{part!r} is not of the form NAME=VALUE")
        yield name, (value,) if name == "layers" else json.loads(value)


def _videos(args: argparse.Namespace) -> Iterator[VirtualVideo]:
    path = find_config(args.config)
    config = read_config(path)
    held_out = hold_out(load_sources(config, path.parent, lambda _: None, drawn=False), config.held_out)[1]
    if held_out is None:
        raise UsageError("this training holds no videos out to choose on", where=path)
    for track in held_out_tracks(held_out):
        yield from (wandering(track, seed) for seed in range(args.seeds))


@torch.inference_mode()
def _quality(net: SpmNet, config: DcfConfig, device: torch.device, videos: Iterator[VirtualVideo]) -> float:
    follower = Follower(net, config, device)
    by_sequence: dict[str, list[float]] = {}
    for video in videos:
        state, overlaps = follower.start(video.frame(0), video.ground_truth[0]).state, []
        for index in range(1, len(video)):
            state = follower.move(state, video.frame(index))
            overlaps.append(float(iou(state.box, video.ground_truth[index])))
        by_sequence.setdefault(video.sequence, []).append(success(np.array(overlaps)))
    return float(np.mean([np.mean(values) for values in by_sequence.values()]))


if __name__ == "__main__":
    sys.exit(main())
