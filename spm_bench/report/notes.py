"""Notes of scores as footnotes: each said once, at the widest place where it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spm_bench.report.vocabulary import find_score
from spm_bench.scoring.base import Evaluation, Score


class Footnotes:
    """Hands out marks a, b, ..., z, aa, ...; the same text keeps its mark."""

    def __init__(self) -> None:
        self._marks: dict[str, str] = {}

    def mark(self, text: str) -> tuple[str, ...]:
        """The mark of a footnote, as a tuple; empty for an empty text."""
        if not text:
            return ()
        if text not in self._marks:
            n, letters = len(self._marks) + 1, ""
            while n:
                n, rest = divmod(n - 1, 26)
                letters = chr(ord("a") + rest) + letters
            self._marks[text] = letters
        return (self._marks[text],)

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """(mark, text) of all footnotes, in the order they were first marked."""
        return tuple((mark, text) for text, mark in self._marks.items())


@dataclass(frozen=True)
class SharedNotes:
    """What the scores' notes say, each part at the widest place where it holds: table, row, column, else cell."""

    everywhere: frozenset[str]
    of_rows: tuple[frozenset[str], ...]
    of_columns: Mapping[str, frozenset[str]]

    @classmethod
    def gather(cls, evaluations: Sequence[Evaluation], metrics: Sequence[str]) -> SharedNotes:
        """Sort the notes of all scores by where they hold."""
        by_row = [_frequent_parts(e) for e in evaluations]
        everywhere = frozenset.intersection(*by_row) if by_row else frozenset()
        of_rows = tuple(parts - everywhere for parts in by_row)
        of_columns = {
            metric: frozenset.intersection(*(frozenset(parts_of(find_score(e, metric))) for e in evaluations))
            - everywhere
            for metric in metrics
        }
        return cls(everywhere, of_rows, of_columns)

    def of_cell(self, row: int, metric: str, score: Score | None) -> list[str]:
        """What only this cell has to say."""
        said = self.everywhere | self.of_rows[row] | self.of_columns[metric]
        return [part for part in parts_of(score) if part not in said]


def parts_of(score: Score | None) -> list[str]:
    """A score's note, part by part (scoring joins them by semicolons), without what the tracker's label says."""
    if score is None:
        return []
    return [part for part in score.note.split("; ") if part and not (part == "untrained" and score.trained == "no")]


def _frequent_parts(evaluation: Evaluation) -> frozenset[str]:
    """What the notes of most scores of a tracker say: better said once for all of it."""
    counts = Counter(part for score in evaluation.scores for part in set(parts_of(score)))
    return frozenset(part for part, n in counts.items() if n > 1 and 2 * n > len(evaluation.scores))
