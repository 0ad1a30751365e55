import json
import tomllib
from pathlib import Path

import pytest

from spm_bench.errors import UsageError
from spm_bench.training.config import DataSource, Mix, differences, find_config, parse_config, read_config
from spm_bench.training.pairs import KINDS
from tests.training.tiny import tiny_config

GOOD = """about = "What does it cost?"
pairs = 1000
batch = 16

[mix]
video = 0.6
stills = 0.4
patches = 0

[augment]
flip = 0.25

[targets]
generalised_positives = false

[[data]]
kind = "pack"
path = "a"

[[data]]
kind = "synthetic"
name = "drawn"
path = "$CACHE/b"
options = { videos = 3, seed = 1 }
"""


@pytest.fixture
def written(tmp_path):
    def write(text=GOOD, name="my.toml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_a_file_says_what_differs_from_the_defaults(written):
    config = read_config(written())
    assert (config.pairs, config.batch, config.steps) == (1000, 16, 63)
    assert config.mix == Mix(video=0.6, stills=0.4, patches=0.0)
    assert config.augment.flip == 0.25
    assert not config.targets.generalised_positives
    assert config.targets.positive_overlap == 0.6
    assert [source.title for source in config.data] == ["pack", "drawn"]
    assert config.data[1].options == {"videos": 3, "seed": 1}
    assert config.network().name == "spm_lite"


def test_options_of_the_command_line_replace_fields(written):
    assert read_config(written(), {"pairs": 32}).steps == 2


def test_a_config_survives_json():
    config = tiny_config(initial="a.safetensors", mix={"video": 1.0, "stills": 0.0, "patches": 0.0})
    again = parse_config(json.loads(json.dumps(config.to_json())), where="json")
    assert again == config
    assert again.digest() == config.digest()


def test_there_is_a_share_for_each_kind_of_pair():
    assert tuple(Mix.model_fields) == KINDS


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        ("batch = 16", "bach = 16", 3, "no setting 'bach'. Did you mean batch"),
        ("stills = 0.4", "stils = 0.4", 7, "no setting 'mix.stils'. Did you mean stills"),
        ("flip = 0.25", "flipp = 0.25", 10, "augment: there is no setting 'flipp'. Did you mean flip"),
        ("generalised_positives", "generalized_positives", 14, "Did you mean generalised_positives"),
        ('name = "drawn"', 'nam = "drawn"', 22, "no setting 'data.1.nam'. Did you mean name"),
        ("batch = 16", 'batch = "16"', 3, "batch: input should be a valid integer"),
        ("batch = 16", "batch = true", 3, "(given: true)"),
        ("batch = 16", "batch = 1", 3, "greater than or equal to 2"),
        ("pairs = 1000", "seed = 1", None, "pairs is missing"),
        ("stills = 0.4", "stills = 0.3", 5, "add up to 0.9, they must add up to 1"),
        ("flip = 0.25", "flip = 1.25", 10, "flip is 1.25, but must be from 0 to 1"),
        ("batch = 16", "learning_rate = inf", 3, "learning_rate: input should be a finite number"),
        ("batch = 16", "learning_rate = nan", 3, "learning_rate"),
        ("batch = 16", 'architecture = "spm_light"', None, "no architecture 'spm_light'. Did you mean spm_lite"),
        ("batch = 16", 'overrides = { fine_layer = ["conv4"] }', None, "Did you mean fine_layers"),
        ("batch = 16", "seed = 1979-05-27", None, "a date (1979-05-27) has no meaning here"),
        ("batch = 16", "batch = 16 16", 3, "not valid TOML"),
        ('name = "drawn"', 'name = "pack"', None, "two data sources are called 'pack'"),
        ("batch = 16", 'amp = "half"', 3, "'off', 'bfloat16' or 'float16'"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_remedy(written, before, after, line, said):
    assert GOOD.count(before) == 1
    path = written(GOOD.replace(before, after))
    with pytest.raises(UsageError) as caught:
        read_config(path)
    assert said in str(caught.value)
    assert caught.value.where == path
    assert caught.value.line == line


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_is_no_text(tmp_path, content):
    path = tmp_path / "x.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"cannot be read|not a text file"):
        read_config(path)


def test_names_resolve_to_files(written, tmp_path, monkeypatch):
    path = written()
    assert find_config(str(path)) == find_config(str(path.with_suffix(""))) == path
    with pytest.raises(UsageError, match=r"Did you mean my\?"):
        find_config(str(tmp_path / "mi"))
    with pytest.raises(UsageError, match="experiments/train/NAME"):
        find_config(str(tmp_path / "nowhere" / "x"))
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "experiments" / "train"
    home.mkdir(parents=True)
    (home / "lite.toml").write_text(GOOD)
    assert find_config("lite") == Path("experiments/train/lite.toml")
    assert find_config("my") == Path("my.toml")
    with pytest.raises(UsageError, match="Known: lite"):
        find_config("nope")


def test_paths_start_at_the_config_and_may_name_variables(tmp_path, monkeypatch):
    monkeypatch.setenv("CACHE", str(tmp_path / "cache"))
    assert DataSource(kind="pack", path="a/b").resolve(tmp_path) == tmp_path / "a" / "b"
    assert DataSource(kind="pack", path="$CACHE/b").resolve(Path("/x")) == tmp_path / "cache" / "b"
    assert DataSource(kind="synthetic").resolve(tmp_path) is None
    monkeypatch.delenv("CACHE")
    with pytest.raises(UsageError, match="needs the environment variable CACHE"):
        DataSource(kind="pack", path="${CACHE}/b").resolve(tmp_path)


def test_only_what_decides_the_weights_counts_as_a_difference():
    config = tiny_config()
    same = tiny_config(about="another question", log_every=7, validate_every=1, checkpoint_minutes=9.0, picture_gib=0.5)
    assert differences(config.to_json(), same) == []
    assert same.digest() == config.digest()
    other = tiny_config(seed=4, targets={"generalised_positives": False})
    assert differences(config.to_json(), other) == [
        "seed: 3 in the checkpoint, 4 now",
        "targets.generalised_positives: true in the checkpoint, false now",
    ]
    assert other.digest() != config.digest()


def test_data_may_move():
    config = tiny_config()
    stored = config.to_json()
    stored["data"][0]["path"] = "somewhere/else"
    assert differences(stored, config) == []
    assert parse_config(stored, where="moved").digest() == config.digest()
    stored["data"][0]["kind"] = "lasot"
    assert len(differences(stored, config)) == 1


def test_how_many_processes_draw_a_source_may_change():
    drawn = {"kind": "synthetic", "options": {"videos": 3, "seed": 1}}
    by_two, more = ({**drawn, "options": drawn["options"] | new} for new in ({"workers": 2}, {"videos": 4}))
    config, same, other = (tiny_config(data=[source]) for source in (drawn, by_two, more))
    assert same.data[0].options["workers"] == 2
    assert differences(config.to_json(), same) == differences(same.to_json(), config) == []
    assert same.digest() == config.digest()
    assert len(differences(config.to_json(), other)) == 1
    assert other.digest() != config.digest()


def test_a_field_of_another_version_is_a_difference():
    stored = tiny_config().to_json()
    stored["gone"] = 1
    del stored["clip"]
    assert differences(stored, tiny_config()) == [
        "clip: absent in the checkpoint, 5.0 now",
        "gone: 1 in the checkpoint, absent now",
    ]


def test_the_projects_own_configs_are_valid():
    home = Path(__file__).parents[2] / "experiments" / "train"
    found = sorted(home.glob("*.toml"))
    assert found
    for path in found:
        config = read_config(path)
        assert config.about, path
        assert config.to_json()["pairs"] == tomllib.loads(path.read_text())["pairs"]
