import json
from dataclasses import replace

import numpy as np
import pytest

from spm_bench.engine.runner import run_all
from spm_bench.errors import DataError, ResultsError, UsageError
from spm_bench.protocols.catalog import get_protocol
from spm_bench.results.foreign import find_result_sets
from spm_bench.results.manifest import identity_hash, identity_of
from spm_bench.results.provenance import code_hash
from spm_bench.results.runs import open_run, read_run
from spm_bench.suites.base import Sequence
from tests.engine.fakes import GreyFrames, sequence, spec, suite

ONE_PASS = get_protocol("one_pass")
TOYS = suite(sequence("a"), sequence("b"))


def run(out, tracker=None, toys=TOYS, protocol=ONE_PASS, **options):
    with open_run(out, tracker or spec("Still"), toys, protocol, **options) as opened:
        run_all([opened], toys)
    return opened.results()


def manifest(results):
    return json.loads((results.folder / "run.json").read_text())


def test_the_folder_is_named_after_tracker_and_identity(tmp_path):
    results = run(tmp_path, replace(spec("Jitter", name="Mine"), variant="fast"))
    recorded = manifest(results)
    assert results.folder == tmp_path / "toys" / f"Mine-fast-{recorded['identity'][:12]}"
    assert (results.folder / "Mine-fast" / "a.txt").is_file()


def test_run_json_says_what_where_from_and_how_far(tmp_path):
    tracker = replace(spec("Jitter", step=0.5), identity={"code": "c", "weights": "w"}, trained="no")
    recorded = manifest(run(tmp_path, tracker, seed=4, command=("spm-bench", "run")))
    assert recorded["tracker"] == {
        "name": "Jitter",
        "variant": "base",
        "target": "tests.engine.fakes:Jitter",
        "options": {"step": 0.5},
        "identity": {"code": "c", "weights": "w"},
        "trained": "no",
    }
    assert recorded["suite"]["fingerprint"] == TOYS.fingerprint
    assert recorded["protocol"] == {"name": "one_pass", "code": code_hash("spm_bench.protocols.one_pass:OnePass")}
    assert recorded["seed"] == 4
    assert {n: (e["state"], e["repetitions"], e["frames"]) for n, e in recorded["sequences"].items()} == {
        "a": ("done", 1, 12),
        "b": ("done", 1, 12),
    }
    (session,) = recorded["sessions"]
    assert session["command"] == ["spm-bench", "run"]
    assert session["started"] <= session["finished"]
    assert {"spm_bench", "python", "packages", "machine", "git"} <= set(session)
    assert session["packages"]["numpy"] == np.__version__


BASE = (spec("Still"), TOYS, {"name": "one_pass"}, 0)


@pytest.mark.parametrize(
    "other",
    [
        (spec("Jitter"), *BASE[1:]),
        (spec("Still", name="Other"), *BASE[1:]),
        (spec("Still", size=2), *BASE[1:]),
        (replace(spec("Still"), variant="v"), *BASE[1:]),
        (replace(spec("Still"), identity={"code": "changed"}), *BASE[1:]),
        (BASE[0], suite(sequence("a", n=13), sequence("b")), *BASE[2:]),
        (BASE[0], replace(TOYS, name="toys2"), *BASE[2:]),
        (*BASE[:2], {"name": "supervised"}, 0),
        (*BASE[:2], {"name": "one_pass", "code": "changed"}, 0),
        (*BASE[:3], 1),
    ],
)
def test_everything_the_boxes_depend_on_changes_the_identity(other):
    assert identity_hash(identity_of(*other)) != identity_hash(identity_of(*BASE))


def test_the_identity_depends_on_nothing_else(tmp_path):
    same = (replace(spec("Still"), trained="yes"), replace(TOYS, root=tmp_path, title="Other"), *BASE[2:])
    assert identity_hash(identity_of(*same)) == identity_hash(identity_of(*BASE))
    two = replace(spec("Still"), options={"a": 1, "b": 2}), replace(spec("Still"), options={"b": 2, "a": 1})
    assert len({identity_hash(identity_of(s, *BASE[1:])) for s in two}) == 1


@pytest.mark.parametrize("option", [object(), float("nan")])
def test_options_that_cannot_be_recorded(option):
    with pytest.raises(ResultsError, match="cannot be recorded"):
        identity_hash(identity_of(spec("Still", odd=option), *BASE[1:]))


def test_only_missing_keeps_files_and_a_second_run_leaves_no_trace(tmp_path):
    results = run(tmp_path)
    before = {p: p.stat().st_mtime_ns for p in results.folder.rglob("*") if p.name != ".lock"}
    run(tmp_path)
    assert before == {p: p.stat().st_mtime_ns for p in results.folder.rglob("*") if p.name != ".lock"}


