"""The door of this room: raw results of one tracker and a suite in, what is wrong with them out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from spm_bench.checking.evidence import Change, Pass
from spm_bench.checking.files import check_presence, check_text, check_values, explain_length
from spm_bench.checking.findings import Finding, by_gravity
from spm_bench.checking.first_boxes import check_copies, check_first_boxes
from spm_bench.checking.mistakes import check_form
from spm_bench.checking.supervised import check_codes, check_repetitions
from spm_bench.errors import DataError, ResultsError
from spm_bench.geometry.boxes import has_area
from spm_bench.results.archive import shown
from spm_bench.results.foreign import ForeignResults
from spm_bench.results.kept import KeptResults, keep
from spm_bench.results.names import match_names
from spm_bench.results.trajectory import FrameState, ResultSet, Trajectory
from spm_bench.scoring.families import family_of
from spm_bench.scoring.one_pass import evaluate_one_pass
from spm_bench.suites.base import Sequence, Suite

GOT10K_REPETITIONS = 3
_BOXES = ("otb", "got10k")
"""Families whose files hold a box in every line."""
_ROBUSTNESS = ("otb-tre", "otb-sre")


@dataclass(frozen=True, eq=False)
class Checked:
    """Raw results of one tracker after a check.

    Attributes:
        results: What could be read of them: these sequences can be scored.
        findings: What is wrong, the gravest first.
    """

    results: KeptResults
    findings: tuple[Finding, ...]


def check_results(results: ResultSet, suite: Suite) -> Checked:
    """Look for everything that is known to go wrong with raw results.

    Args:
        results: Of one tracker, found with `find_result_sets(..., strict=False)`.
        suite: What they should be results on. Frames are not touched; where annotations are NaN, whatever needs them is
            left out.
    """
    reader = _Reader(results, suite)
    passes, broken = reader.read()
    kept = keep(results, passes)
    sequences = [s for s in suite.sequences if s.name in passes]
    found = [*_presence(results, suite), *broken]
    kind = family_of(suite.family).kind
    if kind == "supervised":
        found += check_codes(sequences, passes, reader.where)
    elif kind == "one pass":
        found += _one_pass_repetitions(suite, passes)
    if kind == "multi-start" or suite.family in _ROBUSTNESS:
        return Checked(kept, by_gravity(found))  # runs over parts of a sequence, from starts of their own
    given = kind == "one pass"  # files of VOT's experiments have a code there
    first = [_first_pass(s, passes[s.name][0], given=given) for s in sequences if passes[s.name]]
    form, others = _boxes(first, kept, suite, lambda name: reader.where(name, 1))
    if given and not any(f.level == "error" for f in form):  # else numbers mean something else than was read
        for sequence in sequences:
            for r, one in enumerate(passes[sequence.name], start=1):
                found += check_values(sequence, one, reader.where(sequence.name, r))
    return Checked(kept, by_gravity([*found, *form, *others]))


class _Reader:
    """Reads whatever can be read, and turns the rest into findings."""

    def __init__(self, results: ResultSet, suite: Suite) -> None:
        self.results, self.suite = results, suite
        self.foreign = results if isinstance(results, ForeignResults) else None

    def where(self, sequence: str, repetition: int = 1) -> str:
        """The file of a repetition, as people know it."""
        if self.foreign is None:
            return f"{self.results.run}: {sequence}"
        return str(shown(self.foreign.box_file(sequence, repetition)))

    def read(self) -> tuple[dict[str, tuple[Trajectory, ...]], list[Finding]]:
        """Sequence -> its passes, and findings about files."""
        passes: dict[str, tuple[Trajectory, ...]] = {}
        found: list[Finding] = []
        for sequence in self.suite.sequences:
            if not self.results.has(sequence.name):
                continue
            try:
                passes[sequence.name] = self.results.trajectories(sequence)
            except ResultsError as error:
                found.append(self._explained(sequence, error))
            if self.foreign is not None:
                found += self._about_files(sequence.name)
        return passes, found

    def _explained(self, sequence: Sequence, error: ResultsError) -> Finding:
        own = None if self.foreign is None else self.foreign.box_file(sequence.name)
        where = str(error.where or self.results.run)
        if own is not None and where == str(shown(own)) and " lines" in error.problem and self.suite.family in _BOXES:
            return explain_length(self.suite.name, sequence, own, error)
        kind = "length" if " lines" in error.problem else "unreadable"
        remedy = error.remedy or "Write the file again"
        return Finding("error", kind, error.problem, remedy, where, error.line, (sequence.name,))

    def _about_files(self, name: str) -> Iterator[Finding]:
        assert self.foreign is not None
        yield from check_text(self.foreign.box_file(name), name)
        twins = self.foreign.matched.twins.get(name)
        if twins is not None:
            yield Finding(
                "error",
                "twice",
                f"{name} is there {len(twins)} times: {', '.join(twins)}",
                f"Remove all but one; {self.foreign.names[name]} was read",
                self.foreign.run,
                None,
                (name,),
            )


def _presence(results: ResultSet, suite: Suite) -> Iterator[Finding]:
    present = {s.name: s.name for s in suite.sequences if results.has(s.name)}
    strangers: tuple[str, ...] = ()
    if isinstance(results, ForeignResults):
        # sequences of the suite that are not at hand are no strangers
        strangers = match_names(results.matched.strangers, suite.missing).strangers
    yield from check_presence([s.name for s in suite.sequences], present, strangers, suite.title, results.run)


def _one_pass_repetitions(suite: Suite, passes: dict[str, tuple[Trajectory, ...]]) -> Iterator[Finding]:
    usual = GOT10K_REPETITIONS if suite.family == "got10k" else 1
    yield from check_repetitions({name: len(found) for name, found in passes.items()}, usual, deterministic=1)


def _first_pass(sequence: Sequence, trajectory: Trajectory, *, given: bool) -> Pass:
    boxes = np.where((trajectory.states == FrameState.SKIPPED)[:, None], np.nan, trajectory.boxes)
    usable = bool(has_area(sequence.ground_truth[:1])[0])
    return Pass(sequence.name, boxes, sequence.ground_truth, given and usable, sequence.image_size)


def _boxes(
    first: list[Pass], kept: KeptResults, suite: Suite, where: Callable[[str], str]
) -> tuple[list[Finding], list[Finding]]:
    """Mistakes in the boxes of all files, and those in single ones, which are not looked for where all are wrong."""
    origin = suite.origin if suite.family == "otb" else 0
    drawn = any(one.polygons is not None for passes in kept.passes.values() for one in passes)
    form = [f for f in check_form(first, origin, _effect(kept, suite)) if not (drawn and f.kind in _OF_BOXES)]
    others = list(check_copies(first, where))
    if not any(f.level == "error" for f in form):
        others += check_first_boxes(first, origin, where)
    return form, others


_OF_BOXES = ("corners", "centre", "sides-swapped", "axes-swapped", "rows-first", "whole-numbers", "cut-numbers")
"""Mistakes that boxes around polygons cannot show."""


def _effect(kept: KeptResults, suite: Suite) -> Callable[[Change], str]:
    """Tell what a change of all boxes would do to the main score."""

    def told(change: Change) -> str:
        known = suite.has_ground_truth and kept.passes and family_of(suite.family).kind == "one pass"
        if not known or not any(has_area(s.ground_truth[1:]).any() for s in suite.sequences if kept.has(s.name)):
            return ""
        try:
            before, after = (
                evaluate_one_pass(suite, some, allow_missing=True) for some in (kept, kept.changed(change))
            )
        except DataError:  # labels or picture sizes are not at hand: the finding stands without a number
            return ""
        title, was, would_be = before.scores[0].metric.upper(), before.scores[0].value, after.scores[0].value
        return "" if was is None or would_be is None else f" ({title} {was:.3f}; without it {would_be:.3f})"

    return told
