"""Manifests of two runs, fact by fact."""

from __future__ import annotations

import copy

from spm_bench.results.changes import compare_manifests

MANIFEST = {
    "tracker": {
        "target": "a:B",
        "identity": {"code": "c1", "weights_sha256": "w1", "config": {"window": 0.3, "nms": 0.5}, "torch": "2.2"},
    },
    "protocol": {"name": "supervised", "skip": 5, "code": "p1"},
    "suite": {"name": "demo"},
    "seed": 0,
    "sequences": {
        "calm": {"annotations": "a1", "fingerprint": "f1"},
        "storm": {"annotations": "a2", "fingerprint": "f2"},
        "fog": {"annotations": "a3", "fingerprint": "f3"},
    },
    "sessions": [
        {
            "python": "3.11",
            "packages": {"numpy": "2.0"},
            "machine": {"cpu": "X", "threads": 1},
            "engine": {"kind": "one by one", "workers": 1},
            "git": {"commit": "abc", "dirty": False},
        }
    ],
}


def changed(**paths):
    """A copy with `a__b=value` set at ["a"]["b"]."""
    manifest = copy.deepcopy(MANIFEST)
    for path, value in paths.items():
        *way, last = path.split("__")
        place = manifest
        for key in way:
            place = place[key]
        place[last] = value
    return manifest


def rows(now, then=MANIFEST):
    return [(c.what, c.then, c.now, c.decides) for c in compare_manifests(then, now)[0]]


def test_nothing_changes():
    changes, unchanged = compare_manifests(MANIFEST, copy.deepcopy(MANIFEST))
    assert changes == ()
    assert {"tracker code", "weights", "setting window", "torch", "protocol", "protocol code", "suite", "seed"} < {
        *unchanged
    }
    assert {"data", "numpy", "threads of an operation", "commit", "checkout"} < {*unchanged}


def test_what_decides_comes_first():
    now = changed(
        tracker__identity__code="c2", tracker__identity__config={"window": 0.4, "nms": 0.5}, protocol__skip=4, seed=7
    )
    now["sessions"][0]["machine"]["threads"] = 8
    assert rows(now) == [
        ("tracker code", "c1", "c2", True),
        ("setting window", "0.3", "0.4", True),
        ("protocol skip", "5", "4", True),
        ("seed", "0", "7", True),
        ("threads of an operation", "1", "8", False),
    ]


def test_facts_that_one_does_not_record():
    then = changed(tracker__identity={"code": "c1"})
    assert rows(MANIFEST, then)[0] == ("weights", "", "w1", True)
    now = changed()
    now["sessions"][0] |= {"git": None, "packages": {}}
    assert rows(now) == [("numpy", "2.0", "", False), ("commit", "abc", "", False), ("checkout", "clean", "", False)]


def test_data_are_compared_on_common_sequences():
    now = changed(sequences={"calm": {"annotations": "a1", "fingerprint": "f1"}})
    assert rows(now) == []
    now = changed(sequences__calm={"annotations": "a9", "fingerprint": "f9"}, sequences__fog__fingerprint="f8")
    assert rows(now) == [("annotations of calm", "a1", "a9", True), ("pictures of fog", "f3", "f8", True)]


def test_sessions_of_several_machines():
    then = changed()
    then["sessions"].append(copy.deepcopy(then["sessions"][0]))
    then["sessions"][1]["machine"]["cpu"] = "Y"
    assert rows(MANIFEST, then) == [("processor", "X, Y", "X", False)]
