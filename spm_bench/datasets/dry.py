"""How big a download would be, without fetching it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from spm_bench.datasets.sources import Archive
from spm_bench.errors import FetchError
from spm_bench.fetch.download import size_of

AT_ONCE = 4
"""Questions to a server at a time."""


def sizes_of(archives: Sequence[Archive], *, timeout: float) -> tuple[list[int | None], str]:
    """Bytes of each archive, asked for where the source does not say; None where the server does not, either.

    The first one is asked for alone: a server that does not answer is not asked again.

    Returns:
        The sizes, and what went wrong first, "" if nothing did.
    """
    asked = [archive for archive in archives if archive.size is None]
    found: dict[str, int | None] = {}
    problem = ""

    def ask(archive: Archive) -> tuple[str, int | None, str]:
        try:
            return archive.name, size_of(archive.url, timeout=timeout), ""
        except FetchError as error:
            return archive.name, None, str(error)

    if asked:
        name, size, problem = ask(asked[0])
        found[name] = size
        if not problem:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                for name, size, told in pool.map(ask, asked[1:]):
                    found[name], problem = size, problem or told
    return [archive.size if archive.size is not None else found.get(archive.name) for archive in archives], problem
