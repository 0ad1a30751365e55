"""The script that chooses settings: mistakes get a line, and nothing is drawn for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.experiments.scripts import HOME, load_script


@pytest.fixture(scope="module")
def script() -> Any:
    return load_script("choose_settings")


@pytest.mark.parametrize(
    ("config", "weights", "told"),
    [
        ("spm_light", "x.safetensors", "Did you mean spm_lite"),
        ("spm_lite", "x.safetensors", "SPM_BENCH_TRAIN_DATA"),
        ("tiny", "x.safetensors", "x.safetensors: there is no such file"),
        ("none_held", "x.safetensors", "holds no videos out"),
    ],
)
def test_a_mistake_is_one_line(
    script: Any, config: str, weights: str, told: str, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.training.tiny import PACK_TOML, make_pack

    monkeypatch.delenv("SPM_BENCH_TRAIN_DATA", raising=False)
    monkeypatch.setenv("TINY_PACK", str(make_pack(tmp_path / "pack")))
    drawn = '\n[[data]]\nkind = "synthetic"\noptions = { videos = 600, seed = 1 }\n'
    (tmp_path / "tiny.toml").write_text(PACK_TOML + drawn)
    (tmp_path / "none_held.toml").write_text(PACK_TOML.replace('held_out = ["made/b"]', "held_out = []") + drawn)
    folder = tmp_path if config in ("tiny", "none_held") else HOME
    code = script.main([str(folder / config), "--weights", weights, "--out", str(tmp_path / "out.safetensors")])
    printed = capsys.readouterr()
    assert code == 2
    assert told in printed.err
    assert "drawing" not in printed.out
    assert not (tmp_path / "out.safetensors").exists()
