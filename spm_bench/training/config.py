"""One training, complete: a frozen, strictly validated record read from a TOML file.

A file says the question it asks in `about`; whatever it leaves out has the default here. The file's own text is never
stored: a checkpoint carries the validated record, paths as they were written, so it can be resumed on another machine.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    JsonValue,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from spm_bench.configs import Strict, find_file, parse, read_toml
from spm_bench.errors import UsageError, unknown_name
from spm_bench.models.architecture import Architecture, find_architecture
from spm_bench.training.augment.settings import AugmentSettings
from spm_bench.training.losses import LossWeights
from spm_bench.training.packs import HELD_OUT
from spm_bench.training.targets import TargetSettings

HOME = Path("experiments/train")
"""Where the project's own configs lie, seen from a checkout."""

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]

NOT_THE_COURSE = frozenset({"about", "picture_gib", "checkpoint_minutes", "validate_every", "log_every"})
"""Fields that change what is said and stored on the way, but no weight: they may differ when a training is resumed."""

NOT_THE_DATA = frozenset({"workers"})
"""Options of data sources that change how fast they are made, and nothing of what they hold."""


def _augmentation(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    """Refuse fields that `AugmentSettings` does not have (pydantic ignores them); give its complaints a line."""
    known = {field.name for field in dataclasses.fields(AugmentSettings)}
    try:
        for name in value if isinstance(value, dict) else ():
            if name not in known:
                raise unknown_name("setting", name, known)
        return handler(value)
    except UsageError as error:
        raise ValueError(f"{error.problem}. {error.remedy}" if error.remedy else error.problem) from None


class DataSource(Strict):
    """One source of pictures.

    Attributes:
        kind: What reads it; see `spm_bench.training.data.load_source`.
        name: What reports and errors call it. Default: the kind.
        path: Folder or file, relative to the config's folder; `$NAME` and `~` are expanded.
        options: Whatever else the kind's loader takes.
    """

    kind: str
    name: str = ""
    path: str = ""
    options: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def title(self) -> str:
        """The name, or the kind if there is none."""
        return self.name or self.kind

    def resolve(self, folder: Path) -> Path | None:
        """The path on this machine; None if the source has none.

        Raises:
            UsageError: The path names an environment variable that is not set.
        """
        if not self.path:
            return None
        expanded = os.path.expandvars(os.path.expanduser(self.path))  # noqa: PTH111 - pathlib cannot expand variables
        unset = re.search(r"\$\{?(\w+)", expanded)
        if unset:
            raise UsageError(
                f"the path of the data source {self.title!r} needs the environment variable {unset[1]}",
                remedy=f"Set it to the folder of the data: export {unset[1]}=...",
            )
        return (folder / expanded).resolve()


class Mix(Strict):
    """Shares of the kinds of pairs; they add up to 1.

    Attributes:
        video: Two pictures of one object at different times.
        stills: One crop twice, moved and coloured differently.
        patches: A random patch of a picture as the object.
        synthetic: Two frames of a drawn video.
        pasted: Real objects on other backgrounds.
    """

    video: Share = 0.55
    stills: Share = 0.30
    patches: Share = 0.15
    synthetic: Share = 0.0
    pasted: Share = 0.0

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = sum(self.shares().values())
        if not math.isclose(total, 1.0, abs_tol=1e-6):
            raise ValueError(f"the shares add up to {total:g}, they must add up to 1")
        return self

    def shares(self) -> dict[str, float]:
        """Kind -> share."""
        return {kind: float(share) for kind, share in self.model_dump().items()}


class TrainConfig(Strict):
    """Everything that decides what a training gives.

    Attributes:
        about: The question this training asks, and what it costs.
        architecture: "spm_lite", "spm_alexnet_dw" or "spm_alexnet".
        overrides: Changes to the architecture, `fine_layers = ["conv4"]` say.
        initial: Weights to start from: "" (none), "imagenet" (see `spm_bench.models.imagenet`), or a safetensors file
            of the same architecture, relative to the config's folder.
        trunk: Weights whose first blocks begin this backbone and are not trained on: the name of weights that come with
            the package, or a safetensors file, relative to the config's folder; "" for none. All else begins at random.
        trunk_blocks: How many blocks of it are taken; the paper keeps the first three of a pretrained AlexNet.
        seed: Decides the initial weights and, with the step's number, everything random in a step.
        pairs: Pairs to see in all; the schedule is laid over them.
        batch: Pairs per step.
        data: Sources of pictures.
        held_out: Sequences ("source/sequence") that are validated on and never trained on.
        mix: Shares of the kinds of pairs.
        negative_share: Pairs whose search picture does not show the template's object.
        same_category_share: Of those negatives, and of the distractors below, as many show an object of the template's
            category, where there is another of it.
        distractor_share: Positive pairs that get another object pasted beside the target.
        max_gap: Most frames between the two pictures of a video pair; 0: any distance.
        augment: Strengths of the augmentation.
        targets: Rules of positives and negatives.
        loss: Weights and forms of the losses.
        fine: Whether the fine stage is trained, where the architecture has one.
        learning_rate: Highest rate, after the warm-up (AdamW).
        weight_decay: Of weights; biases, norms and scales have none.
        backbone_rate: The backbone's learning rate as a share of the others'.
        warmup_steps: Steps of linear rise.
        final_rate: Share of the learning rate at which the cosine ends.
        clip: Largest norm of the gradients.
        ema: Decay of the moving average of the weights per step, reached gradually; the average is what is kept.
        freeze_norm_share: Last share of the steps in which batch norms use and keep their running statistics.
        amp: Type of the network's layers: "off", "bfloat16" or "float16".
        deterministic: Only repeatable operations on an accelerator (a CPU always is): resuming gives the same bits.
        picture_gib: GiB of decoded pictures held on the device, the rest is decoded at each use; 0: 4 on a CPU, 24 on
            an accelerator (`spm_bench.training.store`).
        checkpoint_minutes: Between two checkpoints.
        validate_every: Pairs between two validations; 0: at the end only.
        log_every: Steps between two rows of the log.
    """

    about: str = ""
    architecture: str = "spm_lite"
    overrides: dict[str, JsonValue] = Field(default_factory=dict)
    initial: str = ""
    trunk: str = ""
    trunk_blocks: Annotated[int, Field(ge=1, le=5)] = 3
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    pairs: Count
    batch: Annotated[int, Field(ge=2, le=4096)] = 16
    data: Annotated[tuple[DataSource, ...], Field(min_length=1)]
    held_out: tuple[str, ...] = HELD_OUT
    mix: Mix = Mix()
    negative_share: Share = 0.15
    same_category_share: Share = 0.5
    distractor_share: Share = 0.0
    max_gap: Annotated[int, Field(ge=0)] = 0
    augment: Annotated[AugmentSettings, WrapValidator(_augmentation)] = AugmentSettings()
    targets: TargetSettings = TargetSettings()
    loss: LossWeights = LossWeights()
    fine: bool = True
    learning_rate: Positive = 1e-3
    weight_decay: NotNegative = 1e-4
    backbone_rate: Share = 1.0
    warmup_steps: Annotated[int, Field(ge=0)] = 150
    final_rate: Share = 0.01
    clip: Positive = 5.0
    ema: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.998
    freeze_norm_share: Share = 0.15
    amp: Literal["off", "bfloat16", "float16"] = "off"
    deterministic: bool = True
    picture_gib: NotNegative = 0.0
    checkpoint_minutes: Positive = 3.0
    validate_every: Annotated[int, Field(ge=0)] = 0
    log_every: Count = 50

    @model_validator(mode="after")
    def _buildable(self) -> Self:
        try:
            self.network()
        except UsageError as error:
            raise ValueError(str(error)) from None
        if self.initial and self.trunk:
            raise ValueError("initial and trunk both say where the weights begin: give one of them")
        names = [source.title for source in self.data]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two data sources are called {twice[0]!r}: give each its own name")
        return self

    def network(self) -> Architecture:
        """The architecture with its overrides."""
        return find_architecture(self.architecture).changed(self.overrides)

    def settings(self) -> dict[str, Any]:
        """Changes to the tracker's settings that go with the weights: without the fine stage it must not be asked."""
        return {} if self.trains_fine or not self.network().two_stages else {"fm_box": False, "fm_score_weight": 0.0}

    @property
    def trains_fine(self) -> bool:
        """Whether there is a fine stage that is trained."""
        return self.fine and self.network().two_stages

    @property
    def held_blocks(self) -> int:
        """Blocks of the backbone that are not trained."""
        return self.trunk_blocks if self.trunk else 0

    @property
    def steps(self) -> int:
        """Steps in all; the last may take the pairs past the number asked for."""
        return math.ceil(self.pairs / self.batch)

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON has them."""
        return self.model_dump(mode="json")

    def digest(self) -> str:
        """Twelve hex digits over everything that decides the weights."""
        course = _course(self.to_json())
        return hashlib.sha256(json.dumps(course, sort_keys=True).encode()).hexdigest()[:12]


def differences(stored: Mapping[str, Any], config: TrainConfig) -> list[str]:
    """Which fields that decide the weights differ, as "name: theirs there, ours here".

    Args:
        stored: What `TrainConfig.to_json` gave when the checkpoint was written.
        config: What is asked for now.
    """
    there, here = _flat(_course(stored)), _flat(_course(config.to_json()))
    return [
        f"{name}: {_told(there, name)} in the checkpoint, {_told(here, name)} now"
        for name in sorted(there.keys() | here.keys())
        if there.get(name, _ABSENT) != here.get(name, _ABSENT)
    ]


def _course(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that decide the weights. Where data lie does not: their tables are compared by digest."""
    course = {name: value for name, value in values.items() if name not in NOT_THE_COURSE}
    course["data"] = [_source_course(source) for source in values.get("data", ())]
    return course


def _source_course(source: Mapping[str, Any]) -> dict[str, Any]:
    options = {name: value for name, value in source.get("options", {}).items() if name not in NOT_THE_DATA}
    return {name: value for name, value in source.items() if name != "path"} | {"options": options}


_ABSENT = object()


def _told(values: Mapping[str, Any], name: str) -> str:
    return json.dumps(values[name]) if name in values else "absent"


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def find_config(name: str) -> Path:
    """The file that a name means: see `configs.find_file`."""
    return find_file(name, HOME, "training config")


def read_config(path: Path, changes: Mapping[str, Any] | None = None) -> TrainConfig:
    """Read and check a config.

    Args:
        path: A TOML file.
        changes: Fields that replace the file's, from the command line.

    Raises:
        UsageError: The file is missing or no TOML, or a field is unknown, of the wrong type or out of range; with the
            line where it can be found.
    """
    text, values = read_toml(path)
    return parse_config(values | dict(changes or {}), where=path, text=text)


def parse_config(values: Mapping[str, Any], *, where: Path | str, text: str = "") -> TrainConfig:
    """Check the fields of a config; see `read_config`.

    Args:
        values: As TOML gives them.
        where: What an error names.
        text: The file's text, to find lines in.
    """
    return parse(TrainConfig, values, where=where, text=text)
