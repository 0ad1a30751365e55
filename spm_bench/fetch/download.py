"""Download a file so that it is the whole, right file or none: resumed after any interruption, and verified.

What came so far lies beside the target as `NAME.part`, with `NAME.part.json` saying of which version of the file it is.
The next call goes on from there, also after `kill -9`; a file that changed at the server meanwhile is fetched anew.
Only a file that passed every check gets its name.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from spm_bench.errors import FetchError
from spm_bench.fetch.http import Trouble, content_length, content_range, open_url, validator_of
from spm_bench.fetch.progress import Meter, Silent
from spm_bench.results.files import readable_os_errors, write_text
from spm_bench.words import amount

CHUNK = 1 << 18
"""Bytes read and written at once."""
ALGORITHMS = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
"""What a published checksum is, by its number of hexadecimal digits."""
AGAIN = "Run the same command again: it goes on from there"


@dataclass(frozen=True)
class Patience:
    """How long to try.

    Attributes:
        timeout: Seconds of silence after which a connection counts as broken.
        tries: Tries in a row that bring not one new byte, after which it is given up.
        pause: Seconds before the second of them; doubles every time.
        longest: The longest pause, in seconds; a server that asks for a longer one is told of, not waited for.
    """

    timeout: float = 30.0
    tries: int = 5
    pause: float = 1.0
    longest: float = 120.0


@dataclass(frozen=True)
class Wanted:
    """A file and what is known of it.

    Attributes:
        url: Where it is.
        size: Its bytes, None where unknown.
        checksum: Its MD5, SHA-1, SHA-256 or SHA-512 in hexadecimal digits; "" where unknown.
        promise: Who says so, for messages.
        largest: More bytes than this are refused.
        check: Called with the whole file; raises FetchError if it is not the right one.
    """

    url: str
    size: int | None = None
    checksum: str = ""
    promise: str = "the checksum that its source publishes"
    largest: int | None = None
    check: Callable[[Path], None] | None = None


@dataclass(frozen=True)
class Fetched:
    """A file that is here.

    Attributes:
        path: The file.
        size: Bytes.
        sha256: Of its bytes, 64 hexadecimal digits.
    """

    path: Path
    size: int
    sha256: str


@dataclass
class _Notes:
    """Of which file the bytes in `NAME.part` are."""

    url: str = ""
    validator: str = ""
    total: int | None = None


@dataclass
class _Part:
    """The bytes that are here so far."""

    target: Path
    option: str
    notes: _Notes = field(default_factory=_Notes)

    def __post_init__(self) -> None:
        self.path = self.target.with_name(self.target.name + ".part")
        self._notes_path = self.target.with_name(self.target.name + ".part.json")
        try:
            self.notes = _Notes(**json.loads(self._notes_path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):  # none yet, or half of it: then nothing is known of the bytes
            self.notes = _Notes()

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def trusted(self, wanted: Wanted) -> bool:
        """Whether bytes can be added to those that are here: the whole can be checked, or the server knows them."""
        return bool(wanted.checksum or wanted.check) or (self.notes.url == wanted.url and bool(self.notes.validator))

    def begin(self, notes: _Notes) -> None:
        if notes != self.notes:
            self.notes = notes
            write_text(self._notes_path, json.dumps(asdict(notes)), kind=FetchError, option=self.option)

    def clear(self) -> None:
        for path in (self.path, self._notes_path):
            path.unlink(missing_ok=True)
        self.notes = _Notes()

    def keep(self) -> None:
        """Give the whole file its name."""
        with readable_os_errors(self.target, kind=FetchError, option=self.option):
            self.path.replace(self.target)
            self._notes_path.unlink(missing_ok=True)


def download(
    wanted: Wanted,
    target: Path,
    *,
    patience: Patience = Patience(),
    meter: Meter | None = None,
    option: str = "--to",
) -> Fetched:
    """Fetch a file, or the rest of it.

    Args:
        wanted: The file.
        target: Where it goes; whatever is there is replaced once the new file is whole.
        patience: How long to try.
        meter: Who is told how far it is.
        option: Where the user can name another place, for messages.

    Raises:
        FetchError: It cannot be had or written, or is not what was promised; what is of use for the next try is kept.
    """
    meter = meter or Silent()
    with readable_os_errors(target, kind=FetchError, option=option):
        target.parent.mkdir(parents=True, exist_ok=True)
        part = _Part(target, option)
    resumed = part.size > 0
    while True:
        try:
            _fetch_all(part, wanted, patience, meter)
        finally:
            meter.end()
        try:
            sha256 = _verify(part.path, wanted)
        except FetchError:
            part.clear()
            if not resumed:
                raise
            meter.note("the parts do not make the right file: fetching it anew")
            resumed = False
            continue
        size = part.size
        part.keep()
        return Fetched(target, size, sha256)


def _fetch_all(part: _Part, wanted: Wanted, patience: Patience, meter: Meter) -> None:
    """Try until all bytes are here; tries that bring nothing new are counted."""
    failures, most, answered = 0, part.size, False
    while True:
        try:
            _fetch_once(part, wanted, patience, meter)
            return
        except Trouble as trouble:
            failures = failures + 1 if part.size <= most else 1
            most = max(most, part.size)
            answered = answered or not trouble.unreachable
            pause = patience.pause * 2 ** (failures - 1) if trouble.wait is None else trouble.wait
            asked_too_much = trouble.wait is not None and trouble.wait > patience.longest
            if failures >= patience.tries or asked_too_much or not answered:
                raise _given_up(trouble, part, wanted) from trouble
            pause = min(pause, patience.longest)
            meter.note(f"{trouble.reason}; trying again in {pause:.0f} s")
            time.sleep(pause)


def _given_up(trouble: Trouble, part: _Part, wanted: Wanted) -> FetchError:
    kept = f"; {amount(part.size)} are kept" if part.size else ""
    wait = f"; it asks to wait {trouble.wait:.0f} s" if trouble.wait else ""
    again = AGAIN if part.size else "Is there a connection? Run the same command again, or name another source"
    return FetchError(f"{trouble.reason}{wait}{kept}", where=wanted.url, remedy=again)


def _fetch_once(part: _Part, wanted: Wanted, patience: Patience, meter: Meter) -> None:
    """Ask for what is missing, and write what comes.

    Raises:
        Trouble: Not all came.
        FetchError: It will not come, or cannot be written.
    """
    if part.size and not part.trusted(wanted):
        part.clear()
    start = part.size
    if start and start == (wanted.size or part.notes.total):
        return
    validator = part.notes.validator if part.notes.url == wanted.url else ""
    answer = open_url(wanted.url, timeout=patience.timeout, start=start, validator=validator)
    with answer:
        start, total = _where_it_begins(answer, part, start)
        if start and start == total:
            return
        _check_announced(answer, total, wanted)
        _check_room(part, total, start)
        part.begin(_Notes(wanted.url, validator_of(answer), total))
        meter.begin(part.target.name, total, start)
        _write(answer, part, wanted, meter)
    if total is not None and part.size < total:
        raise Trouble(f"the connection ended after {amount(part.size)} of {amount(total)}")


def _where_it_begins(answer: http.client.HTTPResponse, part: _Part, start: int) -> tuple[int, int | None]:
    """Position of the first byte that comes, and bytes of the whole; bytes of another version are thrown away."""
    if answer.status == 200:
        part.clear()
        return 0, content_length(answer)
    first, total = content_range(answer)
    if answer.status == 416 and start and start == total:
        return start, total
    known, now = part.notes.validator, validator_of(answer)
    other = bool(known and now and known != now) or part.notes.total not in (None, total)
    if answer.status != 206 or first != start or other:
        part.clear()
        raise Trouble("the file changed at the server, or it cannot send a part")
    return start, total


def _check_announced(answer: http.client.HTTPResponse, total: int | None, wanted: Wanted) -> None:
    """Refuse before anything is written what cannot be the file."""
    if wanted.size is not None and total not in (None, wanted.size):
        raise FetchError(
            f"the server has a file of {total:,} bytes, not of {wanted.size:,} as its source says", where=wanted.url
        )
    if wanted.largest is not None and total is not None and total > wanted.largest:
        raise FetchError(f"{amount(total)} are more than this file can have", where=wanted.url)
    if (answer.headers.get_content_type() if answer.headers.get("Content-Type") else "") == "text/html":
        raise FetchError(
            "the server sends a web page, not the file",
            where=wanted.url,
            remedy="Open the address in a browser: it may want a login or a confirmation",
        )
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise FetchError("the server sends it in another encoding than asked for", where=wanted.url)


def _check_room(part: _Part, total: int | None, start: int) -> None:
    free = shutil.disk_usage(part.target.parent).free
    if total is not None and total - start > free:
        raise FetchError(
            f"{amount(total - start)} are to come, and {amount(free)} are free on this disk",
            where=part.target.parent,
            remedy=f"Free some space, or choose another place with {part.option}",
        )


def _write(answer: http.client.HTTPResponse, part: _Part, wanted: Wanted, meter: Meter) -> None:
    """Append what comes to the part."""
    with readable_os_errors(part.path, kind=FetchError, option=part.option):
        stream = part.path.open("ab")
    limit = wanted.largest if wanted.size is None else wanted.size
    with stream:
        written = part.size
        while True:
            try:
                chunk = answer.read1(CHUNK)
            except (OSError, http.client.HTTPException) as error:
                told = "silence" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
                raise Trouble(f"the connection broke ({told})") from error
            if not chunk:
                return
            written += len(chunk)
            if limit is not None and written > limit:
                part.clear()
                raise FetchError(f"more than {amount(limit)} come: this is not the file", where=wanted.url)
            with readable_os_errors(part.path, kind=FetchError, option=part.option):
                stream.write(chunk)
                stream.flush()
            meter.advance(len(chunk))


def _verify(path: Path, wanted: Wanted) -> str:
    """Compare a whole file with what is known of it; returns its SHA-256.

    Raises:
        FetchError: It is another file.
    """
    algorithm = ALGORITHMS.get(len(wanted.checksum), "sha256")
    digests = file_digests(path, {"sha256", algorithm})
    size = path.stat().st_size
    if wanted.size is not None and size != wanted.size:
        raise FetchError(f"{size:,} bytes came, not {wanted.size:,}; nothing was kept", where=wanted.url)
    if wanted.checksum and digests[algorithm] != wanted.checksum.casefold():
        raise FetchError(
            f"these are not the promised bytes: {algorithm} {digests[algorithm]}, "
            f"but {wanted.promise} is {wanted.checksum}; nothing was kept",
            where=wanted.url,
            remedy="Try again later, or name another source",
        )
    if wanted.check is not None:
        wanted.check(path)
    return digests["sha256"]


def file_digests(path: Path, algorithms: set[str]) -> dict[str, str]:
    """Checksums of a file by algorithm, in one reading."""
    digests = {name: hashlib.new(name) for name in algorithms}
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            for digest in digests.values():
                digest.update(chunk)
    return {name: digest.hexdigest() for name, digest in digests.items()}


def size_of(url: str, *, timeout: float = 10.0) -> int | None:
    """Ask a server how big a file is, without fetching it; None where it does not say.

    Raises:
        FetchError: There is no such file, or no answer.
    """
    try:
        with open_url(url, timeout=timeout, method="HEAD") as answer:
            return content_length(answer)
    except Trouble as trouble:
        raise FetchError(trouble.reason, where=url) from trouble
