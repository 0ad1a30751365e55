"""The folder of a report: texts, tables and figures that belong together, and nothing of an earlier report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from matplotlib.figure import Figure

from spm_bench.report.style import to_pdf, to_png
from spm_bench.results.files import readable_os_errors, write_bytes

Content = str | bytes | Figure
"""Of a file; a figure is two."""


def encoded(contents: Mapping[str, Content]) -> dict[str, bytes]:
    """Files of a report, ready to be written.

    Args:
        contents: Name -> text or bytes; a figure's name has no ending, and it becomes a PNG and a PDF.
    """
    files: dict[str, bytes] = {}
    for name, content in contents.items():
        if isinstance(content, Figure):
            files |= {f"{name}.png": to_png(content), f"{name}.pdf": to_pdf(content)}
        else:
            # a name from a file system that is none may hold bytes that no encoding has
            files[name] = content if isinstance(content, bytes) else content.encode("utf-8", "replace")
    return files


def write_folder(folder: Path, files: Mapping[str, bytes], known: Iterable[str]) -> list[Path]:
    """Write a report's files, each atomically, then remove those that an earlier report left and this one has not.

    Args:
        folder: Made if it is not there. What is none of a report's files stays.
        files: Name -> content; in this order.
        known: What files of such reports may be called; a name without ending is a figure's, `*` stands for anything.

    Returns:
        What was written, in the order of `files`.

    Raises:
        ResultsError: The folder cannot be written.
    """
    for name, content in files.items():
        write_bytes(folder / name, content)
    with readable_os_errors(folder):
        for name in known:
            for pattern in [name] if "." in name else [f"{name}.png", f"{name}.pdf"]:
                for path in folder.glob(pattern):
                    if path.name not in files and path.is_file():
                        path.unlink(missing_ok=True)
    return [folder / name for name in files]
