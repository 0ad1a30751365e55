"""No input makes a parser fail with anything but its own error: bytes of all kinds, and text that is nearly right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, WHOLE_RUN, feed

ODD = [
    "nan",
    "NaN",
    "-nan",
    "inf",
    "-Infinity",
    "1e400",
    "1e-400",
    "0x10",
    "1_0",
    "",
    "+",
    ".",
    "1.",
    "m",
    "\u0663",
    "1" * 400,
]
numbers = st.one_of(
    st.sampled_from(["0", "1", "2", "3", "4", "-1", "1.5", "2e3"]),
    st.floats(width=32).map(repr),
    st.integers().map(str),
    st.sampled_from(ODD),
)
separators = st.sampled_from([",", "\t", " ", ";", ", ", ",,", ""])
ends = st.sampled_from(["\n", "\r\n", "\r", "\n\n", "", "\x0b", "\u2028"])
lines = st.lists(st.tuples(st.lists(numbers, max_size=9), separators, ends), max_size=5)
tables = st.builds(
    lambda start, rows: (start + "".join(between.join(row) + end for row, between, end in rows)).encode(
        "utf-8", "replace"
    ),
    st.sampled_from(["", "\ufeff", " ", "\n", "#"]),
    lines,
)
values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.sampled_from(["a", "..", "KCF", "done", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["schema", "label", "sequences", "image_size", "name", "trackers", "suite", "value", "state", "tracker"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
documents = values.map(lambda value: json.dumps(value).encode())
DEEP = b"[" * 100_000
HUGE = b'{"a": {"image_size": [Infinity, 1e400]}, "b": {"image_size": [NaN, 1]}}'


def mangled(examples: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """Good files with a piece taken out, doubled or replaced."""

    def change(data: bytes, begin: int, length: int, piece: bytes, times: int) -> bytes:
        at = begin % (len(data) + 1)
        return data[:at] + piece * times + data[at + length :]

    pieces = st.sampled_from(
        [b"", b",", b"\n", b"\r", b"\x00", b"\xff", b"9", b"-", b"nan", b"{", b'"', b"PK"]
    ) | st.binary(max_size=4)
    return st.builds(
        change, st.sampled_from(examples), st.integers(0, 400), st.integers(0, 5), pieces, st.integers(0, 3)
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parsers")


@pytest.mark.parametrize("name", TARGETS)
def test_examples_are_good_or_refused(name: str, folder: Path) -> None:
    for data in TARGETS[name].examples:
        feed(name, data, folder)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_any_input_is_read_or_refused(name: str, folder: Path, data: st.DataObject) -> None:
    kinds = st.one_of(tables, documents, mangled(TARGETS[name].examples), st.binary(max_size=60))
    feed(name, data.draw(kinds), folder)


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize(
    "content", [b"", DEEP, HUGE, b"\x00" * 50, b"\xff\xfe1\x00", b"1," * 5000, b"1\n" * 5000], ids=range(7)
)
def test_inputs_that_once_broke_parsers(name: str, content: bytes, folder: Path) -> None:
    feed(name, content, folder)


ODD_VALUES = (None, 1, "x", [], {}, {"a": 1}, True, "..", "done", ["a"])


def fields_of(value: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(value, dict):
        return []
    return [found for key in value for found in ((*path, key), *fields_of(value[key], (*path, key)))]


@pytest.mark.parametrize("name", ["run", "run found", "run guessed"])
def test_a_run_with_any_field_missing_or_of_another_kind(name: str, folder: Path) -> None:
    for path in fields_of(json.loads(WHOLE_RUN)):
        for value in (*ODD_VALUES, ...):
            document = json.loads(WHOLE_RUN)
            holder = document
            for key in path[:-1]:
                holder = holder[key]
            if value is ...:
                del holder[path[-1]]
            else:
                holder[path[-1]] = value
            feed(name, json.dumps(document).encode(), folder)
