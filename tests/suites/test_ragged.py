"""The fast reader of ragged lines gives what reading word by word gives, or steps aside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spm_bench.suites.annotations import parse_ragged

NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**6), 10**6)


@given(
    lines=st.lists(st.lists(NUMBERS, min_size=1, max_size=9), min_size=1, max_size=20),
    end=st.sampled_from(["\n", "\r\n"]),
    last=st.booleans(),
)
def test_equals_reading_word_by_word(lines: list[list[float]], end: str, last: bool) -> None:
    text = end.join(",".join(map(repr, line)) for line in lines) + (end if last else "")
    found = parse_ragged(text.encode())
    assert found is not None
    values, counts = found
    assert counts.tolist() == [len(line) for line in lines]
    np.testing.assert_array_equal(values, [float(repr(v)) for line in lines for v in line])


@given(st.text(alphabet="0123456789.,-+eE\n\r []naN;\t", max_size=60))
def test_never_reads_what_float_would_not(text: str) -> None:
    found = parse_ragged(text.encode())
    if found is not None:
        lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
        assert found[1].tolist() == [line.count(",") + 1 for line in lines]
        np.testing.assert_array_equal(found[0], [float(cell) for line in lines for cell in line.split(",")])


@pytest.mark.parametrize(
    "text",
    ["", "\n", "1,,2\n", "1\n\n2\n", "nan\n", "1e999\n", "1,2,\n", "[1,2],3\n", "1;2\n", "0x10\n", "1 2\n", "true\n"],
)
def test_steps_aside(text: str) -> None:
    assert parse_ragged(text.encode()) is None
