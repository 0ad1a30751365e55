"""Pages for the browser to open."""

from __future__ import annotations

from pathlib import Path

import pytest

from spm_bench.report.html import PageOptions
from tests.report.html.fakes import NASTY_NAMES, make_suite, write

PHONE = (390, 844)
TRACKERS = ["Alpha", "Beta", "Gamma", "Delta"]


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
