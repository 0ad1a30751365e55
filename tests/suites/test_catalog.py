"""The facts of every suite, and the list people see."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from spm_bench.errors import DataError, UsageError
from spm_bench.metrics.conventions import get_convention
from spm_bench.suites import catalog, facts, load_suite
from spm_bench.suites.base import Suite
from spm_bench.suites.catalog import SUITES, describe_suites
from spm_bench.suites.facts import suite_facts, suite_names

from .builders import otb_sequence

# name: (sequences, frames where known, EAO interval, bounded)
KNOWN = {
    "otb2013": (51, 29486, None, False),
    "otb50": (50, None, None, False),
    "otb100": (100, 59035, None, False),
    "vot2013": (16, None, None, False),
    "vot2014": (25, None, None, False),
    "vot2015": (60, 21455, (108, 371), False),
    "vot2016": (60, 21455, (108, 371), True),
    "vot2017": (60, 21356, (100, 356), True),
    "vot2018": (60, 21356, (100, 356), True),
    "vot2019": (60, None, (46, 291), True),
    "vot2020": (60, None, (115, 755), True),
    "vot2021": (60, None, (115, 755), True),
    "vot2022": (62, None, (115, 755), True),
    "got10k-val": (180, None, None, True),
    "got10k-test": (180, None, None, True),
    "lasot": (280, None, None, False),
    "uav123": (123, 112578, None, False),
    "uav123-10fps": (123, 37607, None, False),
    "uav20l": (20, 58670, None, False),
    "nfs": (100, None, None, False),
    "nfs-240": (100, None, None, False),
    "tc128": (129, None, None, False),
    "dtb70": (70, 15777, None, False),
    "trackingnet": (511, None, None, False),
    "trackingnet-train": (30132, None, None, False),
}
PROTOCOLS = {"otb": "one_pass", "vot": "supervised", "vot-multistart": "multistart", "got10k": "got10k"}


def test_all_suites_are_listed() -> None:
    assert {entry.name for entry in SUITES} == {*KNOWN, "demo", "folder"}
    assert all(entry.about for entry in SUITES)


@pytest.mark.parametrize("name", KNOWN)
def test_facts(name: str) -> None:
    facts = suite_facts(name)
    n, frames, interval, bounded = KNOWN[name]
    assert facts.n_sequences == n
    assert len({item.name for item in facts.sequences}) == (0 if facts.discovered else n)
    if frames is not None:
        assert sum(item.n_frames or 0 for item in facts.sequences) == frames
    assert (facts.eao_interval, facts.bounded) == (interval, bounded)
    assert facts.protocol == PROTOCOLS[facts.family]
    assert facts.has_ground_truth == (name not in ("got10k-test", "trackingnet"))
    assert facts.discovered == name.startswith(("trackingnet", "vot2021"))
    if facts.convention is not None:
        assert get_convention(facts.convention).origin == facts.origin
    assert facts.title
    assert facts.citation
    assert facts.url.startswith("http")


def test_ranges_and_targets_of_otb() -> None:
    by_name = {item.name: item for item in suite_facts("otb100").sequences}
    ranges = {
        "David": (300, 770), "BlurCar1": (247, 988), "BlurCar3": (3, 359), "BlurCar4": (18, 397), "Tiger1": (6, 354),
        "Football1": (1, 74), "Freeman3": (1, 460), "Freeman4": (1, 283), "Diving": (1, 215),
    }  # fmt: skip
    assert {name: (by_name[name].first, by_name[name].last) for name in ranges} == ranges
    assert {i.name for i in by_name.values() if i.first != 1} == {"David", "BlurCar1", "BlurCar3", "BlurCar4", "Tiger1"}
    shared = {i.name: (i.folder, i.annotation) for i in by_name.values() if i.annotation != "groundtruth_rect.txt"}
    assert shared == {
        "Jogging-1": ("Jogging", "groundtruth_rect.1.txt"),
        "Jogging-2": ("Jogging", "groundtruth_rect.2.txt"),
        "Skating2-1": ("Skating2", "groundtruth_rect.1.txt"),
        "Skating2-2": ("Skating2", "groundtruth_rect.2.txt"),
        "Human4-2": ("Human4", "groundtruth_rect.2.txt"),
    }
    assert len({tag for item in by_name.values() for tag in item.attributes}) == 11


def test_subsets() -> None:
    names = {name: {item.name for item in suite_facts(name).sequences} for name in KNOWN}
    assert names["otb50"] < names["otb100"]
    assert names["otb2013"] < names["otb100"]
    assert names["vot2015"] == names["vot2016"]
    assert names["vot2017"] == names["vot2018"]
    assert len(names["vot2018"] - names["vot2016"]) == 10


def test_names_agree_with_the_got10k_toolkit() -> None:
    otb = pytest.importorskip("got10k.datasets.otb")
    versions = otb.OTB._OTB__version_dict
    for name, key in (("otb2013", "otb2013"), ("otb50", "tb50"), ("otb100", "tb100")):
        assert {item.folder for item in suite_facts(name).sequences} == set(versions[key])


def test_targets_of_uav_agree_with_the_got10k_toolkit() -> None:
    datasets = pytest.importorskip("got10k.datasets")
    listed = json.loads((Path(datasets.__file__).parent / "uav123.json").read_text())
    for name, part in (("uav123", "UAV123"), ("uav20l", "UAV20L")):
        found = {i.name: (Path(i.folder).name, i.first, i.last) for i in suite_facts(name).sequences}
        assert found == {n: (m["folder_name"], m["start_frame"], m["end_frame"]) for n, m in listed[part].items()}


def test_every_third_frame_of_uav123_is_one_of_uav123_at_10_fps() -> None:
    whole, third = suite_facts("uav123").sequences, suite_facts("uav123-10fps").sequences
    for a, b in zip(whole, third, strict=True):
        assert a.last is not None
        assert (a.name, (a.first - 1) // 3 + 1, (a.last - 1) // 3 + 1) == (b.name, b.first, b.last)


def test_sequences_of_lasot_agree_with_the_got10k_toolkit() -> None:
    datasets = pytest.importorskip("got10k.datasets")
    listed = json.loads((Path(datasets.__file__).parent / "lasot.json").read_text())["test"]
    assert [item.name for item in suite_facts("lasot").sequences] == listed


def test_frames_without_a_start_are_pictures_of_the_sequence() -> None:
    """One list of the toolkit goes beyond its sequence (Freeman4), one begins before (Tiger1)."""
    omitted = {item.name: item for item in suite_facts("otb100").sequences if item.init_omit}
    assert len(omitted) == 27
    assert omitted["Tiger1"].init_omit[0] == (1, 5)
    for item in omitted.values():
        assert all(1 <= first <= last for first, last in item.init_omit)
        assert item.last is not None
        if item.name != "Freeman4":
            assert item.init_omit[-1][1] <= item.last


def test_lists_agree_with_those_distributed(published_results: Path) -> None:
    for name in ("vot2016", "vot2018"):
        listed = (published_results / name / "annotations" / "list.txt").read_text().split()
        assert [item.name for item in suite_facts(name).sequences] == listed
    for split in ("val", "test"):
        listed = (published_results / "got10k" / "lists" / f"got10k_{split}_list.txt").read_text().split()
        assert [item.name for item in suite_facts(f"got10k-{split}").sequences] == listed


def test_unknown_suite_offers_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Did you mean otb100"):
        load_suite("otb10", tmp_path)
    with pytest.raises(UsageError):
        suite_facts("demo")


def test_names_ignore_case(tmp_path: Path) -> None:
    otb_sequence(tmp_path, "Deer", 71)
    assert load_suite("OTB100", tmp_path, allow_missing=True).name == "otb100"


def test_the_demo_is_called_with_only(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    suite = Suite("demo", "Demo", "otb", "one_pass", (), 0)

    def load_demo(only: list[str] | None = None) -> Suite:
        asked.append(only)
        return suite

    monkeypatch.setattr(catalog, "load_target", lambda _: load_demo)
    assert load_suite("demo", only=["a"]) is suite
    assert load_suite("demo", Path("ignored"), only=[]) is suite
    assert asked == [["a"], None]


def test_status_tells_where_and_how_many(tmp_path: Path) -> None:
    otb_sequence(tmp_path / "OTB", "Deer", 71)
    rows = {row.name: row for row in describe_suites(tmp_path)}
    assert list(rows) == ["demo", "folder", *suite_names()]
    assert (rows["otb100"].where, rows["otb100"].n_present, rows["otb100"].n_sequences) == (tmp_path / "OTB", 1, 100)
    assert (rows["otb2013"].n_present, rows["otb50"].n_present) == (1, 1)
    assert (rows["vot2016"].where, rows["vot2016"].n_present) == (None, 0)


def test_a_path_the_system_refuses_is_an_error_in_one_line(tmp_path: Path) -> None:
    refused = tmp_path / ("x" * 300)
    with pytest.raises(DataError, match="cannot be read"):
        load_suite("otb100", refused)
    assert all(row.where is None for row in describe_suites(refused))


def test_status_of_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    assert all(row.where is None for row in describe_suites(tmp_path / "absent"))


def test_listing_and_scoring_import_nothing_heavy(tmp_path: Path) -> None:
    otb_sequence(tmp_path, "Deer", 71)
    code = (
        "import sys; from pathlib import Path; from spm_bench.suites import load_suite;"
        "from spm_bench.suites.catalog import describe_suites; d = Path(sys.argv[1]); describe_suites(d);"
        "load_suite('otb100', d, annotations_only=True, allow_missing=True);"
        "print([m for m in ('torch', 'cv2', 'pandas', 'matplotlib', 'scipy', 'got10k') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"title": "Mine",', "mine.json: this is no JSON"),
        ("[]", "mine.json: this is no JSON object"),
        ('{"title": "Mine", "layout": "otb"}', "mine.json: it lacks 'sequences'"),
        (
            '{"title": "Mine", "layout": "otb", "names": ["a"], "folders": []}',
            "it has fields of another kind",
        ),
    ],
)
def test_a_mistake_in_a_new_data_file_names_the_file(
    text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.json").write_text(text)
    monkeypatch.setattr("importlib.resources.files", lambda _: tmp_path)
    facts.data_files.cache_clear()
    try:
        with pytest.raises(DataError) as raised:
            facts.suite_facts("mine")
    finally:
        facts.data_files.cache_clear()
    assert told in str(raised.value)
