"""Differences to a base in words and digits."""

from __future__ import annotations

import math
from collections.abc import Sequence

from spm_bench.report.intervals import short
from spm_bench.report.vocabulary import DASH, MINUS, style_of
from spm_bench.scoring.compare import Comparison


def signed(metric: str, value: float) -> str:
    """A difference with its sign and the metric's digits: `+.031`, `−.200`; what prints as zero has no sign.

    >>> signed("auc", 0.0312), signed("failures", -5.0), signed("auc", -0.0001)
    ('+.031', '−5', '.000')
    """
    if not math.isfinite(value):
        return DASH
    decimals = style_of(metric).decimals
    if decimals == 0 and value != round(value):
        decimals = 1
    text = short(abs(value), decimals)
    return text if not float(f"{value:.{decimals}f}") else f"{'+' if value > 0 else MINUS}{text}"


def difference_text(metric: str, value: float, low: float, high: float) -> str:
    """A difference with its interval: `+.031 [+.002, +.060]`; without one, alone."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return signed(metric, value)
    return f"{signed(metric, value)} [{signed(metric, low)}, {signed(metric, high)}]"


def p_text(p: float) -> str:
    """A p value in two digits: `.03`, `<.001`, `1`.

    >>> p_text(0.0312), p_text(0.00001), p_text(1.0), p_text(0.0043)
    ('.031', '<.001', '1', '.004')
    """
    if not math.isfinite(p):
        return DASH
    if p < 0.001:
        return "<.001"
    text = f"{p:.3f}" if p < 0.1 else f"{p:.2f}"
    return "1" if text == "1.00" else text[1:]


def record_text(comparison: Comparison) -> str:
    """Wins, ties and losses: `8/4/2`; a dash where no single sequence has the score."""
    counts = comparison.wins, comparison.ties, comparison.losses
    return "/".join(map(str, counts)) if any(counts) else DASH


MOST_NAMED = 6
"""Cells that a sentence names; of more it says how many."""


def part_text(found: int, whole: int) -> str:
    """How many sequences a score is over, where these are not all: ` (1 of 4)`; nothing where they are.

    >>> part_text(1, 4), part_text(4, 4)
    (' (1 of 4)', '')
    """
    return f" ({found} of {whole})" if found < whole else ""


def verdict(metric: str, comparisons: Sequence[Comparison], sequences: int = 0) -> str:
    """What the comparisons of one metric establish, in a few sentences; labels are as they stand.

    Args:
        metric: Name of the metric.
        comparisons: Of this metric.
        sequences: That cells have which broke nowhere: those on fewer are told apart. 0: the most that one has.
    """
    known = [c for c in comparisons if math.isfinite(c.difference)]
    sure = [c for c in known if c.established]
    whole = max([sequences, *(c.n_sequences for c in known)])
    named = ", ".join(
        f"{c.label} ({signed(metric, c.difference)}, {'better' if c.better else 'worse'}"
        f"{f', on {c.n_sequences} of {whole} sequences' if c.n_sequences < whole else ''})"
        for c in sure
    )
    noise = [c.label for c in known if not c.established and c.n_sequences == whole]
    partial = [c for c in known if not c.established and c.n_sequences < whole]
    title = style_of(metric).word
    parts = [f"Established in {title}: {named}." if sure else f"Nothing is established in {title}."]
    if not sure and known:
        parts += [out_of_reach(known)]
    if noise:
        others = f"{'the other' if sure or partial else 'all'} {len(noise)} cells"
        parts.append(
            f"Not to be told from {known[0].base}: {', '.join(noise) if len(noise) <= MOST_NAMED else others}."
        )
    if partial:
        few = ", ".join(f"{c.label}{part_text(c.n_sequences, whole)}" for c in partial)
        many = f"{len(partial)} cells"
        parts.append(f"Not established, and on a part of the sequences: {few if len(partial) <= MOST_NAMED else many}.")
    seen = [c.detectable for c in known if math.isfinite(c.detectable)]
    if seen:
        least, most = (signed(metric, v).lstrip("+") for v in (min(seen), max(seen)))
        parts.append(f"Detectable at 80 % power: {least if least == most else f'{least} to {most}'}.")
    return " ".join(filter(None, parts))


def out_of_reach(comparisons: Sequence[Comparison]) -> str:
    """Say it where no difference, however large, could pass the corrected test; else nothing.

    The exact test of n pairs has no p below 2 / 2^n, and Holm's correction multiplies the smallest of m by m.
    """
    n, m = max(c.n_units for c in comparisons), len(comparisons)
    least = 2.0 ** (1 - n) * m
    if least < 1.0 - comparisons[0].level:
        return ""
    return f"{n} videos are too few for {m} cells: no corrected p below {p_text(min(least, 1.0))} is possible."
