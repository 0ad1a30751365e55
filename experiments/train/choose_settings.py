"""Choose the tracker's settings for trained weights on the held-out training videos, and put them into the file.

    python experiments/train/choose_settings.py experiments/train/spm_lite \
        --weights runs/train/spm_lite/weights.safetensors --out chosen.safetensors

Every row that was tried is printed; no benchmark sequence is looked at. With `--like FILE` nothing is tried: the
settings that were chosen for FILE are put in, as for other seeds of one training.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from spm_bench.errors import SpmBenchError, UsageError
from spm_bench.models.checkpoint import Weights, read_header, read_safetensors, write_safetensors
from spm_bench.results.files import readable_os_errors
from spm_bench.training.choose import CHOICES_OF, choose_settings, quality
from spm_bench.training.config import find_config, read_config
from spm_bench.training.data import hold_out, load_sources
from spm_bench.training.slots import METHODS, tracker_of
from spm_bench.training.validate import Setting, evaluate_settings

OURS = {"trained", "architecture", "settings"}
"""Header entries that `write_safetensors` writes itself."""
WHO_WRITES = (
    "A training ends with its file (`spm-bench train CONFIG --out DIR` writes DIR/CONFIG/weights.safetensors); "
    "--like takes what this command wrote for another seed"
)


def main(arguments: list[str] | None = None) -> int:
    """Choose, print and write; returns the exit code: 0, or 2 where something must be mended."""
    try:
        choose(arguments)
    except SpmBenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def choose(arguments: list[str] | None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="the training's config: it names the held-out videos")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tracker", choices=CHOICES_OF, help="default: the one that the weights are for")
    parser.add_argument("--like", type=Path, help="take the settings of these weights instead of choosing")
    parser.add_argument("--seeds", type=int, default=3, help="wanderings of each video (default: 3)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args(arguments)
    if args.like is not None:
        take_over(args.weights, args.like, args.out)
        return
    torch.set_num_threads(args.threads)
    path = find_config(args.config)
    config = read_config(path)
    held_out = hold_out(load_sources(config, path.parent, print, drawn=False), config.held_out)[1]
    if held_out is None:
        raise UsageError("this training holds no videos out to choose on", where=path)
    weights = read(args.weights)

    def evaluate(grid: Sequence[Mapping[str, Any]]) -> list[Setting]:
        net = weights.network()
        rows = evaluate_settings(net, held_out, grid, seeds=range(args.seeds), tracker=args.tracker, device=args.device)
        for row in rows:
            told = " ".join(f"{name} {row.values[name]:.4f}" for name in ("auc_one_pass", "auc_restarted", "losses"))
            print(f"{quality(row.values):.4f}  {told}  {dict(row.changes)}", flush=True)
        return rows

    tracker = args.tracker or tracker_of(weights.architecture)
    start = METHODS[tracker].build(weights.architecture, {}).model_dump()
    chosen = choose_settings(evaluate, start, CHOICES_OF[tracker])
    print(f"chosen: {chosen.changes or 'what was there'}")
    wanderings = "one wandering" if args.seeds == 1 else f"{args.seeds} wanderings"
    told = f"held-out training videos, {wanderings} each, {len(chosen.tried)} settings tried"
    write(args.weights, weights, chosen.changes, told, args.out)


def take_over(path: Path, like: Path, out: Path) -> None:
    """Write weights with the settings that were chosen for others of the same network."""
    weights, other = read(path), read(like)
    if weights.architecture != other.architecture:
        raise UsageError(
            f"weights of another network ({other.architecture.name}) than {path} ({weights.architecture.name})",
            where=like,
        )
    told = read_header(like).get("chosen_on")
    if not told:
        raise UsageError("no settings were chosen for these weights", where=like, remedy="Choose them first")
    write(path, weights, other.settings, f"{told}, for another seed of the training", out)


def read(path: Path) -> Weights:
    """Read weights; where there are none, say who writes them."""
    if not path.is_file():
        raise UsageError("there is no such file", where=path, remedy=WHO_WRITES)
    return read_safetensors(path)


def write(path: Path, weights: Weights, settings: Mapping[str, Any], told: str, out: Path) -> None:
    """Write the weights of `path` with settings, and a note on where these come from."""
    kept = {key: value for key, value in read_header(path).items() if key not in OURS}
    with readable_os_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        write_safetensors(out, replace(weights, settings=settings), {**kept, "chosen_on": told}, half=True)


if __name__ == "__main__":
    sys.exit(main())
