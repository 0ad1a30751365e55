"""Reading many files at once gives what reading them one by one gives, or leaves them to that, faults included."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spm_bench.errors import ResultsError
from spm_bench.results import layouts
from spm_bench.results.foreign import ForeignResults, find_result_sets
from spm_bench.results.trajectory import JoinedResultSet
from spm_bench.scoring.passes import Passes, collect_passes
from spm_bench.suites.base import Sequence, Suite

LENGTHS = {"Basketball": 3, "Jogging-1": 1, "Human4-2": 4, "Deer": 2}


def suite(family: str = "otb", origin: int = 1) -> Suite:
    rng = np.random.default_rng(0)
    sequences = [Sequence(name, rng.uniform(1, 9, (n, 4)), file_origin=origin) for name, n in LENGTHS.items()]
    return Suite("toys", "Toys", family, "one_pass", tuple(sequences), len(sequences))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Results of all dialects, with seconds at both places; in `Deer` the last line is open."""
    rng = np.random.default_rng(1)
    root = tmp_path / "KCF"
    (root / "times").mkdir(parents=True)
    for (name, n), separator in zip(LENGTHS.items(), ",\t ,", strict=True):
        lines = [separator.join(map(repr, row)) for row in rng.normal(50, 30, (n, 4)).tolist()]
        (root / f"{name.replace('Human4-2', 'Human4')}.txt").write_text("\n".join(lines) + "\n" * (name != "Deer"))
    (root / "times" / "Basketball_time.txt").write_text("0.1\nnan\n0.3\n")
    (root / "Deer_time.txt").write_text("0.5\n0.25\n")
    return root


def both(folder: Path, of: Suite, monkeypatch: pytest.MonkeyPatch) -> tuple[Passes, Passes]:
    """Passes read at once, and one by one."""
    (results,) = find_result_sets([folder], of)
    assert isinstance(results, JoinedResultSet)
    assert results.joined(of.sequences) is not None
    fast = collect_passes(of, results, allow_missing=False)
    monkeypatch.setattr(ForeignResults, "joined", lambda self, sequences: None)
    return fast, collect_passes(of, results, allow_missing=False)


@pytest.mark.parametrize("group", [1, 100, layouts.GROUP])
@pytest.mark.parametrize("origin", [0, 1])
def test_all_is_alike(folder: Path, monkeypatch: pytest.MonkeyPatch, group: int, origin: int) -> None:
    monkeypatch.setattr(layouts, "GROUP", group)
    fast, slow = both(folder, suite(origin=origin), monkeypatch)
    assert np.isfinite(fast.seconds).sum() == 4
    for name in ("owners", "lengths", "begins", "boxes", "truth", "seconds"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(slow, name), strict=True)
    assert fast.sequences == slow.sequences


def test_each_sequence_has_its_own_origin(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of = suite()
    of = replace(of, sequences=(replace(of.sequences[0], file_origin=0), *of.sequences[1:]))
    fast, slow = both(folder, of, monkeypatch)
    np.testing.assert_array_equal(fast.boxes, slow.boxes)


@pytest.mark.parametrize("text", ["1,2,3,4\nnan,nan,nan,nan\n1,2,3,4\n", "1;2;3;4\n" * 3, "1, 2, 3, 4\r\n" * 3])
def test_unusual_files_are_read_one_by_one(folder: Path, text: str) -> None:
    (folder / "Basketball.txt").write_text(text)
    (results,) = find_result_sets([folder], suite())
    assert isinstance(results, JoinedResultSet)
    assert results.joined(suite().sequences) is None
    passes = collect_passes(suite(), results, allow_missing=False)
    assert passes.boxes[0].tolist() == [0, 1, 3, 4]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("Basketball.txt", "1,2,3,4\n1,2,x,4\n1,2,3,4\n", r"Basketball\.txt.*2: 'x' is not a number"),
        ("Basketball.txt", "1,2,3,4\n" * 2, r"Basketball\.txt: has 2 lines, the sequence has 3 frames"),
        ("Deer.txt", "1,2,3\n" * 2, r"Deer\.txt.*1: 3 values instead of 4"),
        ("Deer_time.txt", "0.1\nsoon\n", r"Deer_time\.txt.*2: 'soon' is not a number of seconds"),
    ],
)
def test_faults_are_named_with_file_and_line(folder: Path, file: str, text: str, message: str) -> None:
    (folder / file).write_text(text)
    (results,) = find_result_sets([folder], suite())
    with pytest.raises(ResultsError, match=message):
        collect_passes(suite(), results, allow_missing=False)


def test_a_file_that_is_gone_is_named(folder: Path) -> None:
    (results,) = find_result_sets([folder], suite())
    (folder / "Deer.txt").unlink()
    with pytest.raises(ResultsError, match=r"Deer\.txt: the file is missing"):
        collect_passes(suite(), results, allow_missing=False)


def test_our_own_files_must_be_whole(folder: Path) -> None:
    names = [name.replace("Human4-2", "Human4") for name in LENGTHS]
    layout, sequences = layouts.get_layout("otb"), suite().sequences
    assert layout.read_joined(folder, sequences, names) is not None
    assert layout.read_joined(folder, sequences, names, whole=True) is None, "the last line of Deer is open"
    assert layout.read_joined(folder, sequences[:3], names[:3], whole=True) is not None


def test_layouts_of_other_files_are_read_one_by_one(folder: Path) -> None:
    for family in ("got10k", "vot", "otb-tre"):
        assert layouts.get_layout(family).read_joined(folder, suite().sequences, list(LENGTHS)) is None
