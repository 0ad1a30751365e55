"""Every convention a table can name is explained in words that fit its rules."""

from __future__ import annotations

import pytest

from spm_bench.metrics.conventions import CONVENTIONS
from spm_bench.metrics.vot_conventions import VOT_CONVENTIONS
from spm_bench.report.conventions import default_name, explain


@pytest.mark.parametrize("name", [c.name for c in (*CONVENTIONS, *VOT_CONVENTIONS)])
def test_every_convention_is_explained_with_its_source(name: str) -> None:
    words = explain(name)
    assert "Source: " in words
    assert len(words) > 100
    assert ".." not in words


def test_no_two_conventions_share_an_explanation() -> None:
    names = [c.name for c in (*CONVENTIONS, *VOT_CONVENTIONS)]
    assert len({explain(name).split("Source:")[0] for name in names if name not in SAME_WORDS}) == len(names) - len(
        SAME_WORDS
    )


SAME_WORDS = {"lasot"}
"""Differs from another only in labels that most suites do not have; its source says so."""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("otb-matlab", ["strictly more than", "21 thresholds", "at most 20 px", "hits of precision", "as given"]),
        ("spm-release", ["less than 20 px"]),
        ("pytracking", ["misses of precision"]),
        ("got10k-toolkit", ["the mean of its curve"]),
        ("got10k", ["pooled", "left out", "clamped to the picture", "more than .50 or .75"]),
        ("got10k-cut", ["cut at the picture's border"]),
    ],
)
def test_words_follow_the_rules(name: str, words: list[str]) -> None:
    for word in words:
        assert word in explain(name)


def test_an_unknown_name_is_said_to_be_unknown() -> None:
    assert "no description" in explain("house-rules")


def test_defaults() -> None:
    assert default_name("otb") == "otb-matlab"
    assert default_name("got10k") == "got10k"
    assert default_name("vot") == VOT_CONVENTIONS[0].name
