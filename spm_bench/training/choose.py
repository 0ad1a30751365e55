"""Choosing the tracker's settings for trained weights, on the held-out training videos and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from spm_bench.training.validate import Setting

CHOICES: Mapping[str, Sequence[Any]] = {
    "decode_offset": (0.0, 1.0),
    "window_weight": (0.3, 0.4, 0.5, 0.6),
    "size_rate": (0.35, 0.5, 0.7, 1.0),
    "fm_score_weight": (0.35, 0.5, 0.65),
    "fm_box_weight": (1.0, 3.0, 6.0),
    "lost_threshold": (0.1, 0.2, 0.3),
}
"""What is tried of SPM, one setting at a time in this order; the released values are among them."""

_RPN: Mapping[str, Sequence[Any]] = {
    "decode_offset": (0.0, 1.0),
    "window_weight": (0.3, 0.4, 0.5, 0.6),
    "size_rate": (0.2, 0.3, 0.45, 0.7),
    "penalty": (0.04, 0.11, 0.22, 0.4),
}
CHOICES_OF: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "SPM": CHOICES,
    "SiamFC": {
        "window_weight": (0.1, 0.176, 0.3, 0.45),
        "size_rate": (0.35, 0.59, 0.8, 1.0),
        "scale_step": (1.02, 1.0375, 1.055, 1.075),
        "scale_penalty": (0.94, 0.9745, 1.0),
        "scales": (3, 5),
    },
    "SiamRPN": _RPN,
    "DaSiamRPN": {**_RPN, "distractor_weight": (0.25, 0.5), "distractor_cut": (0.5, 0.8)},
}
"""What is tried of each tracker: about as many values for each, 10 to 13 besides those they have."""

MARGIN = 0.003
"""A value must be better than the one before by this much: differences below come from single frames."""

Evaluate = Callable[[Sequence[Mapping[str, Any]]], Sequence[Setting]]


class Choice(NamedTuple):
    """What was chosen (changes to the settings that the architecture has anyway), and every row that was tried."""

    changes: dict[str, Any]
    tried: list[Setting]


def quality(values: Mapping[str, float]) -> float:
    """What is maximised: the mean AUC of the one-pass and of the restarted runs (ours).

    One pass alone hangs on single losses, restarts alone forgive them.
    """
    return 0.5 * (values["auc_one_pass"] + values["auc_restarted"])


def choose_settings(
    evaluate: Evaluate,
    start: Mapping[str, Any],
    choices: Mapping[str, Sequence[Any]] = CHOICES,
    *,
    margin: float = MARGIN,
) -> Choice:
    """Walk once through the settings and keep for each the value that is best, all others as they are by then.

    Args:
        evaluate: Grid of changes -> a row for each; see `spm_bench.training.validate.evaluate_settings`. It is asked
            for one row at a time: settings that shape tensors could not share a batch.
        start: Value of every setting in `choices` before the walk.
        choices: Setting -> values to try.
        margin: Least gain for which a value is changed.

    Returns:
        The settings whose value is no longer that of `start`, and what was tried.
    """
    current: dict[str, Any] = {}
    tried = list(evaluate([current]))
    best = quality(tried[0].values)
    for name, values in choices.items():
        now = current.get(name, start[name])
        rows = [row for v in values if v != now for row in evaluate([{**current, name: v}])]
        tried += rows
        winner = max(rows, key=lambda row: quality(row.values), default=None)
        if winner is not None and quality(winner.values) > best + margin:
            current, best = dict(winner.changes), quality(winner.values)
    return Choice({name: value for name, value in current.items() if value != start[name]}, tried)
