from dataclasses import replace

import numpy as np
import pytest

from spm_bench.errors import ResultsError
from spm_bench.results.foreign import find_result_sets
from spm_bench.results.trajectory import FrameState
from spm_bench.suites import load_suite
from spm_bench.suites.base import Sequence, Suite


def suite(family, *names, n=3):
    sequences = tuple(Sequence(name, np.ones((n, 4))) for name in names)
    protocol = {"otb": "one_pass", "vot": "supervised"}.get(family, family)
    return Suite("toys", "Toys", family, protocol, sequences, len(names))


OTB = suite("otb", "Basketball", "Jogging-1", "Jogging-2", "Human4-2", "Skating2-1")
VOT = suite("vot", "ants1", "bag")
GOT = suite("got10k", "GOT-10k_Val_000001", "GOT-10k_Val_000002")


def put(root, *names, lines=3, line="1,2,3,4\n"):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(line * lines)
    return root


def found(paths, of):
    return [results.label for results in find_result_sets(paths, of)]


def test_one_tracker_or_a_folder_of_them(tmp_path):
    put(tmp_path, "KCF/Basketball.txt", "ECO-HC/Basketball.txt")
    assert found([tmp_path], OTB) == ["ECO-HC", "KCF"]
    assert found([tmp_path / "KCF"], OTB) == ["KCF"]
    assert found([tmp_path / "KCF", tmp_path / "ECO-HC"], OTB) == ["KCF", "ECO-HC"]


def test_a_result_set_says_what_it_is(tmp_path):
    put(tmp_path, "KCF/Basketball.txt")
    (results,) = find_result_sets([tmp_path], OTB)
    assert (results.tracker, results.variant, results.protocol) == ("KCF", "base", "one_pass")
    assert (results.run, results.trained, results.source, results.note) == (
        str(tmp_path / "KCF"),
        "",
        "raw results",
        "",
    )
    assert results.has("Basketball")
    assert not results.has("Jogging-1")
    (trajectory,) = results.trajectories(OTB.sequences[0])
    assert trajectory.boxes.tolist() == [[0, 1, 3, 4]] * 3
    with pytest.raises(ResultsError, match="KCF has no results for Jogging-1"):
        results.trajectories(OTB.sequences[1])


@pytest.mark.parametrize(
    ("file", "sequence"),
    [
        ("Jogging.1.txt", "Jogging-1"),
        ("jogging_2.txt", "Jogging-2"),
        ("JOGGING-1.txt", "Jogging-1"),
        ("Human4.txt", "Human4-2"),
        ("human4_2.txt", "Human4-2"),
        ("Skating2.1.txt", "Skating2-1"),
        ("basketball.txt", "Basketball"),
    ],
)
def test_spellings_of_otb_names(tmp_path, file, sequence):
    put(tmp_path / "KCF", file)
    (results,) = find_result_sets([tmp_path], OTB)
    assert [s.name for s in OTB.sequences if results.has(s.name)] == [sequence]
    assert len(results.trajectories(next(s for s in OTB.sequences if s.name == sequence))[0]) == 3


def test_the_exact_name_wins_over_an_abbreviation(tmp_path):
    put(tmp_path / "KCF", "Human4.txt", lines=9)
    put(tmp_path / "KCF", "Human4-2.txt")
    assert find_result_sets([tmp_path], OTB)[0].trajectories(OTB.sequences[3])


def test_two_spellings_of_one_sequence_are_ambiguous(tmp_path):
    put(tmp_path / "KCF", "Jogging-1.txt", "Jogging.1.txt")
    with pytest.raises(ResultsError, match="same sequence"):
        find_result_sets([tmp_path], OTB)


def test_times_hidden_and_other_files_are_no_results(tmp_path):
    put(tmp_path / "KCF", "Basketball.txt", "times/Basketball_time.txt", ".hidden.txt", "performance.json", "notes.md")
    put(tmp_path / "KCF", "times/Basketball_time.txt", line="0.5\n")
    put(tmp_path, ".cache/Basketball.txt", "reports/plot.png")
    (results,) = find_result_sets([tmp_path], OTB)
    assert results.trajectories(OTB.sequences[0])[0].seconds.tolist() == [0.5] * 3


@pytest.mark.parametrize("name", ["Basketball.txt", "Basketball.TXT.txt", ".txt", "Basketball.text", "txt"])
def test_only_text_files_with_a_name_are_results(tmp_path, name):
    put(tmp_path, f"KCF/{name}", "KCF/Jogging.1.txt")
    (results,) = find_result_sets([tmp_path], OTB)
    assert results.has("Basketball") == (name == "Basketball.txt")
    assert results.has("Jogging-1")


