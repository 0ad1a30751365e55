"""Which suite raw results belong to, by the names and numbers of lines of their files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spm_bench.errors import ResultsError, UsageError, listed
from spm_bench.results.archive import shown
from spm_bench.results.files import RUN_FILE
from spm_bench.results.foreign import open_folder
from spm_bench.results.manifest import read_manifest
from spm_bench.results.names import match_names
from spm_bench.suites.facts import data_files, suite_facts, suite_names
from spm_bench.suites.roots import spelling

NEARLY_ALL = 0.9
"""Share of a suite's sequences that results must have to be taken for results of all of it."""


@dataclass(frozen=True)
class Guess:
    """A suite, and why it was taken.

    Attributes:
        name: Of the suite.
        matched: How many of its sequences have a result here, of `n_total`.
        n_total: How many it has.
        others: Suites that fit as well.
    """

    name: str
    title: str
    matched: int
    n_total: int
    others: tuple[str, ...]

    @property
    def told(self) -> str:
        """The guess in a sentence."""
        text = f"taken for {self.title}: {self.matched} of its {self.n_total} sequences are here"
        if self.others:
            text += f"; {listed(self.others)} would fit, too"
        return f"{text} (--suite decides)"


def guess_suite(paths: list[Path], at_hand: dict[str, int] | None = None) -> Guess:
    """Find the suite whose sequences raw results have.

    Args:
        paths: Folders, zip files or run folders.
        at_hand: Suite -> how many of its sequences are on this machine; decides between suites that fit as well.

    Raises:
        ResultsError: A path is none of these.
        UsageError: No suite has sequences of these names.
    """
    folders = [open_folder(path) for path in paths]
    for folder in folders:
        if (folder / RUN_FILE).is_file():
            return _of_run(folder)
    found = dict(entry for folder in folders for entry in result_files(folder))
    coded = any(_is_coded(path) for path in list(found.values())[:3])
    fits = [_fit(name, sequences, found) for name, sequences in _suites(coded)]
    fits = [fit for fit in fits if fit.matched]
    if not fits:
        raise UsageError(
            f"no suite has sequences named {listed(found, 3) or '(there is no text file)'}",
            where=str(shown(paths[0])),
            remedy="Name the suite with --suite; `spm-bench ls suites` lists them",
        )
    hints = " ".join(spelling(str(path)) for path in paths)
    best = max(fits, key=lambda fit: fit.rank(hints, at_hand or {}))
    others = tuple(f.name for f in fits if f is not best and f.equals(best))
    return Guess(best.name, best.title, best.matched, best.n_total, others)


@dataclass(frozen=True)
class _Fit:
    name: str
    title: str
    matched: int
    strange: int
    n_total: int

    def equals(self, other: _Fit) -> bool:
        return (self.matched, self.strange) == (other.matched, other.strange)

    def rank(self, hints: str, at_hand: dict[str, int]) -> tuple[object, ...]:
        """The best fit is the greatest: no strange names, all of a suite, named, at hand, no part of another, most."""
        whole = self.matched >= NEARLY_ALL * self.n_total
        named = spelling(self.name) in hints
        part = "sequences_of" in data_files()[self.name]
        share = self.matched / max(self.n_total, 1)
        return (-self.strange, self.matched, whole, named, bool(at_hand.get(self.name)), not part, share, self.name)


def _fit(name: str, sequences: list[str], found: dict[str, Path]) -> _Fit:
    matched = match_names(found, sequences)
    title = data_files()[name]["title"]
    return _Fit(name, title, len(matched.names), len(matched.strangers), len(sequences))


def _suites(coded: bool) -> Iterator[tuple[str, list[str]]]:
    """Name and sequences of all suites whose results have codes (VOT's), or have none."""
    for name, fields in data_files().items():
        if fields.get("family", "").startswith("vot") != coded:
            continue
        if name in suite_names():
            yield name, [item.name for item in suite_facts(name).sequences]
        elif "sequences" in fields:
            yield name, [item["name"] for item in fields["sequences"]]


def _of_run(folder: Path) -> Guess:
    manifest = read_manifest(folder)
    suite, sequences = manifest["suite"], manifest["sequences"]
    return Guess(suite["name"], suite["title"], len(sequences), len(sequences), ())


def result_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """(name of a sequence, a file of it) for every text file that may hold boxes: all trackers together."""
    for path in sorted(folder.rglob("*.txt")):
        stem = path.stem
        if stem.endswith("_time") or any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        repetition = stem.removeprefix(f"{path.parent.name}_")
        yield (path.parent.name if repetition != stem and repetition.isdigit() else stem), path


def _is_coded(path: Path) -> bool:
    """Whether a file starts with VOT's code of an initialisation, or any line is a code."""
    try:
        with path.open("rb") as stream:
            lines = stream.read(4096).splitlines()
    except OSError as error:
        raise ResultsError(f"cannot be read ({error.strerror or error})", where=shown(path)) from error
    return any(line.strip() in (b"0", b"1", b"2", b"1.0", b"2.0", b"0.0") for line in lines)
