"""`timing.json` comes back as it was written, and is refused where it is not whole."""

from __future__ import annotations

import json
from dataclasses import fields

import numpy as np
import pytest

from spm_bench.errors import ResultsError
from spm_bench.results.timing import read_timing, write_timing
from tests.results.made_timings import timing, tracker


def test_comes_back_as_it_was(tmp_path):
    made = timing(tracker("SPM", (12.34, 10.0), network=7.0), tracker("KCF"), warnings=("loud",))
    path = write_timing(made, tmp_path)
    assert path.name == "timing.json"
    for found in (read_timing(tmp_path), read_timing(path)):
        for field in fields(found):
            if field.name != "trackers":
                assert getattr(found, field.name) == getattr(made, field.name), field.name
        for got, want in zip(found.trackers, made.trackers, strict=True):
            assert (got.label, got.identity, got.devices, len(got.passes)) == (want.label, want.identity, (), 2)
            for a, b in zip(got.passes, want.passes, strict=True):
                assert (a.round, a.sequence, a.start) == (b.round, b.sequence, pytest.approx(b.start))
                np.testing.assert_allclose(a.end_to_end, b.end_to_end, atol=1e-7)
                assert (a.network is None) == (b.network is None)
                if a.network is not None:
                    np.testing.assert_allclose(a.network, b.network, atol=1e-7)


def first_pass(found):
    return found["trackers"][0]["passes"][0]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda found: found.update(schema=2), "has form 2, this version reads form 1"),
        (lambda found: found.pop("schema"), "is not a timing"),
        (lambda found: found.pop("threads"), "is not a timing.*threads"),
        (lambda found: found["trackers"][0].pop("label"), "label"),
        (lambda found: first_pass(found).update(decode_ms=[1.0]), "1 and 2 frames in a pass over a"),
        (lambda found: first_pass(found).update(decode_ms=[], tracker_ms=[]), "0 and 0 frames"),
        (lambda found: first_pass(found).update(tracker_ms=[1.0, -1.0]), "no number of milliseconds"),
        (lambda found: first_pass(found).update(network_ms=[1.0, None]), "no number of milliseconds"),
        (lambda found: first_pass(found).update(network_ms=["x", 1.0]), "could not convert"),
    ],
)
def test_a_broken_one_is_refused_by_name(tmp_path, spoil, message):
    path = write_timing(timing(tracker("SPM", network=7.0)), tmp_path)
    found = json.loads(path.read_text())
    spoil(found)
    path.write_text(json.dumps(found))
    with pytest.raises(ResultsError, match=f"{path}.*{message}"):
        read_timing(tmp_path)


def test_no_timing_at_all(tmp_path):
    with pytest.raises(ResultsError, match=r"timing\.json.*No such file"):
        read_timing(tmp_path)
    (tmp_path / "timing.json").write_text("{")
    with pytest.raises(ResultsError, match=r"is not a timing.*Time again"):
        read_timing(tmp_path)


@pytest.mark.parametrize(
    ("devices", "threads", "words"),
    [
        ((), {"torch": 2, "OpenCV": 2}, "Abacus 3000 (4 cores), 2 threads"),
        ((), {"torch": 1, "OpenCV": 1}, "Abacus 3000 (4 cores), 1 thread"),
        ((), {"torch": 2, "OpenCV": 4}, "Abacus 3000 (4 cores), threads: torch 2, OpenCV 4"),
        ((), {}, "Abacus 3000 (4 cores)"),
        (("cuda:0",), {"torch": 2}, "Slide Rule X, Abacus 3000 (4 cores), 2 threads"),
    ],
)
def test_the_machine_in_a_few_words(devices, threads, words):
    assert timing(tracker("SPM", devices=devices), threads=threads).hardware == words


def test_a_card_without_a_name_is_called_by_its_device():
    made = timing(tracker("SPM", devices=("mps:0",)))
    assert timing(*made.trackers, machine={**made.machine, "cards": []}).hardware.startswith("mps:0, Abacus")
