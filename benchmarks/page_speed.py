"""How large the HTML report is, and how long a browser takes to open it: 100 sequences of OTB's length x 10 trackers.

    OMP_NUM_THREADS=1 python benchmarks/page_speed.py [--sequences 100] [--frames 590] [--trackers 10] [--rounds 5]

The boxes are drawn by chance, as in the tests. Needs Debian's chromium and playwright. Each round is a new window; what
counts is the median from the address to the finished page, and from a sequence's link to its page.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from playwright.sync_api import Browser, sync_playwright

from tests.report.html.conftest import ARGUMENTS
from tests.report.html.fakes import make_suite, write


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("sequences", 100), ("frames", 590), ("trackers", 10), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        suite = make_suite(asked.sequences, asked.frames, pictures=False)
        page = write(Path(folder) / "page.html", suite, [f"Tracker {i}" for i in range(asked.trackers)])
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        times = [open_once(browser, page.as_uri()) for _ in range(asked.rounds)]
        browser.close()
        print(f"{page.stat().st_size / 1e6:.1f} MB, {asked.sequences} sequences x {asked.trackers} trackers")
    for what, seconds in zip(("opens", "a sequence opens"), zip(*times, strict=True), strict=True):
        print(f"{what} in {statistics.median(seconds):.2f} s (median of {asked.rounds}; slowest {max(seconds):.2f} s)")


def open_once(browser: Browser, address: str) -> tuple[float, float]:
    """Seconds until the page, and then one of its sequences, is there."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    begin = time.perf_counter()
    page.goto(address)
    loaded = time.perf_counter()
    page.goto(address + "#s-1@300")
    page.locator("#sequence-name").wait_for()
    opened = time.perf_counter()
    context.close()
    return loaded - begin, opened - loaded


if __name__ == "__main__":
    main()
