"""Reading and writing weights: the released two-file state dicts, strictly, and safetensors for our own.

A file is never trusted: pickles are read with `weights_only=True`, names and shapes must match exactly.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import pickle
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from spm_bench.errors import UsageError, WeightsError
from spm_bench.models.architecture import SPM_ALEXNET, Architecture, find_architecture
from spm_bench.models.spm import SiameseNet, SpmNet, build_network, random_siamese

OFFICIAL_FILES = {
    "cm": ("cm_stage.pt", "191dfe08e7c33f18cbb61c7cef44d83d42ada1cf"),
    "fm": ("fm_stage.pt", "ffe1b20e3da7fa86febcbb4f0125e1cd006e8f40"),
}
"""Stage -> file name and git blob id of the released AlexNet_C42_OTB model (upstream commit f3e997ce)."""

OVERWRITTEN = frozenset({"cm.rpn_head.z_cls_weights", "cm.rpn_head.z_bbox_weights"})
"""Stored template kernels: every start of the tracker overwrites them, so they may be there or not."""

REMEDY = "Get the released model with: spm-bench weights get official"


@dataclass(frozen=True)
class Weights:
    """A state dict and where it comes from.

    Attributes:
        state: Parameter name (with `cm.` / `fm.`) -> tensor on the CPU.
        sha256: Over names, shapes and values: the identity of the weights, whatever file they were in.
        origin: "official", "random", or the file's name.
        trained: Whether these weights were ever trained.
        architecture: Of the network they are for.
        settings: Changes to the tracker's defaults that go with them (chosen without looking at any evaluation set).
    """

    state: Mapping[str, Tensor]
    sha256: str
    origin: str
    trained: bool
    architecture: Architecture = SPM_ALEXNET
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def all_settings(self) -> dict[str, Any]:
        """What the architecture needs, and on top of it what goes with these weights."""
        return {**self.architecture.settings, **self.settings}

    def network(self) -> SiameseNet:
        """Build the network that carries them; an `SpmNet` if it has two stages."""
        net = build_network(self.architecture)
        net.load_state_dict(dict(self.state))
        return net

    def two_stages(self) -> SpmNet:
        """Build the two-stage network that carries them.

        Raises:
            WeightsError: They are for a network without a fine stage.
        """
        self.need_two_stages()
        return cast(SpmNet, self.network())

    def need_two_stages(self) -> None:
        """Raise WeightsError if these are for a network without a fine stage; cheap, before settings are looked at."""
        if not self.architecture.two_stages:
            raise WeightsError(
                f"weights of {self.architecture.name}, which has no fine stage: SPM cannot run with them",
                where=self.origin,
                remedy="Give them to the tracker they are for: --tracker SiamFC, SiamRPN or DaSiamRPN",
            )


def git_blob_id(data: bytes) -> str:
    """The id git gives a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def state_digest(state: Mapping[str, Tensor]) -> str:
    """sha256 over sorted names, shapes, types and values."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name}:{tuple(tensor.shape)}:{tensor.dtype}\n".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def random_weights(seed: int = 0, architecture: Architecture = SPM_ALEXNET) -> Weights:
    """Untrained weights, a function of the seed."""
    state = random_siamese(seed, architecture).state_dict()
    origin = "random" if seed == 0 else f"random:{seed}"
    return Weights(state, state_digest(state), origin, trained=False, architecture=architecture)


def read_official(folder: Path, *, verify: bool = False) -> Weights:
    """Read `cm_stage.pt` and `fm_stage.pt` from a folder.

    Args:
        folder: Holds both files.
        verify: Require the recorded blob ids of the released model.

    Raises:
        WeightsError: A file is missing, broken, holds anything but tensors, or does not fit the network.
    """
    state: dict[str, Tensor] = {}
    genuine = True
    for stage, (name, blob) in OFFICIAL_FILES.items():
        path = folder / name
        data = _read_bytes(path)
        matches = git_blob_id(data) == blob
        if verify and not matches:
            raise WeightsError(
                f"not the released file: its blob id is {git_blob_id(data)}, expected {blob}", where=path, remedy=REMEDY
            )
        genuine = genuine and matches
        state |= {f"{stage}.{key}": value for key, value in _read_state(path, data, genuine=matches).items()}
    state = fit(state, folder, SPM_ALEXNET)
    return Weights(state, state_digest(state), "official" if genuine else folder.name, trained=True)


def read_safetensors(path: Path) -> Weights:
    """Read weights written by `write_safetensors`; half precision is widened to float32.

    Raises:
        WeightsError: The file is missing, broken, or does not fit the network.
    """
    with _opened(path) as opened:
        state = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - it is no mapping
        metadata = opened.metadata() or {}
    architecture, settings = _described(metadata, path)
    state = fit({k: v.float() if v.is_floating_point() else v for k, v in state.items()}, path, architecture)
    trained = metadata.get(TRAINED_KEY, "yes") != "no"
    return Weights(state, state_digest(state), path.name, trained, architecture, settings)


def read_header(path: Path) -> dict[str, str]:
    """The text header of a safetensors file: architecture, settings, how it was trained.

    Raises:
        WeightsError: The file is missing or broken.
    """
    with _opened(path) as opened:
        return dict(opened.metadata() or {})


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A safetensors file, open for reading."""
    from safetensors import SafetensorError, safe_open

    try:
        with _readable(path), safe_open(path, framework="pt") as opened:
            yield opened
    except SafetensorError as error:
        raise WeightsError(f"not a readable safetensors file ({error})", where=path, remedy="Copy it again") from error


