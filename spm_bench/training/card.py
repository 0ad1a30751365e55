"""The model card of trained weights: what is in their header and in the folder of their training, in Markdown.

Nothing is told that the files do not say, but for the notes on licences and limits, which hold for every training here.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spm_bench.errors import ResultsError, UsageError
from spm_bench.models.checkpoint import Weights, read_header, read_safetensors
from spm_bench.training.config import DataSource
from spm_bench.training.logs import LOG, VALIDATION, read_rows
from spm_bench.training.loop import FACTS, WEIGHTS
from spm_bench.training.packs import INDEX
from spm_bench.training.validate import MEASURES
from spm_bench.words import clock

RECIPE = (
    "batch", "mix", "negative_share", "same_category_share", "distractor_share", "learning_rate", "weight_decay",
    "backbone_rate", "warmup_steps", "final_rate", "clip", "ema", "freeze_norm_share", "amp", "initial", "trunk",
)  # fmt: skip
"""Fields of a config that a card prints by name; the whole record is in the training's `training.json`."""

DEFAULTS = "the tracker's defaults"

LICENCE = (
    "The weights are under the project's MIT licence, as far as its authors can say. The pictures they were learnt "
    "from are for research use: they belong to their owners, and several of their sources carry no explicit licence. "
    "The pictures are not distributed. Whether their licences reach weights learnt from them is not settled: for "
    "anything but research, ask about the sources first."
)

LIMITS = (
    "Nothing was learnt about losing a target for long: there is no search over the whole picture and no verdict that "
    "the target is absent.",
    "Boxes are upright; a rotated target is enclosed, not outlined.",
    "Settings and weights were chosen on the held-out videos above, never on a benchmark; few videos choose roughly.",
    "Not for identifying persons or number plates.",
)
TWO_STAGES = (
    "The fine stage tells the target from look-alikes by appearance alone, with the template of the first frame."
)


@dataclass(frozen=True)
class Training:
    """A training's folder, read.

    Attributes:
        facts: `training.json`.
        log: Rows of `log.csv`.
        validation: Rows of `validation.csv`.
    """

    facts: Mapping[str, Any]
    log: Sequence[Mapping[str, str]]
    validation: Sequence[Mapping[str, str]]


def read_training(folder: Path) -> Training:
    """Read what a training left.

    Raises:
        ResultsError: There is no training, or a file is damaged.
    """
    path = folder / FACTS
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        found = {name: facts[name] for name in ("config", "training", "data", "machine", "environment")}
    except FileNotFoundError:
        raise ResultsError("there is no training here", where=path, remedy="Name the folder that holds it") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ResultsError("not the facts of a training", where=path) from error
    return Training(found, read_rows(folder / LOG), read_rows(folder / VALIDATION))


def make_card(
    weights: Path, folder: Path, *, command: str = "", figure: str = "", data_folder: Path | None = None
) -> str:
    """Write the card of a weights file.

    Args:
        weights: Of the training in `folder`, a copy will do.
        folder: Of the training.
        command: That trained them; by default the verb with the training's name.
        figure: Link to the picture of the curves; none without it.
        data_folder: Where the config lies, for packs whose path is relative to it.

    Raises:
        WeightsError: The weights cannot be read.
        ResultsError: The folder holds no training.
        UsageError: The weights are of another training.
    """
    found, header, training = read_safetensors(weights), read_header(weights), read_training(folder)
    of, here = header.get("training", "(unnamed)"), training.facts["training"]
    if of != here:
        raise UsageError(
            f"these weights are of the training {of}, not {here}",
            where=weights,
            remedy=f"Name the folder they were trained in, not {folder}",
        )
    config = training.facts["config"]
    parts = [
        f"# {folder.name if weights.stem == Path(WEIGHTS).stem else weights.stem}\n",
        _head(weights, found, header, config),
        "## Data\n\n" + _data(training, data_folder),
        f"## Licence\n\n{LICENCE}\n",
        "## Recipe\n\n" + _recipe(config, header, found),
        "## Training\n\n" + _course(training, header, command or _command(folder, config), figure),
        "## Validation\n\n" + _validation(training, header, found),
        "## Limits\n\n" + _limits(training, found),
    ]
    return "\n".join(parts)


def _head(path: Path, weights: Weights, header: Mapping[str, str], config: Mapping[str, Any]) -> str:
    numbers = sum(value.numel() for value in weights.state.values())
    rows = {
        "file": f"`{path.name}`, {path.stat().st_size / 1e6:.1f} MB, matrices in half precision",
        "sha256": f"`{weights.sha256}` (as `spm-bench weights check` prints it: of names, shapes and values)",
        "network": f"`{weights.architecture.name}`, {numbers / 1e6:.2f} million numbers",
        "settings": _plain(weights.all_settings) or DEFAULTS,
        "settings chosen on": header.get("chosen_on", "") or "nothing: they are those of the network's kind",
        "pairs seen": f"{int(header.get('pairs', 0)):,}"
        + ("" if header.get("finished") == "yes" else " (**unfinished**: its schedule was not at its end)"),
    }
    about = " ".join(str(config["about"]).split())
    return f"{about}\n\n" * bool(about) + _table(("what", "value"), list(rows.items()))


