"""Single files that are broken: each mistake is put into one of twelve files and must be found there, with its line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spm_bench.checking.check import check_results
from spm_bench.checking.findings import Finding
from spm_bench.results.foreign import find_result_sets
from spm_bench.suites.base import Sequence, Suite
from tests.checking.conftest import Writer, lines

Boxes = np.ndarray
SEVENTH = "seq-7"


def check(folder: Path, suite: Suite) -> tuple[Finding, ...]:
    (results,) = find_result_sets([folder], suite, strict=False)
    return check_results(results, suite).findings


def in_one(change: Callable[[Boxes], Boxes | str | None]) -> Callable[[str, Boxes], Boxes | str | None]:
    return lambda name, boxes: change(boxes) if name == SEVENTH else boxes


def with_line(boxes: Boxes, line: int, text: str) -> str:
    rows = lines(boxes).splitlines(keepends=True)
    rows[line - 1] = text + "\n"
    return "".join(rows)


def with_rows(boxes: Boxes, rows: slice, values: object) -> Boxes:
    changed = boxes.copy()
    changed[rows] = values
    return changed


CASES: dict[str, tuple[Callable[[Boxes], Boxes | str | None], str, str, int | None, str]] = {
    "a word": (lambda b: with_line(b, 5, "1,2,abc,4"), "error", "unreadable", 5, "'abc' is not a number"),
    "infinity": (lambda b: with_line(b, 5, "1,2,inf,4"), "error", "unreadable", 5, "'inf' is not a number"),
    "three values": (lambda b: with_line(b, 5, "1,2,3"), "error", "unreadable", 5, "3 values"),
    "a blank line": (lambda b: with_line(b, 5, ""), "error", "unreadable", 5, "blank"),
    "nothing": (lambda _: "", "error", "unreadable", None, "empty"),
    "NaN": (lambda b: with_rows(b, slice(9, 12), np.nan), "warning", "nan", 10, "in 3 lines"),
    "negative width": (lambda b: with_rows(b, slice(9, 10), (5, 5, -3, 9)), "warning", "no-area", 10, "in 1 line"),
    "no height": (lambda b: with_rows(b, slice(9, 10), (5, 5, 3, 0)), "warning", "no-area", 10, "0 or less"),
    "cut": (lambda b: b[:-6], "error", "length", 41, "has 41 lines, the sequence has 47"),
    "a line too much": (lambda b: np.concatenate((b, b[-1:])), "error", "length", 48, "has 48 lines"),
    "wrong start": (lambda b: with_rows(b, slice(0, 1), (1, 1, 9, 9)), "warning", "first-box", 1, "not the given one"),
    "no start": (lambda b: with_rows(b, slice(0, 1), np.nan), "warning", "first-box", 1, "NaN instead of the given"),
    "missing": (lambda _: None, "error", "missing", None, "no results for 1 of 12 sequences: seq-7"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_broken_file_is_named_with_its_line(small: Suite, write: Writer, case: str) -> None:
    change, level, kind, line, words = CASES[case]
    folder = write(in_one(change))
    (found,) = check(folder, small)
    assert (found.level, found.kind, found.line) == (level, kind, line)
    assert words in found.problem
    assert found.remedy
    assert found.sequences == (SEVENTH,)
    assert found.where == (str(folder) if kind == "missing" else str(folder / f"{SEVENTH}.txt"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda b: b[6:], "first 6 are missing"),
        (lambda b: b[:-6], "last 6 frames are missing"),
        (lambda b: np.concatenate((b[5:9] + 40, b)), "delete the 4 before it"),
        (lambda b: np.concatenate((b, b[:4])), "delete the last 4"),
    ],
)
def test_which_lines_are_wrong(small: Suite, write: Writer, change: Callable[[Boxes], Boxes], words: str) -> None:
    """The target has to move: the seventh sequence's does, by 4 px a frame."""
    (found,) = check(write(in_one(change)), small)
    assert words in found.remedy


def test_frames_before_the_benchmarks_first_one(published_results: Path, tmp_path: Path) -> None:
    """David is evaluated from image 300 on."""
    from spm_bench.suites import load_suite

    suite = load_suite("otb100", published_results, annotations_only=True, only=["David"])
    rows = (published_results / "otb100" / "results" / "KCF" / "David.txt").read_text().splitlines(keepends=True)
    (tmp_path / "KCF").mkdir()
    (tmp_path / "KCF" / "David.txt").write_text("1,1,5,5\n" * 299 + "".join(rows))
    (found,) = check(tmp_path / "KCF", suite)
    assert "evaluates from image 300 on: delete the first 299 lines" in found.remedy


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda b: np.concatenate((b[3:], b[-3:])), "it is that of frame 4, so the file starts late"),
        (lambda b: np.concatenate((b[:3] - 90, b[:-3])), "that stands in line 4, so the file starts early"),
        (lambda b: np.column_stack((b[:, :2], b[:, :2] + b[:, 2:])), "the columns are x1, y1, x2, y2"),
    ],
)
def test_what_a_file_starts_with_instead(write: Writer, change: Callable[[Boxes], Boxes], words: str) -> None:
    """A target that moves 30 px a frame, so that no two boxes are the same."""
    n, one = 40, np.array((1.0, 1.0, 0, 0))
    truth = np.column_stack(
        (np.arange(n) * 30.0 + 100, np.arange(n) * 7.0 + 50, np.full((n, 1), 40.0), np.full((n, 1), 25.0))
    )
    others = tuple(Sequence(f"other-{k}", np.add(truth, (k, 3 * k, 0, 0))) for k in range(4))
    suite = Suite("s", "S", "otb", "one_pass", (Sequence("fast", truth), *others), 5)
    folder = write(lambda *_: None)
    for sequence in suite.sequences:
        boxes = sequence.ground_truth + one
        (folder / f"{sequence.name}.txt").write_text(lines(change(boxes) if sequence.name == "fast" else boxes))
    found = [f for f in check(folder, suite) if f.kind == "first-box"]
    assert [(f.level, f.line, f.sequences) for f in found] == [("error", 1, ("fast",))]
    assert words in found[0].problem


