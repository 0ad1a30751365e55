"""The rules of VOT's evaluators, held to a table, and told in words that differ where the rules do."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from spm_bench.metrics.vot_conventions import MULTISTART_CONVENTIONS, NO_RESET_CONVENTIONS, VOT_CONVENTIONS

ALL = {rules.name: rules for rules in (*VOT_CONVENTIONS, *MULTISTART_CONVENTIONS, *NO_RESET_CONVENTIONS)}

SUPERVISED = ("overlap", "pooling", "blank_is_zero", "fragment_weight", "late_failure", "first_length", "curve_end")
MULTISTART = ("overlap", "start_frame", "unannotated", "padded_mean", "unknown_length", "first_length")
NO_RESET = ("overlap", "burn_in", "weighted")

RULES = {
    "vot-matlab": (SUPERVISED, "raster frames no per-sequence reaches-end 0 longest-sequence"),
    "vot-toolkit": (SUPERVISED, "raster sequences-by-length yes one padded 1 longest-fragment"),
    "exact": (SUPERVISED, "exact frames no per-sequence padded 0 longest-sequence"),
    "sequence-mean": (SUPERVISED, "raster sequences no per-sequence reaches-end 0 longest-sequence"),
    "vot-st": (MULTISTART, "raster missed missed one-frame-less zero 1"),
    "vot-st-plain": (MULTISTART, "raster left-out left-out all-frames left-out 0"),
    "vot-st-exact": (MULTISTART, "exact left-out left-out all-frames left-out 0"),
    "vot-ao": (NO_RESET, "raster None yes"),
    "vot-ao-plain": (NO_RESET, "raster 1 no"),
    "vot-ao-exact": (NO_RESET, "exact 1 no"),
}
"""What each evaluator does, from its source; `yes` and `no` are True and False."""


@pytest.mark.parametrize("name", RULES)
def test_rules_of_each_evaluator(name: str) -> None:
    """A rule that changes unnoticed would change numbers that are compared with other people's."""
    names, values = RULES[name]
    found = asdict(ALL[name])
    told = {True: "yes", False: "no"}
    spelled = [told[v] if isinstance(v := found[field], bool) else str(v) for field in names]
    assert spelled == values.split()
    if names is SUPERVISED:
        assert (found["burn_in"], found["sensitivity"], found["skip"]) == (10, 30, 5)
    if names is MULTISTART:
        assert (found["threshold"], found["grace"]) == (0.1, 10)
        assert (found["robustness_weight"] == "sequence-length") == (name == "vot-st")


PHRASES = [
    ("vot-matlab", "overlap", {"raster": "in painted pixels", "exact": "measured exactly"}),
    (
        "vot-matlab",
        "pooling",
        {
            "frames": "repetitions of each frame",
            "sequences": "then over sequences, without",
            "sequences-by-length": "weighted by their length",
        },
    ),
    ("vot-matlab", "late_failure", {"padded": "counts 0 for all longer", "reaches-end": "as one that reached it"}),
    ("vot-matlab", "first_length", {0: "the year's interval, and", 1: "one frame longer each"}),
    ("vot-st", "overlap", {"raster": "in painted pixels", "exact": "measured exactly"}),
    ("vot-st", "start_frame", {"missed": "start counts as overlap 0", "left-out": "start is left out"}),
    ("vot-st", "unannotated", {"missed": "annotation count as overlap 0", "left-out": "annotation are left out"}),
    ("vot-st", "robustness_weight", {"sequence-length": "by its length", "run-length": "the length of its runs"}),
    ("vot-st", "unknown_length", {"zero": "run count 0", "left-out": "run are left out"}),
    ("vot-st", "first_length", {0: "interval; runs", 1: "from one frame above its lower end"}),
    ("vot-st", "padded_mean", {"one-frame-less": "one frame less than there are", "all-frames": "after it, lengths"}),
    ("vot-ao", "overlap", {"raster": "in painted pixels", "exact": "measured exactly"}),
    ("vot-ao", "burn_in", {None: "the year's stack", 1: "without the first frame", 7: "without the first 7 frames"}),
    ("vot-ao", "weighted", {True: "over sequences, weighted by their length", False: "over sequences. Source"}),
]


@pytest.mark.parametrize(("name", "field", "phrases"), PHRASES, ids=[f"{name} {field}" for name, field, _ in PHRASES])
def test_words_say_which_rule_it_is(name: str, field: str, phrases: dict[object, str]) -> None:
    texts = {value: replace(ALL[name], **{field: value}).describe() for value in phrases}
    for value, text in texts.items():
        for other, phrase in phrases.items():
            assert (phrase in text) == (value == other), (value, phrase, text)
