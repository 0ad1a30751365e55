"""The fenced blocks of a Markdown page: found, and replaced by others.

A block's first line says what is done with it:

* ```` ```sh exec ````, ```` ```python exec ````: run, its output follows
* ```` ```toml title="my.toml" ````: a file of that name for the blocks after it
* ```` ```fields PATH ````: the fields of a JSON file, a meaning for each (`making.fields`)
* ```` ```made NAME ````: a table computed from the code (`making.tables`)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_BLOCK = re.compile(r"^```(?P<head>[^`\n]*)\n(?P<body>.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        text: As it stands in the page.
        words: Of its first line: the language first.
        title: The name of the file that it shows, or None.
        body: Its lines, with the last line break.
    """

    text: str
    words: tuple[str, ...]
    title: str | None
    body: str

    @property
    def language(self) -> str:
        """The first word; empty for a bare block."""
        return self.words[0] if self.words else ""

    @property
    def runs(self) -> bool:
        """Whether it is to be run."""
        return "exec" in self.words

    @property
    def shown(self) -> str:
        """The block as a reader sees it: without the word that only we understand."""
        return self.text.replace(" exec", "", 1) if self.runs else self.text


def replace_blocks(markdown: str, new: Callable[[Block], str]) -> str:
    """Put `new(block)` in the place of each fenced block, in order."""
    return _BLOCK.sub(lambda found: new(_block(found)), markdown)


def blocks(markdown: str) -> list[Block]:
    """All fenced blocks of a page."""
    return [_block(found) for found in _BLOCK.finditer(markdown)]


def _block(found: re.Match[str]) -> Block:
    head = found["head"]
    title = _TITLE.search(head)
    return Block(found[0], tuple(_TITLE.sub("", head).split()), title and title[1], found["body"])
