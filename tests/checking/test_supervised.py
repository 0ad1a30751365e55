"""Codes 1, 2, 0 in wrong places, runs without restarts, missing repetitions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spm_bench.checking.check import check_results
from spm_bench.checking.findings import Finding
from spm_bench.results.foreign import find_result_sets
from spm_bench.suites.base import Sequence, Suite

N = 60
TRUTH = np.column_stack((np.arange(N) * 2.5 + 10, np.full(N, 40.5), np.full(N, 30.25), np.full(N, 20.0)))
SUITE = Suite("some", "Some", "vot", "supervised", tuple(Sequence(f"s{k}", TRUTH + k) for k in range(5)), 5)


def run(k: int, failures: tuple[int, ...] = (), gap: int = 5) -> list[str]:
    """Lines of a pass that fails in these frames."""
    rng = np.random.default_rng(k)
    boxes = TRUTH + k + rng.normal(0, 1, TRUTH.shape)
    text = [",".join(f"{v:.3f}" for v in row) for row in boxes]
    text[0] = "1"
    for frame in failures:
        text[frame] = "2"
        for i in range(frame + 1, min(frame + gap, N)):
            text[i] = "0"
        if frame + gap < N:
            text[frame + gap] = "1"
    return text


Files = Callable[[int, int], list[str]]


def check(folder: Path, made: Files, repetitions: int = 3) -> list[Finding]:
    for k in range(5):
        home = folder / "T" / "baseline" / f"s{k}"
        home.mkdir(parents=True, exist_ok=True)
        for r in range(1, repetitions + 1):
            (home / f"s{k}_{r:03d}.txt").write_text("\n".join(made(k, r)) + "\n")
    (results,) = find_result_sets([folder], SUITE, strict=False)
    return list(check_results(results, SUITE).findings)


def changed(**by_line: str) -> Files:
    """A run with failures, some lines of the first file of s2 replaced (line_5="0")."""

    def made(k: int, r: int) -> list[str]:
        text = run(k, (20, 57))
        if (k, r) == (2, 1):
            for name, value in by_line.items():
                text[int(name.removeprefix("line_")) - 1] = value
        return text

    return made


def test_a_good_run_has_nothing_wrong(tmp_path: Path) -> None:
    assert check(tmp_path, changed()) == []


@pytest.mark.parametrize(
    ("lines", "level", "line", "words"),
    [
        ({"line_1": "1,2,3,4"}, "error", 1, "first line is a region"),
        ({"line_1": "0"}, "error", 1, "first line is the code 0"),
        ({"line_10": "1"}, "warning", 10, "is the code 1 although no failure came before"),
        ({"line_23": "2"}, "warning", 23, "is the code 2 although the tracker was not running"),
        ({"line_10": "0"}, "warning", 10, "no region although the tracker was running"),
        ({"line_26": "40,40,30,20"}, "warning", 26, "although the tracker was not initialised again"),
        ({f"line_{i}": "0" for i in range(22, 61)}, "warning", 21, "never started again after this failure"),
        ({"line_10": "500,500,9,9"}, "warning", 10, "misses the annotation, but no failure is coded"),
    ],
)
def test_codes_in_wrong_places(tmp_path: Path, lines: dict[str, str], level: str, line: int, words: str) -> None:
    found = check(tmp_path, changed(**lines))
    assert (found[0].level, found[0].line) == (level, line)
    assert words in found[0].problem
    assert found[0].where.endswith("s2_001.txt")


def test_regions_that_only_just_miss_are_a_matter_of_counting_pixels(tmp_path: Path) -> None:
    x, y, w, h = TRUTH[9] + 2
    beside = f"{x + w + 0.5},{y},{w},{h}"
    assert check(tmp_path, changed(line_10=beside)) == []


@pytest.mark.parametrize("gap", [3, 10])
def test_restarts_after_another_time(tmp_path: Path, gap: int) -> None:
    found = check(tmp_path, lambda k, _: run(k, (20,), gap))
    assert [(f.level, f.kind) for f in found] == [("warning", "restart-gap")]
    assert f"again {gap} frames (15 times) after a failure instead of 5" in found[0].problem


def test_a_restart_is_late_where_nothing_is_annotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = TRUTH.copy()
    hidden[24:27] = np.nan
    suite = Suite("some", "Some", "vot", "supervised", tuple(Sequence(f"s{k}", hidden + k) for k in range(5)), 5)
    monkeypatch.setattr("tests.checking.test_supervised.SUITE", suite)
    assert check(tmp_path, lambda k, _: run(k, (20,), 7)) == []


def test_results_of_another_experiment(tmp_path: Path) -> None:
    boxes = run(0)
    boxes[0] = "10,40,30,20"
    (found,) = check(tmp_path / "a", lambda *_: boxes)[:1]
    assert (found.level, found.kind) == ("error", "unsupervised")
    lost = ["1"] + ["400,400,5,5"] * (N - 1)
    kinds = [f.kind for f in check(tmp_path / "b", lambda k, _: lost if k else run(0))]
    assert "unsupervised" in kinds


def test_repetitions(tmp_path: Path) -> None:
    one = check(tmp_path / "a", changed(), 1)
    assert [(f.level, f.kind) for f in one] == [("note", "repetitions")]
    check(tmp_path / "b", changed(), 3)
    (tmp_path / "b" / "T" / "baseline" / "s3" / "s3_003.txt").unlink()
    (results,) = find_result_sets([tmp_path / "b"], SUITE, strict=False)
    (fewer,) = check_results(results, SUITE).findings
    assert (fewer.level, fewer.sequences) == ("warning", ("s3",))
    (tmp_path / "b" / "T" / "baseline" / "s3" / "s3_001.txt").unlink()
    (results,) = find_result_sets([tmp_path / "b"], SUITE, strict=False)
    (gap,) = check_results(results, SUITE).findings
    assert (gap.level, gap.problem) == ("error", "repetition 1 of s3 is missing, but 2 is there")
