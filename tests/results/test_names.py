"""Spellings of sequence names, and what is made of two files that mean the same sequence."""

from __future__ import annotations

import pytest

from spm_bench.results.names import match_names

OTB = ("Basketball", "Jogging-1", "Jogging-2", "Human4-2", "Skating2-1")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Jogging-1", "Jogging-1"),
        ("Jogging.1", "Jogging-1"),
        ("jogging_1", "Jogging-1"),
        ("otb_Jogging_1", "Jogging-1"),
        ("otb100_jogging-1", "Jogging-1"),
        ("TB-Human4", "Human4-2"),
        ("otb_human4_2", "Human4-2"),
        ("Human4", "Human4-2"),
    ],
)
def test_spellings(written: str, meant: str) -> None:
    assert dict(match_names([written], OTB).names) == {meant: written}


@pytest.mark.parametrize("written", ["Jogging", "nobody", "otb_", "Basketballs", "x_Basketball", "Human4-1", ""])
def test_names_that_mean_no_sequence(written: str) -> None:
    found = match_names([written], OTB)
    assert not found.names
    assert found.strangers == (written,)


def test_a_prefix_that_is_a_part_of_a_name_stays() -> None:
    assert dict(match_names(["uav_bike1", "bike1"], ["uav_bike1"]).names) == {"uav_bike1": "uav_bike1"}
    assert dict(match_names(["uav_bike1", "bike1"], ["bike1"]).names) == {"bike1": "bike1"}


def test_the_better_spelling_wins_and_the_other_is_a_stranger() -> None:
    found = match_names(["Human4", "Human4-2", "otb_Human4-2"], OTB)
    assert dict(found.names) == {"Human4-2": "Human4-2"}
    assert found.strangers == ("Human4", "otb_Human4-2")
    assert not found.twins


def test_two_of_a_kind_are_twins_and_the_exact_name_is_read() -> None:
    found = match_names(["Jogging.1", "jogging_1", "Jogging-1"], OTB)
    assert dict(found.names) == {"Jogging-1": "Jogging-1"}
    assert dict(found.twins) == {"Jogging-1": ("Jogging-1", "Jogging.1", "jogging_1")}


def test_the_suites_order_is_kept() -> None:
    assert list(match_names(["Skating2_1", "basketball"], OTB).names) == ["Basketball", "Skating2-1"]
