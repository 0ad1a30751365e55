"""Fixtures shared by all tests: where the optional reference material is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores: threads of several would wait for each other far longer than they work.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")

SHARED = Path(__file__).resolve().parents[2] / "shared"


def _folder(path: Path, what: str) -> Path:
    if not path.is_dir():
        pytest.skip(f"{what} is not at hand ({path})")
    return path


@pytest.fixture(scope="session")
def golden_dir() -> Path:
    """Outputs recorded from the official modules (`SPM_BENCH_GOLDEN` names another set)."""
    named = os.environ.get("SPM_BENCH_GOLDEN")
    return _folder(Path(named) if named else SHARED / "reference" / "golden", "the golden set")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """A few real sequences: otb/ and vot2016/."""
    return _folder(SHARED / "data", "the folder of real sequences")


@pytest.fixture(scope="session")
def published_results() -> Path:
    """Annotations of whole benchmarks and raw results of published trackers: otb100/, vot2016/, vot2018/, got10k/."""
    return _folder(SHARED / "benchmarks", "the folder of published raw results")


@pytest.fixture(scope="session")
def shown_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each protocol, with runs to show (see `tests.show.made`)."""
    from tests.show.made import make_runs

    out = tmp_path_factory.mktemp("runs")
    make_runs(out)
    return out
