"""Scores of VOT's runs without resets: the average overlap."""

from __future__ import annotations

from functools import partial

import numpy as np

from spm_bench.metrics.speed import frames_per_second
from spm_bench.metrics.supervised import accuracy, accuracy_statistic, counted_frames, sequence_accuracies
from spm_bench.metrics.vot_conventions import BY_LENGTH, Pooling, get_no_reset_convention
from spm_bench.results.trajectory import ResultSet
from spm_bench.scoring.base import Evaluation
from spm_bench.scoring.rows import about_seconds, score_row
from spm_bench.scoring.supervised import (
    about_bounds,
    about_repetitions,
    collect_runs,
    labelled_accuracy,
    labelled_parts,
    tidy_values,
)
from spm_bench.suites.base import Suite

AVERAGE_OVERLAP = "vot_ao"
"""Not "ao", which is GOT-10k's: overlaps of other regions over other frames."""


def evaluate_no_reset(
    suite: Suite, results: ResultSet, convention: str | None = None, *, allow_missing: bool = False
) -> Evaluation:
    """Score one tracker's results of VOT's unsupervised experiment.

    Args:
        suite: With ground truth; frames are not touched.
        results: Raw results of one tracker, with boxes or polygons.
        convention: A name of `NO_RESET_CONVENTIONS`; None takes "vot-ao".
        allow_missing: Score the sequences that have results, instead of failing when one has none.

    Returns:
        Scores "vot_ao", then "fps" where times are known.

    Raises:
        UsageError: No such convention.
        ResultsError: Results are missing, broken, of the wrong length, or have no start.
    """
    rules = get_no_reset_convention(convention)
    runs = collect_runs(suite, results, rules.overlap, allow_missing=allow_missing)
    burn_in = suite.ao_burn_in if rules.burn_in is None else rules.burn_in
    counted = counted_frames(runs.passes, burn_in) & runs.annotated
    pooling: Pooling = BY_LENGTH if rules.weighted else "sequences"
    value = accuracy(runs.passes, counted, pooling, blank_is_zero=True)
    names = [sequence.name for sequence in runs.sequences]
    score = partial(score_row, suite, results, rules.name)
    left_out = "the first frame" if burn_in == 1 else f"{burn_in} frames from the start"
    notes = f"without {left_out}", about_repetitions(runs), about_bounds(runs.unbounded)
    scores = [score(AVERAGE_OVERLAP, None if np.isnan(value) else value, len(names), *notes)]
    fps = frames_per_second(runs.seconds)
    if fps is not None:
        scores.append(score("fps", fps, len(names), f"frames / seconds, {about_seconds(results)}"))
    of_sequences = sequence_accuracies(runs.passes, counted, pooling, blank_is_zero=True)
    return Evaluation(
        label=results.label,
        scores=tuple(scores),
        per_sequence=tidy_values(names, {AVERAGE_OVERLAP: of_sequences}),
        curves={},
        per_attribute=labelled_accuracy(runs, counted, AVERAGE_OVERLAP),
        extra={"rules": rules.describe(), "burn_in": burn_in},
        sequences=tuple(names),
        statistics={AVERAGE_OVERLAP: accuracy_statistic(runs.passes, counted, pooling, blank_is_zero=True)},
        attributes=labelled_parts(runs, counted, AVERAGE_OVERLAP),
    )
