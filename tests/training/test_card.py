"""Model cards say what the files of a training say, and refuse files that do not belong together."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest

from spm_bench.cli import build_app, guarded
from spm_bench.errors import ResultsError, SpmBenchError, UsageError, WeightsError
from spm_bench.models.checkpoint import read_header, read_safetensors, write_safetensors
from spm_bench.training.card import LICENCE, LIMITS, make_card
from tests.training.made_trainings import make_training

SECTIONS = ["Data", "Licence", "Recipe", "Training", "Validation", "Limits"]


def card_of(folder: Path, **options: str) -> str:
    return make_card(folder / "weights.safetensors", folder, **options)


def row(text: str, name: str) -> list[str]:
    """Cells of a table's row."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip().replace(r"\|", "|") for cell in line.replace(r"\|", "\0").strip("|").split("|")][1:]


def test_a_card_has_all_that_is_asked_of_it(tmp_path: Path) -> None:
    folder = make_training(tmp_path / "small")
    text = card_of(folder, command="train it", figure="curves.png")
    assert text.startswith("# small\n\nDoes it work?\n")
    assert [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")] == SECTIONS
    assert row(text, "pairs seen") == ["1,200"]
    assert row(text, "settings") == ["box_scale 1, class_scale 1, window_weight 0.3"]
    assert read_safetensors(folder / "weights.safetensors").sha256 in text
    assert row(text, "pack") == ["pack", "1,500", "7", "5", "-"]
    assert "Held out, whole: `s/a`." in text
    assert LICENCE in text
    assert all(f"* {line}" in text for line in LIMITS)
    assert row(text, "mix") == ["video 0.55, stills 0.3, patches 0.15, synthetic 0, pasted 0"]
    facts = json.loads((folder / "training.json").read_text())
    assert f"Seed 3; the record as a whole has the digest `{facts['training']}`." in text
    assert row(text, "command") == ["`train it`"]
    assert row(text, "time") == ["1:01:01 of steps, validations not counted"]
    assert "(curves.png)" in text
    assert "After step 12 (1,200 pairs)" in text
    assert row(text, "**all**") == ["0.500", "0.550", "1.000"]
    assert row(text, "s/a") == ["0.500", "0.550", "1.000"]


def test_every_table_is_one(tmp_path: Path) -> None:
    """Also where a value has a bar in it (the processor's name)."""
    lines = card_of(make_training(tmp_path / "a")).replace(r"\|", "").splitlines()
    for above, line in itertools.pairwise(lines):
        if above.startswith("|") and line.startswith("|"):
            assert above.count("|") == line.count("|"), line


def test_unfinished_weights_are_told_as_such_with_their_own_numbers(tmp_path: Path) -> None:
    text = card_of(make_training(tmp_path / "a", pairs=900))
    assert "**unfinished**" in row(text, "pairs seen")[0]
    assert "After step 8 (800 pairs)" in text
    assert row(text, "**all**")[0] == "0.250"
    assert row(text, "time")[0].startswith("0:00:20 ")
    assert "not validated" in card_of(make_training(tmp_path / "b", pairs=100))


def test_a_card_says_with_which_settings_and_on_what_they_were_chosen(tmp_path: Path) -> None:
    chosen, plain = make_training(tmp_path / "a"), make_training(tmp_path / "b")
    cases = ((chosen, {"window_weight": 0.3}, {"chosen_on": "videos, 9 tried"}), (plain, {}, {}))
    for folder, settings, more in cases:
        path = folder / "weights.safetensors"
        kept = {key: value for key, value in read_header(path).items() if key in ("training", "pairs", "finished")}
        write_safetensors(path, replace(read_safetensors(path), settings=settings), {**kept, **more}, half=True)
    text = card_of(chosen)
    assert row(text, "settings chosen on") == ["videos, 9 tried"]
    assert "with the settings of its network's kind (box_scale 1, class_scale 1), not with those above" in text
    assert "chosen afterwards, on the same held-out videos" in text
    text = card_of(plain)
    assert row(text, "settings") == ["box_scale 1, class_scale 1"]
    assert row(text, "settings chosen on") == ["nothing: they are those of the network's kind"]
    assert "network's kind (box_scale 1, class_scale 1).\n" in text


def test_origins_are_counted_where_the_pack_is_at_hand(tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "index.csv").write_text("file,source\n1,zoo\n2,attic\n3,zoo\n")
    data = [{"kind": "pack", "path": str(pack)}, {"kind": "pack", "name": "b", "path": "$NOT_SET_ANYWHERE/b"}]
    text = card_of(make_training(tmp_path / "a", data=data))
    assert "* pack: attic 1, zoo 2\n" in text
    assert "* b:" not in text


def other_training(folder: Path) -> None:
    make_training(folder.parent / "other", seed=4)
    (folder.parent / "other" / "weights.safetensors").replace(folder / "weights.safetensors")


BROKEN = {
    "weights of another training": (other_training, UsageError, "these weights are of the training"),
    "no training": (lambda f: (f / "training.json").unlink(), ResultsError, "there is no training here"),
    "no facts": (lambda f: (f / "training.json").write_text("[]"), ResultsError, "not the facts"),
    "a foreign log": (lambda f: (f / "log.csv").write_text("a\n1\n"), ResultsError, "not a table"),
    "no weights": (lambda f: (f / "weights.safetensors").unlink(), WeightsError, "no such file"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_files_that_do_not_belong_together_are_refused(tmp_path: Path, name: str) -> None:
    folder = make_training(tmp_path / "a")
    spoil, kind, told = BROKEN[name]
    spoil(folder)
    with pytest.raises(SpmBenchError, match=told) as caught:
        card_of(folder)
    assert type(caught.value) is kind
    assert caught.value.where is not None


def test_the_verb_writes_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_training(tmp_path / "a")
    words = ["weights", "card", str(folder / "weights.safetensors")]
    assert guarded(build_app(), words) == 0
    assert capsys.readouterr().out == card_of(folder)
    assert guarded(build_app(), [*words, "--out", str(tmp_path / "card.md")]) == 0
    assert (tmp_path / "card.md").read_text() == card_of(folder)
