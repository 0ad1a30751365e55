"""Named rule sets of VOT's supervised evaluation: where evaluators disagree, the rule is a field.

To add a tool, add a `VotConvention` to `VOT_CONVENTIONS`; no other code knows the names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spm_bench.errors import unknown_name

Overlap = Literal["raster", "exact"]
Pooling = Literal["sequences-by-length", "sequences", "frames"]
FragmentWeight = Literal["one", "per-sequence"]
LateFailure = Literal["padded", "reaches-end"]
CurveEnd = Literal["longest-fragment", "longest-sequence"]

BY_LENGTH: Pooling = "sequences-by-length"
BURN_IN = 10
"""Frames after each (re-)initialisation that accuracy leaves out: overlap there is still the annotation's own."""
SENSITIVITY = 30
"""Frames over which VOT's accuracy-robustness plots ask a tracker to survive (S in exp(-S F / N))."""
SKIP = 5
"""From a failure to the re-initialisation, in frames (`skip_initialize` of every year's experiment)."""


@dataclass(frozen=True)
class VotConvention:
    """How one evaluator turns supervised runs into accuracy, robustness and EAO.

    Attributes:
        name: What the user and the tables write.
        source: Where the rules can be read, or how they were found.
        overlap: Counted in painted pixels, or exact.
        pooling: How accuracy and the reliability's failure rate are put together. "sequences-by-length": mean over a
            sequence's repetitions, then over sequences weighted by their frames. "sequences": the same unweighted.
            "frames": each frame averaged over its repetitions, then all frames of all sequences alike.
        blank_is_zero: A repetition without any frame that counts has accuracy 0; else it is left out.
        fragment_weight: Each fragment counts one, or 1 / repetitions of its sequence. Equal where all sequences have
            the same number of repetitions.
        late_failure: A failure so close to the end that no re-initialisation fits behind it: the fragment is padded
            with zeros like any other, or counts as one that reached the end.
        first_length: Which length the first value inside the interval has: `low + first_length`. The toolkit in python
            takes the slice low ... high of a curve that starts with length 1, so averages low + 1 ... high + 1.
        curve_end: The curve stops at the longest fragment (and EAO averages what there is), or goes on to the longest
            sequence.
        burn_in: Frames after each start that accuracy leaves out.
        sensitivity: S in the reliability exp(-S F / N).
        skip: Frames from a failure to the next start.
    """

    name: str
    source: str
    overlap: Overlap = "raster"
    pooling: Pooling = "frames"
    blank_is_zero: bool = False
    fragment_weight: FragmentWeight = "per-sequence"
    late_failure: LateFailure = "reaches-end"
    first_length: int = 0
    curve_end: CurveEnd = "longest-sequence"
    burn_in: int = BURN_IN
    sensitivity: int = SENSITIVITY
    skip: int = SKIP

    def lengths(self, interval: tuple[int, int]) -> tuple[int, int]:
        """First and last sequence length that EAO averages, for an interval as the year announced it."""
        return interval[0] + self.first_length, interval[1] + self.first_length

    def describe(self) -> str:
        """The rules in words, for a report."""
        accuracy = {
            "sequences-by-length": "A is averaged over repetitions, then over sequences weighted by their length",
            "sequences": "A is averaged over repetitions, then over sequences",
            "frames": "A is averaged over the repetitions of each frame, then over all frames",
        }[self.pooling]
        overlap = "in painted pixels" if self.overlap == "raster" else "exactly"
        shift = ", one frame longer each" if self.first_length else ""
        late = {
            "padded": "a run that is lost near the end counts 0 for all longer sequences",
            "reaches-end": "a run that is lost too near the end for another start counts as one that reached it",
        }[self.late_failure]
        return (
            f"Overlaps are measured {overlap}; {accuracy}, without {self.burn_in} frames after each start; R is "
            f"failures per 100 frames; EAO averages over the lengths of the year's interval{shift}, and {late}. "
            f"Source: {self.source}."
        )


VOT_CONVENTIONS = (
    VotConvention(
        name="vot-matlab",
        source="the challenge's Matlab toolkit (votchallenge/toolkit-legacy @2fb78d5) and its port pysot-toolkit, "
        "which made the EAO in the papers of 2015-2019; late_failure is inferred from DaSiamRPN's VOT2018 files: "
        ".384 here, .383 in print, .373 with padding",
    ),
    VotConvention(
        name="vot-toolkit",
        source="vot-toolkit 0.7.4, analyses supervised_average_ar and supervised_eao_score, found by comparing outputs",
        pooling="sequences-by-length",
        blank_is_zero=True,
        fragment_weight="one",
        late_failure="padded",
        first_length=1,
        curve_end="longest-fragment",
    ),
    VotConvention(
        name="exact",
        source="exact polygon overlaps, 1 to 2 percent below painted ones; fragments as in VOT2015's report",
        overlap="exact",
        late_failure="padded",
    ),
    VotConvention(
        name="sequence-mean",
        source="the rules of vot-matlab, but accuracy as the plain mean over sequences",
        pooling="sequences",
    ),
)
"""All known rule sets of supervised evaluation.

The first is the default: figures in print were made by its rules. "vot-toolkit" equals what the toolkit in python
prints today; on the published raw results its EAO is .003 to .013 lower, nearly all of it from `late_failure`.
"""

_ALIASES = {"pysot": "vot-matlab"}


def get_vot_convention(name: str | None) -> VotConvention:
    """Look a rule set up by name, in any case; None takes the default. "pysot" is "vot-matlab".

    Raises:
        UsageError: Unknown name; the message offers the nearest ones.

    >>> get_vot_convention("PySOT").lengths((100, 356))
    (100, 356)
    >>> get_vot_convention("vot-toolkit").lengths((100, 356))
    (101, 357)
    """
    if name is None:
        return VOT_CONVENTIONS[0]
    folded = _ALIASES.get(name.casefold(), name.casefold())
    for convention in VOT_CONVENTIONS:
        if convention.name == folded:
            return convention
    raise unknown_name("convention of supervised scores", name, (*(c.name for c in VOT_CONVENTIONS), *_ALIASES))