def _described(metadata: Mapping[str, str], path: Path) -> tuple[Architecture, dict[str, Any]]:
    """Architecture and settings from a header; a file without them is in the released layout."""
    told = metadata.get(ARCHITECTURE_KEY, SPM_ALEXNET.name)
    try:
        architecture = Architecture.from_json(told) if told.startswith("{") else find_architecture(told)
        settings = json.loads(metadata.get(SETTINGS_KEY, "{}"))
    except (UsageError, ValueError) as error:
        raise WeightsError(f"its header cannot be understood: {error}", where=path) from error
    if not isinstance(settings, dict):
        raise WeightsError("its header holds settings that are no table of names and values", where=path)
    return architecture, settings


ARCHITECTURE_KEY, SETTINGS_KEY = "architecture", "settings"
"""Header entries: the architecture (a known name, or all its fields as JSON) and changes to the tracker's settings."""

TRAINED_KEY = "trained"
"""Header entry, "yes" or "no": untrained weights stay so in a file. Foreign files without it count as trained."""


def write_safetensors(path: Path, weights: Weights, metadata: Mapping[str, str], *, half: bool) -> None:
    """Write weights with a text header.

    Args:
        path: File to write, at once or not at all.
        weights: What to write; architecture, settings and whether they were trained go into the header.
        metadata: More header entries.
        half: Store in half precision what `halved` does.

    """
    from safetensors.torch import save

    def stored(tensor: Tensor) -> Tensor:
        plain = tensor.detach().cpu().contiguous()
        return halved(plain) if half else plain

    header = {
        **metadata,
        TRAINED_KEY: "yes" if weights.trained else "no",
        ARCHITECTURE_KEY: weights.architecture.to_json(),
        SETTINGS_KEY: json.dumps(dict(weights.settings), sort_keys=True),
    }
    data = save({k: stored(v) for k, v in weights.state.items()}, metadata=header)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def halved(tensor: Tensor) -> Tensor:
    """Matrices and kernels in half precision.

    Vectors (biases, norms) are small, and the variances of a batch norm may exceed the largest half: they stay.
    """
    return tensor.half() if tensor.is_floating_point() and tensor.ndim > 1 else tensor


def _read_bytes(path: Path) -> bytes:
    with _readable(path):
        return path.read_bytes()


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise WeightsError("there is no such file", where=path, remedy=REMEDY) from None
    except OSError as error:
        raise WeightsError(f"it cannot be read ({error.strerror})", where=path) from error


