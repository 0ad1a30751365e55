"""What a comparison supports, in words: a conclusion goes no further than interval and test do."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from spm_bench.report.comparison.pair import PairComparison
from spm_bench.report.differences import difference_text, p_text, signed
from spm_bench.report.vocabulary import style_of
from spm_bench.scoring.compare import OPPOSED, Comparison

MOST_NAMED = 5
"""Attributes that a sentence names on either side."""


def conclusion(pair: PairComparison) -> str:
    """What the numbers of a pair support: the headline metric, the other metrics, the attributes."""
    return " ".join(sentences(pair))


def sentences(pair: PairComparison) -> Iterator[str]:
    """The conclusion, sentence by sentence; the first is about the headline metric."""
    c = pair.headline
    if _equal(pair):
        yield f"{c.label} and {c.base} are equal on {_all(c.n_sequences)}: no score tells them apart."
        return
    yield lead(c)
    if OPPOSED in c.note:
        yield "The mean and the ranks of the differences point to opposite sides: few large against many small ones."
    if not c.established:
        yield from _what_could_be_seen(c)
    yield from _other_metrics(pair)
    yield from _attributes(pair)


def lead(c: Comparison) -> str:
    """One comparison in a sentence."""
    word, style = style_of(c.metric).word, style_of(c.metric)
    if not math.isfinite(c.difference):
        return f"{c.label} and {c.base} cannot be compared by {word}: it is undefined on these sequences."
    numbers = f"{word} {style.format(c.value)} against {style.format(c.base_value)}"
    if c.n_units < 2:
        few = "One sequence says" if c.n_sequences == 1 else f"{c.n_sequences} sequences of one video say"
        return f"{few} nothing about others: {c.label} has {numbers} of {c.base}."
    where = f"on {c.n_sequences} sequences" + (f" ({c.n_units} videos or scenes)" if c.n_units < c.n_sequences else "")
    test = f"{difference_text(c.metric, c.difference, c.low, c.high)}, {p_words(c.p_holm)}"
    numbers = f"{numbers} {where} ({test}{_record(c)})"
    if c.established:
        return f"{c.label} is {_side(c)} than {c.base}: {numbers}."
    return f"{c.label} cannot be told from {c.base}: {numbers} may be noise."


def p_words(p: float) -> str:
    """A p value as an equation: `p = .03`, `p < .001`; `no test` where there is none."""
    if not math.isfinite(p):
        return "no test"
    text = p_text(p)
    return f"p < {text[1:]}" if text.startswith("<") else f"p = {text}"


def _equal(pair: PairComparison) -> bool:
    """Whether no sequence tells the two apart in any score that single sequences have, nor any other score."""
    tied = all(c.ties == c.n_sequences or not (c.wins or c.ties or c.losses) for c in pair.comparisons)
    return tied and all(not abs(c.difference) > 1e-12 for c in pair.comparisons)


def _all(n: int) -> str:
    return f"all {n} sequences" if n > 1 else "the one sequence"


def _record(c: Comparison) -> str:
    n = c.wins + c.ties + c.losses
    return f"; better on {c.wins} of {n}" if n else ""


def _what_could_be_seen(c: Comparison) -> Iterator[str]:
    """How large a difference would have had to be."""
    least = 2.0 ** (1 - c.n_units)
    if c.n_units >= 2 and least >= 1.0 - c.level:
        yield f"{c.n_units} videos are too few: no p below {p_text(min(least, 1.0))} is possible."
    elif math.isfinite(c.detectable):
        size = signed(c.metric, c.detectable).lstrip("+")
        yield f"These sequences would show a difference of {size} in four of five such experiments."


def _other_metrics(pair: PairComparison) -> Iterator[str]:
    others = [c for c in pair.comparisons if c is not pair.headline and math.isfinite(c.difference) and c.n_units > 1]
    sure = [c for c in others if c.established]
    rest = [c for c in others if not c.established]
    if sure:
        told = ", ".join(f"{style_of(c.metric).word} ({signed(c.metric, c.difference)}, {_side(c)})" for c in sure)
        yield f"{'Established too' if pair.headline.established else 'Established'}: {told}."
    if rest:
        named = ", ".join(f"{style_of(c.metric).word} ({signed(c.metric, c.difference)})" for c in rest)
        yield f"Not established: {named}."


def _side(c: Comparison) -> str:
    return "better" if c.better else "worse"


def _attributes(pair: PairComparison) -> Iterator[str]:
    quiet = []
    for metric in pair.attribute_metrics:
        known = [(name, c) for name, c in pair.attributes_of(metric).items() if math.isfinite(c.difference)]
        if any(c.established for _, c in known):
            yield _by_attribute(metric, known)
        elif any(c.n_units > 1 for _, c in known):
            quiet.append(style_of(metric).word)
    if quiet:
        yield f"By attribute, no difference in {' or '.join(quiet)} is established."


def _by_attribute(metric: str, known: Sequence[tuple[str, Comparison]]) -> str:
    sure = sorted(((n, c) for n, c in known if c.established), key=lambda of: -abs(of[1].difference))
    parts = [
        f"{side} on {_named([(n, c) for n, c in sure if c.better is better])}"
        for side, better in (("better", True), ("worse", False))
        if any(c.better is better for _, c in sure)
    ]
    word, amount = style_of(metric).word, f"{len(sure)} of {len(known)}"
    return f"By attribute, {amount} differences in {word} are established: {'; '.join(parts)}."


def _named(some: Sequence[tuple[str, Comparison]]) -> str:
    names = [f"{name} ({signed(c.metric, c.difference)})" for name, c in some]
    rest = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
