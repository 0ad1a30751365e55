"""Reference: the word-by-word reader. The fast one for the usual file returns the same numbers or steps aside.

Everything holds for both parsers it can use: pysimdjson, and pydantic's where that is not installed.
"""

from __future__ import annotations

import sys
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spm_bench.suites import annotations
from spm_bench.suites.annotations import FloatArray, _parse_clean

COLUMNS = [(1,), (2,), (4,), (4, 8)]
both_parsers = pytest.mark.parametrize("parser", ["pysimdjson", "pydantic"])


def parse_plain(parser: str, data: bytes, columns: tuple[int, ...]) -> FloatArray | None:
    hidden = {"simdjson": None} if parser == "pydantic" else {}
    with mock.patch.dict(sys.modules, hidden):
        return annotations.parse_plain(data, columns)


def test_pysimdjson_is_what_is_tested() -> None:
    if sys.version_info < (3, 14):
        assert pytest.importorskip("simdjson", reason="pysimdjson is not installed").Parser
        with mock.patch("simdjson.Parser", side_effect=ZeroDivisionError), pytest.raises(ZeroDivisionError):
            parse_plain("pysimdjson", b"1\n", (1,))
    with mock.patch("pydantic_core.from_json", side_effect=ZeroDivisionError), pytest.raises(ZeroDivisionError):
        parse_plain("pydantic", b"1\n", (1,))


@both_parsers
@settings(max_examples=500)
@given(st.text("0123456789.,;\n\r\t-+eE ", max_size=24), st.sampled_from(COLUMNS))
def test_any_text_is_read_alike_or_left_to_the_other(parser: str, text: str, columns: tuple[int, ...]) -> None:
    fast = parse_plain(parser, text.encode(), columns)
    if fast is not None:
        slow = _parse_clean(text.encode(), columns)
        assert slow is not None
        np.testing.assert_array_equal(fast, slow)


@both_parsers
@given(st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=4, max_size=4), min_size=1))
def test_full_precision_is_kept(parser: str, rows: list[list[float]]) -> None:
    text = "".join(",".join(map(repr, row)) + "\n" for row in rows).encode()
    fast = parse_plain(parser, text, (4,))
    assert fast is not None
    np.testing.assert_array_equal(fast, np.array(rows))


@both_parsers
@given(st.lists(st.integers(-(10**22), 10**22), min_size=1))
def test_whole_numbers_of_any_size_are_read_alike_or_left_to_the_other(parser: str, numbers: list[int]) -> None:
    text = "".join(f"{number}\n" for number in numbers).encode()
    fast, slow = parse_plain(parser, text, (1,)), _parse_clean(text, (1,))
    assert slow is not None
    assert fast is not None or max(map(abs, numbers)) >= 2**63
    np.testing.assert_array_equal(slow if fast is None else fast, slow)


@both_parsers
@pytest.mark.parametrize("separator", [",", "\t", " "])
@pytest.mark.parametrize(("line_end", "text_end"), [("\n", "\n"), ("\n", ""), ("\r\n", "\r\n")])
def test_the_usual_dialects_are_plain(parser: str, separator: str, line_end: str, text_end: str) -> None:
    lines = [separator.join(("1", "-2.5", "3e1", "0")), separator.join(("5", "6", "7", "8"))]
    text = line_end.join(lines) + text_end
    rows = parse_plain(parser, text.encode(), (4,))
    assert rows is not None
    assert rows.tolist() == [[1, -2.5, 30, 0], [5, 6, 7, 8]]
    assert rows.flags.writeable


def parse_joined(parser: str, texts: list[bytes], n_lines: list[int], columns: int = 4) -> FloatArray | None:
    hidden = {"simdjson": None} if parser == "pydantic" else {}
    with mock.patch.dict(sys.modules, hidden):
        return annotations.parse_joined(texts, n_lines, columns)


LINES = st.sampled_from(
    ["1,2", "1\t-2.5", "3e+1 4", "1,2,3", "5", "", "1;2", "1,,2", "nan,1", "+1,2", "1,1e999", "[1],2"]
)


@both_parsers
@settings(max_examples=500)
@given(st.lists(st.lists(LINES, min_size=1, max_size=3), min_size=1, max_size=3), st.sampled_from(["\n", "\r\n"]))
def test_texts_are_read_together_as_one_by_one_or_not_at_all(parser: str, files: list[list[str]], end: str) -> None:
    texts = [end.join(lines).encode() for lines in files]
    fast = parse_joined(parser, texts, [len(lines) for lines in files], 2)
    slow = [parse_plain(parser, text, (2,)) for text in texts]
    if fast is not None:
        np.testing.assert_array_equal(fast, np.concatenate([rows for rows in slow if rows is not None]))
        assert len(fast) == sum(map(len, files))
    else:
        alike = all(rows is not None and len(rows) == len(lines) for rows, lines in zip(slow, files, strict=True))
        assert not alike or end == "\r\n", "only Windows' line ends are left to the other though plain"


@both_parsers
@given(st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=8, max_size=8), min_size=1))
def test_full_precision_is_kept_of_many_texts(parser: str, files: list[list[float]]) -> None:
    texts = ["\t".join(map(repr, row[:4])) + "\n" + ",".join(map(repr, row[4:])) for row in files]
    separate = [line.encode() + b"\n" for text in texts for line in text.split("\n")]
    fast = parse_joined(parser, separate, [1] * len(separate))
    assert fast is not None
    np.testing.assert_array_equal(fast, np.array(files).reshape(-1, 4))


@both_parsers
def test_lines_in_the_wrong_file_are_noticed(parser: str) -> None:
    assert parse_joined(parser, [b"1,2,3,4\n", b"1,2,3,4\n5,6,7,8\n"], [1, 2]) is not None
    assert parse_joined(parser, [b"1,2,3,4\n", b"1,2,3,4\n5,6,7,8\n"], [2, 1]) is None
    assert parse_joined(parser, [b"1,2,3,4\n", b"1,2,3\n4,5,6,7,8\n"], [1, 2]) is None


NOT_PLAIN = ["", "\n", "\r\n", "-", "1,2\n34", "1\n\n", "1\n1\r\n", "1\r,2\n", "1,2,3,4\n1,2,3\n"]
NOT_PLAIN += ["1e999,1,1,1\n", "1,,3,4\n", "1, 2, 3, 4\n", "1;2;3;4\n", "nan,1,1,1\n"]


@both_parsers
@pytest.mark.parametrize("text", NOT_PLAIN)
def test_what_is_not_plain_is_left_to_the_other(parser: str, text: str) -> None:
    for columns in COLUMNS:
        assert parse_plain(parser, text.encode(), columns) is None