def test_always_replaces_everything(tmp_path):
    results = run(tmp_path)
    stray = results.folder / "Still" / "stray.txt"
    for path in (stray, results.folder / "failures" / "a.txt"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("old")
    (results.folder / "Still" / "a.txt").write_text("garbage")
    again = run(tmp_path, overwrite="always")
    assert not stray.exists()
    assert not (results.folder / "failures").exists()
    assert len(again.trajectories(TOYS.sequences[0])[0]) == 12
    assert len(manifest(again)["sessions"]) == 1


def test_never_refuses_what_is_there_and_accepts_an_empty_folder(tmp_path):
    run(tmp_path, overwrite="never")
    with pytest.raises(ResultsError, match=r"has results already.*only-missing.*always"):
        run(tmp_path, overwrite="never")


def test_unknown_policy(tmp_path):
    with pytest.raises(UsageError, match="Did you mean only-missing"):
        run(tmp_path, overwrite="missing-only")


def test_a_resumed_run_records_both_sessions(tmp_path):
    results = run(tmp_path, command=("first",))
    (results.folder / "Still" / "b.txt").unlink()
    again = run(tmp_path, command=("second",))
    assert [s["command"] for s in manifest(again)["sessions"]] == [["first"], ["second"]]


def test_leftover_temporary_files_are_cleaned(tmp_path):
    results = run(tmp_path)
    leftover = results.folder / "Still" / ".b.txt.abc.tmp"
    leftover.write_text("half a fi")
    run(tmp_path)
    assert not leftover.exists()


@pytest.mark.parametrize(
    ("text", "message"), [("{", "not the description"), ("[]", "not the description"), ('{"schema": 99}', "form 99")]
)
def test_broken_or_newer_manifests(tmp_path, text, message):
    results = run(tmp_path)
    (results.folder / "run.json").write_text(text)
    for again in (lambda: read_run(results.folder, TOYS), lambda: run(tmp_path)):
        with pytest.raises(ResultsError, match=message):
            again()


@pytest.mark.parametrize("label", ["..", "../other", "/etc", "", None, 3])
def test_a_manifest_that_points_elsewhere(tmp_path, label):
    folder = run(tmp_path).folder
    recorded = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(recorded | {"label": label}))
    with pytest.raises(ResultsError, match="is no folder's name"):
        read_run(folder, TOYS)


def test_a_manifest_without_a_field(tmp_path):
    folder = run(tmp_path).folder
    recorded = json.loads((folder / "run.json").read_text())
    for field in sorted(recorded.keys() - {"schema"}):
        (folder / "run.json").write_text(json.dumps({k: v for k, v in recorded.items() if k != field}))
        with pytest.raises(ResultsError, match=f"not the description of a run \\({field} missing\\)"):
            read_run(folder, TOYS)


@pytest.mark.parametrize("name", ["../evil", "a/b", ""])
def test_names_that_would_leave_the_folder(tmp_path, name):
    toys = suite(Sequence(name, np.ones((3, 4)), GreyFrames(3)))
    with pytest.raises(DataError, match="cannot be the name"):
        run(tmp_path, toys=toys)


def test_a_run_is_a_result_set_found_by_its_folder_or_its_parent(tmp_path):
    run(tmp_path)
    run(tmp_path, replace(spec("Jitter"), trained="no"))
    (tmp_path / "toys" / "report").mkdir()
    jitter, still = find_result_sets([tmp_path / "toys"], TOYS)
    assert (jitter.label, jitter.trained, jitter.note) == ("Jitter", "no", "untrained")
    assert (still.label, still.source, still.note, still.protocol) == ("Still", "measured here", "", "one_pass")
    assert [still.has(n) for n in ("a", "b", "c")] == [True, True, False]
    assert find_result_sets([tmp_path / "toys" / still.run], TOYS)[0].label == "Still"


def test_two_runs_of_one_label_must_be_named_one_by_one(tmp_path):
    run(tmp_path)
    run(tmp_path, seed=1)
    with pytest.raises(ResultsError, match="two result folders of Still"):
        find_result_sets([tmp_path / "toys"], TOYS)


def moved(ball):
    return replace(ball, ground_truth=ball.ground_truth + 1)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (suite(moved(sequence("a")), sequence("b")), "other annotations of a"),
        (suite(*(moved(s) for s in TOYS.sequences)), "other annotations of a, b"),
        (replace(TOYS, fingerprint="another"), "another version of Toys"),
        (replace(TOYS, name="others"), "is a run on toys, not on others"),
        (replace(TOYS, family="vot", protocol="supervised"), "one_pass.*--protocol supervised"),
    ],
)
def test_stale_results_are_refused_with_the_difference(tmp_path, other, message):
    with pytest.raises(ResultsError, match=message):
        read_run(run(tmp_path).folder, other)


def test_annotations_alone_or_more_sequences_are_enough_to_score(tmp_path):
    folder = run(tmp_path).folder
    bare = suite(*(replace(s, frames=None) for s in TOYS.sequences), sequence("c"))
    results = read_run(folder, replace(bare, fingerprint="without pictures"))
    assert len(results.trajectories(bare.sequences[0])) == 1
    with pytest.raises(ResultsError, match="was run without c"):
        results.trajectories(bare.sequences[2])


def test_an_unfinished_sequence_is_not_reported(tmp_path):
    with open_run(tmp_path, spec("Jitter"), TOYS, get_protocol("got10k")) as opened:
        trajectory = opened.protocol.run(_built("Jitter"), TOYS.sequences[0], repetition=1, seed=0)
        opened.save(TOYS.sequences[0], 1, trajectory)
    results = read_run(opened.folder, replace(TOYS, family="got10k"))
    assert not results.has("a")
    with pytest.raises(ResultsError, match=r"has not finished a.*Run the same command again"):
        results.trajectories(TOYS.sequences[0])


def _built(kind):
    import tests.engine.fakes as fakes

    return getattr(fakes, kind)()
