"""`spm-bench ls`: complete, correct about the data at hand, and light."""

import json
import subprocess
import sys

import pytest

from spm_bench.cli import EXIT_OK, EXIT_USAGE, build_app, guarded
from spm_bench.cli.ls import LISTS
from spm_bench.trackers.catalog import TRACKERS

HEAVY = ("torch", "torchvision", "cv2", "pandas", "matplotlib", "got10k", "vot")


def ls(capsys, *arguments):
    """Exit code, output, errors."""
    code = guarded(build_app(), ["ls", *map(str, arguments)])
    return code, *capsys.readouterr()


def as_json(capsys, *arguments):
    code, out, _ = ls(capsys, *arguments, "--json")
    assert code == EXIT_OK
    return json.loads(out)


def test_all_lists_are_there_and_none_is_empty(capsys, tmp_path):
    lists = as_json(capsys, "--data", tmp_path)
    assert list(lists) == list(LISTS)
    assert all(lists.values())
    for rows in lists.values():
        assert len({tuple(row) for row in rows}) == 1, "rows of one list have different columns"


@pytest.mark.parametrize("name", LISTS)
def test_one_list_alone_in_a_table(capsys, tmp_path, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = ls(capsys, name.upper(), "--data", tmp_path)
    assert code == EXIT_OK
    assert out.startswith(name)
    for row in LISTS[name](tmp_path):
        assert str(next(iter(row.values()))) in out


def test_every_tracker_and_variant_is_listed(capsys):
    lists = as_json(capsys)
    assert [row["name"] for row in lists["trackers"]] == [entry.name for entry in TRACKERS]
    variants = {(row["tracker"], row["variant"]) for row in lists["variants"]}
    assert {("SPM", "base"), ("SPM", "cm_only"), ("KCF", "as_shipped"), ("oracle", "noisy")} <= variants
    counts = {row["name"]: row["variants"] for row in lists["trackers"]}
    assert counts["SPM"] == sum(tracker == "SPM" for tracker, _ in variants)
    assert counts["static"] == 1


def test_variants_are_told_in_full_where_they_are_asked_for(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    rows = {(row["tracker"], row["variant"]): row for row in as_json(capsys, "variants")["variants"]}
    shown = rows["SPM-lite", "border_edge"]
    assert shown["changes"] == {"border": "edge"}
    assert shown["source"]
    assert shown["expected"]
    alone = ls(capsys, "variants")[1]
    for words in ("SPM, SPM-lite", "border = edge", f"expected: {shown['expected']}", f"from: {shown['source']}"):
        assert words in alone
    assert alone.count("border_edge") == 1
    among_others = ls(capsys)[1]
    assert shown["about"] in among_others
    assert "border = edge" not in among_others


def test_data_that_are_not_here(capsys, tmp_path):
    suites = {row["name"]: row for row in as_json(capsys, "suites", "--data", tmp_path / "nothing")["suites"]}
    assert suites["vot2016"] == {
        "name": "vot2016",
        "about": suites["vot2016"]["about"],
        "protocol": "supervised",
        "sequences": 60,
        "present": 0,
        "where": None,
    }
    assert suites["demo"]["present"] == suites["demo"]["sequences"] > 0
    assert suites["folder"]["sequences"] is None


def test_real_data_are_counted_where_they_are(capsys, real_data, monkeypatch):
    monkeypatch.setenv("SPM_BENCH_DATA", str(real_data))
    suites = {row["name"]: row for row in as_json(capsys, "suites")["suites"]}
    assert (suites["otb100"]["present"], suites["otb100"]["where"]) == (14, str(real_data / "otb"))
    assert (suites["vot2016"]["present"], suites["vot2016"]["where"]) == (4, str(real_data / "vot2016"))
    assert suites["got10k-val"]["present"] == 0


def test_a_list_that_there_is_not(capsys):
    code, out, errors = ls(capsys, "trakers")
    assert (code, out) == (EXIT_USAGE, "")
    assert "Did you mean trackers" in errors


def test_nothing_heavy_is_imported():
    code = (
        "import sys; from spm_bench.cli import build_app, guarded; guarded(build_app(), ['ls', '--json']); "
        f"print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_help_is_broken_into_lines_once(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert guarded(build_app(), ["reproduce", "--help"]) == EXIT_OK
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    start = next(k for k, line in enumerate(lines) if line.startswith("Tells whether"))
    paragraph = lines[start : lines.index("", start)]
    assert all(len(line) > 60 for line in paragraph[:-1])
