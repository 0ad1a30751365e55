"""One decision of a tracker that proposes and then judges: its candidates as plain arrays, and why one won, in words.

Coarse matching (CM) proposes and scores, fine matching (FM) scores again, both are fused, and a window favours the
middle of the search image. Which tracker it was does not matter here: whoever fills a `Decision` can have it drawn
(`decision_panel`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spm_bench.report.vocabulary import DASH
from spm_bench.scoring.timeline import LOST_BELOW

FloatArray = NDArray[np.float64]

ON_TARGET = 0.5
"""Overlap with the truth from which a candidate counts as the target: PASCAL VOC's rule for a found object."""


@dataclass(frozen=True, eq=False)
class Decision:
    """K candidates and what came of them. Boxes are (x, y, w, h) in the frame.

    Attributes:
        boxes: K x 4, as proposed by CM.
        fused_boxes: K x 4, what would be followed.
        near: K booleans: a candidate because it is near the last box, whatever its score.
        coarse, fine, fused, window, final: K scores; `fine` is NaN where FM was not asked. The highest `final` wins.
        overlaps: K overlaps of `fused_boxes` with the truth; NaN where the truth is not known.
        best: The candidate that won.
        box: 4, where the tracker is after the step.
        accepted: False where its fused score was too low: the target counts as lost and the box stays.
        fine_share: Share of FM in the fused score.
        window_share: Share of the window in the final score.
        lost_below: The fused score needed to be accepted.
        region: 4, the search square.
        crop: S x S x 3 uint8 BGR, the search image.
        heat: G x G, CM's highest score at each cell of its response.
        cells: G, where the centres of the response's columns (and rows) lie in the search image, in its pixels.
        sees_truth: Whether the middle of the true box lies in the search square; None where there is no truth.
    """

    boxes: FloatArray
    fused_boxes: FloatArray
    near: NDArray[np.bool_]
    coarse: FloatArray
    fine: FloatArray
    fused: FloatArray
    window: FloatArray
    final: FloatArray
    overlaps: FloatArray
    best: int
    box: FloatArray
    accepted: bool
    fine_share: float
    window_share: float
    lost_below: float
    region: FloatArray
    crop: NDArray[np.uint8]
    heat: FloatArray
    cells: FloatArray
    sees_truth: bool | None

    @property
    def ranking(self) -> list[int]:
        """The candidates by falling final score; the first won."""
        return [int(k) for k in np.argsort(-self.final, kind="stable")]

    @property
    def first(self) -> int:
        """The candidate that CM scored highest."""
        return int(np.argmax(self.coarse))

    @property
    def target(self) -> int | None:
        """The candidate that is the target: of those from `ON_TARGET` up the one ranked highest; None without any."""
        return next((k for k in self.ranking if self.overlaps[k] >= ON_TARGET), None)

    @property
    def tags(self) -> list[str]:
        """A letter for each candidate: A is CM's first, B its second, ...; numbers after Z."""
        order = np.argsort(-self.coarse, kind="stable")
        tags = [""] * len(order)
        for place, k in enumerate(order):
            tags[int(k)] = chr(ord("A") + place) if place < 26 else str(place + 1)
        return tags

    @property
    def rule(self) -> str:
        """How the final score is made."""
        fine = 0.0 if np.isnan(self.fine).all() else self.fine_share
        return f"fused = {_blend('CM', 'FM', fine)},  final = {_blend('fused', 'window', self.window_share)}"


def _blend(first: str, second: str, share: float) -> str:
    """Two scores and the share of the second, as a formula."""
    if share in (0.0, 1.0):
        return second if share else first
    return f"{1 - share:.2g} {first} + {share:.2g} {second}"


def short(value: float) -> str:
    """A score in two digits, ".93"; a dash where there is none.

    >>> short(0.934), short(1.0), short(float("nan"))
    ('.93', '1.00', '–')
    """
    if not np.isfinite(value):
        return DASH
    text = f"{value:.2f}"
    return text[1:] if text.startswith("0.") else text


def in_words(decision: Decision) -> str:
    """Why this candidate won, in a line or two: what CM proposed first, what FM thought of it, what decided."""
    parts = [_winner_alone(decision)] if decision.sees_truth is None else [_proposed(decision), _decided(decision)]
    if not decision.accepted:
        score = decision.fused[decision.best]
        parts.append(f"Fused {short(score)} is below {short(decision.lost_below)}: it counts as lost, the box stays.")
    return " ".join(part for part in parts if part)


def _winner_alone(d: Decision) -> str:
    """Where nobody knows the truth."""
    tag, k = d.tags[d.best], d.best
    first = "" if d.best == d.first else f" CM's first is {d.tags[d.first]} at {short(d.coarse[d.first])}."
    return f"{tag} wins: CM {short(d.coarse[k])}{_fine(d, k)}, final {short(d.final[k])}.{first}"


def _proposed(d: Decision) -> str:
    """What CM put first, and what FM said about it and about the target."""
    first, target, tags = d.first, d.target, d.tags
    text = f"CM's first is {tags[first]} at {short(d.coarse[first])}, {_kind(d.overlaps[first])}"
    if target is None or target == first or d.overlaps[first] >= ON_TARGET:
        judged = "" if np.isnan(d.fine[first]) else f"; FM gives it {short(d.fine[first])}"
        return f"{text}{judged}."
    text += f"; the target is {tags[target]} at {short(d.coarse[target])}"
    if not np.isnan(d.fine[first]):
        text += f". FM gives {tags[first]} {short(d.fine[first])}, {tags[target]} {short(d.fine[target])}"
    return f"{text}."


def _decided(d: Decision) -> str:
    best, target, tags = d.best, d.target, d.tags
    others = [k for k in d.ranking if k != best]
    if target is None:
        why = _not_proposed(d)
        return f"{why} {tags[best]}, {_kind(d.overlaps[best])}, wins with {short(d.final[best])}."
    if target != best:
        unwindowed = int(np.argmax(d.fused))
        text = f"{tags[best]}, {_kind(d.overlaps[best])}, wins over the target {tags[target]}: "
        text += f"{short(d.final[best])} to {short(d.final[target])}"
        if d.overlaps[unwindowed] >= ON_TARGET:
            text += f"; the window decides, fused is {short(d.fused[best])} to {short(d.fused[unwindowed])}"
        return f"{text}."
    rival = "" if not others else f", {tags[others[0]]} follows with {short(d.final[others[0]])}"
    decided = "; the window decides" if d.overlaps[int(np.argmax(d.fused))] < ON_TARGET else ""
    return f"{tags[best]}, the target, wins with {short(d.final[best])}{rival}{decided}."


def _not_proposed(d: Decision) -> str:
    if d.sees_truth is False:
        return "The target is outside the search image."
    nearest = int(np.nanargmax(d.overlaps))
    if d.overlaps[nearest] <= 0:
        return "No candidate touches the target."
    return (
        f"No candidate overlaps the target by {f'{ON_TARGET:g}'.lstrip('0')} "
        f"(the best, {d.tags[nearest]}, by {short(d.overlaps[nearest])})."
    )


def _kind(overlap: float) -> str:
    if overlap >= ON_TARGET:
        return "the target"
    if overlap >= LOST_BELOW:
        return f"half beside the target (overlap {short(overlap)})"
    return "not the target"


def _fine(d: Decision, k: int) -> str:
    return "" if np.isnan(d.fine[k]) else f", FM {short(d.fine[k])}"
