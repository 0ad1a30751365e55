"""Make a folder that is on this machine known: a link in the data root, after a look at what it is."""

from __future__ import annotations

import os
from pathlib import Path

from spm_bench.datasets.check import BROKEN, MISSING, WHOLE, Report, check
from spm_bench.errors import DataError, MissingDataError, listed
from spm_bench.suites.facts import suite_facts
from spm_bench.suites.roots import DATA_VARIABLE, data_root


def link(
    name: str, folder: Path, data: Path | None = None, *, allow_missing: bool = False, replace: bool = False
) -> tuple[Path, Report]:
    """Link a suite's folder into the data root, under the suite's name.

    Args:
        name: The suite.
        folder: The folder that holds its sequences, or holds the folder that does.
        data: The data root, None for the default one; made if need be.
        allow_missing: Accept a folder that has a part of the suite.
        replace: Replace a link that is there; never a folder.

    Returns:
        The link, and what was found in the folder.

    Raises:
        UsageError: An unknown suite.
        MissingDataError: The folder has no sequence of the suite, or not all.
        DataError: It is that of another suite, sequences of it are broken, or something is in the way.
    """
    facts = suite_facts(name)
    report = check(name, folder.expanduser())
    _check_claim(report, allow_missing=allow_missing)
    target = folder.expanduser().resolve()
    root = data_root(data)
    place = root / facts.folders[0]
    if place.is_symlink() and place.resolve() == target:
        return place, report
    if place.is_symlink() and replace:
        place.unlink()
    if place.exists() or place.is_symlink():
        what = f"a link to {os.readlink(place)}" if place.is_symlink() else "already there, and no link"  # noqa: PTH115
        remedy = "Replace it with --replace" if place.is_symlink() else "Move it away, or name another root with --data"
        raise DataError(f"this is {what}", where=place, remedy=remedy)
    try:
        root.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target, target_is_directory=True)
    except OSError as error:
        raise DataError(
            f"no link can be made ({error.strerror or error})",
            where=place,
            remedy=f"Name the folder with --data or {DATA_VARIABLE} instead",
        ) from error
    return place, report


def _check_claim(report: Report, *, allow_missing: bool) -> None:
    """Refuse a folder that is not what it is said to be."""
    title = report.facts.title
    broken = [found for found in report.sequences if found.state == BROKEN]
    if broken:
        first = broken[0].problems[0]
        raise DataError(
            f"{len(broken)} sequences of {title} are broken: {listed(found.name for found in broken)}; "
            f"{first.where}: {first.what}",
            where=report.home,
            remedy=f"spm-bench data check {report.facts.name} --data {report.home} tells all",
        )
    if report.count(MISSING) and (not allow_missing or not report.count(WHOLE)):
        names = [found.name for found in report.sequences if found.state == MISSING]
        names += [f"{report.unlisted} that nobody lists"] * bool(report.unlisted)
        raise MissingDataError(
            f"{report.count(MISSING)} of {report.total} sequences of {title} are missing: {listed(names)}",
            where=report.home,
            remedy="Accept a part of the suite with --allow-missing",
        )
