"""The script that tries settings of the correlation filter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.experiments.scripts import load_script
from tests.training.tiny import PACK_TOML, make_pack


@pytest.fixture(scope="module")
def script() -> Any:
    return load_script("choose_filter")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TINY_PACK", str(make_pack(tmp_path / "pack")))
    (tmp_path / "tiny.toml").write_text(PACK_TOML)
    return str(tmp_path / "tiny.toml")


def test_prints_one_row_per_setting(script: Any, config: str, capsys: Any) -> None:
    assert script.main([config, "cells=17", "cells=17,scales=1,layers=conv4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[1] for line in lines] == ["cells=17", "cells=17,scales=1,layers=conv4"]
    assert all(0 <= float(line.split()[0]) <= 1 for line in lines)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["cels=17"], "Did you mean cells"),
        (["cells=16"], "cells must be odd"),
        (["cells"], "'cells' is not of the form NAME=VALUE"),
        (["--weights", "none.safetensors"], "none.safetensors"),
    ],
)
def test_a_mistake_is_one_line(script: Any, config: str, rows: list[str], told: str, capsys: Any) -> None:
    assert script.main([config, *rows]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert told in printed.err
