"""The site's build: examples run, tables computed, and nothing fetched from elsewhere.

mkdocs calls `on_files` once per build. A page's examples are run again only if they changed since the last build of the
same process, so that `mkdocs serve` stays quick.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page as SitePage

sys.path.insert(0, str(Path(__file__).parents[1]))

from making.assets import foreign_assets
from making.execute import ExampleError, Page
from making.fences import Block, blocks, replace_blocks
from making.fields import FieldsError
from making.tables import TABLES

Made = tuple[str, dict[str, bytes]]
"""A page in Markdown, and the files that it shows: name -> content."""

_made: dict[str, str] = {}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Run the examples of all pages, and add the files that they made and that the pages show."""
    sources = {file.src_uri: file.content_string for file in files.documentation_pages()}
    try:
        made = make_pages(sources)
    except (ExampleError, FieldsError) as error:
        raise PluginError(str(error)) from None
    for page, (text, results) in made.items():
        _made[page] = text
        for name, content in results.items():
            files.append(File.generated(config, str(Path(page).parent / name), content=content))
    return files


def on_page_markdown(markdown: str, page: SitePage, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Put the page as it was made in the place of its source."""
    return _made.get(page.file.src_uri, markdown)


def on_post_build(config: MkDocsConfig) -> None:
    """Refuse pages that would load anything from another host."""
    found = foreign_assets(Path(config.site_dir))
    if found:
        raise PluginError("pages load from other hosts:\n" + "\n".join(found))


def make_pages(sources: Mapping[str, str]) -> dict[str, Made]:
    """All pages, as many at a time as there are cores; those that measure speed one by one, when all others are done.

    Raises:
        ExampleError, FieldsError: See `make_page`.
    """
    quiet = [name for name, text in sources.items() if "spm-bench bench" in text]
    others = [name for name in sources if name not in quiet]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        made = dict(zip(others, pool.map(lambda name: make_page(name, sources[name]), others), strict=True))
    return made | {name: make_page(name, sources[name]) for name in quiet}


@cache
def make_page(name: str, source: str) -> Made:
    """Run a page's examples and compute its tables.

    Raises:
        ExampleError: An example fails.
        FieldsError: A table of fields does not describe the file.
    """
    if not any(block.runs or block.language in ("made", "fields") for block in blocks(source)):
        return source, {}
    with TemporaryDirectory(prefix="spm_bench_docs_") as folder:
        page = Page(name, Path(folder).resolve())

        def new(block: Block) -> str:
            return TABLES[block.words[1]]() if block.language == "made" else page.replace(block)

        return page.take_results(replace_blocks(source, new), f"{Path(name).stem}-files")
