"""Trackers scored in several processes: the same as one by one, in order; faults come through."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spm_bench.errors import ResultsError, UsageError
from spm_bench.results.foreign import find_result_sets
from spm_bench.scoring.evaluate import evaluate
from spm_bench.scoring.many import evaluate_many
from spm_bench.suites.base import Sequence, Suite
from tests.scoring.fakes import make_suite

N_TRACKERS = 21


@pytest.fixture
def field(tmp_path: Path) -> tuple[Suite, Path]:
    rng = np.random.default_rng(0)
    truth = np.array([[20.0 + i, 30, 20, 20] for i in range(12)])
    for k in range(N_TRACKERS):
        for name in "abc":
            path = tmp_path / f"T{k}" / f"{name}.txt"
            path.parent.mkdir(exist_ok=True)
            np.savetxt(path, truth + rng.normal(0, 1 + k % 5, truth.shape), delimiter=",")
    return make_suite(*(Sequence(name, truth) for name in "abc")), tmp_path


def test_two_processes_give_what_one_gives(field: tuple[Suite, Path]) -> None:
    suite, folder = field
    found = find_result_sets([folder], suite)
    alone = [evaluate(suite, one, extra=("tracking_length",)) for one in found]
    together = evaluate_many(suite, found, extra=("tracking_length",), processes=2)
    assert [e.label for e in together] == sorted(f"T{k}" for k in range(N_TRACKERS))
    for one, other in zip(alone, together, strict=True):
        assert one.scores == other.scores
        assert one.per_sequence.equals(other.per_sequence)
        assert other.statistics["auc"].value == one.statistics["auc"].value


def test_few_trackers_start_no_process(field: tuple[Suite, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    suite, folder = field
    monkeypatch.setattr("spm_bench.scoring.many.ProcessPoolExecutor", None)
    found = find_result_sets([folder], suite)
    assert len(evaluate_many(suite, found[:19])) == 19
    assert evaluate_many(suite, []) == []


def test_a_fault_in_another_process_names_its_file(field: tuple[Suite, Path]) -> None:
    suite, folder = field
    (folder / "T5" / "b.txt").write_text("1,2,3\n")
    with pytest.raises(ResultsError, match=r"T5/b\.txt, line 1: 3 values") as raised:
        evaluate_many(suite, find_result_sets([folder], suite), processes=2)
    assert raised.value.remedy
    with pytest.raises(UsageError, match="Did you mean pysot"):
        evaluate_many(suite, find_result_sets([folder], suite), "pysott", processes=2)
