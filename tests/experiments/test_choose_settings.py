"""The script that chooses settings: mistakes get a line, and nothing is drawn for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spm_bench.models.architecture import find_architecture
from spm_bench.models.checkpoint import random_weights, read_header, read_safetensors, write_safetensors
from tests.experiments.scripts import HOME, load_script


@pytest.fixture(scope="module")
def script() -> Any:
    return load_script("choose_settings")


def test_settings_are_taken_from_another_seed(script: Any, tmp_path: Path, capsys: Any) -> None:
    architecture = find_architecture("siamfc_lite")
    for name, seed, settings, header in (
        ("one", 1, {"window_weight": 0.3}, {"chosen_on": "videos"}),
        ("two", 2, {}, {"seed": "2"}),
    ):
        weights = replace(random_weights(seed, architecture), settings=settings)
        write_safetensors(tmp_path / f"{name}.safetensors", weights, header, half=True)
    one, two, out = (tmp_path / f"{name}.safetensors" for name in ("one", "two", "deep/out"))
    assert script.main(["any", "--weights", str(two), "--like", str(one), "--out", str(out)]) == 0
    found, header = read_safetensors(out), read_header(out)
    assert (found.sha256, found.settings) == (read_safetensors(two).sha256, {"window_weight": 0.3})
    assert (header["seed"], header["chosen_on"]) == ("2", "videos, for another seed of the training")
    assert script.main(["any", "--weights", str(one), "--like", str(two), "--out", str(out)]) == 2
    assert "no settings were chosen" in capsys.readouterr().err
    assert script.main(["any", "--weights", str(one), "--like", str(tmp_path / "three"), "--out", str(out)]) == 2
    told = capsys.readouterr().err
    assert "three: there is no such file" in told
    assert "what this command wrote for another seed" in told


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
