"""Fetching the released weights: verified, kept, and clear when it cannot be done."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from spm_bench.errors import WeightsError
from spm_bench.fetch.download import Patience
from spm_bench.models import checkpoint
from spm_bench.results.lock import held
from spm_bench.results.manifest import identity_hash, identity_of
from spm_bench.suites.base import Suite
from spm_bench.trackers.spm import SpmTracker, weights
from spm_bench.trackers.spm.weights import download_official, find_weights, has_official, official_folder

CONTENT = {"cm_stage.pt": b"coarse" * 1000, "fm_stage.pt": b"fine" * 1000}


class Server(http.server.ThreadingHTTPServer):
    """Serves the two files, and counts; `cut` and `swap` make it misbehave."""

    cut = False
    swap = False
    served = 0


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = Path(self.path).name
        if name not in CONTENT:
            self.send_error(404)
            return
        self.server.served += 1
        body = b"something else" if self.server.swap else CONTENT[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:100] if self.server.cut else body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    monkeypatch.setenv("SPM_BENCH_CACHE", str(tmp_path / "cache"))
    files = {"cm": "cm_stage.pt", "fm": "fm_stage.pt"}
    recorded = {stage: (name, checkpoint.git_blob_id(CONTENT[name])) for stage, name in files.items()}
    monkeypatch.setattr(weights, "OFFICIAL_FILES", recorded)
    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


HASTY = Patience(timeout=2, tries=2, pause=0.01)


def url(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/models"


def test_downloads_once_and_keeps_verified_files(server: Server) -> None:
    folder = download_official(url(server))
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == CONTENT
    assert has_official()
    download_official(url(server))
    assert server.served == 2


def test_a_damaged_file_in_the_cache_is_fetched_again(server: Server) -> None:
    folder = download_official(url(server))
    (folder / "fm_stage.pt").write_bytes(b"half")
    download_official(url(server))
    assert server.served == 3
    assert (folder / "fm_stage.pt").read_bytes() == CONTENT["fm_stage.pt"]


def test_two_at_once_do_not_write_into_one_file(server: Server) -> None:
    with held(official_folder().parent, "is fetching weights"), pytest.raises(WeightsError, match="another process"):
        download_official(url(server))
    assert server.served == 0
    download_official(url(server))
    with held(official_folder().parent, "is fetching weights"):
        download_official(url(server))  # all is there: nothing is written


@pytest.mark.parametrize(("fault", "told"), [("cut", "bytes"), ("swap", "not the released file")])
def test_wrong_bytes_are_refused(server: Server, fault: str, told: str) -> None:
    setattr(server, fault, True)
    with pytest.raises(WeightsError) as raised:
        download_official(url(server), patience=HASTY)
    assert told in str(raised.value)
    assert "By hand" in str(raised.value)
    assert not has_official()


def test_offline_tells_the_manual_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPM_BENCH_CACHE", str(tmp_path))
    with pytest.raises(WeightsError) as raised:
        download_official("http://127.0.0.1:9/nothing", patience=HASTY)
    assert "By hand" in str(raised.value)
    assert str(official_folder()) in str(raised.value)


def test_an_unwritable_cache_is_a_clear_error(server: Server, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(WeightsError, match="SPM_BENCH_CACHE"):
        download_official(url(server))


def test_nothing_at_hand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPM_BENCH_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match="weights get official"):
        find_weights(None)


def test_the_same_weights_elsewhere_are_the_same_run(tmp_path: Path) -> None:
    found = checkpoint.random_weights(2)
    specs = []
    for name in ("here.safetensors", "there.safetensors"):
        checkpoint.write_safetensors(tmp_path / name, found, {}, half=False)
        specs.append(SpmTracker.resolve(name="SPM", variant=None, weights=str(tmp_path / name), device="cpu"))
    assert specs[0].options != specs[1].options
    suite = Suite("s", "S", "otb", "one_pass", (), 0, fingerprint="f")
    here, there = (identity_hash(identity_of(spec, suite, {}, 0)) for spec in specs)
    assert here == there