def _data(training: Training, folder: Path | None) -> str:
    rows = []
    config = training.facts["config"]
    for told in config["data"]:
        source = DataSource.model_validate_json(json.dumps(told))
        counts = training.facts["data"].get(source.title, {})
        numbers = [f"{counts[name]:,}" if name in counts else "?" for name in ("pictures", "tracks", "sequences")]
        rows.append((source.title, source.kind, *numbers, _plain(source.options) or "-"))
    text = _table(("source", "kind", "pictures", "objects followed", "sequences", "options"), rows)
    text += "\nCounts are of what was trained on; a still is no followed object, and its sequence is its picture.\n"
    origins = [line for told in config["data"] if (line := _origins(told, folder))]
    if origins:
        text += "\nPictures by origin, those held out included:\n\n" + "\n".join(origins) + "\n"
    held = ", ".join(f"`{name}`" for name in config["held_out"])
    return text + (f"\nHeld out, whole: {held}.\n" if held else "\nNothing was held out.\n")


def _origins(told: Mapping[str, Any], folder: Path | None) -> str:
    """Which data sets a pack was made of; "" if its index is not at hand."""
    source = DataSource.model_validate_json(json.dumps(told))
    try:
        place = source.resolve(folder or Path())
        if source.kind != "pack" or place is None:
            return ""
        with (place / INDEX).open(encoding="utf-8", newline="") as stream:
            counts = Counter(row["source"] for row in csv.DictReader(stream))
    except (UsageError, OSError, KeyError):
        return ""
    return f"* {source.title}: " + ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))


def _recipe(config: Mapping[str, Any], header: Mapping[str, str], weights: Weights) -> str:
    rows = [(name, _plain(config[name])) for name in RECIPE if config.get(name) not in ("", None)]
    for table in ("loss", "targets", "augment"):
        rows.append((table, _plain(config[table])))
    if config.get("trunk"):
        rows.append(("trunk_blocks", f"{config['trunk_blocks']}, kept as they are"))
    if weights.architecture.two_stages:
        rows.append(("fine stage", "trained with the coarse one" if config["fine"] else "not trained"))
    text = _table(("setting", "value"), rows)
    return text + f"\nSeed {config['seed']}; the record as a whole has the digest `{header['training']}`.\n"


def _course(training: Training, header: Mapping[str, str], command: str, figure: str) -> str:
    machine, environment = training.facts["machine"], training.facts["environment"]
    versions = ", ".join(f"{name} {version}" for name, version in environment["packages"].items())
    here = environment["machine"]
    rows = [("command", f"`{command}`")]
    row = _last(training.log, int(header.get("pairs", 0)), "pairs")
    if row is not None:
        rows += [
            ("time", f"{clock(float(row['seconds']))} of steps, validations not counted"),
            ("pace", f"{float(row['pairs']) / max(float(row['seconds']), 1e-9):.1f} pairs/s on average"),
        ]
    device = str(machine["device"])
    rows += [
        ("device", device if device != "cpu" else f"{machine['replicas']} threads of {here['cpu']}"),
        ("machine", f"{here['cpu']}, {here['cores']} cores, {str(here['platform']).partition('-')[0]}"),
        ("software", f"spm_bench {environment['spm_bench']}, Python {environment['python']}, {versions}"),
    ]
    text = _table(("what", "value"), rows) + "\nDevice, machine and software are those of the last run of it.\n"
    return text + (f"\n![Curves of losses and validations]({figure})\n" if figure else "")


def _validation(training: Training, header: Mapping[str, str], weights: Weights) -> str:
    pairs, batch = int(header.get("pairs", 0)), int(training.facts["config"]["batch"])
    row = _last(training.validation, pairs / batch, "step")
    if row is None:
        return "These weights were not validated.\n"
    step = int(float(row["step"]))
    text = (
        f"After step {step:,} ({step * batch:,} pairs): the tracker itself on the "
        "held-out videos, rebuilt from their crops. Area under the success curve of one pass, the same where it is put "
        "back after each loss, and losses per target. Comparable among trainings here only. Measured in training, with "
        f"the settings of its network's kind ({_plain(weights.architecture.settings) or DEFAULTS})"
    )
    text += (
        ", not with those above: these were chosen afterwards, on the same held-out videos, whose scores with them are "
        "no estimate for other videos any more.\n\n"
        if weights.settings
        else ".\n\n"
    )
    names = sorted(key.partition("/")[2] for key in row if key.startswith("auc_one_pass/"))
    lines = [(name or "**all**", *(_measure(row, measure, name) for measure in MEASURES)) for name in ("", *names)]
    return text + _table(("sequence", "AUC, one pass", "AUC, put back", "losses"), lines)


def _measure(row: Mapping[str, str], measure: str, sequence: str) -> str:
    value = row.get(f"{measure}/{sequence}" if sequence else measure, "")
    return f"{float(value):.3f}" if value else "-"


def _limits(training: Training, weights: Weights) -> str:
    data = training.facts["data"].values()
    pictures, followed = (sum(counts.get(name, 0) for counts in data) for name in ("pictures", "tracks"))
    small = (
        f"Learnt from {pictures:,} pictures and {followed:,} followed objects, drawn ones included: little beside what "
        "published trackers saw. Rare kinds of objects, extreme shapes and strong changes of appearance fail sooner."
    )
    return "".join(f"* {line}\n" for line in (small, *LIMITS, *[TWO_STAGES] * weights.architecture.two_stages))


def _last(rows: Sequence[Mapping[str, str]], most: float, column: str) -> Mapping[str, str] | None:
    """The last row that tells of the weights: not after them."""
    return next((row for row in reversed(rows) if float(row.get(column) or "inf") <= most), None)


def _command(folder: Path, config: Mapping[str, Any]) -> str:
    return f"spm-bench train experiments/train/{folder.name} --pairs {config['pairs']}"


def _plain(value: object) -> str:
    """A setting as a reader writes it: tables as "name value, name value"."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(inner) for inner in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else f"{value}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *([str(cell).replace("|", r"\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
