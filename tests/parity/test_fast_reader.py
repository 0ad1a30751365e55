"""Reference: the word-by-word reader. The fast one for the usual file returns the same numbers or steps aside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spm_bench.suites.annotations import _parse_clean, _parse_plain

COLUMNS = [(1,), (2,), (4,), (4, 8)]


@settings(max_examples=500)
@given(st.text("0123456789.,\n\t-+eE ", max_size=24), st.sampled_from(COLUMNS))
def test_any_text_is_read_alike_or_left_to_the_other(text: str, columns: tuple[int, ...]) -> None:
    fast = _parse_plain(text.encode(), columns)
    if fast is not None:
        slow = _parse_clean(text.encode(), columns)
        assert slow is not None
        np.testing.assert_array_equal(fast, slow)


@given(st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=4, max_size=4), min_size=1))
def test_full_precision_is_kept(rows: list[list[float]]) -> None:
    text = "".join(",".join(map(repr, row)) + "\n" for row in rows).encode()
    fast = _parse_plain(text, (4,))
    assert fast is not None
    np.testing.assert_array_equal(fast, np.array(rows))


@pytest.mark.parametrize(
    "text", ["", "\n", "57", "1,2\n34", "1,2,3,4\n1,2,3\n", "1e999,1,1,1\n", "1,,3,4\n", "nan,1,1,1\n"]
)
def test_what_is_not_plain_is_left_to_the_other(text: str) -> None:
    for columns in COLUMNS:
        assert _parse_plain(text.encode(), columns) is None
