"""Headers: numbers and dates that a server sends are believed only where they are some."""

from __future__ import annotations

import time
from email.message import Message
from email.utils import formatdate
from types import SimpleNamespace

import pytest

from spm_bench.fetch.http import content_length, content_range, retry_after

MANY = "9" * 5000


def headed(**headers: str) -> Message:
    message = Message()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return message


@pytest.mark.parametrize("said", ["", "soon", "-1", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"])
def test_a_wait_that_is_none(said: str) -> None:
    assert retry_after(headed(Retry_After=said)) is None


def test_a_wait_until_a_date() -> None:
    wait = retry_after(headed(Retry_After=formatdate(time.time() + 100, usegmt=True)))
    assert wait is not None
    assert 90 < wait <= 100
    assert retry_after(headed(Retry_After=formatdate(0, usegmt=True))) == 0.0


@pytest.mark.parametrize(("said", "n"), [("0", 0), ("12", 12), ("", None), ("-1", None), ("1 2", None), (MANY, None)])
def test_lengths(said: str, n: int | None) -> None:
    assert content_length(SimpleNamespace(headers=headed(Content_Length=said))) == n


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("bytes 5-9/10", (5, 10)),
        ("bytes */10", (None, 10)),
        ("bytes 5-9/*", (5, None)),
        ("", (None, None)),
        (f"bytes {MANY}-9/10", (None, None)),
    ],
)
def test_ranges(said: str, found: tuple[int | None, int | None]) -> None:
    assert content_range(SimpleNamespace(headers=headed(Content_Range=said))) == found
