"""How a tracker with a network of the SPM family describes itself: variant, settings, identity of its weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from spm_bench.errors import unknown_name
from spm_bench.models.checkpoint import Weights
from spm_bench.models.precision import Precision, check_precision
from spm_bench.trackers.base import TrackerSpec
from spm_bench.trackers.settings import Settings
from spm_bench.trackers.spm.device import pick_device
from spm_bench.trackers.variants import Variant


def choose_variant(name: str, variant: str | Variant | None, known: Mapping[str, Variant]) -> Variant:
    """A variant of one's own, or the named one ("base" where none is).

    Raises:
        UsageError: The tracker called `name` has no such variant.
    """
    if isinstance(variant, Variant):
        return variant
    if (variant or "base") not in known:
        raise unknown_name(f"variant of {name}", str(variant), known)
    return known[variant or "base"]


def describe(
    name: str, target: str, variant: Variant, *, wanted: str | None, found: Weights, config: Settings, device: str
) -> TrackerSpec:
    """The description from which the tracker is built with the arguments `weights`, `config` and `device`.

    Args:
        name: What tables call it.
        target: `module:Class`.
        variant: Its changes are the argument `config`.
        wanted: The argument `weights`.
        found: What these are.
        config: All settings in force, for the identity.
        device: As the user named it.

    Raises:
        UsageError: There is no such device, or it lacks the precision.
    """
    picked = pick_device(device)
    precision: Precision = getattr(config, "precision", "fp32")
    check_precision(precision, picked)
    return TrackerSpec(
        name=name,
        target=target,
        variant=variant.name,
        options={"weights": wanted, "config": dict(variant.changes), "device": device},
        trained="yes" if found.trained else "no",
        identity={
            "weights_sha256": found.sha256,
            "config": config.model_dump(mode="json"),
            "device_type": picked.type,
            "torch": torch.__version__,
        },
        places=("weights", "device"),
    )
