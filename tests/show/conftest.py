"""Runs to show, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from spm_bench.run import Request, run_suite

LENGTH = 36


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OUT folder: SPM-lite, its variants and KCF on a sequence of look-alikes, one of them under resets as well."""
    out = tmp_path_factory.mktemp("runs")

    def make(*trackers: str, protocol: str = "one_pass", variants: tuple[str, ...] = ()) -> None:
        sequences = ("lookalike-4",) if protocol == "supervised" else ("calm", "lookalike-4")
        done = run_suite(
            Request(trackers=trackers, variants=variants, out=out / protocol, sequences=sequences, protocol=protocol,
                    repetitions=1 if protocol == "supervised" else None, device="cpu", report=False, quiet=True)
        )  # fmt: skip
        assert not done.failures

    make("SPM-lite", "KCF")
    make("SPM-lite", variants=("cm_only", "no_near"))
    make("SPM-lite", variants=("series",), protocol="supervised")
    return out


def folder_of(runs: Path, label: str, protocol: str = "one_pass") -> Path:
    """The run folder of a label."""
    (found,) = [path for path in (runs / protocol / "demo").iterdir() if path.name.rpartition("-")[0] == label]
    return found
