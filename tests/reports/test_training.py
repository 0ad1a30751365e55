"""The figure of trainings: what is read from their folders, and what is said where it cannot be."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.training.made_trainings import make_training

SCRIPT = Path(__file__).resolve().parents[2] / "reports" / "training.py"


@pytest.fixture(scope="module")
def report() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reports_training", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def draw(report: ModuleType, runs: Path, *words: str) -> int:
    return report.main(["--runs", str(runs), "--out", str(runs.parent / "out"), *words])


def test_draws_several_trainings_the_same_every_time(report: ModuleType, tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_training(tmp_path / "runs" / name)
    assert draw(report, tmp_path / "runs") == 0
    files = [tmp_path / "out" / name for name in ("training.png", "training.pdf")]
    first = [path.read_bytes() for path in files]
    assert first[0].startswith(b"\x89PNG")
    assert first[1].startswith(b"%PDF")
    draw(report, tmp_path / "runs")
    assert [path.read_bytes() for path in files] == first


def test_reads_pairs_losses_and_validations(report: ModuleType, tmp_path: Path) -> None:
    course = report.read_course(make_training(tmp_path / "a"))
    assert (course.name, course.pairs.tolist(), course.validated.tolist()) == ("a", [0.4, 0.8, 1.2], [0.8, 1.2])
    assert course.losses["coarse_box"].tolist() == [0.9, 0.5, 0.4]
    assert course.auc.tolist() == [0.25, 0.5]


def test_a_stage_that_was_not_trained_has_no_curve(report: ModuleType, tmp_path: Path) -> None:
    folder = make_training(tmp_path / "a")
    facts = json.loads((folder / "training.json").read_text())
    facts["config"]["fine"] = False
    (folder / "training.json").write_text(json.dumps(facts))
    assert set(report.read_course(folder).losses) == {"total", "coarse_class", "coarse_box"}
    assert draw(report, folder) == 0


def test_a_training_that_has_just_begun_is_drawn(report: ModuleType, tmp_path: Path) -> None:
    folder = make_training(tmp_path / "a")
    (folder / "validation.csv").unlink()
    (folder / "log.csv").write_text("step,pairs,total\n4,400,2.")  # a row being written
    assert report.read_course(folder).pairs.tolist() == [0.4]
    (folder / "log.csv").unlink()
    assert draw(report, folder) == 0


def test_medians_follow_a_slope_and_leave_spikes_out(report: ModuleType) -> None:
    slope = np.linspace(5, 1, 21)
    np.testing.assert_allclose(report.running_median(slope), slope)
    spiked = np.where(np.arange(21) == 10, 99.0, slope)
    assert report.running_median(spiked).max() <= 5


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--only", "c"), "there is no training in"),
        (("--runs", "nowhere"), "there are no trainings"),
    ],
)
def test_says_what_is_not_there(
    report: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    make_training(tmp_path / "runs" / "a")
    assert draw(report, tmp_path / "runs", *words) == 2
    assert told in capsys.readouterr().err


def test_a_damaged_table_is_named(report: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_training(tmp_path / "a")
    (folder / "log.csv").write_text("a,b\n1,2\n")
    assert draw(report, folder) == 2
    assert "log.csv: not a table of a training" in capsys.readouterr().err
