"""From what a suite's data file says of its source to the archives to fetch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from spm_bench.errors import DataError, MissingDataError, UsageError, listed
from spm_bench.fetch.download import ALGORITHMS
from spm_bench.suites.annotations import check_name
from spm_bench.suites.facts import SequenceFacts, Source, SuiteFacts
from spm_bench.suites.loading import select

ARCHIVE_ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
LARGEST_DESCRIPTION = 16 << 20
"""Bytes; a description of 60 sequences has about 50,000."""


@dataclass(frozen=True)
class Archive:
    """A file to fetch.

    Attributes:
        name: Of the file here; no other archive of the suite has it.
        url: Where it is.
        into: Sub-folder in which it is unpacked, "" for the parcel's own.
        size: Its bytes, None where the source does not say.
        checksum: In hexadecimal digits, "" where the source publishes none.
    """

    name: str
    url: str
    into: str = ""
    size: int | None = None
    checksum: str = ""


@dataclass(frozen=True)
class Parcel:
    """Archives that are put in place together.

    Attributes:
        name: For people.
        folders: Folders of the suite that they make.
        archives: All that is needed for them.
        bare: Whether what is in them is the content of the one folder, not the folder.
        texts: Small files that go into the folder besides, name -> content.
    """

    name: str
    folders: tuple[str, ...]
    archives: tuple[Archive, ...]
    bare: bool = False
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int | None:
        """Bytes of all archives, None where one of them is unknown."""
        sizes = [archive.size for archive in self.archives]
        return None if None in sizes else sum(size for size in sizes if size is not None)


def plan_parcels(
    facts: SuiteFacts, only: Iterable[str] | None, mirror: str | None, read: Callable[[str], bytes]
) -> tuple[SuiteFacts, list[Parcel]]:
    """List what has to be fetched for a suite, whether it is here or not.

    The suite comes back with all its sequences, also where only the source's description lists them.

    Args:
        facts: The suite.
        only: Names of sequences, None or nothing for all.
        mirror: Where the same files are instead: a folder, or the address of the archive or description itself.
        read: Fetches a small file, given its address.

    Raises:
        UsageError: An unknown sequence, or a suite that no command can fetch.
        DataError: The description of a VOT suite is broken.
        FetchError: It cannot be fetched.
    """
    source = automatic_source(facts)
    if not facts.discovered:
        select(facts.sequences, only)  # a mistyped name is told before anything is fetched
    if source.kind == "vot":
        url = mirrored(source.url, mirror)
        described = _read_description(read(url), url)
        if facts.discovered:
            facts = replace(facts, sequences=tuple(SequenceFacts(name, name) for name in described))
        return facts, _parcels_of_vot(facts, select(facts.sequences, only), url, described)
    if source.kind == "archives":
        return facts, _parcels_of_archives(facts, select(facts.sequences, only), source, mirror)
    raise DataError(f"its source is of an unknown kind, {source.kind!r}", where=f"{facts.name}.json")


def automatic_source(facts: SuiteFacts) -> Source:
    """The source of a suite that a command can fetch.

    Raises:
        MissingDataError: It has none; says what a person has to do.
    """
    if facts.source is None or facts.source.kind == "manual":
        raise MissingDataError(
            f"no command can fetch {facts.title}",
            remedy=f"spm-bench data get {facts.name} says what to do by hand; it takes no --url",
        )
    return facts.source


def mirrored(url: str, mirror: str | None) -> str:
    """The address at a mirror.

    >>> mirrored("http://a.org/seq/{folder}.zip", "http://b.org/otb")
    'http://b.org/otb/{folder}.zip'
    >>> mirrored("http://a.org/all.zip", "http://b.org/copy-of-all.zip")
    'http://b.org/copy-of-all.zip'
    """
    if mirror is None:
        return url
    name = PurePosixPath(urlsplit(url).path).name
    last = PurePosixPath(urlsplit(mirror).path).name
    whole = "{folder}" in mirror or last.endswith((*ARCHIVE_ENDINGS, ".json"))
    return mirror if whole else f"{mirror.rstrip('/')}/{name}"


def _parcels_of_archives(
    facts: SuiteFacts, items: list[SequenceFacts], source: Source, mirror: str | None
) -> list[Parcel]:
    """One archive a folder, or one of all."""
    folders = tuple(dict.fromkeys(item.folder for item in items))
    url = mirrored(source.url, mirror)
    if "{folder}" not in source.url:
        if "{folder}" in url:
            raise UsageError(f"{facts.title} is one archive; --url {mirror} would be many")
        name = PurePosixPath(urlsplit(url).path).name
        return [Parcel(name, folders, (Archive(name, url),))]
    if "{folder}" not in url:
        raise UsageError(f"{facts.title} is one archive a video; --url has to name their folder")
    ending = PurePosixPath(urlsplit(url).path).name.partition("{folder}")[2]
    archives = {f: Archive(f.replace("/", "_") + ending, url.replace("{folder}", quote(f))) for f in folders}
    return [Parcel(folder, (folder,), (archive,)) for folder, archive in archives.items()]


def _read_description(content: bytes, url: str) -> dict[str, Mapping[str, Any]]:
    """Name -> what the description of a VOT data set says of each sequence."""
    try:
        described = {str(entry["name"]): entry for entry in json.loads(content)["sequences"]}
    except (ValueError, TypeError, KeyError) as problem:
        raise DataError(f"this is no description of a VOT data set ({problem})", where=url) from problem
    for name in described:
        check_name(name, Path(url))
    return described


def _parcels_of_vot(
    facts: SuiteFacts, items: list[SequenceFacts], url: str, described: Mapping[str, Mapping[str, Any]]
) -> list[Parcel]:
    """Annotations and pictures of each sequence, as the description of the data set lists them."""
    absent = [item.name for item in items if item.name not in described]
    if absent:
        raise DataError(
            f"{listed(absent)} of {facts.title} is not in this description",
            where=url,
            remedy="Is it that of another year?",
        )
    try:
        return [_parcel_of_vot(item.name, item.folder, described[item.name], url) for item in items]
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        raise DataError(f"this is no description of a VOT data set ({problem})", where=url) from problem


def _parcel_of_vot(name: str, folder: str, entry: Mapping[str, Any], base: str) -> Parcel:
    annotations, channels = entry["annotations"], entry["channels"]
    archives = [_archive_of_vot(f"{name}.annotations.zip", annotations, base, "")]
    properties = {"name": name, "fps": entry["fps"], "format": "default", "uid": annotations["uid"]}
    for channel, what in channels.items():
        check_name(channel, Path(base))
        archives.append(_archive_of_vot(f"{name}.{channel}.zip", what, base, channel))
        properties[f"channels.{channel}"] = f"{channel}/{what.get('pattern', '')}"
    text = "".join(f"{key}={str(value).splitlines()[0] if str(value) else ''}\n" for key, value in properties.items())
    return Parcel(name, (folder,), tuple(archives), bare=True, texts={"sequence": text})


def _archive_of_vot(name: str, what: Mapping[str, Any], base: str, into: str) -> Archive:
    checksum, size = str(what.get("checksum") or ""), what.get("compressed")
    if checksum and (len(checksum) not in ALGORITHMS or not all(c in "0123456789abcdefABCDEF" for c in checksum)):
        raise ValueError(f"{checksum[:40]!r} is no checksum")
    return Archive(name, urljoin(base, str(what["url"])), into, int(size) if size else None, checksum)
