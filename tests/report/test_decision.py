"""What a decision says in words is what its numbers say, and the panel shows them."""

from __future__ import annotations

import numpy as np
import pytest

from spm_bench.report.decision import Decision, in_words, short
from spm_bench.report.decision_panel import CROP, HEAD, OTHER, PANEL, TARGET, WINNER, draw_panel, panel_height
from spm_bench.report.lettering import bgr
from spm_bench.report.vocabulary import DASH
from tests.report.decisions import decision


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (
            decision([0.93, 0.90], [0.21, 0.88], [0.0, 0.8]),
            "CM's first is A at .93, not the target; the target is B at .90. FM gives A .21, B .88. "
            "B, the target, wins with .95, A follows with .79.",
        ),
        (
            decision([0.93, 0.90], [0.95, 0.30], [0.0, 0.8]),
            "CM's first is A at .93, not the target; the target is B at .90. FM gives A .95, B .30. "
            "A, not the target, wins over the target B: .97 to .80.",
        ),
        (
            decision([0.9, 0.8], [0.4, 0.9], [0.2, 0.7], [1.0, 0.1]),
            "CM's first is A at .90, half beside the target (overlap .20); the target is B at .80. "
            "FM gives A .40, B .90. A, half beside the target (overlap .20), wins over the target B: .82 to .48; "
            "the window decides, fused is .65 to .85.",
        ),
        (
            decision([0.9, 0.95], None, [0.7, 0.0], [1.0, 0.1]),
            "CM's first is A at .95, not the target; the target is B at .90. "
            "B, the target, wins with .95, A follows with .53; the window decides.",
        ),
        (
            decision([0.9], [0.8], [0.7]),
            "CM's first is A at .90, the target; FM gives it .80. A, the target, wins with .93.",
        ),
        (
            decision([0.9, 0.1], [0.8, 0.1], [0.3, 0.0]),
            "CM's first is A at .90, half beside the target (overlap .30); FM gives it .80. No candidate overlaps the "
            "target by .5 (the best, A, by .30). A, half beside the target (overlap .30), wins with .93.",
        ),
        (
            decision([0.9, 0.1], [0.8, 0.1], [0.0, 0.0]),
            "CM's first is A at .90, not the target; FM gives it .80. No candidate touches the target. "
            "A, not the target, wins with .93.",
        ),
        (
            decision([0.9, 0.1], [0.8, 0.1], [0.0, 0.0], sees_truth=False),
            "CM's first is A at .90, not the target; FM gives it .80. The target is outside the search image. "
            "A, not the target, wins with .93.",
        ),
        (
            decision([0.1, 0.15], [0.1, 0.1], None, [1.0, 0.2], accepted=False),
            "B wins: CM .10, FM .10, final .55. CM's first is A at .15. "
            "Fused .10 is below .20: it counts as lost, the box stays.",
        ),
    ],
)
def test_a_decision_in_words(made: Decision, words: str) -> None:
    assert in_words(made) == words


def test_letters_go_by_the_coarse_score_and_numbers_follow() -> None:
    made = decision(list(np.linspace(0.1, 0.9, 30)), [0.5] * 30, [0.0] * 30)
    assert made.tags[29] == "A"
    assert made.tags[4] == "Z"
    assert made.tags[3] == "27"
    assert (made.first, made.best, made.target) == (29, 29, None)


def test_scores_are_short_and_the_rule_is_told() -> None:
    assert [short(v) for v in (0.0, 0.005, 0.996, 1.0, float("nan"))] == [".00", ".01", "1.00", "1.00", DASH]
    assert decision([0.5], [0.5], None, fine_share=0.25).rule == (
        "fused = 0.75 CM + 0.25 FM,  final = 0.5 fused + 0.5 window"
    )
    assert decision([0.5], None, None, window_share=0.0).rule == "fused = CM,  final = fused"
    assert decision([0.5], [0.5], None, fine_share=1.0, window_share=1.0).rule == "fused = FM,  final = window"


def count(picture: np.ndarray, colour: str) -> int:
    return int((picture == bgr(colour)).all(axis=2).sum())


def test_the_panel_marks_the_winner_and_what_is_the_target() -> None:
    made = decision([0.93, 0.9, 0.5], [0.21, 0.88, 0.5], [0.0, 0.8, 0.2])
    panel = draw_panel(made, np.array([30.0, 20.0, 30.0, 20.0]))
    assert panel.shape[1] == PANEL
    assert panel.shape[0] <= panel_height(3)
    table = panel[HEAD + CROP + HEAD :]
    first, rest = table[:19], table[19:]
    assert count(first, WINNER) > 1000
    assert count(rest, WINNER) == 0
    assert count(first, TARGET) > 50
    assert count(first, OTHER) == 0
    assert count(rest, OTHER) > 100
    assert count(rest, TARGET) == 0


def test_the_heat_covers_the_response_alone() -> None:
    grey = decision([0.9], [0.5], None, heat=np.ones((19, 19)))
    heat = draw_panel(grey)[HEAD : HEAD + CROP, :CROP].astype(int)
    coloured = (heat.max(axis=2) - heat.min(axis=2)) > 20
    rows, columns = np.nonzero(coloured)
    factor = CROP / 271
    for found in (rows, columns):
        assert found.min() == pytest.approx((63.5 - 4) * factor, abs=2)
        assert found.max() == pytest.approx((63.5 + 8 * 18 + 4) * factor, abs=2)


@pytest.mark.parametrize("candidates", [1, 9, 64])
def test_the_panel_takes_any_number_of_candidates(candidates: int) -> None:
    scores = list(np.linspace(0.05, 0.95, candidates))
    made = decision(scores, None, [0.0] * (candidates - 1) + [0.6], accepted=False, cells=np.array([135.5]),
                    heat=np.ones((1, 1)))  # fmt: skip
    panel = draw_panel(made, np.array([1.0, 1, 50, 1, 50, 40, 1, 40]))
    assert panel.shape[0] <= panel_height(candidates)
