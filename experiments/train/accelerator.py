"""Train on a borrowed machine: one with an accelerator, a time limit per command, and little that may go in and out.

    here   python experiments/train/accelerator.py pack --data ../shared/train
    there  python experiments/train/accelerator.py train experiments/train/spm_alexnet_dw --minutes 9 --bring DIR
    here   python experiments/train/accelerator.py join DIR --out runs/train

`pack` puts what the checkout lacks into one folder (runs/accelerator/carry): a tar of pictures per source, with
checksums, and wheels of the few packages such a machine may lack. `train` installs and unpacks what is not there yet,
draws the synthetic videos, goes on from the checkpoint it finds (in its own folder, else among parts that were brought
back earlier), stops when its minutes are over, and writes weights, logs and the checkpoint as parts. The same command
again goes on. `join` makes a training's folder of the parts. `unpack` does the first part of `train` alone, for a
machine that takes data and parts in two goes.

The limits (8 files of 15 MiB, 60 MiB in all; 50 MiB of pictures) are an example: every such machine has its own, and
options say them. `train` says at its start if a checkpoint of the network will not fit into them.

Only the standard library is needed until the wheels are in place: nothing else is imported before.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

HOME = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(HOME))  # the checkout's own code, installed or not
sys.path.insert(0, str(Path(__file__).resolve().parent))

from borrowed import wheels  # noqa: E402 - beside this file

if TYPE_CHECKING:
    from spm_bench.training.config import TrainConfig

QUALITY = 66
"""Of JPEG; `--quality` changes it. An example: packs of 76 MiB at quality 85 take 42 MiB, 37.4 dB from what they were,
an error of 3.4 grey levels, a third of the noise that augmentation adds. Shrinking them to 288 pixels at quality 85
takes 54 MiB and a third of the pixels. Sizes and boxes stay, so the digest of the data stays as well, and a training
goes on at home with the originals."""
PLACE = Path("runs/accelerator")
MIB = 2**20
RESERVE = 0.08
"""Share of the minutes that is left for the last checkpoint, a validation and the parts."""


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    pack = verbs.add_parser("pack", help="here: data and wheels into one folder")
    pack.add_argument("--data", type=Path, required=True, help="folder with a pack per sub-folder (video, stills)")
    pack.add_argument("--quality", type=int, default=QUALITY, help="of JPEG; 0: pictures as they are")
    pack.add_argument("--most-mib", type=float, default=50.0, help="for all pictures together (default: 50)")
    pack.add_argument("--python", default="3.12", help="version over there, for the wheels (default: 3.12)")
    pack.add_argument("--no-wheels", action="store_true", help="pictures only")
    unpack = verbs.add_parser("unpack", help="there: install, unpack and draw, without training")
    train = verbs.add_parser("train", help="there: unpack, go on with the training, and write it as parts")
    join = verbs.add_parser("join", help="here: parts into a training's folder")
    for verb in (pack, unpack, train):
        verb.add_argument("--carry", type=Path, default=PLACE / "carry", help="folder that is taken along")
    for verb in (unpack, train):
        verb.add_argument("config", help="a training config, experiments/train/NAME")
        verb.add_argument("--work", type=Path, default=PLACE / "work", help="where all that is made there lies")
    train.add_argument("--minutes", type=float, required=True, help="for the whole command")
    train.add_argument("--bring", type=Path, required=True, help="empty folder whose files are brought back")
    train.add_argument("--parts", type=Path, default=PLACE / "parts", help="parts of before, if the work is gone")
    train.add_argument("--part-mib", type=float, default=15.0, help="largest file it gives back (default: 15)")
    train.add_argument("--files", type=int, default=8, help="most files it gives back (default: 8)")
    train.add_argument("--most-mib", type=float, default=60.0, help="for all files it gives back (default: 60)")
    train.add_argument("--pairs", type=int, help="another length of the schedule")
    train.add_argument("--device", default="auto")
    train.add_argument("--threads", type=int, help="of a CPU")
    join.add_argument("parts", type=Path)
    join.add_argument("--out", type=Path, default=Path("runs/train"), help="folder of all trainings")
    join.add_argument("--replace", action="store_true", help="overwrite what is there")
    return parser.parse_args(arguments)


def pack(args: argparse.Namespace) -> int:
    """Fill the folder that is taken along."""
    from borrowed import luggage

    packed = luggage.pack_sources(args.data, args.carry, quality=args.quality, most=round(args.most_mib * MIB))
    for name, told in packed.items():
        print(f"{name}: {told['pictures']} pictures, {told['size'] / MIB:.1f} MiB in {told['file']}")
    if not args.no_wheels:
        fetched = wheels.fetch(args.carry / wheels.FOLDER, args.python)
        print(f"wheels: {', '.join(path.name for path in fetched)}")
    size = sum(path.stat().st_size for path in args.carry.rglob("*") if path.is_file())
    print(f"{size / MIB:.1f} MiB to take along: {args.carry}")
    return 0


def read_training(args: argparse.Namespace) -> tuple[Path, TrainConfig]:
    """Find and read the config; returns its file as well."""
    from spm_bench.training.config import find_config, read_config

    path = find_config(args.config)
    changes = {} if getattr(args, "pairs", None) is None else {"pairs": args.pairs}
    return path, read_config(path, changes)


def prepare(args: argparse.Namespace, path: Path, config: TrainConfig) -> None:
    """Unpack and draw what is not there yet."""
    from borrowed import luggage

    if luggage.unpack_sources(args.carry, args.work / "data"):
        os.environ["SPM_BENCH_TRAIN_DATA"] = str((args.work / "data").resolve())
    os.environ.setdefault("SPM_BENCH_CACHE", str((args.work / "cache").resolve()))
    from spm_bench.training.sources import load_source

    for source in config.data:
        if source.kind == "synthetic":  # drawn by all cores here; how many is nothing that a config says
            options: dict[str, Any] = {**source.options, "workers": os.cpu_count() or 1}
            load_source(source.kind, source.resolve(path.parent), name=source.title, say=say, **options)


def unpack(args: argparse.Namespace) -> int:
    """Prepare, and stop there."""
    prepare(args, *read_training(args))
    return 0


def train(args: argparse.Namespace) -> int:
    """Prepare, train for the time there is, write the parts, and tell how fast it was."""
    from spm_bench.errors import SpmBenchError

    began = time.monotonic()
    path, config = read_training(args)
    foresee(args, config)
    prepare(args, path, config)
    folder = args.work / "train" / Path(args.config).with_suffix("").name
    restore(args.parts, folder)
    try:
        code = train_on(args, config, path.parent, folder, began)
    except SpmBenchError as error:
        say(f"error: {error}")
        code = 2
    finally:  # also where memory was too small or a bug was met: that ends the command, but not without the parts
        brought = bring(args, folder)
    return code if brought else code or 2


def most_bytes(args: argparse.Namespace) -> int:
    """What may come back, all together."""
    together, largest, files = float(args.most_mib), float(args.part_mib), int(args.files) - 1  # one is the list
    return min(round(together * MIB), round(largest * MIB) * files)


def foresee(args: argparse.Namespace, config: TrainConfig) -> None:
    """Say before any time is spent if this training cannot go on elsewhere from what comes back.

    Raises:
        UsageError: Not even its weights will fit.
    """
    import torch

    from spm_bench.errors import UsageError
    from spm_bench.models.spm import SpmNet
    from spm_bench.training.slim import BARE, BYTES, LEAN, WHOLE, expected_state

    with torch.device("meta"):
        numbers = sum(value.numel() for value in SpmNet(config.network()).state_dict().values())
    most, state = most_bytes(args), expected_state(numbers, most_bytes(args))
    if state in (WHOLE, LEAN):
        return
    wanted = BARE if state is None else LEAN
    mib = math.ceil(1.05 * BYTES[wanted] * numbers / MIB) + 1  # logs and vectors, of which the forecast knows nothing
    files = math.ceil(mib / args.part_mib) + 1
    remedy = f"--most-mib {mib} --files {files} (or a larger --part-mib), if the machine gives so much back"
    limits = f"{most / MIB:.3g} MiB of --most-mib {args.most_mib:g}, --part-mib {args.part_mib:g}, --files {args.files}"
    if state is None:
        raise UsageError(f"the weights of {config.architecture} do not fit into {limits}", remedy=f"Allow {remedy}")
    say(
        f"warning: only the weights will come back: a checkpoint of {config.architecture} does not fit into {limits}. "
        f"The training goes on here as long as {args.work} lasts, and on no other machine. To go on elsewhere: {remedy}"
    )


def restore(parts: Path, folder: Path) -> None:
    """Take the parts of before over, unless the folder has a checkpoint itself.

    Raises:
        UsageError: They are of another training, or bring no checkpoint.
    """
    from spm_bench.errors import UsageError
    from spm_bench.training.checkpoint import CHECKPOINT
    from spm_bench.training.parts import MANIFEST, read_manifest
    from spm_bench.training.slim import BARE, join_training

    if (folder / CHECKPOINT).exists() or not (parts / MANIFEST).is_file():
        return
    manifest = read_manifest(parts)
    if manifest.training != folder.name or manifest.state == BARE:
        kept = f"are of the training {manifest.training}" if manifest.training != folder.name else "hold no checkpoint"
        raise UsageError(
            f"these parts {kept}, nothing can go on from them", where=parts, remedy="Leave them at home to start anew"
        )
    join_training(parts, folder, replace=True)
    say(f"taken over from {parts}: {manifest.state}")


def train_on(args: argparse.Namespace, config: TrainConfig, home: Path, folder: Path, began: float) -> int:
    """Run the training itself; returns the exit code of `spm-bench train`."""
    from borrowed import meter

    from spm_bench.cli.train import SIGNAL_EXITS
    from spm_bench.trackers.spm.device import pick_device
    from spm_bench.training.data import TrainingData
    from spm_bench.training.loop import train as run_training

    device = pick_device(args.device)
    with meter.Meter(say) as watched:
        data = TrainingData(config, home, device, say)
        try:
            data.store.warm()  # decoding once, before the clock of the steps runs
            say(f"ready after {time.monotonic() - began:.0f} s, {data.store.met} pictures at hand")
            result = run_training(
                config,
                data,
                folder,
                device=device,
                threads=args.threads or os.cpu_count() or 1,
                minutes=max(0.0, (1 - RESERVE) * args.minutes - (time.monotonic() - began) / 60),
                home=home,
                progress=watched,
            )
        finally:
            data.close()
    for line in watched.report():
        say(line)
    say(f"{result.pairs} of {config.steps * config.batch} pairs: {result.stopped or 'trained'}")
    return SIGNAL_EXITS.get(result.stopped, 0)


def bring(args: argparse.Namespace, folder: Path) -> bool:
    """Write as much of the training as may come back; says what, and returns whether there was anything."""
    from spm_bench.errors import SpmBenchError
    from spm_bench.training.parts import write_parts
    from spm_bench.training.slim import choose_files

    try:
        state, files = choose_files(folder, most_bytes(args))
        largest = round(args.part_mib * MIB)
        paths = write_parts(args.bring, files, training=folder.name, state=state, largest=largest)
    except SpmBenchError as error:  # told here: it must not hide what the training ended with
        say(f"error: nothing was brought back: {error}")
        return False
    size = sum(path.stat().st_size for path in paths)
    say(f"brought back: {state}, {len(paths)} files, {size / MIB:.1f} MiB ({', '.join(files)})")
    return True


def join(args: argparse.Namespace) -> int:
    """Make a training's folder of parts."""
    from spm_bench.training.parts import read_manifest
    from spm_bench.training.slim import join_training

    folder = args.out / read_manifest(args.parts).training
    manifest = join_training(args.parts, folder, replace=args.replace)
    print(f"{folder}: {manifest.state}")
    return 0


def say(text: str) -> None:
    """A line of progress, at once."""
    print(text, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Run a verb; returns the exit code: 0, 2 where something must be mended, or that of the training."""
    args = parse(arguments)
    verbs = {"pack": pack, "unpack": unpack, "train": train, "join": join}
    try:
        if args.verb in ("unpack", "train"):
            wheels.install(args.carry / wheels.FOLDER, args.work / "site")
    except wheels.LackingError as error:
        say(f"error: {error}")
        return 2
    from spm_bench.errors import SpmBenchError

    try:
        return verbs[args.verb](args)
    except (SpmBenchError, wheels.LackingError) as error:
        say(f"error: {error}")
        return 2


if __name__ == "__main__":
    sys.exit(main())
