"""What the toolkits' own downloaders make of the same server, and why they are not called.

Where nothing goes wrong the vot toolkit (0.7.4) and we make the same files. But its downloader compares no checksum and
starts again when it is interrupted, and got10k's (0.1.3) takes a half-unpacked folder for a whole one.
"""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import pytest

from spm_bench.datasets.record import LOCK_NAME, STATE_NAME
from spm_bench.errors import FetchError
from tests.datasets.conftest import DESCRIPTION, VOT, fulfil, order
from tests.fetch.archives import tree
from tests.fetch.server import Server


@pytest.fixture
def vot_download() -> types.ModuleType:
    pytest.importorskip("vot")
    from vot.dataset import common

    return common


def test_the_vot_toolkit_makes_the_same_files(vot: Server, tmp_path: Path, vot_download: types.ModuleType) -> None:
    from vot.utilities import read_properties

    theirs, root = tmp_path / "theirs", tmp_path / "root"
    theirs.mkdir()
    vot_download.download_dataset_meta(vot.url + DESCRIPTION, str(theirs))
    fulfil(order(vot, root, "vot2013"))
    ours = {n: c for n, c in tree(root / "vot2013").items() if not n.startswith((STATE_NAME, LOCK_NAME))}
    for name in VOT:  # the toolkit ends its lines as Windows does, in another order
        same = [read_properties(str(home / name / "sequence")) for home in (root / "vot2013", theirs)]
        assert same[0] == same[1]
        ours[f"{name}/sequence"] = (theirs / name / "sequence").read_bytes()
    assert ours == tree(theirs)
    assert vot_download.list_sequences(str(root / "vot2013")) == list(VOT)
    assert vot_download.read_sequence(str(root / "vot2013" / "bolt")).groundtruth(1) is not None


def test_the_vot_toolkit_compares_no_checksum(vot: Server, tmp_path: Path, vot_download: types.ModuleType) -> None:
    described = json.loads(vot.files[DESCRIPTION])
    for entry in described["sequences"]:
        entry["annotations"]["checksum"] = "0" * 32
    vot.files[DESCRIPTION] = json.dumps(described).encode()
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    vot_download.download_dataset_meta(vot.url + DESCRIPTION, str(theirs))
    assert (theirs / "bolt" / "groundtruth.txt").is_file()
    with pytest.raises(FetchError, match="not the promised bytes"):
        fulfil(order(vot, tmp_path / "root", "vot2013"))


def test_got10k_takes_half_a_folder_for_a_whole_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wget", sys.modules.get("wget", types.ModuleType("wget")))
    otb = pytest.importorskip("got10k.datasets.otb")
    fetched: list[str] = []
    monkeypatch.setattr(otb, "download", lambda url, _: fetched.append(url))
    monkeypatch.setattr(otb, "extract", lambda *_: None)
    (tmp_path / "Deer" / "img").mkdir(parents=True)
    maker = object.__new__(otb.OTB)
    maker._download(str(tmp_path), 2015)
    assert "http://cvlab.hanyang.ac.kr/tracker_benchmark/seq/Football1.zip" in fetched
    assert not any("Deer.zip" in url for url in fetched)
