"""The static tracker and the oracle."""

import numpy as np
import pytest

from spm_bench.errors import TrackerError, UsageError
from spm_bench.suites.base import Sequence
from spm_bench.trackers.base import Tracker, sees_the_answer, uses_chance
from spm_bench.trackers.oracle import OPTIONS, OracleTracker
from spm_bench.trackers.static import StaticTracker

FRAME = np.zeros((100, 120, 3), dtype=np.uint8)


def walk(n=200):
    steps = np.random.default_rng(3).uniform(-1, 1, (n, 2)).cumsum(axis=0)
    return np.column_stack([30 + steps, np.full(n, 20.0), np.full(n, 15.0)])


def run(tracker, truth, start=0, seed=None):
    tracker.begin(Sequence("walk", truth), start)
    if seed is not None:
        tracker.seed(seed)
    tracker.init(FRAME, truth[start])
    return np.array([tracker.update(FRAME) for _ in range(start + 1, len(truth))])


def test_static_never_moves_and_copies():
    tracker = StaticTracker()
    box = np.array([1.5, 2.0, 3.0, 4.0])
    tracker.init(FRAME, box)
    box[:] = 0
    tracker.update(FRAME)[:] = -1
    np.testing.assert_array_equal(tracker.update(FRAME), [1.5, 2, 3, 4])
    assert isinstance(tracker, Tracker)
    assert tracker.deterministic


def test_a_perfect_oracle_returns_the_ground_truth_bit_for_bit():
    truth = walk()
    assert OracleTracker().deterministic
    np.testing.assert_array_equal(run(OracleTracker(), truth), truth[1:])
    np.testing.assert_array_equal(run(OracleTracker(), truth, start=50), truth[51:])


def test_a_perfect_oracle_scores_twenty_of_twenty_one():
    truth = walk()
    boxes = np.vstack([truth[:1], run(OracleTracker(), truth)])
    overlaps = np.array([1.0 if np.array_equal(a, b) else 0.0 for a, b in zip(boxes, truth, strict=True)])
    success = [(overlaps > threshold).mean() for threshold in np.arange(21) / 20]
    assert np.mean(success) == pytest.approx(20 / 21)


def test_noise_follows_the_seed_and_has_the_stated_size():
    truth = walk(4000)
    tracker = OracleTracker(noise=0.1, scale_noise=0.05)
    assert uses_chance(tracker)
    assert sees_the_answer(tracker)
    assert not uses_chance(StaticTracker())
    assert not sees_the_answer(StaticTracker())
    assert not tracker.deterministic
    first, again, other = run(tracker, truth, seed=5), run(tracker, truth, seed=5), run(tracker, truth, seed=6)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    offset = (first[:, :2] + first[:, 2:] / 2 - truth[1:, :2] - truth[1:, 2:] / 2) / truth[1:, 2:]
    assert offset.std() == pytest.approx(0.1, rel=0.05)
    assert np.log(first[:, 2:] / truth[1:, 2:]).std() == pytest.approx(0.05, rel=0.05)


def test_loss_leaves_the_target_for_good_at_the_stated_rate_until_init():
    truth = walk(60)
    tracker = OracleTracker(loss=0.1)
    lengths = []
    for seed in range(200):
        lost = (run(tracker, truth, seed=seed)[:, 0] >= FRAME.shape[1]).tolist()
        assert lost == sorted(lost), "found again without init"
        lengths.append(lost.index(True) if True in lost else len(lost))
    assert np.mean(lengths) == pytest.approx(0.9 / 0.1, rel=0.2)  # mean of a geometric distribution
    tracker.begin(Sequence("walk", truth), 0)
    tracker.init(FRAME, truth[0])
    tracker.loss = 0.0
    np.testing.assert_array_equal(tracker.update(FRAME)[2:], truth[1, 2:])
    assert tracker.update(FRAME)[0] < FRAME.shape[1], "init did not bring it back"


def test_unusable_annotations_repeat_the_last_box():
    truth = walk(6)
    truth[2], truth[3, 2] = np.nan, 0
    boxes = run(OracleTracker(), truth)
    np.testing.assert_array_equal(boxes, truth[[1, 1, 1, 4, 5]])


def test_the_oracle_outside_our_protocols_says_so():
    with pytest.raises(TrackerError, match="not told the sequence"):
        OracleTracker().init(FRAME, walk()[0])


@pytest.mark.parametrize("options", [{"noise": -0.1}, {"scale_noise": -1}, {"loss": 1.5}])
def test_oracle_options_out_of_range(options):
    with pytest.raises(UsageError):
        OracleTracker(**options)


def test_oracle_variants():
    for name, options in OPTIONS.items():
        spec = OracleTracker.resolve(name="oracle", variant=name, weights=None, device="auto")
        assert spec.options == options
        OracleTracker(**spec.options)
    with pytest.raises(UsageError, match="Did you mean noisy"):
        OracleTracker.resolve(name="oracle", variant="noisi", weights=None, device="auto")
    with pytest.raises(UsageError, match="no weights"):
        OracleTracker.resolve(name="oracle", variant=None, weights="x", device="auto")
