"""Get the data of a suite: fetch, verify, unpack, put in place, remember.

Every folder of the data set appears whole, by one renaming; what is on its way lies in `.spm-bench/`. Interrupted at
any moment, also by `kill -9`, the same call goes on.
"""

from __future__ import annotations

import datetime
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from spm_bench.datasets.record import OPTION, ArchiveRecord, Record
from spm_bench.datasets.sources import LARGEST_DESCRIPTION, Archive, Parcel, plan_parcels
from spm_bench.errors import DataError, FetchError, MissingDataError
from spm_bench.fetch.archive import unpack
from spm_bench.fetch.download import Fetched, Patience, Wanted, download, file_digests
from spm_bench.fetch.progress import Meter
from spm_bench.results.files import readable_os_errors, write_text
from spm_bench.suites.catalog import layout_of
from spm_bench.suites.facts import SequenceFacts, SuiteFacts, suite_facts
from spm_bench.suites.loading import Found, Layout
from spm_bench.suites.roots import data_root
from spm_bench.words import amount

ANNOTATIONS_ALONE = frozenset({"annotations", "anno"})
"""Folders that hold annotations without pictures: nothing is fetched into them."""


@dataclass(frozen=True)
class Order:
    """What is to be got.

    Attributes:
        name: The suite.
        to: The data root, or the suite's own folder; None for the default places.
        only: Names of sequences; none for all.
        mirror: Where the same files are instead of at the official source.
        keep_archives: Whether archives stay in `.spm-bench/archives`.
        replace: Whether folders that are there are fetched again, and may differ from what was fetched first.
        patience: How long to try.
    """

    name: str
    to: Path | None = None
    only: tuple[str, ...] = ()
    mirror: str | None = None
    keep_archives: bool = False
    replace: bool = False
    patience: Patience = Patience()  # noqa: RUF009 - immutable


@dataclass(frozen=True)
class Plan:
    """What an order means here and now.

    Attributes:
        facts: The suite.
        home: Its folder, which need not exist yet.
        parcels: All parcels of the order.
        missing: Those of them of which something is not in place.
    """

    facts: SuiteFacts
    home: Path
    parcels: tuple[Parcel, ...]
    missing: tuple[Parcel, ...]


def plan(order: Order, meter: Meter) -> Plan:
    """Find out what has to be fetched. Writes nothing; a description of a VOT suite is read from its source.

    Raises:
        UsageError, MissingDataError: An unknown name, or a suite that no command can fetch.
        DataError: A folder of that name is there, was not made by this command, and is broken.
        FetchError: The description cannot be read.
    """
    facts = suite_facts(order.name)
    home = home_of(facts, data_root(order.to))
    record = Record.read(home)
    read = _Reader(order.patience, meter)
    facts, parcels = plan_parcels(facts, order.only, order.mirror, read)
    layout = layout_of(facts)
    missing = [
        replace(parcel, folders=folders)
        for parcel in parcels
        if (folders := tuple(f for f in parcel.folders if order.replace or not _is_there(f, facts, layout, record)))
    ]
    return Plan(facts, home, tuple(parcels), tuple(missing))


def home_of(facts: SuiteFacts, root: Path) -> Path:
    """The folder of a suite's sequences under a data root: the one that is there, else the one to make.

    Raises:
        DataError: The folder there is that of another suite.
    """
    layout = layout_of(facts)
    try:
        home = layout.find_home(facts, root)
    except MissingDataError:
        if root.exists() and not root.is_dir():
            raise
        return root / facts.folders[0]
    if home.name in ANNOTATIONS_ALONE:
        return root / facts.folders[0]
    if layout.check_home is not None:
        layout.check_home(home, facts)
    return home


@dataclass(frozen=True)
class _Reader:
    """Fetches a small file into memory."""

    patience: Patience
    meter: Meter

    def __call__(self, url: str) -> bytes:
        with tempfile.TemporaryDirectory(prefix="spm_bench_") as folder:
            wanted = Wanted(url, largest=LARGEST_DESCRIPTION)
            return download(wanted, Path(folder) / "description.json", patience=self.patience).path.read_bytes()


def _is_there(folder: str, facts: SuiteFacts, layout: Layout, record: Record) -> bool:
    """Whether a folder is in place: fetched by this command and whole, or somebody's own and sound.

    Raises:
        DataError: It is somebody's own, and broken.
    """
    hashes = record.hashes(folder)
    if folder in record.folders and hashes:
        return all(path.is_file() for path in hashes)
    if not (record.home / folder).exists():
        return False
    problem = next(filter(None, (_fault(item, facts, layout, record.home) for item in items_of(facts, folder))), None)
    if problem is not None and folder not in record.folders:
        raise DataError(
            f"it is there, was not fetched by this command, and is broken: {problem}",
            where=record.home / folder,
            remedy="Move it away, or have it replaced with --replace",
        )
    return problem is None


def items_of(facts: SuiteFacts, folder: str) -> list[SequenceFacts]:
    """The sequences whose pictures are in a folder."""
    return [item for item in facts.sequences if item.folder == folder]


def _fault(item: SequenceFacts, facts: SuiteFacts, layout: Layout, home: Path) -> str | None:
    annotation = layout.find_annotation(home, item)
    if annotation is None:
        return f"it has no {item.annotation}"
    try:
        sequence = layout.load(Found(home, facts, item, annotation, None))
    except DataError as error:
        return str(error)
    return "it has no pictures" if sequence.frames is None else None


