"""Run the examples of a page, one after the other, in an empty folder of its own; their output goes into the page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from making.fences import Block
from making.fields import field_table

ROOT = Path(__file__).parents[2]
WIDTH = 84
"""Columns of a terminal that fit beside the navigation without scrolling."""
SECONDS = 300
"""No example may take longer."""
_PROGRESS = re.compile(r"/s, about .* left$")
"""Lines that a terminal shows one in the place of the other."""
_RESULT = re.compile(r"\]\((runs/[^)\s]+)\)")


class ExampleError(Exception):
    """An example of a page does not work."""


class Page:
    """A page's examples and the folder they run in.

    Args:
        name: Of the page, for messages.
        folder: Empty; `experiments` in it is the checkout's own, as in the folder a reader types in.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        (folder / "experiments").symlink_to(ROOT / "experiments")

    def replace(self, block: Block) -> str:
        """The block as the reader sees it, with its output if it is one that runs.

        Raises:
            ExampleError: The command fails, or a file that it should have made is not there.
        """
        if block.title is not None:
            path = self.folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body, encoding="utf-8")
        if block.language == "fields":
            return field_table(self.find(block.words[1]), block.body)
        if not block.runs:
            return block.text
        output = self._run(block)
        return f"{block.shown}\n\n```` {{ .text .output }}\n{output}\n````" if output else block.shown

    def find(self, pattern: str) -> Path:
        """The one file of the page's folder that a pattern means."""
        found = sorted(self.folder.glob(pattern))
        if len(found) != 1:
            raise ExampleError(f"{self.name}: {pattern} means {len(found)} files")
        return found[0]

    def take_results(self, markdown: str, prefix: str) -> tuple[str, dict[str, bytes]]:
        """Point links to `runs/...` at copies of what the examples made.

        Returns:
            The page, and name below `prefix` -> content of each file that it links to.
        """
        files: dict[str, bytes] = {}

        def link(found: re.Match[str]) -> str:
            path = self.find(found[1])
            name = f"{prefix}/{path.relative_to(self.folder)}"
            files[name] = path.read_bytes()
            return f"]({name})"

        return _RESULT.sub(link, markdown), files

    def _run(self, block: Block) -> str:
        commands = {"sh": ["bash", "-eu", "-o", "pipefail"], "python": [sys.executable, "-"]}
        done = subprocess.run(
            commands[block.language],
            input=block.body,
            cwd=self.folder,
            env=environment(self.folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if done.returncode:
            raise ExampleError(f"{self.name}: exit code {done.returncode} of\n{block.body}\n{done.stdout}")
        lines = [line.rstrip() for line in done.stdout.replace(f"{self.folder}/", "").splitlines()]
        return "\n".join(line for line in lines if not _PROGRESS.search(line)).strip("\n")


def environment(folder: Path) -> dict[str, str]:
    """What the examples see: the commands of this Python, no data, caches or settings of the person who builds."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPM_BENCH_", "PYTHON"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    own = {name: str(folder / "home" / name.lower()) for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME")}
    said = {"COLUMNS": str(WIDTH), "NO_COLOR": "1", "TERM": "dumb"}
    # pages are made side by side: one thread each
    return kept | own | said | {"PATH": path, "OMP_NUM_THREADS": "1"}
