"""Every parser of files from outside, as a function of bytes: what it does with them is a value or its own error.

Hypothesis (`tests/properties/test_parsers.py`) and atheris (`tests/fuzz/fuzz.py`) feed the same table. A new parser
gets a line here, with a good example to start from.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile, ZipInfo

import numpy as np
import safetensors.torch
import torch

from spm_bench.checking.check import check_results
from spm_bench.checking.guess import guess_suite
from spm_bench.configs import read_toml
from spm_bench.errors import SpmBenchError
from spm_bench.models.checkpoint import read_safetensors
from spm_bench.models.published import read_published
from spm_bench.report.accuracy import read_score_rows
from spm_bench.results import formats
from spm_bench.results.archive import unpack
from spm_bench.results.foreign import find_result_sets
from spm_bench.results.manifest import SCHEMA, read_manifest
from spm_bench.results.timing import read_timing
from spm_bench.suites.annotations import (
    parse_flags,
    parse_joined,
    parse_labels,
    parse_names,
    parse_plain,
    parse_ragged,
    parse_rows,
)
from spm_bench.suites.base import Sequence, Suite
from spm_bench.suites.loading import recorded_image_sizes
from spm_bench.suites.regions import read_regions
from spm_bench.suites.vot import read_anchors
from spm_bench.trackers.trax.program import read_section

N = 3
"""Frames of every sequence here; so few that chance gives the right number of lines now and then."""
TRUTH = np.array([[10.0, 10, 20, 20], [11, 10, 20, 20], [12, 10, 20, 20]])


def suite(family: str) -> Suite:
    protocol = {"vot": "supervised", "got10k": "got10k"}.get(family, "one_pass")
    return Suite("s", "S", family, protocol, (Sequence("a", TRUTH, image_size=(64, 48)),), 1)


@dataclass(frozen=True)
class Target:
    """One parser.

    Attributes:
        name: Of the file it is given; the parser may look at it.
        parse: Reads the file, and may raise `SpmBenchError` only.
        examples: Good content.
    """

    name: str
    parse: Callable[[Path], object]
    examples: tuple[bytes, ...]


def scored(family: str) -> Callable[[Path], object]:
    """Find, read and check a tracker's only file."""

    def parse(path: Path) -> object:
        (results,) = find_result_sets(
            [path.parents[{"otb": 0, "got10k": 1, "vot": 2}[family]]], suite(family), strict=False
        )
        return check_results(results, suite(family))

    return parse


def archive() -> bytes:
    stream = BytesIO()
    with ZipFile(stream, "w") as target:
        target.writestr(ZipInfo("KCF/a.txt"), "1,2,3,4\n" * N)  # with a date of its own: no two days differ
    return stream.getvalue()


def torch_file(content: object, *, zipped: bool = True) -> bytes:
    stream = BytesIO()
    torch.save(content, stream, _use_new_zipfile_serialization=zipped)
    return stream.getvalue()


def plain(path: Path) -> object:
    data = path.read_bytes()
    return parse_plain(data, (4, 8)), parse_ragged(data)


def joined(path: Path) -> object:
    """Two files at once, which must give what they give one by one."""
    data = path.read_bytes()
    found = parse_joined([data, BOXES[0]], [N, N], 4)
    if found is not None:
        np.testing.assert_array_equal(found[:N], parse_rows(path, (4,)))
    return found


