"""Sweeps that are run: what is computed, what is kept, what is said when something breaks."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spm_bench.cli import EXIT_FAILED, EXIT_OK, EXIT_USAGE, build_app, guarded
from spm_bench.errors import ResultsError
from spm_bench.results.files import write_bytes
from spm_bench.results.lock import locked
from spm_bench.run import Request, run_suite
from spm_bench.sweep.document import ablation_of, with_earlier_sharing, write_document
from spm_bench.sweep.request import SweepRequest
from spm_bench.sweep.run import run_sweep
from tests.sweep.toys import TARGET, TOY, write

QUIET = {"quiet": True, "report": False}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def sweep(text=TOY, **more):
    return run_sweep(SweepRequest(file=write(Path(), text), **{**QUIET, **more}))


def raw_files():
    return {p: p.stat().st_mtime_ns for p in Path("runs/demo").rglob("Toy*/*.txt")}


def main(*words):
    return guarded(build_app(), ["sweep", *words])


def test_every_cell_is_scored_and_compared_with_the_base():
    outcome = sweep()
    (suite,) = outcome.suites
    assert list(suite.evaluations) == [cell.name for cell in outcome.plan.cells]
    auc = {c.label: c for c in suite.comparisons if c.metric == "auc"}
    assert set(auc) == set(suite.evaluations) - {"base"}
    for name, c in auc.items():
        mean = {n: e.score("auc").value for n, e in suite.evaluations.items()}
        assert c.difference == pytest.approx(mean[name] - mean["base"], abs=1e-12)
    assert auc["drift=2,hold=0"].difference < auc["drift=0.5,hold=0"].difference
    assert auc["drift=0,hold=3"].difference == 0.0
    assert auc["drift=0,hold=3"].ties == 2


def test_runs_are_those_of_a_plain_run():
    outcome = sweep()
    plain = run_suite(
        Request(
            trackers=(TARGET,), variants=("base", "drifting"), sequences=("calm", "light-2"), seed=3, report=False,
            overwrite="only-missing", quiet=True,
        )
    )  # fmt: skip
    runs = outcome.suites[0].runs
    assert [r.folder for r in plain.results] == [runs["base"][0], runs["drifting"][0]]
    assert all(len(r.manifest["sessions"]) == 1 for r in plain.results)


def test_the_second_time_nothing_is_computed_and_an_edited_file_computes_what_changed():
    sweep()
    before = raw_files()
    assert len(before) == 14
    sweep()
    assert raw_files() == before
    sweep(TOY.replace("hold = [0, 3]", "hold = [0, 3, 5]").replace('["drifting"]', "[]"))
    after = raw_files()
    assert {path: after[path] for path in before} == before
    assert len(after) == 14 + 3 * 2
    sweep(overwrite="always", only=("drifting",))
    again = raw_files()
    assert {p for p in again if again[p] != after[p]} == {p for p in again if "Toy-drifting" in str(p)} | {
        p for p in again if p.parent.name == "Toy"
    }
    with pytest.raises(ResultsError, match="has results already"):
        sweep(overwrite="never")


def test_only_some_cells():
    outcome = sweep(only=("drift=2*",))
    assert [cell.name for cell in outcome.plan.cells] == ["base", "drift=2,hold=0", "drift=2,hold=3"]
    assert "only 3 of 7 cells were asked for" in outcome.notes


def test_seeds_count_for_trackers_that_use_chance_only():
    text = TOY.replace("seeds = [3]", "seeds = [3, 4]").replace("hold = [0, 3]", "hold = [0]")
    steady = sweep(text)
    assert steady.plan.seeds == (3,)
    assert "Toy is deterministic: of the 2 seeds only 3 is run" in " ".join(steady.notes)
    dicey = sweep(text.replace("toys:Toy", "toys:Dice"))
    (suite,) = dicey.suites
    assert dicey.plan.seeds == (3, 4)
    assert "every cell was run with seeds 3, 4" in dicey.notes
    assert all(len(folders) == len(set(folders)) == 2 for folders in suite.runs.values())
    alone = [sweep(text.replace("toys:Toy", "toys:Dice"), seeds=(seed,)).suites[0] for seed in (3, 4)]
    means = [one.evaluations["base"].score("auc").value for one in alone]
    assert means[0] != means[1]
    assert suite.evaluations["base"].score("auc").value == pytest.approx(np.mean(means), abs=1e-12)
    assert len({len(one.runs) for one in alone} | {len(suite.runs)}) == 1


def test_a_cell_that_cannot_be_built_and_one_that_breaks_are_reported_and_the_others_go_on(capsys):
    modes = '[{changes = {mode = "unbuildable"}}, {changes = {mode = "fragile"}}]'
    write(Path(), TOY.replace('["drifting"]', modes))
    assert main("toy.toml", "--out", "out") == EXIT_FAILED
    printed = capsys.readouterr()
    assert "mode=unbuildable failed of Demo (synthetic): it is not meant to be built" in printed.err
    assert "mode=fragile failed on calm of Demo (synthetic): ZeroDivisionError: too far up" in printed.err
    assert "no result" in printed.out
    record = json.loads(Path("out/sweeps/toy/sweep.json").read_text())
    assert {f["cell"] for f in record["failures"]} == {"mode=unbuildable", "mode=fragile"}
    scored = {s["cell"] for s in record["suites"][0]["scores"]}
    assert scored >= {"base", "drift=2,hold=3"}
    assert "mode=unbuildable" not in scored


def test_a_cell_that_broke_on_some_sequences_is_marked_and_not_told_to_be_like_the_base(capsys):
    fragile = TOY.replace('["drifting"]', '[{name = "frail", changes = {mode = "fragile"}}]').replace(
        "[0.0, 0.5, 2]", "[0.0]"
    )
    write(Path(), fragile)
    assert main("toy.toml") == EXIT_FAILED
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith(("frail", " frail")))
    assert "(1 of 2)" in row
    text = Path("runs/sweeps/toy/ablation.md").read_text()
    assert "Not to be told from base: drift=0,hold=3." in text
    assert "Not established, and on a part of the sequences: frail (1 of 2)." in text
    assert any(line.startswith("| frail |") and " (1 of 2)" in line for line in text.splitlines())


def test_files_of_an_earlier_document_are_removed_and_others_kept():
    sweep(report=True)
    folder = Path("runs/sweeps/toy")
    assert (folder / "heat_demo_auc.png").is_file()
    (folder / "notes.md").write_text("mine")
    (folder / "heating.png").write_text("mine")
    sweep(only=("drifting",), report=True)
    names = {path.name for path in folder.iterdir()}
    assert not {name for name in names if name.startswith("heat_")}
    assert {"notes.md", "heating.png", "ablation.md", "sweep.json", "forest_demo_auc.png"} <= names


def test_sharing_of_a_part_is_not_told_to_be_that_of_all(monkeypatch):
    monkeypatch.setattr("spm_bench.sweep.run.batchable", lambda _: True)  # toys are run one by one, and counted

    def shared(outcome):
        (suite,) = outcome.suites
        outcome = replace(outcome, suites=(replace(suite, asked=30, computed=10),))
        return (suite.measured, suite.tasks), outcome, ablation_of(outcome)

    counts, _, document = shared(sweep(only=("drift*",)))
    assert (counts, document.sharing) == ((14, 14), 3.0)
    counts, outcome, document = shared(sweep(TOY.replace("hold = [0, 3]", "hold = [0, 3, 5]")))
    assert (counts, document.sharing) == ((6, 20), None)
    assert "Exact sharing in the last session (6 of 20 cells x sequences): 3.00 steps" in " ".join(document.notes)
    write_document(outcome)
    plan, nothing = outcome.plan, replace(outcome.suites[0], asked=0, computed=0, measured=0)
    (again,) = with_earlier_sharing([nothing], plan)
    assert (again.asked, again.computed, again.measured, again.tasks) == (30, 10, 6, 20)
    (other,) = with_earlier_sharing([nothing], replace(plan, cells=plan.cells[:3]))
    assert other.sharing is None


def test_if_the_base_breaks_nothing_is_compared_but_the_rest_is_scored():
    text = TOY.replace("[base]", '[base]\nchanges = {mode = "fragile"}').replace('["drifting"]', "[]")
    write(Path(), text.replace('"calm", "light-2"', '"calm"').replace("hold =", 'mode = ["plain"]\nhold ='))
    assert main("toy.toml") == EXIT_FAILED
    (suite,) = json.loads(Path("runs/sweeps/toy/sweep.json").read_text())["suites"]
    assert suite["comparisons"] == []
    assert {score["cell"] for score in suite["scores"]} == {
        f"drift={d},mode=plain,hold={h}" for d in ("0", "0.5", "2") for h in "03"
    }


def test_the_record_says_what_was_run():
    write(Path())
    assert main("toy.toml", "--seed", "5") == EXIT_OK
    record = json.loads(Path("runs/sweeps/toy/sweep.json").read_text())
    assert record["file"]["path"] == "toy.toml"
    assert len(record["file"]["sha256"]) == 64
    assert record["seeds"] == {"asked": [5], "run": [5]}
    assert [cell["name"] for cell in record["cells"]][:2] == ["base", "drift=0,hold=3"]
    assert record["cells"][0]["also"] == ["drift=0,hold=0"]
    (suite,) = record["suites"]
    assert all(Path(folder, "run.json").is_file() for folders in suite["runs"].values() for folder in folders)
    assert suite["main_metric"] == "auc"
    assert record["again"] == ["spm-bench", "sweep", "toy.toml", "--seed", "5", "--out", "runs"]
    assert record["environment"]["spm_bench"]


def test_json_prints_the_record_and_nothing_else(capsys):
    write(Path())
    assert main("toy.toml", "--json", "--no-report") == EXIT_OK
    record = json.loads(capsys.readouterr().out)
    assert {c["label"] for c in record["suites"][0]["comparisons"]} >= {"drifting"}
    assert not Path("runs/sweeps").exists()


def test_the_table_says_metric_difference_interval_p_and_sequences(capsys):
    write(Path())
    assert main("toy.toml", "--no-report") == EXIT_OK
    out = capsys.readouterr().out
    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert lines["Cell"].split() == ["Cell", "AUC", "↑", "minus", "base", "p", "(Holm)", "win/tie/loss"]
    assert lines["base"].split()[1] == "(base)"
    assert lines["drifting"].split()[-1] == "0/0/2"
    assert all(len(line) <= 80 for line in out.splitlines() if "drift" in line)


def test_a_dry_run_counts_and_writes_nothing(capsys):
    write(Path())
    assert main("toy.toml", "--dry-run") == EXIT_OK
    out = " ".join(capsys.readouterr().out.split())
    assert "7 cells x 2 sequences, 504 frames in all" in out
    assert "done: 0 of 7 cells, 0 of 14 sequences; left: 504 frames" in out
    assert "rests on" in out
    assert not Path("runs").exists()
    main("toy.toml", "--only", "drift=2*", "--no-report")
    capsys.readouterr()
    assert main("toy.toml", "--dry-run", "--json") == EXIT_OK
    told = json.loads(capsys.readouterr().out)
    (suite,) = told["suites"]
    assert (suite["finished_cells"], suite["done"], suite["tasks"], suite["frames_left"]) == (3, 6, 14, 288)
    assert len(told["cells"]) == 7


def test_a_tracker_that_breaks_in_the_trial_of_a_dry_run_is_told(capsys):
    write(Path(), TOY.replace("[base]", '[base]\nchanges = { mode = "fragile" }'))
    assert main("toy.toml", "--dry-run") == EXIT_OK
    told = " ".join(capsys.readouterr().out.split())
    assert "time: unknown; nothing could be measured (ZeroDivisionError: too far up)" in told


def test_a_dry_run_batches_what_the_run_batches(monkeypatch, capsys):
    from spm_bench.sweep import estimate

    monkeypatch.setattr("spm_bench.trackers.catalog.can_batch", lambda _: True)
    monkeypatch.setattr(estimate, "can_batch", lambda _: True, raising=False)
    write(Path(), TOY.replace("toys:Toy", "toys:Dice"))
    assert main("toy.toml", "--dry-run") == EXIT_OK
    assert "tracked by base in this process" in " ".join(capsys.readouterr().out.split())


def test_the_command_line_replaces_suites_sequences_and_the_base(capsys):
    write(Path(), TOY.replace("[axes]\ndrift = [0.0, 0.5, 2]\nhold = [0, 3]\n", ""))
    assert main("toy.toml", "--suite", "demo", "--sequence", "blur-2", "--json", "--no-report") == EXIT_OK
    record = json.loads(capsys.readouterr().out)
    assert record["suites"][0]["sequences"] == ["blur-2"]
    assert main("toy.toml", "--tracker", "tests.sweep.toys:Dice", "--json", "--no-report") == EXIT_OK
    assert json.loads(capsys.readouterr().out)["cells"][0]["tracker"] == "Dice"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nope.toml"], "no sweep"),
        (["toy.toml", "--only", "x*"], "--only x* matches no cell"),
        (["toy.toml", "--suite", "demmo"], "Did you mean demo"),
        (["toy.toml", "--overwrite", "maybe"], "no overwrite policy 'maybe'"),
        (["toy.toml", "--workers", "0"], "0 workers cannot run anything"),
        (["toy.toml", "--tracker", "KCF"], "KCF has no settings"),
        (["toy.toml", "--sequence", "clam"], "Did you mean calm"),
        (["toy.toml", "--seed", "x"], "seed"),
    ],
)
def test_options_that_do_not_fit_are_named(capsys, words, said):
    write(Path())
    assert main(*words) == EXIT_USAGE
    assert said in capsys.readouterr().err


def test_what_another_process_holds_is_waited_for(monkeypatch, capsys):
    first = sweep(only=("drifting",))
    held = first.suites[0].runs["drifting"][0]
    waits = []
    lock = locked(held)
    lock.__enter__()

    def release(seconds):
        if seconds == 2.0:  # others sleep, too
            waits.append(seconds)
            lock.__exit__(None, None, None)

    monkeypatch.setattr("spm_bench.sweep.run.time.sleep", release)
    before = raw_files()
    outcome = sweep()
    assert waits == [2.0]
    assert list(outcome.suites[0].evaluations) == [cell.name for cell in outcome.plan.cells]
    assert {p: t for p, t in raw_files().items() if p in before} == before
    assert f"another process ({os.getpid()}) is writing this run" in capsys.readouterr().err


def test_a_full_disk_ends_it_with_one_line_and_the_next_time_goes_on(monkeypatch, capsys):
    write(Path())
    written = []

    def full(path, content, **options):
        if path.suffix == ".txt":
            if len(written) == 5:
                raise OSError(errno.ENOSPC, "No space left on device")
            written.append(path)
        write_bytes(path, content, **options)

    def guarded_write(path, content, **options):
        from spm_bench.results.files import readable_os_errors

        with readable_os_errors(path):
            full(path, content, **options)

    with monkeypatch.context() as patch:
        patch.setattr("spm_bench.results.files.write_bytes", guarded_write)
        assert main("toy.toml") == EXIT_USAGE
    err = capsys.readouterr().err
    assert err.count("error:") == 1
    assert "the disk is full. Free some space and run the same command again" in err
    before = raw_files()
    assert len(before) == 2
    assert main("toy.toml") == EXIT_OK
    assert {p: t for p, t in raw_files().items() if p in before} == before
