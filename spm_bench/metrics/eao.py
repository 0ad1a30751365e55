"""Expected average overlap (EAO): how well a tracker overlaps on a sequence of typical length, if nobody helped it.

Supervised runs are cut into fragments, each from a start to the next failure or to the end. A fragment that failed is
known for every length: after the failure the overlap is 0. One that reached the end says nothing about longer ones.

    Phi(1) = 1
    Phi(N) = mean over the fragments known for N frames of their mean overlap in frames 2 ... N
    EAO    = mean of Phi(N) over the year's interval of lengths

Source: VOT2015 report; reference figures section 6.4; details found by comparing outputs with vot-toolkit 0.7.4 (see
`spm_bench.metrics.vot_conventions`). Sums over frames and fragments are exchanged, so that the whole curve costs one
pass over the frames instead of one per length.

Shapes: U passes, F frames of all passes together, K fragments, L lengths.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spm_bench.metrics.resampling import Statistic
from spm_bench.metrics.supervised import Passes
from spm_bench.metrics.vot_conventions import VotConvention

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

LIGHTEST = 1e-6
"""Weight of fragments below which there is none: less than one of a million repetitions, more than sums round off."""


@dataclass(frozen=True, eq=False)
class Fragments:
    """Pieces of passes in which the tracker was on its own.

    Attributes:
        begins: K rows (of F) of the starts.
        lengths: K numbers of frames: up to the failure (excluded), or to the end of the pass.
        failed: K booleans: ended by a failure, so known for every length.
        weights: K weights in the mean.
    """

    begins: IntArray
    lengths: IntArray
    failed: BoolArray
    weights: FloatArray


def cut_fragments(passes: Passes, convention: VotConvention) -> Fragments:
    """Cut passes at their starts and failures, as they are coded.

    A pass whose first frame is no start is taken to start there. What follows a failure without another start belongs
    to no fragment (or to the failed one, see `VotConvention.late_failure`).
    """
    starts = passes.starts.copy()
    starts[passes.first_rows] = True
    begins = np.flatnonzero(starts)
    owner = passes.pass_of_frame[begins]
    ends = passes.first_rows[owner] + passes.lengths[owner]
    following = np.minimum(np.append(begins[1:], len(starts)), ends)
    failures = np.append(np.flatnonzero(passes.failed), len(starts))
    failure = failures[np.searchsorted(failures, begins)]
    failed = failure < following
    stops = np.where(failed, failure, following)
    if convention.late_failure == "reaches-end":
        late = failed & (following == ends) & (failure + convention.skip > ends)
        stops, failed = np.where(late, ends, stops), failed & ~late
    weights = np.ones(len(begins))
    if convention.fragment_weight == "per-sequence":
        weights = 1.0 / passes.repetitions[passes.owners[owner]]
    return Fragments(begins, np.asarray(stops - begins), failed, weights)


def expected_overlap_curve(overlaps: FloatArray, fragments: Fragments, n_lengths: int) -> FloatArray:
    """Phi(1) ... Phi(L): expected average overlap of a sequence of N frames; NaN where no fragment is known for N.

    Args:
        overlaps: F overlaps, 0 where the tracker gave no region.
        fragments: K pieces of the same F frames.
        n_lengths: L.
    """
    lengths = fragments.lengths
    fragment, frame, values = _frames_of(overlaps, fragments)
    size = max(n_lengths, int(lengths.max(initial=0))) + 1
    totals = np.cumsum(np.bincount(frame, values, size))
    # fragments that reached the end leave the mean at the next length, with all they had added
    leaving = ~fragments.failed
    sums = np.bincount(fragment, values, len(lengths))
    left = np.cumsum(np.bincount(lengths[leaving], sums[leaving], size))
    gone = np.cumsum(np.bincount(lengths[leaving], fragments.weights[leaving], size))
    n = np.arange(1, n_lengths + 1)
    # totals[n - 1] holds frames 1 ... n; left[n - 1] those of fragments shorter than n
    known = fragments.weights.sum() - gone[n - 1]
    some = _still_known(fragments, n_lengths)
    curve = np.full(n_lengths, np.nan)
    np.divide(totals[n - 1] - left[n - 1], known * (n - 1), out=curve, where=some & (n > 1))
    curve[:1] = 1.0
    # the differences leave rounding errors around 0
    return np.asarray(np.clip(curve, 0.0, 1.0))


def _frames_of(overlaps: FloatArray, fragments: Fragments) -> tuple[IntArray, IntArray, FloatArray]:
    """All frames of all fragments: which fragment, how many frames after its start, and its weighted overlap."""
    lengths = fragments.lengths
    fragment = np.repeat(np.arange(len(lengths)), lengths)
    first = np.cumsum(lengths) - lengths
    frame = np.arange(len(fragment)) - first[fragment]  # 0 is the start, whose overlap says nothing
    values = overlaps[fragments.begins[fragment] + frame] * fragments.weights[fragment] * (frame > 0)
    return fragment, frame, values


def _still_known(fragments: Fragments, n_lengths: int) -> BoolArray:
    """Lengths for which a fragment is known; counted in whole numbers, as weights leave rounding errors."""
    if fragments.failed.any():
        return np.ones(n_lengths, dtype=bool)
    longest = int(fragments.lengths.max(initial=0))
    return np.arange(1, n_lengths + 1) <= longest


@dataclass(frozen=True, eq=False)
class Eao:
    """Expected average overlap of one tracker.

    Attributes:
        value: Mean of the curve over `lengths`; None where the sequences are too short for it.
        curve: Phi(1) ... Phi(longest).
        lengths: First and last length that the value averages, None without an interval.
        note: Why there is no value, or what it leaves out; usually empty.
    """

    value: float | None
    curve: FloatArray
    lengths: tuple[int, int] | None
    note: str = ""


def expected_average_overlap(passes: Passes, convention: VotConvention, interval: tuple[int, int] | None) -> Eao:
    """EAO and its curve.

    The value is None, and the note says why, where the year has no interval (VOT2013, VOT2014), or where the longest
    sequence is shorter than the interval's end: then the mean would run over other lengths than the year's.

    Args:
        passes: Of all sequences of the suite.
        convention: The evaluator's rules.
        interval: (low, high) as the year announced it, or None.
    """
    fragments = cut_fragments(passes, convention)
    longest_fragment, longest = int(fragments.lengths.max()), int(passes.frames.max())
    end = longest if convention.curve_end == "longest-sequence" else longest_fragment
    curve = expected_overlap_curve(passes.overlaps, fragments, end)
    if interval is None:
        return Eao(None, curve, None, "this benchmark defines no interval of sequence lengths for EAO")
    low, high = convention.lengths(interval)
    if longest < interval[1]:
        return Eao(None, curve, (low, high), _too_short(curve, longest, len(passes.frames), low, high))
    inside = curve[low - 1 : high]
    known = ~np.isnan(inside)
    if not known.any():
        return Eao(None, curve, (low, high), f"no fragment is known for {low} to {high} frames")
    note = "" if known.sum() == high - low + 1 else f"averaged over {known.sum()} of {high - low + 1} lengths"
    return Eao(float(inside[known].mean()), curve, (low, high), note)


def _too_short(curve: FloatArray, longest: int, n_sequences: int, low: int, high: int) -> str:
    text = f"undefined: the longest of {n_sequences} sequences has {longest} frames, EAO needs lengths {low} to {high}"
    at_hand = curve[low - 1 :]
    at_hand = at_hand[~np.isnan(at_hand)]
    if not len(at_hand):
        return text
    return f"{text}; over the lengths at hand, {low} to {low + len(at_hand) - 1}, it would be {at_hand.mean():.3f}"


def eao_statistic(passes: Passes, convention: VotConvention, interval: tuple[int, int] | None) -> Statistic | None:
    """EAO as a function of how often each of S sequences is drawn; None where it is undefined.

    To each of the L lengths that EAO averages, a sequence adds the mean overlaps and the weights of its fragments known
    for that length, and whether the curve reaches so far because of it. Lengths for which a draw knows no fragment are
    left out of its mean, as `expected_average_overlap` does.
    """
    if interval is None or int(passes.frames.max()) < interval[1]:
        return None
    low, high = convention.lengths(interval)
    columns = _columns(passes, convention, np.arange(low, high + 1))
    return Statistic(columns, _mean_of_curve, of_single=False)


def curve_statistic(passes: Passes, convention: VotConvention, lengths: IntArray) -> Statistic:
    """The expected-overlap curve at L ascending lengths as a function of how often each sequence is drawn.

    Its formula gives lines; see `spm_bench.metrics.resampling.band`.
    """
    return Statistic(_columns(passes, convention, lengths), _curve_of, of_single=False)


def _columns(passes: Passes, convention: VotConvention, lengths: IntArray) -> FloatArray:
    """S x 3 L: mean overlaps, weights, and whether the curve reaches so far because of the sequence."""
    fragments = cut_fragments(passes, convention)
    owners = passes.owners[passes.pass_of_frame[fragments.begins]]
    sums, known = _sums_of_sequences(passes.overlaps, fragments, owners, int(lengths[-1]))
    reach = np.full(len(sums), int(passes.frames.max()))
    if convention.curve_end == "longest-fragment":
        reach[:] = 0
        np.maximum.at(reach, owners, fragments.lengths)
    means = sums[:, lengths - 1] / np.maximum(lengths - 1, 1)
    means[:, lengths == 1] = known[:, lengths[lengths == 1]]  # Phi(1) is 1
    return np.hstack([means, known[:, lengths], lengths <= reach[:, None]])


def _sums_of_sequences(
    overlaps: FloatArray, fragments: Fragments, owners: IntArray, high: int
) -> tuple[FloatArray, FloatArray]:
    """What `expected_overlap_curve` sums, apart for each of S sequences.

    Returns:
        (sums, known): at [s, N - 1] the overlaps in frames 2 ... N of the fragments known for N frames, and at [s, N]
        the weight of these fragments.
    """
    n, size = int(owners.max()) + 1, max(high, int(fragments.lengths.max())) + 1

    def per_length(owner: IntArray, place: IntArray, values: FloatArray) -> FloatArray:
        cells = np.bincount(owner * size + place, values, n * size)
        return np.asarray(cells.reshape(n, size), dtype=np.float64)

    fragment, frame, values = _frames_of(overlaps, fragments)
    ended = np.flatnonzero(~fragments.failed)
    owner, ends, weights = owners[ended], fragments.lengths[ended], fragments.weights[ended]
    left = per_length(owner, ends, np.bincount(fragment, values, len(owners)).astype(np.float64)[ended])
    sums = np.cumsum(per_length(owners[fragment], frame, values) - left, axis=1)
    # from the longest down: weights are only added, so that rounding leaves none where no fragment is known
    reaching = np.cumsum(per_length(owner, ends, weights)[:, ::-1], axis=1)[:, ::-1]
    failed = np.bincount(owners[fragments.failed], fragments.weights[fragments.failed], n)
    return sums, reaching + failed[:, None]


def _curve_of(sums: FloatArray) -> FloatArray:
    """Overlaps / weights (..., L) of sums (..., 3 L); NaN where no fragment is known."""
    overlaps, known, reached = np.split(sums, 3, axis=-1)
    some = (known > LIGHTEST) & (reached > 0.5)
    curve = np.divide(overlaps, known, out=np.full_like(overlaps, np.nan), where=some)
    return np.asarray(np.clip(curve, 0.0, 1.0))


def _mean_of_curve(sums: FloatArray) -> FloatArray:
    """Mean of the curve over the lengths at which it is known."""
    curve = _curve_of(sums)
    some = ~np.isnan(curve)
    n = some.sum(axis=-1)
    total = np.where(some, curve, 0.0).sum(axis=-1)
    return np.asarray(np.divide(total, n, out=np.full(np.shape(n), np.nan), where=n > 0))