def get(order: Order, made: Plan, meter: Meter, tell: Callable[[str], None]) -> None:
    """Fetch what is missing and put it in place.

    Args:
        order: What was asked for.
        made: What `plan` made of it.
        meter: Who is told how far a download is.
        tell: Called with a line for every parcel that is in place.

    Raises:
        FetchError: A file cannot be had, is not what it should be, or is an archive that is refused.
        DataError: An archive does not hold what it should, or the folder cannot be written.
    """
    if not made.missing:
        return
    record = Record.read(made.home)
    with record.held():
        record = Record.read(made.home)  # another process may have fetched something until now
        for number, parcel in enumerate(made.missing, start=1):
            told = _get_parcel(parcel, order, made.facts, record, meter)
            tell(f"{parcel.name}: {told} ({number} of {len(made.missing)})")
        with readable_os_errors(record.state, kind=DataError, option=OPTION):
            shutil.rmtree(record.state / "unpacking", ignore_errors=True)
        _write_list(made, record)


def _get_parcel(parcel: Parcel, order: Order, facts: SuiteFacts, record: Record, meter: Meter) -> str:
    """Fetch, unpack, put in place, remember; returns what to tell."""
    staging = record.state / "unpacking"
    with readable_os_errors(staging, kind=DataError, option=OPTION):
        shutil.rmtree(staging, ignore_errors=True)
    hashes: dict[str, str] = {}
    size = 0
    verified: set[str] = set()
    for archive in parcel.archives:
        fetched = _fetch(archive, order, record, meter)
        size, verified = size + fetched.size, verified | {record.archives[archive.name].verified}
        try:
            content = unpack(fetched.path, staging / archive.into, option=OPTION)
        except FetchError:
            # of no use: the next call fetches it anew, and takes another one
            fetched.path.unlink(missing_ok=True)
            del record.archives[archive.name]
            record.write()
            raise
        prefix = f"{archive.into}/" if archive.into else ""
        hashes |= {prefix + name: digest for name, digest in content.items()}
    n_files = sum(_place(folder, parcel, facts, staging, hashes, record) for folder in parcel.folders)
    record.write()
    if not order.keep_archives:
        for archive in parcel.archives:
            _archive_path(archive, record).unlink(missing_ok=True)
    known = "checksum of its source" if verified == {"published"} else "its SHA-256 is recorded: none is published"
    return f"{n_files} files, {amount(size)}, {known}"


def _archive_path(archive: Archive, record: Record) -> Path:
    return record.state / "archives" / archive.name


def _fetch(archive: Archive, order: Order, record: Record, meter: Meter) -> Fetched:
    """Fetch an archive, unless it is here and the same; remembers it."""
    path, known = _archive_path(archive, record), record.archives.get(archive.name)
    expected, promise = archive.checksum, Wanted.promise
    if not expected and known is not None and not order.replace:
        expected, promise = known.sha256, f"that of {known.when[:10]} from {known.url}, kept in {record.home.name},"
    if path.is_file() and known is not None and file_digests(path, {"sha256"})["sha256"] == known.sha256:
        return Fetched(path, known.size, known.sha256)
    size = None if expected else archive.size  # a checksum says more
    wanted = Wanted(archive.url, size, expected, promise)
    fetched = download(wanted, path, patience=order.patience, meter=meter, option=OPTION)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    verified = "published" if archive.checksum else "first download"
    record.archives[archive.name] = ArchiveRecord(archive.url, fetched.size, fetched.sha256, verified, now)
    record.write()
    return fetched


def _place(
    folder: str, parcel: Parcel, facts: SuiteFacts, staging: Path, hashes: dict[str, str], record: Record
) -> int:
    """Move an unpacked folder to its place and note its files; returns how many they are."""
    found = staging if parcel.bare else _find(folder, facts, staging)
    if found is None:
        names = ", ".join(archive.name for archive in parcel.archives)
        raise DataError(
            f"{names} holds no folder {folder!r} with {items_of(facts, folder)[0].annotation}",
            where=parcel.archives[0].url,
            remedy="Is it the archive of another data set?",
        )
    with readable_os_errors(found, kind=DataError, option=OPTION):
        for name, text in parcel.texts.items():
            write_text(found / name, text)
    prefix = "" if found == staging else f"{found.relative_to(staging).as_posix()}/"
    own = {name.removeprefix(prefix): digest for name, digest in hashes.items() if name.startswith(prefix)}
    own |= {name: file_digests(found / name, {"sha256"})["sha256"] for name in parcel.texts}
    record.write_hashes(folder, own)
    target = record.home / folder
    with readable_os_errors(target, kind=DataError, option=OPTION):
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            old = record.state / "replaced"
            shutil.rmtree(old, ignore_errors=True)
            target.replace(old)
            shutil.rmtree(old, ignore_errors=True)
        found.replace(target)
    record.folders[folder] = [archive.name for archive in parcel.archives]
    return len(own)


def _find(folder: str, facts: SuiteFacts, staging: Path) -> Path | None:
    """The unpacked folder of a name, at most two levels down; or all that was unpacked, if that is its content."""
    annotations = {item.annotation for item in items_of(facts, folder)}
    bases = [staging, *sorted(staging.glob("*/")), *sorted(staging.glob("*/*/"))]
    for base in bases:
        if (base / folder).is_dir():
            return base / folder
    return staging if any((staging / name).is_file() for name in annotations) else None


def _write_list(made: Plan, record: Record) -> None:
    """Write list.txt, which the vot toolkit wants, with the sequences that are there."""
    if made.facts.source is not None and made.facts.source.kind == "vot":
        present = [item.name for item in made.facts.sequences if (record.home / item.folder).is_dir()]
        write_text(record.home / "list.txt", "".join(f"{name}\n" for name in present), kind=DataError, option=OPTION)