def test_files_of_two_sequences_exchanged_or_copied(small: Suite, write: Writer) -> None:
    same = replace(
        small,
        sequences=(small.sequences[0], replace(small.sequences[1], ground_truth=small.sequences[0].ground_truth + 90)),
    )
    folder = write(lambda *_: None)
    one, two = (np.add(s.ground_truth, (1, 1, 0, 0)) for s in same.sequences)
    (folder / "seq-1.txt").write_text(lines(two))
    (folder / "seq-2.txt").write_text(lines(one))
    found = [f for f in check(folder, same) if f.kind == "first-box"]
    assert ["it is that of seq-2" in found[0].problem, "it is that of seq-1" in found[1].problem] == [True, True]
    (folder / "seq-1.txt").write_text(lines(one))
    (copied,) = (f for f in check(folder, same) if f.kind == "copy")
    assert copied.where.endswith("seq-2.txt")
    assert "same boxes as seq-1" in copied.problem


def test_a_wrong_start_hides_nothing_else(small: Suite, write: Writer) -> None:
    folder = write(in_one(lambda b: with_rows(b, slice(9, 12), np.nan)))
    first = folder / "seq-1.txt"
    first.write_text("1,1,9,9\n" + first.read_text().partition("\n")[2])
    assert [(f.kind, f.sequences) for f in check(folder, small)] == [("nan", (SEVENTH,)), ("first-box", ("seq-1",))]


def test_text_that_other_tools_stumble_over_is_a_note(small: Suite, write: Writer) -> None:
    folder = write(in_one(lambda b: "\ufeff" + lines(b[:20]) + lines(b[20:], "\t")))
    found = check(folder, small)
    assert [(f.level, f.kind, f.line) for f in found] == [("note", "byte-order-mark", 1), ("note", "separators", 21)]
    assert "commas and by tabs" in found[1].problem


@pytest.mark.parametrize("separator", [",", "\t", " ", ", ", ";", "  "])
def test_one_separator_of_any_kind_is_fine(small: Suite, write: Writer, separator: str) -> None:
    assert check(write(lambda _, boxes: lines(boxes, separator)), small) == ()


def test_utf16_is_refused(small: Suite, write: Writer) -> None:
    folder = write()
    path = folder / f"{SEVENTH}.txt"
    path.write_text(path.read_text(), encoding="utf-16")
    (found,) = check(folder, small)
    assert (found.level, found.kind, found.problem) == ("error", "unreadable", "the text is UTF-16")


def test_two_spellings_and_strangers(small: Suite, write: Writer) -> None:
    folder = write()
    (folder / "SEQ_7.txt").write_text((folder / "seq-7.txt").read_text())
    (folder / "seq-99.txt").write_text("1,2,3,4\n")
    twice, extra = check(folder, small)
    assert (twice.level, twice.kind, twice.sequences) == ("error", "twice", (SEVENTH,))
    assert "seq-7 was read" in twice.remedy
    assert (extra.level, extra.kind) == ("note", "extra")
    assert "seq-99" in extra.problem


def test_a_misspelt_file_is_offered_for_the_missing_sequence(small: Suite, write: Writer) -> None:
    folder = write()
    (folder / "seq-7.txt").rename(folder / "seqq-7.txt")
    missing, _ = check(folder, small)
    assert "is seqq-7 meant for seq-7?" in missing.remedy


def test_times_that_do_not_fit(small: Suite, write: Writer) -> None:
    folder = write()
    (folder / "seq-7_time.txt").write_text("0.1\n" * 5)
    (found,) = check(folder, small)
    assert (found.level, found.kind, found.where) == ("error", "length", str(folder / "seq-7_time.txt"))


def test_what_can_be_read_is_kept_and_the_rest_left_out(small: Suite, write: Writer) -> None:
    (results,) = find_result_sets([write(in_one(lambda _: "x\n"))], small, strict=False)
    assert len(check_results(results, small).results.passes) == 11


def test_sequences_that_are_not_at_hand_are_no_strangers(small: Suite, write: Writer) -> None:
    some = replace(small, sequences=small.sequences[:8], missing=tuple(s.name for s in small.sequences[8:]))
    assert check(write(), some) == ()


def test_got10k_files_count_from_zero_and_have_repetitions(small: Suite, tmp_path: Path) -> None:
    suite = replace(small, family="got10k", protocol="got10k")
    for k, sequence in enumerate(suite.sequences):
        for r in (1, 2, 3):
            path = tmp_path / "T" / sequence.name / f"{sequence.name}_{r:03d}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng(10 * k + r).normal(0, 1, sequence.ground_truth.shape)
            noise[0] = 0
            path.write_text(lines(sequence.ground_truth + noise + (1, 1, 0, 0)))
    (found,) = check(tmp_path / "T", suite)
    assert (found.level, found.kind) == ("warning", "origin")
    assert "counted from 1, these files count from 0" in found.problem
    for path in (tmp_path / "T").rglob("*_003.txt"):
        path.unlink()
        break
    assert "1 of 12 sequences have fewer than 3 repetitions" in [
        f.problem.partition(":")[0] for f in check(tmp_path / "T", suite)
    ]
