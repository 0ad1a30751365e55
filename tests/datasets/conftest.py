"""A server with small archives of real suites' sequences, in the layouts of their sources."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from spm_bench.datasets.get import Order, get, plan
from spm_bench.fetch.download import Patience
from spm_bench.fetch.progress import Silent
from tests.fetch.server import Server, serve
from tests.suites.builders import otb_sequence, vot_sequence, write_lines

HASTY = Patience(timeout=0.5, tries=2, pause=0.01, longest=0.5)
OTB = {"Deer": 71, "Football1": 74}
"""Sequences of OTB-100 that are short, and their frames."""
VOT = {"bolt": 3, "cup": 4}
"""Sequences of VOT2013, and frames that they have here (its data file does not tell)."""
DESCRIPTION = "/vot2013/dataset/description.json"


def zipped(folder: Path, base: Path) -> bytes:
    """A zip of a folder's files, with names from `base`."""
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(base))
    return stream.getvalue()


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as served:
        yield served


@pytest.fixture
def otb(server: Server, tmp_path: Path) -> Server:
    """Serves archives of OTB, one a video, at /seq."""
    source = tmp_path / "source"
    for name, n in OTB.items():
        folder = otb_sequence(source, name, n)
        (folder / ".DS_Store").write_bytes(b"junk")
        server.files[f"/seq/{name}.zip"] = zipped(folder, source)
    return server


@pytest.fixture
def vot(server: Server, tmp_path: Path) -> Server:
    """Serves VOT2013 as its description lists it: annotations and pictures apart, with checksums."""
    source, entries = tmp_path / "source", []
    for name, n in VOT.items():
        folder = vot_sequence(source, name, n, color=True, polygons=False)
        pictures = zipped(folder / "color", folder / "color")
        for path in (folder / "color").iterdir():
            path.unlink()
        write_lines(folder / "occlusion.tag", ["0"] * n)
        annotations = zipped(folder, folder)
        server.files[f"/vot2013/dataset/{name}.zip"] = annotations
        server.files[f"/sequences/{name}-color.zip"] = pictures
        entries.append(
            {
                "name": name,
                "fps": 30,
                "annotations": {"url": f"{name}.zip", "uid": f"uid-{name}", **known(annotations)},
                "channels": {
                    "color": {"url": f"../../sequences/{name}-color.zip", "pattern": "%08d.jpg", **known(pictures)}
                },
            }
        )
    server.files[DESCRIPTION] = json.dumps({"name": "VOT2013", "sequences": entries}).encode()
    return server


def known(content: bytes) -> dict[str, object]:
    return {"compressed": len(content), "uncompressed": len(content), "checksum": hashlib.md5(content).hexdigest()}


def order(server: Server, root: Path, name: str = "otb100", **more: object) -> Order:
    """An order for what the server has of a suite."""
    urls = {"otb100": f"{server.url}/seq", "vot2013": server.url + DESCRIPTION}
    only = {"otb100": tuple(OTB), "vot2013": tuple(VOT)}
    fields = {"to": root, "only": only.get(name, ()), "mirror": urls.get(name), "patience": HASTY, **more}
    return Order(name, **fields)


def fulfil(wanted: Order) -> list[str]:
    """Plan and get; returns what was told."""
    told: list[str] = []
    get(wanted, plan(wanted, Silent()), Silent(), told.append)
    return told