def _read_state(path: Path, data: bytes, *, genuine: bool) -> dict[str, Tensor]:
    if _is_torchscript(data) and genuine:
        loaded: Any = torch.jit.load(io.BytesIO(data), map_location="cpu").state_dict()  # type: ignore[no-untyped-call]
    else:
        loaded = _load(path, data, REMEDY)
    return _named_tensors(loaded, path, REMEDY)


def read_foreign_state(path: Path) -> dict[str, Tensor]:
    """The state dict in a file that torch wrote anywhere, alone or beside other things; nothing in it is executed.

    Args:
        path: Holds names and tensors, or a table that has them under one of `WRAPPERS`. A prefix "module.", left by
            training on several devices, is taken off.

    Raises:
        WeightsError: The file is missing, broken, or holds more than tensors and plain values.
    """
    loaded = _load(path, _read_bytes(path), FOREIGN_REMEDY)
    inside = [
        loaded[name] for name in WRAPPERS if isinstance(loaded, Mapping) and isinstance(loaded.get(name), Mapping)
    ]
    return _named_tensors(inside[0] if inside else loaded, path, FOREIGN_REMEDY)


WRAPPERS = ("state_dict", "model", "net")
"""What files that hold an optimiser or an epoch, too, call the state dict."""

FOREIGN_REMEDY = (
    "Where you trust the file, save its state dict alone: "
    "torch.save(torch.load(FILE, weights_only=False)['state_dict'], NEW_FILE)"
)


def _load(path: Path, data: bytes, remedy: str) -> object:
    """What torch stored, without executing anything."""
    if _is_torchscript(data):
        raise WeightsError(
            "a TorchScript archive, which can carry code; only the released file would be opened",
            where=path,
            remedy=remedy,
        )
    try:
        with warnings.catch_warnings():
            # torch remarks on foreign pickle protocols before it refuses them; the refusal is enough.
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            "holds more than tensors, or is damaged; it was not executed", where=path, remedy=remedy
        ) from error
    except Exception as error:  # bytes that are no checkpoint make torch's reader raise anything
        raise WeightsError("not a readable checkpoint: truncated or damaged", where=path, remedy=remedy) from error


def _named_tensors(loaded: object, path: Path, remedy: str) -> dict[str, Tensor]:
    if not isinstance(loaded, Mapping) or not all(
        isinstance(k, str) and isinstance(v, Tensor) for k, v in loaded.items()
    ):
        raise WeightsError("not a state dict: a mapping of names to tensors is expected", where=path, remedy=remedy)
    return {key.removeprefix("module."): value for key, value in loaded.items()}


def _is_torchscript(data: bytes) -> bool:
    buffer = io.BytesIO(data)
    if not zipfile.is_zipfile(buffer):
        return False
    try:
        with zipfile.ZipFile(buffer) as archive:
            return any(Path(name).name == "constants.pkl" for name in archive.namelist())
    except zipfile.BadZipFile:
        return False  # damaged; reading it will say so


def fit(state: dict[str, Tensor], where: Path, architecture: Architecture) -> dict[str, Tensor]:
    """Check names, shapes and finiteness against the network; drop the tensors that every start overwrites."""
    with torch.device("meta"):
        expected = build_network(architecture).state_dict()
    state = {k: v for k, v in state.items() if k not in OVERWRITTEN}
    missing, extra = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    if missing or extra:
        told = [
            f"{len(names)} {what} (first: {names[0]})"
            for names, what in ((missing, "missing"), (extra, "unknown"))
            if names
        ]
        raise WeightsError(f"made for another network: parameters {' and '.join(told)}", where=where, remedy=REMEDY)
    for name, tensor in state.items():
        if tensor.shape != expected[name].shape:
            raise WeightsError(
                f"{name} has shape {tuple(tensor.shape)}, expected {tuple(expected[name].shape)}",
                where=where,
                remedy=REMEDY,
            )
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise WeightsError(f"{name} holds NaN or infinite values", where=where, remedy=REMEDY)
    return {name: state[name].to(expected[name].dtype) for name in expected}