def test_a_file_that_is_gone_since_is_an_error_that_names_it(tmp_path):
    put(tmp_path, "KCF/Basketball.txt")
    (results,) = find_result_sets([tmp_path], OTB)
    (tmp_path / "KCF/Basketball.txt").unlink()
    with pytest.raises(ResultsError, match="missing") as error:
        results.trajectories(OTB.sequences[0])
    assert error.value.where == tmp_path / "KCF/Basketball.txt"


def test_vot_repetitions_in_order(tmp_path):
    for r in range(1, 12):
        put(tmp_path, f"CCOT/baseline/bag/bag_{r:03d}.txt", lines=2, line=f"{r},0,5,5\n")
        path = tmp_path / f"CCOT/baseline/bag/bag_{r:03d}.txt"
        path.write_text("1\n" + path.read_text())
    (results,) = find_result_sets([tmp_path], VOT)
    assert not results.has("ants1")
    assert [t.boxes[1, 0] for t in results.trajectories(VOT.sequences[1])] == list(range(1, 12))


def test_got10k_repetitions_and_their_columns_of_seconds(tmp_path):
    name = "GOT-10k_Val_000001"
    put(tmp_path, f"SiamFC/{name}/{name}_001.txt", f"SiamFC/{name}/{name}_002.txt")
    put(tmp_path, f"SiamFC/{name}/{name}_time.txt", line="0.1,0.2\n")
    (results,) = find_result_sets([tmp_path / "SiamFC"], GOT)
    first, second = results.trajectories(GOT.sequences[0])
    assert (first.seconds[0], second.seconds[0]) == (0.1, 0.2)
    assert first.boxes[0].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("of", "files", "message"),
    [
        (OTB, [], "found no file at all"),
        (
            OTB,
            ["KCF/baseline/bag/bag_001.txt"],
            "expected <Tracker>/<sequence>.txt, found KCF/baseline/bag/bag_001.txt",
        ),
        (OTB, ["KCF/Nobody.txt"], "Basketball, Jogging-1"),
        (VOT, ["KCF/bag.txt"], "expected <Tracker>/baseline/<sequence>/<sequence>_001.txt, found KCF/bag.txt"),
        (VOT, ["KCF/baseline/bag/readme.txt"], "found KCF/baseline/bag/readme.txt"),
        (GOT, ["KCF/a.txt", "KCF/b.txt", "KCF/c.txt", "KCF/d.txt"], r"KCF/a.txt, KCF/b.txt, KCF/c.txt, \.\.\."),
        (VOT, ["KCF/baseline/bag/bag_001.bin"], "binary format.*VOT_RESULTS_BINARY=0"),
        (VOT, ["KCF/baseline/bag/bag_002.txt"], "repetition 1 of bag is missing"),
        (OTB, ["KCF/Basketball.txt", "Typo/baseline/x.txt"], "Typo.*one by one"),
    ],
)
def test_wrong_structures_say_what_was_expected_and_found(tmp_path, of, files, message):
    put(tmp_path, *files)
    with pytest.raises(ResultsError, match=message):
        find_result_sets([tmp_path], of)


def test_paths_that_are_no_folders(tmp_path):
    put(tmp_path, "Basketball.txt")
    with pytest.raises(ResultsError, match="no such results folder"):
        find_result_sets([tmp_path / "nowhere"], OTB)
    with pytest.raises(ResultsError, match="is a file"):
        find_result_sets([tmp_path / "Basketball.txt"], OTB)


