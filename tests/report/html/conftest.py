"""A real browser, offline, that remembers every complaint and every request; and pages for it to open."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spm_bench.report.html import PageOptions
from tests.report.html.fakes import NASTY_NAMES, make_suite, write

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESK, PHONE = (1280, 900), (390, 844)
TRACKERS = ["Alpha", "Beta", "Gamma", "Delta"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium here")
    with playwright.sync_playwright() as p:
        opened = p.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a page in a fresh window; at the end, nothing may have been complained about or fetched."""
    contexts, complaints, requests = [], [], []

    def open_page(path: Path, place: str = "", *, size: tuple[int, int] = DESK, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, offline=True, **options)
        context.set_default_timeout(8000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri() + place)
        return page

    yield open_page
    for context in contexts:
        context.close()
    # the browser's advice to whoever reads a canvas often, which only these tests do
    assert [text for text in complaints if "willReadFrequently" not in text] == []
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.fixture(scope="session")
def otb_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("otb") / "report.html", make_suite(12, 60), TRACKERS)


@pytest.fixture(scope="session")
def vot_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("vot") / "report.html", make_suite(4, 60, family="vot"), TRACKERS)


@pytest.fixture(scope="session")
def picture_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With frames, film strips, and the worst names there are."""
    options = PageOptions(frames=True, strips=True)
    return write(tmp_path_factory.mktemp("film") / "report.html", make_suite(names=NASTY_NAMES), NASTY_NAMES, options)


@pytest.fixture(scope="session")
def crowded_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = [f"T{i:02d}" + "_of_a_rather_long_name" * (i % 7 == 3) for i in range(40)]
    return write(tmp_path_factory.mktemp("crowd") / "report.html", make_suite(3, 20), names)
