"""Pair, execute and clean the notebooks: `make notebooks` or `python notebooks/make.py [NAME ...]`.

A notebook is written as a script in jupytext's percent format (NAME.py) and read as NAME.ipynb,
which has the same cells and their outputs. It is executed in an empty folder, as on a fresh clone,
with nothing but `experiments` and `reports` of the checkout beside it, and its outputs hold nothing
of the machine or the hour, so that executing it again gives the same file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from stale import arithmetic, differences, same_arithmetic, troubles

HOME = Path(__file__).resolve().parent
BESIDE = ("experiments", "reports")
"""Folders of the checkout that notebooks may read."""
MADE_BY = "arithmetic.json"
"""How the machine computes that the committed outputs are from, see `stale.arithmetic`."""
SECONDS = 300
"""A cell may take so long on a machine that has other things to do."""
NEEDS = {"04_otb_and_vot": "SPM_BENCH_PUBLISHED"}
"""Notebook -> variable with the material of its committed outputs; without it, they are kept."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def scripts(names: list[str] | None = None) -> list[Path]:
    """The scripts of all notebooks, or of those named (with or without an ending).

    Raises:
        SystemExit: No such notebook.
    """
    found = {path.stem: path for path in sorted(HOME.glob("[0-9][0-9]_*.py"))}
    wanted = [Path(name).stem for name in names or found]
    if unknown := [name for name in wanted if name not in found]:
        sys.exit(f"no notebook {', '.join(unknown)}; there are {', '.join(found)}")
    return [found[name] for name in wanted]


def read_script(path: Path) -> NotebookNode:
    """The notebook that a script describes, without outputs; cells' ids follow from their text."""
    notebook = jupytext.read(path)
    notebook.metadata["jupytext"].pop("text_representation", None)  # tells the version of jupytext
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        key = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
        seen[key] = seen.get(key, 0) + 1
        cell.id = f"{key}-{seen[key]}"
        cell.metadata.pop("lines_to_next_cell", None)  # about the script
    return notebook


def execute(notebook: NotebookNode, environment: Mapping[str, str] = os.environ) -> NotebookNode:
    """Run all cells in a fresh kernel and an empty folder.

    Args:
        notebook: Is given the outputs, and returned.
        environment: Variables of the kernel.

    Raises:
        CellExecutionError: A cell fails.
    """
    with TemporaryDirectory(prefix="spm_bench_notebook_") as folder:
        root = Path(folder).resolve()
        place = root / HOME.name
        place.mkdir()
        for name in BESIDE:
            (root / name).symlink_to(HOME.parent / name)
        # the kernel of this Python, without what somebody has set up for themselves
        own = dict.fromkeys(
            ("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR"), str(root / "own")
        )
        client = NotebookClient(
            notebook,
            timeout=SECONDS,
            kernel_name="python3",
            resources={"metadata": {"path": str(place)}},
            record_timing=False,
            coalesce_streams=True,
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
        )
        client.execute(env={**environment, **own})
    notebook.metadata.pop("language_info", None)  # tells the version of Python
    return notebook


def keep_outputs(notebook: NotebookNode, earlier: NotebookNode) -> NotebookNode:
    """Give the cells whose text is as it was the outputs that they had."""
    known = {cell.source: cell for cell in earlier.cells if cell.cell_type == "code"}
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source in known:
            cell.outputs = known[cell.source].outputs
            cell.execution_count = known[cell.source].execution_count
    return notebook


def read_made(script: Path) -> NotebookNode:
    """The notebook beside a script, with its outputs."""
    return nbformat.read(script.with_suffix(".ipynb"), as_version=4)


def make(script: Path) -> Iterator[str]:
    """Write the notebook of a script; yields what whoever commits it must know."""
    notebook, made = read_script(script), script.with_suffix(".ipynb")
    variable = NEEDS.get(script.stem)
    if variable and not os.environ.get(variable) and made.is_file():
        yield f"outputs are those it had: {variable} is not set"
        notebook = keep_outputs(notebook, read_made(script))
    else:
        execute(notebook)
    yield from troubles(notebook)
    nbformat.write(notebook, made)
    (HOME / MADE_BY).write_text(json.dumps(arithmetic()) + "\n", encoding="utf-8")


def check(script: Path) -> Iterator[str]:
    """Execute a script and compare with its notebook; yields what differs."""
    executed = execute(read_script(script))
    yield from differences(read_made(script), executed, numbers=computes_alike())


@cache
def computes_alike() -> bool:
    """Whether this machine computes as the one that the committed outputs are from."""
    return same_arithmetic(json.loads((HOME / MADE_BY).read_text(encoding="utf-8")), arithmetic())


def main(arguments: list[str] | None = None) -> int:
    """Make or check notebooks; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    parser.add_argument("--check", action="store_true", help="write nothing, tell what is stale")
    args = parser.parse_args(arguments)
    code = 0
    for script in scripts(args.names):
        try:
            found = list((check if args.check else make)(script))
        except (CellExecutionError, CellTimeoutError) as error:
            found, code = [_COLOURS.sub("", str(error))], 1
        except DeadKernelError:
            print(f"{script.stem}: stopped, or its kernel died", file=sys.stderr)
            return 1
        word = "as it should be" if not found else "look at it"
        print("\n  ".join([f"{script.stem}: {word}", *found]), flush=True)
        code = code or int(args.check and bool(found))
    return code


if __name__ == "__main__":
    sys.exit(main())
