"""The index of the samples: Markdown for repositories, and a page that opens from disk, light and dark, no script."""

from __future__ import annotations

import html
import re
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

HEAD = """# Reports

Samples of everything that spm_bench writes, each made by one command. Open [index.html](index.html) from disk for the
same with pictures.

    make reports                                  # what needs nothing
    make reports DATA=... PUBLISHED=...           # everything

`DATA` holds sequences of OTB-100 (`otb/`) and VOT2016 (`vot2016/`), as many as there are; `PUBLISHED` annotations and
raw results of whole benchmarks (`otb100/`, `vot2016/`, `vot2018/`). Neither is part of this project, and neither
pictures nor raw results of others are kept here: only scores and figures computed from them.

Runs are kept under `runs`, named by what they depend on: a second call computes only what is new, and the same runs
give the same files, byte for byte.
"""
STYLE = (
    ":root{color-scheme:light dark;--soft:#555;--rule:#d6dae0;--raised:#f6f7f9}"
    "@media(prefers-color-scheme:dark){:root{--soft:#a8b0ba;--rule:#353b44;--raised:#1d2127}}"
    "body{font:16px/1.5 system-ui,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;max-width:70rem;margin:0 auto;"
    "padding:1rem 1.25rem 3rem}h1{font-size:2rem;margin:.6em 0 .2em}h2{font-size:1.3rem;margin:2.2em 0 .3em}"
    "p{margin:.3em 0 .6em;max-width:46rem}.soft,figcaption{color:var(--soft);font-size:.86rem}"
    "code,pre{font:.84rem/1.5 ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace}"
    "pre{background:var(--raised);border:1px solid var(--rule);border-radius:8px;padding:.5rem .8rem;overflow-x:auto}"
    ".pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:1rem;margin:.8rem 0}"
    "figure{margin:0}figure a{display:flex;height:13rem;background:#fff;border:1px solid var(--rule);"
    "border-radius:8px;padding:.4rem;align-items:center;justify-content:center}"
    "img{max-width:100%;max-height:100%;object-fit:contain}ul{padding-left:1.2rem;margin:.3em 0}"
)


@dataclass(frozen=True)
class Sample:
    """One kind of report.

    Attributes:
        name: To ask for it.
        title: Heading on the index.
        about: What it shows, in a sentence or two.
        command: What makes it; words in braces stand for options of this script.
        pages: (label, file in `reports/`) to open.
        pictures: (what it shows, file in `reports/`) for the index.
        note: What must be known before numbers are compared.
    """

    name: str
    title: str
    about: str
    command: str
    pages: tuple[tuple[str, str], ...]
    pictures: tuple[tuple[str, str], ...] = ()
    note: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        """The options without which it cannot be made."""
        return tuple(option for option in ("data", "published") if f"{{{option}}}" in self.command)

    @property
    def shown_command(self) -> str:
        """The command as the index prints it."""
        return self.command.format(data="DATA", published="PUBLISHED")

    def words(self, data: Path | None, published: Path | None) -> list[str]:
        """The command to run, by this Python."""
        given = {"data": data, "published": published}
        words = [word.format(**given) for word in shlex.split(self.command)]  # split first: paths may hold spaces
        return [sys.executable, *words[1:]]


def to_markdown(samples: Iterable[Sample]) -> str:
    """Write the index for a repository: per sample what it is, its pages, its first picture, its command."""
    parts = [HEAD.rstrip()]
    for sample in samples:
        pages = ", ".join(f"[{label}]({path})" for label, path in sample.pages)
        parts += [f"## {sample.title}", f"{sample.about} Open: {pages}.", f"    {sample.shown_command}"]
        parts += [sample.note] if sample.note else []
        parts += [f"![{what}]({path})" for what, path in sample.pictures[:1]]
    return "\n\n".join(parts) + "\n"


def to_html(samples: Iterable[Sample]) -> str:
    """Write the index as a page: the same, with all pictures; it fetches nothing from outside its folder."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Reports of spm_bench</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>Reports</h1>\n"
        "<p>Samples of everything that spm_bench writes, each made by one command. Pictures open large; every figure "
        "lies beside its PDF.</p>\n" + "".join(map(_section, samples)) + "</body>\n</html>\n"
    )


def _section(sample: Sample) -> str:
    pages = "".join(f"<li>{_link(path, html.escape(label))}</li>\n" for label, path in sample.pages)
    figures = "".join(map(_figure, sample.pictures))
    note = re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(sample.note))
    note = f'<p class="soft">{note}</p>\n' if note else ""
    return (
        f"<section>\n<h2>{html.escape(sample.title)}</h2>\n<p>{html.escape(sample.about)}</p>\n<ul>\n{pages}</ul>\n"
        f"<pre>{html.escape(sample.shown_command)}</pre>\n{note}"
        f'<div class="pictures">\n{figures}</div>\n</section>\n'
    )


def _figure(picture: tuple[str, str]) -> str:
    what, path = (html.escape(text) for text in picture)
    image = f'<img src="{path}" alt="{what}" loading="lazy">'
    return f"<figure>{_link(picture[1], image)}<figcaption>{what}</figcaption></figure>\n"


def _link(path: str, content: str) -> str:
    return f'<a href="{html.escape(path)}">{content}</a>'
