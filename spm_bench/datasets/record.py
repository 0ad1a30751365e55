"""What `spm-bench data get` remembers of what it fetched, in the folder of the data set itself.

`spm_bench.lock.json` says of every archive where it came from, its bytes and SHA-256, and whether the source had
published a checksum to compare with; later downloads have to be the same. `.spm-bench/hashes/` holds a list of files a
folder, in the form of the tool sha256sum.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from spm_bench.errors import DataError
from spm_bench.results.files import write_text
from spm_bench.results.lock import held

LOCK_NAME = "spm_bench.lock.json"
STATE_NAME = ".spm-bench"
OPTION = "--to"
"""Where the user can name another place."""


@dataclass(frozen=True)
class ArchiveRecord:
    """An archive that was fetched.

    Attributes:
        url: From where.
        size: Bytes.
        sha256: 64 hexadecimal digits.
        verified: "published" (its source publishes a checksum) or "first download" (this one is what later ones are
            compared with).
        when: UTC, ISO 8601.
    """

    url: str
    size: int
    sha256: str
    verified: str
    when: str


@dataclass
class Record:
    """All that was fetched into one folder.

    Attributes:
        home: The folder.
        archives: Name -> what is known of it.
        folders: Folders that are in place -> names of the archives they came from.
    """

    home: Path
    archives: dict[str, ArchiveRecord] = field(default_factory=dict)
    folders: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, home: Path) -> Record:
        """Read the record of a folder; an empty one where nothing was fetched.

        Raises:
            DataError: It is broken.
        """
        path = home / LOCK_NAME
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            archives = {str(name): ArchiveRecord(**known) for name, known in fields["archives"].items()}
            return cls(home, archives, {str(f): list(names) for f, names in fields["folders"].items()})
        except FileNotFoundError:
            return cls(home)
        except OSError as problem:
            told = problem.strerror or problem
            raise DataError(f"the record of downloads cannot be read ({told})", where=path) from problem
        except (ValueError, TypeError, KeyError, AttributeError) as problem:
            remedy = "Remove it: what is there is kept, but can no longer be compared with what was fetched first"
            raise DataError(f"the record of downloads is broken ({problem})", where=path, remedy=remedy) from problem

    def write(self) -> None:
        """Write the record, whole or not at all.

        Raises:
            DataError: It cannot be written.
        """
        about = "Written by spm-bench data get: what was fetched from where. Later downloads are compared with it."
        known = {name: asdict(archive) for name, archive in sorted(self.archives.items())}
        fields = {"about": about, "archives": known, "folders": dict(sorted(self.folders.items()))}
        write_text(self.home / LOCK_NAME, json.dumps(fields, indent=1) + "\n", kind=DataError, option=OPTION)

    @property
    def state(self) -> Path:
        """The folder of archives, hashes and whatever is being unpacked."""
        return self.home / STATE_NAME

    def hashes_path(self, folder: str) -> Path:
        """File with the hashes of a folder."""
        return self.state / "hashes" / f"{folder.replace('/', '_')}.sha256"

    def write_hashes(self, folder: str, hashes: Mapping[str, str]) -> None:
        """Write the hashes of a folder: name from the folder of the data set, with `/` -> SHA-256."""
        lines = (f"{digest}  {folder}/{name}\n" for name, digest in sorted(hashes.items()))
        write_text(self.hashes_path(folder), "".join(lines), kind=DataError, option=OPTION)

    def hashes(self, folder: str) -> dict[Path, str]:
        """Hashes of a folder's files as they were unpacked; empty where it was not fetched by this command.

        Raises:
            DataError: The list is broken.
        """
        path = self.hashes_path(folder)
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as problem:
            raise DataError(f"the list of hashes cannot be read ({problem})", where=path) from problem
        found = {}
        for number, line in enumerate(lines, start=1):
            digest, gap, name = line[:64], line[64:66], line[66:]
            if gap != "  " or not name.startswith(f"{folder}/") or ".." in Path(name).parts:
                raise DataError("this is no line of sha256sum", where=path, line=number, remedy="Remove the file")
            found[self.home / name] = digest
        return found

    def held(self) -> contextlib.AbstractContextManager[None]:
        """Keep other processes from fetching into the same folder while the block runs.

        Raises:
            DataError: Another one does, or the folder cannot be written.
        """
        return held(self.state, "is fetching into this folder", refused=DataError, kind=DataError, option=OPTION)
