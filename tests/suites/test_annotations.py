"""The parser against the forms found in the wild, and against every fault a text file can have."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spm_bench.errors import DataError, ResultsError
from spm_bench.suites.annotations import (
    check_first_box,
    check_length,
    check_name,
    parse_labels,
    parse_names,
    parse_rows,
)

TWO_ROWS = [[1, 2, 3, 4], [5, 6, 7, 8]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "boxes.txt"


@pytest.mark.parametrize(
    "text",
    [
        b"1,2,3,4\n5,6,7,8\n",
        b"1\t2\t3\t4\n5\t6\t7\t8\n",
        b"1 2 3 4\n5 6 7 8",
        b"1;2;3;4\n5;6;7;8\n",
        b"1,2\t3 4\n5, 6 ,\t7;8\n",
        b"  1   2  3 4  \n 5,6,7,8\n",
        b"\xef\xbb\xbf1,2,3,4\n5,6,7,8\n",
        b"1,2,3,4\r\n5,6,7,8\r\n",
        b"1,2,3,4\r5,6,7,8\r",
        b"1,2,3,4\n5,6,7,8\n\n\n  \n\r\n",
        b"1,2,3,4,\n5,6,7,8,\n",
        b"1.0,2e0,+3,4.\n0.5e1,6.000,7E0,80e-1\n",
    ],
    ids=[
        "comma",
        "tab",
        "space",
        "semicolon",
        "mixed",
        "padded",
        "bom",
        "crlf",
        "cr",
        "blank end",
        "comma end",
        "forms",
    ],
)
def test_accepts_the_separators_and_numbers_of_the_wild(file: Path, text: bytes) -> None:
    file.write_bytes(text)
    rows = parse_rows(file, (4,))
    assert rows.tolist() == TWO_ROWS
    assert rows.dtype == np.float64
    assert rows.flags.c_contiguous


@pytest.mark.parametrize("word", ["nan", "NaN", "NAN", "-nan"])
def test_nan_is_a_value(file: Path, word: str) -> None:
    file.write_text(f"1,2,3,4\n{word},{word},{word},{word}\n")
    assert np.isnan(parse_rows(file, (4,))[1]).all()


BROKEN = {
    "three values": ("1,2,3,4\n5,6,7\n", (4,), 2, "3 values instead of 4"),
    "five values": ("1,2,3,4\n5,6,7,8\n1,2,3,4,5\n", (4,), 3, "5 values instead of 4"),
    "three then five": ("1,2,3\n5,6,7,8,9\n", (4,), 1, "3 values"),
    "one value": ("1\n", (4, 8), 1, "1 value instead of 4 or 8"),
    "width changes": ("1,2,3,4\n1,2,3,4,5,6,7,8\n", (4, 8), 2, "8 values instead of 4 as in line 1"),
    "a word": ("1,2,3,4\n5,six,7,8\n", (4,), 2, "'six' is not a number"),
    "cut in the middle": ("1,2,3,4\n5,6,7,8\n9,1", (4,), 3, "2 values"),
    "blank line inside": ("1,2,3,4\n\n5,6,7,8\n", (4,), 2, "blank"),
    "blank line first": ("\n1,2,3,4\n", (4,), 1, "blank"),
    "empty field": ("1,2,3,4\n5,,7,8\n", (4,), 2, "missing between"),
    "empty field, four left": ("1,2,3,4\n5,,6,7,8\n", (4,), 2, "missing between"),
    "empty field with blank": ("1,2,3,4\n5, ,6,7,8\n", (4,), 2, "missing between"),
    "leading comma": ("1,2,3,4\n,5,6,7,8\n", (4,), 2, "missing between"),
    "infinity": ("1,2,3,4\n1,2,inf,4\n", (4,), 2, "'inf' is not a number"),
    "underscore": ("1,2,3,4\n1_0,2,3,4\n", (4,), 2, "'1_0' is not a number"),
    "decimal comma": ("1,5;2,5;3,5;4,5\n", (4,), 1, "8 values"),
    "hexadecimal": ("0x10,2,3,4\n", (4,), 1, "'0x10' is not a number"),
    "nul": ("1,2,3,4\n\0\0\0\0\n", (4,), 2, "not a number"),
    "a header": ("x,y,w,h\n1,2,3,4\n", (4,), 1, "'x' is not a number"),
}


@pytest.mark.parametrize(("text", "columns", "line", "problem"), BROKEN.values(), ids=BROKEN.keys())
def test_names_file_and_line_of_a_fault(
    file: Path, text: str, columns: tuple[int, ...], line: int, problem: str
) -> None:
    file.write_text(text, newline="")
    with pytest.raises(DataError) as caught:
        parse_rows(file, columns)
    assert caught.value.line == line
    assert caught.value.where == file
    assert problem in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b"  \r\n"])
def test_an_empty_file_is_an_error(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(DataError, match="empty"):
        parse_rows(file, (4,))


def test_utf16_is_named_not_misread(file: Path) -> None:
    file.write_text("1,2,3,4\n", encoding="utf-16")
    with pytest.raises(DataError, match="UTF-16"):
        parse_rows(file, (4,))


def test_missing_file_and_folder_use_the_callers_error_class(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="missing"):
        parse_rows(tmp_path / "no.txt", (4,), error=ResultsError)
    with pytest.raises(ResultsError, match="cannot be read"):
        parse_rows(tmp_path, (4,), error=ResultsError)


def test_faults_use_the_callers_error_class(file: Path) -> None:
    file.write_text("1,2,3\n")
    with pytest.raises(ResultsError):
        parse_rows(file, (4,), error=ResultsError)


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.floats(allow_nan=True, allow_infinity=False), min_size=4, max_size=4), min_size=1, max_size=30
    ),
    st.randoms(use_true_random=False),
)
def test_every_double_survives_any_separator(
    tmp_path_factory: pytest.TempPathFactory, rows: list, chance: random.Random
) -> None:
    file = tmp_path_factory.mktemp("rows") / "r.txt"
    lines = [
        "".join(repr(v) + chance.choice([",", "\t", " ", ";", ", "]) for v in row[:-1]) + repr(row[-1]) for row in rows
    ]
    file.write_text("\n".join(lines))
    np.testing.assert_array_equal(parse_rows(file, (4,)), np.array(rows))


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_whatever_raise_anything_but_the_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.mktemp("bytes") / "r.txt"
    file.write_bytes(content)
    try:
        rows = parse_rows(file, (4,))
    except DataError:
        return
    assert rows.shape[1] == 4


@pytest.mark.parametrize(
    ("text", "n", "pad", "expected"),
    [
        ("0\n1\n1\n", 3, False, [0, 1, 1]),
        ("1\n", 3, True, [1, 0, 0]),
        ("", 2, True, [0, 0]),
        ("0\r\n1\r\n", 2, False, [0, 1]),
        ("0 \n1.0\n", 2, False, [0, 1]),
    ],
)
def test_labels(file: Path, text: str, n: int, pad: bool, expected: list[int]) -> None:
    file.write_text(text, newline="")
    assert parse_labels(file, n, pad=pad).tolist() == expected


@pytest.mark.parametrize(
    ("text", "highest", "pad", "problem", "line"),
    [
        ("0\n2\n0\n", 1, False, "'2' is not a whole number from 0 to 1", 2),
        ("0\n0.5\n0\n", 8, False, "'0.5'", 2),
        ("0\n-1\n0\n", 8, False, "'-1'", 2),
        ("0\nnan\n0\n", 8, False, "'nan'", 2),
        ("0\n9\n0\n", 8, False, "'9'", 2),
        ("0\nno\n0\n", 8, False, "'no' is not a number", 2),
        ("0\n0\n", 1, False, "2 lines for 3 frames", None),
        ("0\n0\n0\n0\n", 1, True, "4 lines for 3 frames", None),
        ("0 0\n0\n0\n", 1, False, "2 values", 1),
    ],
)
def test_broken_labels(file: Path, text: str, highest: int, pad: bool, problem: str, line: int | None) -> None:
    file.write_text(text)
    with pytest.raises(DataError, match=problem) as caught:
        parse_labels(file, 3, highest=highest, pad=pad)
    assert caught.value.line == line


def test_names_of_a_list(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfbag\r\nbook \r\n\r\nball1")
    assert parse_names(file) == ["bag", "book", "ball1"]


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        ("bag\n../../evil\n", "cannot be the name", 2),
        ("bag\nbook\nbag\n", "listed twice", 3),
        ("\n\n", "is empty", None),
    ],
)
def test_broken_lists(file: Path, text: str, problem: str, line: int | None) -> None:
    file.write_text(text)
    with pytest.raises(DataError, match=problem) as caught:
        parse_names(file)
    assert caught.value.line == line


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        ".",
        ".hidden",
        "a/b",
        "a\\b",
        "a\nb",
        "a\0b",
        "a\x1bb",
        " a",
        "a ",
        "C:x",
        "x" * 151,
        "a*",
        "\u202eabc",
    ],
)
def test_names_that_could_do_harm_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        check_name(name, tmp_path)


@pytest.mark.parametrize("name", ["Jogging-1", "GOT-10k_Val_000001", "my video (2)", "größe", "a.b"])
def test_ordinary_names_pass(name: str, tmp_path: Path) -> None:
    check_name(name, tmp_path)


@pytest.mark.parametrize(("found", "expected"), [(9, 10), (11, 10), (0, 1)])
def test_lengths_that_differ(found: int, expected: int, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{found} lines for {expected} pictures"):
        check_length(found, expected, "pictures", tmp_path)
    check_length(expected, expected, "pictures", tmp_path)


@pytest.mark.parametrize(
    ("box", "problem"),
    [
        ((np.nan, 1, 2, 3), "no area"),
        ((1, 1, 0, 3), "no area"),
        ((1, 1, 3, -2), "no area"),
        ((640, 10, 5, 5), "outside the image of 640 x 480"),
        ((10, 480, 5, 5), "outside"),
        ((-5, 10, 5, 5), "outside"),
        ((10, -9, 5, 5), "outside"),
    ],
)
def test_a_first_box_no_tracker_can_start_on(box: tuple[float, ...], problem: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        check_first_box(np.array([box], dtype=float), tmp_path, 1, (640, 480))
    assert caught.value.line == 1


@pytest.mark.parametrize("box", [(-4.5, 10, 5, 5), (639, 479, 50, 50), (0, 0, 640, 480)])
def test_a_first_box_that_overlaps_the_image_is_fine(box: tuple[float, ...], tmp_path: Path) -> None:
    check_first_box(
        np.array([box, (np.nan,) * 4, (0, 0, 0, 0), (900, 900, 5, 5)], dtype=float), tmp_path, 1, (640, 480)
    )
    check_first_box(np.array([(9999, 9999, 1, 1)], dtype=float), tmp_path, 1, None)
