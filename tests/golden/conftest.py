"""The reference network and sequences, built once per test session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from spm_bench.models.spm import SpmNet
from tests.golden.synthetic import network_state, sequence


class Reference(NamedTuple):
    """One recorded set: its folder, parameters, and the parameters of the reference network."""

    folder: Path
    meta: dict[str, Any]
    state: dict[str, NDArray[Any]]

    def load(self, name: str) -> dict[str, NDArray[Any]]:
        """All arrays of one file."""
        with np.load(self.folder / f"{name}.npz") as archive:
            return {key: archive[key] for key in archive.files}

    def network(self) -> SpmNet:
        """A fresh reference network on the CPU."""
        net = SpmNet()
        expected = net.state_dict()
        net.load_state_dict({k: torch.from_numpy(v) for k, v in self.state.items() if k in expected})
        return net.prepare(torch.device("cpu"))


@pytest.fixture(scope="session")
def reference(golden_dir: Path) -> Reference:
    meta = json.loads((golden_dir / "meta.json").read_text())
    checks = json.loads((golden_dir / "weights_check.json").read_text())
    return Reference(golden_dir, meta, network_state(meta, {k: tuple(v["shape"]) for k, v in checks.items()}))


@pytest.fixture(scope="session")
def net(reference: Reference) -> SpmNet:
    return reference.network()


@pytest.fixture(scope="session", params=["A", "B"])
def run_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def frames(reference: Reference, run_name: str) -> NDArray[np.uint8]:
    return sequence(reference.meta[f"sequence_{run_name}"])[0]