def test_a_folder_that_may_not_be_read(tmp_path, monkeypatch):
    def refuse(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(type(tmp_path), "iterdir", refuse)
    with pytest.raises(ResultsError, match=rf"{tmp_path}: cannot be read \(Permission denied\)"):
        found([tmp_path], OTB)


def test_two_trackers_of_one_name(tmp_path):
    put(tmp_path, "a/KCF/Basketball.txt", "b/KCF/Basketball.txt")
    with pytest.raises(ResultsError, match="two result folders of KCF"):
        find_result_sets([tmp_path / "a", tmp_path / "b"], OTB)


@pytest.mark.parametrize("lines", [2, 4])
def test_a_set_that_is_a_frame_off_is_refused_with_both_counts(tmp_path, lines):
    put(tmp_path, "KCF/Basketball.txt", lines=lines)
    (results,) = find_result_sets([tmp_path], OTB)
    with pytest.raises(ResultsError, match=rf"Basketball\.txt.*{lines} lines.*3 frames"):
        results.trajectories(OTB.sequences[0])


def test_the_eight_published_trackers(published_results):
    names = ["C-COT", "ECO-HC", "KCF", "MEEM", "SRDCF", "STAPLE", "SiamFC-3s", "SiamRPN++"]
    assert found([published_results / "otb100" / "results"], OTB) == names


@pytest.mark.parametrize(
    ("name", "failures"),
    [
        ("vot2016", {"C-COT": 51, "ECO-HC": 65, "SiamMask": 46, "SiamRPN++": 42}),
        ("vot2018", {"DaSiamRPN": 59, "SiamRPN++": 51}),
    ],
)
def test_published_vot_results_have_the_failures_of_their_readme(published_results, name, failures):
    loaded = load_suite(name, published_results, annotations_only=True)
    counted = {
        results.label: sum(
            int((results.trajectories(s)[0].states == FrameState.FAILURE).sum()) for s in loaded.sequences
        )
        for results in find_result_sets([published_results / name / "results"], loaded)
    }
    assert counted == failures


def test_pytracking_keeps_seconds_beside_boxes_and_settings_in_folders(tmp_path):
    put(tmp_path, "dimp/default/Basketball.txt", "atom/default/otb_Jogging_1.txt", line="1\t2\t3\t4\n")
    put(tmp_path, "dimp/default/Basketball_time.txt", line="0.5\n")
    assert found([tmp_path], OTB) == ["atom/default", "dimp/default"]
    atom, dimp = find_result_sets([tmp_path], OTB)
    assert dimp.trajectories(OTB.sequences[0])[0].seconds.tolist() == [0.5] * 3
    assert atom.trajectories(OTB.sequences[1])[0].boxes.tolist() == [[0, 1, 3, 4]] * 3


def test_pytracking_writes_got10k_flat_and_its_coordinates_are_taken_as_they_are(tmp_path):
    put(tmp_path, "dimp50_000/GOT-10k_Val_000001.txt", line="1\t2\t3\t4\n")
    (results,) = find_result_sets([tmp_path], GOT)
    assert results.trajectories(GOT.sequences[0])[0].boxes.tolist() == [[1, 2, 3, 4]] * 3


def test_otb_in_folders_of_its_sequences_counts_from_one_still(tmp_path):
    put(tmp_path, "KCF/Basketball/Basketball_001.txt", "KCF/Basketball/Basketball_002.txt")
    (results,) = find_result_sets([tmp_path], OTB)
    assert [t.boxes[0].tolist() for t in results.trajectories(OTB.sequences[0])] == [[0, 1, 3, 4]] * 2


def test_the_folder_of_an_experiment_is_its_trackers(tmp_path):
    put(tmp_path, "CCOT/baseline/bag/bag_001.txt", "pysot/bag/bag_001.txt", line="1\n")
    assert found([tmp_path / "CCOT" / "baseline"], VOT) == ["CCOT"]
    assert found([tmp_path], VOT) == ["CCOT", "pysot"]


def test_a_tracker_may_have_the_name_of_an_experiment(tmp_path):
    put(tmp_path, "baseline/Basketball.txt", "unsupervised/Basketball.txt")
    assert found([tmp_path], OTB) == ["baseline", "unsupervised"]


def test_the_folder_of_temporal_robustness_is_its_trackers(tmp_path):
    put(tmp_path, "KCF/TRE/Basketball/Basketball_00000000.txt")
    suite = replace(OTB, family="otb-tre")
    assert found([tmp_path / "KCF" / "TRE"], suite) == found([tmp_path], suite) == ["KCF"]


def test_results_some_folders_down(tmp_path):
    put(tmp_path, "results/OTB100/KCF/Basketball.txt", "results/OTB100/ECO/Basketball.txt", "results/plots/a.png")
    assert found([tmp_path], OTB) == ["ECO", "KCF"]
    put(tmp_path, "too/deep/for/this/KCF/Basketball.txt")
    with pytest.raises(ResultsError, match="Name the trackers' folders one by one"):
        found([tmp_path], OTB)


def test_unclear_results_are_found_for_who_asks_for_them(tmp_path):
    put(tmp_path, "KCF/Jogging-1.txt", "KCF/Jogging.1.txt", "KCF/Nobody.txt")
    (results,) = find_result_sets([tmp_path], OTB, strict=False)
    assert dict(results.matched.twins) == {"Jogging-1": ("Jogging-1", "Jogging.1")}
    assert results.matched.strangers == ("Nobody",)
    put(tmp_path, "V/baseline/bag/bag_001.txt", "V/baseline/bag/bag_003.txt")
    (results,) = find_result_sets([tmp_path / "V"], VOT, strict=False)
    with pytest.raises(ResultsError, match="repetition 2 of bag is missing"):
        results.trajectories(VOT.sequences[1])
