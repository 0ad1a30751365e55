"""Find what built pages would load from other hosts."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

_LOADING = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("video", "src"), ("link", "href")}
_FOREIGN = re.compile(r"^(https?:)?//", re.IGNORECASE)
_IN_STYLE = re.compile(r"""(?:url\(|@import\s)\s*['"]?((?:https?:)?//[^'")\s]+)""", re.IGNORECASE)
_NOT_LOADED = ("canonical", "author", "license", "prev", "next")
"""What a <link> may name without a browser fetching it."""


def foreign_assets(folder: Path) -> list[str]:
    """Scripts, styles, fonts and pictures of other hosts in all pages and style sheets below `folder`."""
    found = []
    for path in sorted([*folder.rglob("*.html"), *folder.rglob("*.css")]):
        text = path.read_text(encoding="utf-8")
        urls = _IN_STYLE.findall(text)
        if path.suffix == ".html":
            parser = _Assets()
            parser.feed(text)
            urls += parser.urls
        found += [f"{path.relative_to(folder)}: {url}" for url in urls]
    return found


class _Assets(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and given.get("rel") in _NOT_LOADED:
            return
        self.urls += [v for k, v in attrs if (tag, k) in _LOADING and v is not None and _FOREIGN.match(v)]
