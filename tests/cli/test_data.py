"""`spm-bench data` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spm_bench.cli import EXIT_FAILED, EXIT_OK, EXIT_USAGE, build_app, guarded
from tests.datasets.conftest import DESCRIPTION, OTB, otb, server, vot  # noqa: F401 - fixtures
from tests.fetch.server import Server

ONLY = [word for name in OTB for word in ("--only", name)]


def data(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, output, errors."""
    code = guarded(build_app(), ["data", *map(str, arguments)])
    return code, *capsys.readouterr()


def test_get_and_use(otb: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    root = tmp_path / "root"
    command = ["get", "OTB100".casefold(), "--to", root, "--url", f"{otb.url}/seq", *ONLY]
    code, out, err = data(capsys, *command)
    assert code == EXIT_OK
    assert f"OTB-100 is here now: {root / 'otb100'}" in out
    assert "Cite it: Wu, Lim, Yang" in out
    assert f"--data {root}" in out
    assert "Deer: 72 files" in err
    assert "(2 of 2)" in err
    code, out, err = data(capsys, *command, "--quiet")
    assert (code, err) == (EXIT_OK, "")
    assert "was there already" in out
    assert data(capsys, "where", "otb100", "--data", root)[1] == f"{root / 'otb100'}\n"
    code, out, _ = data(capsys, "check", "otb100", "--data", root, *ONLY, "--deep")
    assert code == EXIT_OK
    assert "2 of 2 sequences are whole (all 145 pictures decoded, 147 files compared with their download)" in out


def test_a_dry_run_fetches_and_writes_nothing(
    otb: Server,  # noqa: F811
    vot: Server,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = tmp_path / "root"
    code, out, err = data(capsys, "get", "otb100", "--to", root, "--url", f"{otb.url}/seq", *ONLY, "--dry-run")
    sizes = [len(otb.files[f"/seq/{name}.zip"]) for name in OTB]
    assert code == EXIT_OK
    assert f"{sizes[0] / 1000:.1f} kB  {otb.url}/seq/Deer.zip" in out
    assert f"2 archives, {sum(sizes) / 1000:.1f} kB, into {root / 'otb100'}; 0 parts are there" in out
    assert "Internet Archive" in err
    assert otb.asked("/seq/Deer.zip") == []
    code, out, _ = data(
        capsys, "get", "vot2013", "--to", root, "--url", vot.url + DESCRIPTION, "--only", "cup", "--dry-run"
    )
    assert (code, "2 archives" in out) == (EXIT_OK, True)
    assert vot.asked("/sequences/cup-color.zip") == []
    assert not root.exists()


def test_a_dry_run_without_an_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = data(capsys, "get", "otb100", "--to", tmp_path, "--url", "http://127.0.0.1:9/seq", "--dry-run")
    assert code == EXIT_OK
    assert "98 archives, 0 bytes and 98 of unknown size" in out
    assert "no answer" in err


def test_a_source_that_does_not_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = data(capsys, "get", "otb100", "--to", tmp_path, "--url", "http://127.0.0.1:9/seq", *ONLY)
    assert (code, out) == (EXIT_USAGE, "")
    assert err.startswith("error: http://127.0.0.1:9/seq/Deer.zip: no answer")


def test_what_a_person_has_to_do(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPM_BENCH_DATA", "/where/data/are")
    code, out, err = data(capsys, "get", "got10k-val")
    assert (code, err) == (EXIT_USAGE, "")
    assert [line[:4] for line in out.splitlines()[1:]] == ["  1.", "  2.", "  3.", "  4.", "  5."]
    for words in ("Register", "spm-bench data link got10k-val FOLDER", "/where/data/are", "data check got10k-val"):
        assert words in out


def test_check_tells_all_and_fails(otb: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    root = tmp_path / "root"
    data(capsys, "get", "otb100", "--to", root, "--url", f"{otb.url}/seq", *ONLY)
    code, out, _ = data(capsys, "check", "otb100", "--data", root)
    assert code == EXIT_FAILED
    assert out.startswith("missing  98 sequences (it is not there): Basketball, Biker")
    assert "2 of 100 sequences are whole, 98 missing: partial, runs with --allow-missing" in out
    assert "spm-bench data get otb100" in out
    assert data(capsys, "check", "otb100", "--data", root, "--allow-missing")[0] == EXIT_OK
    for number in range(1, 13):
        (root / "otb100" / "Deer" / "img" / f"{number:04d}.jpg").write_bytes(b"")
    code, out, _ = data(capsys, "check", "otb100", "--data", root, "--allow-missing")
    assert code == EXIT_FAILED
    assert out.count("the picture is an empty file. spm-bench data get otb100 --only Deer --replace") == 10
    assert "Deer: and 2 more (--json has all)" in out
    code, out, _ = data(capsys, "check", "otb100", "--data", root, "--json", *ONLY)
    found = {row["name"]: row for row in json.loads(out)["sequences"]}
    assert (code, len(found["Deer"]["problems"]), found["Football1"]["state"]) == (EXIT_FAILED, 12, "whole")


def test_annotations_alone_are_no_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Deer.txt").write_text("1,1,5,5\n" * 71)
    code, out, _ = data(capsys, "check", "otb100", "--data", tmp_path, "--allow-missing")
    assert code == EXIT_FAILED
    assert "1 sequences (there are annotations, but no pictures): Deer" in out
    assert "0 of 100 sequences are whole, 100 missing (" in out


def test_a_root_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for root in ("/dev/null/x", "/dev/null"):
        code, out, err = data(capsys, "get", "otb100", "--to", root, *ONLY)
        assert (code, out) == (EXIT_USAGE, "")
        assert "a file, not a folder" in err or "Not a directory" in err


def test_link(otb: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    root, other = tmp_path / "root", tmp_path / "other"
    data(capsys, "get", "otb100", "--to", root, "--url", f"{otb.url}/seq", *ONLY)
    code, _, err = data(capsys, "link", "otb100", root / "otb100", "--data", other)
    assert code == EXIT_USAGE
    assert "98 of 100 sequences of OTB-100 are missing" in err
    code, out, _ = data(capsys, "link", "otb100", root / "otb100", "--data", other, "--allow-missing")
    assert code == EXIT_OK
    assert out == f"OTB-100, 2 of 100 sequences: {other / 'otb100'} leads to {root / 'otb100'}\n"
    code, out, _ = data(capsys, "ls", "--data", other)
    assert (code, str(other) in out.replace("\n", "")) == (EXIT_OK, True)


@pytest.mark.parametrize("verb", ["get", "check", "where"])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("otb10", "Did you mean otb100"),
        ("demo", "nothing to fetch"),
        ("Folder", "nothing to fetch"),
        ("<x>%", "Known:"),
    ],
)
def test_names_that_are_none(capsys: pytest.CaptureFixture[str], verb: str, name: str, words: str) -> None:
    code, out, err = data(capsys, verb, name)
    assert (code, out) == (EXIT_USAGE, "")
    assert words in err


def test_the_list_says_who_can_fetch(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    code, out, _ = data(capsys, "ls", "--data", "/nowhere")
    rows = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert code == EXIT_OK
    assert "by command" in rows["otb100"]
    assert "by hand" in rows["got10k-test"]
