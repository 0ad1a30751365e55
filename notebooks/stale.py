"""Whether a notebook's outputs are still those of its cells, as far as machines agree.

Boxes differ in their last digits from processor to processor, and once in a while that decides
where a box goes. So words are compared exactly, numbers loosely, tables by their text, and pictures
by their kind and size. On a machine that rounds otherwise, words and numbers are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from nbformat import NotebookNode

NEAR = 0.03
"""Numbers are the same that are no farther apart, or no farther than this share of the larger."""
NEAR_COUNTS = 2
"""Likewise whole numbers: frames, wins."""
PIXEL = 1.0
"""Boxes are the same whose numbers are less apart."""
_NUMBER = re.compile("[-+\N{MINUS SIGN}]?(?:\\d+\\.?\\d*|\\.\\d+)(?:e[-+]?\\d+)?")
_PLACE = re.compile(r"/(?:tmp|home|root|work|usr|Users)/|0x[0-9a-f]{6,}")
"""What tells of a machine: a whole path, or an address in memory."""


def differences(
    committed: NotebookNode, executed: NotebookNode, *, numbers: bool = True
) -> Iterator[str]:
    """Compare cell by cell; yields a sentence for each that differs or went wrong.

    Without `numbers` only cells and what they show are compared, not what they say: for a machine
    that computes otherwise than the one the outputs are from.
    """
    yield from troubles(executed)
    if [cell.source for cell in committed.cells] != [cell.source for cell in executed.cells]:
        yield "its cells are not those of its script"
        return
    for place, (old, new) in enumerate(zip(committed.cells, executed.cells, strict=True)):
        if old.cell_type != "code":
            continue
        if kinds(old) != kinds(new):
            yield f"cell {place} shows {kinds(new)}, not {kinds(old)}"
        elif numbers and (found := next(unlike(text(old), text(new)), None)) is not None:
            yield f"cell {place} says {found[1]!r}, not {found[0]!r}"


def arithmetic() -> list[list[float]]:
    """Where trackers end on hard videos on this machine: boxes (x, y, w, h), to a tenth of a pixel.

    Processors, threads and versions of libraries round in their own ways, and among look-alikes a
    last digit decides where a target is followed to. Where these are the same, so are all outputs.
    """
    from spm_bench.suites import load_suite
    from spm_bench.trackers.catalog import build_tracker, resolve_tracker

    boxes = []
    for sequence in load_suite("demo", only=["lookalike-3", "lookalike-4", "deform-4"]).sequences:
        for name in ("SPM-lite", "KCF"):
            tracker = build_tracker(resolve_tracker(name))
            tracker.init(sequence.frames[0], sequence.ground_truth[0])
            for index in range(1, len(sequence)):
                box = np.asarray(tracker.update(sequence.frames[index]))
            boxes.append(box.round(1).tolist())
    return boxes


def same_arithmetic(first: list[list[float]], second: list[list[float]]) -> bool:
    """Whether two results of `arithmetic` are the same but for what is too little to matter."""
    a, b = np.array(first), np.array(second)
    return a.shape == b.shape and bool((np.abs(a - b) < PIXEL).all())


def troubles(notebook: NotebookNode) -> Iterator[str]:
    """What no committed output may hold: errors, warnings, places on a machine, cells not run."""
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        if cell.execution_count is None and cell.source:
            yield f"cell {place} was not run"
        for output in cell.outputs:
            if output.output_type == "error" or output.get("name") == "stderr":
                yield f"cell {place} complains: {output.get('text', output.get('evalue'))}"
        if (found := _PLACE.search(text(cell))) is not None:
            yield f"cell {place} tells of a machine: {found[0]}"


def kinds(cell: NotebookNode) -> list[str]:
    """What a cell shows: streams by name, values by their forms, pictures with their size."""
    return [_kind(output) for output in cell.outputs]


def _kind(output: NotebookNode) -> str:
    if output.output_type in ("stream", "error"):
        return str(output.get("name", output.output_type))
    sizes = [f"{at['width']} x {at['height']}" for at in output.metadata.values()]
    return " ".join([*sorted(output.data), *sizes])


def text(cell: NotebookNode) -> str:
    """All that a cell says in plain text, one output after the other."""
    told = []
    for output in cell.outputs:
        if output.output_type == "stream":
            told.append(output.text)
        elif output.output_type != "error":
            told.append(output.data.get("text/plain", ""))
    return "\n".join(told)


def unlike(old: str, new: str) -> Iterator[tuple[str, str]]:
    """The words that differ but for near numbers and the space between them, as (old, new)."""
    olds, news = old.split(), new.split()
    if len(olds) != len(news):
        yield f"{len(olds)} words", f"{len(news)} words"
    for first, second in zip(olds, news, strict=False):
        if not same_word(first, second):
            yield first, second


def same_word(old: str, new: str) -> bool:
    """Whether two words are the same but for near numbers in them.

    >>> same_word("AUC=0.79,", "AUC=0.80,"), same_word("[.05,", "[.15,"), same_word("lost", "kept")
    (True, False, False)
    """
    if _NUMBER.sub("#", old) != _NUMBER.sub("#", new):
        return False
    return all(map(_near, _NUMBER.findall(old), _NUMBER.findall(new)))


def _near(old: str, new: str) -> bool:
    a, b = (float(number.replace("\N{MINUS SIGN}", "-")) for number in (old, new))
    least = NEAR if "." in old + new else NEAR_COUNTS
    return abs(a - b) <= max(least, NEAR * max(abs(a), abs(b)))
