"""The got10k toolkit runs our trackers, and its results are ours up to the three decimals it writes.

Reference: got10k 0.1.3, ExperimentOTB.run, on generated and on real sequences.
"""

import cv2
import numpy as np
import pytest
from got10k.trackers import IdentityTracker
from PIL import Image

from spm_bench.errors import MissingDataError, TrackerError, UsageError, WeightsError
from spm_bench.interop.got10k import SPM, Adopted, bgr_frame, from_got10k, local_otb, rgb_image, wrap
from spm_bench.protocols.catalog import get_protocol
from spm_bench.suites.base import Sequence
from spm_bench.trackers.base import Tracker
from spm_bench.trackers.catalog import build_tracker, resolve_tracker
from tests.trackers.pictures import moving_target


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Two sequences in OTB's layout; PNG data under OTB's .jpg names, so that both decoders give the same picture."""
    root = tmp_path_factory.mktemp("otb")
    sequences = []
    for k, name in enumerate(("Deer", "Skiing")):
        frames, truth = moving_target(8)
        frames = [np.roll(frame, 5 * k, axis=1) for frame in frames]
        truth = truth + np.array([5 * k + 0.25, 0, 0, 0])
        (root / name / "img").mkdir(parents=True)
        for i, frame in enumerate(frames):
            (root / name / "img" / f"{i + 1:04d}.jpg").write_bytes(cv2.imencode(".png", frame)[1].tobytes())
        np.savetxt(root / name / "groundtruth_rect.txt", truth + np.array([1, 1, 0, 0]), fmt="%.4f", delimiter=",")
        sequences.append(Sequence(name, truth, frames))
    return root, sequences


def run_there(root, results, *trackers):
    experiment = local_otb(root, result_dir=results)
    for tracker in trackers:
        experiment.run(tracker)
    return experiment


def read(results, tracker, sequence):
    return np.loadtxt(results / "OTB2015" / tracker / f"{sequence}.txt", delimiter=",")


@pytest.mark.parametrize("name", ["static", "KCF", "CSRT"])
def test_the_toolkit_gets_our_boxes(tiny, tmp_path, name):
    root, sequences = tiny
    run_there(root, tmp_path, wrap(name))
    for sequence in sequences:
        ours = get_protocol("one_pass").run(build_tracker(resolve_tracker(name)), sequence, repetition=1, seed=0)
        theirs = read(tmp_path, name, sequence.name)
        np.testing.assert_allclose(theirs - [1, 1, 0, 0], ours.boxes, atol=5.01e-4)
        assert len(np.unique(theirs, axis=0)) > 1 or name == "static"


def test_the_toolkit_runs_spm(tiny, tmp_path):
    root, sequences = tiny
    (tmp_path / "otb" / "Deer" / "img").mkdir(parents=True)
    for i in (1, 2, 3):
        (tmp_path / "otb" / "Deer" / "img" / f"{i:04d}.jpg").symlink_to(root / "Deer" / "img" / f"{i:04d}.jpg")
    lines = (root / "Deer" / "groundtruth_rect.txt").read_text().splitlines()[:3]
    (tmp_path / "otb" / "Deer" / "groundtruth_rect.txt").write_text("\n".join(lines))
    run_there(tmp_path / "otb", tmp_path, SPM(weights="random", device="cpu"))
    short = Sequence("Deer", sequences[0].ground_truth[:3], sequences[0].frames[:3])
    spm = build_tracker(resolve_tracker("SPM", weights="random", device="cpu"))
    ours = get_protocol("one_pass").run(spm, short, repetition=1, seed=0)
    # Box coordinates are float32 inside SPM.
    np.testing.assert_allclose(read(tmp_path, "SPM", "Deer") - [1, 1, 0, 0], ours.boxes, atol=6e-4)


def test_spm_without_weights_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("SPM_BENCH_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match="random"):
        SPM()


def test_two_names_for_two_variants(tiny, tmp_path):
    root, _ = tiny
    run_there(root, tmp_path, wrap("KCF"), wrap("KCF", variant="as_shipped"))
    assert not np.array_equal(read(tmp_path, "KCF", "Deer"), read(tmp_path, "KCF-as_shipped", "Deer"))


def test_origin_zero_hands_the_numbers_over_unchanged():
    frames, truth = moving_target(2)
    for origin, expected in ((0.0, truth[0]), (1.0, truth[0] - [1, 1, 0, 0])):
        tracker = wrap("static", origin=origin)
        given = truth[0].copy()
        tracker.init(rgb_image(frames[0]), given)
        np.testing.assert_array_equal(tracker.tracker.update(frames[1]), expected)
        np.testing.assert_array_equal(tracker.update(rgb_image(frames[1])), truth[0])
        np.testing.assert_array_equal(given, truth[0])


def test_pictures_arrive_as_bgr():
    red = Image.new("RGB", (3, 2), (250, 20, 10))
    frame = bgr_frame(red)
    assert frame.shape == (2, 3, 3)
    assert frame.flags["C_CONTIGUOUS"]
    assert frame[0, 0].tolist() == [10, 20, 250]
    assert bgr_frame(Image.new("L", (3, 2), 7))[1, 2].tolist() == [7, 7, 7]
    np.testing.assert_array_equal(bgr_frame(rgb_image(frame)), frame)


def test_the_toolkit_learns_whether_a_tracker_repeats_itself(tmp_path, monkeypatch):
    assert wrap("KCF").is_deterministic
    (tmp_path / "chancy.py").write_text(
        "class Chancy:\n"
        "    def seed(self, seed): self.seeded = seed\n"
        "    def init(self, frame, box): self.box = box\n"
        "    def update(self, frame): return self.box\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    tracker = wrap("chancy:Chancy")
    assert not tracker.is_deterministic
    tracker.init(Image.new("RGB", (50, 50)), [1, 1, 5, 5])
    assert tracker.tracker.seeded == 0


def test_the_oracle_runs_in_no_toolkit():
    with pytest.raises(TrackerError, match="ground truth"):
        wrap("oracle")


def test_a_tracker_of_the_toolkit_runs_here():
    frames, truth = moving_target(4)
    for origin in (1.0, 0.0):
        tracker = from_got10k(IdentityTracker(), origin=origin)
        assert isinstance(tracker, Tracker)
        assert tracker.deterministic
        result = get_protocol("one_pass").run(tracker, Sequence("s", truth, frames), repetition=1, seed=0)
        np.testing.assert_array_equal(result.boxes, np.tile(truth[0], (4, 1)))
        np.testing.assert_array_equal(tracker.tracker.box, truth[0] + [origin, origin, 0, 0])


def test_there_and_back_again_is_the_tracker_itself():
    frames, truth = moving_target(6)
    direct = get_protocol("one_pass").run(
        build_tracker(resolve_tracker("KCF")), Sequence("s", truth, frames), repetition=1, seed=0
    )
    around = get_protocol("one_pass").run(Adopted(wrap("KCF")), Sequence("s", truth, frames), repetition=1, seed=0)
    np.testing.assert_array_equal(direct.boxes, around.boxes)


def test_what_is_no_tracker_of_the_toolkit():
    with pytest.raises(TrackerError, match="object has no init and no update"):
        from_got10k(object())


def test_wrong_folder_and_version(tmp_path):
    with pytest.raises(MissingDataError, match="no OTB sequence"):
        local_otb(tmp_path)
    with pytest.raises(UsageError, match="no OTB version 2014"):
        local_otb(tmp_path, version=2014)


def test_real_sequences_give_the_same_boxes(real_data, tmp_path):
    from spm_bench.suites import load_suite

    suite = load_suite("otb100", real_data, allow_missing=True, only=["Deer", "Man"])
    folder = tmp_path / "otb"
    folder.mkdir()
    for sequence in suite.sequences:
        (folder / sequence.name).symlink_to(real_data / "otb" / sequence.name)
    run_there(folder, tmp_path, wrap("KCF"))
    for sequence in suite.sequences:
        ours = get_protocol("one_pass").run(build_tracker(resolve_tracker("KCF")), sequence, repetition=1, seed=0)
        np.testing.assert_allclose(
            read(tmp_path, "KCF", sequence.name) - [1, 1, 0, 0], ours.boxes, atol=5.01e-4, err_msg=sequence.name
        )


@pytest.fixture(scope="module")
def validation(tmp_path_factory):
    """Two sequences in the layout of GOT-10k val, with the labels its toolkit insists on."""
    root = tmp_path_factory.mktemp("got10k")
    sequences = []
    for k in (1, 2):
        name, (frames, truth) = f"GOT-10k_Val_{k:06d}", moving_target(6 + k)
        home = root / "val" / name
        home.mkdir(parents=True)
        truth = truth + np.array([0.25 * k, 0, 0, 0])
        for i, frame in enumerate(frames):
            (home / f"{i + 1:08d}.jpg").write_bytes(cv2.imencode(".png", frame)[1].tobytes())
        np.savetxt(home / "groundtruth.txt", truth, fmt="%.4f", delimiter=",")
        for label, value in (("cover", 8), ("absence", 0), ("cut_by_image", 0)):
            np.savetxt(home / f"{label}.label", np.full(len(truth), value), fmt="%d")
        (home / "meta_info.ini").write_text("[METAINFO]\nurl: none\nresolution: (200, 160)\n", encoding="utf-8")
        sequences.append(Sequence(name, truth, frames))
    (root / "val" / "list.txt").write_text("".join(f"{s.name}\n" for s in sequences), encoding="utf-8")
    return root, sequences


@pytest.mark.parametrize("name", ["KCF", "SPM-lite", "tests.interop.test_got10k:Slider"])
def test_got10ks_own_experiment_gets_our_boxes(validation, tmp_path, name):
    from got10k.experiments import ExperimentGOT10k

    root, sequences = validation
    device = {"device": "cpu"} if name == "SPM-lite" else {}
    tracker = wrap(name, origin=0.0, **device)
    ExperimentGOT10k(str(root), "val", str(tmp_path / "results"), str(tmp_path / "reports")).run(tracker)
    for sequence in sequences:
        spec = resolve_tracker(name, **device)
        ours = get_protocol("got10k").run(build_tracker(spec), sequence, repetition=1, seed=0)
        folder = tmp_path / "results" / "GOT-10k" / spec.label / sequence.name
        theirs = np.loadtxt(folder / f"{sequence.name}_001.txt", delimiter=",")
        np.testing.assert_allclose(theirs, ours.boxes, atol=6e-4, err_msg=sequence.name)  # it writes three decimals
        assert len(np.unique(theirs[:, 0])) > 4
        assert len(list(folder.glob(f"{sequence.name}_00?.txt"))) == 1, "a deterministic tracker runs once"


class Slider:
    """A user's tracker: slides to the right."""

    deterministic = True

    def init(self, _, box):
        self.box = np.array(box)

    def update(self, _):
        self.box = self.box + np.array([1.5, 0, 0, 0])
        return self.box