BOXES = (
    b"1,2,3,4\n" * N,
    b"1\t2\t3\t4.5\n" * N,
    b"\xef\xbb\xbf1;2; 3 4\r\n" * N,
    b"NaN,NaN,NaN,NaN\n" * N,
    b"-1e-3,2,+3,4\n",
)
REGIONS = (b"1\n1,2,3,4\n1,2,3,4\n", b"1\n2\n0\n", b"1\n1,2,3,2,3,4,1,4\nnan,nan,nan,nan\n")
LABELS = (b"0\n1\n1\n", b"1\n", b"8\n0\n3\n")
RUN = b'{"schema": 1, "label": "KCF", "sequences": {}}'
WHOLE_RUN = json.dumps(
    {
        "schema": SCHEMA,
        "label": "KCF",
        "identity": "x",
        "family": "otb",
        "tracker": {"name": "KCF", "variant": "base", "trained": ""},
        "suite": {"name": "s", "title": "S", "fingerprint": "", "coverage": "", "missing": []},
        "protocol": {"name": "one_pass", "code": "x"},
        "seed": 0,
        "sequences": {"a": {"state": "done", "frames": N, "annotations": "x", "fingerprint": "x", "repetitions": 1}},
        "sessions": [],
    }
).encode()
STATE = {"features.conv1.weight": torch.zeros(96, 3, 1, 1), "features.conv1.bias": torch.zeros(96)}
TARGETS = {
    "otb": Target("a.txt", lambda p: formats.read_otb(p, N), BOXES),
    "got10k": Target("a.txt", lambda p: formats.read_got10k(p, N), BOXES),
    "vot": Target("a_001.txt", lambda p: formats.read_vot(p, N), REGIONS),
    "whole": Target("a.txt", lambda p: formats.read_otb(p, N, whole=True), BOXES),
    "seconds": Target(
        "a_time.txt", lambda p: formats.read_seconds(p, N), (b"0.1\n0.2\nnan\n", b"0.1,0.2\n" * N, b"\n\n\n")
    ),
    "rows": Target("a.txt", lambda p: parse_rows(p, (1, 4, 8)), (*BOXES, b"1,2,3,4,5,6,7,8\n")),
    "plain": Target("a.txt", plain, (*BOXES, *REGIONS)),
    "joined": Target("a.txt", joined, BOXES),
    "regions": Target("groundtruth.txt", read_regions, (*BOXES, *REGIONS, b"m0,0,3,2,1,2,3\n", b"m1,1,2,2,0,4\n1\n")),
    "anchors": Target("anchor.value", lambda p: read_anchors(p, N), LABELS),
    "labels": Target("a.label", lambda p: parse_labels(p, N, highest=8, pad=True), LABELS),
    "flags": Target("a.txt", lambda p: parse_flags(p, N), (b"0,1,1\n", *LABELS)),
    "names": Target("list.txt", parse_names, (b"a\nb\n", b"Jogging-1\r\n")),
    "sizes": Target("sequences.json", recorded_image_sizes, (b'{"a": {"image_size": [64, 48]}}', b'{"sequences": []}')),
    "run": Target("run.json", lambda p: read_manifest(p.parent), (RUN, b"{}", b"[]")),
    "run found": Target("run.json", lambda p: find_result_sets([p.parent], suite("otb")), (RUN, WHOLE_RUN)),
    "run guessed": Target("run.json", lambda p: guess_suite([p.parent]), (RUN, WHOLE_RUN)),
    "timing": Target("timing.json", read_timing, (b'{"schema": 1, "trackers": []}', b"{}")),
    "scores": Target("scores.json", read_score_rows, (b"[]", b'[{"tracker": "a", "value": 1}]')),
    "toml": Target("a.toml", read_toml, (b"# Why?\n[base]\nsuite = 'demo'\n", b"")),
    "trackers": Target("trackers.ini", lambda p: read_section(p, ""), (b"[A]\ncommand = sh x\narg_a = 1\n", b"[A]\n")),
    "published weights": Target(
        "a.pth",
        read_published,
        (
            torch_file(STATE),
            torch_file({"state_dict": STATE}, zipped=False),  # as before torch 1.6
            torch_file({}),
        ),
    ),
    "weights": Target(
        "a.safetensors",
        read_safetensors,
        (
            safetensors.torch.save(STATE, {"trained": "true", "architecture": "spm_lite", "settings": "{}"}),
            safetensors.torch.save(STATE),
        ),
    ),
    "archive": Target("results.zip", unpack, (archive(),)),
    "checked otb": Target("T/a.txt", scored("otb"), BOXES),
    "checked got10k": Target("T/a/a_001.txt", scored("got10k"), BOXES),
    "checked vot": Target("T/baseline/a/a_001.txt", scored("vot"), REGIONS),
    "guessed": Target("T/calm.txt", lambda p: guess_suite([p.parent]), (*BOXES, *REGIONS)),
}


def feed(name: str, data: bytes, folder: Path) -> None:
    """Write the bytes into a folder and parse them.

    Raises:
        Exception: Anything but the parsers' own error is a bug.
    """
    target = TARGETS[name]
    path = folder / name.replace(" ", "-") / target.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    try:
        target.parse(path)
    except SpmBenchError as error:
        assert str(error)  # noqa: PT017 - an error that cannot be told is one more bug
